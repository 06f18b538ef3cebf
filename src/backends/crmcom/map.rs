//! Wire → model; pure.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire;
use crate::error::{Error, Result};
use crate::model::Native;
use crate::model::account::{Account, AccountStatus, Address, Balance, Billing, CustomAttribute};
use crate::model::id::{AccountId, BackendName, Id};
use crate::model::money::{Currency, Money};
use crate::model::payment_method::{
    BankAccount, Card, LastFour, PaymentMethod, PaymentMethodKind, PaymentMethodStatus,
};
use crate::model::terms::{OverduePayment, PaymentTerms};
use crate::model::time::Zone;

/// Marks a payment method's key.
const METHOD: &str = "pm";

/// Fields whose value opens something: end customers' codes and the card references of payment gateways.
const CREDENTIALS: [&str; 6] = [
    "token",
    "authentication_code",
    "pass_code",
    "one_time_password",
    "consumer_token",
    "payment_gateway_reference_number",
];

/// Maps the records of one backend.
pub(super) struct Mapper<'a> {
    pub(super) backend: &'a BackendName,
    pub(super) zone: &'a Zone,
}

impl Mapper<'_> {
    /// The account in a reply. One without a number keeps the identifier it was asked for by, if there is one.
    pub(super) fn account(&self, raw: &RawValue, asked: Option<&AccountId>, native: bool) -> Result<Account> {
        let account: wire::Account = read(raw)?;
        let id = self.id(&account, asked)?;
        let number = text(account.number.clone());
        let native_id = text(account.id.clone())
            .or_else(|| number.clone())
            .unwrap_or_else(|| id.key().to_owned());
        let currency = currency(&account)?;
        let native_status = text(account.life_cycle_state.clone());
        let custom_attributes = wire::added(raw).map(|fields| {
            let given = fields.into_iter().filter(|(_, value)| value.is_some());
            given.map(|(name, value)| CustomAttribute { name, value }).collect()
        });
        let parent = self.parent(account.parent_account.as_deref())?;
        let balance = match (account.balance, currency) {
            (Some(_), Some(_)) => Some(self.balance_of(&id, &account)?),
            _ => None,
        };
        let updated = account
            .log_information
            .as_ref()
            .and_then(|log| log.updated_date.as_deref());
        let updated_at = updated
            .map(|stamp| {
                let read = self.zone.read(stamp);
                read.map_err(|_| Error::unreadable("data.log_information.updated_date", "it is no local time"))
            })
            .transpose()?;
        Ok(Account {
            backend: self.backend.clone(),
            native_id,
            number,
            name: text(account.name.clone()),
            native_kind: text(account.r#type.clone()),
            status: native_status.as_deref().map(status),
            native_status,
            currency,
            customer_number: None,
            billing: billing(&account),
            brand: None,
            // `created_date` says when the record was made, not when the account began.
            opened_on: None,
            closed_on: None,
            parent,
            service_points: None,
            balance,
            enrollment: None,
            custom_attributes,
            updated_at,
            native: if native { Some(without_credentials(raw)?) } else { None },
            id,
        })
    }

    /// The accounts in a reply to a list.
    pub(super) fn accounts(&self, raw: &RawValue, native: bool) -> Result<Vec<Account>> {
        let rows: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| Error::unreadable("data", "it is no list"))?;
        rows.into_iter().map(|row| self.account(row, None, native)).collect()
    }

    /// What is owed. `balance` is debits less credits, so it is positive when the customer owes (README, "Money";
    /// inferred): it is not turned.
    pub(super) fn balance(&self, raw: &RawValue, asked: &AccountId) -> Result<Balance> {
        let account: wire::Account = read(raw)?;
        let id = self.id(&account, Some(asked))?;
        self.balance_of(&id, &account)
    }

    fn balance_of(&self, id: &AccountId, account: &wire::Account) -> Result<Balance> {
        let currency = currency(account)?.ok_or_else(|| Error::unreadable("data.currency.code", "absent"))?;
        let money = |amount: wire::Decimal| Money::new(amount.0, currency);
        Ok(Balance {
            account_id: id.clone(),
            balance_due: account
                .balance
                .map(money)
                .ok_or_else(|| Error::unreadable("data.balance", "absent"))?,
            overdue: account.outstanding_amount.map(money),
            unbilled: None,
            credit_limit: account.credit_limit.map(money),
            as_of: None,
        })
    }

    /// The one total of what is past due; nothing if it is zero.
    pub(super) fn overdue(&self, raw: &RawValue, asked: &AccountId, native: bool) -> Result<Vec<OverduePayment>> {
        let account: wire::Account = read(raw)?;
        let owed = account
            .outstanding_amount
            .ok_or_else(|| Error::unreadable("data.outstanding_amount", "absent"))?;
        if owed.0.is_zero() || owed.0.is_sign_negative() {
            return Ok(Vec::new());
        }
        let currency = currency(&account)?.ok_or_else(|| Error::unreadable("data.currency.code", "absent"))?;
        Ok(vec![OverduePayment {
            account_id: self.id(&account, Some(asked))?,
            backend: self.backend.clone(),
            due_on: None,
            amount: Money::new(owed.0, currency),
            days_overdue: None,
            native: if native { Some(without_credentials(raw)?) } else { None },
        }])
    }

    /// When the customer is to pay: a number of days with an operator up to R13, an object from R14 on. The JSON type
    /// decides (README, "Pitfalls in the document").
    pub(super) fn terms(&self, raw: &RawValue, asked: &AccountId, native: bool) -> Result<PaymentTerms> {
        let account: wire::Account = read(raw)?;
        let mut terms = PaymentTerms {
            account_id: self.id(&account, Some(asked))?,
            backend: self.backend.clone(),
            name: None,
            due_days: None,
            due_day_of_month: None,
            due_after_months: None,
            native_rule: None,
            payment_method: account
                .recurring_payments_preferences
                .and_then(|recurring| text(recurring.enabled_payment_method?.name)),
            native: if native { Some(without_credentials(raw)?) } else { None },
        };
        let Some(period) = account.credit_period else {
            return Ok(terms);
        };
        if period.get().starts_with('{') {
            let period: wire::CreditPeriod = part(&period, "data.credit_period")?;
            terms.due_days = whole(period.credit_period_number_of_days, "credit_period_number_of_days")?;
            terms.due_day_of_month = whole(period.credit_period_day_of_month, "credit_period_day_of_month")?;
            terms.due_after_months = whole(period.credit_period_after_x_months, "credit_period_after_x_months")?;
            // What the operator and the number behind it do to the rule is not documented: they are passed on.
            let count = period.credit_period.map(|count| count.0.normalize().to_string());
            terms.native_rule = joined([
                text(period.credit_period_setting),
                text(period.credit_period_operator),
                count,
                text(period.credit_period_uot),
            ]);
        } else {
            let days: wire::Decimal = part(&period, "data.credit_period")?;
            let operator = text(account.credit_period_operator);
            // PLUS counts on from the posting; MINUS is a count back from something that is not documented.
            if operator.as_deref().is_none_or(|operator| operator == "PLUS") {
                terms.due_days = whole(Some(days), "credit_period")?;
            }
            terms.native_rule = operator.and_then(|operator| {
                joined([
                    Some(operator),
                    Some(days.0.normalize().to_string()),
                    Some("DAYS".to_owned()),
                ])
            });
        }
        Ok(terms)
    }

    /// The ways an account pays, the default first.
    pub(super) fn methods(&self, raw: &RawValue, asked: &AccountId, native: bool) -> Result<Vec<PaymentMethod>> {
        #[derive(serde::Deserialize)]
        struct Rows<'a> {
            #[serde(borrow)]
            payment_preferences_set: Option<Vec<&'a RawValue>>,
        }
        let account: wire::Account = read(raw)?;
        let id = self.id(&account, Some(asked))?;
        let rows: Rows<'_> = serde_json::from_str(raw.get())
            .map_err(|_| Error::unreadable("data.payment_preferences_set", "not what the contract says"))?;
        let preferences = account
            .payment_preferences_set
            .ok_or_else(|| Error::unreadable("data.payment_preferences_set", "absent"))?;
        let mut methods = preferences
            .into_iter()
            .zip(rows.payment_preferences_set.unwrap_or_default())
            .map(|(preference, row)| {
                let mut method = self.method(&id, preference)?;
                if native {
                    method.native = Some(without_credentials(row)?);
                }
                Ok(method)
            })
            .collect::<Result<Vec<_>>>()?;
        methods.sort_by_key(|method| method.is_default != Some(true));
        Ok(methods)
    }

    fn method(&self, account: &AccountId, preference: wire::PaymentPreference) -> Result<PaymentMethod> {
        let native_id = text(preference.id);
        let id = native_id
            .as_deref()
            .map(|id| Id::of(self.backend, &[account.key(), METHOD, id]))
            .transpose()
            .map_err(|_| Error::unreadable("data.payment_preferences_set[].id", "it cannot be a key"))?;
        let (name, kind) = preference
            .payment_preference
            .map(|named| (text(named.name), text(named.r#type)))
            .unwrap_or_default();
        let cards = preference.cards_set.unwrap_or_default();
        let card = preference.default_card.or_else(|| {
            let at = cards.iter().position(|entry| entry.default == Some(true)).unwrap_or(0);
            let entry = cards.into_iter().nth(at)?;
            Some(entry.card.unwrap_or(entry.flat))
        });
        let number = text(preference.iban).or_else(|| text(preference.bank_account_number));
        let native_status = text(preference.state);
        Ok(PaymentMethod {
            id,
            backend: self.backend.clone(),
            native_id,
            account_id: account.clone(),
            kind: match kind.as_deref() {
                Some("DIRECT_DEBIT") => PaymentMethodKind::DirectDebit,
                Some(kind) if kind.ends_with("_PAYMENT_GATEWAY") && card.is_some() => PaymentMethodKind::Card,
                _ => PaymentMethodKind::Other,
            },
            native_kind: kind,
            status: native_status.as_deref().map(|state| match state {
                "ACTIVE" => PaymentMethodStatus::Active,
                _ => PaymentMethodStatus::Other,
            }),
            native_status,
            currency: None,
            starts_on: None,
            is_default: preference.default,
            bank_account: number.map(|number| BankAccount {
                holder: text(preference.account_holder),
                number_last_four: LastFour::of(&number),
                bank_code_last_four: preference.business_identifier_code.as_deref().and_then(LastFour::of),
            }),
            card: card.map(|card| Card {
                network: text(card.brand),
                number_last_four: card.last_digits.as_deref().and_then(LastFour::of),
                expires: card
                    .expiration_year
                    .zip(card.expiration_month)
                    .and_then(|(year, month)| Card::month(year, month)),
            }),
            vendor: name,
            ledger: None,
            native: None,
        })
    }

    fn id(&self, account: &wire::Account, asked: Option<&AccountId>) -> Result<AccountId> {
        match (
            account.number.as_deref().filter(|number| !number.trim().is_empty()),
            asked,
        ) {
            (Some(number), _) => {
                Id::of(self.backend, &[number]).map_err(|_| Error::unreadable("data.number", "it cannot be a key"))
            }
            (None, Some(asked)) => Ok(asked.clone()),
            (None, None) => Err(Error::unreadable("data.number", "absent")),
        }
    }

    /// The account above: an object names it; a Boolean only says whether this account heads a group.
    fn parent(&self, parent: Option<&RawValue>) -> Result<Option<AccountId>> {
        let Some(parent) = parent.filter(|parent| parent.get().starts_with('{')) else {
            return Ok(None);
        };
        let parent: wire::Reference = part(parent, "data.parent_account")?;
        let number = text(parent.number);
        number
            .map(|number| Id::of(self.backend, &[&number]))
            .transpose()
            .map_err(|_| Error::unreadable("data.parent_account.number", "it cannot be a key"))
    }
}

/// The state of an account in canonical words.
pub(super) fn status(native: &str) -> AccountStatus {
    match native {
        "ACTIVE" => AccountStatus::Active,
        "SUSPENDED" => AccountStatus::Suspended,
        "TERMINATED" => AccountStatus::Closed,
        _ => AccountStatus::Other,
    }
}

fn currency(account: &wire::Account) -> Result<Option<Currency>> {
    let code = account.currency.as_ref().and_then(|currency| currency.code.as_deref());
    code.map(str::parse)
        .transpose()
        .map_err(|_| Error::unreadable("data.currency.code", "it is no ISO 4217 code"))
}

fn billing(account: &wire::Account) -> Option<Billing> {
    let presentments = account.presentment_preferences_set.as_deref().unwrap_or_default();
    let active = presentments
        .iter()
        .find(|presentment| presentment.state.as_deref().is_none_or(|state| state == "ACTIVE"));
    let billing = Billing {
        name: [&account.contact_information, &account.account_owner]
            .into_iter()
            .flatten()
            .find_map(|contact| text(contact.name.clone())),
        email: active.and_then(|presentment| text(presentment.email.as_ref()?.email_address.clone())),
        address: account.billing_address.as_ref().and_then(address),
        delivery: active.and_then(|presentment| {
            let way = presentment.presentment_preference.as_ref();
            text(way.or(presentment.presentment_method.as_ref())?.r#type.clone())
        }),
    };
    (billing != Billing::default()).then_some(billing)
}

fn address(address: &wire::Address) -> Option<Address> {
    let field = |field: &Option<String>| text(field.clone());
    let street = joined([field(&address.street_name), field(&address.street_number)]);
    let floor = address.floor.map(|floor| format!("Floor {}", floor.0.normalize()));
    let apartment = field(&address.apartment_number).map(|number| format!("Apartment {number}"));
    let box_ = field(&address.po_box).map(|number| format!("PO Box {number}"));
    let lines: Vec<String> = [
        field(&address.care_of).map(|name| format!("c/o {name}")),
        field(&address.address_line_1),
        field(&address.address_line_2),
        street,
        floor,
        apartment,
        box_,
        field(&address.area),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mapped = Address {
        lines,
        locality: field(&address.town_city).or_else(|| field(&address.municipality)),
        region: field(&address.district).or_else(|| field(&address.state_province_county)),
        postal_code: field(&address.postal_code).or_else(|| field(&address.po_box_postal_code)),
        country: address.country.as_ref().and_then(|country| text(country.name.clone())),
    };
    (mapped != Address::default()).then_some(mapped)
}

/// A text that says something: blanks and `N/A` do not (README, "Pitfalls in the document").
fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !matches!(text.trim(), "" | "N/A"))
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn whole(number: Option<wire::Decimal>, field: &'static str) -> Result<Option<u32>> {
    let whole = |number: wire::Decimal| {
        let fits = number.0.fract().is_zero().then(|| u32::try_from(number.0.trunc()).ok());
        fits.flatten()
            .ok_or_else(|| Error::unreadable(format!("data.{field}"), "it is no count"))
    };
    number.map(whole).transpose()
}

fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T> {
    part(raw, "data")
}

fn part<T: DeserializeOwned>(raw: &RawValue, place: &'static str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Error::unreadable(format!("{place}.{}", error.path()), "not what the contract says"))
}

/// The system's own record without what opens anything. Numbers keep their text.
fn without_credentials(raw: &RawValue) -> Result<Native> {
    let text = stripped(raw)?;
    let kept = RawValue::from_string(text).map_err(|_| Error::unreadable("data", "it is no JSON"))?;
    Ok(Native::new(kept))
}

fn stripped(raw: &RawValue) -> Result<String> {
    let odd = |_| Error::unreadable("data", "it is no JSON");
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(odd)?;
            let mut kept = Vec::with_capacity(members.len());
            for (name, value) in members {
                if !CREDENTIALS.contains(&name.as_str()) {
                    kept.push(format!("{}:{}", Value::String(name), stripped(value)?));
                }
            }
            Ok(format!("{{{}}}", kept.join(",")))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(odd)?;
            let items = items.into_iter().map(stripped).collect::<Result<Vec<_>>>()?;
            Ok(format!("[{}]", items.join(",")))
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
