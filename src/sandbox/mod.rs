//! The simulated systems: independent of the adapters, written from the vendors' contracts alone.
//!
//! [`start`] binds one listener on loopback and serves every system asked for below a path of its own, such as
//! `/gentrack`. A [`fault::Fault`] can be asked for with one request, in the header `X-Sandbox-Fault`, or be queued for
//! requests to come:
//!
//! - `POST /_sandbox/faults` queues a fault: `{"system": "gentrack", "fault": "status=503", "times": 2,
//!   "operation": "getAccount", "path": "/accounts/1"}`. The last three may be left out; `path` is a part of the path,
//!   and `token` as operation stands for logins.
//! - `GET /_sandbox/faults` lists what is queued, and `DELETE /_sandbox/faults` forgets it.
//! - `GET /_sandbox/counts` tells per system what was received and executed.
//! - `POST /_sandbox/reset` forgets faults, counts, tokens and whatever was stored.
//!
//! [`Running`] does the same in process.

pub mod counts;
pub mod crmcom;
pub mod fault;
pub mod gentrack;
pub mod kraken;
mod pdf;
mod serve;
pub mod tmf678;
pub mod urjanet;

use std::fmt;
use std::str::FromStr;

pub use serve::{Running, start};

/// How every token that is no JWT begins, in hex digits of either case, so that one in the wrong place is known for what it
/// is. To whoever gets a token it is opaque in every contract.
pub const TOKEN_MARK: &str = "5ec2e75a4db0";

/// A system that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Gentrack's REST API.
    Gentrack,
    /// Kraken's GraphQL API.
    Kraken,
    /// The TMF678-style bill API.
    Tmf678,
    /// CRM.COM's Web API.
    Crmcom,
    /// Urjanet's Utility Data API.
    Urjanet,
}

impl Kind {
    /// Every system there is.
    pub const ALL: [Kind; 5] = [Kind::Gentrack, Kind::Kraken, Kind::Tmf678, Kind::Crmcom, Kind::Urjanet];

    /// The system's name, which is also the first segment of its paths.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gentrack => "gentrack",
            Kind::Kraken => "kraken",
            Kind::Tmf678 => "tmf678",
            Kind::Crmcom => "crmcom",
            Kind::Urjanet => "urjanet",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Says that a text names no system that can be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be simulated; there are: gentrack, kraken, tmf678, crmcom, urjanet")]
pub struct NoKind(String);

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> Result<Self, NoKind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| NoKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_read_back_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "oracle".parse::<Kind>().unwrap_err().to_string();
        assert!(Kind::ALL.iter().all(|kind| error.contains(kind.name())), "{error}");
    }
}
