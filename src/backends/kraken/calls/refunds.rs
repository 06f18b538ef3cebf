//! Refund requests: the system calls them repayment requests and keeps them by ledger.

use async_trait::async_trait;
use ring::digest::{SHA256, digest};
use uuid::{Builder, Uuid};

use super::payments::gone;
use super::write::{Members, Sending, has_code};
use super::{LARGEST, Raw, Walk, natives, parts};
use crate::backends::Serves;
use crate::backends::kraken::books::take_status;
use crate::backends::kraken::documents::submit_repayment_request::{
    RequestRepaymentInputType, RequestableRepaymentMethod,
};
use crate::backends::kraken::map::{Owner, filled};
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, ErrorKind, Result};
use crate::model::page::Page;
use crate::model::refund::{NewRefund, Refund, RefundMethod, RefundStatus};
use crate::operations::refunds::{CancelRefund, ListRefunds, RequestRefund};
use crate::operations::{Change, Context, Operation as _};

const REQUEST: Members = &[("KT-CT-3927", "/amount/amount")];

#[async_trait]
impl Serves<ListRefunds> for Kraken {
    async fn serve(&self, operation: ListRefunds, cx: &Context) -> Result<Page<Refund>> {
        let owner = self.owner(&operation.account)?;
        let refunds = self.requests(ListRefunds::ID, &owner, None, cx).await?;
        Page::cut(refunds, &operation.paging, |refund| {
            refund.id.as_ref().map(|id| id.key()).unwrap_or_default()
        })
        .map_err(gone)
    }
}

#[async_trait]
impl Serves<RequestRefund> for Kraken {
    async fn serve(&self, operation: RequestRefund, cx: &Context) -> Result<Refund> {
        let owner = self.owner(&operation.account)?;
        let new = operation.new;
        let amount = self.deployment.units(&new.amount, "/amount")?;
        let method = method(&new)?;
        let ledger = self.ledger(RequestRefund::ID, &owner, new.ledger.clone(), cx).await?;
        let input = RequestRepaymentInputType {
            account_number: owner.number.clone(),
            ledger_number: Some(ledger.clone()),
            amount_in_minor_unit: amount,
            method,
            instruction_reference: None,
            idempotency_key: idempotency_key(&owner, cx).to_string(),
            reason: Some(new.reason.clone()),
        };
        // The key would make a repeat safe, but the operation is one that is sent once.
        let sending = Sending {
            operation: RequestRefund::ID,
            may_repeat: false,
            members: REQUEST,
        };
        let variables = documents::submit_repayment_request::Variables { input };
        let sent = self.write::<documents::SubmitRepaymentRequest>(&sending, &owner, variables, cx);
        let answered = match sent.await {
            // A used key does not bring the first answer back, so the state is read (contract, "Writes").
            Err(error) if has_code(&error, "KT-CT-3928") => {
                return self.earlier(&owner, &ledger, &new, error, cx).await;
            }
            sent => sent?,
        };
        let payload = answered.data.submit_repayment_request.as_ref();
        match payload.and_then(|payload| payload.repayment_request.clone()) {
            Some(state) => self.deployment.requested(&owner, &ledger, state, &new),
            None => Err(answered.unsure(&["submitRepaymentRequest", "repaymentRequest"])),
        }
    }
}

#[async_trait]
impl Serves<CancelRefund> for Kraken {
    async fn serve(&self, operation: CancelRefund, cx: &Context) -> Result<Change<Refund>> {
        let [account, ledger, request] = parts(&operation.refund)?;
        let owner = self.owner_of(account)?;
        // The system takes the request's identifier alone. That it is one of this account's is seen first.
        let mut refund = self.request(&owner, &ledger, &request, cx).await?;
        if refund.status == Some(RefundStatus::Cancelled) {
            return Ok(Change::Now(refund));
        }
        let sending = Sending {
            operation: CancelRefund::ID,
            may_repeat: true,
            members: &[],
        };
        let input = documents::cancel_repayment_request::CancelRepaymentRequestInputType {
            request_id: request.clone(),
        };
        let variables = documents::cancel_repayment_request::Variables { input };
        let sent = self.write::<documents::CancelRepaymentRequest>(&sending, &owner, variables, cx);
        let answered = match sent.await {
            // Not to be cancelled: because an earlier attempt did it, or because it went too far.
            Err(error) if has_code(&error, "KT-CT-3931") => {
                let now = self.request(&owner, &ledger, &request, cx).await?;
                return if now.status == Some(RefundStatus::Cancelled) {
                    Ok(Change::Now(now))
                } else {
                    Err(error.turned_into(ErrorKind::Conflict, "the system no longer takes this refund back"))
                };
            }
            sent => sent?,
        };
        let payload = answered.data.cancel_repayment_request.as_ref();
        let state = payload.and_then(|payload| payload.repayment_request.clone());
        let Some(state) = state else {
            let absent = Error::unreadable("cancelRepaymentRequest.repaymentRequest", "absent");
            return Err(answered.missing(&["cancelRepaymentRequest", "repaymentRequest"], absent));
        };
        take_status(&mut refund, state.status);
        refund.native = None;
        Ok(Change::Now(refund))
    }
}

