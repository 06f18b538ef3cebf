//! What happened to the made accounts.

use std::sync::Arc;

use super::data::{CUSTOMER, DAY, DELETED_ACCOUNT, Maker, TODAY, sample};
use super::shape::Entity;

impl Maker {
    /// The sample's event, 99 more of its kind, and some of every other kind.
    pub(super) fn events(&mut self) {
        let tenant = Arc::clone(&self.tenant);
        for event in self.read(Entity::Event, &tenant, sample::EVENTS) {
            self.world.happened(event);
        }
        let accounts: Vec<_> = self.world.accounts.rows().iter().skip(4).take(100).cloned().collect();
        for (place, account) in (1_i64..).zip(&accounts) {
            let now = TODAY - 90 * DAY + place * DAY / 2;
            let number = account.text("accountNumber");
            let provider = account.get("utilityProvider").references().first();
            let alias = provider
                .and_then(|provider| provider.key.as_deref())
                .unwrap_or_default();
            let own = [("accountNumber", number), ("providerAlias", alias)];
            let key = format!("{CUSTOMER}_1-GeorgiaPower_{}", 100 + place % 15 + 1);
            let lamp = format!("meter-{}", 2000 + place);
            let ticket = format!("T-{place}");
            let mut log = |offset: i64, name: &str, more: &[(&str, &str)]| {
                self.world.log("user1", now + offset * 60_000, &tenant, name, more);
            };
            let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
                own.iter()
                    .chain(more)
                    .map(|(name, text)| (*name, (*text).to_owned()))
                    .collect()
            };
            let mut about = |offset: i64, name: &str, more: &[(&'static str, &str)]| {
                let fields = with(more);
                let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
                log(offset, name, &fields);
            };
            if place < 100 {
                about(
                    0,
                    "AccountDeliveryChangeEvent",
                    &[("oldStatus", "true"), ("newStatus", "false")],
                );
            }
            about(
                1,
                "EnrollmentStatusChangeEvent",
                &[
                    ("oldStatus", "PENDING"),
                    ("newStatus", account.text("enrollmentStatus")),
                ],
            );
            about(
                2,
                "MonitoringStatusChangeEvent",
                &[
                    ("oldStatus", "UNKNOWN"),
                    ("newStatus", account.text("monitoringStatus")),
                ],
            );
            if place % 20 != 0 {
                continue;
            }
            about(3, "AccountLinkageEvent", &[("manual", "false"), ("linked", "true")]);
            about(4, "AccountNominatedEvent", &[]);
            about(
                5,
                "AccountSubscribeChangeEvent",
                &[("oldStatus", "false"), ("newStatus", "true")],
            );
            about(
                6,
                "MixinChangeEvent",
                &[("oldValues", "{}"), ("newValues", "{CostCenter=CC-12}")],
            );
            about(
                7,
                "MeterLinkageEvent",
                &[("meterNumber", &lamp), ("manual", "true"), ("linked", "false")],
            );
            about(
                8,
                "MeterMixinChangeEvent",
                &[
                    ("meterNumber", &lamp),
                    ("oldValues", "{attribute1=Value1}"),
                    ("newValues", "{attribute1=Value2}"),
                ],
            );
            log(
                9,
                "FormSubmissionEvent",
                &[
                    ("requestedByName", "A. Customer"),
                    ("requestedByEmail", "a@customer.example"),
                    ("referenceTicketId", &ticket),
                ],
            );
            log(
                10,
                "CredentialStateChangeEvent",
                &[
                    ("extractionChannelId", &key),
                    ("oldValues", "{enabled=true}"),
                    ("newValues", "{enabled=false}"),
                ],
            );
            log(
                11,
                "CredentialInputMapChangeEvent",
                &[("extractionChannelId", &key), ("oldValues", "{}"), ("newValues", "{}")],
            );
        }
        let (_, number) = DELETED_ACCOUNT;
        let gone = [("accountNumber", number), ("providerAlias", "CedarWater")];
        self.world
            .log("user1", TODAY - DAY, &tenant, "AccountDeletionEvent", &gone);
        let summary = [("summaryAccountNumber", "9004-999-0")];
        let summary = [&gone[..], &summary].concat();
        self.world
            .log("user1", TODAY - DAY, &tenant, "SummaryAccountDeletionEvent", &summary);
    }
}
