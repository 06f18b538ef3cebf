//! The canonical records. They are the published contract: what an operation replies is what the caller reads.
//!
//! A fact the system did not give is `None` and prints as `null`; it is never left out and never a zero, an empty text or
//! today's date. An empty list means that the system said "none"; a list that it cannot tell of is `None`.

pub mod account;
pub mod account_write;
pub mod arrangement;
pub mod bill;
pub mod hold;
pub mod id;
pub mod meter;
pub mod money;
pub mod note;
pub mod page;
pub mod patch;
pub mod payment;
pub mod payment_method;
pub mod posting;
pub mod refund;
pub mod terms;
pub mod time;
pub mod transaction;
pub mod usage;

use serde::Serialize;
use serde_json::value::RawValue;

/// The system's own record, as it came, with credentials taken out.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Native(Box<RawValue>);

impl Native {
    /// Keeps a system's record.
    #[must_use]
    pub fn new(record: Box<RawValue>) -> Self {
        Self(record)
    }
}

impl utoipa::PartialSchema for Native {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(
                "The system's own record, only with `include=native`; its shape is the vendor's.",
            ))
            .into()
    }
}

impl utoipa::ToSchema for Native {}
