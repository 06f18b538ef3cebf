//! The accounts made by rule, with their meters, and the candidates among them.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::data::{CHANGED_ACCOUNT, DAY, Maker, TODAY, lately, noise, uuid};
use super::record::{Cell, Record, Reference, normalized_account, normalized_meter};
use super::shape::Entity;

/// The enrolment status that is in no list.
pub const UNKNOWN_ENROLLMENT: &str = "ON_HOLD_BY_OPERATOR";

/// The monitoring status that is in no list any more (contract, `MonitoringStatus`).
pub const UNKNOWN_MONITORING: &str = "ATL_REVIEW";

/// Accounts made by rule.
pub(super) const ACCOUNTS: u64 = 2500;

const ENROLLMENT: [&str; 14] = [
    "PENDING",
    "SUBMITTED",
    "NEEDS_CREDENTIAL",
    "NEEDS_TEMPLATE",
    "NOMINATED",
    "FAILED_TO_ACCESS",
    "FAILED_LOGIN",
    "ACCOUNT_MISSING",
    "STATEMENT_MISSING",
    "STATEMENT_FAILED",
    "SUCCESSFUL_NOT_ENROLLED",
    "SUCCESSFUL_ENROLLED",
    "SUCCESSFUL_DELIVERED",
    UNKNOWN_ENROLLMENT,
];

const EXTRACTION: [&str; 18] = [
    "EXISTS",
    "SUCCESS",
    "FAILED_TO_ACCESS_DURING_LOGIN",
    "FAILED_TO_ACCESS",
    "ACCOUNT_MISSING",
    "STATEMENT_MISSING",
    "AUDIT_CHECKSUM",
    "AUDIT_VALID_USAGE",
    "AUDIT_INVALID_INTERVAL",
    "AUDIT_OTHER",
    "ERROR_DATA_TYPE",
    "ERROR_MISSING_REQUIREMENT",
    "ERROR_STORAGE",
    "ERROR_MODEL_COLLISION",
    "CUSTOMER_REJECTED_HTML",
    "LOGIN_FAILURE",
    "TRACKED_ACCOUNT_SKIPPED",
    "ACCESS_CHANNEL_SKIPPED",
];

const MONITORING: [&str; 17] = [
    "UNKNOWN",
    "BLOCKED",
    "PRODUCTION",
    "INACTIVE",
    "LOGIN_FAILURE",
    "FINALLED",
    "DEACTIVATED",
    "TEMPLATE_FAILURE",
    "LOGIN_UPDATED",
    "AGED_BILL",
    "ACCOUNT_MISSING",
    "ENROLLMENT_EVENT",
    "DAQ_PRODUCTION",
    "ERROR_WEBSITE_PROBLEM",
    "TRACKED_BILL_NOT_YET_AVAILABLE",
    "TRACKED_STATEMENT_MISSING",
    UNKNOWN_MONITORING,
];

impl Maker {
    pub(super) fn accounts(&mut self, channels: &[(Arc<Reference>, Arc<Reference>)]) {
        for place in 0..ACCOUNTS {
            let account = self.made_account(place, channels);
            let account = self.world.accounts.put(account);
            for number in 0..1 + u64::from(place % 5 == 1) + u64::from(place % 25 == 1) {
                let meter = self.made_meter(place, number, &account);
                self.world.meters.put(meter);
            }
        }
        let (_, id, number) = CHANGED_ACCOUNT;
        let changed = self
            .made_account(ACCOUNTS, channels)
            .with("id", id)
            .with("accountNumber", number)
            .with("normalizedAccountNumber", normalized_account(number));
        self.world.accounts.put(changed);
    }

