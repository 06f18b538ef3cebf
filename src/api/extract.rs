//! What a request asks for: path ids, query, body, headers, each checked before any system is asked.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, RawPathParams, Request};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt as _, LengthLimitError};
use jiff::civil::Date;
use percent_encoding::percent_decode_str;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_path_to_error::{Path, Segment};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::filter;
use super::problem::{self, Failure};
use super::trail::Trail;
use super::{Ask, Shared};
use crate::auth::Caller;
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::id::{BackendName, Id, Kind};
use crate::model::page::Paging;
use crate::model::time::Bound;
use crate::operations::Context;
use crate::operations::filter::{Fields, Filter};

/// The header that says how long the caller waits.
pub(super) const TIMEOUT: &str = "Request-Timeout-Ms";
/// The header that names a write.
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const PREFER: HeaderName = HeaderName::from_static("prefer");
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// Parameters that may stand more than once; their values are joined with commas.
const REPEATED: &[&str] = &["backend"];

impl FromRequestParts<Shared> for Ask {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        let trail = parts
            .extensions
            .get::<Trail>()
            .cloned()
            .unwrap_or_else(|| Trail::of(&parts.headers));
        let caller = parts.extensions.get::<Arc<Caller>>().cloned().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the gateway failed")
                .because("a route without authentication asked who calls")
        })?;
        let idempotency_key = match parts.method {
            Method::POST => idempotency_key(&parts.headers)?,
            _ => None,
        };
        let within = timeout(
            &parts.headers,
            shared.settings.default_deadline,
            shared.settings.max_deadline,
        )?;
        let cx = Context {
            deadline: Instant::from_std(trail.started) + within,
            request_id: Arc::clone(&trail.request_id),
            traceparent: Some(Arc::clone(&trail.traceparent)),
            on_behalf_of: Some(Arc::clone(&caller.name)),
            idempotency_key,
            native: false,
        };
        Ok(Self {
            shared: Arc::clone(shared),
            caller,
            cx,
            trail,
            headers: kept(&parts.headers),
        })
    }
}

/// The headers that answers are made by; most requests have none of them.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in [header::IF_NONE_MATCH, PREFER] {
        for value in headers.get_all(&name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(bad_header(name, "it stands more than once"));
    }
    Ok(first)
}

fn bad_header(name: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, format!("header `{name}`: {detail}")).fault(Place::Header(name), detail)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>> {
    let Some(value) = single(headers, IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()))
        .map(|key| Some(Arc::from(key)))
        .ok_or_else(|| bad_header(IDEMPOTENCY_KEY, "it must be 1 to 255 visible ASCII characters"))
}

fn timeout(headers: &HeaderMap, default: Duration, max: Duration) -> Result<Duration> {
    let Some(value) = single(headers, TIMEOUT)? else {
        return Ok(default);
    };
    value
        .to_str()
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        // More digits than fit a number are still a wish for the longest time there is.
        .map(|text| text.parse::<u64>().unwrap_or(u64::MAX))
        .filter(|millis| *millis > 0)
        .map(|millis| Duration::from_millis(millis).min(max))
        .ok_or_else(|| bad_header(TIMEOUT, "it must be a whole number of milliseconds above zero"))
}

/// The identifier in the path that names one record of kind `K`.
pub(super) struct Of<K>(pub Id<K>);

impl<K: Kind> FromRequestParts<Shared> for Of<K> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        let text = segment(parts, shared, K::WORD).await?;
        let id = text
            .parse()
            .map_err(|error: crate::model::id::IdError| Error::parameter(K::WORD, error.to_string()))?;
        Ok(Self(id))
    }
}

/// One named segment of the path, decoded.
///
/// # Errors
/// `Invalid` on the parameter if it is not UTF-8.
pub(super) async fn segment(parts: &mut Parts, shared: &Shared, name: &'static str) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, shared)
        .await
        .map_err(|_| Error::parameter(name, "it is not UTF-8 once its percent-encoding is undone"))?;
    params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the gateway failed").because(format!("the route has no segment {name}"))
        })
}

/// The query of a request without parameters of its own.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Nothing {}

/// What else a record may bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Included {
    /// The system's own record, as `native`; wants the scope `native:read`.
    Native,
}

