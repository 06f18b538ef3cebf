//! What the entities are made of.

/// A kind of entity of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entity {
    Account,
    Meter,
    Credential,
    Attribute,
    Event,
    Template,
    ServiceType,
    Provider,
}

/// What a member holds, which also decides the operators it can be searched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    /// A flag that is written as text.
    TextFlag,
    /// An instant in milliseconds since the epoch.
    Date,
    One(Entity),
    Many(Entity),
    /// Text that cannot be searched.
    Opaque,
}

/// A member of an entity.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    /// Whether it stands inside `eventFields`.
    pub(super) nested: bool,
}

const fn field(name: &'static str, kind: Type) -> Field {
    let nested = false;
    Field { name, kind, nested }
}

const fn event_field(name: &'static str, kind: Type) -> Field {
    let nested = true;
    Field { name, kind, nested }
}

const ACCOUNT: &[Field] = &[
    field("id", Type::Text),
    field("customerId", Type::Text),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("createdByUsername", Type::Text),
    field("lastModifiedByUsername", Type::Text),
    field("accountNumber", Type::Text),
    field("normalizedAccountNumber", Type::Text),
    field("summaryAccountNumber", Type::Text),
    field("normalizedSummaryAccountNumber", Type::Text),
    field("enrollmentStatus", Type::Text),
    field("extractionStatus", Type::Text),
    field("monitoringStatus", Type::Text),
    field("providerClassification", Type::Text),
    field("message", Type::Text),
    field("pullHistory", Type::Flag),
    field("historyRequested", Type::Date),
    field("subscribed", Type::Flag),
    field("isSummaryAccount", Type::Flag),
    field("subscriptionLastUpdated", Type::Date),
    field("unsubscribeDate", Type::Date),
    field("toBeDelivered", Type::Flag),
    field("deliveryLastUpdated", Type::Date),
    field("deliveryDisabledDate", Type::Date),
    field("firstExtractDate", Type::Date),
    field("lastExtracted", Type::Date),
    field("lastSuccessfulExtraction", Type::Date),
    field("ebillRequirement", Type::Text),
    field("lastDelivered", Type::Date),
    field("latestOrphanSourceDeliveredDate", Type::Date),
    field("nextExpectedPostDate", Type::Date),
    field("latestIntervalEnd", Type::Date),
    field("startToEndAvg", Type::Number),
    field("nextExpectedConfidence", Type::Text),
    field("latestTotalBillAmount", Type::Number),
    field("latestStatementCreate", Type::Date),
    field("lastSuccessfulExtractionChannel", Type::One(Entity::Credential)),
    field("utilityProvider", Type::One(Entity::Provider)),
    field("verifiedExtractionChannels", Type::Many(Entity::Credential)),
    field("extractionChannels", Type::Many(Entity::Credential)),
];

const METER: &[Field] = &[
    field("id", Type::Text),
    field("utilityAccount", Type::One(Entity::Account)),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
    field("meterNumber", Type::Text),
    field("normalizedMeterNumber", Type::Text),
    field("serviceType", Type::Text),
    field("tariff", Type::Text),
    field("serviceAddress", Type::Text),
    field("podNumber", Type::Text),
    field("previousMeterNumber", Type::Text),
    field("deactivated", Type::Flag),
];

const CREDENTIAL: &[Field] = &[
    field("id", Type::Text),
    field("extractionChannelId", Type::Text),
    field("username", Type::Text),
    field("username2", Type::Text),
    field("username3", Type::Text),
    field("username4", Type::Text),
    field("message", Type::Text),
    field("acquisitionType", Type::Text),
    field("s3BucketName", Type::Text),
    field("s3FilePrefix", Type::Text),
    field("lastAttempted", Type::Date),
    field("lastSuccess", Type::Date),
    field("template", Type::One(Entity::Template)),
    field("utilityProvider", Type::One(Entity::Provider)),
    field("url", Type::Text),
    field("enabled", Type::Flag),
    field("intervalDataEnabled", Type::Flag),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
];

