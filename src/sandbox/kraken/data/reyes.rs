//! Account A-7C41D0E2: the customer of the contract's examples.

use serde_json::{Value, json};

use super::{Entry, with};

pub(super) fn account() -> Value {
    let person = json!({
        "__typename": "AccountType",
        "id": "88412",
        "number": "A-7C41D0E2",
        "status": "ACTIVE",
        "brand": "OCTOPUS_ENERGY",
        "accountType": "DOMESTIC",
        "createdAt": "2024-11-18T16:42:10.918273+00:00",
        "isOnSupply": true,
        "overdueBalance": 0,
        "urn": null,
        "billingName": "Jordan Reyes",
        "billingSubName": null,
        "billingEmail": "jordan.reyes@example.com",
        "billingAddress": "1207 Bayfront Loop, Apt 4, Corpus Christi, TX, 78401",
        "billingAddressLine1": "1207 Bayfront Loop",
        "billingAddressLine2": "Apt 4",
        "billingAddressLine3": "Corpus Christi",
        "billingAddressLine4": "TX",
        "billingAddressLine5": "",
        "billingAddressPostcode": "78401",
        "billingCountryCode": "US",
        "splitBillingAddress": ["1207 Bayfront Loop", "Apt 4", "Corpus Christi", "TX"],
        "address": address(),
        "commsDeliveryPreference": "EMAIL",
        "isInHardship": false,
        "isShellAccount": false,
        "canRequestRefund": false,
        "preferredLanguageForComms": "en",
        "billingOptions": {
            "isFixed": true,
            "periodLength": "MONTHLY",
            "periodLengthMultiplier": 1,
            "periodStartDay": 5,
            "currentBillingPeriodStartDate": "2026-02-05",
            "currentBillingPeriodEndDate": "2026-03-04",
            "nextBillingDate": "2026-03-05",
        },
    });
    let books = json!({
        "references": [],
        "notes": [],
        "metadata": [],
        "agreements": [agreement()],
        "ledgers": [{
            "number": "L-51D20A77",
            "name": "Main ledger",
            "ledgerType": "MAIN_LEDGER",
            "affectsAccountBalance": true,
            "acceptsPayments": true,
            "supportsStatements": true,
            "supportsInvoices": false,
            "_entries": entries(),
        }],
        "properties": [property()],
        "_latest_esi_id": "10032789401234567",
        "_bills": bills(),
        "_schedules": [{
            "id": "60117",
            "validFrom": "2024-11-18",
            "validTo": null,
            "reason": "GENERAL_ACCOUNT_PAYMENT",
            "paymentHolidayReason": "",
            "paymentFrequency": "Monthly",
            "paymentFrequencyMultiplier": 1,
            "paymentDay": 20,
            "isVariablePaymentAmount": true,
            "isPaymentHoliday": false,
            "paymentAmount": 0,
            "_ledger": "L-51D20A77",
        }],
        "_methods": [card()],
        "_payments": [
            payment("81003", 14212, "2026-01-20"),
            payment("80417", 9925, "2025-12-20"),
            payment("79880", 9750, "2025-11-20"),
        ],
        "_requests": [],
        "_repayments": [],
    });
    with(person, books)
}

fn address() -> Value {
    json!({
        "streetAddress": "1207 Bayfront Loop\nApt 4",
        "locality": "Corpus Christi",
        "administrativeArea": "TX",
        "postalCode": "78401",
        "country": "US",
    })
}

fn agreement() -> Value {
    json!({
        "id": "73310",
        "validFrom": "2024-12-01T06:00:00+00:00",
        "validTo": null,
        "agreedAt": "2024-11-18T16:42:10+00:00",
        "terminatedAt": null,
        "earlyTerminationFee": "150.00",
        "product": {"id": "2207", "code": "OCTOPLUS-12M", "displayName": "OctoPlus 12", "fullName": "OctoPlus 12 month",
            "term": 12, "isWholesale": false, "prepay": false},
    })
}

fn card() -> Value {
    json!({
        "id": "30955",
        "status": "ACTIVE",
        "sortCode": "",
        "iban": "",
        "accountHolder": "Jordan Reyes",
        "instructionType": "CARD",
        "cardPaymentNetwork": "visa",
        "cardExpiryMonth": 9,
        "cardExpiryYear": 2027,
        "cardNumber": "4242",
        "maskedAccountIdentifier": "************4242",
        "validFrom": "2024-11-18T16:45:02+00:00",
        "vendor": "STRIPE",
    })
}

fn payment(id: &str, amount: i64, date: &str) -> Value {
    json!({
        "id": id,
        "amount": amount,
        "paymentDate": date,
        "reference": format!("pi_{id}"),
        "transactionType": "CREDIT_CARD",
        "status": "CLEARED",
        "paymentInstruction": card(),
        "surchargeAmount": null,
        "_ledger": "L-51D20A77",
    })
}

