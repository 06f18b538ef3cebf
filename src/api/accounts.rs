//! Accounts and balances.

use jiff::civil::Date;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Ask;
use super::answer::{Found, Many, One, Outcome, placed};
use super::check::Faults;
use super::extract::{Flag, Included, Inclusion, Json, List, Nothing, Of, Pages, Query, Search, Text, Words, repeats};
use super::filter::Conditions;
use crate::error::{Error, Result};
use crate::model::account::{Account, AccountStatus, Balance};
use crate::model::account_write::{AccountPatch, NewAccount, NewCustomAttribute};
use crate::model::id::{AccountId, AccountKind, BackendName};
use crate::model::terms::{BillingSchedule, OverduePayment, PaymentTerms, SuggestedPayment};
use crate::model::text::{Line, Secret};
use crate::model::time::perhaps_day;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBalance, GetBillingSchedule, GetPaymentTerms, GetSuggestedPayment,
    ListOverduePayments, MatchAccounts, ReactivateAccount, SearchAccounts, SetParent, Shown, SuspendAccount,
    UpdateAccount,
};
use crate::operations::filter::{AccountFields, EMAIL, Filter, NAME, NATIVE_ID, PARENT, SUBSCRIPTION};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountFilters {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    backend: Option<Words<BackendName>>,
    /// Only accounts of the customer with this number.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    customer_number: Option<Text>,
    /// Only accounts that stand like this.
    status: Option<AccountStatus>,
    /// Only the account with this identifier in the system.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    native_id: Option<Text>,
    /// Only accounts with this name.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    name: Option<Text>,
    /// Only accounts of whoever has this e-mail address.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    email: Option<Text>,
    /// Only accounts that pay for the subscription with this number.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    subscription: Option<Text>,
    /// Only accounts that stand under this one; its backend alone is asked.
    parent: Option<AccountId>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// Search for accounts in one backend, several, or all
///
/// Accounts come backend by backend, in the order of the backends' names, and within a backend in the order of their
/// numbers. A backend that fails does not fail the search: `meta.sources` says how each one did and `meta.complete` whether
/// all of them answered. `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold. With `Prefer: handling=strict` an answer that is not complete is a problem instead.
#[utoipa::path(get, path = "/v1/accounts", tag = "Accounts", params(AccountFilters, Conditions<AccountFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of the accounts found", body = Found<Account>)))]
pub(super) async fn search_accounts(ask: Ask, list: Search<AccountFilters, AccountFields>) -> Outcome {
    let filters = list.filters;
    let include = Inclusion {
        include: filters.include,
    };
    let mut backends = filters.backend.map(|words| words.0);
    let customer_number = filters.customer_number.map(|text| text.0);
    let mut conditions = list.conditions;
    for (field, text) in [
        (&NATIVE_ID, filters.native_id),
        (&NAME, filters.name),
        (&EMAIL, filters.email),
        (&SUBSCRIPTION, filters.subscription),
    ] {
        conditions.extend(text.map(|text| Filter::is(field, text.0)));
    }
    if let Some(parent) = filters.parent {
        backends = Some(only(parent.backend(), backends)?);
        conditions.push(Filter::is(&PARENT, parent.as_str().to_owned()));
    }
    // Most systems look for a plain number and know no other filter, so it has a place of its own.
    let number = conditions
        .iter()
        .position(|condition| condition.equals("number").is_some())
        .and_then(|at| conditions.remove(at).equals("number").map(str::to_owned));
    ask.native(include.native())
        .search(backends, list.page, |backend, paging| SearchAccounts {
            backend,
            number: number.clone(),
            customer_number: customer_number.clone(),
            status: filters.status,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// The backend of a record that a search names, which alone can know it.
fn only(backend: &str, named: Option<Vec<BackendName>>) -> Result<Vec<BackendName>> {
    let elsewhere = || Error::parameter("parent", "it must be an account of the backend that is asked");
    match named {
        None => backend.parse().map(|name| vec![name]).map_err(|_| elsewhere()),
        Some(named) if named.iter().all(|name| name.as_str() == backend) => Ok(named),
        Some(_) => Err(elsewhere()),
    }
}

/// What an end customer shows to be known by; exactly one of the three ways.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedAccount {
    /// The backend to ask.
    backend: BackendName,
    /// The code of a card or another token.
    authentication_code: Option<Secret>,
    /// A name that the customer chose; goes with `pass_code`.
    identifier: Option<Line>,
    /// The code that goes with `identifier`.
    pass_code: Option<Secret>,
    /// A password that is good for one time: 1 to 18 digits.
    #[schema(value_type = Option<String>, write_only, pattern = "^[0-9]{1,18}$")]
    one_time_password: Option<Secret>,
}

impl WantedAccount {
    fn shown(&self) -> Result<Shown> {
        let (code, password) = (self.authentication_code.clone(), self.one_time_password.clone());
        match (code, self.identifier.clone(), self.pass_code.clone(), password) {
            (Some(code), None, None, None) => Ok(Shown::AuthenticationCode(code)),
            (None, Some(identifier), Some(pass_code), None) => Ok(Shown::PassCode { identifier, pass_code }),
            (None, Some(_), None, None) => Err(Error::pointer("/pass_code", "it is due with `identifier`")),
            (None, None, Some(_), None) => Err(Error::pointer("/identifier", "it is due with `pass_code`")),
            (None, None, None, Some(password)) => {
                let digits = password.guarded().expose_secret();
                if digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Error::pointer("/one_time_password", "1 to 18 digits are due"));
                }
                Ok(Shown::OneTimePassword(password))
            }
            _ => Err(Error::pointer(
                "/authentication_code",
                "exactly one is due of `authentication_code`, `identifier` with `pass_code`, and `one_time_password`",
            )),
        }
    }

    /// Everything asked for, as cursors are bound to it; it goes into their seal and nowhere else.
    fn bound(&self) -> String {
        let secrets = [&self.authentication_code, &self.pass_code, &self.one_time_password]
            .map(|secret| secret.as_ref().map(|secret| secret.guarded().expose_secret()));
        let identifier = self.identifier.as_ref().map(Line::as_str);
        format!("{:?}", (self.backend.as_str(), identifier, secrets))
    }
}

/// Search for the account of a customer by what the customer shows
///
/// A card's code, a name with a pass code, or a one-time password leads to one account, or to 404 if the system gives none
/// for it. A read, though it is a POST: such a code never stands in a URL. A one-time password may be spent by the call and
/// is sent to the system once; if that call is lost, the answer is 504 `outcome_unknown`.
#[utoipa::path(post, path = "/v1/accounts/search", tag = "Accounts", params(Inclusion, Pages), request_body = WantedAccount,
    responses((status = 200, description = "The account", body = Many<Account>)))]
