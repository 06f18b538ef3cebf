//! The bodies of the contract's writes: which members they have, and of what kind.

use http::StatusCode;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::answer::{Finding, Refusal};
use super::request::local;

/// A member: its name, whether it must be there, and what it holds.
pub(super) struct Member(&'static str, bool, Shape);

/// What a member holds.
enum Shape {
    Text,
    Identifier,
    Whole,
    Amount,
    Flag,
    Day,
    Time,
    Currency,
    OneOf(&'static [&'static str]),
    Object(&'static [Member]),
    /// A list of objects, and how many it holds at least.
    List(&'static [Member], usize),
    /// Whatever the tenant adds.
    Free,
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member(name, false, shape)
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member(name, true, shape)
}

const PERIOD: &[Member] = &[may("fromDate", Shape::Time), may("toDate", Shape::Time)];
const DELIVERIES: &[&str] = &["Email", "Mail", "Both", "None"];
const ENTITIES: &[&str] = &["Account", "Customer", "Contact", "Organisation"];
const ARRANGEMENTS: &[&str] = &["Ongoing", "Debt", "Ongoing and Debt"];

const ADDRESS: &[Member] = &[
    may("unstructured", Shape::Text),
    may("addressLine1", Shape::Text),
    may("addressLine2", Shape::Text),
    may("suburb", Shape::Text),
    may("state", Shape::Text),
    may("city", Shape::Text),
    may("postcode", Shape::Text),
    may("country", Shape::Text),
];

const RELATED: &[Member] = &[
    must("entityType", Shape::OneOf(ENTITIES)),
    must("globalReference", Shape::Identifier),
    may("role", Shape::Text),
    may("effectiveDate", Shape::Day),
    may("period", Shape::Object(PERIOD)),
];

const EMAIL: &[Member] = &[may("type", Shape::Text), must("email", Shape::Text)];
const PHONE: &[Member] = &[may("type", Shape::Text), must("phoneNumber", Shape::Text)];
const REGISTRATION: &[Member] = &[
    may("source", Shape::Text),
    may("number", Shape::Text),
    may("businessName", Shape::Text),
];

const BANK_ACCOUNT: &[Member] = &[
    may("accountName", Shape::Text),
    may("accountNumber", Shape::Text),
    may("bankCode", Shape::Text),
];
const CARD: &[Member] = &[
    may("maskedNumber", Shape::Text),
    may("expiry", Shape::Text),
    may("token", Shape::Text),
];

/// `AccountWrite`.
pub(super) const ACCOUNT: &[Member] = &[
    may("globalReference", Shape::Identifier),
    may("crmId", Shape::Identifier),
    may("name", Shape::Text),
    may("type", Shape::Text),
    may("brand", Shape::Text),
    may("currency", Shape::Currency),
    may("billDelivery", Shape::OneOf(DELIVERIES)),
    may("customerReference", Shape::Identifier),
    may("organisationReference", Shape::Identifier),
    may("parentAccountReference", Shape::Identifier),
    may("billingAddress", Shape::Object(ADDRESS)),
    may("relationships", Shape::List(RELATED, 0)),
    may("extensions", Shape::Free),
];

/// `AccountParentRequest`.
pub(super) const PARENT: &[Member] = &[
    must("parentAccountReference", Shape::Identifier),
    may("effectiveDate", Shape::Day),
];

/// `AccountReviewRequest`.
pub(super) const REVIEW: &[Member] = &[
    must("reason", Shape::Text),
    may("description", Shape::Text),
    may("suppressBilling", Shape::Flag),
    may("suppressPayments", Shape::Flag),
    may("suppressCredit", Shape::Flag),
    may("period", Shape::Object(PERIOD)),
];

/// `PaymentReviewDate`.
pub(super) const REVIEW_DATE: &[Member] = &[must("paymentReviewDate", Shape::Day)];

/// `PaymentMethodRequest`.
pub(super) const PAYMENT_METHOD: &[Member] = &[
    must("method", Shape::Text),
    may("currency", Shape::Currency),
    may("effectiveDate", Shape::Day),
    may("bankAccount", Shape::Object(BANK_ACCOUNT)),
    may("card", Shape::Object(CARD)),
];

/// `PaymentArrangementRequest`.
pub(super) const ARRANGEMENT: &[Member] = &[
    must("arrangementType", Shape::OneOf(ARRANGEMENTS)),
    may("frequency", Shape::Text),
    must("firstPaymentDate", Shape::Day),
    may("currency", Shape::Currency),
    may(
        "paymentBreakdown",
        Shape::List(&[must("paymentAmount", Shape::Amount)], 1),
    ),
    may("numberOfPayments", Shape::Whole),
];

/// `RefundRequest`.
pub(super) const REFUND: &[Member] = &[
    must("amount", Shape::Amount),
    may("currency", Shape::Currency),
    must("reason", Shape::Text),
    may("description", Shape::Text),
    may("directCredit", Shape::Flag),
    may("bankAccount", Shape::Object(BANK_ACCOUNT)),
];

/// `FixBillRequest`.
pub(super) const FIX: &[Member] = &[
    must("fixType", Shape::OneOf(&["Reverse", "CreditNote"])),
    may("type", Shape::Text),
    may("reason", Shape::Text),
    may("description", Shape::Text),
];

/// `CustomerWrite`.
pub(super) const CUSTOMER: &[Member] = &[
    may("globalReference", Shape::Identifier),
    may("crmId", Shape::Identifier),
    may("name", Shape::Text),
    may("type", Shape::Text),
    may("brand", Shape::Text),
    may("emails", Shape::List(EMAIL, 0)),
    may("phones", Shape::List(PHONE, 0)),
    may("taxRegistration", Shape::Object(REGISTRATION)),
    may("registration", Shape::Object(REGISTRATION)),
    may("billingAddress", Shape::Object(ADDRESS)),
    may("relationships", Shape::List(RELATED, 0)),
    may("extensions", Shape::Free),
];

/// `OrganisationWrite`.
pub(super) const ORGANISATION: &[Member] = &[
    may("globalReference", Shape::Identifier),
    may("crmId", Shape::Identifier),
    may("name", Shape::Text),
    may("tradingName", Shape::Text),
    may("type", Shape::Text),
    may("brand", Shape::Text),
    may("registration", Shape::Object(REGISTRATION)),
    may("taxRegistration", Shape::Object(REGISTRATION)),
    may("emails", Shape::List(EMAIL, 0)),
    may("phones", Shape::List(PHONE, 0)),
    may("billingAddress", Shape::Object(ADDRESS)),
    may("relationships", Shape::List(RELATED, 0)),
    may("extensions", Shape::Free),
];

const NAME: &[Member] = &[
    may("title", Shape::Text),
    may("givenName", Shape::Text),
    may("familyName", Shape::Text),
    may("fullName", Shape::Text),
    may("preferredName", Shape::Text),
];
const CHANNEL: &[Member] = &[
    may("email", Shape::Text),
    may("post", Shape::Text),
    may("noCommunication", Shape::Flag),
];

/// `ContactWrite`.
pub(super) const CONTACT: &[Member] = &[
    may("globalReference", Shape::Identifier),
    may("crmId", Shape::Identifier),
    may("name", Shape::Object(NAME)),
    may("dateOfBirth", Shape::Day),
    may("phones", Shape::List(PHONE, 0)),
    may("emails", Shape::List(EMAIL, 0)),
    may(
        "identifications",
        Shape::List(&[may("type", Shape::Text), may("id", Shape::Identifier)], 0),
    ),
    may("postalAddresses", Shape::List(ADDRESS, 0)),
    may(
        "communicationPreferences",
        Shape::Object(&[may("bill", Shape::Object(&[may("channel", Shape::Object(CHANNEL))]))]),
    ),
    may("relationships", Shape::List(RELATED, 0)),
];

/// `RemoveContactRequest`.
pub(super) const REMOVE: &[Member] = &[may("effectiveDate", Shape::Day), may("reason", Shape::Text)];

/// `RelationshipsRequest`.
pub(super) const RELATIONSHIPS: &[Member] = &[
    may("effectiveDate", Shape::Day),
    must("relationships", Shape::List(RELATED, 1)),
];

/// `CustomerSyncRequest`.
pub(super) const SYNC: &[Member] = &[
    may("customer", Shape::Object(CUSTOMER)),
    may("organisation", Shape::Object(ORGANISATION)),
    may("contacts", Shape::List(CONTACT, 0)),
    may("accounts", Shape::List(ACCOUNT, 0)),
];

/// Reads a body that must be an object with these members and no others.
pub(super) fn read(body: &[u8], members: &'static [Member]) -> Result<Map<String, Value>, Refusal> {
    let sent: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "MalformedBody", "The body is not JSON."))?;
    let mut findings = Vec::new();
    object(&sent, members, "", &mut findings);
    match sent {
        Value::Object(sent) if findings.is_empty() => Ok(sent),
        _ => Err(Refusal::invalid(findings)),
    }
}

