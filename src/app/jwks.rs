//! How the key sets of issuers are read: over the one road out, or from a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::Failed;
use crate::auth::jwks::{Fetch, LONGEST_FETCH, usable};
use crate::auth::{Callers, Tokens};
use crate::config::{self, KeySet};
use crate::error::{Error, ErrorKind, Result};
use crate::upstream::send::Sender;
use crate::upstream::{Call, Settings};

/// The largest key set taken.
const MAX_KEY_SET: usize = 256 * 1024;

/// These callers, and the bearers of the tokens that are configured. The issuers' keys are read from now on.
pub(super) fn trusting(callers: Callers, tokens: Option<config::Tokens>) -> Result<Callers, Failed> {
    let Some(tokens) = tokens else {
        return Ok(callers);
    };
    let mut issuers = Vec::with_capacity(tokens.issuers.len());
    for config::Issuer { trust, keys } in tokens.issuers {
        let fetch = fetch(&trust.name, keys)?;
        issuers.push((trust, fetch));
    }
    Ok(callers.trusting(Tokens::of(tokens.resource, tokens.max_size, issuers)))
}

/// What an issuer's key set gave, and how long reading it took.
pub struct KeysRead {
    /// The issuer, as the configuration names it.
    pub issuer: String,
    /// How many keys there are to verify tokens with; at least one.
    pub outcome: Result<usize>,
    /// How long it took.
    pub took: Duration,
}

/// Reads the keys of every issuer once, all at the same time, in their order.
///
/// # Errors
/// If an issuer's settings cannot be used. A key set that cannot be read is in the list.
pub async fn read_keys(issuers: Vec<config::Issuer>) -> Result<Vec<KeysRead>, Failed> {
    let mut reads = Vec::with_capacity(issuers.len());
    for config::Issuer { trust, keys } in issuers {
        let issuer = trust.name;
        let fetch = fetch(&issuer, keys)?;
        reads.push(async move {
            let started = Instant::now();
            let outcome = fetch().await.and_then(|text| match usable(&text)? {
                0 => Err(Error::new(ErrorKind::Unreadable, "the set holds no key to verify with")),
                keys => Ok(keys),
            });
            KeysRead {
                issuer,
                outcome,
                took: started.elapsed(),
            }
        });
    }
    Ok(join_all(reads).await)
}

fn fetch(issuer: &str, keys: KeySet) -> Result<Fetch, Failed> {
    match keys {
        KeySet::File(path) => Ok(Arc::new(move || from_file(path.clone()).boxed())),
        KeySet::Url { url, proxy, roots } => {
            let sender = Sender::connect(&Settings {
                max_reply: MAX_KEY_SET,
                proxy,
                roots,
                ..Settings::default()
            })
            .map_err(|error| Failed::Issuer {
                name: issuer.to_owned(),
                error,
            })?;
            Ok(Arc::new(move || over_http(sender.clone(), url.clone()).boxed()))
        }
    }
}

async fn from_file(path: PathBuf) -> Result<Bytes> {
    let unreadable = "the file with the keys cannot be read";
    match tokio::task::spawn_blocking(move || config::file(&path)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(why)) => Err(Error::new(ErrorKind::Unavailable, unreadable).because(why)),
        Err(error) => Err(Error::new(ErrorKind::Internal, unreadable).because(error)),
    }
}

async fn over_http(sender: Sender, url: String) -> Result<Bytes> {
    let call = Call {
        operation: "jwks",
        may_repeat: true,
        deadline: Instant::now() + LONGEST_FETCH,
        method: Method::GET,
        url,
        headers: HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_static("application/jwk-set+json, application/json"),
        )]),
        body: Bytes::new(),
        max_reply: None,
    };
    let reply = sender.send(&call, LONGEST_FETCH).await?;
    // A redirect is none, either: keys come from the address that is configured, or not at all.
    if reply.status != StatusCode::OK {
        let status = reply.status.as_u16();
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the issuer answered {status} and no keys"),
        ));
    }
    Ok(reply.body)
}
