//! What the systems behind the API hold, and which of them answers (README §2).

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::TODAY;
use super::answer::Refusal;
use super::request::{Content, Credentials, Headers, Query};
use crate::sandbox::pdf;

/// A business unit: a country and the systems that may hold its bills, the one that wins first.
pub(super) struct Unit {
    pub(super) code: &'static str,
    systems: &'static [&'static str],
    pub(super) credentials: Credentials,
    pub(super) pdf_by_query_only: bool,
    pub(super) lists_only: bool,
    pub(super) maintenance: bool,
}

const PLAIN: Unit = Unit {
    code: "",
    systems: &[],
    credentials: Credentials::Either,
    pdf_by_query_only: false,
    lists_only: false,
    maintenance: false,
};

const UNITS: [Unit; 7] = [
    Unit {
        code: "PA",
        systems: &["liberate"],
        ..PLAIN
    },
    Unit {
        code: "JM",
        systems: &["cerillion", "liberate"],
        ..PLAIN
    },
    Unit {
        code: "TT",
        systems: &["cerillion"],
        credentials: Credentials::Hyphen,
        ..PLAIN
    },
    Unit {
        code: "PR",
        systems: &["csg", "evertec"],
        ..PLAIN
    },
    Unit {
        code: "BB",
        systems: &["comverse1"],
        credentials: Credentials::Underscore,
        pdf_by_query_only: true,
        ..PLAIN
    },
    Unit {
        code: "AG",
        systems: &["amdocs"],
        lists_only: true,
        ..PLAIN
    },
    Unit {
        code: "BS",
        systems: &["cerillion"],
        maintenance: true,
        ..PLAIN
    },
];

/// Finds a business unit by its country code.
pub(super) fn unit(code: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.code == code)
}

/// The data set; it never changes, so every instance shares it.
static BOOK: LazyLock<Book> = LazyLock::new(Book::read);

/// One bill with its answers prepared.
struct Bill {
    account: Account,
    id: String,
    day: Date,
    summary: String,
    pdf: Option<String>,
    /// The PDF when `runType` is given, where that is another answer.
    pdf_of_run: Option<String>,
    text: Option<String>,
}

#[derive(Default)]
struct Book {
    bills: Vec<Bill>,
    accounts: Vec<Account>,
}

/// An account at one of the systems.
#[derive(Clone, Deserialize, PartialEq, Eq)]
struct Account {
    business: String,
    system: String,
    #[serde(rename = "account")]
    number: String,
}

/// A bill as the data file writes it: `summary`, `pdf` and `text` are bodies, or name an example of the contract, or,
/// for `pdf`, are the documents that join the summary.
#[derive(Deserialize)]
struct Entry<'a> {
    business: String,
    system: String,
    account: String,
    #[serde(borrow)]
    summary: &'a RawValue,
    #[serde(borrow, default)]
    pdf: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    without_bills: Vec<Account>,
    #[serde(borrow)]
    bills: Vec<Entry<'a>>,
}

impl Book {
    fn read() -> Self {
        let Ok(file) = serde_json::from_str::<File<'_>>(include_str!("data/bills.json")) else {
            return Book::default();
        };
        let examples = examples();
        let body = |raw: &RawValue| match serde_json::from_str::<&str>(raw.get()) {
            Ok(name) => examples.get(name).map(|text| (*text).to_owned()).unwrap_or_default(),
            Err(_) => raw.get().to_owned(),
        };
        let mut book = Book {
            bills: Vec::new(),
            accounts: file.without_bills,
        };
        for entry in file.bills {
            let summary = body(entry.summary);
            let known = serde_json::from_str::<Value>(&summary).unwrap_or_default();
            let text = |name: &str| known.get(name).and_then(Value::as_str).unwrap_or_default();
            let id = text("id").to_owned();
            let day = text("billDate").get(..10).and_then(|day| day.parse().ok());
            let of_run = entry.business == "PA" && id == "2018031";
            let account = Account {
                business: entry.business,
                system: entry.system,
                number: entry.account,
            };
            book.bills.push(Bill {
                account: account.clone(),
                day: day.unwrap_or_default(),
                pdf: entry.pdf.map(|raw| filled(&joined(&summary, &body(raw)), &id)),
                pdf_of_run: of_run.then(|| examples["200-pdf-run-type.json"].to_owned()),
                text: entry.text.map(|raw| filled(&body(raw), &id)),
                summary,
                id,
            });
            if !book.accounts.contains(&account) {
                book.accounts.push(account);
            }
        }
        book
    }
}

/// The bodies of the contract's examples, byte for byte.
fn examples() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        (
            "200-pdf-attachment-type.json",
            include_str!("data/examples/200-pdf-attachment-type.json"),
        ),
        (
            "200-pdf-run-type.json",
            include_str!("data/examples/200-pdf-run-type.json"),
        ),
        (
            "200-pdf-size-number.json",
            include_str!("data/examples/200-pdf-size-number.json"),
        ),
        (
            "200-pdf-with-summary.json",
            include_str!("data/examples/200-pdf-with-summary.json"),
        ),
        (
            "200-summary-full.json",
            include_str!("data/examples/200-summary-full.json"),
        ),
        (
            "200-summary-minimal.json",
            include_str!("data/examples/200-summary-minimal.json"),
        ),
        ("200-txt.json", include_str!("data/examples/200-txt.json")),
    ])
}

/// Documents joined to the summary; anything but a list of documents stands for itself. Done in the text, so that every
/// number keeps its spelling.
fn joined(summary: &str, documents: &str) -> String {
    match summary.trim_end().strip_suffix('}') {
        Some(open) if documents.starts_with('[') => format!("{open},\"billDocument\":{documents}}}"),
        _ => documents.to_owned(),
    }
}

