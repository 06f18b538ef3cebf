//! Readings: their history, and those handed in.

use async_trait::async_trait;
use futures_util::future;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Gentrack, Road, cut};
use crate::backends::Serves;
use crate::backends::gentrack::map::{self, Found};
use crate::backends::gentrack::{keys, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::ServicePointId;
use crate::model::meter::{NewReading, Reading, ReadingStatus, ReadingsVerdict};
use crate::model::page::Page;
use crate::model::time::{Bound, Zone};
use crate::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};
use crate::operations::{Context, Operation};
use crate::upstream::Reply;

const POINTS: &str = "service-points";

/// `getMeterReadings`.
#[async_trait]
impl Serves<ListReadings> for Gentrack {
    async fn serve(&self, list: ListReadings, cx: &Context) -> Result<Page<Reading>> {
        let point = keys::service_point(&list.service_point)?;
        let status = asked_status(list.status)?;
        let (start, end) = Bound::span(list.from, list.to, &self.zone)
            .map_err(|_| Error::parameter("from", "the span lies outside the calendar"))?;
        if start > end {
            return Err(Error::parameter("from", "the span starts after its end"));
        }
        let (from, to) = dates(start, end, &self.zone);
        let (from, to) = (from.to_string(), to.to_string());
        let mut query = vec![("fromDate", from.as_str()), ("toDate", to.as_str())];
        query.extend(status.map(|status| ("status", status)));
        let road = self.road(ListReadings::ID, cx);
        let path = [POINTS, &point, "meter-read-history"];
        let read = road.get(&path, &query, "service point");
        let (reply, owned) = future::join(read, road.owns(&list.service_point)).await;
        let reply = owned.and(reply)?;
        let wire: wire::History<'_> = wire::decode(&reply.body)?;
        let mapper = self.mapper();
        let wanted =
            |found: &Found<'_>| list.quality.is_none_or(|quality| found.quality == quality) && fits(list.status, found);
        let found = mapper.history(&list.service_point, &wire, start..end, wanted)?;
        let page = cut(found, &list.paging, |(place, found)| place.key(found))?;
        Ok(Page {
            items: mapper.readings(&list.service_point, &page.items)?,
            next: page.next,
        })
    }
}

/// The system's word for a status; it answers accepted readings when none is asked for.
fn asked_status(status: Option<ReadingStatus>) -> Result<Option<&'static str>> {
    Ok(match status {
        None => None,
        Some(ReadingStatus::Accepted) => Some("Accepted"),
        Some(ReadingStatus::Pending) => Some("Pending"),
        Some(ReadingStatus::Removed) => Some("Removed"),
        Some(ReadingStatus::Other) => Some("Unknown"),
        Some(ReadingStatus::Rejected) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "`status`: the system keeps no rejected readings; it knows ACCEPTED, PENDING, REMOVED and OTHER",
            ));
        }
    })
}

/// Whether a reading stands as asked, should the system give more. Without a status asked for, words it has not told of
/// are kept: it was asked for accepted readings, and these may be.
fn fits(asked: Option<ReadingStatus>, found: &Found<'_>) -> bool {
    let Some(native) = found.reading.status.as_deref().filter(|status| !status.is_empty()) else {
        return true;
    };
    match asked {
        Some(asked) => map::reading_status(native) == asked,
        None => !matches!(native, "Pending" | "Removed" | "Unknown"),
    }
}

/// The dates that cover a span of instants, whichever way the system takes the last one.
fn dates(start: Timestamp, end: Timestamp, zone: &Zone) -> (Date, Date) {
    let last = zone.date(end);
    (zone.date(start), last.tomorrow().unwrap_or(last))
}