/// The query of a read of one record.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Inclusion {
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    pub include: Option<Words<Included>>,
}

impl Inclusion {
    /// Whether the system's own record is wanted.
    pub(super) fn native(&self) -> bool {
        self.include
            .as_ref()
            .is_some_and(|words| words.0.contains(&Included::Native))
    }
}

/// The whole query of a request that is not a list.
pub(super) struct Query<F>(pub F);

impl<F: DeserializeOwned> FromRequestParts<Shared> for Query<F> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let pairs = pairs(parts.uri.query().unwrap_or_default())?;
        Ok(Self(read(&pairs, &[])?))
    }
}

/// The parameters every list takes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `List` reads itself")]
pub(super) struct Pages {
    /// How many items a page holds at most; a larger number is taken as 200.
    #[param(minimum = 1, default = 50, example = 50)]
    limit: Option<u32>,
    /// Where to go on: `page.next_cursor` of the page before. It fits only the same list with the same filters.
    cursor: Option<String>,
}

/// The query of a list: its filters, and which page.
pub(super) struct List<F> {
    /// The filters.
    pub filters: F,
    /// Which page.
    pub page: PageAsked,
}

/// Which page of a list is asked for.
pub(super) struct PageAsked {
    /// How many items at most.
    pub limit: usize,
    /// The cursor as the caller gave it.
    pub cursor: Option<String>,
    /// Every filter with its value, sorted: what cursors are bound to.
    pub bound: String,
    /// The request's address.
    pub uri: Uri,
}

impl<F: DeserializeOwned> FromRequestParts<Shared> for List<F> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        let uri = whole_uri(parts, shared).await;
        let asked = asked(pairs(uri.query().unwrap_or_default())?, &["limit", "cursor"])?;
        Ok(Self {
            filters: asked.filters,
            page: PageAsked {
                limit: asked.limit,
                cursor: asked.cursor,
                bound: asked.bound,
                uri,
            },
        })
    }
}

/// The query of a search: its own parameters, the conditions on the fields of `S`, and which page.
pub(super) struct Search<F, S> {
    /// Its own parameters.
    pub filters: F,
    /// What must hold.
    pub conditions: Vec<Filter>,
    /// Which page.
    pub page: PageAsked,
    /// Whose fields they are.
    set: PhantomData<fn() -> S>,
}

impl<F: DeserializeOwned, S: Fields> FromRequestParts<Shared> for Search<F, S> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        let uri = whole_uri(parts, shared).await;
        let (conditions, own): (Vec<_>, Vec<_>) = pairs(uri.query().unwrap_or_default())?
            .into_iter()
            .partition(|(name, _)| filter::is_condition::<S>(name));
        let mut bound: Vec<String> = conditions
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let conditions = filter::read::<S>(&conditions)?;
        let others: Vec<&str> = ["limit", "cursor"]
            .into_iter()
            .chain(S::FIELDS.iter().map(|field| field.name))
            .collect();
        let asked = asked(own, &others)?;
        bound.push(asked.bound);
        bound.sort_unstable();
        Ok(Self {
            filters: asked.filters,
            conditions,
            page: PageAsked {
                limit: asked.limit,
                cursor: asked.cursor,
                bound: bound.join("\n"),
                uri,
            },
            set: PhantomData,
        })
    }
}

async fn whole_uri(parts: &mut Parts, shared: &Shared) -> Uri {
    match OriginalUri::from_request_parts(parts, shared).await {
        Ok(OriginalUri(uri)) => uri,
        Err(never) => match never {},
    }
}

/// A list's own parameters, read.
struct Asked<F> {
    filters: F,
    limit: usize,
    cursor: Option<String>,
    bound: String,
}

fn asked<F: DeserializeOwned>(pairs: Vec<Pair<'_>>, others: &[&str]) -> Result<Asked<F>> {
    let (own, filters): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(name, _)| matches!(name.as_ref(), "limit" | "cursor"));
    let read_filters: F = read(&filters, others)?;
    let own: Own = read(&own, &[])?;
    let limit = match own.limit {
        None => Paging::DEFAULT,
        Some(text) => limit(&text)?,
    };
    let mut bound: Vec<String> = filters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    bound.sort_unstable();
    Ok(Asked {
        filters: read_filters,
        limit,
        cursor: own.cursor,
        bound: bound.join("\n"),
    })
}

