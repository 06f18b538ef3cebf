//! Fields that are more than a stored value: lookups, filters, and what depends on the caller or the clock.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::data;
use super::documents;
use super::edition::Edition;
use super::login::Standing;
use super::measurements::{self, texas_midnight};
use super::page::Nodes;
use super::readings;
use super::refusal::Refusal;
use super::resolve::{Args, Context, Found};
use super::writes;

/// Points of an account user's hour (README, "Limits").
const POINTS_PER_HOUR: u64 = 50_000;

/// Fields that need no token. A refused header refuses them too.
const PUBLIC: &[&str] = &[
    "krakenVersion",
    "queryComplexity",
    "possibleErrors",
    "obtainKrakenToken",
];

/// Finds the value of a field of a record.
pub(super) fn find<'a>(
    context: &'a Context<'a>,
    type_name: &str,
    record: &'a Value,
    field: &str,
    args: &Args,
) -> Result<Found<'a>, Refusal> {
    match type_name {
        "Query" | "Mutation" => {
            match &context.standing {
                Standing::Refused(refusal) => return Err(refusal.clone()),
                Standing::Anonymous if !PUBLIC.contains(&field) => return Err(Refusal::no_header()),
                Standing::Anonymous | Standing::Known => {}
            }
            match type_name {
                "Query" => query(context, field, args),
                _ => mutation(context, field, args),
            }
        }
        "AccountUserType" => Ok(user(context, record, field, args)),
        "AccountType" => Ok(account(context, record, field, args)),
        "LedgerType" => Ok(ledger(context, record, field, args)),
        "StatementType" | "InvoiceType" | "PeriodBasedDocumentType" | "CollectiveBillType" | "PreKrakenBillType" => {
            bill(context, record, field, args)
        }
        "StatementBillingDocumentType" | "InvoiceBillingDocumentType" | "AnnulmentBillingDocumentType" => {
            Ok(ledger_document(context, record, field, args))
        }
        "PropertyType" if field == "measurements" => {
            measurements::measurements(text(record, "id"), args).map(Found::Nodes)
        }
        "ElectricityMeterPointType" | "GasMeterPointType" if field == "meters" => Ok(meters(context, record, args)),
        "AccountUserRoleType" if field == "user" => {
            let users = data::users(text(record, "_account"));
            let user = list_of(&users)
                .iter()
                .find(|user| user["id"] == record["_user"])
                .cloned();
            Ok(user.map_or_else(null, Found::from))
        }
        "AccountReferenceType" | "AccountUserRoleType" if field == "account" => {
            Ok(context.account(text(record, "_account")).map_or_else(null, Found::from))
        }
        "SupplyPointType" if field == "property" => Ok(context
            .property(text(record, "_property"))
            .map_or_else(null, Found::from)),
        _ => Ok(stored(record, field)),
    }
}

fn null<'a>() -> Found<'a> {
    Found::from(Value::Null)
}

fn stored<'a>(record: &'a Value, field: &str) -> Found<'a> {
    record.get(field).map_or_else(null, Found::from)
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(record: &'a Value, field: &str) -> &'a [Value] {
    record.get(field).map(list_of).unwrap_or_default()
}

fn list_of(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The nodes of a connection that refer to stored records.
fn nodes<'a>(records: Vec<&'a Value>) -> Found<'a> {
    Found::Nodes(Nodes::new(records.len(), move |index| {
        records.get(index).copied().cloned().unwrap_or_default()
    }))
}

/// Whether a text value is among the wanted ones, when any are named.
fn among(args: &Args, name: &str, value: &str) -> bool {
    args.get(name)
        .and_then(Value::as_array)
        .is_none_or(|wanted| wanted.iter().any(|one| one == value))
}

fn own_account<'a>(context: &'a Context<'a>, number: Option<&str>) -> Result<&'a Value, Refusal> {
    number
        .and_then(|number| context.account(number))
        .ok_or_else(Refusal::foreign_account)
}

