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

pub(super) mod british;

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
type JSONString = String;
type RoleString = String;

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
    /// When an account is billed.
    BillingSchedule "src/backends/kraken/documents/billing_schedule.graphql" wire::AccountData<wire::Billed>;
    /// What is overdue on an account.
    Overdue "src/backends/kraken/documents/overdue.graphql" wire::AccountData<wire::Overdue>;
    /// One page of an account's payments.
    Payments "src/backends/kraken/documents/payments.graphql" wire::AccountData<wire::Payments>;
    /// One page of the ways an account pays.
    PaymentMethods "src/backends/kraken/documents/payment_methods.graphql" wire::AccountData<wire::PaymentMethods>;
    /// One page of an account's payment schedules.
    PaymentSchedules "src/backends/kraken/documents/payment_schedules.graphql" wire::AccountData<wire::PaymentSchedules>;
    /// One page of an account's payment plans.
    PaymentPlans "src/backends/kraken/documents/payment_plans.graphql" wire::AccountData<wire::PaymentPlans>;
    /// One page of the repayment requests of one ledger, or the first page of each.
    RepaymentRequests "src/backends/kraken/documents/repayment_requests.graphql" wire::AccountData<wire::RepaymentLedgers>;
    /// The ledgers an account has.
    LedgerChoices "src/backends/kraken/documents/ledger_choices.graphql" wire::AccountData<wire::LedgerChoices>;
    /// The users of an account.
    Contacts "src/backends/kraken/documents/contacts.graphql" wire::AccountData<wire::Users>;
    /// The notes on an account.
    Notes "src/backends/kraken/documents/notes.graphql" wire::AccountData<wire::Notes>;
    /// Asks for credit to be paid back.
    SubmitRepaymentRequest "src/backends/kraken/documents/submit_repayment_request.graphql" wire::RequestedRepayment;
    /// Takes such a request back.
    CancelRepaymentRequest "src/backends/kraken/documents/cancel_repayment_request.graphql" wire::CancelledRepayment;
    /// Puts a charge on an account.
    CreateAccountCharge "src/backends/kraken/documents/create_account_charge.graphql" wire::Charged;
    /// Gives a credit to an account.
    PostCredit "src/backends/kraken/documents/post_credit.graphql" wire::Credited;
    /// Puts a note on an account.
    CreateAccountNote "src/backends/kraken/documents/create_account_note.graphql" wire::Noted;
    /// Changes where bills are mailed to.
    UpdateAccountBillingEmail "src/backends/kraken/documents/update_billing_email.graphql" wire::EmailChanged;
    /// Changes where bills are sent to.
    UpdateAccountBillingAddress "src/backends/kraken/documents/update_billing_address.graphql" wire::AddressChanged;
}

#[cfg(test)]
mod tests {
    use apollo_compiler::executable::{Selection, SelectionSet};
    use apollo_compiler::schema::{ExtendedType, Type};
    use apollo_compiler::validation::Valid;
    use apollo_compiler::{ExecutableDocument, Schema};
    use serde_json::{Map, Value, json};

    use super::*;

    pub(super) const SCHEMA: &str = include_str!("../schema.graphql");

    /// Members that only the record as it came is to show, and the type of a union's member.
    const UNREAD: [&str; 6] = ["createdAt", "reasonCode", "isHeld", "isIssued", "reason", "__typename"];

    fn schema() -> Valid<Schema> {
        Schema::parse_and_validate(SCHEMA, "schema.graphql").unwrap()
    }

    fn all() -> [(&'static str, &'static str); 28] {
        [
            (obtain_kraken_token::OPERATION_NAME, obtain_kraken_token::QUERY),
            (account::OPERATION_NAME, account::QUERY),
            (balance::OPERATION_NAME, balance::QUERY),
            (accounts::OPERATION_NAME, accounts::QUERY),
            (bills::OPERATION_NAME, bills::QUERY),
            (bill::OPERATION_NAME, bill::QUERY),
            (bill_document::OPERATION_NAME, bill_document::QUERY),
            (transactions::OPERATION_NAME, transactions::QUERY),
            (properties::OPERATION_NAME, properties::QUERY),
            (readings::OPERATION_NAME, readings::QUERY),
            (usage::OPERATION_NAME, usage::QUERY),
            (billing_schedule::OPERATION_NAME, billing_schedule::QUERY),
            (overdue::OPERATION_NAME, overdue::QUERY),
            (payments::OPERATION_NAME, payments::QUERY),
            (payment_methods::OPERATION_NAME, payment_methods::QUERY),
            (payment_schedules::OPERATION_NAME, payment_schedules::QUERY),
            (payment_plans::OPERATION_NAME, payment_plans::QUERY),
            (repayment_requests::OPERATION_NAME, repayment_requests::QUERY),
            (ledger_choices::OPERATION_NAME, ledger_choices::QUERY),
            (contacts::OPERATION_NAME, contacts::QUERY),
            (notes::OPERATION_NAME, notes::QUERY),
            (
                submit_repayment_request::OPERATION_NAME,
                submit_repayment_request::QUERY,
            ),
            (
                cancel_repayment_request::OPERATION_NAME,
                cancel_repayment_request::QUERY,
            ),
            (create_account_charge::OPERATION_NAME, create_account_charge::QUERY),
            (post_credit::OPERATION_NAME, post_credit::QUERY),
            (create_account_note::OPERATION_NAME, create_account_note::QUERY),
            (
                update_account_billing_email::OPERATION_NAME,
                update_account_billing_email::QUERY,
            ),
            (
                update_account_billing_address::OPERATION_NAME,
                update_account_billing_address::QUERY,
            ),
        ]
    }

