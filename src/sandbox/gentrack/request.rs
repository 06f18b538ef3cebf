//! What a request asks for, and whether it is one the contract allows.

use std::borrow::Cow;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::{Finding, Refusal};
use super::records::Transaction;

/// The market's time zone.
const ZONE: &str = "Australia/Sydney";

/// Method, path, operationId and whether the transaction headers belong to it, for each call of the contract. The
/// busiest come first.
const OPERATIONS: [(&str, &str, &str, bool); 43] = [
    ("GET", "/accounts/{}/bills", "getAccountBills", false),
    (
        "GET",
        "/service-points/{}/meter-read-history",
        "getMeterReadings",
        false,
    ),
    ("GET", "/accounts/{}", "getAccount", false),
    ("GET", "/accounts/{}/balance", "getAccountBalance", false),
    (
        "GET",
        "/accounts/{}/financial-transactions",
        "getAccountTransactions",
        false,
    ),
    ("GET", "/bills/{}/image", "getBillImage", false),
    ("GET", "/bills/{}/meter-reads", "getBillMeterReadings", false),
    ("GET", "/service-points/{}/structure", "getMeterStructure", false),
    (
        "POST",
        "/service-points/{}/validate-meter-reads",
        "validateMeterReadings",
        false,
    ),
    (
        "POST",
        "/service-points/{}/submit-meter-reads",
        "submitMeterReadings",
        false,
    ),
    ("POST", "/accounts", "createAccount", true),
    ("PUT", "/accounts/{}", "updateAccount", true),
    ("PUT", "/accounts/{}/parent", "updateAccountParent", false),
    ("POST", "/accounts/{}/review", "createAccountReview", false),
    ("GET", "/accounts/{}/review", "getAccountReview", false),
    (
        "POST",
        "/accounts/{}/payment-arrangements",
        "createPaymentArrangement",
        false,
    ),
    (
        "GET",
        "/accounts/{}/payment-arrangements",
        "getPaymentArrangements",
        false,
    ),
    ("DELETE", "/payment-arrangements/{}", "deletePaymentArrangement", false),
    ("POST", "/accounts/{}/payment-methods", "createPaymentMethod", false),
    ("GET", "/accounts/{}/payment-methods", "getPaymentMethod", false),
    ("POST", "/accounts/{}/refund-request", "createRefundRequest", false),
    (
        "GET",
        "/accounts/{}/billing-information",
        "getBillingInformation",
        false,
    ),
    ("GET", "/accounts/{}/payment-review-date", "getNextPaymentReview", false),
    (
        "PUT",
        "/accounts/{}/payment-review-date",
        "updateNextPaymentReview",
        false,
    ),
    ("GET", "/accounts/{}/overdue-payments", "getOverduePayments", false),
    ("GET", "/accounts/{}/payment-terms", "getPaymentTerms", false),
    (
        "GET",
        "/accounts/{}/suggested-payment-amount",
        "getSuggestedPaymentAmount",
        false,
    ),
    ("POST", "/bills/{}/fix", "fixBill", false),
    ("POST", "/contacts", "createContact", true),
    ("GET", "/contacts/{}", "getContact", false),
    ("PUT", "/contacts/{}", "updateContact", true),
    ("PUT", "/contacts/{}/remove", "deleteContact", true),
    ("PUT", "/contacts/{}/relationships", "updateContactRelationships", true),
    (
        "PUT",
        "/contacts/{}/relationships/remove",
        "removeContactRelationships",
        true,
    ),
    ("POST", "/customers", "createCustomer", true),
    ("GET", "/customers/{}", "getCustomer", false),
    ("PUT", "/customers/{}", "updateCustomer", true),
    ("POST", "/customer-sync", "customerSync", true),
    ("POST", "/organisations", "createOrganisation", true),
    ("GET", "/organisations/{}", "getOrganisation", false),
    ("PUT", "/organisations/{}", "updateOrganisation", true),
    (
        "PUT",
        "/organisations/{}/relationships",
        "updateOrganisationRelationships",
        true,
    ),
    (
        "PUT",
        "/organisations/{}/relationships/remove",
        "removeOrganisationRelationships",
        true,
    ),
];

/// Headers that only the calls with transactions carry (README, "Headers").
const TRANSACTION_HEADERS: [&str; 4] = [
    "x-transaction-id",
    "x-transaction-part-number",
    "x-transaction-part-total",
    "x-transaction-date-time",
];