fn property() -> Value {
    json!({
        "id": "48213",
        "address": "1207 Bayfront Loop, Apt 4, Corpus Christi, TX, 78401",
        "postcode": "78401",
        "label": null,
        "addressLine1": "1207 Bayfront Loop",
        "addressLine2": "Apt 4",
        "addressLine3": "Corpus Christi",
        "addressLine4": "TX",
        "addressLine5": "",
        "splitAddress": ["1207 Bayfront Loop", "Apt 4", "Corpus Christi", "TX"],
        "richAddress": address(),
        "occupancyPeriods": [{
            "id": "51922",
            "effectiveFrom": "2024-12-01T06:00:00+00:00",
            "effectiveTo": null,
            "isOccupier": true,
            "accountNumber": "A-7C41D0E2",
        }],
        "meterPoints": [{
            "id": "40771",
            "esiId": "10032789401234567",
            "status": "ON_SUPPLY",
            "serviceProvider": "AEP_TCC",
            "loadZone": "LZ_SOUTH",
            "loadProfile": "RESLOWR_SOUTH",
            "hasCriticalCare": false,
            "meters": [
                {"serialNumber": "119004417", "activeFrom": "2019-05-14T05:00:00+00:00",
                    "activeTo": "2026-01-28T06:00:00+00:00"},
                {"serialNumber": "162330958", "activeFrom": "2026-01-28T06:00:00+00:00", "activeTo": null},
            ],
            "agreements": [agreement()],
        }],
    })
}

fn bills() -> Vec<Value> {
    let period = |id: &str, from: &str, to: &str, issued: &str, due: &str| {
        json!({
            "__typename": "PeriodBasedDocumentType", "id": id, "identifier": id, "billType": "STATEMENT",
            "fromDate": from, "toDate": to, "issuedDate": issued, "isAnnulled": false,
            "_due": due, "_ledger": "L-51D20A77", "_pdf": true,
        })
    };
    vec![
        period("930412", "2026-01-05", "2026-02-04", "2026-02-05", "2026-02-21"),
        period("911860", "2025-12-05", "2026-01-04", "2026-01-05", "2026-01-21"),
        json!({
            "__typename": "StatementType", "id": "887004", "billType": "STATEMENT",
            "fromDate": "2025-11-05", "toDate": "2025-12-04", "issuedDate": "2025-12-05",
            "isExternalBill": false, "userId": 1_203_344, "toAddress": "jordan.reyes@example.com",
            "consumptionStartDate": "2025-11-05", "consumptionEndDate": "2025-12-04",
            "reversalsAfterClose": "NONE", "status": "CLOSED", "heldStatus": {"isHeld": false, "reason": null},
            "_due": "2025-12-21", "_ledger": "L-51D20A77", "_pdf": true,
        }),
    ]
}

/// The four entries of examples/04-transactions.json, and before them what makes the first statement's opening balance.
fn entries() -> Vec<Value> {
    let charge = |id, posted: &str, created: &str, net, tax, document, consumption: Value| {
        let entry = Entry {
            kind: "Charge",
            id,
            posted: posted.to_owned(),
            created: created.to_owned(),
            title: "Electricity",
            reason: "ELECTRICITY_CHARGE",
            net,
            tax: Some(tax),
            document,
        };
        with(entry.record(), json!({"consumption": consumption}))
    };
    let use_of = |from: &str, to: &str, quantity: &str, usage_cost: i64| {
        json!({"startDate": from, "endDate": to, "quantity": quantity, "unit": "kWh", "usageCost": usage_cost,
            "supplyCharge": 395})
    };
    let payment = |id, posted: &str, net, document| {
        let entry = Entry {
            kind: "Payment",
            id,
            posted: posted.to_owned(),
            created: format!("{posted}T06:00:03+00:00"),
            title: "Card payment",
            reason: "",
            net,
            tax: None,
            document,
        };
        with(
            entry.record(),
            json!({"paymentTransactionType": "CREDIT_CARD", "isLateFailedPayment": false}),
        )
    };
    let credit = Entry {
        kind: "Credit",
        id: "5590214",
        posted: "2026-02-03".to_owned(),
        created: "2026-02-03T19:02:11+00:00".to_owned(),
        title: "Goodwill credit",
        reason: "GOODWILL_CREDIT",
        net: 1000,
        tax: Some(0),
        document: Some("930412"),
    };
    vec![
        charge(
            "-196003315",
            "2025-11-04",
            "2025-11-05T08:09:44+00:00",
            9653,
            97,
            None,
            Value::Null,
        ),
        payment("5481120", "2025-11-20", 9750, Some("887004")),
        charge(
            "-199130772",
            "2025-12-04",
            "2025-12-05T08:10:31+00:00",
            9827,
            98,
            Some("887004"),
            use_of("2025-11-05", "2025-12-04", "678.0000", 9432),
        ),
        payment("5526604", "2025-12-20", 9925, Some("911860")),
        charge(
            "-201774402",
            "2026-01-04",
            "2026-01-05T08:11:09+00:00",
            14071,
            141,
            Some("911860"),
            use_of("2025-12-05", "2026-01-04", "970.0000", 13676),
        ),
        payment("5571038", "2026-01-20", 14212, Some("930412")),
        with(credit.record(), json!({"note": "Late meter exchange"})),
        charge(
            "-204118873",
            "2026-02-04",
            "2026-02-05T08:10:44.120331+00:00",
            16187,
            162,
            Some("930412"),
            use_of("2026-01-05", "2026-02-04", "1120.0000", 15792),
        ),
    ]
}
