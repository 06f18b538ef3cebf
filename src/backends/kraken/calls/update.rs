//! Changes to accounts: where bills go to.

use async_trait::async_trait;

use super::write::{Members, Sending};
use crate::backends::Serves;
use crate::backends::kraken::documents::update_account_billing_address::{
    AccountBillingAddressInput, BillingAddressDetailsInput,
};
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, Result};
use crate::model::account::{Account, Address};
use crate::model::account_write::{AccountPatch, AddressPatch};
use crate::model::patch::Patch;
use crate::operations::accounts::{GetAccount, UpdateAccount};
use crate::operations::{Change, Context, Operation as _};

const EMAIL: Members = &[("KT-CT-4122", "/billing/email")];
const ADDRESS: Members = &[("KT-CT-4145", "/billing/address")];

/// What of a patch this system can do.
struct Wanted {
    email: Option<String>,
    address: Option<AddressPatch>,
}

#[async_trait]
impl Serves<UpdateAccount> for Kraken {
    async fn serve(&self, operation: UpdateAccount, cx: &Context) -> Result<Change<Account>> {
        let owner = self.owner(&operation.account)?;
        let wanted = wanted(operation.patch)?;
        let read = GetAccount {
            account: operation.account,
        };
        // Two mutations, each of which may be sent again: a caller whose second one failed repeats the whole.
        if let Some(patch) = wanted.address {
            let before: Account = self.serve(read.clone(), cx).await?;
            let address = patch.onto(before.billing.and_then(|billing| billing.address));
            let input = AccountBillingAddressInput {
                account_number: Some(owner.number.clone()),
                billing_address: Some(details(address)),
            };
            let sending = Sending {
                operation: UpdateAccount::ID,
                may_repeat: true,
                members: ADDRESS,
            };
            let variables = documents::update_account_billing_address::Variables { input };
            let answered = self
                .write::<documents::UpdateAccountBillingAddress>(&sending, &owner, variables, cx)
                .await?;
            if answered.data.update_account_billing_address.is_none() {
                let absent = Error::unreadable("updateAccountBillingAddress", "absent");
                return Err(answered.missing(&["updateAccountBillingAddress"], absent));
            }
        }
        if let Some(email) = wanted.email {
            let input = documents::update_account_billing_email::UpdateAccountBillingEmailInput {
                account_number: owner.number.clone(),
                billing_email: Some(email),
            };
            let sending = Sending {
                operation: UpdateAccount::ID,
                may_repeat: true,
                members: EMAIL,
            };
            let variables = documents::update_account_billing_email::Variables { input };
            let answered = self
                .write::<documents::UpdateAccountBillingEmail>(&sending, &owner, variables, cx)
                .await?;
            if answered.data.update_account_billing_email.is_none() {
                let absent = Error::unreadable("updateAccountBillingEmail", "absent");
                return Err(answered.missing(&["updateAccountBillingEmail"], absent));
            }
        }
        // It is done, whether or not the account can be read afterwards.
        let account: Result<Account> = self.serve(read, cx).await;
        Ok(account.map_or(Change::Done, Change::Now))
    }
}

/// Takes what can be done out of a patch; the rest is refused by name, before anything is changed.
fn wanted(patch: AccountPatch) -> Result<Wanted> {
    let cannot = |pointer: &str| Error::pointer(pointer, "this system does not let it be changed here");
    let others = [
        ("/name", patch.name.is_keep()),
        ("/description", patch.description.is_keep()),
        ("/native_kind", patch.native_kind.is_keep()),
        ("/currency", patch.currency.is_keep()),
        ("/customer_number", patch.customer_number.is_keep()),
        ("/organisation_number", patch.organisation_number.is_keep()),
        ("/brand", patch.brand.is_keep()),
        ("/credit_limit", patch.credit_limit.is_keep()),
        ("/enrollment", patch.enrollment.is_keep()),
        ("/custom_attributes", patch.custom_attributes.is_keep()),
    ];
    if let Some((pointer, _)) = others.into_iter().find(|(_, kept)| !kept) {
        return Err(cannot(pointer));
    }
    let billing = match patch.billing {
        Patch::Set(billing) => billing,
        Patch::Clear | Patch::Keep => return Err(cannot("/billing")),
    };
    if !billing.name.is_keep() {
        return Err(cannot("/billing/name"));
    }
    if !billing.delivery.is_keep() {
        return Err(cannot("/billing/delivery"));
    }
    let email = match billing.email {
        Patch::Keep => None,
        Patch::Clear => {
            return Err(Error::pointer(
                "/billing/email",
                "this system does not let it be cleared",
            ));
        }
        Patch::Set(email) => Some(email),
    };
    let address = match billing.address {
        Patch::Keep => None,
        Patch::Clear => {
            return Err(Error::pointer(
                "/billing/address",
                "this system does not let it be cleared",
            ));
        }
        Patch::Set(address) => Some(address),
    };
    if let Some(address) = &address {
        // What the system shows of an address is lines in which the town may be one: where it stands there nothing tells,
        // so a new town cannot take its place.
        let told = address.lines.value().is_some_and(|lines| !lines.is_empty());
        let kept = address.lines.is_keep() && address.locality.is_keep() && address.region.is_keep();
        if !(told || kept) {
            return Err(Error::pointer(
                "/billing/address/lines",
                "the lines are needed along with the town and the region",
            ));
        }
    }
    if email.is_none() && address.is_none() {
        return Err(Error::pointer("/billing", "nothing of it is to change"));
    }
    Ok(Wanted { email, address })
}

/// An address as the system takes it: whole, the lines of the street in one text.
fn details(address: Address) -> BillingAddressDetailsInput {
    BillingAddressDetailsInput {
        street_address: Some(address.lines.join("\n")),
        structured_street_address: None,
        dependent_locality: None,
        locality: address.locality,
        postal_code: address.postal_code,
        sorting_code: None,
        delivery_point_identifier: None,
        administrative_area: address.region,
        country: address.country,
    }
}