/// What the system takes of a refund; what it does not take is refused by name.
fn method(new: &NewRefund) -> Result<Option<RequestableRepaymentMethod>> {
    if new.bank_account.is_some() {
        let detail = "this system pays into an account it has on file";
        return Err(Error::pointer("/bank_account", detail));
    }
    if new.description.is_some() {
        return Err(Error::pointer("/description", "this system takes a reason alone"));
    }
    match new.method {
        None => Ok(None),
        Some(RefundMethod::BankTransfer) => Ok(Some(RequestableRepaymentMethod::BANK_TRANSFER)),
        Some(RefundMethod::Cheque) => Ok(Some(RequestableRepaymentMethod::CHEQUE)),
        Some(RefundMethod::Card | RefundMethod::Other) => Err(Error::pointer(
            "/method",
            "this system takes `BANK_TRANSFER` and `CHEQUE`",
        )),
    }
}

/// The key of one request: made from the caller's own, so that the same call has the same one and two callers never share
/// one; a new one if the caller gives none.
fn idempotency_key(owner: &Owner, cx: &Context) -> Uuid {
    let Some(key) = &cx.idempotency_key else {
        return Uuid::now_v7();
    };
    let caller = cx.on_behalf_of.as_deref().unwrap_or_default();
    let text = format!("{caller}\n{}\n{key}", owner.id);
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(digest(&SHA256, text.as_bytes()).as_ref())
        .for_each(|(byte, hashed)| *byte = *hashed);
    Builder::from_custom_bytes(bytes).into_uuid()
}

impl Kraken {
    /// The request an idempotency key was used for, if it is the one that is asked for now.
    async fn earlier(
        &self,
        owner: &Owner,
        ledger: &str,
        new: &NewRefund,
        error: Error,
        cx: &Context,
    ) -> Result<Refund> {
        let known = self.requests(RequestRefund::ID, owner, Some(ledger), cx).await?;
        let mut same = known.into_iter().filter(|refund| {
            refund.amount == Some(new.amount)
                && refund.reason.as_ref() == Some(&new.reason)
                && (new.method.is_none() || refund.method == new.method)
        });
        match (same.next(), same.next()) {
            (Some(ours), None) => Ok(ours),
            // The system does not show which key a request has: of none or several, none can be called ours.
            _ => Err(error.turned_into(
                ErrorKind::Conflict,
                "the idempotency key was used for another refund request",
            )),
        }
    }

    async fn request(&self, owner: &Owner, ledger: &str, request: &str, cx: &Context) -> Result<Refund> {
        let known = self.requests(CancelRefund::ID, owner, Some(ledger), cx).await?;
        known
            .into_iter()
            .find(|refund| refund.native_id.as_deref() == Some(request))
            .ok_or_else(|| Error::not_found("refund"))
    }

    /// The requests of one ledger, or of all, in the system's order.
    async fn requests(
        &self,
        operation: &'static str,
        owner: &Owner,
        ledger: Option<&str>,
        cx: &Context,
    ) -> Result<Vec<Refund>> {
        let mut refunds = Vec::new();
        // The ledgers still to be read, each from a cursor.
        let mut ahead = vec![(ledger.map(str::to_owned), Walk::from(None))];
        while let Some((ledger, mut walk)) = ahead.pop() {
            let variables = documents::repayment_requests::Variables {
                account: owner.number.clone(),
                ledger: ledger.clone(),
                first: i64::try_from(LARGEST).unwrap_or(1),
                after: walk.after.clone(),
            };
            let mut answered = self
                .ask::<documents::RepaymentRequests>(operation, variables, cx)
                .await?;
            let account = self.account_in(&mut answered, owner, |account| account.number.as_deref())?;
            let Some(found) = account.ledgers else {
                answered.none(&["account", "ledgers"])?;
                return Err(Error::unreadable("account.ledgers", "absent"));
            };
            let raw = cx
                .native
                .then(|| Raw::of(&answered.body)?.at(&["data", "account", "ledgers"]))
                .flatten();
            let raw: Vec<Raw<'_>> = raw.map(Raw::items).unwrap_or_default();
            for (at, one) in found.into_iter().enumerate() {
                let step = at.to_string();
                let Some(one) = one else {
                    answered.none(&["account", "ledgers", &step])?;
                    continue;
                };
                let place = ["account", "ledgers", &step, "repaymentRequests"];
                let number = filled(one.number).ok_or_else(|| Error::unreadable("account.ledgers.number", "absent"))?;
                if ledger.as_ref().is_some_and(|ledger| *ledger != number) {
                    continue;
                }
                let Some(mut requests) = one.repayment_requests else {
                    let absent = Error::unreadable("account.ledgers.repaymentRequests", "absent");
                    return Err(answered.missing(&place, absent));
                };
                let more = walk.advance(&requests)?;
                let mut natives = natives(cx.native, || {
                    let edges = raw.get(at)?.at(&["repaymentRequests", "edges"])?.items();
                    Some(edges.iter().map(|edge| edge.get("node").map(Raw::native)).collect())
                });
                for (edge_at, edge) in requests.edges.take().into_iter().flatten().enumerate() {
                    let Some(node) = edge.and_then(|edge| edge.node) else {
                        let edge_at = edge_at.to_string();
                        answered.none(&[place[0], place[1], place[2], place[3], "edges", &edge_at])?;
                        continue;
                    };
                    let mut refund = self.deployment.refund(owner, &number, node)?;
                    refund.native = natives.get_mut(edge_at).and_then(Option::take);
                    refunds.push(refund);
                }
                let rest = std::mem::replace(&mut walk, Walk::from(None));
                if more {
                    ahead.push((Some(number), rest));
                }
            }
        }
        Ok(refunds)
    }
}
