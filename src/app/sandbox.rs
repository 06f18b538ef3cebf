//! The simulated systems with a gateway in front of them, in one process: nothing to install, nothing to configure.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::Plan;
use crate::auth::{Caller, Callers, Key, sha256};
use crate::backends::{Config, crmcom, gentrack, kraken, tmf678, urjanet};
use crate::config::{Backend, Server};
use crate::model::id::{BackendName, IdError};
use crate::model::money::{Currency, UnknownCurrency};
use crate::model::time::UnknownZone;
use crate::operations::Scope;
use crate::sandbox::{self as simulated, Kind, Running};
use crate::upstream::Settings;

/// The name of the backend in front of the simulated Gentrack.
pub const AU: &str = "gentrack-au";

/// The name of the backend in front of the simulated Kraken.
pub const US: &str = "kraken-us";

/// The name of the backend in front of the simulated TMF678.
pub const CARIB: &str = "tmf-carib";

/// The name of the backend in front of the simulated CRM.COM.
pub const CY: &str = "crmcom-cy";

/// The name of the backend in front of the simulated Urjanet.
pub const PORTFOLIO: &str = "urjanet-us";

/// The key of the sandbox's demo caller that has everything.
pub const DEMO_KEY: &str = "demo-everything";

/// The key of the sandbox's demo caller that is bound to [`DEMO_ACCOUNT`].
pub const DEMO_BOUND_KEY: &str = "demo-one-account";

/// The account that the sandbox's second demo caller is bound to.
pub const DEMO_ACCOUNT: &str = "kraken-us:A-7C41D0E2";

/// Simulated systems that are being served, and the plan of a gateway in front of them.
pub struct Sandbox {
    /// The systems; dropping it ends them.
    pub systems: Running,
    /// The gateway, open to everybody who reaches it without a credential, with two demo callers beside.
    pub plan: Plan,
}

/// Starts the simulated systems on a free port of loopback and plans a gateway on `listen`, which must be on loopback:
/// it takes calls without credentials.
///
/// # Errors
/// `InvalidInput` for an address that is not on loopback; else if no port can be had.
pub async fn sandbox(listen: SocketAddr) -> io::Result<Sandbox> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the sandbox takes calls without credentials, so it listens on loopback only, and {listen} is not there"
            ),
        ));
    }
    let systems = simulated::start(&Kind::ALL, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let backends = Kind::ALL
        .into_iter()
        .map(|kind| backend(kind, &systems.base(kind)))
        .collect::<Result<_, Odd>>()
        .map_err(io::Error::other)?;
    let plan = Plan {
        server: Server {
            listen,
            // Nobody balances load over a sandbox.
            drain_delay: Duration::ZERO,
            ..Server::default()
        },
        callers: callers().map_err(io::Error::other)?,
        tokens: None,
        cursor_key: None,
        backends,
    };
    Ok(Sandbox { systems, plan })
}

/// Everybody who sends no key, and two demo callers to show what a bound to accounts makes of the same calls.
fn callers() -> Result<Callers, IdError> {
    let key = |key: &str, caller: Caller| Key {
        digest: sha256(key.as_bytes()),
        caller: Arc::new(caller),
        expires: None,
    };
    let all = |name| Caller::new(name, &Scope::ALL, None);
    Ok(Callers::open_beside(
        all("sandbox"),
        [
            key(DEMO_KEY, all("demo")),
            key(DEMO_BOUND_KEY, all("demo-bound").bound_to([DEMO_ACCOUNT.parse()?])),
        ],
    ))
}

/// A fixed name here that is none: a slip in this file, which its test finds.
#[derive(Debug, thiserror::Error)]
enum Odd {
    #[error(transparent)]
    Name(#[from] IdError),
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
}

/// The backend in front of a simulated system, if the gateway has an adapter for it.
fn backend(kind: Kind, base: &str) -> Result<Backend, Odd> {
    let road = Settings::default();
    let (name, config): (BackendName, Config) = match kind {
        Kind::Gentrack => (
            AU.parse()?,
            Config::Gentrack(gentrack::Config {
                base_url: format!("{base}{}", simulated::gentrack::API_PATH),
                token_url: format!("{base}{}", simulated::gentrack::TOKEN_PATH),
                client_id: simulated::gentrack::CLIENT_ID.to_owned(),
                client_secret: SecretString::from(simulated::gentrack::CLIENT_SECRET),
                scope: None,
                time_zone: "Australia/Sydney".parse()?,
                road,
            }),
        ),
        Kind::Kraken => (
            US.parse()?,
            Config::Kraken(kraken::Config {
                edition: kraken::Edition::Us,
                endpoint: format!("{base}{}", simulated::kraken::GRAPHQL),
                credential: kraken::Credential::ApiKey(SecretString::from(simulated::kraken::API_KEY)),
                authorization_prefix: None,
                currency: "USD".parse::<Currency>()?,
                time_zone: "America/Chicago".parse()?,
                // None: its own.
                document_hosts: Vec::new(),
                max_document: kraken::MAX_DOCUMENT,
                road,
            }),
        ),
        Kind::Tmf678 => (
            CARIB.parse()?,
            Config::Tmf678(tmf678::Config {
                base_url: format!("{base}{}", simulated::tmf678::API_PATH),
                client_id: simulated::tmf678::CLIENT_ID.to_owned(),
                client_secret: SecretString::from(simulated::tmf678::CLIENT_SECRET),
                // Two of the units take one pair each.
                credential_headers: tmf678::CredentialHeaders::Both,
                units: ["PA", "JM", "TT", "PR", "BB", "AG", "BS"]
                    .map(|business_id| tmf678::Unit {
                        business_id: business_id.to_owned(),
                        pdf_by_query: business_id == "BB",
                        ..tmf678::Unit::default()
                    })
                    .into(),
                channel: Some("selfportal".to_owned()),
                time_zone: "America/Panama".parse()?,
                list_bills: true,
                road,
            }),
        ),
        Kind::Crmcom => (
            CY.parse()?,
            Config::Crmcom(crmcom::Config {
                base_url: format!("{base}{}", simulated::crmcom::API_PATH),
                credential: crmcom::Credential::Password {
                    username: simulated::crmcom::USERNAME.to_owned(),
                    password: SecretString::from(simulated::crmcom::PASSWORD),
                    organisation: simulated::crmcom::ORGANISATION.to_owned(),
                },
                unit: None,
                token_life: crmcom::TOKEN_LIFE,
                time_zone: "Asia/Nicosia".parse()?,
                road,
            }),
        ),
        Kind::Urjanet => (
            PORTFOLIO.parse()?,
            Config::Urjanet(urjanet::Config {
                base_url: format!("{base}{}", simulated::urjanet::API_PATH),
                login_url: format!("{base}{}", simulated::urjanet::LOGIN_PATH),
                username: simulated::urjanet::USERNAME.to_owned(),
                password: SecretString::from(simulated::urjanet::PASSWORD),
                customer_id: simulated::urjanet::CUSTOMER.to_owned(),
                currency: Some("USD".parse::<Currency>()?),
                time_zone: "UTC".parse()?,
                road,
            }),
        ),
    };
    Ok(Backend { name, config })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sandbox_is_for_this_machine_alone() {
        let outside = sandbox("0.0.0.0:0".parse().unwrap()).await.err().unwrap();
        assert_eq!(outside.kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn every_simulated_system_has_its_backend() {
        let sandbox = sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let names: Vec<_> = sandbox.plan.backends.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, [AU, US, CARIB, CY, PORTFOLIO]);
    }
}
