//! The accounts of one organisation, and what the calls do to them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::request::{Asked, Identifier, SELECTORS, is_local};
use super::sessions::hex;

const DATA: &str = include_str!("data/accounts.json");
const TERMINATED: &str = include_str!("data/examples/terminate.response.json");
const R14: &str = include_str!("data/examples/show.r14-shape.response.json");

/// What may be set by create and update, beside credit terms and what is named by an identifier.
const TEXTS: [&str; 11] = [
    "name",
    "description",
    "notes",
    "udf_string_1",
    "udf_string_2",
    "udf_string_3",
    "udf_string_4",
    "udf_string_5",
    "udf_string_6",
    "udf_string_7",
    "udf_string_8",
];
const NUMBERS: [&str; 5] = [
    "credit_limit",
    "udf_float_1",
    "udf_float_2",
    "udf_float_3",
    "udf_float_4",
];
const DATES: [&str; 4] = ["udf_date_1", "udf_date_2", "udf_date_3", "udf_date_4"];
const RATINGS: [&str; 9] = ["AAA", "AA", "A", "BAA", "BA", "B", "CAA", "CA", "C"];

/// Which shapes an organisation's release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    R13,
    R14,
}

/// A step in the life of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Terminate,
    Suspend,
    Unsuspend,
}

/// The accounts of one organisation.
pub(super) struct Ledger {
    release: Release,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    accounts: Vec<Account>,
    tokens: Vec<AccessToken>,
    created: u32,
}

#[derive(Deserialize)]
struct File {
    example: Account,
    tokens: Vec<AccessToken>,
    accounts: Vec<Account>,
}

/// An account as the calls show it, and what selects it in lists.
#[derive(Clone, Default, Deserialize)]
struct Account {
    #[serde(default)]
    record: Map<String, Value>,
    #[serde(default)]
    emails: Vec<String>,
    #[serde(default)]
    subscriptions: Vec<String>,
    #[serde(default)]
    wallets: Vec<String>,
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Clone, Deserialize)]
struct Member {
    number: String,
    funding_scope: String,
    shows_owner: bool,
    funded_services: Value,
}

#[derive(Clone, Deserialize)]
struct AccessToken {
    account: String,
    effective: bool,
    authentication_code: String,
    identifier: String,
    pass_code: String,
    one_time_password: Option<u64>,
}

impl Account {
    fn text(&self, name: &str) -> &str {
        self.record.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.record.insert(name.to_owned(), value.into());
    }

    fn shown(&self) -> Value {
        Value::Object(self.record.clone())
    }
}

