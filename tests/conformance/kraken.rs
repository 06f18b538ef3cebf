//! Kraken: one request for every operation, written from the simulated deployment's documented data.

use serde_json::{Value, json};

use super::Specimen;
use super::specimens::{list, read, search};

/// One request for every operation of the backend.
pub fn specimens() -> Vec<Specimen> {
    let mut all = reads();
    all.push(native());
    all.extend(of_accounts());
    all.extend(writes());
    all
}

fn reads() -> Vec<Specimen> {
    let account = |id: &str, rest: &str| format!("/v1/accounts/kraken-us:{id}{rest}");
    let point = |id: &str, rest: &str| format!("/v1/service-points/kraken-us:{id}{rest}");
    let bill = |id: &str, rest: &str| format!("/v1/bills/kraken-us:{id}{rest}");
    let (whole, none) = ("A-5E90B3F4", "A-00000000");
    let (here, nowhere) = (
        "A-5E90B3F4~sp~61001~10443720000111222",
        "A-5E90B3F4~sp~61001~10443720000000000",
    );
    let (month, days) = (
        "?from=2026-01-01&to=2026-02-01",
        "?from=2026-03-07&to=2026-03-10&resolution=PT1H",
    );
    vec![
        search(
            "accounts.search",
            "Accounts",
            "/v1/accounts",
            ("backend=kraken-us", "backend=kraken-us&number=does-not-exist"),
        ),
        read("accounts.get", "Account", &account(whole, ""), &account(none, "")),
        read(
            "accounts.balance",
            "Balance",
            &account(whole, "/balance"),
            &account(none, "/balance"),
        ),
        list(
            "bills.list",
            "Bills",
            &account(whole, "/bills"),
            &account(none, "/bills"),
        ),
        read(
            "bills.get",
            "Bill",
            &bill("A-7C41D0E2~930412", ""),
            &bill("A-7C41D0E2~999999", ""),
        ),
        read(
            "bills.document",
            "BillDocument",
            &bill("A-7C41D0E2~930412", "/document"),
            &bill("A-7C41D0E2~999999", "/document"),
        ),
        list(
            "transactions.list",
            "Transactions",
            &account(whole, "/transactions"),
            &account(none, "/transactions"),
        ),
        list(
            "service_points.list",
            "Properties",
            &account(whole, "/service-points"),
            &account(none, "/service-points"),
        ),
        read(
            "service_points.get",
            "Properties",
            &point(here, ""),
            &point(nowhere, ""),
        ),
        list(
            "meters.list",
            "Properties",
            &account(whole, "/meters"),
            &account(none, "/meters"),
        ),
        read(
            "meters.get",
            "Properties",
            "/v1/meters/kraken-us:A-7C41D0E2~m~48213~10032789401234567~119004417",
            "/v1/meters/kraken-us:A-7C41D0E2~m~48213~10032789401234567~000000000",
        ),
        list(
            "readings.list",
            "Readings",
            &point(here, &format!("/readings{month}")),
            &point(nowhere, &format!("/readings{month}")),
        ),
        list(
            "usage.list",
            "Usage",
            &point(here, &format!("/usage{days}")),
            &point(nowhere, &format!("/usage{days}")),
        ),
    ]
}

/// What belongs to an account, read from the busy one unless its facts are missing there.
fn of_accounts() -> Vec<Specimen> {
    let busy = |rest: &str| format!("/v1/accounts/kraken-us:A-5E90B3F4{rest}");
    let none = |rest: &str| format!("/v1/accounts/kraken-us:A-00000000{rest}");
    let small = |rest: &str| format!("/v1/accounts/kraken-us:A-7C41D0E2{rest}");
    let whole = |operation, native, rest: &str| list(operation, native, &busy(rest), &none(rest));
    vec![
        read(
            "accounts.billing_schedule",
            "BillingSchedule",
            &small("/billing-schedule"),
            &none("/billing-schedule"),
        ),
        read(
            "accounts.overdue",
            "Overdue",
            &small("/overdue-payments"),
            &none("/overdue-payments"),
        ),
        whole("payments.list", "Payments", "/payments"),
        whole("payment_methods.list", "PaymentMethods", "/payment-methods"),
        whole("payment_arrangements.list", "PaymentSchedules", "/payment-arrangements"),
        whole("refunds.list", "RepaymentRequests", "/refund-requests"),
        whole("notes.list", "Notes", "/notes"),
    ]
}

fn writes() -> Vec<Specimen> {
    let account = |id: &str, rest: &str| format!("/v1/accounts/kraken-us:{id}{rest}");
    let write = |operation, native, method, rest: &str, body: Value| Specimen {
        method,
        body: Some(body),
        ..read(
            operation,
            native,
            &account("A-7C41D0E2", rest),
            &account("A-00000000", rest),
        )
    };
    let once = |operation, native, rest: &str, status, body| Specimen {
        once: true,
        done: status,
        ..write(operation, native, "POST", rest, body)
    };
    let amount = json!({"amount": "25.00", "currency": "USD"});
    vec![
        once(
            "refunds.request",
            "SubmitRepaymentRequest",
            "/refund-requests",
            202,
            json!({"amount": amount, "reason": "CUSTOMER_REQUEST", "method": "BANK_TRANSFER"}),
        ),
        // A request that is cancelled already is only read, so it is the reading that answers every time.
        Specimen {
            method: "DELETE",
            ..read(
                "refunds.cancel",
                "RepaymentRequests",
                "/v1/refund-requests/kraken-us:A-5E90B3F4~L-6D31E8A4~70190",
                "/v1/refund-requests/kraken-us:A-5E90B3F4~L-6D31E8A4~1",
            )
        },
        once(
            "charges.create",
            "CreateAccountCharge",
            "/charges",
            201,
            json!({"amount": amount, "reason": "DISCONNECTION_FEE", "note": "TDSP pass-through"}),
        ),
        once(
            "credits.create",
            "PostCredit",
            "/credits",
            201,
            json!({"amount": amount, "tax": {"amount": "0.25", "currency": "USD"}, "reason": "GOODWILL_CREDIT"}),
        ),
        once(
            "notes.create",
            "CreateAccountNote",
            "/notes",
            201,
            json!({"body": "Called about the meter.", "pinned": true}),
        ),
        write(
            "accounts.update",
            "UpdateAccountBillingEmail",
            "PATCH",
            "",
            json!({"billing": {"email": "bills@example.com"}}),
        ),
    ]
}

/// A document of the caller's own.
fn native() -> Specimen {
    Specimen {
        method: "POST",
        body: Some(json!({
            "query": "query NativeAccount($number: String!) { account(accountNumber: $number) { number balance } }",
            "variables": {"number": "A-5E90B3F4"},
        })),
        missing: None,
        ..read("native.graphql", "NativeAccount", "/v1/backends/kraken-us/graphql", "")
    }
}
