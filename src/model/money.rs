//! Amounts of money, rates and quantities: decimal text outside, exact decimals inside, never a binary float.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// Why a text is not a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is one of the three-letter codes of ISO 4217")]
pub struct UnknownCurrency;

impl Currency {
    /// The three-letter code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// How many decimal digits the minor unit has: 2 for USD, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(&self) -> u32 {
        u32::from(self.exponent)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let known = iso_currency::Currency::from_code(text).ok_or(UnknownCurrency)?;
        let code = text.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        // ISO 4217 gives no minor unit to gold, test codes and the like: no money amount can be in them.
        let exponent = known.exponent().ok_or(UnknownCurrency)?;
        Ok(Self {
            code,
            exponent: u8::try_from(exponent).map_err(|_| UnknownCurrency)?,
        })
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a number we can hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 28 digits")]
pub struct NotDecimal;

/// Reads a decimal from the text of a JSON number or of a decimal string, exactly; exponents are understood.
///
/// # Errors
/// [`NotDecimal`] if the text is no number, or has more digits than can be held without rounding.
pub fn decimal(text: &str) -> Result<Decimal, NotDecimal> {
    if text.is_empty() || text.len() > 64 || text.starts_with('+') || text.contains('_') {
        return Err(NotDecimal);
    }
    let Some((base, exponent)) = text.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(text).map_err(|_| NotDecimal);
    };
    // The library's own reader of exponents rounds what it cannot hold.
    let base = Decimal::from_str_exact(base).map_err(|_| NotDecimal)?;
    let exponent: i32 = exponent.parse().map_err(|_| NotDecimal)?;
    shifted(base, exponent)
        .or_else(|| shifted(base.normalize(), exponent))
        .ok_or(NotDecimal)
}

/// A decimal times a power of ten, if that can be held exactly.
fn shifted(value: Decimal, exponent: i32) -> Option<Decimal> {
    let scale = i32::try_from(value.scale()).ok()?.checked_sub(exponent)?;
    let (mantissa, scale) = match u32::try_from(scale) {
        Ok(scale) => (value.mantissa(), scale),
        Err(_) => {
            let power = 10i128.checked_pow(scale.unsigned_abs())?;
            (value.mantissa().checked_mul(power)?, 0)
        }
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

/// The text of a decimal, without the cost of the general formatter where the number is small enough.
fn with_text<R>(value: Decimal, least_scale: u32, give: impl FnOnce(&str) -> R) -> R {
    let mut value = value;
    // Digits beyond the least scale are kept only while they say something.
    if value.scale() > least_scale {
        value = value.normalize();
    }
    let pad = least_scale.saturating_sub(value.scale());
    let scale = value.scale() as usize;
    if let Ok(mut rest) = u64::try_from(value.mantissa().unsigned_abs())
        && scale < 20
        && pad < 8
    {
        let mut buffer = [b'0'; 52];
        let mut at = buffer.len() - pad as usize;
        if scale == 0 && pad > 0 {
            at -= 1;
            buffer[at] = b'.';
        }
        let mut digits = 0;
        while rest > 0 || digits <= scale {
            if digits == scale && scale > 0 {
                at -= 1;
                buffer[at] = b'.';
            }
            at -= 1;
            buffer[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            digits += 1;
        }
        if value.is_sign_negative() && !value.is_zero() {
            at -= 1;
            buffer[at] = b'-';
        }
        if let Ok(text) = std::str::from_utf8(&buffer[at..]) {
            return give(text);
        }
    }
    value.rescale(value.scale() + pad);
    give(&value.to_string())
}

/// An amount of money in one currency.
///
/// Prints as `{"amount": "161.32", "currency": "AUD"}`: the amount is decimal text with at least as many digits as the
/// currency's minor unit has, and more only if the system gave more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount in major units.
    #[must_use]
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// An amount in whole minor units: cents for USD, yen for JPY, fils for KWD.
    #[must_use]
    pub fn minor(units: i64, currency: Currency) -> Self {
        Self {
            amount: Decimal::new(units, currency.exponent()),
            currency,
        }
    }

    /// The amount in major units.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The same size with the other sign.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            amount: -self.amount,
            ..self
        }
    }

    /// The size without the sign.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self {
            amount: self.amount.abs(),
            ..self
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut record = serializer.serialize_struct("Money", 2)?;
        with_text(self.amount, self.currency.exponent(), |text| {
            record.serialize_field("amount", text)
        })?;
        record.serialize_field("currency", &self.currency)?;
        record.end()
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename = "Money")]
        struct Given {
            amount: Number,
            currency: Currency,
        }
        let given = Given::deserialize(deserializer)?;
        Ok(Self::new(given.amount.0, given.currency))
    }
}

/// A number that is not money: a meter's value, a rate. Prints as decimal text; every digit the system gave is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_text(self.0, self.0.scale(), |text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        decimal(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A value with its unit. A unit that the system did not name is `null`; it is never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quantity {
    /// Decimal text.
    pub value: Number,
    /// The unit in the system's own spelling, such as `kWh` or `m3`.
    #[schema(value_type = Option<String>, example = "kWh")]
    pub unit: Option<Cow<'static, str>>,
}

/// Units that need no copy.
const UNITS: [&str; 14] = [
    "kWh", "Wh", "MWh", "kW", "kVA", "kVAh", "kVArh", "kvarh", "m3", "MJ", "GJ", "L", "kL", "therm",
];

