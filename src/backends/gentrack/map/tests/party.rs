//! Customers, organisations, contacts: what is read of them, and what a caller's words become.

use super::*;
use crate::backends::gentrack::map::party;
use crate::model::party::{
    ContactChanges, ContactDetails, CustomerChanges, CustomerDetails, NewRelationship, OrganisationChanges,
    OrganisationDetails,
};

fn given<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

fn contact(body: Value) -> Value {
    House::new().canonical("contacts.get", &body.to_string()).unwrap()
}

#[test]
fn an_identity_document_shows_its_last_four_or_nothing() {
    let found = contact(json!({"globalReference": 50027731, "identifications": [
        {"type": "Passport", "id": "PA1234417"},
        {"type": "Licence", "id": 80911234},
        {"type": "Card", "id": "4417"},
        {"type": "Visa"},
    ]}));
    assert_eq!(
        found["identifications"],
        json!([
            {"native_kind": "Passport", "last_four": "4417"},
            {"native_kind": "Licence", "last_four": "1234"},
            {"native_kind": "Card", "last_four": null},
            {"native_kind": "Visa", "last_four": null},
        ])
    );
    let text = found.to_string();
    assert!(!text.contains("PA123") && !text.contains("8091"), "{text}");
}

#[test]
fn one_thing_stands_for_a_list_and_misspelt_members_are_read() {
    let found = contact(json!({
        "globalID": "50027731",
        "name": {"preferedName": "Priya"},
        "emails": {"type": "email", "email": "p@example.com"},
        "phones": {"phoneNumber": 491570156},
        "postalAddresses": {"unstructured": "14 Wattle Grove", "postcode": 2999},
        "relationships": {"entityType": "Premise", "globalId": "8812", "period": {"fromDate": "2024-02-12", "toDate": "2025-01-31"}},
    }));
    assert_eq!(found["name"]["preferred"], "Priya");
    assert_eq!(
        found["emails"],
        json!([{"native_kind": "email", "address": "p@example.com"}])
    );
    assert_eq!(found["phones"], json!([{"native_kind": null, "number": "491570156"}]));
    assert_eq!(found["addresses"][0]["postal_code"], "2999");
    // The last day of a period is in it, as everywhere; a kind nobody knows keeps its name.
    assert_eq!(
        found["relationships"],
        json!([{
            "entity_kind": "OTHER", "native_kind": "Premise", "entity_id": "gentrack-au:8812", "role": null,
            "effective_on": null, "period": {"start": "2024-02-12", "end": "2025-02-01"},
        }])
    );
    let customer = json!({"globalReference": "20018844", "registration": {"businesName": "A LTD", "number": 7}});
    let customer = House::new().canonical("customers.get", &customer.to_string()).unwrap();
    assert_eq!(
        customer["registration"],
        json!({"register": null, "number": "7", "business_name": "A LTD"})
    );
}