fn query<'a>(context: &'a Context<'a>, field: &str, args: &Args) -> Result<Found<'a>, Refusal> {
    Ok(match field {
        "viewer" => Found::from(data::viewer()),
        "account" => Found::from(own_account(context, args.text("accountNumber"))?),
        "property" => args
            .text("id")
            .and_then(|id| context.property(id))
            .map_or_else(null, Found::from),
        "properties" => stored(own_account(context, args.text("accountNumber"))?, "properties"),
        "supplyPoint" => supply_point(args)?,
        "dailyReadings" | "intervalReadings" => {
            let input = args.get("input").cloned().unwrap_or_default();
            let account = own_account(context, input["accountNumber"].as_str())?;
            let latest = text(account, "_latest_esi_id");
            Found::from(match field {
                "dailyReadings" => measurements::daily_readings(&input, latest)?,
                _ => measurements::interval_readings(&input, latest)?,
            })
        }
        "accountChargeReasons" => Found::from(reasons(writes::CHARGE_REASONS)),
        "accountCreditReasons" => Found::from(reasons(writes::CREDIT_REASONS)),
        "queryComplexity" => Found::from(complexity(context, args)?),
        "rateLimitInfo" => {
            let used = context.state.points.used(context.now);
            Found::from(json!({"pointsAllowanceRateLimit": {
                "limit": POINTS_PER_HOUR,
                "usedPoints": used,
                "remainingPoints": POINTS_PER_HOUR.saturating_sub(used),
                "ttl": context.state.points.renewed_at(context.now),
                "isBlocked": false,
            }}))
        }
        "krakenVersion" => Found::from(json!({"number": "2026.38.1", "SHA": "3f1c0a9d77e2"})),
        _ => null(),
    })
}

fn mutation<'a>(context: &'a Context<'a>, field: &str, args: &Args) -> Result<Found<'a>, Refusal> {
    let input = args.get("input").cloned().unwrap_or_default();
    if ["createElectricityMeterReading", "createGasMeterReading"].contains(&field) {
        return readings::create(&context.state.books, field, &args.all(), context.now).map(Found::from);
    }
    if field != "obtainKrakenToken" {
        return writes::write(&context.state.books, field, &input, context.now).map(Found::from);
    }
    context.state.counts.add("login");
    context
        .state
        .sessions
        .login(&input, context.now, context.refuse_login)
        .map(Found::from)
}

fn reasons(reasons: &[writes::Reason]) -> Value {
    reasons
        .iter()
        .map(|reason| {
            json!({"code": reason.code, "display": reason.display, "isDeprecated": reason.deprecated,
                "isTaxExempt": false, "isHidden": false, "group": null})
        })
        .collect()
}

fn complexity(context: &Context<'_>, args: &Args) -> Result<Value, Refusal> {
    let input = args.get("input").cloned().unwrap_or_default();
    // A JSONString may arrive as text or, from lenient clients, as the object itself.
    let variables = match &input["variables"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    let query = input["query"].as_str().unwrap_or_default();
    let prepared = context
        .state
        .documents
        .prepare(query, input["operationName"].as_str(), &variables)
        .map_err(|_| Refusal::uncoded("VALIDATION", "The query is invalid."))?;
    Ok(json!({"complexityValue": prepared.cost.complexity}))
}

/// The territory prefix is demanded; that the US one is USA_ELECTRICITY is the contract's guess.
fn supply_point<'a>(args: &Args) -> Result<Found<'a>, Refusal> {
    let market = args.text("marketName").unwrap_or_default();
    if market != "USA_ELECTRICITY" {
        return Err(Refusal::coded(
            "KT-CT-4723",
            "VALIDATION",
            "Invalid market name provided.",
            "",
        ));
    }
    let esi_id = args.text("externalIdentifier").unwrap_or_default();
    let Some(supply) = measurements::supply(esi_id) else {
        let message = "No supply point found for identifier provided.";
        return Err(Refusal::coded("KT-CT-4719", "APPLICATION", message, ""));
    };
    Ok(Found::from(json!({
        "__typename": "SupplyPointType", "id": supply.meter_point.to_string(), "marketName": market,
        "externalIdentifier": esi_id, "_property": supply.property,
    })))
}

fn user<'a>(context: &'a Context<'a>, record: &'a Value, field: &str, args: &Args) -> Found<'a> {
    match field {
        "accounts" => {}
        "accountUserRoles" => {
            let roles = list(record, "_roles").iter();
            return Found::from(Value::from_iter(
                roles
                    .filter(|role| {
                        args.text("accountNumber")
                            .is_none_or(|number| role["_account"] == number)
                    })
                    .cloned(),
            ));
        }
        _ => return stored(record, field),
    }
    let kinds = args
        .get("excludeAccountTypes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let accounts: Vec<Value> = context
        .accounts()
        .iter()
        .filter(|account| among(args, "restrictToAccountNumbers", text(account, "number")))
        .filter(|account| !kinds.contains(&account["accountType"]))
        .filter(|account| {
            let users = data::users(text(account, "number"));
            list_of(&users).iter().any(|user| user["id"] == record["id"])
        })
        .map(|account| json!({"__typename": "AccountType", "number": account["number"]}))
        .collect();
    Found::from(Value::from(accounts))
}

