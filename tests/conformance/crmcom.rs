//! One request for every operation of CRM.COM. Steps of an account's life take an account each time.

use serde_json::json;

use super::Specimen;
use super::specimens::{list, read, search};

const SHOW: &str = "showAccountsReceivableByPost";

/// The specimens.
pub fn specimens() -> Vec<Specimen> {
    let account = |number: &str, rest: &str| format!("/v1/accounts/crmcom-cy:{number}{rest}");
    let (here, none) = ("ACR0000000056", "ACR9999999999");
    let step = |operation, native, word: &str, number: &str, others| Specimen {
        method: "POST",
        once: true,
        others,
        ..read(operation, native, &account(number, word), &account(none, word))
    };
    vec![
        read("accounts.get", SHOW, &account(here, ""), &account(none, "")),
        search(
            "accounts.search",
            SHOW,
            "/v1/accounts",
            (
                "backend=crmcom-cy&number=ACR0000000056",
                "backend=crmcom-cy&number=does-not-exist",
            ),
        ),
        Specimen {
            method: "POST",
            missing: None,
            body: Some(json!({"backend": "crmcom-cy", "identifier": "marios", "pass_code": "4711"})),
            ..read("accounts.match", SHOW, "/v1/accounts/search", "")
        },
        read(
            "accounts.balance",
            SHOW,
            &account(here, "/balance"),
            &account(none, "/balance"),
        ),
        read(
            "accounts.payment_terms",
            SHOW,
            &account(here, "/payment-terms"),
            &account(none, "/payment-terms"),
        ),
        list(
            "accounts.overdue",
            SHOW,
            &account(here, "/overdue-payments"),
            &account(none, "/overdue-payments"),
        ),
        list(
            "payment_methods.list",
            SHOW,
            &account(here, "/payment-methods"),
            &account(none, "/payment-methods"),
        ),
        step(
            "accounts.close",
            "terminateAccountsReceivable",
            "/close",
            here,
            &[
                "/v1/accounts/crmcom-cy:ACR0000000057/close",
                "/v1/accounts/crmcom-cy:ACR0000000058/close",
            ],
        ),
        step(
            "accounts.suspend",
            "suspendAccountsReceivable",
            "/suspend",
            here,
            &[
                "/v1/accounts/crmcom-cy:ACR0000000057/suspend",
                "/v1/accounts/crmcom-cy:ACR0000000058/suspend",
            ],
        ),
        step(
            "accounts.reactivate",
            "unsuspendAccountsReceivable",
            "/reactivate",
            "ACR0000000059",
            &[
                "/v1/accounts/crmcom-cy:ACR0000000065/reactivate",
                "/v1/accounts/crmcom-cy:ACR0000000066/reactivate",
            ],
        ),
        Specimen {
            method: "POST",
            once: true,
            done: 201,
            missing: None,
            body: Some(json!({"backend": "crmcom-cy", "name": "New household", "currency": "EUR"})),
            ..read("accounts.create", "createAccountsReceivable", "/v1/accounts", "")
        },
        Specimen {
            method: "PATCH",
            body: Some(json!({"description": "Flat above the bakery"})),
            ..read(
                "accounts.update",
                "updateAccountsReceivable",
                &account(here, ""),
                &account(none, ""),
            )
        },
    ]
}