#[test]
fn an_entry_that_holds_nothing_is_no_number_and_one_that_cannot_be_read_is_named() {
    let found = contact(json!({"globalReference": "50027731",
        "emails": [{"type": "email", "email": null}], "phones": [{"type": "mobile", "phoneNumber": " "}]}));
    assert_eq!((&found["emails"], &found["phones"]), (&json!([]), &json!([])));
    let house = House::new();
    for (body, place) in [
        (
            json!({"globalReference": "50027731", "phones": [{"type": "mobile", "number": "1"}]}),
            "phones[0]",
        ),
        (
            json!({"globalReference": "50027731", "emails": [{"address": "a@example.com"}]}),
            "emails[0]",
        ),
        (
            json!({"globalReference": "50027731", "relationships": [{"entityType": "Account"}]}),
            "relationships[0]",
        ),
        (
            json!({"globalReference": "50027731", "dateOfBirth": "yesterday"}),
            "dateOfBirth",
        ),
    ] {
        let error = house.canonical("contacts.get", &body.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{body}");
        assert!(error.message().contains(place), "{error}");
        assert!(!error.message().contains("yesterday"), "{error}");
    }
}

#[test]
fn the_ways_of_a_bill_are_the_members_that_are_set() {
    let ways = |channel: Value| {
        contact(json!({"globalReference": "50027731", "communicationPreferences": {"bill": {"channel": channel}}}))
            ["bill_channels"]
            .clone()
    };
    assert_eq!(
        ways(json!({"email": "email", "post": "postalAddress"})),
        json!(["email", "post"])
    );
    assert_eq!(ways(json!({"noCommunication": true})), json!(["noCommunication"]));
    assert_eq!(ways(json!({"email": "", "noCommunication": false})), Value::Null);
    assert_eq!(
        contact(json!({"globalReference": "50027731"}))["bill_channels"],
        Value::Null
    );
}

/// What a caller would say of the contract's contact, customer and organisation is written as the contract writes them.
#[test]
fn what_a_caller_says_of_the_examples_is_what_the_contract_says() {
    let house = House::new();
    let mapper = house.mapper();
    let address = json!({"lines": ["14 Wattle Grove"], "locality": "Ashbury Heights", "postal_code": "2999", "country": "Australia"});
    let written = json!({"addressLine1": "14 Wattle Grove", "city": "Ashbury Heights", "postcode": "2999", "country": "Australia"});
    let contact: ContactDetails = given(json!({
        "native_id": "50027731", "crm_id": "0035g00000Kd9TzAAB",
        "name": {"title": "Ms", "given": "Priya", "family": "Raman", "full": "Ms Priya Raman", "preferred": "Priya"},
        "date_of_birth": "1988-11-23",
        "phones": [{"native_kind": "mobile", "number": "+61 491 570 156"}],
        "emails": [{"native_kind": "email", "address": "priya.raman@example.com"}],
        "addresses": [address], "bill_channels": ["email"],
        "relationships": [
            {"entity_kind": "CUSTOMER", "entity_id": "gentrack-au:20018844", "role": "Primary", "effective_on": "2024-02-12"},
            {"entity_kind": "ACCOUNT", "entity_id": "gentrack-au:10045213", "role": "Billing", "effective_on": "2024-02-12"},
        ],
    }));
    let mut vendors: Value = serde_json::from_str(example("getContact.200.json")).unwrap();
    vendors.as_object_mut().unwrap().remove("lastUpdatedTime");
    vendors["postalAddresses"] = json!([written]);
    vendors["communicationPreferences"]["bill"]["channel"]["noCommunication"] = json!(false);
    assert_eq!(json!(mapper.contact_write(contact, "").unwrap()), vendors);

    let customer: CustomerDetails = given(json!({
        "native_id": "20018844", "crm_id": "0015g00000Ab4QxAAJ", "name": "Priya Raman", "native_kind": "Residential",
        "brand": "Lumen Grid", "emails": [{"native_kind": "email", "address": "priya.raman@example.com"}],
        "phones": [{"native_kind": "mobile", "number": "+61 491 570 156"}], "billing_address": address, "extensions": {},
    }));
    let mut vendors: Value = serde_json::from_str(example("getCustomer.200.json")).unwrap();
    for told in [
        "customerNumber",
        "primaryContactReference",
        "accounts",
        "lastUpdatedTime",
    ] {
        vendors.as_object_mut().unwrap().remove(told);
    }
    vendors["billingAddress"] = written;
    assert_eq!(json!(mapper.customer_write(customer, "").unwrap()), vendors);

    let organisation: OrganisationDetails = given(json!({
        "native_id": "70000912", "crm_id": "0015g00000Cd7LpAAJ", "name": "Harbour Lane Bakery Pty Ltd",
        "trading_name": "Harbour Lane Bakery", "native_kind": "Business", "brand": "Lumen Grid",
        "registration": {"register": "ACN", "number": "000 000 000", "business_name": "HARBOUR LANE BAKERY PTY LTD"},
        "tax_registration": {"register": "ABN", "number": "00 000 000 000", "business_name": null},
        "emails": [{"native_kind": "email", "address": "accounts@harbourlane.example.com"}],
        "phones": [{"native_kind": "workPhone", "number": "+61 2 5550 4417"}],
        "relationships": [{"entity_kind": "CONTACT", "entity_id": "gentrack-au:50030118",
            "role": "Authorised Representative", "effective_on": "2025-01-20"}],
    }));
    let mut vendors: Value = serde_json::from_str(example("getOrganisation.200.json")).unwrap();
    for told in ["organisationNumber", "billingAddress", "lastUpdatedTime"] {
        vendors.as_object_mut().unwrap().remove(told);
    }
    assert_eq!(json!(mapper.organisation_write(organisation, "").unwrap()), vendors);
}

#[test]
fn a_change_names_what_changes_and_empties_nothing() {
    let house = House::new();
    let changes: CustomerChanges = given(json!({"name": "P. Raman", "emails": []}));
    let body = house
        .mapper()
        .customer_write(party::customer_changes(changes).unwrap(), "")
        .unwrap();
    assert_eq!(json!(body), json!({"name": "P. Raman", "emails": []}));
    let refused = [
        party::customer_changes(given(json!({"brand": null})))
            .err()
            .map(|error| (error, "/brand")),
        party::customer_changes(given(json!({"native_id": "1"})))
            .err()
            .map(|error| (error, "/native_id")),
        party::organisation_changes(given::<OrganisationChanges>(json!({"trading_name": null})))
            .err()
            .map(|error| (error, "/trading_name")),
        party::contact_changes(given::<ContactChanges>(json!({"date_of_birth": null})))
            .err()
            .map(|error| (error, "/date_of_birth")),
    ];
    for refused in refused {
        let (error, pointer) = refused.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(format!("{:?}", error.faults()).contains(pointer), "{error:?}");
    }
}

#[test]
fn what_cannot_be_written_is_named_by_its_place() {
    let house = House::new();
    let mapper = house.mapper();
    let contact = |body: Value| mapper.contact_write(given(body), "/contacts/1").err().unwrap();
    let tie = |kind: &str, id: &str| json!({"relationships": [{"entity_kind": kind, "entity_id": id}]});
    for (error, kind, pointer) in [
        (
            contact(json!({"bill_channels": []})),
            ErrorKind::Invalid,
            "/contacts/1/bill_channels",
        ),
        (
            contact(json!({"bill_channels": ["fax"]})),
            ErrorKind::Invalid,
            "/contacts/1/bill_channels/0",
        ),
        (
            contact(json!({"bill_channels": ["email", "post"]})),
            ErrorKind::Unsupported,
            "/contacts/1/bill_channels/1",
        ),
        (
            contact(json!({"addresses": [{"lines": ["a"]}, {"lines": ["a", "b", "c"]}]})),
            ErrorKind::Invalid,
            "/contacts/1/addresses/1/lines",
        ),
        (
            contact(json!({"addresses": [{"lines": []}]})),
            ErrorKind::Invalid,
            "/contacts/1/addresses/0/lines",
        ),
        (
            contact(tie("ACCOUNT", "elsewhere:10045213")),
            ErrorKind::Invalid,
            "/contacts/1/relationships/0/entity_id",
        ),
        (
            contact(tie("ACCOUNT", "gentrack-au:10045213~sp~1")),
            ErrorKind::Invalid,
            "/contacts/1/relationships/0/entity_id",
        ),
    ] {
        assert_eq!(error.kind(), kind, "{pointer}");
        assert!(
            format!("{:?}", error.faults()).contains(&format!("{pointer:?}")),
            "{pointer}: {error:?}"
        );
    }
    let ended: NewRelationship = given(json!({"entity_kind": "ACCOUNT", "entity_id": "elsewhere:1"}));
    let error = mapper.unrelated(ended, None).err().unwrap();
    assert!(error.message().starts_with("`entity_id`"), "{error}");
}

#[test]
fn a_hierarchy_is_handed_over_whole() {
    let house = House::new();
    let hierarchy = json!({
        "backend": "gentrack-au",
        "customer": {"native_id": "C1", "name": "Ada Lind", "extensions": {"tier": 2}},
        "organisation": {"native_id": "O1", "name": "Lind Ltd"},
        "contacts": [{"native_id": "P1", "name": {"full": "Ada Lind"},
            "identifications": [{"native_kind": "Passport", "number": "PA1234417"}]}],
        "accounts": [{
            "native_id": "A1", "crm_id": "X", "name": "Ada", "native_kind": "Invoice", "brand": "Lumen Grid", "currency": "AUD",
            "delivery": "Both", "customer": "C1", "organisation": "O1", "parent": "A0",
            "billing_address": {"lines": ["1 Bay Road", "Unit 2"], "region": "NSW"},
            "relationships": [{"entity_kind": "CONTACT", "entity_id": "gentrack-au:P1", "role": "Billing"}],
            "extensions": {"meterless": true},
        }],
    });
    let body = house.mapper().synced(given(hierarchy)).unwrap();
    assert_eq!(
        json!(body),
        json!({
            "customer": {"globalReference": "C1", "name": "Ada Lind", "extensions": {"tier": 2}},
            "organisation": {"globalReference": "O1", "name": "Lind Ltd"},
            "contacts": [{"globalReference": "P1", "name": {"fullName": "Ada Lind"},
                "identifications": [{"type": "Passport", "id": "PA1234417"}]}],
            "accounts": [{
                "globalReference": "A1", "crmId": "X", "name": "Ada", "type": "Invoice", "brand": "Lumen Grid", "currency": "AUD",
                "billDelivery": "Both", "customerReference": "C1", "organisationReference": "O1",
                "parentAccountReference": "A0",
                "billingAddress": {"addressLine1": "1 Bay Road", "addressLine2": "Unit 2", "state": "NSW"},
                "relationships": [{"entityType": "Contact", "globalReference": "P1", "role": "Billing"}],
                "extensions": {"meterless": true},
            }],
        })
    );
    let one = house
        .mapper()
        .synced(given(json!({"backend": "gentrack-au", "customer": {"name": "Ada"}})));
    assert_eq!(json!(one.unwrap()), json!({"customer": {"name": "Ada"}}));
    let wrong = json!({"backend": "gentrack-au", "accounts": [{"delivery": "Pigeon"}]});
    let error = house.mapper().synced(given(wrong)).err().unwrap();
    assert!(
        format!("{:?}", error.faults()).contains("/accounts/0/delivery"),
        "{error:?}"
    );
}