fn account<'a>(context: &'a Context<'a>, record: &'a Value, field: &str, args: &Args) -> Found<'a> {
    // Lists carry an account's number only; its fields are read where it is kept.
    let record = context.account(text(record, "number")).unwrap_or(record);
    match field {
        "balance" => {
            let all = args.flag("includeAllLedgers").unwrap_or_default();
            let balance: i64 = list(record, "ledgers")
                .iter()
                .filter(|ledger| {
                    ledger["ledgerType"] == "MAIN_LEDGER" || (all && ledger["affectsAccountBalance"] == true)
                })
                .filter_map(|ledger| ledger["balance"].as_i64())
                .sum();
            Found::from(Value::from(balance))
        }
        "ledgers" => {
            let debts = args.flag("includeDebtLedgers").unwrap_or(true);
            let ledgers: Vec<Value> = list(record, "ledgers")
                .iter()
                .filter(|ledger| {
                    args.text("ledgerNumber")
                        .is_none_or(|number| text(ledger, "number") == number)
                })
                .filter(|ledger| debts || ledger["ledgerType"] != "DEBT_LEDGER")
                .map(|ledger| json!({"number": ledger["number"], "_account": record["number"]}))
                .collect();
            Found::from(Value::from(ledgers))
        }
        "users" => Found::from(data::users(text(record, "number"))),
        // "account.transactions may be empty while the ledger has entries": README, "Bills, ledgers, transactions".
        "transactions" => Found::from(json!([])),
        "bills" => nodes(bills(record, args)),
        "bill" => {
            let wanted = |name: &str, field: &str, bill: &Value| {
                args.text(name)
                    .is_none_or(|wanted| bill.get(field).and_then(Value::as_str) == Some(wanted))
            };
            let asked = args.text("id").is_some() || args.text("identifier").is_some();
            list(record, "_bills")
                .iter()
                .filter(|_| asked)
                .find(|bill| {
                    wanted("id", "id", bill)
                        && wanted("identifier", "identifier", bill)
                        && wanted("billType", "billType", bill)
                        && wanted("ledgerNumber", "_ledger", bill)
                })
                .map_or_else(null, Found::from)
        }
        "properties" => {
            let from = args.text("activeFrom").and_then(|text| text.parse::<Timestamp>().ok());
            let properties: Vec<Value> = list(record, "properties")
                .iter()
                .filter(|property| from.is_none_or(|from| occupied_after(property, from)))
                .cloned()
                .collect();
            Found::from(Value::from(properties))
        }
        "paymentSchedules" => nodes(schedules(record, args)),
        "payments" => nodes(
            list(record, "_payments")
                .iter()
                .filter(|payment| {
                    args.text("status")
                        .is_none_or(|status| text(payment, "status") == status)
                })
                .filter(|payment| {
                    args.text("ledgerNumber")
                        .is_none_or(|number| text(payment, "_ledger") == number)
                })
                .collect(),
        ),
        "paymentPlans" => nodes(list(record, "_plans").iter().collect()),
        "paymentMethods" => nodes(
            list(record, "_methods")
                .iter()
                .filter(|method| among(args, "statuses", text(method, "status")))
                .collect(),
        ),
        "repayments" => nodes(
            list(record, "_repayments")
                .iter()
                .filter(|one| among(args, "statuses", text(one, "status")))
                .collect(),
        ),
        _ => stored(record, field),
    }
}

