//! One request for every operation of the TMF678 adapter, written from the simulated system's documented data.

use super::Specimen;
use super::specimens::{list, read};

/// The specimens of the backend in front of the simulated TMF678.
pub fn specimens() -> Vec<Specimen> {
    let account = |id: &str, rest: &str| format!("/v1/accounts/tmf-carib:{id}{rest}");
    let bill = |id: &str, rest: &str| format!("/v1/bills/tmf-carib:{id}{rest}");
    let raw = |rest: &str| format!("/v1/backends/tmf-carib/raw/{rest}");
    let (here, nowhere) = ("801941080000~bill~2018031", "801941080000~bill~2018032");
    // Few enough for one page of the system. An account that no system knows is a call that finds no route; one of a business
    // unit that is not configured is known not to exist.
    let (few, paid, none) = ("271041000000", "JM:cerillion:400010002000", "KY:801941080000");
    vec![
        read("bills.get", "retrieveCustomerBill", &bill(here, ""), &bill(nowhere, "")),
        read(
            "bills.document",
            "retrieveCustomerBill",
            &bill(here, "/document"),
            &bill(nowhere, "/document"),
        ),
        list(
            "bills.list",
            "listCustomerBill",
            &account(few, "/bills"),
            &account(none, "/bills"),
        ),
        list(
            "payments.list",
            "listCustomerBill",
            &account(paid, "/payments"),
            &account(none, "/payments"),
        ),
        read(
            "native.raw",
            "retrieveCustomerBill",
            &raw("PA/customerBill/2018031?billingAccount.id=801941080000"),
            &raw("PA/customerBill/2018032?billingAccount.id=801941080000"),
        ),
    ]
}