#[derive(Deserialize)]
struct Own {
    limit: Option<String>,
    cursor: Option<String>,
}

fn limit(text: &str) -> Result<usize> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More digits than fit a number are still only a large limit, and large limits are clamped.
    match text.parse::<usize>() {
        Ok(0) => Err(Error::parameter("limit", "it must be at least 1")),
        Ok(limit) if digits => Ok(limit.min(Paging::MAX)),
        Err(_) if digits => Ok(Paging::MAX),
        _ => Err(Error::parameter("limit", "it must be a whole number from 1 to 200")),
    }
}

/// A parameter's name and value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Takes a query apart: `application/x-www-form-urlencoded`, in UTF-8.
fn pairs(query: &str) -> Result<Vec<Pair<'_>>> {
    query
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let name = decoded(name)
                .ok_or_else(|| Error::parameter("query", "the name of a parameter is not percent-encoded UTF-8"))?;
            let value = decoded(value)
                .ok_or_else(|| Error::parameter(shown(&name), "its value is not percent-encoded UTF-8"))?;
            Ok((name, value))
        })
        .collect()
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let whole_escapes = text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    });
    if !whole_escapes {
        return None;
    }
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced)
            .decode_utf8()
            .ok()
            .map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// A name a caller made up, short enough to say back.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Reads parameters into a record. Unknown and repeated ones are all named; of wrong values the first.
fn read<T: DeserializeOwned>(pairs: &[Pair<'_>], others: &[&str]) -> Result<T> {
    T::deserialize(Parameters { pairs, others }).map_err(|fault| fault.0)
}

struct Parameters<'a> {
    pairs: &'a [Pair<'a>],
    others: &'a [&'a str],
}

/// A fault found while parameters are read.
#[derive(Debug)]
struct ReadFault(Error);

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl std::error::Error for ReadFault {}

impl de::Error for ReadFault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Error::new(ErrorKind::Invalid, message.to_string()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Error::parameter(field, "it is required"))
    }
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = ReadFault;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadFault> {
        Err(de::Error::custom("parameters are read into records only"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        let mut joined: Vec<(&'static str, Cow<'_, str>)> = Vec::with_capacity(self.pairs.len());
        let mut faults: Vec<(String, String)> = Vec::new();
        for (name, value) in self.pairs {
            let Some(field) = fields.iter().find(|field| *field == name) else {
                faults.push((shown(name), unknown(fields, self.others)));
                continue;
            };
            match joined.iter_mut().find(|(known, _)| known == field) {
                None => joined.push((field, Cow::Borrowed(value))),
                Some((_, first)) if REPEATED.contains(field) => *first = format!("{first},{value}").into(),
                Some(_) => faults.push(((*field).to_owned(), "it stands more than once".to_owned())),
            }
        }
        if !faults.is_empty() {
            let told = faults
                .iter()
                .map(|(name, detail)| format!("`{name}`: {detail}"))
                .collect::<Vec<_>>()
                .join("; ");
            let error = faults
                .into_iter()
                .fold(Error::new(ErrorKind::Invalid, told), |error, (name, detail)| {
                    error.fault(Place::Parameter(name.into()), detail)
                });
            return Err(ReadFault(error));
        }
        visitor.visit_map(Joined {
            rest: joined.into_iter(),
            value: None,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn unknown(fields: &[&str], others: &[&str]) -> String {
    let known: Vec<_> = fields.iter().chain(others).map(|name| format!("`{name}`")).collect();
    if known.is_empty() {
        "there is no such parameter; this path takes none".to_owned()
    } else {
        format!("there is no such parameter; there are {}", known.join(", "))
    }
}

struct Joined<'a> {
    rest: std::vec::IntoIter<(&'static str, Cow<'a, str>)>,
    value: Option<(&'static str, Cow<'a, str>)>,
}

impl<'de> MapAccess<'de> for Joined<'_> {
    type Error = ReadFault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadFault> {
        self.value = self.rest.next();
        match &self.value {
            None => Ok(None),
            Some((name, _)) => seed.deserialize((*name).into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadFault> {
        let Some((name, value)) = self.value.take() else {
            return Err(de::Error::custom("a value was read before its name"));
        };
        seed.deserialize(Value(&value))
            .map_err(|fault| ReadFault(Error::parameter(name, fault.0.message().to_owned())))
    }
}

/// The text of one parameter.
struct Value<'a>(&'a str);

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = ReadFault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        let text: StrDeserializer<'_, ReadFault> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// Words of a list with commas between them.
#[derive(Clone, Debug)]
pub(super) struct Words<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Words<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Comma<T>(PhantomData<T>);
        impl<T: DeserializeOwned> Visitor<'_> for Comma<T> {
            type Value = Words<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words with commas between them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Words<T>, E> {
                text.split(',')
                    .map(|word| T::deserialize(StrDeserializer::new(word)))
                    .collect::<Result<_, E>>()
                    .map(Words)
            }
        }
        deserializer.deserialize_str(Comma(PhantomData))
    }
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Cow::<'de, str>::deserialize(deserializer)?.as_ref() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(de::Error::custom("it must be `true` or `false`")),
        }
    }
}