/// In GB, meters that were taken out are left out unless asked for (inference, from the argument's name).
fn meters<'a>(context: &Context<'_>, point: &'a Value, args: &Args) -> Found<'a> {
    if context.state.edition == Edition::Us {
        return stored(point, "meters");
    }
    let removed = args.flag("includeInactive").unwrap_or_default();
    let wanted = args.whole("id").map(|id| id.to_string());
    let meters = list(point, "meters")
        .iter()
        .filter(|meter| removed || meter["activeTo"].is_null())
        .filter(|meter| wanted.as_ref().is_none_or(|wanted| text(meter, "id") == wanted))
        .cloned();
    Found::from(Value::from_iter(meters))
}

/// Open, held and file-less bills are left out unless asked for.
fn bills<'a>(account: &'a Value, args: &Args) -> Vec<&'a Value> {
    let flag = |name: &str, default: bool| args.flag(name).unwrap_or(default);
    let (fileless, open) = (
        flag("includeBillsWithoutPDF", false),
        flag("includeOpenStatements", false),
    );
    let (held, historic) = (
        flag("includeHeldStatements", false),
        flag("includeHistoricStatements", true),
    );
    let within = |bill: &Value, field: &str, from: &str, to: &str| {
        let date = text(bill, field);
        args.text(from).is_none_or(|from| date >= from) && args.text(to).is_none_or(|to| !date.is_empty() && date < to)
    };
    let mut bills: Vec<&Value> = list(account, "_bills")
        .iter()
        .filter(|bill| (open || bill["_open"] != true) && (held || bill["_held"] != true))
        // An open bill has no file yet, so asking for open ones is enough to see it.
        .filter(|bill| fileless || bill["_pdf"] == true || bill["_open"] == true)
        .filter(|bill| historic || bill["__typename"] != "PreKrakenBillType")
        .filter(|bill| {
            args.text("ledgerNumber")
                .is_none_or(|number| text(bill, "_ledger") == number)
        })
        .filter(|bill| within(bill, "fromDate", "fromDate", "toDate"))
        .filter(|bill| within(bill, "issuedDate", "issuedFromDate", "issuedToDate"))
        .collect();
    let key = if args.text("orderBy") == Some("ISSUED_DATE_DESC") {
        "issuedDate"
    } else {
        "fromDate"
    };
    bills.sort_by(|one, other| (text(other, key), text(other, "id")).cmp(&(text(one, key), text(one, "id"))));
    bills
}

fn occupied_after(property: &Value, from: Timestamp) -> bool {
    list(property, "occupancyPeriods").iter().any(|period| {
        period["effectiveTo"]
            .as_str()
            .is_none_or(|to| to.parse::<Timestamp>().is_ok_and(|to| to > from))
    })
}

fn schedules<'a>(account: &'a Value, args: &Args) -> Vec<&'a Value> {
    let active = args.flag("active").unwrap_or_default();
    list(account, "_schedules")
        .iter()
        .filter(|schedule| !active || schedule["validTo"].is_null())
        .filter(|schedule| {
            args.text("ledgerNumber")
                .is_none_or(|number| text(schedule, "_ledger") == number)
        })
        .filter(|schedule| {
            args.text("reason")
                .is_none_or(|reason| text(schedule, "reason") == reason)
        })
        .filter(|schedule| {
            args.text("activeOnDate").is_none_or(|day| {
                text(schedule, "validFrom") <= day && schedule["validTo"].as_str().is_none_or(|to| day < to)
            })
        })
        .collect()
}