/// The call a request is for.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) operation: &'static str,
    /// The identifier in the path, decoded; empty where there is none.
    pub(super) id: Cow<'a, str>,
    transactions: bool,
    body: bool,
    writes: bool,
}

impl Route<'_> {
    /// Whether it may change something.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }
}

/// Finds the call for a method and a path below the API's base.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Refusal> {
    let mut elsewhere = false;
    for (verb, template, operation, transactions) in OPERATIONS {
        let Some(id) = fit(template, path) else { continue };
        if verb != method.as_str() {
            elsewhere = true;
            continue;
        }
        let Ok(id) = percent_decode_str(id).decode_utf8() else {
            break;
        };
        return Ok(Route {
            operation,
            id,
            transactions,
            body: matches!(verb, "POST" | "PUT"),
            writes: verb != "GET",
        });
    }
    if elsewhere {
        let why = format!("{method} is not allowed here.");
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", why));
    }
    Err(Refusal::not_found("No such path."))
}

/// The part of `path` that stands for `{}` in the template.
fn fit<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{}") else {
        return (template == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether the body's media type is this one, parameters aside.
pub(super) fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|text| text.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(wanted)
}

/// The transaction a request belongs to, by its headers; `None` without both an id and a date-time.
pub(super) fn transaction(route: &Route<'_>, headers: &HeaderMap) -> Result<Option<Transaction>, Refusal> {
    let [id, part, total, at] = TRANSACTION_HEADERS.map(|name| {
        headers
            .get(name)
            .and_then(|text| text.to_str().ok())
            .unwrap_or_default()
    });
    if !at.is_empty() && at.parse::<jiff::Timestamp>().is_err() {
        let why = "The time must be written in ISO 8601 with an offset.";
        return Err(Refusal::one("InvalidHeader", "x-transaction-date-time", why));
    }
    for (name, value) in [("x-transaction-part-number", part), ("x-transaction-part-total", total)] {
        if !value.is_empty() && !value.parse::<u32>().is_ok_and(|number| number > 0) {
            return Err(Refusal::one("InvalidHeader", name, "It must be a whole number from 1."));
        }
    }
    if !route.transactions || id.is_empty() || at.is_empty() {
        return Ok(None);
    }
    Ok(Some(Transaction {
        operation: route.operation,
        id: id.to_owned(),
        part: part.to_owned(),
        at: at.to_owned(),
    }))
}

/// Checks the headers that do not depend on the call's data.
pub(super) fn check_headers(route: &Route<'_>, headers: &HeaderMap) -> Result<(), Refusal> {
    let accepts = Accepts::of(headers);
    if route.operation == "getBillImage" {
        if !accepts.allows("application/pdf") && !accepts.allows("text/plain") {
            return Err(Refusal::not_acceptable());
        }
    } else if !accepts.allows("application/json") {
        let why = "The answer is available as application/json.";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", why));
    }
    if route.body && !has_media_type(headers, "application/json") {
        let why = "Send the body as application/json.";
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            why,
        ));
    }
    if !route.transactions {
        let stray = TRANSACTION_HEADERS
            .into_iter()
            .filter(|name| headers.contains_key(*name));
        let findings: Vec<_> = stray
            .map(|name| Finding {
                code: "UnexpectedHeader",
                field: name.to_owned(),
                description: format!("{} takes no transaction headers.", route.operation),
            })
            .collect();
        if !findings.is_empty() {
            return Err(Refusal::invalid(findings));
        }
    }
    Ok(())
}

/// The media types a caller takes.
pub(super) struct Accepts<'a>(Option<&'a str>);

impl<'a> Accepts<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Accepts(headers.get(ACCEPT).and_then(|text| text.to_str().ok()))
    }

    /// Whether this media type is among them; without an Accept header every type is.
    pub(super) fn allows(&self, kind: &str) -> bool {
        let Some(accept) = self.0 else { return true };
        let family = kind.split('/').next().unwrap_or_default();
        accept
            .split(',')
            .filter_map(|range| range.split(';').next())
            .map(str::trim)
            .any(|range| range == "*/*" || range.eq_ignore_ascii_case(kind) || range.strip_suffix("/*") == Some(family))
    }
}

