//! The GraphQL documents, each checked against the vendor's schema when this compiles.
//!
//! `graphql_client` (MIT or Apache-2.0) does the checking and makes the types of the variables; the documents stay plain
//! `.graphql` files that can be pasted into the vendor's playground and compared with its examples. The road not taken is
//! cynic (MPL-2.0), where a query is a tree of structs. The shapes of the answers are written by hand in
//! [`super::wire`]: generated ones cannot hold a decimal exactly once an interface is flattened, fail on an unknown
//! `__typename`, and would be made once for each document. A test fills every document's answer from the schema and
//! proves that the hand-written shapes read all of it; another validates every document in full.

// The derive writes public items into private modules.
#![allow(unreachable_pub)]

use graphql_client::{GraphQLQuery, QueryBody};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire;

/// A document: what goes out with it and what comes back for it.
pub(super) trait Document {
    /// Its variables.
    type Variables: Serialize;
    /// The `data` of its answer.
    type Data: DeserializeOwned;

    /// The request body.
    fn body(variables: Self::Variables) -> QueryBody<Self::Variables>;
}

type Date = jiff::civil::Date;
type DateTime = String;
type GenericScalar = serde_json::Value;
type BigInt = i64;
type Decimal = String;

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident $path:tt $data:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(GraphQLQuery)]
            #[graphql(
                schema_path = "src/backends/kraken/schema.graphql",
                query_path = $path,
                variables_derives = "Clone",
                response_derives = "Clone",
                skip_serializing_none
            )]
            pub(super) struct $name;

            impl Document for $name {
                type Variables = <Self as GraphQLQuery>::Variables;
                type Data = $data;

                fn body(variables: Self::Variables) -> QueryBody<Self::Variables> {
                    Self::build_query(variables)
                }
            }
        )*
    };
}

documents! {
    /// Logs in.
    ObtainKrakenToken "src/backends/kraken/documents/login.graphql" wire::LoginData;
    /// One account.
    Account "src/backends/kraken/documents/account.graphql" wire::AccountData<wire::Account>;
    /// What is owed on one account.
    Balance "src/backends/kraken/documents/balance.graphql" wire::AccountData<wire::Balance>;
    /// The accounts the credential can see.
    Accounts "src/backends/kraken/documents/accounts.graphql" wire::ViewerData;
    /// One page of an account's bills.
    Bills "src/backends/kraken/documents/bills.graphql" wire::AccountData<wire::Bills>;
    /// One bill.
    Bill "src/backends/kraken/documents/bill.graphql" wire::AccountData<wire::OneBill>;
    /// The documents of one bill.
    BillDocument "src/backends/kraken/documents/bill_document.graphql" wire::AccountData<wire::OneBillDocument>;
    /// One page of the entries of one ledger, or the first page of each.
    Transactions "src/backends/kraken/documents/transactions.graphql" wire::AccountData<wire::Ledgers>;
    /// An account's properties with their points of supply and meters.
    Properties "src/backends/kraken/documents/properties.graphql" wire::AccountData<wire::Properties>;
    /// Daily readings of one point of supply, and the meters they may be of.
    Readings "src/backends/kraken/documents/readings.graphql" wire::ReadingsData;
    /// One page of use by interval.
    Usage "src/backends/kraken/documents/usage.graphql" wire::AccountData<wire::UsageProperties>;
}
