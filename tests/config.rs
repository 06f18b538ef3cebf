//! The configuration: the example is whole and true, and what is wrong is said all at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use intertie::config::{self, Config, Fault};
use proptest::prelude::*;

use crate::support::program::outcome;

const EXAMPLE: &str = include_str!("../config/intertie.toml");

fn env(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some(String::new()),
        "UNSET" => None,
        _ => Some(format!("the value of {name}, which is long enough for anything")),
    }
}

fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    config::parse(text, Path::new("/nowhere"), &env)
}

fn faults(text: &str) -> Vec<Fault> {
    parse(text).err().expect("faults")
}

/// The faults' paths with the beginning of what is said.
fn said(text: &str) -> Vec<String> {
    faults(text)
        .iter()
        .map(|fault| format!("{}: {}", fault.path, fault.message))
        .collect()
}

/// The example with `old` replaced, which must be there.
fn changed(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old}");
    EXAMPLE.replacen(old, new, 1)
}

/// The example with every setting that is commented out set.
fn uncommented() -> String {
    let setting = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| {
                let value = rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = ");
                value || (rest.starts_with('[') && rest.ends_with(']'))
            })
            .map(str::to_owned)
    };
    EXAMPLE
        .lines()
        .map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

#[test]
fn the_example_is_a_configuration() {
    let config = parse(EXAMPLE).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.backends.len(), 5);
    assert_eq!(config.keys.len(), 1);
    assert!(config.cursor_key.is_none() && config.tokens.is_none());
}

/// The least that must be said of an issuer.
const ISSUER: &str = "[tokens]\nresource = \"https://billing.example.com\"\n[[tokens.issuers]]\nname = \"idp\"\n\
                      issuer = \"https://id.example.com\"\njwks_url = \"https://id.example.com/jwks.json\"\n";

/// The example with this issuer, and `old` of it replaced.
fn with_issuer(old: &str, new: &str) -> String {
    assert!(ISSUER.contains(old), "{old}");
    EXAMPLE.to_owned() + &ISSUER.replacen(old, new, 1)
}

#[test]
fn what_is_wrong_with_an_issuer_is_said_at_its_place() {
    let url = "jwks_url = \"https://id.example.com/jwks.json\"";
    let beside = |line: &str| with_issuer(url, &format!("{url}\n{line}"));
    let cases = [
        (
            with_issuer(url, ""),
            "tokens.issuers[0].jwks_url: missing; the issuer's keys are at",
        ),
        (
            with_issuer("https://id.example.com/jwks", "http://id.example.com/jwks"),
            "tokens.issuers[0].jwks_url: must be https",
        ),
        (
            with_issuer("issuer = \"https:", "issuer = \"http:"),
            "tokens.issuers[0].issuer: must be https",
        ),
        (
            with_issuer("https://billing.example.com", "https://billing.example.com/api"),
            "tokens.resource: must be an address without a path",
        ),
        (
            with_issuer("[[tokens.issuers]]", "max_size = \"1MiB\"\n[[tokens.issuers]]"),
            "tokens.max_size: is larger than `server.max_header_size`",
        ),
        (
            beside("algorithms = [\"ES256\", \"HS256\"]"),
            "tokens.issuers[0].algorithms[1]: must be an asymmetric algorithm",
        ),
        (
            beside("algorithms = [\"none\"]"),
            "tokens.issuers[0].algorithms[0]: must be an asymmetric algorithm",
        ),
        (
            beside("algorithms = []"),
            "tokens.issuers[0].algorithms: must not be empty",
        ),
        (
            beside("audiences = []"),
            "tokens.issuers[0].audiences: must not be empty",
        ),
        (
            beside("skew = \"1h\""),
            "tokens.issuers[0].skew: must be at most \"5m\"",
        ),
        (
            beside("refresh = \"1s\""),
            "tokens.issuers[0].refresh: must be at least \"1m\"",
        ),
        (
            beside("accounts_backend = \"kraken-us\""),
            "tokens.issuers[0].accounts_backend: has no meaning without `accounts_claim`",
        ),
        (
            beside("backends = [\"kraken-uk\"]"),
            "tokens.issuers[0].backends[0]: there is no backend `kraken-uk`; did you mean `kraken-us`?",
        ),
        (
            beside("accounts_claim = \"a\"\ngrants = [{ value = \"x\", scopes = [\"native:call\"] }]"),
            "tokens.issuers[0].grants[0].scopes: `native:call` cannot be had with accounts",
        ),
        (beside("jwks_file = \"nowhere.json\""), "tokens.issuers[0].jwks_file: "),
        (
            EXAMPLE.to_owned()
                + ISSUER
                + ISSUER
                    .split_once("[[tokens")
                    .map(|(_, rest)| format!("[[tokens{rest}"))
                    .unwrap()
                    .as_str(),
            "tokens.issuers[1].name: another issuer is already named `idp`",
        ),
        (
            with_issuer(
                "[tokens]",
                "[[callers]]\nname = \"idp/me\"\nkey_sha256 = []\nscopes = [\"ops:read\"]\n[tokens]",
            ),
            "callers[1].key_sha256: must not be empty",
        ),
    ];
    for (text, expected) in cases {
        let said = said(&text);
        assert!(
            said.iter().any(|said| said.starts_with(expected)),
            "{expected}: {said:#?}"
        );
    }
    let taken = said(&with_issuer("[tokens]", "[[callers]]\nname = \"idp/me\"\n[tokens]"));
    assert!(taken.contains(&"callers[1].name: callers of the issuer of this name are called so".to_owned()));
}

