//! What can be made to go wrong in a simulated system, on request.
//!
//! A fault is written as a word, some with a number after an equals sign:
//!
//! | text | fault |
//! |---|---|
//! | `latency=300` | [`Fault::Latency`], in milliseconds |
//! | `throttled`, `throttled=2` | [`Fault::Throttled`] without and with `Retry-After`, in seconds |
//! | `status=503` | [`Fault::Status`], 500 to 599 |
//! | `edge` | [`Fault::EdgePage`] |
//! | `drop-before`, `drop-after` | [`Fault::DropBefore`], [`Fault::DropAfter`] |
//! | `expired-token`, `revoked-tokens` | [`Fault::ExpiredToken`], [`Fault::RevokedTokens`] |
//! | `malformed` | [`Fault::MalformedJson`] |
//! | `error-inside` | [`Fault::ErrorInside`] |
//! | `slow-body=2000` | [`Fault::SlowBody`], in milliseconds |
//! | `refused-login` | [`Fault::RefusedLogin`] |

use std::fmt;
use std::str::FromStr;

/// Longest wait a fault may ask for, in milliseconds.
const LONGEST_WAIT: u64 = 600_000;

/// One fault. The road in front of every simulated system plays those that need no knowledge of the system; the rest
/// reach the system as a request extension of this type, and it answers in its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Executes the request, waits this many milliseconds, then answers as usual.
    Latency(u64),
    /// Answers 429 in the system's own shape, with `Retry-After` in seconds if given. Nothing is executed.
    Throttled(Option<u64>),
    /// Answers this 5xx in the system's own shape. Nothing is executed.
    Status(u16),
    /// Answers 403 with the HTML page of an edge in front of the system. Nothing is executed.
    EdgePage,
    /// Closes the connection without an answer, and without reading the body if it comes in the header. Nothing is
    /// executed.
    DropBefore,
    /// Executes the request, then closes the connection without an answer.
    DropAfter,
    /// Treats the token of this request as expired.
    ExpiredToken,
    /// Forgets every token issued so far, this request's included.
    RevokedTokens,
    /// Executes the request and answers 200 with a body that is not JSON.
    MalformedJson,
    /// Answers 200 with an error inside, where the system knows such a thing. Nothing is executed.
    ErrorInside,
    /// Executes the request and sends the body in small pieces over this many milliseconds.
    SlowBody(u64),
    /// Refuses the login itself as if the credential were wrong.
    RefusedLogin,
}

/// Why a text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fault: {1}")]
pub struct NoFault(String, &'static str);

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let no = |why| NoFault(text.to_owned(), why);
        let (word, number) = match text.trim().split_once('=') {
            Some((word, number)) => {
                let number = number
                    .trim()
                    .parse::<u64>()
                    .map_err(|_| no("a whole number must follow `=`"))?;
                (word.trim(), Some(number))
            }
            None => (text.trim(), None),
        };
        let wait = || match number {
            Some(wait) if wait <= LONGEST_WAIT => Ok(wait),
            Some(_) => Err(no("waits may last ten minutes at most")),
            None => Err(no("it needs a number of milliseconds")),
        };
        let plain = |fault| {
            if number.is_none() {
                Ok(fault)
            } else {
                Err(no("it takes no number"))
            }
        };
        match word {
            "latency" => wait().map(Fault::Latency),
            "throttled" => Ok(Fault::Throttled(number)),
            "status" => match number.map(u16::try_from) {
                Some(Ok(status @ 500..=599)) => Ok(Fault::Status(status)),
                _ => Err(no("it needs a status from 500 to 599")),
            },
            "edge" => plain(Fault::EdgePage),
            "drop-before" => plain(Fault::DropBefore),
            "drop-after" => plain(Fault::DropAfter),
            "expired-token" => plain(Fault::ExpiredToken),
            "revoked-tokens" => plain(Fault::RevokedTokens),
            "malformed" => plain(Fault::MalformedJson),
            "error-inside" => plain(Fault::ErrorInside),
            "slow-body" => wait().map(Fault::SlowBody),
            "refused-login" => plain(Fault::RefusedLogin),
            _ => Err(no("the words are in the documentation of the simulated systems")),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Latency(wait) => write!(out, "latency={wait}"),
            Fault::Throttled(None) => out.write_str("throttled"),
            Fault::Throttled(Some(wait)) => write!(out, "throttled={wait}"),
            Fault::Status(status) => write!(out, "status={status}"),
            Fault::EdgePage => out.write_str("edge"),
            Fault::DropBefore => out.write_str("drop-before"),
            Fault::DropAfter => out.write_str("drop-after"),
            Fault::ExpiredToken => out.write_str("expired-token"),
            Fault::RevokedTokens => out.write_str("revoked-tokens"),
            Fault::MalformedJson => out.write_str("malformed"),
            Fault::ErrorInside => out.write_str("error-inside"),
            Fault::SlowBody(wait) => write!(out, "slow-body={wait}"),
            Fault::RefusedLogin => out.write_str("refused-login"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn every_fault_reads_back_as_it_is_written() {
        let faults = [
            Fault::Latency(300),
            Fault::Throttled(None),
            Fault::Throttled(Some(2)),
            Fault::Status(503),
            Fault::EdgePage,
            Fault::DropBefore,
            Fault::DropAfter,
            Fault::ExpiredToken,
            Fault::RevokedTokens,
            Fault::MalformedJson,
            Fault::ErrorInside,
            Fault::SlowBody(2000),
            Fault::RefusedLogin,
        ];
        for fault in faults {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in [
            "",
            "latency",
            "latency=soon",
            "latency=600001",
            "status",
            "status=404",
            "status=70000",
            "edge=1",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text} was taken");
        }
    }
}
