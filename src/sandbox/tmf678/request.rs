//! What a request asks for, and whether it is one the contract allows (README §1 and §2).

use http::HeaderMap;
use jiff::civil::Date;
use percent_encoding::percent_decode_str;

use super::answer::Refusal;
use super::{API_PATH, CLIENT_ID, CLIENT_SECRET, PANAMA_CLIENT_ID};

/// Documented values of the headers that have a list of them; `channeId` is spelt with one l.
const LISTED: [(&str, &[&str]); 4] = [
    ("channeId", &["agentportal", "ecom", "mobile", "selfportal", "BUS"]),
    ("bss", &["liberate", "cerillion"]),
    ("lob", &["FIXED", "PREPAID", "POSTPAID"]),
    ("targetSystem", &["liberate", "matrixx", "aria"]),
];

/// Query parameters of a single bill.
const ONE: [&str; 7] = [
    "accountId",
    "pdf",
    "billingAccount.id",
    "offset",
    "limit",
    "runType",
    "billDocument.attachmentType",
];

/// Query parameters of the list.
const MANY: [&str; 8] = [
    "accountId",
    "billingAccount.id",
    "offset",
    "limit",
    "billDate.gte",
    "billDate.lte",
    "startDate",
    "endDate",
];

/// Most records one call may ask for.
const LARGEST_LIMIT: usize = 5;

/// Shortest value of a hyphenated credential header.
const SHORTEST_CREDENTIAL: usize = 5;

/// The call a path stands for.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) business: String,
    /// The bill, or `None` for the list.
    pub(super) id: Option<String>,
}

impl Route {
    pub(super) fn read(path: &str) -> Result<Self, Refusal> {
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .filter(|text| !text.is_empty())
                .map(|text| text.into_owned())
                .ok_or_else(Refusal::no_path)
        };
        let inner = path
            .strip_prefix(API_PATH)
            .and_then(|path| path.strip_prefix('/'))
            .ok_or_else(Refusal::no_path)?;
        let mut parts = inner.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(business), Some("customerBill"), id, None) => Ok(Route {
                business: decode(business)?,
                id: id.map(decode).transpose()?,
            }),
            _ => Err(Refusal::no_path()),
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self.id {
            Some(_) => "retrieveCustomerBill",
            None => "listCustomerBill",
        }
    }
}

/// Which pair of credential headers a business unit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Either,
    Hyphen,
    Underscore,
}

/// Checks the credentials and answers whose they are.
pub(super) fn client(headers: &HeaderMap, taken: Credentials) -> Result<&'static str, Refusal> {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let hyphen = (value("client-id"), value("client-secret"));
    let underscore = (value("client_id"), value("client_secret"));
    if [hyphen, underscore] == [(None, None); 2] {
        return Err(Refusal::unauthenticated());
    }
    for (name, value) in [("client-id", hyphen.0), ("client-secret", hyphen.1)] {
        if let Some(value) = value.filter(|value| value.len() < SHORTEST_CREDENTIAL) {
            return Err(Refusal::header_value(name, value));
        }
    }
    let hyphenated = match taken {
        Credentials::Either => hyphen != (None, None),
        Credentials::Hyphen => true,
        Credentials::Underscore => false,
    };
    let (pair, names) = if hyphenated {
        (hyphen, ["client-id", "client-secret"])
    } else {
        (underscore, ["client_id", "client_secret"])
    };
    let (id, secret) = match pair {
        (Some(id), Some(secret)) => (id, secret),
        (None, _) => return Err(Refusal::header_missing(names[0])),
        (_, None) => return Err(Refusal::header_missing(names[1])),
    };
    let other = if hyphenated { underscore } else { hyphen };
    let agrees = other.0.is_none_or(|other| other == id) && other.1.is_none_or(|other| other == secret);
    [CLIENT_ID, PANAMA_CLIENT_ID]
        .into_iter()
        .find(|known| *known == id)
        .filter(|_| secret == CLIENT_SECRET && agrees)
        .ok_or_else(Refusal::unauthenticated)
}

/// The headers that steer a call.
pub(super) struct Headers<'a> {
    pub(super) bss: Option<&'a str>,
    pub(super) target: Option<&'a str>,
    pub(super) pdf: bool,
    pub(super) text: bool,
}

impl<'a> Headers<'a> {
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        for (name, listed) in LISTED {
            if let Some(value) = value(name).filter(|value| !listed.contains(value)) {
                return Err(Refusal::header_value(name, value));
            }
        }
        let flag = |name| match value(name) {
            None => Ok(false),
            Some(text) => text.parse().map_err(|_| Refusal::header_value(name, text)),
        };
        Ok(Headers {
            bss: value("bss"),
            target: value("targetSystem"),
            pdf: flag("x-pdf")?,
            text: flag("x-txt")?,
        })
    }
}

/// What is wanted beside or instead of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Summary,
    Pdf,
    Text,
}

/// The query of a call.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) account: Option<String>,
    pub(super) pdf: bool,
    pub(super) run_type: bool,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) offset: usize,
    pub(super) limit: Option<usize>,
}

impl Query {
    pub(super) fn read(text: &str, list: bool) -> Result<Self, Refusal> {
        let known: &[&str] = if list { &MANY } else { &ONE };
        let mut query = Query::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                percent_decode_str(&text.replace('+', " "))
                    .decode_utf8_lossy()
                    .into_owned()
            };
            let (name, value) = (decode(name), decode(value));
            if !known.contains(&name.as_str()) {
                return Err(Refusal::query_unknown(&name));
            }
            if seen.contains(&name) {
                return Err(Refusal::query_value(&name, &value, "It may be given once."));
            }
            query.take(&name, value)?;
            seen.push(name);
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        match name {
            "accountId" | "billingAccount.id" => {
                if value.is_empty() || self.account.as_ref().is_some_and(|known| *known != value) {
                    return Err(Refusal::query_value(name, &value, "It must name one account."));
                }
                self.account = Some(value);
            }
            "pdf" => {
                self.pdf = value
                    .parse()
                    .map_err(|_| Refusal::query_type(name, &value, "Boolean"))?
            }
            "runType" => self.run_type = true,
            "offset" => self.offset = number(name, &value)?,
            "limit" => match number(name, &value)? {
                limit if limit <= LARGEST_LIMIT => self.limit = Some(limit),
                _ => return Err(Refusal::query_value(name, &value, "It may be 5 at the most.")),
            },
            "billDate.gte" | "startDate" => self.from = Some(day(name, &value)?),
            "billDate.lte" | "endDate" => self.to = Some(day(name, &value)?),
            _ => {}
        }
        Ok(())
    }
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    value.parse().map_err(|_| Refusal::query_type(name, value, "Number"))
}

fn day(name: &str, value: &str) -> Result<Date, Refusal> {
    let shaped = value.len() == 10;
    value
        .parse()
        .ok()
        .filter(|_| shaped)
        .ok_or_else(|| Refusal::query_type(name, value, "Date"))
}