    /// The three statuses of a made account: one account for each value, then what a business has, more or less.
    fn statuses(&mut self, place: u64) -> (&'static str, Option<&'static str>, &'static str) {
        let at = usize::try_from(place).unwrap_or_default();
        if let Some(enrollment) = ENROLLMENT.get(at) {
            let extraction = match *enrollment {
                "FAILED_TO_ACCESS" => Some("FAILED_TO_ACCESS"),
                "FAILED_LOGIN" => Some("LOGIN_FAILURE"),
                "ACCOUNT_MISSING" => Some("ACCOUNT_MISSING"),
                "STATEMENT_MISSING" => Some("STATEMENT_MISSING"),
                "STATEMENT_FAILED" => Some("AUDIT_CHECKSUM"),
                "SUCCESSFUL_NOT_ENROLLED" | "SUCCESSFUL_ENROLLED" | "SUCCESSFUL_DELIVERED" => Some("SUCCESS"),
                _ => None,
            };
            return (enrollment, extraction, "UNKNOWN");
        }
        if let Some(extraction) = at.checked_sub(20).and_then(|at| EXTRACTION.get(at)) {
            return ("SUCCESSFUL_DELIVERED", Some(extraction), "PRODUCTION");
        }
        if let Some(monitoring) = at.checked_sub(40).and_then(|at| MONITORING.get(at)) {
            return ("SUCCESSFUL_DELIVERED", Some("SUCCESS"), monitoring);
        }
        match noise(20, place) % 100 {
            0..=65 => ("SUCCESSFUL_DELIVERED", Some("SUCCESS"), "PRODUCTION"),
            66..=69 => ("SUCCESSFUL_DELIVERED", Some("TRACKED_ACCOUNT_SKIPPED"), "PRODUCTION"),
            70..=76 => ("SUCCESSFUL_ENROLLED", Some("SUCCESS"), "PRODUCTION"),
            77..=79 => ("SUCCESSFUL_DELIVERED", Some("LOGIN_FAILURE"), "LOGIN_FAILURE"),
            80..=81 => ("SUCCESSFUL_DELIVERED", Some("STATEMENT_MISSING"), "AGED_BILL"),
            82..=83 => ("SUCCESSFUL_DELIVERED", Some("SUCCESS"), "FINALLED"),
            84..=86 => ("FAILED_LOGIN", Some("LOGIN_FAILURE"), "LOGIN_FAILURE"),
            87..=88 => ("ACCOUNT_MISSING", Some("ACCOUNT_MISSING"), "ACCOUNT_MISSING"),
            89..=90 => ("NOMINATED", None, "UNKNOWN"),
            91..=92 => ("NEEDS_CREDENTIAL", None, "UNKNOWN"),
            93 => ("NEEDS_TEMPLATE", None, "UNKNOWN"),
            _ => ("PENDING", None, "UNKNOWN"),
        }
    }

    fn made_account(&mut self, place: u64, channels: &[(Arc<Reference>, Arc<Reference>)]) -> Record {
        let (enrollment, extraction, monitoring) = self.statuses(place);
        let count = channels.len().max(1);
        let pick = |place: u64| usize::try_from(place).unwrap_or_default() % count;
        let own = channels.get(pick(place));
        // Neighbours in the list are credentials of one provider, but for the borders.
        let second = channels.get(pick(place + 1)).filter(|_| place % 12 == 5);
        let second = second.filter(|(_, provider)| own.is_some_and(|(_, known)| known == provider));
        let mut attached: Vec<_> = own
            .into_iter()
            .chain(second)
            .map(|(channel, _)| Arc::clone(channel))
            .collect();
        // Now and then an account was read under a credential that is no longer attached.
        let earlier = channels.get(pick(place + 2)).filter(|_| place % 20 == 3);
        let earlier = earlier.map(|(channel, _)| channel);
        let tenant = Arc::clone(&self.tenant);
        let number = account_number(place, enrollment == "PENDING");
        let delivered = enrollment == "SUCCESSFUL_DELIVERED";
        let extracted = enrollment.starts_with("SUCCESSFUL");
        let tried = extraction.is_some();
        let on = !matches!(monitoring, "FINALLED" | "DEACTIVATED") && enrollment != "SUCCESSFUL_NOT_ENROLLED";
        let user = self.word("user1");
        let message = match extraction {
            Some("LOGIN_FAILURE") => self.word("The provider's website refuses the login."),
            _ => Cell::Null,
        };
        let created = lately(21, place, 1200);
        let summary = !place.is_multiple_of(50) && place % 50 < 4;
        let group = summary.then(|| account_number(place / 50 * 50, false));
        let mut account = Record::new(Entity::Account, &tenant)
            .with("id", uuid(6, place))
            .with("customerId", &tenant)
            .with("created", created.clone())
            .with("modified", lately(22, place, 30))
            .with("createdByUsername", user.clone())
            .with(
                "lastModifiedByUsername",
                if place.is_multiple_of(3) { user } else { Cell::Null },
            )
            .with("normalizedAccountNumber", normalized_account(&number))
            .with("accountNumber", number)
            .with(
                "normalizedSummaryAccountNumber",
                group.as_deref().map(normalized_account),
            )
            .with("summaryAccountNumber", group)
            .with("enrollmentStatus", self.word(enrollment))
            .with("extractionStatus", extraction.map(|text| self.word(text)))
            .with("monitoringStatus", self.word(monitoring))
            .with("message", message)
            .with("pullHistory", place.is_multiple_of(7))
            .with("historyRequested", (place.is_multiple_of(7)).then_some(created))
            .with("subscribed", on)
            .with("unsubscribeDate", (!on).then(|| lately(23, place, 90)))
            .with("subscriptionLastUpdated", (!on).then(|| lately(23, place, 90)))
            .with("isSummaryAccount", place.is_multiple_of(50))
            .with("toBeDelivered", on)
            .with("deliveryDisabledDate", (!on).then(|| lately(24, place, 90)))
            .with("deliveryLastUpdated", (!on).then(|| lately(24, place, 90)))
            .with(
                "ebillRequirement",
                self.word(["DO_NOT_CHANGE", "TURN_ON_EBILL", "TURN_OFF_EBILL"][pick(place) % 3]),
            )
            .with("utilityProvider", own.map(|(_, provider)| Arc::clone(provider)));
        if tried {
            account.set("firstExtractDate", Cell::Date(TODAY - 1300 * DAY));
            account.set("lastExtracted", lately(25, place, 3));
        }
        if extracted {
            self.extracted(&mut account, place, &attached, earlier);
        }
        if delivered {
            account.set("lastDelivered", lately(26, place, 33));
        }
        if enrollment == "NEEDS_CREDENTIAL" {
            attached.clear();
        }
        account.set("extractionChannels", attached);
        if place % 10 == 7 {
            account.set("lastSuccessfulExtractionChannel", Cell::Missing);
            account.set("latestOrphanSourceDeliveredDate", Cell::Missing);
        }
        self.account_attributes(&mut account, place);
        account
    }

