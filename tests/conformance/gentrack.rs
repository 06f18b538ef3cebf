//! Specimens of Gentrack.

use serde_json::{Value, json};

use super::Specimen;
use super::specimens::{list, read};

/// One request for every operation of the simulated Gentrack.
pub fn specimens() -> Vec<Specimen> {
    let mut all = spine();
    all.extend(accounts());
    all.extend(payments());
    all.extend(parties());
    all
}

fn spine() -> Vec<Specimen> {
    let readings = json!({"readings": [
        {"meter_number": "E7718842", "register": "E1", "read_at": "2026-07-05T18:30:00+10:00", "value": "42388"},
        {"meter_number": "E7718842", "register": "E2", "read_at": "2026-07-05T18:30:00+10:00", "value": "15349"},
    ]});
    let account = |id: &str, rest: &str| format!("/v1/accounts/gentrack-au:{id}{rest}");
    let point = |id: &str, rest: &str| format!("/v1/service-points/gentrack-au:{id}{rest}");
    let bill = |id: &str, rest: &str| format!("/v1/bills/gentrack-au:{id}{rest}");
    let (whole, none) = ("00210077", "99999999");
    let (here, nowhere) = ("10045213~sp~4107755", "10045213~sp~9999999");
    let span = "?from=2024-01-01&to=2027-01-01";
    vec![
        read("accounts.get", "getAccount", &account(whole, ""), &account(none, "")),
        read(
            "accounts.balance",
            "getAccountBalance",
            &account(whole, "/balance"),
            &account(none, "/balance"),
        ),
        list(
            "bills.list",
            "getAccountBills",
            &account(whole, "/bills"),
            &account(none, "/bills"),
        ),
        read(
            "bills.get",
            "getAccountBills",
            &bill("10045213~bill~882035~Invoice", ""),
            &bill("10045213~bill~999999~Invoice", ""),
        ),
        read(
            "bills.document",
            "getBillImage",
            &bill("10045213~bill~882035~Invoice", "/document"),
            &bill("10045213~bill~999999~Invoice", "/document"),
        ),
        list(
            "bills.readings",
            "getBillMeterReadings",
            &bill("10045213~bill~882035~Invoice", "/readings"),
            &bill("10045213~bill~999999~Invoice", "/readings"),
        ),
        list(
            "transactions.list",
            "getAccountTransactions",
            &account(whole, "/transactions"),
            &account(none, "/transactions"),
        ),
        list(
            "service_points.list",
            "getAccount",
            &account(whole, "/service-points"),
            &account(none, "/service-points"),
        ),
        read(
            "service_points.get",
            "getMeterStructure",
            &point(here, ""),
            &point(nowhere, ""),
        ),
        list(
            "meters.list",
            "getAccount",
            &account(whole, "/meters"),
            &account(none, "/meters"),
        ),
        read(
            "meters.get",
            "getMeterStructure",
            "/v1/meters/gentrack-au:10045213~sp~4107755~m~E7718842",
            "/v1/meters/gentrack-au:10045213~sp~4107755~m~E0000000",
        ),
        list(
            "readings.list",
            "getMeterReadings",
            &point("00210077~sp~0004107901", &format!("/readings{span}")),
            &point(nowhere, &format!("/readings{span}")),
        ),
        Specimen {
            method: "POST",
            body: Some(readings.clone()),
            ..read(
                "readings.validate",
                "validateMeterReadings",
                &point(here, "/readings/validate"),
                &point(nowhere, "/readings/validate"),
            )
        },
        Specimen {
            method: "POST",
            body: Some(readings),
            once: true,
            done: 202,
            ..read(
                "readings.submit",
                "submitMeterReadings",
                &point(here, "/readings"),
                &point(nowhere, "/readings"),
            )
        },
    ]
}

fn account(id: &str, rest: &str) -> String {
    format!("/v1/accounts/gentrack-au:{id}{rest}")
}

const HERE: &str = "10045213";
const SECOND: &str = "00210077";
const NONE: &str = "99999999";

/// A write that answers 204 and may be repeated.
fn change(
    operation: &'static str,
    native: &'static str,
    method: &'static str,
    (path, missing): (&str, &str),
    body: Value,
) -> Specimen {
    Specimen {
        method,
        body: Some(body),
        done: 204,
        ..read(operation, native, path, missing)
    }
}