fn object(value: &Value, members: &'static [Member], at: &str, findings: &mut Vec<Finding>) {
    let mut found = |code, field: String, why: &str| {
        findings.push(Finding {
            code,
            field,
            description: why.to_owned(),
        });
    };
    let Value::Object(object) = value else {
        found("InvalidType", at.to_owned(), "An object is expected.");
        return;
    };
    let place = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    for Member(name, required, _) in members {
        if *required && !object.contains_key(*name) {
            found("RequiredMemberMissing", place(name), "It is required.");
        }
    }
    for (name, value) in object {
        match members.iter().find(|Member(known, ..)| known == name) {
            Some(Member(_, _, shape)) => shape.check(value, &place(name), findings),
            None => findings.push(Finding {
                code: "UnknownMember",
                field: place(name),
                description: "The operation knows no such member.".to_owned(),
            }),
        }
    }
}

impl Shape {
    fn check(&self, value: &Value, at: &str, findings: &mut Vec<Finding>) {
        let text = value.as_str();
        let fits = match self {
            Shape::Text => text.is_some(),
            Shape::Identifier => text.is_some_and(|text| !text.is_empty()) || value.is_u64() || value.is_i64(),
            Shape::Whole => value.as_u64().is_some_and(|number| number > 0),
            Shape::Amount => value.is_number(),
            Shape::Flag => value.is_boolean(),
            Shape::Day => text.is_some_and(|text| text.len() == 10 && text.parse::<Date>().is_ok()),
            Shape::Time => text.is_some_and(|text| local(text).is_some()),
            Shape::Currency => {
                text.is_some_and(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
            }
            Shape::OneOf(words) => text.is_some_and(|text| words.contains(&text)),
            Shape::Free => value.is_object(),
            Shape::Object(members) => return object(value, members, at, findings),
            Shape::List(members, least) => match value {
                Value::Array(entries) if entries.len() >= *least => {
                    for (n, entry) in entries.iter().enumerate() {
                        object(entry, members, &format!("{at}[{n}]"), findings);
                    }
                    return;
                }
                _ => false,
            },
        };
        if !fits {
            findings.push(Finding {
                code: "InvalidType",
                field: at.to_owned(),
                description: format!("It must be {}.", self.name()),
            });
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Shape::Text => "text",
            Shape::Identifier => "an identifier",
            Shape::Whole => "a whole number from 1",
            Shape::Amount => "a number",
            Shape::Flag => "true or false",
            Shape::Day => "a date",
            Shape::Time => "a date or a date and time",
            Shape::Currency => "a currency code",
            Shape::OneOf(_) => "one of the words the contract lists",
            Shape::Object(_) | Shape::Free => "an object",
            Shape::List(..) => "a list that is long enough",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_the_contract_draws_or_refused_by_name() {
        let fine =
            br#"{"relationships": [{"entityType": "Account", "globalReference": 7, "effectiveDate": "2026-07-01"}]}"#;
        read(fine, RELATIONSHIPS).unwrap();
        for (body, named) in [
            (r#"{"relationships": []}"#, "relationships"),
            (
                r#"{"relationships": [{"entityType": "Pet", "globalReference": 7}]}"#,
                "relationships[0].entityType",
            ),
            (
                r#"{"relationships": [{"entityType": "Account"}]}"#,
                "relationships[0].globalReference",
            ),
            (r#"{}"#, "relationships"),
            (
                r#"{"effectiveDate": "2026-02-30", "relationships": [{"entityType": "Account", "globalReference": "a"}]}"#,
                "effectiveDate",
            ),
            (
                r#"{"pets": 1, "relationships": [{"entityType": "Account", "globalReference": "a"}]}"#,
                "pets",
            ),
        ] {
            let refusal = format!("{:?}", read(body.as_bytes(), RELATIONSHIPS).unwrap_err());
            assert!(refusal.contains(&format!("field: {named:?}")), "{body}: {refusal}");
        }
    }
}