fn ledger<'a>(context: &'a Context<'a>, record: &'a Value, field: &str, args: &Args) -> Found<'a> {
    let (number, owner) = (text(record, "number"), text(record, "_account"));
    let Some(account) = context.account(owner) else {
        return null();
    };
    let Some(ledger) = list(account, "ledgers")
        .iter()
        .find(|ledger| text(ledger, "number") == number)
    else {
        return null();
    };
    match field {
        "transactions" => nodes(entries(ledger, args, |entry| {
            in_window(entry, args) && of_kind(entry, args)
        })),
        "statements" | "invoices" => {
            let kinds: &[&str] = match field {
                "statements" => &["StatementType", "PeriodBasedDocumentType"],
                _ => &["InvoiceType"],
            };
            let (id, name) = match field {
                "statements" => (args.whole("statementId"), "StatementBillingDocumentType"),
                _ => (args.whole("invoiceId"), "InvoiceBillingDocumentType"),
            };
            let mut documents: Vec<&Value> = list(account, "_bills")
                .iter()
                .filter(|bill| text(bill, "_ledger") == number && kinds.contains(&text(bill, "__typename")))
                .filter(|bill| bill["_open"] != true && id.is_none_or(|id| text(bill, "id") == id.to_string()))
                .collect();
            documents.sort_by_key(|bill| (text(bill, "issuedDate"), text(bill, "id")));
            if args.text("orderBy") != Some("FINALIZED_AT_ASC") {
                documents.reverse();
            }
            let documents: Vec<Value> = documents
                .into_iter()
                .map(|bill| as_ledger_document(bill, name))
                .collect();
            Found::Value(Cow::Owned(documents.into()))
        }
        "repaymentRequests" => nodes(
            list(account, "_requests")
                .iter()
                .filter(|request| text(request, "_ledger") == number)
                .rev()
                .collect(),
        ),
        "usablePaymentInstructions" => nodes(list(account, "_methods").iter().collect()),
        _ => stored(ledger, field),
    }
}

/// The entries of a ledger that are wanted, newest first unless asked otherwise.
fn entries<'a>(ledger: &'a Value, args: &Args, wanted: impl Fn(&Value) -> bool) -> Vec<&'a Value> {
    let mut entries: Vec<&Value> = list(ledger, "_entries").iter().filter(|entry| wanted(entry)).collect();
    if args.text("orderBy") != Some("POSTED_DATE_ASC") {
        entries.reverse();
    }
    entries
}

/// `fromDate` inclusive, `toDate` exclusive, on `postedDate`.
fn in_window(entry: &Value, args: &Args) -> bool {
    let posted = text(entry, "postedDate");
    args.text("fromDate").is_none_or(|from| posted >= from) && args.text("toDate").is_none_or(|to| posted < to)
}

fn of_kind(entry: &Value, args: &Args) -> bool {
    let wanted = args
        .get("transactionTypes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let imported = |kind: &str| entry["_imported"] == true && text(entry, "__typename") == kind;
    wanted.is_empty()
        || wanted.iter().filter_map(Value::as_str).any(|filter| match filter {
            "UNISSUED_TRANSACTIONS" => entry["isIssued"] == false,
            "ENERGY_CHARGES" => entry["consumption"]["unit"] == "kWh",
            "WATER_CHARGES" => entry["consumption"]["unit"] == "L",
            "IMPORTED_CHARGES" => imported("Charge"),
            "IMPORTED_CREDITS" => imported("Credit"),
            "IMPORTED_REPAYMENTS" => imported("Refund"),
            _ => imported("Payment"),
        })
}

/// The entries one bill carries; outside the older model they are typed as lines of a bill.
fn lines<'a>(context: &'a Context<'a>, bill: &'a Value, args: &Args) -> Found<'a> {
    let id = text(bill, "id");
    let older = bill["__typename"] == "StatementType";
    let Some(account) = context.account(text(bill, "_account")) else {
        return null();
    };
    let mut lines: Vec<&Value> = list(account, "ledgers")
        .iter()
        .filter(|ledger| {
            args.text("ledgerNumber")
                .is_none_or(|number| text(ledger, "number") == number)
        })
        .flat_map(|ledger| {
            entries(ledger, args, |entry| {
                text(entry, "billingDocumentIdentifier") == id && of_kind(entry, args)
            })
        })
        .collect();
    lines.retain(|entry| entry.get("_null").is_none());
    Found::Nodes(Nodes::new(lines.len(), move |index| {
        let mut line = lines.get(index).copied().cloned().unwrap_or_default();
        if !older {
            line["__typename"] = format!("Bill{}", text(&line, "__typename")).into();
        }
        line
    }))
}