    #[test]
    fn every_document_is_valid_in_full() {
        let schema = schema();
        for (name, query) in all() {
            let document = ExecutableDocument::parse_and_validate(&schema, query, name)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(document.operations.get(Some(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_document_asks_for_what_is_deprecated() {
        let schema = schema();
        for (name, query) in all() {
            let document = ExecutableDocument::parse_and_validate(&schema, query, name).unwrap();
            for field in document.operations.get(Some(name)).unwrap().all_fields(&document) {
                assert!(
                    field.definition.directives.get("deprecated").is_none(),
                    "{name}: {}",
                    field.name
                );
            }
        }
    }

    /// An answer in which everything a document asks for is there; `choice` picks among the types of an interface.
    struct Sample<'a> {
        schema: &'a Schema,
        choice: usize,
    }

    impl Sample<'_> {
        fn of(&self, ty: &Type, selections: &SelectionSet) -> Value {
            if ty.is_list() {
                return json!([self.of(ty.item_type(), selections)]);
            }
            let name = ty.inner_named_type();
            let concrete = match &self.schema.types[name] {
                ExtendedType::Scalar(_) => return scalar(name),
                ExtendedType::Enum(values) => return json!(values.values.keys().next().unwrap().as_str()),
                ExtendedType::Object(_) => name.clone(),
                ExtendedType::Interface(_) => {
                    let implementers = self.schema.implementers_map();
                    let mut objects: Vec<_> = implementers[name].objects.iter().cloned().collect();
                    objects.sort();
                    objects[self.choice % objects.len()].clone()
                }
                ExtendedType::Union(union) => {
                    let members: Vec<_> = union.members.iter().collect();
                    members[self.choice % members.len()].name.clone()
                }
                ExtendedType::InputObject(_) => panic!("{name}"),
            };
            let mut members = Map::new();
            self.fill(&concrete, selections, &mut members);
            Value::Object(members)
        }

        fn fill(&self, concrete: &str, selections: &SelectionSet, into: &mut Map<String, Value>) {
            for selection in &selections.selections {
                match selection {
                    Selection::Field(field) if field.name == "__typename" => {
                        into.insert("__typename".to_owned(), json!(concrete));
                    }
                    Selection::Field(field) => {
                        let value = self.of(field.ty(), &field.selection_set);
                        into.insert(field.response_key().to_string(), value);
                    }
                    Selection::InlineFragment(inline) => {
                        if inline.type_condition.as_ref().is_none_or(|name| name == concrete) {
                            self.fill(concrete, &inline.selection_set, into);
                        }
                    }
                    Selection::FragmentSpread(_) => panic!("no document has fragments"),
                }
            }
        }
    }

    fn scalar(name: &str) -> Value {
        match name {
            "Int" => json!(-7),
            "BigInt" => json!(9_007_199_254_740_993_i64),
            "Boolean" => json!(true),
            "Date" => json!("2026-01-05"),
            "DateTime" => json!("2026-01-05T00:00:00.120331-06:00"),
            "Decimal" => json!("0.41200"),
            "Float" => json!(1.25),
            "GenericScalar" => json!({ "exp": 1_770_394_800 }),
            "String" | "ID" | "RoleString" => json!("text"),
            other => panic!("{other}"),
        }
    }

    /// What is left once absent members and unread ones are gone, with numbers as text: identifiers may be either.
    fn told(value: Value, typename_too: bool) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .filter(|(key, value)| {
                    let unread = UNREAD.contains(&key.as_str()) && (key != "__typename" || !typename_too);
                    !value.is_null() && !unread
                })
                .map(|(key, value)| (key, told(value, typename_too)))
                .collect(),
            Value::Array(items) => items.into_iter().map(|item| told(item, typename_too)).collect(),
            Value::Number(number) => json!(number.to_string()),
            other => other,
        }
    }

    fn reads_all<D: Document>(name: &str, query: &str, typename_too: bool)
    where
        D::Data: Serialize,
    {
        reads_all_of::<D>(&schema(), name, query, typename_too);
    }

    pub(super) fn reads_all_of<D: Document>(schema: &Valid<Schema>, name: &str, query: &str, typename_too: bool)
    where
        D::Data: Serialize,
    {
        let document = ExecutableDocument::parse_and_validate(schema, query, name).unwrap();
        let operation = document.operations.get(Some(name)).unwrap();
        let root = Type::Named(operation.object_type().clone());
        for choice in 0..7 {
            let sample = Sample { schema, choice };
            let answer = sample.of(&root, &operation.selection_set);
            let read: D::Data = serde_json::from_str(&answer.to_string()).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(
                told(serde_json::to_value(&read).unwrap(), typename_too),
                told(answer, typename_too),
                "{name}, choice {choice}"
            );
        }
    }

    #[test]
    fn the_hand_written_shapes_read_all_of_every_answer() {
        reads_all::<ObtainKrakenToken>(obtain_kraken_token::OPERATION_NAME, obtain_kraken_token::QUERY, true);
        reads_all::<Account>(account::OPERATION_NAME, account::QUERY, true);
        reads_all::<Balance>(balance::OPERATION_NAME, balance::QUERY, true);
        reads_all::<Accounts>(accounts::OPERATION_NAME, accounts::QUERY, false);
        reads_all::<Bills>(bills::OPERATION_NAME, bills::QUERY, true);
        reads_all::<Bill>(bill::OPERATION_NAME, bill::QUERY, true);
        reads_all::<BillDocument>(bill_document::OPERATION_NAME, bill_document::QUERY, false);
        reads_all::<Transactions>(transactions::OPERATION_NAME, transactions::QUERY, true);
        reads_all::<Properties>(properties::OPERATION_NAME, properties::QUERY, true);
        reads_all::<Readings>(readings::OPERATION_NAME, readings::QUERY, true);
        reads_all::<Usage>(usage::OPERATION_NAME, usage::QUERY, false);
        reads_all::<BillingSchedule>(billing_schedule::OPERATION_NAME, billing_schedule::QUERY, true);
        reads_all::<Overdue>(overdue::OPERATION_NAME, overdue::QUERY, true);
        reads_all::<Payments>(payments::OPERATION_NAME, payments::QUERY, true);
        reads_all::<PaymentMethods>(payment_methods::OPERATION_NAME, payment_methods::QUERY, true);
        reads_all::<PaymentSchedules>(payment_schedules::OPERATION_NAME, payment_schedules::QUERY, true);
        reads_all::<PaymentPlans>(payment_plans::OPERATION_NAME, payment_plans::QUERY, true);
        reads_all::<RepaymentRequests>(repayment_requests::OPERATION_NAME, repayment_requests::QUERY, true);
        reads_all::<LedgerChoices>(ledger_choices::OPERATION_NAME, ledger_choices::QUERY, true);
        reads_all::<Contacts>(contacts::OPERATION_NAME, contacts::QUERY, true);
        reads_all::<Notes>(notes::OPERATION_NAME, notes::QUERY, true);
        reads_all::<SubmitRepaymentRequest>(
            submit_repayment_request::OPERATION_NAME,
            submit_repayment_request::QUERY,
            true,
        );
        reads_all::<CancelRepaymentRequest>(
            cancel_repayment_request::OPERATION_NAME,
            cancel_repayment_request::QUERY,
            true,
        );
        reads_all::<CreateAccountCharge>(
            create_account_charge::OPERATION_NAME,
            create_account_charge::QUERY,
            true,
        );
        reads_all::<PostCredit>(post_credit::OPERATION_NAME, post_credit::QUERY, true);
        reads_all::<CreateAccountNote>(create_account_note::OPERATION_NAME, create_account_note::QUERY, true);
        reads_all::<UpdateAccountBillingEmail>(
            update_account_billing_email::OPERATION_NAME,
            update_account_billing_email::QUERY,
            false,
        );
        reads_all::<UpdateAccountBillingAddress>(
            update_account_billing_address::OPERATION_NAME,
            update_account_billing_address::QUERY,
            true,
        );
    }

    #[test]
    fn a_variable_that_is_not_set_is_not_sent() {
        let body = Bills::body(bills::Variables {
            account: "A-1".to_owned(),
            issued_from: None,
            issued_to: None,
            first: 51,
            after: None,
        });
        let body = serde_json::to_value(&body).unwrap();
        assert_eq!(body["variables"], json!({ "account": "A-1", "first": 51 }));
        assert_eq!(body["operationName"], "Bills");
    }
}