/// A write that answers 201 with the record and is never repeated.
fn once(operation: &'static str, native: &'static str, on: &str, rest: &str, body: Value) -> Specimen {
    Specimen {
        method: "POST",
        body: Some(body),
        once: true,
        done: 201,
        ..read(operation, native, &account(on, rest), &account(NONE, rest))
    }
}

fn of_account(operation: &'static str, native: &'static str, rest: &str) -> Specimen {
    read(operation, native, &account(HERE, rest), &account(NONE, rest))
}

fn accounts() -> Vec<Specimen> {
    let both = |rest: &str| (account(SECOND, rest), account(NONE, rest));
    let (update, parent) = (both(""), both("/parent"));
    vec![
        Specimen {
            method: "POST",
            body: Some(json!({"backend": "gentrack-au", "name": "Ada Lind", "customer_number": "20018844"})),
            missing: None,
            dropped_repeats: true,
            done: 201,
            ..read("accounts.create", "createAccount", "/v1/accounts", "")
        },
        change(
            "accounts.update",
            "updateAccount",
            "PATCH",
            (&update.0, &update.1),
            json!({"name": "A. Lind"}),
        ),
        change(
            "accounts.set_parent",
            "updateAccountParent",
            "PUT",
            (&parent.0, &parent.1),
            json!({"parent": "gentrack-au:10045213", "effective_on": "2026-08-01"}),
        ),
        of_account(
            "accounts.billing_schedule",
            "getBillingInformation",
            "/billing-schedule",
        ),
        of_account("accounts.payment_terms", "getPaymentTerms", "/payment-terms"),
        of_account(
            "accounts.suggested_payment",
            "getSuggestedPaymentAmount",
            "/suggested-payment",
        ),
        Specimen {
            pages: true,
            ..of_account("accounts.overdue", "getOverduePayments", "/overdue-payments")
        },
        of_account("holds.get", "getAccountReview", "/hold"),
        once(
            "holds.place",
            "createAccountReview",
            HERE,
            "/hold",
            json!({"reason": "Complaint"}),
        ),
        Specimen {
            method: "POST",
            body: Some(json!({"method": "CREDIT_NOTE", "reason": "Wrong rate"})),
            once: true,
            done: 204,
            ..read(
                "bills.correct",
                "fixBill",
                "/v1/bills/gentrack-au:10045213~bill~882035~Invoice/corrections",
                "/v1/bills/gentrack-au:10045213~bill~999999~Invoice/corrections",
            )
        },
    ]
}

fn payments() -> Vec<Specimen> {
    let review = (account(HERE, "/payment-review"), account(NONE, "/payment-review"));
    let method = json!({
        "kind": "DIRECT_DEBIT", "starts_on": "2026-09-01",
        "bank_account": {"holder": "P RAMAN", "number": "10203040", "bank_code": "062004"},
    });
    let arrangement = json!({
        "kind": "DEBT", "frequency": "WEEKLY", "first_payment_on": "2026-07-13",
        "components": [{"amount": "30.42", "currency": "AUD"}], "payments": 4,
    });
    let refund = json!({"amount": {"amount": "0.05", "currency": "AUD"}, "reason": "Overpaid"});
    vec![
        of_account("payment_review.get", "getNextPaymentReview", "/payment-review"),
        change(
            "payment_review.set",
            "updateNextPaymentReview",
            "PUT",
            (&review.0, &review.1),
            json!({"review_on": "2027-01-15"}),
        ),
        Specimen {
            pages: true,
            ..of_account("payment_methods.list", "getPaymentMethod", "/payment-methods")
        },
        once(
            "payment_methods.create",
            "createPaymentMethod",
            HERE,
            "/payment-methods",
            method,
        ),
        list(
            "payment_arrangements.list",
            "getPaymentArrangements",
            &account(SECOND, "/payment-arrangements"),
            &account(NONE, "/payment-arrangements"),
        ),
        once(
            "payment_arrangements.create",
            "createPaymentArrangement",
            HERE,
            "/payment-arrangements",
            arrangement,
        ),
        Specimen {
            method: "DELETE",
            spends: Some(account(HERE, "/balance")),
            done: 204,
            ..read(
                "payment_arrangements.cancel",
                "deletePaymentArrangement",
                "/v1/payment-arrangements/gentrack-au:10045213~pa~17452",
                "/v1/payment-arrangements/gentrack-au:10045213~pa~99999",
            )
        },
        Specimen {
            done: 202,
            ..once(
                "refunds.request",
                "createRefundRequest",
                SECOND,
                "/refund-requests",
                refund,
            )
        },
        read(
            "native.raw",
            "getAccountBalance",
            "/v1/backends/gentrack-au/raw/accounts/00210077/balance",
            "/v1/backends/gentrack-au/raw/accounts/99999999/balance",
        ),
        Specimen {
            method: "POST",
            body: Some(
                serde_json::from_str(include_str!(
                    "../fixtures/gentrack/examples/submitMeterReadings.request.json"
                ))
                .unwrap(),
            ),
            once: true,
            ..read(
                "native.raw",
                "submitMeterReadings",
                "/v1/backends/gentrack-au/raw/service-points/4107755/submit-meter-reads",
                "/v1/backends/gentrack-au/raw/service-points/9999999/submit-meter-reads",
            )
        },
    ]
}