const ATTRIBUTE: &[Field] = &[
    field("id", Type::Text),
    field("required", Type::Flag),
    field("name", Type::Text),
    field("cnbdPosition", Type::Number),
    field("urjanetKey", Type::Text),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
];

const EVENT: &[Field] = &[
    field("username", Type::Opaque),
    field("timestamp", Type::Date),
    field("eventName", Type::Text),
    field("customerId", Type::Opaque),
    event_field("accountNumber", Type::Text),
    event_field("summaryAccountNumber", Type::Text),
    event_field("providerAlias", Type::Text),
    event_field("extractionChannelId", Type::Text),
    event_field("meterNumber", Type::Text),
    event_field("oldStatus", Type::Text),
    event_field("newStatus", Type::Text),
    event_field("requestedByName", Type::Text),
    event_field("requestedByEmail", Type::Text),
    event_field("referenceTicketId", Type::Text),
    event_field("manual", Type::TextFlag),
    event_field("linked", Type::TextFlag),
    event_field("oldValues", Type::Opaque),
    event_field("newValues", Type::Opaque),
];

const TEMPLATE: &[Field] = &[
    field("id", Type::Text),
    field("templateName", Type::Text),
    field("website", Type::Text),
    field("hasInterval", Type::Flag),
    field("hasHistory", Type::Flag),
    field("hasPdf", Type::Flag),
    field("hasHtml", Type::Flag),
    field("hasEdi", Type::Flag),
    field("hasXls", Type::Flag),
    field("hasCsv", Type::Flag),
    field("hasOcr", Type::Flag),
    field("tracksLoginFailure", Type::Flag),
    field("utilityProviders", Type::Many(Entity::Provider)),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
];

const SERVICE_TYPE: &[Field] = &[
    field("id", Type::Text),
    field("name", Type::Text),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
];

const PROVIDER: &[Field] = &[
    field("id", Type::Text),
    field("providerAlias", Type::Text),
    field("providerName", Type::Text),
    field("classification", Type::Text),
    field("serviceTypes", Type::Many(Entity::ServiceType)),
    field("parentProvider", Type::One(Entity::Provider)),
    field("childProviders", Type::Many(Entity::Provider)),
    field("templateInfos", Type::Many(Entity::Template)),
    field("created", Type::Date),
    field("modified", Type::Date),
    field("lastModifiedByUsername", Type::Text),
    field("createdByUsername", Type::Text),
];

impl Entity {
    /// The members, without the custom attributes.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Entity::Account => ACCOUNT,
            Entity::Meter => METER,
            Entity::Credential => CREDENTIAL,
            Entity::Attribute => ATTRIBUTE,
            Entity::Event => EVENT,
            Entity::Template => TEMPLATE,
            Entity::ServiceType => SERVICE_TYPE,
            Entity::Provider => PROVIDER,
        }
    }

    /// The member accepted wherever an id is (README, "Ids").
    pub(super) fn natural_key(self) -> Option<&'static str> {
        match self {
            Entity::Credential => Some("extractionChannelId"),
            Entity::Template => Some("templateName"),
            Entity::Provider => Some("providerAlias"),
            _ => None,
        }
    }

    /// Whether custom attributes belong to it.
    pub(super) fn has_attributes(self) -> bool {
        matches!(self, Entity::Account | Entity::Meter)
    }

    /// What it is called in texts and links; links spell `servicetype` in lower case (README, "References").
    pub(super) fn word(self) -> &'static str {
        match self {
            Entity::Account => "account",
            Entity::Meter => "meter",
            Entity::Credential => "credential",
            Entity::Attribute => "attribute",
            Entity::Event => "changelog",
            Entity::Template => "template",
            Entity::ServiceType => "servicetype",
            Entity::Provider => "provider",
        }
    }

    pub(super) fn column(self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| field.name == name)
    }
}
