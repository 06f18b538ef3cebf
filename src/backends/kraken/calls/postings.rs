//! Charges and credits. The system gives them no idempotency key, so they are sent once (contract, "Writes").

use async_trait::async_trait;

use super::write::{Members, Sending};
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, Result};
use crate::model::posting::Posting;
use crate::operations::postings::{CreateCharge, CreateCredit};
use crate::operations::{Context, Operation as _};

const CHARGE: Members = &[("KT-CT-5211", "/reason"), ("KT-CT-5212", "/reason")];
const CREDIT: Members = &[("KT-CT-5311", "/reason"), ("KT-CT-5312", "/reason")];

#[async_trait]
impl Serves<CreateCharge> for Kraken {
    async fn serve(&self, operation: CreateCharge, cx: &Context) -> Result<Posting> {
        let owner = self.owner(&operation.account)?;
        let new = operation.new;
        let gross = self.deployment.units(&new.amount, "/amount")?;
        if new.ledger.is_some() {
            return Err(Error::pointer(
                "/ledger",
                "this system does not let a charge name its ledger",
            ));
        }
        let input = documents::create_account_charge::CreateAccountChargeInput {
            account_number: owner.number.clone(),
            gross_amount: gross,
            metadata: None,
            note: new.note,
            display_note: new.description,
            reason: new.reason,
        };
        let sending = Sending {
            operation: CreateCharge::ID,
            may_repeat: false,
            members: CHARGE,
        };
        let variables = documents::create_account_charge::Variables { input };
        let answered = self
            .write::<documents::CreateAccountCharge>(&sending, &owner, variables, cx)
            .await?;
        let payload = answered.data.create_account_charge.as_ref();
        match payload.and_then(|payload| payload.account_charge.clone()) {
            Some(charge) => Ok(self.deployment.charge(&owner, charge)),
            None => Err(answered.unsure(&["createAccountCharge", "accountCharge"])),
        }
    }
}

#[async_trait]
impl Serves<CreateCredit> for Kraken {
    async fn serve(&self, operation: CreateCredit, cx: &Context) -> Result<Posting> {
        let owner = self.owner(&operation.account)?;
        let new = operation.new;
        let gross = self.deployment.units(&new.amount, "/amount")?;
        let tax = match &new.tax {
            Some(tax) => self.deployment.units(tax, "/tax")?,
            None => 0,
        };
        let ledger = self.ledger(CreateCredit::ID, &owner, new.ledger, cx).await?;
        let input = documents::post_credit::PostCreditInput {
            account_number: owner.number.clone(),
            net_amount: gross - tax,
            tax_amount: tax,
            display_note: new.description,
            note: new.note.clone(),
            reason: new.reason.clone(),
            ledger_number: Some(ledger.clone()),
        };
        let sending = Sending {
            operation: CreateCredit::ID,
            may_repeat: false,
            members: CREDIT,
        };
        let variables = documents::post_credit::Variables { input };
        let answered = self
            .write::<documents::PostCredit>(&sending, &owner, variables, cx)
            .await?;
        let payload = answered.data.post_credit.as_ref();
        match payload.and_then(|payload| payload.credit.clone()) {
            Some(credit) => self.deployment.credit(&owner, &ledger, credit, new.reason, new.note),
            None => Err(answered.unsure(&["postCredit", "credit"])),
        }
    }
}