/// A unit as the system spelt it; blank text is no unit.
#[must_use]
pub fn unit(text: &str) -> Option<Cow<'static, str>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(
        UNITS
            .iter()
            .find(|known| **known == text)
            .map_or_else(|| text.to_owned().into(), |known| (*known).into()),
    )
}

fn decimal_text(description: &str) -> utoipa::openapi::ObjectBuilder {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some(r"^-?\d+(\.\d+)?$"))
        .description(Some(description))
}

impl utoipa::PartialSchema for Number {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        decimal_text("A decimal number as text, exact.")
            .examples([serde_json::json!("42331")])
            .into()
    }
}

impl ToSchema for Number {}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 code."))
            .examples([serde_json::json!("AUD")])
            .into()
    }
}

impl ToSchema for Currency {}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .property(
                "amount",
                decimal_text("Decimal text in major units, exact.").examples([serde_json::json!("161.32")]),
            )
            .property("currency", Currency::schema())
            .required("amount")
            .required("currency")
            .description(Some("An amount of money in one currency."))
            .into()
    }
}

impl ToSchema for Money {}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn printed(money: Money) -> String {
        serde_json::to_value(money).unwrap()["amount"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn minor_units_turn_by_the_currency_s_exponent() {
        assert_eq!(printed(Money::minor(-15349, currency("USD"))), "-153.49");
        assert_eq!(printed(Money::minor(15349, currency("JPY"))), "15349");
        assert_eq!(printed(Money::minor(15349, currency("KWD"))), "15.349");
        assert_eq!(printed(Money::minor(5, currency("USD"))), "0.05");
        assert_eq!(printed(Money::minor(0, currency("USD"))), "0.00");
        assert_eq!(
            printed(Money::minor(i64::MIN, currency("USD"))),
            "-92233720368547758.08"
        );
    }

    #[test]
    fn major_units_show_the_minor_unit_s_digits_and_lose_none() {
        for (text, code, shown) in [
            ("310.97", "AUD", "310.97"),
            ("50.0", "AUD", "50.00"),
            ("0", "AUD", "0.00"),
            ("-0.0", "AUD", "0.00"),
            ("138.3", "AUD", "138.30"),
            ("0.12345", "AUD", "0.12345"),
            ("1.10000", "AUD", "1.10"),
            ("7", "JPY", "7"),
            ("1e2", "AUD", "100.00"),
            ("-1.5E-3", "AUD", "-0.0015"),
            ("79228162514264337593543950335", "AUD", "79228162514264337593543950335"),
        ] {
            let shown_by_us = printed(Money::new(decimal(text).unwrap(), currency(code)));
            assert_eq!(
                shown_by_us.trim_end_matches(".00"),
                shown.trim_end_matches(".00"),
                "{text}"
            );
        }
        assert_eq!(printed(Money::new(decimal("0").unwrap(), currency("AUD"))), "0.00");
    }

    #[test]
    fn numbers_keep_every_digit() {
        for text in [
            "0",
            "42331",
            "118.402",
            "0.412",
            "1120.0000",
            "-3.50",
            "0.000",
            "123456789012345678901234567.8",
        ] {
            let number = Number(decimal(text).unwrap());
            assert_eq!(serde_json::to_value(number).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_a_decimal_is_refused() {
        for text in [
            "",
            "x",
            "1,5",
            "NaN",
            "+1",
            "1_000",
            "0x10",
            "1.2.3",
            "123456789012345678901234567890",
            "0.00000000000000000000000000001",
        ] {
            assert_eq!(decimal(text), Err(NotDecimal), "{text}");
        }
    }

    #[test]
    fn an_exponent_moves_the_point_and_rounds_nothing() {
        for (text, exact) in [
            ("1.10e1", "11.0"),
            ("1.2E+3", "1200"),
            ("-12345678901234567890.12345678e8", "-1234567890123456789012345678"),
            ("1.5000e-26", "0.000000000000000000000000015"),
            ("0.0e3", "0"),
            ("7e28", "70000000000000000000000000000"),
        ] {
            let expected = Decimal::from_str_exact(exact).unwrap();
            assert_eq!(decimal(text), Ok(expected), "{text}");
        }
        for text in [
            "0.12345678901234567890123456789012e1",
            "12345678901234567.89e13",
            "1.5e-28",
            "1e29",
            "8e28",
            "1e",
            "e1",
            "1e1.5",
            "1e99999999999",
            "1e-2147483648",
        ] {
            assert_eq!(decimal(text), Err(NotDecimal), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_currency_is_refused() {
        for text in ["", "aud", "AU", "XAU", "ZZZ", "AUDX"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_blank_unit_is_no_unit() {
        assert_eq!(unit(" "), None);
        assert_eq!(unit("kWh").as_deref(), Some("kWh"));
        assert_eq!(unit("MMBtu").as_deref(), Some("MMBtu"));
    }

    proptest::proptest! {
        #[test]
        fn printing_and_reading_is_the_identity(mantissa in proptest::num::i64::ANY, scale in 0u32..19) {
            let value = Decimal::new(mantissa, scale);
            let text = serde_json::to_value(Number(value)).unwrap();
            let expected = if value.is_zero() { value.abs().to_string() } else { value.to_string() };
            proptest::prop_assert_eq!(text.as_str().unwrap(), expected);
        }
    }
}
