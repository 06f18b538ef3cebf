//! What the spine must show, through the HTTP face, on the vendors' own documented shapes.

use std::collections::{BTreeMap, BTreeSet};

use intertie::sandbox::Kind;
use serde_json::{Value, json};

use crate::support::stage::Stage;
use crate::support::{gentrack_contract, kraken_contract};

const GENTRACK: &str = "gentrack-au:10045213";
const KRAKEN: &str = "kraken-us:A-7C41D0E2";
const LARGE: &str = "kraken-us:A-5E90B3F4";

/// The member names of a record, all the way down; of a list's items, those of all of them.
fn members(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(record) => {
            for (name, value) in record {
                let path = format!("{path}.{name}");
                into.insert(path.clone());
                members(value, &path, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, path, into)),
        _ => {}
    }
}

fn top(value: &Value) -> BTreeSet<String> {
    let record = if value.is_array() { &value[0] } else { value };
    record.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn both_systems_answer_with_the_same_members() {
    let stage = Stage::open().await;
    for rest in ["", "/balance", "/bills", "/transactions", "/service-points", "/meters"] {
        let mut seen = Vec::new();
        for account in [GENTRACK, KRAKEN] {
            let answer = stage.get(&format!("/v1/accounts/{account}{rest}")).await;
            assert_eq!(answer.status, 200, "{account}{rest}: {}", answer.text());
            seen.push(top(&answer.json()["data"]));
        }
        assert_eq!(seen[0], seen[1], "{rest}");
    }
    for account in [GENTRACK, KRAKEN] {
        let bills = stage.get(&format!("/v1/accounts/{account}/bills")).await.json();
        let id = bills["data"][0]["id"].as_str().unwrap();
        let document = stage.get(&format!("/v1/bills/{id}/document")).await;
        assert_eq!(
            (document.status, document.header("content-type")),
            (200, Some("application/pdf"))
        );
        assert!(document.body.starts_with(b"%PDF-"), "{id}");
        assert!(
            document
                .header("content-disposition")
                .unwrap()
                .starts_with("attachment; filename=")
        );
    }
}

#[tokio::test]
async fn the_documented_balances_read_as_owed() {
    let stage = Stage::open().await;
    for (account, amount, currency) in [(GENTRACK, "310.97", "AUD"), (KRAKEN, "153.49", "USD")] {
        let balance = stage.get(&format!("/v1/accounts/{account}/balance")).await.json();
        assert_eq!(
            balance["data"]["balance_due"],
            json!({"amount": amount, "currency": currency})
        );
    }
    // Both signs: these two are in credit.
    for (account, amount) in [("gentrack-au:00210077", "-84.20"), (LARGE, "-1467.50")] {
        let balance = stage.get(&format!("/v1/accounts/{account}/balance")).await.json();
        assert_eq!(balance["data"]["balance_due"]["amount"], amount, "{account}");
    }
}

#[tokio::test]
async fn every_documented_bill_is_right_to_the_cent_and_half_open() {
    let stage = Stage::open().await;
    // From getAccountBills.200.json and 03-bills.json: number or id, gross, closing or unpaid, first day, day after the last.
    let expected = BTreeMap::from([
        ("880311", ("161.32", Some("0.00"), "2026-03-01", "2026-04-01")),
        ("880902", ("152.13", Some("0.00"), "2026-04-01", "2026-05-01")),
        ("881477", ("171.66", Some("121.66"), "2026-05-01", "2026-06-01")),
        ("882035", ("189.31", Some("189.31"), "2026-06-01", "2026-07-01")),
        // Charges 163.49 less a credit of 10.00.
        ("930412", ("153.49", Some("153.49"), "2026-01-05", "2026-02-05")),
        ("911860", ("142.12", Some("0.00"), "2025-12-05", "2026-01-05")),
        ("887004", ("99.25", None, "2025-11-05", "2025-12-05")),
    ]);
    let mut seen = 0;
    for account in [GENTRACK, KRAKEN] {
        for bill in stage.walk(&format!("/v1/accounts/{account}/bills")).await {
            let (gross, unpaid, start, end) = expected[bill["native_id"].as_str().unwrap()];
            assert_eq!(bill["totals"]["gross"]["amount"], gross, "{bill}");
            assert_eq!(bill["outstanding"]["amount"].as_str(), unpaid, "{bill}");
            assert_eq!(bill["period"], json!({"start": start, "end": end}), "{bill}");
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len());
    let bills = stage.walk(&format!("/v1/accounts/{KRAKEN}/bills")).await;
    let closing: Vec<_> = bills
        .iter()
        .map(|bill| bill["closing_balance"]["amount"].as_str().unwrap())
        .collect();
    assert_eq!(
        closing,
        ["153.49", "142.12", "99.25"],
        "positive since the customer owes"
    );
}

#[tokio::test]
async fn ledger_entries_have_the_direction_of_their_balances() {
    let stage = Stage::open().await;
    let rows = |list: Vec<Value>| -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
        list.iter()
            .map(|row| {
                (
                    text(&row["amount"]["amount"]),
                    text(&row["direction"]),
                    text(&row["balance_after"]["amount"]),
                )
            })
            .collect()
    };
    let row = |amount: &str, direction: &str, after: &str| (amount.to_owned(), direction.to_owned(), after.to_owned());
    assert_eq!(
        rows(stage.walk(&format!("/v1/accounts/{GENTRACK}/transactions")).await),
        [
            row("189.31", "DEBIT", "310.97"),
            row("50.00", "CREDIT", "121.66"),
            row("171.66", "DEBIT", "171.66"),
            row("152.13", "CREDIT", "0.00"),
            row("152.13", "DEBIT", "152.13"),
            row("161.32", "CREDIT", "0.00"),
            row("161.32", "DEBIT", "161.32"),
        ]
    );
    assert_eq!(
        rows(
            stage
                .walk(&format!(
                    "/v1/accounts/{KRAKEN}/transactions?from=2026-01-01&to=2026-02-06"
                ))
                .await
        ),
        [
            row("163.49", "DEBIT", "153.49"),
            row("10.00", "CREDIT", "-10.00"),
            row("142.12", "CREDIT", "0.00"),
            row("142.12", "DEBIT", "142.12"),
        ]
    );
}

#[tokio::test]
async fn forty_bills_come_out_over_pages_of_fifteen_each_once() {
    let stage = Stage::open().await;
    let path = format!("/v1/accounts/{LARGE}/bills?limit=15");
    let mut sizes = Vec::new();
    let mut ids = BTreeSet::new();
    let mut next = path.clone();
    let first_cursor = loop {
        let page = stage.get(&next).await.json();
        sizes.push(page["data"].as_array().unwrap().len());
        for bill in page["data"].as_array().unwrap() {
            assert!(
                ids.insert(bill["id"].as_str().unwrap().to_owned()),
                "{} comes twice",
                bill["id"]
            );
        }
        match page["page"]["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => break next,
        }
    };
    assert_eq!((sizes, ids.len()), (vec![15, 15, 10], 40));
    let cursor = first_cursor.split("cursor=").nth(1).unwrap();
    for other in [
        format!("/v1/accounts/{LARGE}/bills?limit=15&kind=INVOICE&cursor={cursor}"),
        format!("/v1/accounts/{LARGE}/bills?from=2025-01-01&cursor={cursor}"),
        format!("/v1/accounts/{KRAKEN}/bills?cursor={cursor}"),
        format!("/v1/accounts/{LARGE}/transactions?cursor={cursor}"),
        format!("/v1/accounts/{LARGE}/bills?cursor={}x", &cursor[..cursor.len() - 1]),
    ] {
        let answer = stage.get(&other).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["parameter"]),
            (400, &json!("cursor")),
            "{other}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_half_hours_has_no_gap_no_overlap_and_the_right_days() {
    let stage = Stage::open().await;
    let point = format!("{LARGE}~sp~61001~10443720000111222");
    let path = format!("/v1/service-points/{point}/usage?resolution=PT30M&from=2025-10-01&to=2026-10-01&limit=200");
    let intervals = stage.walk(&path).await;
    let zone = jiff::tz::TimeZone::get("America/Chicago").unwrap();
    let mut days: BTreeMap<jiff::civil::Date, usize> = BTreeMap::new();
    let mut end: Option<jiff::Timestamp> = None;
    for interval in &intervals {
        let start: jiff::Timestamp = interval["start"].as_str().unwrap().parse().unwrap();
        let stop: jiff::Timestamp = interval["end"].as_str().unwrap().parse().unwrap();
        assert_eq!(stop.duration_since(start).as_secs(), 1800, "{interval}");
        assert!(
            end.is_none_or(|end| end == start),
            "a gap or an overlap before {interval}"
        );
        end = Some(stop);
        assert_eq!(interval["quantity"]["unit"], "kWh", "{interval}");
        assert!(
            interval["quality"].is_string() && interval["direction"] == "IMPORT",
            "{interval}"
        );
        *days.entry(zone.to_datetime(start).date()).or_default() += 1;
    }
    assert_eq!((days.len(), intervals.len()), (365, 365 * 48));
    let odd: Vec<_> = days
        .iter()
        .filter(|(_, count)| **count != 48)
        .map(|(day, count)| (day.to_string(), *count))
        .collect();
    assert_eq!(odd, [("2025-11-02".to_owned(), 50), ("2026-03-08".to_owned(), 46)]);
    let qualities: BTreeSet<_> = intervals
        .iter()
        .map(|interval| interval["quality"].as_str().unwrap())
        .collect();
    assert!(
        qualities.contains("ACTUAL") && qualities.contains("ESTIMATED"),
        "{qualities:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_on_a_cold_cache_make_one_login_per_backend() {
    let stage = std::sync::Arc::new(Stage::roomy().await);
    let calls = (0..10_000).map(|n| {
        let stage = std::sync::Arc::clone(&stage);
        let account = if n % 2 == 0 { GENTRACK } else { KRAKEN };
        tokio::spawn(async move {
            stage
                .send(
                    "GET",
                    &format!("/v1/accounts/{account}/balance"),
                    &[("request-timeout-ms", "120000")],
                    None,
                )
                .await
                .status
        })
    });
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    for kind in [Kind::Gentrack, Kind::Kraken] {
        assert_eq!(stage.systems.counts(kind).get("login"), 1, "{kind}");
    }
}

#[tokio::test]
async fn every_exchange_with_a_system_fits_the_vendor_s_contract() {
    let stage = Stage::tapped().await;
    for backend in ["gentrack-au", "kraken-us", "kraken-gb"] {
        for specimen in crate::conformance::specimens_of(backend) {
            let paths = [Some(specimen.path.clone()), specimen.missing.clone()];
            for path in paths.into_iter().flatten() {
                // What a native call takes is its caller's to say.
                let accept = ("accept", "application/json");
                let headers = if specimen.operation.starts_with("native.") {
                    &[accept][..]
                } else {
                    &[]
                };
                stage
                    .send(specimen.method, &path, headers, specimen.body.as_ref())
                    .await;
            }
        }
    }
    let exchanges = stage.tap().exchanges();
    let mut checked = BTreeMap::new();
    for exchange in &exchanges {
        let (system, outcome) = if exchange.target.starts_with("/gentrack/") {
            ("gentrack", gentrack_contract::check(exchange))
        } else {
            ("kraken", kraken_contract::check(exchange))
        };
        outcome.unwrap_or_else(|fault| panic!("{} {}: {fault}", exchange.method, exchange.target));
        *checked.entry(system).or_insert(0) += 1;
    }
    assert!(checked["gentrack"] > 20 && checked["kraken"] > 20, "{checked:?}");
}

#[tokio::test]
async fn no_amount_appears_where_the_system_gave_none() {
    let stage = Stage::open().await;
    let mut paths = BTreeSet::new();
    for account in [GENTRACK, KRAKEN, LARGE, "gentrack-au:00210077"] {
        for bill in stage
            .walk(&format!("/v1/accounts/{account}/bills?include=superseded"))
            .await
        {
            members(&bill, "bill", &mut paths);
            // A statement without a file, a number or a due date says null, never an empty text or a zero date.
            let text = bill.to_string();
            assert!(
                !text.contains(r#""""#) && !text.contains("1970-01-01") && !text.contains("0001-01-01"),
                "{text}"
            );
        }
    }
    assert!(paths.contains("bill.totals.gross.amount"));
}
