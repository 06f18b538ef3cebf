//! Bills, their documents and the readings they were made from.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future;

use super::{Gentrack, Road, cut};
use crate::backends::Serves;
use crate::backends::gentrack::{keys, map, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::bill::{Bill, Document, DocumentForm};
use crate::model::id::{AccountId, BillId};
use crate::model::meter::Reading;
use crate::model::page::Page;
use crate::operations::bills::{CorrectBill, GetBill, GetBillDocument, ListBillReadings, ListBills};
use crate::operations::{Change, Context, Operation};

const PDF_MARK: &[u8] = b"%PDF-";

impl Road<'_> {
    async fn bills(&self, account: &AccountId) -> Result<Vec<Bill>> {
        let path = ["accounts", &keys::account(account)?, "bills"];
        let reply = self.get(&path, &[], "account").await?;
        let wire: wire::Results<wire::Bill<'_>> = wire::decode(&reply.body)?;
        let natives = self.results(&reply.body)?;
        self.adapter.mapper().bills(account, &wire.results.0, natives)
    }

    /// A bill out of its account's list, the only place where it stands beside its account.
    async fn bill(&self, id: &BillId) -> Result<Bill> {
        let key = keys::bill(id)?;
        let account = keys::owner(&self.adapter.name, id)?;
        let mut bills = self
            .bills(&account)
            .await
            .map_err(|error| super::missing(error, "bill"))?;
        let at = bills.iter().position(|bill| bill.id == *id).or_else(|| {
            // A key without a version from the time before there were two: the newest of them.
            bills.iter().position(|bill| {
                key.version.is_none() && bill.native_id == key.id && bill.native_kind.as_deref() == key.kind.as_deref()
            })
        });
        at.map(|at| bills.swap_remove(at))
            .ok_or_else(|| Error::not_found("bill"))
    }
}

/// `getAccountBills`.
#[async_trait]
impl Serves<ListBills> for Gentrack {
    async fn serve(&self, list: ListBills, cx: &Context) -> Result<Page<Bill>> {
        let mut bills = self.road(ListBills::ID, cx).bills(&list.account).await?;
        bills.retain(|bill| {
            (list.superseded || bill.is_current)
                && list.kind.is_none_or(|kind| bill.kind == kind)
                && list
                    .from
                    .is_none_or(|from| bill.issued_on.is_some_and(|day| day >= from))
                && list.to.is_none_or(|to| bill.issued_on.is_some_and(|day| day < to))
        });
        cut(bills, &list.paging, |bill| bill.id.key().to_owned())
    }
}

/// `getAccountBills`: there is no call for one bill.
#[async_trait]
impl Serves<GetBill> for Gentrack {
    async fn serve(&self, GetBill { bill }: GetBill, cx: &Context) -> Result<Bill> {
        self.road(GetBill::ID, cx).bill(&bill).await
    }
}

/// `getBillImage`, after the list has said whose the bill is and whether there is an image.
#[async_trait]
impl Serves<GetBillDocument> for Gentrack {
    async fn serve(&self, asked: GetBillDocument, cx: &Context) -> Result<Document> {
        if !asked.forms.contains(&DocumentForm::Pdf) {
            return Err(Error::new(
                ErrorKind::NotAcceptable,
                "the document is to be had as application/pdf",
            ));
        }
        let key = keys::bill(&asked.bill)?;
        let road = self.road(GetBillDocument::ID, cx);
        let bill = road.bill(&asked.bill).await?;
        if bill.documents.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::not_found("document: the system has none of this bill"));
        }
        let query: Vec<_> = key.kind.iter().map(|kind| ("type", &**kind)).collect();
        let form = DocumentForm::Pdf;
        let path = ["bills", &key.id, "image"];
        let reply = road.get_as(&path, &query, form.media_type(), "document").await?;
        Ok(Document {
            media_type: form,
            name: map::document_name(bill.number.as_deref(), &bill.native_id),
            bytes: pdf(reply.body)?,
        })
    }
}

/// The PDF in a reply: the bytes themselves, or base64 of them (README, "Bills"). Never decoded when it is one already.
fn pdf(body: Bytes) -> Result<Bytes> {
    if body.starts_with(PDF_MARK) {
        return Ok(body);
    }
    let text: Vec<u8> = body
        .iter()
        .copied()
        // A text in JSON stands in quotation marks, and base64 may be folded.
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'"')
        .collect();
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.starts_with(PDF_MARK) => Ok(bytes.into()),
        _ => Err(Error::unreadable("$", "neither a PDF nor base64 of one")),
    }
}

/// `getBillMeterReadings`.
#[async_trait]
impl Serves<ListBillReadings> for Gentrack {
    async fn serve(&self, list: ListBillReadings, cx: &Context) -> Result<Page<Reading>> {
        let key = keys::bill(&list.bill)?;
        let account = keys::owner(&self.name, &list.bill)?;
        let road = self.road(ListBillReadings::ID, cx);
        let query: Vec<_> = key.kind.iter().map(|kind| ("type", &**kind)).collect();
        let path = ["bills", &key.id, "meter-reads"];
        let (owned, reply) = future::join(road.bill(&list.bill), road.get(&path, &query, "bill")).await;
        let reply = owned.and(reply)?;
        let wire: wire::Results<wire::BillMeterReading<'_>> = wire::decode(&reply.body)?;
        let readings = self.mapper().bill_readings(&account, &wire.results.0)?;
        cut(readings, &list.paging, |reading| {
            let meter = reading.meter_id.as_ref().map(|id| id.key());
            let parts = (meter, &reading.register, reading.read_at, &reading.native_id);
            let (meter, register, read_at, id) = parts;
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{}~{}~{read_at}~{}",
                meter.unwrap_or_default(),
                text(register),
                text(id)
            )
        })
    }
}

/// `fixBill`, never repeated ("Error kinds"), after the list has said whose the bill is. It answers nothing.
#[async_trait]
impl Serves<CorrectBill> for Gentrack {
    async fn serve(&self, asked: CorrectBill, cx: &Context) -> Result<Change<Bill>> {
        let key = keys::bill(&asked.bill)?;
        let road = self.road(CorrectBill::ID, cx);
        let bill = road.bill(&asked.bill).await?;
        let body = map::account::correction(asked.new, bill.native_kind);
        let reply = road.post(&["bills", &key.id, "fix"], &body, false, "bill").await?;
        Ok(super::changed(&reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = include_bytes!("../../../../tests/fixtures/gentrack/examples/getBillImage.200.pdf");
    const BASE64: &[u8] = include_bytes!("../../../../tests/fixtures/gentrack/examples/getBillImage.200.base64.txt");

    #[test]
    fn a_document_is_a_pdf_raw_or_in_base64() {
        assert_eq!(pdf(Bytes::from_static(RAW)).unwrap(), RAW);
        assert_eq!(pdf(Bytes::from_static(BASE64)).unwrap(), RAW);
        let quoted = format!("\"{}\"\n", std::str::from_utf8(BASE64).unwrap().trim());
        assert_eq!(pdf(quoted.into()).unwrap(), RAW);
    }

    #[test]
    fn what_is_no_pdf_is_not_handed_out() {
        for body in ["", "PDF", "{\"errorCode\": \"x\"}", "aGVsbG8=", "%PD"] {
            let error = pdf(Bytes::from_static(body.as_bytes())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{body}");
        }
    }
}