/// The query of a request, each name once.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                percent_decode_str(&text.replace('+', " "))
                    .decode_utf8_lossy()
                    .into_owned()
            };
            let (name, value) = (decode(name), decode(value));
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::one(
                    "ParameterRepeated",
                    &name,
                    "The parameter may be given once.",
                ));
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Refuses every name that is not among `names`.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), Refusal> {
        let unknown = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let findings: Vec<_> = unknown
            .map(|(name, _)| Finding {
                code: "UnknownParameter",
                field: name.clone(),
                description: "The operation knows no such parameter.".to_owned(),
            })
            .collect();
        if findings.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(findings))
        }
    }

    /// A date, if it is given.
    pub(super) fn date(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(text) if is_date(text) => Ok(Some(text)),
            Some(_) => Err(Refusal::one(
                "InvalidDate",
                name,
                "The date must be written YYYY-MM-DD.",
            )),
            None => Ok(None),
        }
    }

    /// True or false, if it is given.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.get(name)
            .map(|text| {
                let flag = text.parse();
                flag.map_err(|_| Refusal::one("InvalidType", name, "It must be true or false."))
            })
            .transpose()
    }

    /// Two optional dates, the only parameters.
    pub(super) fn range(&self, start: &str, end: &str) -> Result<(Option<&str>, Option<&str>), Refusal> {
        self.allow(&[start, end])?;
        let range = (self.date(start)?, self.date(end)?);
        if let (Some(from), Some(to)) = range {
            ordered(end, from, to)?;
        }
        Ok(range)
    }
}

/// Refuses a range that ends before it starts; ISO dates sort as text.
pub(super) fn ordered(field: &str, from: &str, to: &str) -> Result<(), Refusal> {
    if from <= to {
        return Ok(());
    }
    Err(Refusal::one(
        "InvalidRange",
        field,
        "The end of the range lies before its start.",
    ))
}

/// Whether a text is a `LocalDate` of the contract and a day of the calendar.
fn is_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape && text.parse::<Date>().is_ok()
}

/// Reads a `DateOrDateTime` of the contract as the market's local time.
pub(super) fn local(text: &str) -> Option<DateTime> {
    let date = text.get(..10).filter(|date| is_date(date))?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date.parse::<Date>().ok()?.at(0, 0, 0, 0));
    }
    let time = rest.strip_prefix('T')?;
    let zone = time.find(['Z', '+', '-']);
    let (clock, zone) = time.split_at(zone.unwrap_or(time.len()));
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = seconds.len() == 8
        && seconds.bytes().enumerate().all(|(at, byte)| {
            if at % 3 == 2 {
                byte == b':'
            } else {
                byte.is_ascii_digit()
            }
        })
        && digits(fraction)
        && fraction.len() <= 9;
    if !shaped {
        return None;
    }
    if zone.is_empty() {
        return text.parse::<DateTime>().ok();
    }
    let offset = zone.trim_start_matches(['+', '-']);
    let zoned = zone == "Z" || matches!(offset.len(), 4 | 5) && digits(&offset.replacen(':', "", 1));
    let instant = text.parse::<jiff::Timestamp>().ok().filter(|_| zoned)?;
    Some(instant.to_zoned(TimeZone::get(ZONE).ok()?).datetime())
}

/// Checks a body against the contract's `MeterReadingsRequest` and hands it back.
pub(super) fn check_reads(body: &[u8]) -> Result<Value, Refusal> {
    let sent: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "MalformedBody", "The body is not JSON."))?;
    let mut check = Check::default();
    if let Some(request) = check.object(&sent, "") {
        check.each(request, "", "meters", |check, meter, at| {
            check.member(meter, at, "serialNumber", true, Type::Text);
            check.member(meter, at, "deviceId", false, Type::Identifier);
            check.member(meter, at, "assetTypeId", false, Type::Text);
            check.member(meter, at, "assetExternal", false, Type::Reference);
            check.each(meter, at, "readingRegisters", |check, register, at| {
                check.member(register, at, "id", false, Type::Identifier);
                check.member(register, at, "label", true, Type::Text);
                check.member(register, at, "dials", false, Type::Integer);
                for name in ["unitOfMeasure", "registerStatus", "purpose", "accumulatorType"] {
                    check.member(register, at, name, false, Type::Text);
                }
                check.member(register, at, "allowsReadingEntry", false, Type::Flag);
                check.each(register, at, "meterReadings", |check, read, at| {
                    check.member(read, at, "readingDateTime", true, Type::Time);
                    check.member(read, at, "reading", true, Type::Index);
                    check.member(read, at, "source", false, Type::Text);
                    check.member(read, at, "quality", false, Type::Text);
                });
            });
        });
    }
    if check.findings.is_empty() {
        Ok(sent)
    } else {
        Err(Refusal::invalid(check.findings))
    }
}