    /// What an account has once its bills were read; newest bills of zero, in credit and unknown are among them.
    fn extracted(
        &mut self,
        account: &mut Record,
        place: u64,
        attached: &[Arc<Reference>],
        earlier: Option<&Arc<Reference>>,
    ) {
        let cents = match place % 31 {
            9 => None,
            14 => Some(0),
            21 => Some(-1_230),
            _ => Some((noise(27, place) % 90_000).cast_signed() + 900),
        };
        let (classification, confidence) = match place % 8 {
            0..=3 => (self.word("PRIMARY"), self.word("HIGH")),
            4 => (self.word("SECONDARY"), self.word("MEDIUM")),
            5 => (self.word("BOTH"), self.word("LOW")),
            _ => (Cell::Null, Cell::Null),
        };
        // Only a confident forecast lets a run be skipped (README, "Status fields").
        let skipped = account.text("extractionStatus").ends_with("_SKIPPED");
        let confidence = if skipped { self.word("HIGH") } else { confidence };
        let posted = lately(28, place, 30);
        account.set("providerClassification", classification);
        account.set(
            "nextExpectedPostDate",
            match &posted {
                Cell::Date(day) if confidence != Cell::Null => Cell::Date(day + 30 * DAY),
                _ => Cell::Null,
            },
        );
        account.set("nextExpectedConfidence", confidence);
        account.set(
            "startToEndAvg",
            Decimal::new(2_900 + (noise(29, place) % 250).cast_signed(), 2),
        );
        account.set("latestTotalBillAmount", cents.map(|cents| Decimal::new(cents, 2)));
        account.set("latestIntervalEnd", lately(30, place, 45));
        account.set("latestStatementCreate", posted.clone());
        account.set("lastSuccessfulExtraction", posted);
        account.set("lastSuccessfulExtractionChannel", attached.first().cloned());
        let verified: Vec<_> = attached.iter().chain(earlier).cloned().collect();
        account.set("verifiedExtractionChannels", verified);
        if place % 16 == 2 {
            account.set("latestOrphanSourceDeliveredDate", lately(31, place, 60));
        }
    }

