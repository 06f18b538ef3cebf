//! Wire → model for the users of an account; pure.

use super::map::{Deployment, Owner, filled, present, rich_address};
use super::wire;
use crate::error::{Error, Result};
use crate::model::party::{Contact, Email, EntityKind, PersonName, Phone, Relationship};

impl Deployment {
    /// A user of an account, tied to it in as many parts as the system names; in one without a name if it names none.
    pub(super) fn contact(&self, owner: &Owner, user: wire::User) -> Result<Contact> {
        let absent = Error::unreadable("account.users.id", "absent");
        let native_id = filled(user.id.map(|id| id.0)).ok_or(absent)?;
        let name = PersonName {
            title: filled(user.title),
            given: filled(user.given_name),
            family: filled(user.family_name),
            full: filled(user.full_name),
            preferred: filled(user.preferred_name),
        };
        let phone = |kind: Option<&str>, number: Option<String>| {
            filled(number).map(|number| Phone {
                native_kind: kind.map(str::to_owned),
                number,
            })
        };
        let named = [
            phone(Some("mobile"), user.mobile),
            phone(Some("landline"), user.landline),
        ];
        let others = present(user.alternative_phone_numbers).map(|number| phone(None, Some(number)));
        let email = filled(user.email).map(|address| Email {
            native_kind: None,
            address,
        });
        let account = self.id(&[&owner.number])?;
        let tie = |role: Option<String>| Relationship {
            entity_kind: EntityKind::Account,
            native_kind: None,
            entity_id: Some(account.clone()),
            role,
            effective_on: None,
            period: None,
        };
        let mut relationships: Vec<_> = present(user.account_user_roles)
            .filter_map(|role| filled(role.role))
            .map(|role| tie(Some(role)))
            .collect();
        if relationships.is_empty() {
            relationships.push(tie(None));
        }
        Ok(Contact {
            id: self.id(&[&owner.number, &native_id])?,
            backend: self.name.clone(),
            native_id,
            crm_id: None,
            name: (name != PersonName::default()).then_some(name),
            date_of_birth: user.date_of_birth,
            emails: Some(email.into_iter().collect()),
            phones: Some(named.into_iter().chain(others).flatten().collect()),
            identifications: None,
            addresses: user.address.and_then(rich_address).map(|address| vec![address]),
            bill_channels: None,
            relationships: Some(relationships),
            updated_at: None,
            native: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;

    fn contact(user: &Value) -> Result<Value> {
        let deployment = Deployment {
            name: "kraken-us".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            zone: "America/Chicago".parse().unwrap(),
        };
        let owner = Owner {
            id: "kraken-us:A-7C41D0E2".parse().unwrap(),
            number: "A-7C41D0E2".to_owned(),
        };
        let user = serde_json::from_str(&user.to_string()).unwrap();
        Ok(serde_json::to_value(deployment.contact(&owner, user)?).unwrap())
    }

    #[test]
    fn a_user_is_a_contact_with_all_that_the_system_says() {
        let user = json!({
            "id": "1203344", "title": "Mx", "givenName": "Jordan", "familyName": "Reyes", "fullName": "Jordan Reyes",
            "preferredName": "Jo", "dateOfBirth": "1988-04-12", "email": "jordan.reyes@example.com",
            "mobile": "+13615550142", "landline": "+13615550143", "alternativePhoneNumbers": ["+13615550144", null, ""],
            "address": {"streetAddress": "1207 Bayfront Loop\nApt 4", "locality": "Corpus Christi",
                "administrativeArea": "TX", "postalCode": "78401", "country": "US"},
            "accountUserRoles": [{"role": "OWNER"}, null, {"role": "PAYER"}],
        });
        let tie = |role: &str| {
            json!({"entity_kind": "ACCOUNT", "native_kind": null, "entity_id": "kraken-us:A-7C41D0E2", "role": role,
                "effective_on": null, "period": null})
        };
        let expected = json!({
            "id": "kraken-us:A-7C41D0E2~1203344", "backend": "kraken-us", "native_id": "1203344", "crm_id": null,
            "name": {"title": "Mx", "given": "Jordan", "family": "Reyes", "full": "Jordan Reyes", "preferred": "Jo"},
            "date_of_birth": "1988-04-12",
            "emails": [{"native_kind": null, "address": "jordan.reyes@example.com"}],
            "phones": [{"native_kind": "mobile", "number": "+13615550142"},
                {"native_kind": "landline", "number": "+13615550143"},
                {"native_kind": null, "number": "+13615550144"}],
            "identifications": null,
            "addresses": [{"lines": ["1207 Bayfront Loop", "Apt 4"], "locality": "Corpus Christi", "region": "TX",
                "postal_code": "78401", "country": "US"}],
            "bill_channels": null, "relationships": [tie("OWNER"), tie("PAYER")], "updated_at": null,
        });
        assert_eq!(contact(&user).unwrap(), expected);
    }

    #[test]
    fn empty_texts_are_no_facts_and_a_user_without_a_role_is_tied_all_the_same() {
        let user = json!({"id": "7", "givenName": "", "familyName": " ", "email": "", "mobile": "", "landline": "",
            "address": {"streetAddress": "", "locality": null}, "accountUserRoles": null});
        let found = contact(&user).unwrap();
        assert_eq!((&found["name"], &found["addresses"]), (&Value::Null, &Value::Null));
        assert_eq!((&found["emails"], &found["phones"]), (&json!([]), &json!([])));
        assert_eq!(found["relationships"][0]["role"], Value::Null);
        assert_eq!(found["relationships"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_user_without_an_identifier_is_not_read() {
        let error = contact(&json!({"id": "", "givenName": "Jordan"})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
    }
}