/// A calendar date of a query: `YYYY-MM-DD` and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Some(text.as_ref())
            .filter(|text| text.len() == 10)
            .and_then(|text| text.parse().ok())
            .map(Self)
            .ok_or_else(|| de::Error::custom("it must be a date, `YYYY-MM-DD`"))
    }
}

/// One side of a span of a query: `YYYY-MM-DD`, or an instant with offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side(pub Bound);

impl<'de> Deserialize<'de> for Side {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            de::Error::custom(
                "it must be a date, `YYYY-MM-DD`, or an instant with offset, such as `2026-07-01T00:00:00Z`; `+` is written `%2B`",
            )
        })
    }
}

/// A text that is not empty.
#[derive(Clone, Debug)]
pub(super) struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return Err(de::Error::custom(
                "it must be 1 to 256 characters without control characters",
            ));
        }
        Ok(Self(text))
    }
}

/// The query of a search without parameters of its own.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Backends {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    pub backend: Option<Words<BackendName>>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    pub include: Option<Words<Included>>,
}

impl Backends {
    /// The backends named, and whether the system's own record is wanted.
    pub(super) fn parted(self) -> (Option<Vec<BackendName>>, bool) {
        let include = Inclusion { include: self.include };
        (self.backend.map(|words| words.0), include.native())
    }
}

/// Refuses a merge patch that changes nothing.
///
/// # Errors
/// `Invalid` on the whole body if it is empty.
pub(super) fn not_empty(empty: bool) -> Result<()> {
    if empty {
        return Err(Error::pointer(
            "",
            "there is nothing to change: at least one member is due",
        ));
    }
    Ok(())
}

/// Names every fault that was found in a body.
///
/// # Errors
/// `Invalid` with all of them, if there is one.
pub(super) fn faultless(faults: Vec<(String, &'static str)>) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = faults
        .iter()
        .map(|(pointer, rule)| format!("`{pointer}`: {rule}"))
        .collect();
    Err(faults.into_iter().fold(
        Error::new(ErrorKind::Invalid, told.join("; ")),
        |error, (pointer, rule)| error.fault(Place::Pointer(pointer), rule),
    ))
}

/// The dates of a half-open span, which must not be empty.
///
/// # Errors
/// `Invalid` on `from` and `to` if `from` is not before `to`.
pub(super) fn days(from: Option<Day>, to: Option<Day>) -> Result<(Option<Date>, Option<Date>)> {
    let (from, to) = (from.map(|day| day.0), to.map(|day| day.0));
    if let (Some(from), Some(to)) = (from, to) {
        before(&from, &to)?;
    }
    Ok((from, to))
}

/// The sides of a half-open span, which must not be empty. A day and an instant can be told apart in order only in the
/// record's zone, which is the adapter's to know.
///
/// # Errors
/// `Invalid` on `from` and `to` if `from` is not before `to`.
pub(super) fn sides(from: Option<Side>, to: Option<Side>) -> Result<(Option<Bound>, Option<Bound>)> {
    let (from, to) = (from.map(|side| side.0), to.map(|side| side.0));
    match (from, to) {
        (Some(Bound::Day(from)), Some(Bound::Day(to))) => before(&from, &to)?,
        (Some(Bound::At(from)), Some(Bound::At(to))) => before(&from, &to)?,
        _ => {}
    }
    Ok((from, to))
}

fn before<T: Ord>(from: &T, to: &T) -> Result<()> {
    if from < to {
        return Ok(());
    }
    let detail = "`from` must be before `to`: the span holds `from` and not `to`";
    Err(Error::parameter("from", detail).fault(Place::Parameter("to".into()), detail))
}

/// A JSON body.
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Failure> {
        let headers = request.headers();
        let taken =
            headers.get(header::CONTENT_TYPE).is_some_and(is_json) && !headers.contains_key(header::CONTENT_ENCODING);
        if !taken {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the body must be sent as `Content-Type: application/json`, in UTF-8 and without a content coding",
            )
            .code("unsupported_media_type")
            .into());
        }
        let until = until(&request, shared)?;
        let bytes = whole(request.into_body(), until).await?;
        Ok(Self(decode(&bytes)?))
    }
}

fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut pieces = text.split(';').map(str::trim);
    let kind = pieces.next().unwrap_or_default().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    json && pieces.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// A body of any form, as it came.
pub(super) struct Whole(pub bytes::Bytes);

impl FromRequest<Shared> for Whole {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Failure> {
        let until = until(&request, shared)?;
        Ok(Self(whole(request.into_body(), until).await?))
    }
}

/// When a request's body has to be there: before its call's time is up, and in the time that any body may take.
fn until(request: &Request, shared: &Shared) -> Result<Instant> {
    let started = request.extensions().get::<Trail>().map(|trail| trail.started);
    let within = timeout(
        request.headers(),
        shared.settings.default_deadline,
        shared.settings.max_deadline,
    )?;
    Ok(started.map_or_else(Instant::now, Instant::from_std) + within.min(shared.settings.body_timeout))
}

async fn whole(body: Body, until: Instant) -> Result<bytes::Bytes> {
    let malformed = |why| Error::new(ErrorKind::Invalid, why).code("malformed_body");
    match tokio::time::timeout_at(until, body.collect()).await {
        Err(_) => Err(Error::new(ErrorKind::Invalid, "the body was not there in time").code("body_timeout")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
            while let Some(error) = cause {
                if error.is::<LengthLimitError>() {
                    return Err(problem::too_large());
                }
                cause = error.source();
            }
            Err(malformed("the body did not arrive whole").because(error))
        }
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        misfit(&pointer, error.inner())
    })?;
    json.end().map_err(|error| misfit("", &error))?;
    Ok(value)
}

/// Says what is wrong with a body, and where.
fn misfit(pointer: &str, error: &serde_json::Error) -> Error {
    let told = error.to_string();
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    if !matches!(error.classify(), serde_json::error::Category::Data) {
        return Error::new(
            ErrorKind::Invalid,
            format!(
                "the body is not JSON: {told}, at line {} column {}",
                error.line(),
                error.column()
            ),
        )
        .code("malformed_body");
    }
    let quoted = |before: &str| {
        let rest = told.strip_prefix(before)?;
        let end = rest
            .rfind("`, expected")
            .or_else(|| rest.rfind("`, there are"))
            .or_else(|| rest.rfind('`'))?;
        Some(&rest[..end])
    };
    if let Some(name) = quoted("unknown field `") {
        return Error::pointer(child(pointer, name), "there is no such member");
    }
    if let Some(name) = quoted("missing field `") {
        return Error::pointer(format!("{pointer}{}", step(name)), "it is required");
    }
    if let Some(name) = quoted("duplicate field `") {
        return Error::pointer(child(pointer, name), "it stands more than once");
    }
    let mut told: String = told.chars().take(200).collect();
    told.retain(|c| !c.is_control());
    Error::pointer(pointer, told)
}

/// A path into a body as a JSON pointer.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&step(key)),
            Segment::Enum { variant } => pointer.push_str(&step(variant)),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// One member of a pointer, escaped as RFC 6901 asks for.
