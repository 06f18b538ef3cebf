//! Canonical filters → the conditions of a search (README, "Search"); pure.

use serde_json::value::RawValue;

use super::wire::{Condition, Millis, Operand};
use crate::error::{Error, ErrorKind, Result};
use crate::model::time::{Bound, Zone};
use crate::operations::filter::{self, CUSTOM, Operator};

/// The canonical fields of a search, and what the system calls them.
pub(super) type Names = &'static [(&'static str, &'static str)];

/// Fields of accounts and of candidates among them.
pub(super) const ACCOUNTS: Names = &[
    ("number", "accountNumber"),
    ("normalized_number", "normalizedAccountNumber"),
    ("summary_number", "summaryAccountNumber"),
    ("enrollment_status", "enrollmentStatus"),
    ("extraction_status", "extractionStatus"),
    ("monitoring_status", "monitoringStatus"),
    ("provider", "utilityProviderId"),
    ("subscribed", "subscribed"),
    ("delivered", "toBeDelivered"),
    ("is_summary", "isSummaryAccount"),
    ("latest_bill_amount", "latestTotalBillAmount"),
    ("created_at", "created"),
    ("updated_at", "modified"),
    ("last_extracted_at", "lastExtracted"),
    ("last_succeeded_at", "lastSuccessfulExtraction"),
    ("last_delivered_at", "lastDelivered"),
    ("next_expected_on", "nextExpectedPostDate"),
];

/// Fields of meters and of candidates among them.
pub(super) const METERS: Names = &[
    ("number", "meterNumber"),
    ("normalized_number", "normalizedMeterNumber"),
    ("account_number", "accountNumber"),
    ("native_kind", "serviceType"),
    ("tariff", "tariff"),
    ("point_of_delivery", "podNumber"),
    ("previous_number", "previousMeterNumber"),
    ("deactivated", "deactivated"),
    ("created_at", "created"),
    ("updated_at", "modified"),
];

/// Fields of credentials.
pub(super) const CREDENTIALS: Names = &[
    ("alias", "extractionChannelId"),
    ("username", "username"),
    ("username2", "username2"),
    ("username3", "username3"),
    ("username4", "username4"),
    ("kind", "acquisitionType"),
    ("provider", "utilityProviderId"),
    ("template", "templateId"),
    ("url", "url"),
    ("s3_bucket", "s3BucketName"),
    ("enabled", "enabled"),
    ("interval_data_enabled", "intervalDataEnabled"),
    ("last_attempted_at", "lastAttempted"),
    ("last_succeeded_at", "lastSuccess"),
    ("created_at", "created"),
    ("updated_at", "modified"),
];

/// Fields of providers.
pub(super) const PROVIDERS: Names = &[
    ("alias", "providerAlias"),
    ("name", "providerName"),
    ("classification", "classification"),
    ("parent", "parentProviderId"),
    ("created_at", "created"),
    ("updated_at", "modified"),
];

/// Fields of templates.
pub(super) const TEMPLATES: Names = &[
    ("name", "templateName"),
    ("website", "website"),
    ("provider", "utilityProviderId"),
    ("has_interval", "hasInterval"),
    ("has_history", "hasHistory"),
    ("has_pdf", "hasPdf"),
    ("has_html", "hasHtml"),
    ("has_edi", "hasEdi"),
    ("has_xls", "hasXls"),
    ("has_csv", "hasCsv"),
    ("has_ocr", "hasOcr"),
    ("tracks_login_failure", "tracksLoginFailure"),
    ("created_at", "created"),
    ("updated_at", "modified"),
];

/// Fields of custom attributes.
pub(super) const ATTRIBUTES: Names = &[
    ("name", "name"),
    ("required", "required"),
    ("position", "cnbdPosition"),
    ("created_at", "created"),
    ("updated_at", "modified"),
];

