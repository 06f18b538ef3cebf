//! The documents in which the GB edition differs.
//!
//! They are not checked when this compiles: what checks the others reads one schema in one file, and this edition's is the
//! contract's schema with an extension on top. A test checks them against both.

use graphql_client::QueryBody;
use jiff::civil::Date;
use serde::Serialize;

use super::{Document, wire};

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident $text:tt $variables:ty => $data:ty;)*) => {
        $(
            $(#[$doc])*
            pub(in crate::backends::kraken) struct $name;

            impl $name {
                const TEXT: &'static str = include_str!($text);
            }

            impl Document for $name {
                type Variables = $variables;
                type Data = $data;

                fn body(variables: Self::Variables) -> QueryBody<Self::Variables> {
                    QueryBody {
                        variables,
                        query: Self::TEXT,
                        operation_name: stringify!($name),
                    }
                }
            }
        )*
    };
}

documents! {
    /// One account.
    Account "gb/account.graphql" super::account::Variables => wire::AccountData<wire::Account>;
    /// An account's properties with their points of supply, meters and registers.
    Properties "gb/properties.graphql" super::properties::Variables => wire::AccountData<wire::Properties>;
    /// One page of the readings of one meter, or the first page of each.
    Readings "gb/readings.graphql" ReadingsVariables => wire::AccountData<wire::ReadProperties>;
    /// Hands in what the registers of a meter showed.
    CreateElectricityMeterReading "gb/create_electricity_meter_reading.graphql" ElectricityVariables => wire::HandedIn;
    /// Hands in what a gas meter showed.
    CreateGasMeterReading "gb/create_gas_meter_reading.graphql" GasVariables => wire::HandedIn;
}

#[derive(Serialize)]
pub(in crate::backends::kraken) struct ReadingsVariables {
    pub(in crate::backends::kraken) account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::backends::kraken) meter: Option<i32>,
    pub(in crate::backends::kraken) first: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::backends::kraken) after: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::kraken) struct ElectricityVariables {
    pub(in crate::backends::kraken) mpan: String,
    pub(in crate::backends::kraken) read_at: Date,
    pub(in crate::backends::kraken) readings: Vec<RegisterShowed>,
    pub(in crate::backends::kraken) serial_number: String,
}

/// What one register showed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::kraken) struct RegisterShowed {
    pub(in crate::backends::kraken) register_id: String,
    pub(in crate::backends::kraken) reading: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::kraken) struct GasVariables {
    pub(in crate::backends::kraken) mprn: String,
    pub(in crate::backends::kraken) read_at: Date,
    pub(in crate::backends::kraken) reading: i32,
    pub(in crate::backends::kraken) serial_number: String,
}

#[cfg(test)]
mod tests {
    use apollo_compiler::request::coerce_variable_values;
    use apollo_compiler::response::JsonValue;
    use apollo_compiler::validation::Valid;
    use apollo_compiler::{ExecutableDocument, Schema};
    use serde_json::json;

    use super::super::tests::{SCHEMA, reads_all_of};
    use super::*;

    /// The contract's schema with the extension on top, and the arguments of `meters` that the extension's head tells of.
    fn schema() -> Valid<Schema> {
        let extension = include_str!("../../../../tests/fixtures/kraken/schema.gb-extension.graphql");
        let (without, with) = (
            "\n  meters: [ElectricityMeterType]\n",
            "\n  meters(id: Int, includeInactive: Boolean): [ElectricityMeterType]\n",
        );
        assert_eq!(SCHEMA.matches(without).count(), 1);
        let text = SCHEMA.replace(without, with);
        Schema::parse_and_validate(format!("{text}\n{extension}"), "schema.graphql").unwrap()
    }

    fn all() -> [(&'static str, &'static str); 5] {
        [
            ("Account", Account::TEXT),
            ("Properties", Properties::TEXT),
            ("Readings", Readings::TEXT),
            ("CreateElectricityMeterReading", CreateElectricityMeterReading::TEXT),
            ("CreateGasMeterReading", CreateGasMeterReading::TEXT),
        ]
    }

    #[test]
    fn every_document_is_valid_and_asks_for_nothing_that_is_deprecated_or_gone() {
        let schema = schema();
        for (name, query) in all() {
            let document = ExecutableDocument::parse_and_validate(&schema, query, name)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            for field in document.operations.get(Some(name)).unwrap().all_fields(&document) {
                let deprecated = field.definition.directives.get("deprecated").is_some();
                let gone = ["meterPoints", "esiId", "serviceProvider", "loadZone", "loadProfile"];
                assert!(
                    !deprecated && !gone.contains(&field.name.as_str()),
                    "{name}: {}",
                    field.name
                );
            }
        }
    }

    #[test]
    fn the_hand_written_shapes_read_all_of_every_answer() {
        let schema = schema();
        reads_all_of::<Account>(&schema, "Account", Account::TEXT, true);
        reads_all_of::<Properties>(&schema, "Properties", Properties::TEXT, true);
        reads_all_of::<Readings>(&schema, "Readings", Readings::TEXT, true);
        let (electricity, gas) = (CreateElectricityMeterReading::TEXT, CreateGasMeterReading::TEXT);
        reads_all_of::<CreateElectricityMeterReading>(&schema, "CreateElectricityMeterReading", electricity, true);
        reads_all_of::<CreateGasMeterReading>(&schema, "CreateGasMeterReading", gas, true);
    }

    fn fits<D: Document>(variables: D::Variables, expected: &serde_json::Value) {
        let schema = schema();
        let body = serde_json::to_value(D::body(variables)).unwrap();
        assert_eq!(&body["variables"], expected);
        let (query, name) = (body["query"].as_str().unwrap(), body["operationName"].as_str().unwrap());
        let document = ExecutableDocument::parse_and_validate(&schema, query, name).unwrap();
        let JsonValue::Object(variables) = JsonValue::from(expected.clone()) else {
            panic!("{expected}")
        };
        let operation = document.operations.get(Some(name)).unwrap();
        coerce_variable_values(&schema, operation, &variables)
            .unwrap_or_else(|why| panic!("{name}: {}", why.message()));
    }

    #[test]
    fn the_hand_written_variables_are_those_of_the_documents() {
        let (account, day) = ("A-1".to_owned(), jiff::civil::date(2026, 2, 3));
        let readings = ReadingsVariables {
            account: account.clone(),
            meter: None,
            first: 99,
            after: None,
        };
        fits::<Readings>(readings, &json!({"account": "A-1", "first": 99}));
        let readings = ReadingsVariables {
            account,
            meter: Some(7),
            first: 99,
            after: Some("c".to_owned()),
        };
        fits::<Readings>(
            readings,
            &json!({"account": "A-1", "meter": 7, "first": 99, "after": "c"}),
        );
        let electricity = ElectricityVariables {
            mpan: "1".to_owned(),
            read_at: day,
            readings: vec![RegisterShowed {
                register_id: "2".to_owned(),
                reading: 3,
            }],
            serial_number: "S".to_owned(),
        };
        fits::<CreateElectricityMeterReading>(
            electricity,
            &json!({"mpan": "1", "readAt": "2026-02-03", "readings": [{"registerId": "2", "reading": 3}],
                "serialNumber": "S"}),
        );
        let gas = GasVariables {
            mprn: "1".to_owned(),
            read_at: day,
            reading: 3,
            serial_number: "S".to_owned(),
        };
        fits::<CreateGasMeterReading>(
            gas,
            &json!({"mprn": "1", "readAt": "2026-02-03", "reading": 3, "serialNumber": "S"}),
        );
    }
}