#[derive(Clone, Copy)]
enum Type {
    Text,
    Identifier,
    Integer,
    Flag,
    Time,
    Index,
    Reference,
}

impl Type {
    fn takes(self, value: &Value) -> bool {
        match self {
            Type::Text => value.is_string(),
            Type::Identifier => value.is_string() || value.is_i64() || value.is_u64(),
            Type::Integer => value.is_i64() || value.is_u64(),
            Type::Flag => value.is_boolean(),
            Type::Time => value.as_str().is_some_and(|text| local(text).is_some()),
            Type::Index => value
                .as_number()
                .is_some_and(|number| !number.to_string().starts_with('-')),
            Type::Reference => value.get("id").is_some_and(|id| Type::Identifier.takes(id)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Identifier => "an identifier",
            Type::Integer => "a whole number",
            Type::Flag => "true or false",
            Type::Time => "a date or a date and time",
            Type::Index => "a number from 0",
            Type::Reference => "an external reference with an id",
        }
    }
}

/// Collects what is wrong with a body.
#[derive(Default)]
struct Check {
    findings: Vec<Finding>,
}

impl Check {
    fn add(&mut self, code: &'static str, field: String, description: String) {
        self.findings.push(Finding {
            code,
            field,
            description,
        });
    }

    fn object<'a>(&mut self, value: &'a Value, at: &str) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.add("InvalidType", at.to_owned(), "An object is expected.".to_owned());
        }
        object
    }

    fn member(&mut self, object: &Map<String, Value>, at: &str, name: &str, required: bool, kind: Type) {
        match object.get(name) {
            Some(value) if kind.takes(value) => {}
            Some(_) => self.add("InvalidType", join(at, name), format!("It must be {}.", kind.name())),
            None if required => self.add("RequiredMemberMissing", join(at, name), "It is required.".to_owned()),
            None => {}
        }
    }

    /// Checks each entry of a required array that must not be empty.
    fn each(
        &mut self,
        object: &Map<String, Value>,
        at: &str,
        name: &str,
        check: impl Fn(&mut Self, &Map<String, Value>, &str),
    ) {
        let field = join(at, name);
        match object.get(name) {
            Some(Value::Array(entries)) if !entries.is_empty() => {
                for (index, entry) in entries.iter().enumerate() {
                    let at = format!("{field}[{index}]");
                    if let Some(entry) = self.object(entry, &at) {
                        check(self, entry, &at);
                    }
                }
            }
            Some(Value::Array(_)) => self.add("InvalidLength", field, "At least one entry is required.".to_owned()),
            Some(_) => self.add("InvalidType", field, "An array is expected.".to_owned()),
            None => self.add("RequiredMemberMissing", field, "It is required.".to_owned()),
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::{local, route};
    use http::Method;

    #[test]
    fn paths_name_their_operation_and_record() {
        let found = route(&Method::GET, "/accounts/a%2Fb/bills").unwrap();
        assert_eq!((found.operation, &*found.id), ("getAccountBills", "a/b"));
        assert_eq!(route(&Method::POST, "/accounts").unwrap().operation, "createAccount");
        assert_eq!(route(&Method::PUT, "/contacts/1/relationships/remove").unwrap().id, "1");
        for (method, path) in [
            (Method::GET, "/accounts"),
            (Method::GET, "/accounts//bills"),
            (Method::GET, "/"),
        ] {
            assert!(route(&method, path).is_err(), "{path}");
        }
    }

    #[test]
    fn times_are_read_as_the_markets_local_time() {
        let at = |text: &str| local(text).map(|time| time.to_string());
        assert_eq!(at("2026-07-01"), Some("2026-07-01T00:00:00".into()));
        assert_eq!(at("2026-07-01T00:30:00.000"), Some("2026-07-01T00:30:00".into()));
        assert_eq!(at("2026-07-05T18:30:00+10:00"), Some("2026-07-05T18:30:00".into()));
        assert_eq!(at("2026-07-05T08:30:00Z"), Some("2026-07-05T18:30:00".into()));
        assert_eq!(at("2026-07-05T18:30:00+1000"), Some("2026-07-05T18:30:00".into()));
        for text in [
            "2026-02-30",
            "2026-07-05 18:30:00",
            "2026-07-05T18:30",
            "2026-07-05T18:30:00+10",
            "5 July",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