impl Road<'_> {
    /// Hands readings in to be stored or only looked at, with what the core knows of their registers around them.
    async fn hand_in(
        &self,
        point: &ServicePointId,
        readings: &[NewReading],
        action: &str,
        may_repeat: bool,
    ) -> Result<Reply> {
        let structure = self.own_structure(point).await?;
        let structure: wire::Structure<'_> = wire::decode(&structure.body)?;
        let body = self.adapter.mapper().handed_in(point, &structure, readings)?;
        let key = keys::service_point(point)?;
        self.post(&[POINTS, &key, action], &body, may_repeat, "service point")
            .await
    }
}

/// `validateMeterReadings`, which stores nothing and may be repeated ("Error kinds").
#[async_trait]
impl Serves<ValidateReadings> for Gentrack {
    async fn serve(&self, asked: ValidateReadings, cx: &Context) -> Result<ReadingsVerdict> {
        let road = self.road(ValidateReadings::ID, cx);
        let reply = road
            .hand_in(&asked.service_point, &asked.readings, "validate-meter-reads", true)
            .await?;
        Ok(map::verdict(&wire::decode(&reply.body)?))
    }
}

/// `submitMeterReadings`, which nothing promises to drop repeats of. It answers nothing, or in a later variant the echo.
#[async_trait]
impl Serves<SubmitReadings> for Gentrack {
    async fn serve(&self, asked: SubmitReadings, cx: &Context) -> Result<ReadingsVerdict> {
        let road = self.road(SubmitReadings::ID, cx);
        let reply = road
            .hand_in(&asked.service_point, &asked.readings, "submit-meter-reads", false)
            .await?;
        submitted(&reply.body)
    }
}

fn submitted(body: &[u8]) -> Result<ReadingsVerdict> {
    if body.trim_ascii().is_empty() {
        return Ok(ReadingsVerdict {
            accepted: true,
            findings: None,
        });
    }
    wire::decode(body).map(|echo| map::verdict(&echo)).map_err(|why| {
        // The system said yes and then something else: to call that a failure would have the readings sent again.
        Error::new(
            ErrorKind::OutcomeUnknown,
            "the system took the readings, but what it said of them cannot be read",
        )
        .because(why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_to_a_submission_says_nothing_of_findings() {
        for body in ["", " \r\n"] {
            let verdict = submitted(body.as_bytes()).unwrap();
            assert_eq!(
                verdict,
                ReadingsVerdict {
                    accepted: true,
                    findings: None
                }
            );
        }
    }

    #[test]
    fn an_answer_to_a_submission_that_cannot_be_read_leaves_the_outcome_open() {
        for body in ["ok", "{}", "{\"errorCode\": \"x\"}"] {
            assert_eq!(
                submitted(body.as_bytes()).unwrap_err().kind(),
                ErrorKind::OutcomeUnknown,
                "{body}"
            );
        }
    }

    #[test]
    fn an_echo_with_an_error_refuses() {
        let body = r#"{"meters": [{"serialNumber": "E1", "readingRegisters": [{"label": "R", "validationResponse":
            {"validationCode": "Low", "validationStatus": "error", "validationDescription": "Too low."}}]}]}"#;
        let verdict = submitted(body.as_bytes()).unwrap();
        assert!(!verdict.accepted);
        assert_eq!(verdict.findings.unwrap().len(), 1);
    }

    #[test]
    fn the_dates_asked_for_cover_the_span_in_its_own_zone() {
        let zone: Zone = "Australia/Sydney".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (from, to) = dates(at("2026-06-30T14:00:00Z"), at("2026-07-01T13:59:59Z"), &zone);
        assert_eq!(
            (from.to_string(), to.to_string()),
            ("2026-07-01".to_owned(), "2026-07-02".to_owned())
        );
    }

    #[test]
    fn a_status_the_system_lacks_is_unsupported() {
        assert_eq!(
            asked_status(Some(ReadingStatus::Rejected)).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        assert_eq!(asked_status(Some(ReadingStatus::Other)).unwrap(), Some("Unknown"));
        assert_eq!(asked_status(None).unwrap(), None);
    }
}