    fn account_attributes(&mut self, account: &mut Record, place: u64) {
        let mut add = |name: &'static str, value: Option<String>| {
            let name = Arc::clone(self.words.entry(name).or_insert_with(|| name.into()));
            account.attributes.push((name, value.map(Arc::from)));
        };
        if place % 10 == 4 {
            add("SiteID", Some(format!("Site 123{}", place / 10)));
        } else if place % 10 < 4 {
            add("SiteID", Some(format!("Site {}", 5000 + place)));
        } else if place % 10 == 5 {
            add("SiteID", None);
        }
        if place.is_multiple_of(4) {
            add("CostCenter", Some(format!("CC-{}", 10 + place % 9)));
        }
    }

    fn made_meter(&mut self, place: u64, number: u64, account: &Record) -> Record {
        let tenant = Arc::clone(&self.tenant);
        let kind = match (place + number) % 6 {
            0 | 1 => self.word("ELECTRIC"),
            2 => self.word("GAS"),
            3 => self.word("WATER"),
            4 => self.word("Electric"),
            _ => Cell::Null,
        };
        let label = format!(
            "{}{:07}-{number}",
            ["E", "G", "W", "e "][usize::try_from(place % 4).unwrap_or_default()],
            place * 37 + 1000
        );
        let tariff = if place.is_multiple_of(3) {
            self.word("TOU-GS-2")
        } else {
            Cell::Null
        };
        let mut meter = self
            .made(Entity::Meter, &tenant, uuid(7, place * 4 + number))
            .with("utilityAccount", account.reference())
            .with("normalizedMeterNumber", normalized_meter(&label))
            .with("meterNumber", label)
            .with("serviceType", kind)
            .with("tariff", tariff)
            .with(
                "serviceAddress",
                (place % 6 != 5).then(|| format!("{} Main St, Springfield", 10 + place)),
            )
            .with(
                "podNumber",
                (place.is_multiple_of(9)).then(|| format!("POD{:09}", place * 91)),
            )
            .with(
                "previousMeterNumber",
                (place.is_multiple_of(14)).then(|| format!("OLD-{place}")),
            )
            .with("deactivated", place % 45 == 44);
        if place % 30 == 4 {
            meter
                .attributes
                .push((Arc::from("CostCenter"), Some(Arc::from("CC-12"))));
        }
        meter
    }

    /// Accounts that were found under the credentials and not asked for.
    pub(super) fn candidates(&mut self) {
        let tenant = Arc::clone(&self.tenant);
        let channels: Vec<_> = self.world.credentials.rows().iter().skip(3).cloned().collect();
        for place in 0..140_u64 {
            let Some(channel) = channels.get(usize::try_from(place).unwrap_or_default()) else {
                continue;
            };
            let number = account_number(5000 + place, true);
            let works = place % 3 != 0;
            let extraction = self.word(if works { "SUCCESS" } else { "EXISTS" });
            let seen = lately(41, place, 20);
            let candidate = Record::new(Entity::Account, &tenant)
                .with("id", uuid(8, place))
                .with("customerId", &tenant)
                .with("created", lately(40, place, 400))
                .with("modified", lately(41, place, 20))
                .with("normalizedAccountNumber", normalized_account(&number))
                .with("accountNumber", number)
                .with("extractionStatus", extraction)
                .with("providerClassification", self.word("PRIMARY"))
                .with("pullHistory", false)
                .with("subscribed", false)
                .with("isSummaryAccount", false)
                .with("toBeDelivered", false)
                .with("firstExtractDate", works.then(|| seen.clone()))
                .with("lastExtracted", works.then(|| seen.clone()))
                .with("lastSuccessfulExtraction", works.then(|| seen.clone()))
                .with("latestStatementCreate", works.then_some(seen))
                .with(
                    "latestTotalBillAmount",
                    works.then(|| Decimal::new(4_500 + place.cast_signed() * 113, 2)),
                )
                .with("utilityProvider", channel.get("utilityProvider").clone())
                .with("verifiedExtractionChannels", vec![channel.reference()]);
            self.world.candidates.put(candidate);
        }
    }
}

/// The number of a made account, written as this or that provider would.
fn account_number(place: u64, plain: bool) -> String {
    let digits = (2_000_000_000 + place * 1_234_567).to_string();
    match place % 4 {
        _ if plain => digits,
        0 => format!("{}-{}", &digits[..5], &digits[5..]),
        1 => digits,
        2 => format!("{} {} {}", &digits[..3], &digits[3..6], &digits[6..]),
        _ => format!("00{digits}"),
    }
}
