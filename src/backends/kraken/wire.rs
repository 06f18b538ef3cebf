//! The system's own shapes and spelling; serde and nothing else.
//!
//! Members follow the documents in `documents/`, aliases included. All are optional, whatever the schema promises: an
//! error may null them, and editions differ; `map` says what a record cannot do without.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
#[cfg(test)]
use serde::Serialize;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::model::money::decimal;

/// A whole answer: `data` and `errors` may come together.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: Option<T>,
    #[serde(default = "Vec::new", deserialize_with = "nullable_list")]
    pub(super) errors: Vec<Fault>,
}

fn nullable_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One member of `errors`. Its texts are not read: they may carry customer data.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    pub(super) path: Option<Vec<Step>>,
    #[serde(default)]
    pub(super) extensions: Option<Extensions>,
}

/// A step of an error's path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Index(u64),
    Key(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(at) => at.fmt(f),
            Self::Key(key) => f.write_str(key),
        }
    }
}

/// What an error says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extensions {
    #[serde(default)]
    pub(super) error_code: Option<String>,
    #[serde(default)]
    pub(super) error_type: Option<String>,
    #[serde(default)]
    pub(super) error_class: Option<String>,
}

/// An amount in whole minor units: `Int` or `BigInt`, a JSON number, or its text in a string. Never a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Minor(pub(super) i64);

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Minor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of minor units")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Minor, E> {
                Ok(Minor(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Minor, E> {
                i64::try_from(value).map(Minor).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Minor, E> {
                value.parse().map(Minor).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Whole)
    }
}

/// The `Decimal` scalar: a decimal string, or a JSON number read from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Exact(pub(super) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let number = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(inside) => decimal(inside.trim()),
            None => decimal(text),
        };
        number.map(Self).map_err(de::Error::custom)
    }
}