pub(super) async fn match_accounts(ask: Ask, list: List<Inclusion>, Json(wanted): Json<WantedAccount>) -> Outcome {
    let shown = wanted.shown()?;
    let mut page = list.page;
    page.bound = wanted.bound();
    ask.native(list.filters.native())
        .list(page, |paging| MatchAccounts {
            backend: wanted.backend,
            shown,
            paging,
        })
        .await
}

/// Read an account
#[utoipa::path(get, path = "/v1/accounts/{account}", tag = "Accounts", params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "The account", body = One<Account>)))]
pub(super) async fn get_account(ask: Ask, Of(account): Of<AccountKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetAccount { account }).await
}

/// Read what is owed on an account
///
/// `balance_due` is positive when the customer owes and negative when the account is in credit, for every backend.
#[utoipa::path(get, path = "/v1/accounts/{account}/balance", tag = "Accounts", params(("account" = AccountId, Path)),
    responses((status = 200, description = "What is owed", body = One<Balance>)))]
pub(super) async fn get_balance(ask: Ask, Of(account): Of<AccountKind>, Query(Nothing {}): Query<Nothing>) -> Outcome {
    ask.one(GetBalance { account }).await
}

/// Open an account
///
/// The body names the backend. The answer holds what the system tells of the new account; read it for the rest. The call is
/// never carried out twice: it is sent again only to a system that drops repeats by itself. If it is lost all the same, the
/// answer is 504 `outcome_unknown`: look for the account before opening it again.
#[utoipa::path(post, path = "/v1/accounts", tag = "Accounts", request_body = NewAccount,
    responses((status = 201, description = "The account, with its address in `Location`", body = One<Account>,
        headers(("Location" = String, description = "Where the account can be read.")))))]
pub(super) async fn create_account(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewAccount>,
) -> Outcome {
    let new = checked_new(new)?;
    ask.created(CreateAccount { new }, |account| {
        Some(placed("accounts", account.id.as_str()))
    })
    .await
}