fn bill<'a>(context: &'a Context<'a>, record: &'a Value, field: &str, args: &Args) -> Result<Found<'a>, Refusal> {
    Ok(match field {
        "attachments" => Found::from(documents::attachments(context.state, record, context.now)),
        "temporaryUrl" => {
            // The deprecated address knows the files of the older models only (inference: in 09-errors.json a listed
            // PeriodBasedDocumentType has none).
            let newer = ["PeriodBasedDocumentType", "CollectiveBillType"].contains(&text(record, "__typename"));
            if newer || record["_pdf"] != true {
                return Err(Refusal::class_only("NOT_FOUND", "The document is not available yet."));
            }
            Found::from(Value::from(
                documents::link(context.state, text(record, "id"), context.now).0,
            ))
        }
        "transactions" => lines(context, record, args),
        "constituents" => {
            let account = context.account(text(record, "_account")).unwrap_or(record);
            let ids = list(record, "_constituents");
            nodes(
                list(account, "_bills")
                    .iter()
                    .filter(|bill| ids.contains(&bill["id"]))
                    .collect(),
            )
        }
        _ => stored(record, field),
    })
}

/// A bill as its ledger shows it: integer id, instants instead of dates.
fn as_ledger_document(bill: &Value, type_name: &str) -> Value {
    let midnight = |field: &str, days: i64| {
        text(bill, field)
            .parse::<Date>()
            .ok()
            .map(|day| texas_midnight(day.saturating_add(jiff::Span::new().days(days))))
    };
    let noon = text(bill, "issuedDate")
        .parse::<Date>()
        .ok()
        .and_then(|day| day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok())
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string());
    let id: i64 = text(bill, "id").parse().unwrap_or_default();
    json!({
        "__typename": type_name,
        "id": id,
        "identifier": bill.get("identifier"),
        "number": bill.get("identifier"),
        "startAt": midnight("fromDate", 0),
        "endAt": midnight("toDate", 1),
        "firstIssuedAt": noon,
        "firstIssued": noon,
        "paymentDueDate": bill["_due"],
        "totalCharges": bill["totalCharges"],
        "totalCredits": bill["totalCredits"],
        "invoicedAmount": bill.get("grossAmount"),
        "documentDebtPosition": bill.get("documentDebtPosition"),
        "annulledBy": bill.get("_annulled_by").map(|by| json!({
            "id": by, "annulledBillingDocumentId": id, "firstIssued": noon, "_bill": by.to_string(), "_pdf": false,
        })),
        "_bill": bill["id"],
        "_account": bill["_account"],
        "_pdf": bill["_pdf"],
    })
}

fn ledger_document<'a>(context: &'a Context<'a>, record: &'a Value, field: &str, args: &Args) -> Found<'a> {
    match field {
        "pdfUrl" if record["_pdf"] == true => Found::from(Value::from(
            documents::link(context.state, text(record, "_bill"), context.now).0,
        )),
        "transactions" => match data::bill(text(record, "_bill")) {
            Some((_, bill)) => match lines(context, bill, args) {
                Found::Nodes(lines) => Found::Nodes(lines.map(|mut line| {
                    let kind = text(&line, "__typename").trim_start_matches("Bill").to_owned();
                    line["__typename"] = format!("Bill{kind}").into();
                    line
                })),
                other => other,
            },
            None => null(),
        },
        _ => stored(record, field),
    }
}
