//! Payments.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Many, Outcome};
use super::extract::{Day, Included, Inclusion, List, Of, Pages, Words, days};
use crate::model::id::{AccountId, AccountKind};
use crate::model::payment::Payment;
use crate::operations::payments::ListPayments;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PaymentFilters {
    /// Only payments made on this day or later.
    #[param(value_type = Option<jiff::civil::Date>)]
    from: Option<Day>,
    /// Only payments made before this day.
    #[param(value_type = Option<jiff::civil::Date>)]
    to: Option<Day>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// List an account's payments, newest first
#[utoipa::path(get, path = "/v1/accounts/{account}/payments", tag = "Payments",
    params(("account" = AccountId, Path), PaymentFilters, Pages),
    responses((status = 200, description = "One page of the payments", body = Many<Payment>)))]
pub(super) async fn list_payments(ask: Ask, Of(account): Of<AccountKind>, list: List<PaymentFilters>) -> Outcome {
    let filters = list.filters;
    let (from, to) = days(filters.from, filters.to)?;
    let include = Inclusion {
        include: filters.include,
    };
    ask.native(include.native())
        .list(list.page, |paging| ListPayments {
            account,
            from,
            to,
            paging,
        })
        .await
}
