//! Ties between parties and other records, as callers hand them in.

use jiff::civil::Date;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Day, faultless};
use crate::error::{Error, Result};
use crate::model::id::EntityId;
use crate::model::party::{EntityKind, NewRelationship};
use crate::model::text::Line;

/// The most ties handed in at once.
const MOST: usize = 100;

/// Ties to make or change together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ties {
    /// The day the change counts from.
    effective_on: Option<Date>,
    /// The ties: 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    relationships: Vec<NewRelationship>,
}

impl Ties {
    /// Checks what the shape does not say.
    pub(super) fn checked(self, backend: &str) -> Result<(Option<Date>, Vec<NewRelationship>)> {
        let mut faults = Vec::new();
        if self.relationships.is_empty() || self.relationships.len() > MOST {
            faults.push(("/relationships".to_owned(), "there must be 1 to 100 ties"));
        }
        foreign(backend, "", &self.relationships, &mut faults);
        faultless(faults)?;
        Ok((self.effective_on, self.relationships))
    }
}

/// The tie to end.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Tie {
    /// What the other record is; `OTHER` is not taken.
    entity_kind: EntityKind,
    /// The other record's identifier here, in the same backend.
    entity_id: EntityId,
    /// The part played, in the system's own words.
    role: Option<Line>,
    /// The day it ends; `YYYY-MM-DD`.
    #[param(value_type = Option<String>, format = Date)]
    effective_on: Option<Day>,
}

impl Tie {
    /// Checks what the shape does not say.
    pub(super) fn checked(self, backend: &str) -> Result<(Option<Date>, NewRelationship)> {
        if self.entity_id.backend() != backend {
            return Err(Error::parameter("entity_id", FOREIGN));
        }
        let relationship = NewRelationship {
            entity_kind: self.entity_kind,
            entity_id: self.entity_id,
            role: self.role,
            effective_on: None,
        };
        Ok((self.effective_on.map(|day| day.0), relationship))
    }
}

const FOREIGN: &str = "it must be in the same backend";

/// Finds ties to records of other backends.
pub(super) fn foreign(backend: &str, parent: &str, ties: &[NewRelationship], faults: &mut Vec<(String, &'static str)>) {
    for (n, tie) in ties.iter().enumerate() {
        if tie.entity_id.backend() != backend {
            faults.push((format!("{parent}/relationships/{n}/entity_id"), FOREIGN));
        }
    }
}