/// Fields of the change log: the name of the event and its fields that are no maps. Who did it is neither.
pub(super) const CHANGES: Names = &[
    ("native_kind", "eventName"),
    ("account_number", "accountNumber"),
    ("summary_number", "summaryAccountNumber"),
    ("provider", "providerAlias"),
    ("credential", "extractionChannelId"),
    ("meter_number", "meterNumber"),
    ("old_status", "oldStatus"),
    ("new_status", "newStatus"),
    ("requested_by", "requestedByName"),
    ("requested_by_email", "requestedByEmail"),
    ("reference", "referenceTicketId"),
    ("manual", "manual"),
    ("linked", "linked"),
];

/// What `changes.search` can be filtered by.
pub(super) const CHANGE_FILTERS: &[&str] = &[
    "since",
    "kind",
    "native_kind",
    "native_kind[*]",
    "account_number",
    "account_number[*]",
    "summary_number",
    "summary_number[*]",
    "provider",
    "provider[*]",
    "credential",
    "credential[*]",
    "meter_number",
    "meter_number[*]",
    "old_status",
    "old_status[*]",
    "new_status",
    "new_status[*]",
    "requested_by",
    "requested_by[*]",
    "requested_by_email",
    "requested_by_email[*]",
    "reference",
    "reference[*]",
    "manual",
    "manual[*]",
    "linked",
    "linked[*]",
];

/// Translates the filters of a search.
pub(super) fn conditions(names: Names, filters: &[filter::Filter], zone: &Zone) -> Result<Vec<Condition>> {
    filters.iter().map(|filter| condition(names, filter, zone)).collect()
}

fn condition(names: Names, filter: &filter::Filter, zone: &Zone) -> Result<Condition> {
    let own = filter.field.name;
    let field = match &filter.attribute {
        // Attributes are filtered by under their own names.
        Some(attribute) if own == CUSTOM.name => attribute.clone(),
        _ => names
            .iter()
            .find(|(name, _)| *name == own)
            .map(|(_, field)| (*field).to_owned())
            .ok_or_else(|| Error::parameter(own, "this backend cannot filter by it").code("unsupported_filter"))?,
    };
    let value = match &filter.operand {
        None => None,
        Some(filter::Operand::Text(text)) => Some(Operand::Text(text.clone())),
        Some(filter::Operand::Flag(flag)) => Some(Operand::Flag(*flag)),
        Some(filter::Operand::Number(number)) => {
            let exact = RawValue::from_string(number.to_string())
                .map_err(|why| Error::new(ErrorKind::Internal, "a number did not turn into JSON").because(why))?;
            Some(Operand::Number(exact))
        }
        Some(filter::Operand::Time(bound)) => Some(Operand::Millis(millis(own, *bound, zone)?)),
    };
    Ok(Condition {
        field,
        operator: spelt(filter.operator),
        value,
    })
}

/// A bound in milliseconds since 1970, the only form of time this system has.
pub(super) fn millis(name: &'static str, bound: Bound, zone: &Zone) -> Result<Millis> {
    let at = bound
        .instant(zone)
        .map_err(|_| Error::parameter(name, "a time out of all range"))?;
    Ok(at.as_millisecond())
}

/// A condition of plain equality.
pub(super) fn equals(field: &str, text: &str) -> Condition {
    Condition {
        field: field.to_owned(),
        operator: spelt(Operator::Eq),
        value: Some(Operand::Text(text.to_owned())),
    }
}

/// The operators' spelling: lower case, as in the published list ("Search").
fn spelt(operator: Operator) -> &'static str {
    operator.as_str()
}