/// A body with its documents made.
fn filled(body: &str, id: &str) -> String {
    let text = format!("Bill {id}\nThis text stands for the lines of the printed bill.\n");
    let page = format!("<!DOCTYPE html><html><body>Bill {id} is being prepared.</body></html>");
    body.replace("@pdf", &STANDARD.encode(pdf::page(&format!("Bill {id} - example"))))
        .replace("@text", &STANDARD.encode(text))
        .replace("@html", &STANDARD.encode(page))
}

impl Unit {
    /// One bill, its summary or another content.
    pub(super) fn bill(
        &self,
        id: &str,
        headers: &Headers<'_>,
        query: &Query,
        content: Content,
    ) -> Result<&'static str, Refusal> {
        let account = query.account.as_deref();
        let systems = self.systems(headers, account)?;
        let bills = || {
            self.bills()
                .filter(|bill| systems.contains(&bill.account.system.as_str()))
        };
        let Some(account) = account else {
            let found = systems
                .iter()
                .find_map(|system| bills().find(|bill| bill.account.system == *system && bill.id == id));
            return found
                .and_then(|bill| bill.content(content, query))
                .ok_or_else(|| Refusal::no_history(id));
        };
        let mut own = bills().filter(|bill| bill.account.number == account).peekable();
        let holder = systems.first().copied().unwrap_or_default();
        if own.peek().is_none() {
            return Err(Refusal::no_bills(holder, account));
        }
        own.find(|bill| bill.id == id)
            .and_then(|bill| bill.content(content, query))
            .ok_or_else(|| match holder {
                "liberate" => Refusal::no_bill_at_liberate(account, id),
                _ => Refusal::no_history(id),
            })
    }

    /// The summaries of an account, newest first.
    pub(super) fn list(&self, headers: &Headers<'_>, query: &Query) -> Result<String, Refusal> {
        let account = query
            .account
            .as_deref()
            .ok_or_else(|| Refusal::bad("Required query parameter 'billingAccount.id' not specified"))?;
        let systems = self.systems(headers, Some(account))?;
        let last_year = || {
            let today = TODAY.parse::<Date>().ok()?;
            today.checked_sub(1.year()).ok()
        };
        let from = match (query.from, query.to) {
            (None, None) if self.code == "PA" => last_year(),
            (from, _) => from,
        };
        let mut found: Vec<_> = self
            .bills()
            .filter(|bill| bill.account.number == account && systems.contains(&bill.account.system.as_str()))
            .filter(|bill| from.is_none_or(|from| from <= bill.day) && query.to.is_none_or(|to| bill.day <= to))
            .collect();
        if found.is_empty() {
            return Err(Refusal::no_bills(systems.first().copied().unwrap_or_default(), account));
        }
        found.sort_by_key(|bill| std::cmp::Reverse(bill.day));
        let page: Vec<_> = found
            .into_iter()
            .skip(query.offset)
            .take(query.limit.unwrap_or(usize::MAX))
            .map(|bill| bill.summary.as_str())
            .collect();
        Ok(format!("[{}]", page.join(",")))
    }

    fn bills(&self) -> impl Iterator<Item = &'static Bill> {
        let code = self.code;
        BOOK.bills.iter().filter(move |bill| bill.account.business == code)
    }

    /// The systems that the headers leave over and, if an account is given, that know it.
    fn systems(&self, headers: &Headers<'_>, account: Option<&str>) -> Result<Vec<&'static str>, Refusal> {
        let knows = |system: &str, account: &str| {
            BOOK.accounts
                .iter()
                .any(|known| known.business == self.code && known.system == system && known.number == account)
        };
        let left: Vec<_> = self
            .systems
            .iter()
            .copied()
            .filter(|system| headers.bss.is_none_or(|bss| bss == *system))
            .filter(|system| headers.target.is_none_or(|target| target == *system))
            .filter(|system| account.is_none_or(|account| knows(system, account)))
            .collect();
        if left.is_empty() {
            return Err(Refusal::no_route(account.unwrap_or_default()));
        }
        Ok(left)
    }
}

impl Bill {
    fn content(&self, content: Content, query: &Query) -> Option<&str> {
        match content {
            Content::Summary => Some(&self.summary),
            Content::Pdf if query.run_type && self.pdf_of_run.is_some() => self.pdf_of_run.as_deref(),
            Content::Pdf => self.pdf.as_deref(),
            Content::Text => self.text.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BOOK, UNITS, joined};
    use serde_json::Value;

    #[test]
    fn the_data_file_is_read_whole() {
        assert!(BOOK.bills.len() > 30, "{}", BOOK.bills.len());
        for bill in &BOOK.bills {
            let unit = UNITS.iter().find(|unit| unit.code == bill.account.business).unwrap();
            assert!(unit.systems.contains(&bill.account.system.as_str()), "{}", bill.id);
            assert!(!bill.day.eq(&jiff::civil::Date::default()), "{}", bill.id);
            for body in [Some(&bill.summary), bill.pdf.as_ref(), bill.text.as_ref()]
                .into_iter()
                .flatten()
            {
                let body: Value = serde_json::from_str(body).unwrap();
                assert!(body.is_object(), "{}", bill.id);
                assert!(!body.to_string().contains("\"@pdf\""));
            }
        }
    }

    #[test]
    fn joining_keeps_the_spelling_of_numbers() {
        assert_eq!(joined("{\"a\":0.00}\n", "[{}]"), "{\"a\":0.00,\"billDocument\":[{}]}");
        assert_eq!(joined("{\"a\":0.00}", "{\"b\":1}"), "{\"b\":1}");
    }
}
