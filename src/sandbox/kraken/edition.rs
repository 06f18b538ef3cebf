//! The editions of the platform that are simulated, and the schema each serves and validates against.

use std::sync::OnceLock;

use apollo_compiler::Schema;
use apollo_compiler::ast::{Definition, Document};
use apollo_compiler::validation::Valid;

const US: &str = include_str!("schema.graphql");
const ADDED_IN_GB: &str = include_str!("schema.gb-extension.graphql");

/// What the extension's head says that it does not repair: fields that GB lacks, or has in another shape.
const GONE_IN_GB: [(&str, &[&str]); 3] = [
    ("PropertyType", &["meterPoints"]),
    (
        "ElectricityMeterPointType",
        &[
            "esiId",
            "serviceProvider",
            "loadZone",
            "hasCriticalCare",
            "loadProfile",
            "meters",
        ],
    ),
    ("ElectricityMeterType", &["activeFrom", "activeTo"]),
];

/// The shapes that some of them have there.
const CHANGED_IN_GB: &str = "
extend type ElectricityMeterPointType { meters(id: Int, includeInactive: Boolean): [ElectricityMeterType] }
extend type ElectricityMeterType { activeFrom: Date activeTo: Date }
";

/// One edition of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// The contract's own, in Texas.
    Us,
    /// Great Britain: registers, readings and their submission besides.
    Gb,
}

impl Edition {
    /// The schema it serves.
    pub(super) fn schema(self) -> &'static Valid<Schema> {
        static OF_US: OnceLock<Valid<Schema>> = OnceLock::new();
        static OF_GB: OnceLock<Valid<Schema>> = OnceLock::new();
        match self {
            Self::Us => OF_US.get_or_init(|| valid(US)),
            Self::Gb => OF_GB.get_or_init(|| valid(&british())),
        }
    }
}

fn valid(text: &str) -> Valid<Schema> {
    match Schema::parse_and_validate(text, "schema.graphql") {
        Ok(schema) => schema,
        Err(failed) => unreachable!("the schema is part of this build and valid: {}", failed.errors),
    }
}

fn british() -> String {
    let mut us = match Document::parse(US, "schema.graphql") {
        Ok(document) => document,
        Err(failed) => unreachable!("the schema is part of this build and valid: {}", failed.errors),
    };
    for definition in &mut us.definitions {
        let Definition::ObjectTypeDefinition(object) = definition else {
            continue;
        };
        if let Some((_, gone)) = GONE_IN_GB.iter().find(|(name, _)| object.name == *name) {
            let object = object.make_mut();
            object.fields.retain(|field| !gone.contains(&field.name.as_str()));
        }
    }
    format!("{us}\n{ADDED_IN_GB}\n{CHANGED_IN_GB}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_british_schema_has_what_the_extension_says_and_lacks_what_it_says_is_gone() {
        let (us, gb) = (Edition::Us.schema(), Edition::Gb.schema());
        let has =
            |schema: &Schema, object: &str, field: &str| schema.get_object(object).unwrap().fields.contains_key(field);
        for (object, fields) in GONE_IN_GB {
            for field in fields {
                assert!(has(us, object, field), "{object}.{field}");
                let back = ["meters", "activeFrom", "activeTo"].contains(field);
                assert_eq!(has(gb, object, field), back, "{object}.{field}");
            }
        }
        assert!(has(gb, "ElectricityMeterType", "readings") && has(gb, "Mutation", "createElectricityMeterReading"));
        assert!(!has(us, "ElectricityMeterType", "readings"));
    }
}