/// A party's own address, and that of one that is not there.
fn party(collection: &str, key: &str, rest: &str) -> (String, String) {
    let at = |key: &str| format!("/v1/{collection}/gentrack-au:{key}{rest}");
    (at(key), at(NONE))
}

fn parties() -> Vec<Specimen> {
    let (customers, organisations, contacts) = (
        |rest: &str| party("customers", "20018844", rest),
        |rest: &str| party("organisations", "70000912", rest),
        |rest: &str| party("contacts", "50027731", rest),
    );
    let get = |operation, native, (path, missing): (String, String)| read(operation, native, &path, &missing);
    let make = |operation, native, path: &str, body: Value| Specimen {
        method: "POST",
        body: Some(body),
        missing: None,
        dropped_repeats: true,
        done: 201,
        ..read(operation, native, path, "")
    };
    let write = |operation, native, method, at: (String, String), body: Option<Value>| Specimen {
        method,
        body,
        silent: true,
        ..get(operation, native, at)
    };
    let tie = Some(json!({"effective_on": "2026-07-06", "relationships": [
        {"entity_kind": "ACCOUNT", "entity_id": "gentrack-au:10045213", "role": "Billing"},
    ]}));
    let untie = "/relationships?entity_kind=ACCOUNT&entity_id=gentrack-au:10045213&effective_on=2026-07-06";
    vec![
        get("customers.get", "getCustomer", customers("")),
        make(
            "customers.create",
            "createCustomer",
            "/v1/customers",
            json!({"backend": "gentrack-au", "name": "Ada Lind", "native_kind": "Residential"}),
        ),
        write(
            "customers.update",
            "updateCustomer",
            "PATCH",
            customers(""),
            Some(json!({"name": "P. Raman"})),
        ),
        Specimen {
            done: 200,
            silent: true,
            ..make(
                "customers.sync",
                "customerSync",
                "/v1/customers/sync",
                json!({"backend": "gentrack-au", "customer": {"native_id": "20018844", "name": "P. Raman"}}),
            )
        },
        get("organisations.get", "getOrganisation", organisations("")),
        make(
            "organisations.create",
            "createOrganisation",
            "/v1/organisations",
            json!({"backend": "gentrack-au", "name": "Lind Ltd"}),
        ),
        write(
            "organisations.update",
            "updateOrganisation",
            "PATCH",
            organisations(""),
            Some(json!({"trading_name": "Harbour Lane"})),
        ),
        write(
            "organisations.relate",
            "updateOrganisationRelationships",
            "PUT",
            organisations("/relationships"),
            tie.clone(),
        ),
        write(
            "organisations.unrelate",
            "removeOrganisationRelationships",
            "DELETE",
            organisations(untie),
            None,
        ),
        get("contacts.get", "getContact", contacts("")),
        make(
            "contacts.create",
            "createContact",
            "/v1/contacts",
            json!({"backend": "gentrack-au", "name": {"full": "Ada Lind"}}),
        ),
        write(
            "contacts.update",
            "updateContact",
            "PATCH",
            contacts(""),
            Some(json!({"bill_channels": ["noCommunication"]})),
        ),
        write(
            "contacts.relate",
            "updateContactRelationships",
            "PUT",
            contacts("/relationships"),
            tie,
        ),
        write(
            "contacts.unrelate",
            "removeContactRelationships",
            "DELETE",
            contacts(untie),
            None,
        ),
        // After it the contact is gone: the last of all.
        Specimen {
            spends: Some(contacts("").0),
            ..write(
                "contacts.remove",
                "deleteContact",
                "DELETE",
                contacts("?effective_on=2026-07-06&reason=moved"),
                None,
            )
        },
    ]
}