#[test]
fn a_file_of_keys_must_hold_one() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_issuer(
        "jwks_url = \"https://id.example.com/jwks.json\"",
        "jwks_file = \"keys.json\"",
    );
    let point = "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"";
    for (keys, expected) in [
        ("{}", Some("what was read is no JSON Web Key Set")),
        ("{\"keys\":[]}", Some("it holds no key that can be used")),
        (
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}",
            Some("it holds no key that can be used"),
        ),
        (
            &format!("{{\"keys\":[{{{point},\"use\":\"enc\"}}]}}"),
            Some("it holds no key that can be used"),
        ),
        (&format!("{{\"keys\":[{{{point}}}]}}"), None),
    ] {
        fs::write(folder.path().join("keys.json"), keys).unwrap();
        let said = config::parse(&text, folder.path(), &env)
            .err()
            .map(|faults| faults[0].message.clone());
        assert_eq!(said.as_deref(), expected, "{keys}");
    }
}

#[test]
fn tokens_alone_are_callers_enough() {
    let (start, rest) = EXAMPLE.split_once("[[callers]]").unwrap();
    let (_, backends) = rest.split_once("[[backends]]").unwrap();
    let nobody = format!("{start}[[backends]]{backends}");
    let said = said(&nobody);
    assert!(
        said.len() == 1 && said[0].contains("`intertie key --name NAME` makes"),
        "{said:?}"
    );
    let config = parse(&(nobody + ISSUER)).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(config.keys.is_empty() && config.tokens.is_some());
}