fn step(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A pointer one member further, unless it ends with that member already.
fn child(pointer: &str, name: &str) -> String {
    let step = step(name);
    if pointer.ends_with(&step) {
        pointer.to_owned()
    } else {
        format!("{pointer}{step}")
    }
}

/// The media types of `Accept` in the caller's order of preference, those with `q=0` left out.
///
/// RFC 9110 §12.5.1: without the header anything is taken; a more specific range says more about a type than a wider one.
pub(super) fn preferred<T: Copy>(headers: &HeaderMap, offered: &[(T, &str)]) -> Vec<T> {
    let ranges: Vec<(String, u16)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter(|range| !range.trim().is_empty())
        .filter_map(range)
        .collect();
    if !headers.contains_key(header::ACCEPT) {
        return offered.iter().map(|(form, _)| *form).collect();
    }
    let mut wanted: Vec<(u16, T)> = offered
        .iter()
        .filter_map(|(form, media)| {
            let family = media.split('/').next().unwrap_or_default();
            let weight = [(*media).to_owned(), format!("{family}/*"), "*/*".to_owned()]
                .iter()
                .find_map(|pattern| ranges.iter().find(|(range, _)| range == pattern))
                .map(|(_, weight)| *weight)?;
            (weight > 0).then_some((weight, *form))
        })
        .collect();
    // The sort is stable: of two forms that are as welcome, the one offered first stays first.
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.into_iter().map(|(_, form)| form).collect()
}

/// A media range and its weight in thousandths.
fn range(text: &str) -> Option<(String, u16)> {
    let mut pieces = text.split(';').map(str::trim);
    let media = pieces.next()?.to_ascii_lowercase();
    let mut weight = 1000;
    for parameter in pieces {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            weight = thousandths(value.trim())?;
        }
    }
    Some((media, weight))
}

/// `0`, `0.5`, `1.000` as thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !matches!(whole, "0" | "1") || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let weight = whole.parse::<u16>().ok()? * 1000 + format!("{part:0<3}").parse::<u16>().ok()?;
    (weight <= 1000).then_some(weight)
}

/// Whether `Prefer` (RFC 7240) asks for strict handling.
pub(super) fn strict(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|preference| preference.split(';').next()?.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("strict")
        })
}

/// Which members of a list stand in it before.
pub(super) fn repeats<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    items
        .into_iter()
        .enumerate()
        .filter_map(|(at, item)| (!seen.insert(item)).then_some(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what becomes of reading it matters")]
    struct Filters {
        from: Option<Day>,
        to: Option<Side>,
        backend: Option<Words<crate::model::id::BackendName>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what becomes of reading it matters")]
    struct Content {
        readings: Vec<crate::model::meter::NewReading>,
    }

    fn four_hundreds(error: &Error) {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.message().is_empty());
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_reader(query in "((from|to|backend|x|%[0-9a-f]{1,2}|é)?=?[-0-9TZ:+%a-fé,]{0,24}&?){0,4}") {
            match pairs(&query).and_then(|pairs| read::<Filters>(&pairs, &["limit"])) {
                Ok(_) => {}
                Err(error) => {
                    four_hundreds(&error);
                    prop_assert!(!error.faults().is_empty(), "{query}");
                }
            }
        }

        #[test]
        fn no_body_breaks_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = decode::<Content>(&bytes) {
                four_hundreds(&error);
            }
        }

        #[test]
        fn no_almost_fitting_body_breaks_the_reader(
            text in r#"\{"readings":\[(\{("(value|register|unit|a/b~c|`)":("[-0-9e.]{0,5}"|1|null|\[\]),?){0,3}\},?){0,2}\]?\}?"#
        ) {
            if let Err(error) = decode::<Content>(text.as_bytes()) {
                four_hundreds(&error);
                let pointers = error.faults().iter().filter(|fault| matches!(fault.place, Place::Pointer(_))).count();
                prop_assert!(pointers == 1 || error.finer_code() == Some("malformed_body"), "{text}: {error}");
            }
        }
    }

    #[test]
    fn plus_and_percent_are_undone_and_broken_escapes_refused() {
        for (text, plain) in [
            ("a+b", Some("a b")),
            ("a%2Bb", Some("a+b")),
            ("%c3%a4", Some("ä")),
            ("%", None),
            ("%4", None),
            ("%g0", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded(text).as_deref(), plain, "{text}");
        }
    }
}