/// Change an account
///
/// The body is a JSON merge patch (RFC 7396): a member left out stays as it is, `null` clears it. What the system cannot
/// change is refused, not dropped.
#[utoipa::path(patch, path = "/v1/accounts/{account}", tag = "Accounts", params(("account" = AccountId, Path)),
    request_body(content((AccountPatch = "application/merge-patch+json"), (AccountPatch = "application/json"))),
    responses((status = 200, description = "The account as it is now", body = One<Account>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "The account is changed, and the system says no more")))]
pub(super) async fn update_account(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(patch): Json<AccountPatch>,
) -> Outcome {
    let patch = checked_patch(patch)?;
    ask.changed(UpdateAccount { account, patch }).await
}

/// End an account for good
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account to see.
#[utoipa::path(post, path = "/v1/accounts/{account}/close", tag = "Accounts", params(("account" = AccountId, Path)),
    responses((status = 200, description = "The account as it is now", body = One<Account>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "The account is closed, and the system says no more")))]
pub(super) async fn close_account(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
) -> Outcome {
    ask.changed(CloseAccount { account }).await
}

/// Suspend an account
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account to see.
#[utoipa::path(post, path = "/v1/accounts/{account}/suspend", tag = "Accounts", params(("account" = AccountId, Path)),
    responses((status = 200, description = "The account as it is now", body = One<Account>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "The account is suspended, and the system says no more")))]
pub(super) async fn suspend_account(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
) -> Outcome {
    ask.changed(SuspendAccount { account }).await
}

/// Take a suspended account into use again
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account to see.
#[utoipa::path(post, path = "/v1/accounts/{account}/reactivate", tag = "Accounts", params(("account" = AccountId, Path)),
    responses((status = 200, description = "The account as it is now", body = One<Account>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "The account is in use again, and the system says no more")))]
pub(super) async fn reactivate_account(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
) -> Outcome {
    ask.changed(ReactivateAccount { account }).await
}

/// The account that another shall stand under.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewParent {
    /// The account it shall stand under, in the same backend.
    parent: AccountId,
    /// The day it stands there from; at once if left out.
    #[serde(default, deserialize_with = "perhaps_day")]
    effective_on: Option<Date>,
}

/// Put an account under another one
#[utoipa::path(put, path = "/v1/accounts/{account}/parent", tag = "Accounts", params(("account" = AccountId, Path)),
    request_body = NewParent,
    responses((status = 200, description = "The account as it is now", body = One<Account>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "The account stands there, and the system says no more")))]
pub(super) async fn set_parent(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewParent>,
) -> Outcome {
    let mut faults = Faults::default();
    faults.unless(body.parent.backend() == account.backend(), "/parent", SAME_BACKEND);
    faults.unless(
        body.parent != account,
        "/parent",
        "an account cannot stand under itself",
    );
    let body = faults.none_in(body)?;
    ask.changed(SetParent {
        account,
        parent: body.parent,
        effective_on: body.effective_on,
    })
    .await
}

const SAME_BACKEND: &str = "it must be an account of the same backend";

/// Read when an account is billed
#[utoipa::path(get, path = "/v1/accounts/{account}/billing-schedule", tag = "Accounts",
    params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "When it was billed and will be", body = One<BillingSchedule>)))]
pub(super) async fn get_billing_schedule(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetBillingSchedule { account }).await
}

/// Read when and how the customer is expected to pay
#[utoipa::path(get, path = "/v1/accounts/{account}/payment-terms", tag = "Accounts",
    params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "The terms", body = One<PaymentTerms>)))]
pub(super) async fn get_payment_terms(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetPaymentTerms { account }).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Suggestion {
    /// Whether the payment covers debt too; as the system has it if absent.
    #[param(value_type = Option<bool>)]
    include_debt: Option<Flag>,
    /// Whether the payment covers fixed payments too; as the system has it if absent.
    #[param(value_type = Option<bool>)]
    include_fixed: Option<Flag>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// Read the payment that the system recommends
#[utoipa::path(get, path = "/v1/accounts/{account}/suggested-payment", tag = "Accounts",
    params(("account" = AccountId, Path), Suggestion),
    responses((status = 200, description = "The payment recommended", body = One<SuggestedPayment>)))]
pub(super) async fn get_suggested_payment(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(query): Query<Suggestion>,
) -> Outcome {
    let include = Inclusion { include: query.include };
    ask.native(include.native())
        .one(GetSuggestedPayment {
            account,
            include_debt: query.include_debt.map(|flag| flag.0),
            include_fixed: query.include_fixed.map(|flag| flag.0),
        })
        .await
}