/// A number without punctuation and leading zeros, as the system normalises it ("Ground rules").
pub(super) fn normalized(number: &str) -> String {
    let plain: String = number.chars().filter(|c| c.is_alphanumeric()).collect();
    plain.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::operations::filter::{
        AccountFields, ChangeFields, CredentialFields, CustomAttributeFields, Field, FieldKind, Fields, MeterFields,
        ProviderFields, TemplateFields,
    };

    fn sent(names: Names, field: &'static Field, operator: Operator, operand: Option<filter::Operand>) -> Value {
        let filter = filter::Filter {
            field,
            attribute: None,
            operator,
            operand,
        };
        let zone: Zone = "UTC".parse().unwrap();
        serde_json::to_value(condition(names, &filter, &zone).unwrap()).unwrap()
    }

    fn every_field_is_known<F: Fields>(names: Names, but: &[&str]) {
        for field in F::FIELDS.iter().filter(|field| !but.contains(&field.name)) {
            assert!(names.iter().any(|(name, _)| *name == field.name), "{}", field.name);
        }
        assert_eq!(names.len() + but.len(), F::FIELDS.len());
    }

    #[test]
    fn every_field_of_every_search_has_the_systems_name() {
        every_field_is_known::<AccountFields>(ACCOUNTS, &[]);
        every_field_is_known::<MeterFields>(METERS, &[]);
        every_field_is_known::<CredentialFields>(CREDENTIALS, &[]);
        every_field_is_known::<ProviderFields>(PROVIDERS, &[]);
        every_field_is_known::<TemplateFields>(TEMPLATES, &[]);
        every_field_is_known::<CustomAttributeFields>(ATTRIBUTES, &[]);
        every_field_is_known::<ChangeFields>(CHANGES, &["username"]);
        for (name, _) in CHANGES {
            assert!(CHANGE_FILTERS.contains(name), "{name}");
        }
    }

    #[test]
    fn all_sixteen_operators_are_sent_under_the_published_names() {
        let published = [
            "eq",
            "neq",
            "gt",
            "lt",
            "gte",
            "lte",
            "include",
            "notinclude",
            "startswith",
            "endswith",
            "is",
            "before",
            "after",
            "on",
            "isblank",
            "notblank",
        ];
        let operand = |kind: FieldKind| match kind {
            FieldKind::Text => (filter::Operand::Text("a".to_owned()), json!("a")),
            FieldKind::Number => (filter::Operand::Number("326.840".parse().unwrap()), json!(326.84)),
            FieldKind::Flag => (filter::Operand::Flag(true), json!(true)),
            FieldKind::Time => {
                let at = "2015-02-13T18:12:09.417Z".parse().unwrap();
                (filter::Operand::Time(Bound::At(at)), json!(1_423_851_129_417_i64))
            }
        };
        let mut seen = Vec::new();
        for field in AccountFields::FIELDS {
            for operator in field.kind.operators() {
                let blank = matches!(operator, Operator::IsBlank | Operator::NotBlank);
                let (given, value) = operand(field.kind);
                let sent = sent(ACCOUNTS, field, *operator, (!blank).then_some(given));
                assert_eq!(sent.get("value"), (!blank).then_some(&value), "{sent}");
                seen.push(sent["operator"].as_str().unwrap().to_owned());
            }
        }
        for name in published {
            assert!(seen.iter().any(|sent| sent == name), "{name}");
        }
        assert!(seen.iter().all(|sent| published.contains(&sent.as_str())));
    }

    #[test]
    fn an_attribute_is_asked_for_under_its_own_name() {
        let filter = filter::Filter {
            field: &CUSTOM,
            attribute: Some("SiteID".to_owned()),
            operator: Operator::Include,
            operand: Some(filter::Operand::Text("123".to_owned())),
        };
        let sent = condition(ACCOUNTS, &filter, &"UTC".parse().unwrap()).unwrap();
        let sent = serde_json::to_value(sent).unwrap();
        assert_eq!(
            sent,
            json!({ "field": "SiteID", "operator": "include", "value": "123" })
        );
    }

    #[test]
    fn numbers_are_compared_without_punctuation_and_leading_zeros() {
        assert_eq!(normalized("00-12 34.5-A"), "12345A");
        assert_eq!(normalized("---"), "");
    }
}