#[test]
fn a_key_may_be_bound_to_accounts_without_the_native_road() {
    let bound = |scopes: &str, accounts: &str| {
        changed("\"accounts:read\", \"bills:read\"", scopes).replacen(
            "#accounts = [\"kraken-us:A-7C41D0E2\"]",
            &format!("accounts = {accounts}"),
            1,
        )
    };
    let config = parse(&bound("\"bills:read\"", "[\"kraken-us:A-1\", \"gentrack-au:7\"]"));
    let config = config.unwrap_or_else(|faults| panic!("{faults:#?}"));
    let accounts = config.keys[0].caller.accounts().expect("it is bound");
    let accounts: Vec<_> = accounts.iter().map(ToString::to_string).collect();
    assert_eq!(accounts, ["gentrack-au:7", "kraken-us:A-1"]);
    for (scopes, accounts, expected) in [
        (
            "\"native:call\"",
            "[\"kraken-us:A-1\"]",
            "callers[0].scopes: `native:call` cannot be had with accounts",
        ),
        ("\"bills:read\"", "[]", "callers[0].accounts: must not be empty"),
        (
            "\"bills:read\"",
            "[\"A-1\"]",
            "callers[0].accounts[0]: must be an account's id",
        ),
        (
            "\"bills:read\"",
            "[\"kraken-uk:A-1\"]",
            "callers[0].accounts[0]: there is no backend `kraken-uk`; did you mean `kraken-us`?",
        ),
    ] {
        let said = said(&bound(scopes, accounts));
        assert!(said.len() == 1 && said[0].starts_with(expected), "{expected}: {said:?}");
    }
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["roots.pem", "tls.pem", "tls.key", "callers.pem"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(folder.path().join("tls.key"), mode).unwrap();
    // One login is enough, and the others stand there as examples; so does a secret's file.
    let text: String = uncommented()
        .lines()
        .filter(|line| {
            ![
                "organization_secret",
                "email",
                "password = { file",
                "web_api_key",
                "jwks_file",
            ]
            .iter()
            .any(|key| line.starts_with(key))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let set = config::parse(&text, folder.path(), &env).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let unset = parse(EXAMPLE).ok().unwrap();
    assert!(set.server.audit_key.is_some());
    assert_eq!(set.server.tls.as_ref().unwrap().reload, Duration::from_secs(10));
    let server = intertie::config::Server {
        tls: None,
        audit_key: None,
        // A caller's own rate is none of all callers'.
        rates: intertie::auth::Rates {
            own: Vec::new(),
            ..set.server.rates.clone()
        },
        ..set.server.clone()
    };
    assert_eq!(format!("{server:?}"), format!("{:?}", unset.server));
    assert_eq!(set.log, unset.log);
    assert!(set.cursor_key.is_some());
    let tokens = set.tokens.as_ref().expect("they are set");
    let [config::Issuer { trust, .. }] = &tokens.issuers[..] else {
        panic!("one issuer")
    };
    let bare = parse(&(EXAMPLE.to_owned() + ISSUER)).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let bare = bare.tokens.expect("they are set");
    assert_eq!((&tokens.resource, tokens.max_size), (&bare.resource, bare.max_size));
    let defaults = |issuer: &intertie::auth::Issuer| {
        let (name, claim) = (issuer.name.clone(), issuer.rights.scopes.clone());
        let clocks = (issuer.skew, issuer.refresh);
        (
            name,
            issuer.audiences.clone(),
            issuer.algorithms.clone(),
            clocks,
            issuer.plain,
            claim,
        )
    };
    assert_eq!(defaults(trust), defaults(&bare.issuers[0].trust));
    for line in [
        "attempt_timeout",
        "connect_timeout",
        "idle",
        "retry_within",
        "backoff",
        "concurrency",
        "attempts",
    ] {
        assert!(text.lines().any(|known| known.starts_with(line)), "{line}");
    }
    let road = |config: &Config| match &config.backends[0].config {
        intertie::backends::Config::Gentrack(config) => config.road.clone(),
        _ => panic!("the first backend is a Gentrack"),
    };
    let (set, unset) = (road(&set), road(&unset));
    let clocks = |road: &intertie::upstream::Settings| {
        [
            road.attempt_timeout,
            road.connect_timeout,
            road.idle,
            road.retry_within,
            road.backoff,
        ]
    };
    assert_eq!(clocks(&set), clocks(&unset));
    let counts =
        |road: &intertie::upstream::Settings| (road.concurrency, road.attempts, road.max_request, road.max_reply);
    assert_eq!(counts(&set), counts(&unset));
}

/// What a table knows, as its message about a member that is like none of it tells.
fn known(table: &str) -> BTreeSet<String> {
    let text = uncommented().replacen(table, &format!("{table}\nzzzzzzzzzzzzzzzzzzzzzzzz = 1"), 1);
    let fault = faults(&text)
        .into_iter()
        .find(|fault| fault.path.ends_with("zzzz"))
        .unwrap_or_else(|| panic!("{table}"));
    let (_, list) = fault.message.split_once("known here: ").unwrap();
    list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_setting_is_in_the_example() {
    let text = uncommented();
    let tables = [
        "[server]",
        "[tls]",
        "[cors]",
        "[rates]",
        "[log]",
        "[audit]",
        "[cursors]",
        "[[callers]]",
        "[tokens]",
        "[[tokens.issuers]]",
        "kind = \"gentrack\"",
        "[backends.road]",
        "kind = \"kraken\"",
        "kind = \"tmf678\"",
        "kind = \"crmcom\"",
        "kind = \"urjanet\"",
    ];
    for table in tables {
        for name in known(table) {
            let there = text.lines().any(|line| line.starts_with(&format!("{name} = ")));
            let there = there || name == "road" || text.contains(&format!("[[tokens.{name}]]"));
            assert!(there, "{table} knows `{name}`, and the example does not");
        }
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let text = changed("currency = \"USD\"", "currency = \"USDD\"")
        .replacen(
            "time_zone = \"Australia/Sydney\"",
            "time_zone = \"Australia/Sidney\"",
            1,
        )
        .replacen("[server]", "[server]\ndeadline = 30\nlisen = \"127.0.0.1:1\"", 1)
        .replacen(
            "client_secret = { env = \"GENTRACK_CLIENT_SECRET\" }",
            "client_secret = \"hunter2\"",
            1,
        )
        .replacen("base_url = \"https:", "base_url = \"http:", 1)
        .replacen(
            "api_key = { env = \"KRAKEN_API_KEY\" }",
            "api_key = { env = \"UNSET\" }",
            1,
        )
        .replacen("[backends.road]", "[backends.road]\nattempt_timeout = \"25s\"", 1);
    let said = said(&text);
    let expected = [
        "server.deadline: must be a time with its unit",
        "server.lisen: unknown; did you mean `listen`?",
        "backends[0].base_url: must be https",
        "backends[0].client_secret: a secret is never written into this file",
        "backends[0].time_zone: must be an IANA time zone",
        "backends[0].road.attempt_timeout: 25s is longer than the clock around it, `backends[0].road.retry_within`, 20s",
        "backends[1].api_key: the environment has no variable `UNSET`",
        "backends[1].currency: must be a three-letter currency",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} / {expected}");
    }
    assert!(!said.iter().any(|said| said.contains("hunter2")));
}

#[test]
fn hosts_and_origins_are_read_and_checked() {
    let text = changed(
        "[server]",
        "[server]\nallowed_hosts = [\"api.example.com\", \"localhost:8080\"]",
    )
    .replacen(
        "[cors]",
        "[cors]\norigins = [\"https://portal.example.com\"]\nmax_age = \"5m\"",
        1,
    );
    let server = parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}")).server;
    assert_eq!(server.allowed_hosts, ["api.example.com", "localhost:8080"]);
    assert_eq!(server.cors.origins, ["https://portal.example.com"]);
    assert_eq!(server.cors.max_age, Duration::from_secs(300));
    let text = changed("[server]", "[server]\nallowed_hosts = [\"https://api.example.com\"]").replacen(
        "[cors]",
        "[cors]\norigins = [\"*\", \"https://portal.example.com/\", \"http://a\"]",
        1,
    );
    let said = said(&text);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(
        said[0].starts_with("server.allowed_hosts[0]: must be a host"),
        "{said:#?}"
    );
    assert!(said[1].starts_with("cors.origins: \"*\" is every origin"), "{said:#?}");
    assert!(said[2].starts_with("cors.origins[1]: must be an origin"), "{said:#?}");
}

#[test]
fn a_certificate_comes_with_its_key_and_the_key_is_kept_from_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| config::parse(text, folder.path(), &env);
    let path = folder.path().join("tls.key");
    fs::write(folder.path().join("tls.pem"), "").unwrap();
    fs::write(&path, "marked").unwrap();
    let whole = changed("[tls]", "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let faults = read(&whole).err().unwrap();
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, "tls.key"));
    assert!(faults[0].message.contains("chmod o=") && !faults[0].message.contains("marked"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let tls = read(&whole).ok().unwrap().server.tls.unwrap();
    assert_eq!((tls.key, tls.client_ca), (path, None));

    let said = said(&changed("[tls]", "[tls]\nclient_ca = \"nothing.pem\""));
    assert_eq!(said.len(), 3, "{said:#?}");
    for expected in [
        "tls.certificate: missing",
        "tls.key: missing",
        "tls.client_ca: `/nowhere/nothing.pem` cannot be read",
    ] {
        assert!(
            said.iter().any(|said| said.starts_with(expected)),
            "{expected}: {said:#?}"
        );
    }
    assert!(
        read(&changed("[tls]", "[tls]\nreload = \"1s\""))
            .ok()
            .unwrap()
            .server
            .tls
            .is_none()
    );
}

#[test]
fn rates_are_read_for_all_and_for_one() {
    let text = changed("[rates]", "[rates]\nfailures = \"off\"").replacen(
        "name = \"portal\"",
        "name = \"portal\"\nrate = { requests = 100, burst = 200 }",
        1,
    );
    let rates = parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}")).server.rates;
    assert_eq!(rates.failures, None);
    assert_eq!(rates.callers, intertie::auth::Rates::default().callers);
    let (name, own) = &rates.own[0];
    let own = own.unwrap();
    assert_eq!((&**name, own.requests.get(), own.burst.get()), ("portal", 100, 200));
    assert_eq!(own.per, Duration::from_secs(1));
    let text = changed(
        "[rates]",
        "[rates]\ncallers = \"on\"\nfailures = { burst = 0, per = \"0s\", each = 1 }",
    );
    let said = said(&text);
    let expected = [
        "rates.callers: must be a rate such as",
        "rates.failures.requests: missing",
        "rates.failures.burst: must lie between 1 and 1000000",
        "rates.failures.per: must be longer than nothing",
        "rates.failures.each: unknown",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for expected in expected {
        assert!(
            said.iter().any(|said| said.starts_with(expected)),
            "{expected}: {said:#?}"
        );
    }
}

#[test]
fn an_unknown_key_names_its_nearest() {
    let cases = [
        (
            "[server]",
            "[server]\nmax_boddy = \"1MiB\"",
            "server.max_boddy: unknown; did you mean `max_body`?",
        ),
        (
            "[log]",
            "[log]\nfromat = \"json\"",
            "log.fromat: unknown; did you mean `format`?",
        ),
        (
            "kind = \"kraken\"",
            "kind = \"krakn\"",
            "backends[1].kind: no such kind; did you mean `kraken`?",
        ),
        (
            "\"bills:read\"",
            "\"bill:read\"",
            "callers[0].scopes[1]: no such scope; did you mean `bills:read`?",
        ),
        (
            "#backends = [\"gentrack-au\"]",
            "backends = [\"gentrack-us\"]",
            "callers[0].backends[0]: there is no backend `gentrack-us`; did you mean `gentrack-au`?",
        ),
        ("[log]", "[logs]\n[log]", "logs: unknown; did you mean `log`?"),
    ];
    for (old, new, expected) in cases {
        assert_eq!(said(&changed(old, new)), [expected]);
    }
}

#[test]
fn what_must_be_there_is_missed() {
    let missing = said("");
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(
        missing[0].starts_with("backends: missing") && missing[1].starts_with("callers: missing"),
        "{missing:?}"
    );
    let missing =
        said("[[callers]]\n[[backends]]\nkind = \"gentrack\"\n[[backends]]\nname = \"b\"\nkind = \"kraken\"\n");
    for path in [
        "callers[0].name",
        "callers[0].key_sha256",
        "callers[0].scopes",
        "backends[0].name",
        "backends[0].base_url",
        "backends[0].token_url",
        "backends[0].client_id",
        "backends[0].client_secret",
        "backends[0].time_zone",
        "backends[1].endpoint",
        "backends[1].api_key",
        "backends[1].currency",
        "backends[1].time_zone",
    ] {
        let found = missing
            .iter()
            .filter(|said| said.starts_with(&format!("{path}: missing")))
            .count();
        assert_eq!(found, 1, "{path}: {missing:#?}");
    }
    assert_eq!(missing.len(), 13, "{missing:#?}");
}

#[test]
fn names_and_keys_are_not_given_twice() {
    let text = EXAMPLE.to_owned()
        + "[[callers]]\nname = \"portal\"\nscopes = [\"ops:read\"]\n\
           key_sha256 = [\"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0\"]\n";
    let text = text.replacen("name = \"kraken-us\"", "name = \"gentrack-au\"", 1);
    assert_eq!(
        said(&text),
        [
            "backends[1].name: another backend is already named `gentrack-au`",
            "callers[1].name: another caller is already named \"portal\"",
            "callers[1].key_sha256[0]: is there already, and a key belongs to one caller",
        ]
    );
}

#[test]
fn one_login_is_enough_for_a_kraken() {
    let login = "api_key = { env = \"KRAKEN_API_KEY\" }";
    let with = |text: &str| changed(login, text);
    assert!(parse(&with("organization_secret = { env = \"O\" }")).is_ok());
    assert!(parse(&with("email = \"a@example.com\"\npassword = { env = \"P\" }")).is_ok());
    assert_eq!(
        said(&with("email = \"a@example.com\"")),
        ["backends[1].password: missing; `email` needs it"]
    );
    let two = said(&with(
        "api_key = { env = \"A\" }\norganization_secret = { env = \"O\" }",
    ));
    assert!(
        two.len() == 1 && two[0].starts_with("backends[1].organization_secret: one login is enough"),
        "{two:?}"
    );
}

#[test]
fn a_kraken_speaks_the_us_edition_unless_it_is_told_otherwise() {
    use intertie::backends::kraken::Edition;
    let edition = |text: &str| {
        let config = parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let found = config.backends.into_iter().find_map(|backend| match backend.config {
            intertie::backends::Config::Kraken(config) => Some(config.edition),
            _ => None,
        });
        found.expect("a backend is a Kraken")
    };
    assert_eq!(edition(EXAMPLE), Edition::Us);
    assert_eq!(edition(&changed("#edition = \"us\"", "edition = \"gb\"")), Edition::Gb);
    assert_eq!(
        said(&changed("#edition = \"us\"", "edition = \"fr\"")),
        ["backends[1].edition: must be \"us\" or \"gb\""]
    );
}

fn tmf678(text: &str) -> intertie::backends::tmf678::Config {
    let config = parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"));
    config
        .backends
        .into_iter()
        .find_map(|backend| match backend.config {
            intertie::backends::Config::Tmf678(config) => Some(config),
            _ => None,
        })
        .expect("a backend is a TMF678")
}

#[test]
fn a_tmf678_is_read_with_its_units() {
    use intertie::backends::tmf678::CredentialHeaders;
    let config = tmf678(EXAMPLE);
    assert_eq!(
        config.base_url,
        "https://api.example.com/tmf-api/customerBillManagement/v1"
    );
    assert_eq!(
        (config.credential_headers, config.list_bills, config.channel.as_deref()),
        (CredentialHeaders::Both, false, None)
    );
    let units: Vec<_> = config
        .units
        .iter()
        .map(|unit| {
            (
                unit.business_id.as_str(),
                unit.bss.as_deref(),
                unit.lob.as_deref(),
                unit.target_system.as_deref(),
                unit.pdf_by_query,
            )
        })
        .collect();
    assert_eq!(
        units,
        [
            ("PA", None, None, None, false),
            ("JM", Some("liberate"), Some("FIXED"), Some("liberate"), false),
            ("BB", None, None, None, true),
        ]
    );
    for (old, new) in [
        ("#credential_headers = \"both\"", "credential_headers = \"hyphen\""),
        ("#channel = ", "channel = "),
        ("#list_bills = false", "list_bills = true"),
    ] {
        assert!(EXAMPLE.contains(old), "{old}");
        let config = tmf678(&changed(old, new));
        assert!(
            config.credential_headers == CredentialHeaders::Hyphen
                || config.channel.as_deref() == Some("selfportal")
                || config.list_bills,
            "{new} changed nothing"
        );
    }
}

#[test]
fn what_is_wrong_with_a_tmf678_is_said_at_its_place() {
    let jamaica = "business_id = \"JM\"";
    let cases = [
        (
            jamaica,
            "business_id = \"PA\"",
            "backends[2].units[1].business_id: another unit is already `PA`",
        ),
        (
            jamaica,
            "busines_id = \"JM\"",
            "backends[2].units[1].business_id: missing",
        ),
        (
            "pdf_by_query = true },",
            "pdf_by_query = \"yes\" },",
            "backends[2].units[2].pdf_by_query: must be true or false, and is a text",
        ),
        (
            "units = [",
            "units = []\nunit = [",
            "backends[2].units: missing; a list of business units",
        ),
        (
            "units = [",
            "unit = [",
            "backends[2].units: missing; a list of business units",
        ),
        (
            "units = [",
            "units = 1\nunit = [",
            "backends[2].units: must be a list of tables",
        ),
        (
            "#credential_headers = \"both\"",
            "credential_headers = \"either\"",
            "backends[2].credential_headers: must be \"underscore\", \"hyphen\" or \"both\"",
        ),
        (
            "client_secret = { env = \"TMF678_CLIENT_SECRET\" }",
            "client_secret = \"in the clear\"",
            "backends[2].client_secret: a secret is never written into this file",
        ),
    ];
    for (old, new, expected) in cases {
        let said = said(&changed(old, new));
        assert!(
            said.iter().any(|said| said.starts_with(expected)),
            "{expected} / {said:#?}"
        );
    }
}

#[test]
fn clocks_stand_inside_each_other() {
    let road = |text: &str| said(&changed("[backends.road]", &format!("[backends.road]\n{text}")));
    assert!(road("connect_timeout = \"11s\"")[0].starts_with("backends[0].road.connect_timeout: 11s is longer"));
    assert!(road("retry_within = \"31s\"")[0].contains("`server.deadline`, 30s"));
    assert!(road("attempt_timeout = \"0s\"")[0].ends_with("must be longer than nothing"));
    let deadline = said(&changed("[server]", "[server]\ndeadline = \"121s\""));
    assert_eq!(
        deadline,
        ["server.deadline: 121s is longer than `server.max_deadline`, 120s"]
    );
    // A deadline shorter than the defaults of the roads shows at each of them.
    assert_eq!(said(&changed("[server]", "[server]\ndeadline = \"15s\"")).len(), 5);
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_trimmed_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let text = changed("[cursors]", "[cursors]\nkey = { file = \"key\" }");
    let parse = || config::parse(&text, folder.path(), &env);
    let message = || parse().err().map(|faults| faults[0].to_string()).unwrap_or_default();

    assert!(
        message().starts_with("cursors.key: ") && message().contains("cannot be read"),
        "{}",
        message()
    );
    fs::write(&path, format!("{}\n\n", "k".repeat(32))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(message().contains("open to everybody"), "{}", message());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let key = parse().ok().unwrap().cursor_key.unwrap();
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&key),
        format!("{}\n", "k".repeat(32))
    );
    fs::write(&path, "short\n").unwrap();
    assert!(message().contains("shorter than 32 bytes"), "{}", message());
    fs::write(&path, "\n").unwrap();
    assert!(message().contains("is empty"), "{}", message());
    fs::write(&path, [0xff; 40]).unwrap();
    assert!(message().contains("is not UTF-8"), "{}", message());
}

#[test]
fn a_broken_text_is_placed_by_line_and_column() {
    let faults = faults("[server]\nlisten = \n\n[log\n");
    assert!(!faults.is_empty());
    assert_eq!((faults[0].line, faults[0].path.as_str()), (2, ""), "{faults:?}");
    assert!(faults.iter().all(|fault| !fault.message.is_empty()));
}

#[test]
fn wrong_types_are_named_as_what_they_are() {
    let cases = [
        (
            "[server]",
            "[server]\nlisten = 8080",
            "server.listen: must be an address and a port, such as \"127.0.0.1:8080\", and is a whole number",
        ),
        (
            "[server]",
            "[server]\nmax_headers = 5",
            "server.max_headers: must lie between 8 and 1000",
        ),
        (
            "[server]\n",
            "server = 1\n[servers]\n",
            "server: must be a table, and is a whole number",
        ),
        (
            "scopes = [",
            "scopes = \"a\" #",
            "callers[0].scopes: must be a list, and is a text",
        ),
        (
            "[[callers]]",
            "[callers]",
            "callers: must be a list of tables, each under `[[callers]]`, and is a table",
        ),
        ("[log]", "[log]\nlevel = \"lod=er=r\"", "log.level: must be a level"),
        ("[cursors]", "[cursors]\nkey = {}", "cursors.key: give a reference"),
        (
            "[cursors]",
            "[cursors]\nkey = { env = \"EMPTY\" }",
            "cursors.key: what it refers to is empty",
        ),
        (
            "[cursors]",
            "[cursors]\nkey = { env = \"A\", file = \"b\" }",
            "cursors.key: give a reference",
        ),
        (
            "#expires = 2030-01-31T18:00:00Z",
            "expires = 2030-01-31T18:00:00",
            "callers[0].expires: must be a date",
        ),
        (
            "[[callers]]",
            "[[callers]]\nacounts = [\"a:1\"]",
            "callers[0].acounts: unknown",
        ),
    ];
    for (old, new, expected) in cases {
        let said = said(&changed(old, new));
        assert!(
            said.iter().any(|said| said.starts_with(expected)),
            "{expected} / {said:#?}"
        );
    }
}

#[test]
fn a_faulty_file_ends_the_program_with_two_and_all_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faulty.toml");
    let text = "[server]\ndeadline = 1\nlisen = 2\n[log]\nformat = \"xml\"\n[[callers]]\nname = \"a\"\n\
                [[backends]]\nname = \"B\"\nkind = \"oracle\"\n";
    fs::write(&path, text).unwrap();
    let paths = [
        "server.deadline",
        "server.lisen",
        "log.format",
        "callers[0].key_sha256",
        "callers[0].scopes",
        "backends[0].name",
        "backends[0].kind",
    ];
    for command in ["check", "serve"] {
        let (code, out, errors) = outcome(&[command, "--config", path.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{errors}");
        for path in paths {
            assert!(errors.contains(&format!("  {path}: ")), "{path}: {errors}");
        }
        assert!(errors.contains(&format!("{} faults", paths.len())), "{errors}");
    }
}

#[test]
fn a_time_is_what_its_unit_says() {
    let text = changed(
        "[server]",
        "[server]\ndrain = \"2m\"\ndrain_delay = \"250ms\"\nmax_body = \"64KiB\"",
    );
    let server = parse(&text).ok().unwrap().server;
    assert_eq!(server.drain, Duration::from_secs(120));
    assert_eq!(server.drain_delay, Duration::from_millis(250));
    assert_eq!(server.max_body, 65_536);
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1.5e3".to_owned()),
        Just("2030-01-31".to_owned()),
        Just("\"10s\"".to_owned()),
        Just("\"gentrack\"".to_owned()),
        Just("\"kraken\"".to_owned()),
        "[ -!#-\\[\\]-~äß€]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(inner, 0..3).prop_map(|items| {
                let members: Vec<_> = ["env", "file", "name"]
                    .iter()
                    .zip(items)
                    .map(|(key, item)| format!("{key} = {item}"))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    let known: Vec<String> = uncommented()
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(str::to_owned)
        .collect();
    let keys: Vec<String> = known
        .iter()
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key.to_owned()))
        .collect();
    prop_oneof![
        3 => prop::sample::select(known),
        3 => (prop::sample::select(keys), value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_it_panic(lines in prop::collection::vec(line(), 0..40)) {
        let text = lines.join("\n");
        if let Err(faults) = parse(&text) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| fault.line >= 1 && fault.column >= 1));
        }
    }
}