impl Ledger {
    pub(super) fn new(release: Release) -> Self {
        let Ok(file) = serde_json::from_str::<File>(DATA) else {
            return Ledger {
                release,
                kept: Mutex::default(),
            };
        };
        let mut example = Account {
            record: example(release),
            ..file.example
        };
        if release == Release::R13 {
            // The example shows the account as it is when it has ended; before, it owes what `show` says.
            example.set("life_cycle_state", "ACTIVE");
            example.set("balance", json!(58.55));
            example.set("outstanding_amount", json!(12.3));
        }
        let mut accounts = vec![example];
        for mut account in file.accounts {
            if release == Release::R14 {
                newer(&mut account.record);
            }
            accounts.push(account);
        }
        let kept = Kept {
            accounts,
            tokens: file.tokens,
            created: 0,
        };
        Ledger {
            release,
            kept: Mutex::new(kept),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn show(&self, identifier: &Identifier) -> Result<Value, Refusal> {
        Ok(self.lock().find(identifier)?.shown())
    }

    pub(super) fn suspense(&self) -> Result<Value, Refusal> {
        let kept = self.lock();
        let found = kept.accounts.iter().find(|account| account.text("type") == "SYSTEM");
        found.map(Account::shown).ok_or_else(Refusal::no_account)
    }

    pub(super) fn step(&self, identifier: &Identifier, step: Step) -> Result<Value, Refusal> {
        let mut kept = self.lock();
        let account = kept.find(identifier)?;
        let state = account.text("life_cycle_state");
        let next = match (step, state) {
            (_, "TERMINATED") => return Err(Refusal::terminated()),
            (Step::Terminate, _) => "TERMINATED",
            (Step::Suspend, _) if account.text("type") == "SYSTEM" => {
                return Err(Refusal::new("A system accounts receivable cannot be suspended"));
            }
            (Step::Suspend, "SUSPENDED") => return Err(Refusal::new("The accounts receivable is suspended")),
            (Step::Suspend, _) => "SUSPENDED",
            (Step::Unsuspend, "SUSPENDED") => "ACTIVE",
            (Step::Unsuspend, _) => return Err(Refusal::new("The accounts receivable is not suspended")),
        };
        account.set("life_cycle_state", next);
        if step == Step::Terminate {
            account.set("balance", 0);
            account.set("outstanding_amount", 0);
        }
        Ok(account.shown())
    }

    pub(super) fn create(&self, asked: &Asked) -> Result<Value, Refusal> {
        let mut account = Account {
            record: example(self.release)
                .into_iter()
                .map(|(name, _)| (name, Value::Null))
                .collect(),
            ..Account::default()
        };
        for (name, value) in [
            ("type", json!("CUSTOMER")),
            ("life_cycle_state", json!("ACTIVE")),
            ("balance", json!(0)),
            ("opening_balance", json!(0)),
            ("outstanding_amount", json!(0)),
            ("credit_limit_status", json!("NOT_EXCEEDED")),
            ("primary_account", json!(true)),
            ("parent_account", json!(false)),
            ("currency", currency("EUR")),
            ("payment_preferences_set", json!([])),
            ("presentment_preferences_set", json!([])),
            ("access_tokens_set", json!([])),
        ] {
            account.set(name, value);
        }
        self.change(&mut account, asked)?;
        let mut kept = self.lock();
        kept.created += 1;
        let number = format!("ACR{:010}", 1000 + kept.created);
        if account.record.get("name").is_none_or(Value::is_null) {
            account.set("name", number.clone());
        }
        account.set("number", number);
        account.set("id", hex());
        let shown = account.shown();
        kept.accounts.push(account);
        Ok(shown)
    }

    pub(super) fn update(&self, identifier: &Identifier, asked: &Asked) -> Result<Value, Refusal> {
        let mut kept = self.lock();
        let account = kept.find(identifier)?;
        if account.text("life_cycle_state") == "TERMINATED" {
            return Err(Refusal::terminated());
        }
        // All or nothing.
        let mut changed = account.clone();
        self.change(&mut changed, asked)?;
        *account = changed;
        Ok(account.shown())
    }

    pub(super) fn list(&self, asked: &Asked) -> Result<Value, Refusal> {
        let mut given = SELECTORS
            .into_iter()
            .filter_map(|name| asked.text(name).map(|value| (name, value)));
        let (name, value) = match (given.next(), given.next()) {
            (Some(selector), None) => selector,
            (None, _) => return Err(Refusal::new("One selector must be given")),
            (_, Some(_)) => return Err(Refusal::new("Only one selector may be given")),
        };
        let kept = self.lock();
        let found = |account: &&Account| selects(account, name, value);
        if name != "email_address" && !value.contains('=') {
            return Err(Refusal::parameter(name, "must be a field, = and the value"));
        }
        Ok(kept.accounts.iter().filter(found).map(Account::shown).collect())
    }

    pub(super) fn members(&self, identifier: &Identifier, asked: &Asked) -> Result<Value, Refusal> {
        let scope = asked.text("funding_scope");
        if scope.is_some_and(|scope| !matches!(scope, "FULLY_FUNDED" | "PARTIALLY_FUNDED")) {
            let why = "must be FULLY_FUNDED or PARTIALLY_FUNDED";
            return Err(Refusal::parameter("funding_scope", why));
        }
        let offset = asked.number("offset", 0)?.unwrap_or(0);
        let limit = asked.number("number_of_results", 1)?.unwrap_or(usize::MAX);
        let mut kept = self.lock();
        let members = kept.find(identifier)?.members.clone();
        let shown = members
            .into_iter()
            .filter(|member| scope.is_none_or(|scope| member.funding_scope == scope))
            .skip(offset)
            .take(limit);
        Ok(shown.filter_map(|member| kept.member(member)).collect())
    }

    /// Sets what a create or an update asks for; a null clears.
    fn change(&self, account: &mut Account, asked: &Asked) -> Result<(), Refusal> {
        let mut take = |names: &[&str], fits: fn(&Value) -> bool, why| {
            for name in names {
                let Some(value) = asked.get(name) else { continue };
                if !value.is_null() && !fits(value) {
                    return Err(Refusal::parameter(name, why));
                }
                account.set(name, value.clone());
            }
            Ok(())
        };
        take(&TEXTS, Value::is_string, "must be text or null")?;
        take(&NUMBERS, Value::is_number, "must be a number or null")?;
        take(&DATES, is_local, "must be a date without a zone or null")?;
        if asked
            .get("vat_number")
            .is_some_and(|value| !value.is_null() && !value.is_string())
        {
            return Err(Refusal::parameter("vat_number", "must be text or null"));
        }
        self.credit_period(account, asked)?;
        for (parameter, member, known) in [
            ("classification_identifier", "classification", classifications()),
            ("owned_by_group_identifier", "owned_by_group", groups()),
            ("privacy_level_identifier", "privacy_level", privacy_levels()),
            (
                "currency_identifier",
                "currency",
                json!([currency("EUR"), currency("USD"), currency("GBP")]),
            ),
            ("credit_rating_identifier", "credit_rating", ratings()),
        ] {
            if let Some(named) = asked.get(parameter) {
                let found = named_by(named, &known).ok_or_else(|| Refusal::parameter(parameter, "matches nothing"))?;
                account.set(member, found);
            }
        }
        if let Some(code) = asked.get("credit_rating_code") {
            let found = named_by(&json!({ "code": code }), &ratings());
            account.set(
                "credit_rating",
                found.ok_or_else(|| Refusal::parameter("credit_rating_code", "is not known"))?,
            );
        }
        Ok(())
    }

    fn credit_period(&self, account: &mut Account, asked: &Asked) -> Result<(), Refusal> {
        let period = asked.get("credit_period");
        if period.is_some_and(|value| !value.is_null() && !value.is_number()) {
            return Err(Refusal::parameter("credit_period", "must be a number or null"));
        }
        let operator = asked.get("credit_period_operator");
        if operator.is_some_and(|value| value != "PLUS" && value != "MINUS") {
            return Err(Refusal::parameter("credit_period_operator", "must be PLUS or MINUS"));
        }
        if let Some(period) = period {
            account.set("credit_period", period.clone());
            let default = if period.is_null() { Value::Null } else { json!("PLUS") };
            account.set("credit_period_operator", default);
        }
        if let Some(operator) = operator {
            account.set("credit_period_operator", operator.clone());
        }
        if self.release == Release::R14 {
            newer(&mut account.record);
        }
        Ok(())
    }
}

impl Kept {
    fn find(&mut self, identifier: &Identifier) -> Result<&mut Account, Refusal> {
        let number = match identifier {
            Identifier::Id(id) => return self.one("id", id),
            Identifier::Number(number) => return self.one("number", number),
            Identifier::Name(name) => return self.one("name", name),
            Identifier::AuthenticationCode(code) => {
                self.holder(|token| token.authentication_code == *code)?.account.clone()
            }
            Identifier::PassCode(name, code) => self
                .holder(|token| token.identifier == *name && token.pass_code == *code)?
                .account
                .clone(),
            Identifier::OneTimePassword(password) => {
                let token = self.holder(|token| token.one_time_password == Some(*password))?;
                token.one_time_password = None;
                token.account.clone()
            }
        };
        self.one("number", &number)
    }

    fn holder(&mut self, is: impl Fn(&AccessToken) -> bool) -> Result<&mut AccessToken, Refusal> {
        let found = self.tokens.iter_mut().find(|token| token.effective && is(token));
        found.ok_or_else(Refusal::no_account)
    }

    fn one(&mut self, key: &str, value: &str) -> Result<&mut Account, Refusal> {
        let mut found = self.accounts.iter_mut().filter(|account| account.text(key) == value);
        match (found.next(), found.next()) {
            (Some(account), None) => Ok(account),
            (None, _) => Err(Refusal::no_account()),
            (_, Some(_)) => Err(Refusal::new("More than one accounts receivable matches the identifier")),
        }
    }

    fn member(&self, member: Member) -> Option<Value> {
        let account = self
            .accounts
            .iter()
            .find(|account| account.text("number") == member.number)?;
        let owner = account.record.get("contact_information").filter(|_| member.shows_owner);
        Some(json!({
            "id": account.text("id"),
            "number": account.text("number"),
            "name": account.text("name"),
            "life_cycle_state": account.text("life_cycle_state"),
            "funding_scope": member.funding_scope,
            "account_owner": owner,
            "funded_services": member.funded_services,
        }))
    }
}

/// The record of the contract's example for a release.
fn example(release: Release) -> Map<String, Value> {
    let text = match release {
        Release::R13 => TERMINATED,
        Release::R14 => R14,
    };
    let mut body = serde_json::from_str::<Value>(text).unwrap_or_default();
    match body.get_mut("data").map(Value::take) {
        Some(Value::Object(record)) => record,
        _ => Map::new(),
    }
}

/// Bends a record to the shape of R14; one that has it stays.
fn newer(record: &mut Map<String, Value>) {
    let operator = record.remove("credit_period_operator");
    if let Some(days) = record.get("credit_period").filter(|period| period.is_number()).cloned() {
        let object = json!({
            "credit_period_setting": "X_DAYS_AFTER_TRANSACTION_POSTED_DATE",
            "credit_period_number_of_days": days,
            "credit_period_day_of_month": null,
            "credit_period_after_x_months": null,
            "credit_period_operator": operator,
            "credit_period": days,
            "credit_period_uot": "DAYS",
        });
        record.insert("credit_period".to_owned(), object);
    } else if let (Some(Value::Object(period)), Some(operator)) = (record.get_mut("credit_period"), operator) {
        period.insert("credit_period_operator".to_owned(), operator);
    }
    if let Some(Value::Array(preferences)) = record.get_mut("presentment_preferences_set") {
        for preference in preferences.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(method) = preference.remove("presentment_method") {
                preference.insert("presentment_preference".to_owned(), method);
            }
        }
    }
}

/// Whether a selector of a list picks an account.
fn selects(account: &Account, name: &str, value: &str) -> bool {
    if name == "email_address" {
        return account.emails.iter().any(|email| email.eq_ignore_ascii_case(value));
    }
    let (key, value) = value.split_once('=').unwrap_or_default();
    let is = |object: &Value| object.get(key).and_then(Value::as_str) == Some(value);
    let each = |set: &str, inner: [&str; 2]| {
        let entries = account.record.get(set).and_then(Value::as_array).into_iter().flatten();
        entries
            .filter_map(|entry| inner.into_iter().find_map(|name| entry.get(name)))
            .any(is)
    };
    match name {
        "subscription_identifier" => key == "number" && account.subscriptions.iter().any(|known| known == value),
        "wallet_identifier" => key == "number" && account.wallets.iter().any(|known| known == value),
        "contact_information_identifier" => account.record.get("contact_information").is_some_and(is),
        "payment_preference_identifier" => each("payment_preferences_set", ["payment_preference"; 2]),
        _ => each(
            "presentment_preferences_set",
            ["presentment_preference", "presentment_method"],
        ),
    }
}

/// The record among `known` that an object with one key names.
fn named_by(named: &Value, known: &Value) -> Option<Value> {
    let named = named.as_object().filter(|named| named.len() == 1)?;
    let (key, value) = named.iter().next()?;
    let mut known = known.as_array()?.iter();
    known
        .find(|record| !value.is_null() && record.get(key) == Some(value))
        .cloned()
}

fn currency(code: &str) -> Value {
    let (id, sign, whole, part) = match code {
        "USD" => ("3", "$", "dollar", "cents"),
        "GBP" => ("4", "£", "pound", "pence"),
        _ => ("2", "€", "euro", "cents"),
    };
    json!({
        "id": id,
        "code": code,
        "prefix_symbol": sign,
        "suffix_symbol": "N/A",
        "integer_part_name": whole,
        "decimal_part_name": part,
    })
}

fn classifications() -> Value {
    json!([
        { "alternative_code": "RC", "name": "Fleet Company", "id": "622533B94C749EE89D1933FD4D1FFFF7" },
        { "alternative_code": "RS", "name": "Residential", "id": "722533B94C749EE89D1933FD4D1FFFF8" },
    ])
}

fn groups() -> Value {
    json!([{
        "alternative_code": "MG",
        "community_name": "Community",
        "name": "Main Group",
        "description": "Main Group",
        "id": "1",
    }])
}

fn privacy_levels() -> Value {
    json!([{
        "number": "14",
        "name": "PL Group A_Share_Low",
        "id": "9DCEFDA9D56145978C265085CD146810",
        "hierarchy_level": 1,
    }])
}

fn ratings() -> Value {
    let rating = |code: &&str| json!({ "code": code, "name": format!("key_{}", code.to_lowercase()) });
    RATINGS.iter().map(rating).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ledger, Release, newer};
    use crate::sandbox::crmcom::request::Identifier;
    use serde_json::{Value, json};

    #[test]
    fn the_data_file_is_read_whole() {
        for release in [Release::R13, Release::R14] {
            let ledger = Ledger::new(release);
            assert_eq!(ledger.lock().accounts.len(), 13);
            let one = ledger.show(&Identifier::Number("ACR0000000056".to_owned())).unwrap();
            assert_eq!(one["life_cycle_state"], "ACTIVE");
        }
    }

    #[test]
    fn the_newer_shape_is_made_once() {
        let old = json!({
            "credit_period": 7,
            "credit_period_operator": "MINUS",
            "presentment_preferences_set": [{ "id": "1", "presentment_method": { "type": "F2F" } }],
        });
        let Value::Object(mut record) = old else { unreachable!() };
        newer(&mut record);
        assert_eq!(record["credit_period"]["credit_period_number_of_days"], 7);
        assert_eq!(record["credit_period"]["credit_period_operator"], "MINUS");
        assert!(!record.contains_key("credit_period_operator"));
        assert_eq!(
            record["presentment_preferences_set"][0]["presentment_preference"]["type"],
            "F2F"
        );
        let once = record.clone();
        newer(&mut record);
        assert_eq!(record, once);
    }
}
