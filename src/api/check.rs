//! What the shape of a body does not say: lengths, amounts, spans. Every fault is named.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::money::Money;
use crate::model::patch::Patch;
use crate::model::time::NewPeriod;

/// The faults of a body, by where they are.
#[derive(Default)]
pub(super) struct Faults(Vec<(String, &'static str)>);

const SHORT: &str = "it must be 1 to 256 characters without control characters";
const LONG: &str = "it must be 1 to 4000 characters without control characters other than line breaks and tabs";

impl Faults {
    /// Names a fault.
    pub(super) fn add(&mut self, pointer: impl Into<String>, rule: &'static str) {
        self.0.push((pointer.into(), rule));
    }

    /// Names a fault unless all is well.
    pub(super) fn unless(&mut self, well: bool, pointer: impl Into<String>, rule: &'static str) {
        if !well {
            self.add(pointer, rule);
        }
    }

    /// A text of one line: 1 to 256 characters.
    pub(super) fn text(&mut self, pointer: impl Into<String>, text: &str) {
        let well = !text.trim().is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control);
        self.unless(well, pointer, SHORT);
    }

    /// Texts of one line that may be left out.
    pub(super) fn texts(&mut self, below: &str, texts: &[(&str, &Option<String>)]) {
        for (name, text) in texts {
            if let Some(text) = text {
                self.text(format!("{below}/{name}"), text);
            }
        }
    }

    /// Texts of one line of a merge patch.
    pub(super) fn patches(&mut self, below: &str, texts: &[(&str, &Patch<String>)]) {
        for (name, text) in texts {
            if let Some(text) = text.value() {
                self.text(format!("{below}/{name}"), text);
            }
        }
    }

    /// A list of at most `most` texts of one line.
    pub(super) fn list(&mut self, pointer: &str, texts: &[String], most: usize) {
        self.unless(texts.len() <= most, pointer, "there are too many");
        for (n, text) in texts.iter().enumerate() {
            self.text(format!("{pointer}/{n}"), text);
        }
    }

    /// A text of several lines, that may be left out: 1 to 4000 characters.
    pub(super) fn long(&mut self, pointer: &str, text: Option<&String>) {
        let Some(text) = text else { return };
        let well = !text.trim().is_empty()
            && text.chars().count() <= 4000
            && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        self.unless(well, pointer, LONG);
    }

    /// An e-mail address, as far as its shape tells.
    pub(super) fn email(&mut self, pointer: &str, text: Option<&String>) {
        let Some(text) = text else { return };
        let well = text.len() <= 254
            && !text.chars().any(|c| c.is_control() || c.is_whitespace())
            && text
                .rsplit_once('@')
                .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        self.unless(well, pointer, "it must be an e-mail address of at most 254 characters");
    }

    /// An amount above zero.
    pub(super) fn above_zero(&mut self, pointer: &str, money: &Money) {
        self.unless(
            money.amount() > Decimal::ZERO,
            format!("{pointer}/amount"),
            "it must be above zero",
        );
        self.payable(pointer, money);
    }

    /// An amount that is not below zero.
    pub(super) fn not_below_zero(&mut self, pointer: &str, money: &Money) {
        self.unless(
            money.amount() >= Decimal::ZERO,
            format!("{pointer}/amount"),
            "it must not be below zero",
        );
        self.payable(pointer, money);
    }

    fn payable(&mut self, pointer: &str, money: &Money) {
        self.unless(
            money.amount().normalize().scale() <= money.currency().exponent(),
            format!("{pointer}/amount"),
            "it has more digits than the currency's minor unit",
        );
    }

    /// Days of which the first, if both are there, must be before the other.
    pub(super) fn period(&mut self, pointer: &str, period: Option<&NewPeriod>) {
        if let Some(NewPeriod {
            start: Some(start),
            end: Some(end),
        }) = period
        {
            self.order(format!("{pointer}/end"), *start, *end);
        }
    }

    /// Two days of which the first must be before the other.
    pub(super) fn order(&mut self, pointer: impl Into<String>, first: Date, later: Date) {
        self.unless(first < later, pointer, "it must be after the first day");
    }

    /// Gives the body back if there is no fault in it.
    ///
    /// # Errors
    /// `Invalid`, with every fault.
    pub(super) fn none_in<T>(self, body: T) -> Result<T> {
        if self.0.is_empty() {
            return Ok(body);
        }
        let told: Vec<_> = self
            .0
            .iter()
            .map(|(pointer, rule)| format!("`{pointer}`: {rule}"))
            .collect();
        Err(self.0.into_iter().fold(
            Error::new(ErrorKind::Invalid, told.join("; ")),
            |error, (pointer, rule)| error.fault(Place::Pointer(pointer), rule),
        ))
    }
}