/// A number or a text, kept as text: identifiers that one field calls `Int` and another `ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        if text.starts_with('"') {
            serde_json::from_str(text).map(Self).map_err(de::Error::custom)
        } else if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(de::Error::custom("neither a text nor a number"))
        }
    }
}

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident $(<$generic:ident>)? { $($(#[$on:meta])* $member:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Deserialize)]
            #[cfg_attr(test, derive(Serialize))]
            #[serde(rename_all = "camelCase")]
            pub(super) struct $name $(<$generic>)? {
                $($(#[$on])* pub(super) $member: Option<$kind>,)*
            }
        )*
    };
}

records! {
    /// The answer to a login.
    LoginData { obtain_kraken_token: Login, }

    /// The answer to a document that asks for one account.
    AccountData<A> { account: A, }
    ViewerData { viewer: Viewer, }
    Viewer { accounts: Vec<Option<Account>>, }
    Account {
        id: String,
        number: String,
        status: String,
        brand: String,
        account_type: String,
        balance: Minor,
        overdue_balance: Minor,
        ledgers: Vec<Option<LedgerBalance>>,
        billing_name: String,
        billing_email: String,
        #[serde(rename = "billingAddressLine1")]
        billing_address_line_1: String,
        #[serde(rename = "billingAddressLine2")]
        billing_address_line_2: String,
        #[serde(rename = "billingAddressLine3")]
        billing_address_line_3: String,
        #[serde(rename = "billingAddressLine4")]
        billing_address_line_4: String,
        #[serde(rename = "billingAddressLine5")]
        billing_address_line_5: String,
        billing_address_postcode: String,
        billing_country_code: String,
        comms_delivery_preference: String,
        properties: Vec<Option<PropertyRef>>,
    }
    /// A property with no more than the keys of what is supplied there.
    ///
    /// Here as in [`Property`], the first list is the US edition's, the others are the GB edition's.
    PropertyRef {
        id: String,
        meter_points: Vec<Option<PointRef>>,
        electricity_meter_points: Vec<Option<PointRef>>,
        gas_meter_points: Vec<Option<PointRef>>,
    }
    PointRef { esi_id: String, mpan: String, mprn: String, }
    Balance {
        number: String,
        balance: Minor,
        overdue_balance: Minor,
        ledgers: Vec<Option<LedgerBalance>>,
    }
    LedgerBalance {
        /// Positive is credit.
        balance: Minor,
        /// Positive is debt.
        amount_owed_by_customer: Minor,
    }

    PageInfo { has_next_page: bool, end_cursor: String, }
    Connection<T> { page_info: PageInfo, edges: Vec<Option<Edge<T>>>, }
    Edge<T> { cursor: String, node: T, }

    Bills { number: String, bills: Connection<Bill>, }
    OneBill { number: String, bill: Bill, }
    /// All concrete types in one: the aliases keep members of like name apart.
    Bill {
        #[serde(rename = "__typename")]
        typename: String,
        id: Text,
        bill_type: String,
        from_date: Date,
        to_date: Date,
        issued_date: Date,
        statement_status: String,
        statement_opening: Minor,
        statement_closing: Minor,
        statement_due: Date,
        held_status: HeldStatus,
        statement_charges: TotalOf,
        statement_credits: TotalOf,
        period_identifier: Text,
        period_closing: Minor,
        is_annulled: bool,
        period_charges: TotalOf,
        period_credits: TotalOf,
        document_debt_position: DebtPosition,
        invoice_identifier: Text,
        invoice_gross: Minor,
        invoice_charges: TotalOf,
        invoice_credits: TotalOf,
        imported_identifier: Text,
        imported_gross: Minor,
    }
    HeldStatus { is_held: bool, }
    #[derive(Copy)]
    TotalOf { net_total: Minor, tax_total: Minor, gross_total: Minor, }
    DebtPosition { due_date: Date, expected_amount: Minor, remaining_amount: Minor, }

    OneBillDocument { number: String, bill: BillAttachments, }
    BillAttachments {
        id: Text,
        attachments: Attachments,
    }
    Attachments { edges: Vec<Option<AttachmentEdge>>, }
    AttachmentEdge { node: Attachment, }

    Ledgers { number: String, ledgers: Vec<Option<Ledger>>, }
    Ledger { number: String, transactions: Connection<Transaction>, }
    Transaction {
        #[serde(rename = "__typename")]
        typename: String,
        id: Text,
        posted_date: Date,
        title: String,
        note: String,
        amounts: Amounts,
        balance_carried_forward: Minor,
        is_reversed: bool,
        billing_document_identifier: Text,
        is_late_failed_payment: bool,
    }
    #[derive(Copy)]
    Amounts { net: Minor, tax: Minor, gross: Minor, }

    Properties { number: String, properties: Vec<Option<Property>>, }
    Property {
        id: String,
        postcode: String,
        #[serde(rename = "addressLine1")]
        address_line_1: String,
        #[serde(rename = "addressLine2")]
        address_line_2: String,
        #[serde(rename = "addressLine3")]
        address_line_3: String,
        #[serde(rename = "addressLine4")]
        address_line_4: String,
        #[serde(rename = "addressLine5")]
        address_line_5: String,
        rich_address: RichAddress,
        meter_points: Vec<Option<MeterPoint>>,
        electricity_meter_points: Vec<Option<MeterPoint>>,
        gas_meter_points: Vec<Option<MeterPoint>>,
    }
    RichAddress {
        street_address: String,
        locality: String,
        administrative_area: String,
        postal_code: String,
        country: String,
    }
    MeterPoint {
        id: Text,
        /// The market identifier, by one of these three names.
        esi_id: String,
        mpan: String,
        mprn: String,
        status: String,
        direction: String,
        meters: Vec<Option<Meter>>,
    }
    Meter {
        id: Text,
        serial_number: String,
        /// An instant in the US edition, a day in the GB one.
        active_from: String,
        active_to: String,
        registers: Vec<Option<Register>>,
    }
    Register { id: Text, identifier: String, digits: i64, multiplier: Exact, }

    ReadingsData { account: MeteredAccount, daily_readings: Vec<Option<DailyReading>>, }
    MeteredAccount { number: String, properties: Vec<Option<MeteredProperty>>, }
    MeteredProperty { id: String, meter_points: Vec<Option<MeteredPoint>>, }
    MeteredPoint { id: Text, esi_id: String, meters: Vec<Option<Meter>>, }
    DailyReading {
        meter_point_id: Text,
        /// A plain string in the schema.
        read_at: String,
        meter_reading: Exact,
        /// In kWh, says the schema.
        daily_usage: Exact,
        source: String,
    }

    ReadProperties { number: String, properties: Vec<Option<ReadProperty>>, }
    ReadProperty {
        id: String,
        electricity_meter_points: Vec<Option<ReadPoint>>,
        gas_meter_points: Vec<Option<GasPointRef>>,
    }
    GasPointRef { mprn: String, }
    ReadPoint { mpan: String, meters: Vec<Option<ReadMeter>>, }
    ReadMeter { id: Text, serial_number: String, readings: Connection<MeterRead>, }
    MeterRead {
        id: Text,
        read_at: String,
        reading_source: String,
        source: String,
        reading_type: String,
        registers: Vec<Option<RegisterRead>>,
    }
    RegisterRead {
        identifier: String,
        /// A number in a string.
        value: String,
        is_quarantined: bool,
    }
    HandedIn { create_electricity_meter_reading: ReadingPayload, create_gas_meter_reading: ReadingPayload, }
    ReadingPayload { reading_errors: Vec<Option<FieldErrors>>, }
    FieldErrors { field: String, errors: Vec<Option<FieldError>>, }
    /// An error of a field, or the errors of a field below it.
    FieldError { message: String, code: String, field: String, errors: Vec<Option<FieldError>>, }

    UsageProperties { number: String, properties: Vec<Option<UsageProperty>>, }
    UsageProperty { id: String, meter_points: Vec<Option<UsagePoint>>, measurements: Measurements, }
    UsagePoint { esi_id: String, }
    Measurements { page_info: PageInfo, edges: Vec<Option<MeasurementEdge>>, }
    MeasurementEdge { node: Measurement, }
    Measurement {
        #[serde(rename = "__typename")]
        typename: String,
        value: Exact,
        unit: String,
        start_at: String,
        end_at: String,
        meta_data: MetaData,
    }
    MetaData { utility_filters: Filters, statistics: Vec<Option<Statistic>>, }
    Filters {
        reading_frequency_type: String,
        reading_direction: String,
        reading_quality: String,
        market_supply_point_id: String,
    }
    Statistic {
        #[serde(rename = "type")]
        kind: String,
        cost_incl_tax: EstimatedMoney,
    }
    EstimatedMoney { estimated_amount: Exact, cost_currency: String, }

    Billed { number: String, billing_options: BillingOptions, }
    BillingOptions {
        is_fixed: bool,
        period_length: String,
        period_length_multiplier: i64,
        period_start_day: i64,
        current_billing_period_start_date: Date,
        /// The last day of the period.
        current_billing_period_end_date: Date,
        next_billing_date: Date,
    }
    Overdue { number: String, overdue_balance: Minor, }
    Payments { number: String, payments: Connection<Payment>, }
    Payment {
        id: Text,
        amount: Minor,
        payment_date: Date,
        reference: String,
        transaction_type: String,
        status: String,
    }
    PaymentMethods { number: String, payment_methods: Connection<PaymentMethod>, }
    /// Only what is masked is asked for: no card number, no IBAN, no sort code.
    PaymentMethod {
        id: Text,
        status: String,
        instruction_type: String,
        account_holder: String,
        card_payment_network: String,
        card_expiry_month: i64,
        card_expiry_year: i64,
        masked_account_identifier: String,
        valid_from: String,
        vendor: String,
        supplementary_ledger: LedgerRef,
    }
    LedgerRef { number: String, }
    PaymentSchedules { number: String, payment_schedules: Connection<PaymentSchedule>, }
    PaymentSchedule {
        id: Text,
        valid_from: Date,
        valid_to: Date,
        schedule_reason: String,
        is_payment_holiday: bool,
        payment_frequency: String,
        payment_frequency_multiplier: i64,
        payment_day: i64,
        is_variable_payment_amount: bool,
        payment_amount: Minor,
        total_debt_amount: Minor,
        supplementary_ledger: LedgerRef,
    }
    PaymentPlans { number: String, payment_plans: Connection<PaymentPlan>, }
    PaymentPlan {
        id: Text,
        status: String,
        strategy_name: String,
        accepted_at: String,
        ledger_number: String,
        payments: Vec<Option<PlanPayment>>,
        next_payment: PlanPayment,
    }
    PlanPayment { payable_date: Date, amount: Minor, payment_type: String, }
    RepaymentLedgers { number: String, ledgers: Vec<Option<RepaymentLedger>>, }
    RepaymentLedger { number: String, repayment_requests: Connection<RepaymentRequest>, }
    RepaymentRequest {
        request_id: Text,
        amount: Minor,
        request_reason: String,
        method: String,
        status: String,
    }
    LedgerChoices { number: String, ledgers: Vec<Option<LedgerChoice>>, }
    LedgerChoice { number: String, affects_account_balance: bool, }
    Users { number: String, users: Vec<Option<User>>, }
    User {
        id: Text,
        title: String,
        given_name: String,
        family_name: String,
        full_name: String,
        preferred_name: String,
        date_of_birth: Date,
        email: String,
        mobile: String,
        landline: String,
        alternative_phone_numbers: Vec<Option<String>>,
        address: RichAddress,
        account_user_roles: Vec<Option<UserRole>>,
    }
    UserRole { role: String, }
    Notes { number: String, notes: Vec<Option<Note>>, }
    Note { body: String, is_pinned: bool, written_at: String, unpin_at: String, }

    RequestedRepayment { submit_repayment_request: RepaymentPayload, }
    CancelledRepayment { cancel_repayment_request: RepaymentPayload, }
    RepaymentPayload { repayment_request: RequestState, }
    RequestState { request_id: Text, status: String, }
    Charged { create_account_charge: ChargePayload, }
    ChargePayload { account_charge: AccountCharge, }
    AccountCharge {
        id: Text,
        gross_amount: Minor,
        net_amount: Minor,
        sales_tax_amount: Minor,
        reason: String,
        note: String,
        display_note: String,
    }
    Credited { post_credit: CreditPayload, }
    CreditPayload { credit: Transaction, }
    Noted { create_account_note: AccountPayload, }
    EmailChanged { update_account_billing_email: AccountPayload, }
    AddressChanged { update_account_billing_address: AccountPayload, }
    AccountPayload { account: AccountNumber, }
    AccountNumber { number: String, }
}

/// A token; never shown.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "camelCase")]
pub(super) struct Login {
    pub(super) token: Option<String>,
    /// The claims of the token: a `GenericScalar`, so in any shape.
    pub(super) payload: Option<serde_json::Value>,
    pub(super) refresh_token: Option<String>,
    /// Despite its name the Unix time at which the refresh token ends.
    pub(super) refresh_expires_in: Option<i64>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// A file of a bill behind a signed address, which is a credential: it is neither shown nor kept.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment {
    pub(super) filename: Option<String>,
    pub(super) temporary_url: Option<String>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}