/// List what is past its due date, oldest first
///
/// At systems that know only a total there is one item, without a day. Nothing overdue is an empty list.
#[utoipa::path(get, path = "/v1/accounts/{account}/overdue-payments", tag = "Accounts",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of what is overdue", body = Many<OverduePayment>)))]
pub(super) async fn list_overdue_payments(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListOverduePayments { account, paging })
        .await
}

fn checked_new(new: NewAccount) -> Result<NewAccount> {
    let mut faults = Faults::default();
    faults.texts(
        "",
        &[
            ("native_id", &new.native_id),
            ("number", &new.number),
            ("name", &new.name),
            ("description", &new.description),
            ("native_kind", &new.native_kind),
            ("customer_number", &new.customer_number),
            ("organisation_number", &new.organisation_number),
            ("brand", &new.brand),
        ],
    );
    if let Some(parent) = &new.parent {
        faults.unless(parent.backend() == new.backend.as_str(), "/parent", SAME_BACKEND);
    }
    if let Some(billing) = &new.billing {
        faults.texts("/billing", &[("name", &billing.name), ("delivery", &billing.delivery)]);
        faults.email("/billing/email", billing.email.as_ref());
        if let Some(address) = &billing.address {
            faults.list("/billing/address/lines", &address.lines, MOST_LINES);
            faults.texts(
                "/billing/address",
                &[
                    ("locality", &address.locality),
                    ("region", &address.region),
                    ("postal_code", &address.postal_code),
                    ("country", &address.country),
                ],
            );
        }
    }
    if let Some(limit) = &new.credit_limit {
        faults.not_below_zero("/credit_limit", limit);
    }
    if let Some(enrollment) = &new.enrollment {
        faults.texts(
            "/enrollment",
            &[("provider", &enrollment.provider), ("paperless", &enrollment.paperless)],
        );
        if let Some(credentials) = &enrollment.credentials {
            faults.list("/enrollment/credentials", credentials, MOST_NAMED);
        }
    }
    if let Some(attributes) = &new.custom_attributes {
        check_attributes(&mut faults, attributes);
    }
    faults.none_in(new)
}

/// The most lines of an address.
const MOST_LINES: usize = 10;
/// The most credentials or custom attributes of one body.
const MOST_NAMED: usize = 100;

fn check_attributes(faults: &mut Faults, attributes: &[NewCustomAttribute]) {
    faults.unless(
        attributes.len() <= MOST_NAMED,
        "/custom_attributes",
        "there are too many",
    );
    for (n, attribute) in attributes.iter().enumerate() {
        faults.text(format!("/custom_attributes/{n}/name"), &attribute.name);
        faults.texts(&format!("/custom_attributes/{n}"), &[("value", &attribute.value)]);
    }
    for n in repeats(attributes.iter().map(|attribute| &attribute.name)) {
        faults.add(format!("/custom_attributes/{n}/name"), "it is named before");
    }
}

fn checked_patch(patch: AccountPatch) -> Result<AccountPatch> {
    let mut faults = Faults::default();
    faults.unless(!patch.is_empty(), "", "there is nothing to change");
    faults.patches(
        "",
        &[
            ("name", &patch.name),
            ("description", &patch.description),
            ("native_kind", &patch.native_kind),
            ("customer_number", &patch.customer_number),
            ("organisation_number", &patch.organisation_number),
            ("brand", &patch.brand),
        ],
    );
    if let Some(billing) = patch.billing.value() {
        faults.patches("/billing", &[("name", &billing.name), ("delivery", &billing.delivery)]);
        faults.email("/billing/email", billing.email.value());
        if let Some(address) = billing.address.value() {
            if let Some(lines) = address.lines.value() {
                faults.list("/billing/address/lines", lines, MOST_LINES);
            }
            faults.patches(
                "/billing/address",
                &[
                    ("locality", &address.locality),
                    ("region", &address.region),
                    ("postal_code", &address.postal_code),
                    ("country", &address.country),
                ],
            );
        }
    }
    if let Some(limit) = patch.credit_limit.value() {
        faults.not_below_zero("/credit_limit", limit);
    }
    if let Some(enrollment) = patch.enrollment.value() {
        faults.patches(
            "/enrollment",
            &[("provider", &enrollment.provider), ("paperless", &enrollment.paperless)],
        );
        if let Some(credentials) = enrollment.credentials.value() {
            faults.list("/enrollment/credentials", credentials, MOST_NAMED);
        }
    }
    if let Some(attributes) = patch.custom_attributes.value() {
        check_attributes(&mut faults, attributes);
    }
    faults.none_in(patch)
}
