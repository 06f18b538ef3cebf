//! Bills, their documents, and the readings they were made from.

use http::HeaderMap;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Day, Inclusion, Json, List, Nothing, Of, Pages, Query, Words, days, preferred};
use crate::error::{Error, ErrorKind};
use crate::model::bill::{Bill, BillKind, DocumentForm, NewCorrection};
use crate::model::id::{AccountId, AccountKind, BillId, BillKind as BillMark};
use crate::model::meter::Reading;
use crate::operations::Operation as _;
use crate::operations::bills::{CorrectBill, GetBill, GetBillDocument, ListBillReadings, ListBills};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BillFilters {
    /// Only bills issued on this day or later.
    #[param(value_type = Option<jiff::civil::Date>)]
    from: Option<Day>,
    /// Only bills issued before this day.
    #[param(value_type = Option<jiff::civil::Date>)]
    to: Option<Day>,
    /// Only bills of this kind.
    kind: Option<BillKind>,
    /// What comes along: `superseded` lists bills that no longer count too; `native` adds the system's own record as
    /// `native` and wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<BillsIncluded>>, inline)]
    include: Option<Words<BillsIncluded>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BillsIncluded {
    Superseded,
    Native,
}

/// List an account's bills, newest issue date first
///
/// Bills that another took the place of, and annulled ones, are left out unless `include=superseded` is given.
#[utoipa::path(get, path = "/v1/accounts/{account}/bills", tag = "Bills",
    params(("account" = AccountId, Path), BillFilters, Pages),
    responses((status = 200, description = "One page of the bills", body = Many<Bill>)))]
pub(super) async fn list_bills(ask: Ask, Of(account): Of<AccountKind>, list: List<BillFilters>) -> Outcome {
    let filters = list.filters;
    let (from, to) = days(filters.from, filters.to)?;
    let included = |wanted| filters.include.as_ref().is_some_and(|words| words.0.contains(&wanted));
    ask.native(included(BillsIncluded::Native))
        .list(list.page, |paging| ListBills {
            account,
            from,
            to,
            kind: filters.kind,
            superseded: included(BillsIncluded::Superseded),
            paging,
        })
        .await
}

/// Read a bill
#[utoipa::path(get, path = "/v1/bills/{bill}", tag = "Bills", params(("bill" = BillId, Path), Inclusion),
    responses((status = 200, description = "The bill", body = One<Bill>)))]
pub(super) async fn get_bill(ask: Ask, Of(bill): Of<BillMark>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetBill { bill }).await
}

/// The forms a document is offered in, the one that most callers want first.
const FORMS: [(DocumentForm, &str); 2] = [
    (DocumentForm::Pdf, "application/pdf"),
    (DocumentForm::Text, "text/plain"),
];

/// The bytes of a PDF document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "stands for bytes in the documentation")]
struct Pdf(Vec<u8>);

/// Read a bill's document: the bytes themselves
///
/// `Accept` chooses between `application/pdf` and `text/plain`, with weights; a form that is not to be had is 406.
#[utoipa::path(get, path = "/v1/bills/{bill}/document", tag = "Bills", params(("bill" = BillId, Path)),
    responses((status = 200, description = "The document, with a safe file name in `Content-Disposition`", content(
        (inline(Pdf) = "application/pdf"), (String = "text/plain")))))]
pub(super) async fn get_bill_document(
    ask: Ask,
    Of(bill): Of<BillMark>,
    Query(Nothing {}): Query<Nothing>,
    headers: HeaderMap,
) -> Outcome {
    let forms = preferred(&headers, &FORMS);
    if forms.is_empty() {
        return Err(Error::new(
            ErrorKind::NotAcceptable,
            "a document is to be had as `application/pdf` or `text/plain`, at most",
        )
        .in_operation(GetBillDocument::ID)
        .into());
    }
    ask.document(GetBillDocument { bill, forms }).await
}

/// List the readings a bill was made from, by meter, register and instant
#[utoipa::path(get, path = "/v1/bills/{bill}/readings", tag = "Bills", params(("bill" = BillId, Path), Pages),
    responses((status = 200, description = "One page of the readings", body = Many<Reading>)))]
pub(super) async fn list_bill_readings(ask: Ask, Of(bill): Of<BillMark>, list: List<Nothing>) -> Outcome {
    ask.list(list.page, |paging| ListBillReadings { bill, paging }).await
}

/// Correct a bill that was issued
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the bill before
/// correcting it again.
#[utoipa::path(post, path = "/v1/bills/{bill}/corrections", tag = "Bills", params(("bill" = BillId, Path)),
    request_body = NewCorrection,
    responses((status = 200, description = "The bill as it is now", body = One<Bill>),
        (status = 202, description = "The system took the correction and will make it later"),
        (status = 204, description = "The bill is corrected, and the system says no more")))]
pub(super) async fn correct_bill(
    ask: Ask,
    Of(bill): Of<BillMark>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewCorrection>,
) -> Outcome {
    let mut faults = Faults::default();
    faults.texts("", &[("reason", &new.reason)]);
    faults.long("/description", new.description.as_ref());
    let new = faults.none_in(new)?;
    ask.changed(CorrectBill { bill, new }).await
}
