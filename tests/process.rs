//! The program as a process: how it starts, what it prints, how it stops.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use http::StatusCode;
use intertie::auth;
use intertie::config;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::{self, Kind, Running};
use intertie::telemetry::METRICS;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::program::{Program, command, outcome};
use crate::support::watch;
use crate::tokens::key_set;

const KEY: &str = "itk_of-the-tests";

fn start(arguments: &[&str]) -> Program {
    Program::start(command(arguments))
}

/// Sends bytes on a connection of their own and reads all that comes back.
async fn exchange(addr: SocketAddr, sent: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(sent).await?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await?;
    watch::answer("a request to the program", &heard);
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

impl Program {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        get(self.addr, path).await.unwrap()
    }
}

fn parsed(heard: &str) -> Option<(StatusCode, String)> {
    let (head, body) = heard.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

async fn get(addr: SocketAddr, path: &str) -> Option<(StatusCode, String)> {
    get_with(addr, path, &format!("x-api-key: {KEY}\r\n")).await
}

async fn get_with(addr: SocketAddr, path: &str, header: &str) -> Option<(StatusCode, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n{header}connection: close\r\n\r\n");
    parsed(&exchange(addr, request.as_bytes()).await.ok()?)
}

/// Waits until something has come true.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A simulated Gentrack, and the configuration of a gateway in front of it.
async fn gentrack(folder: &Path, secret: &str, server: &str) -> (Running, String) {
    watch::on();
    let systems = sandbox::start(&[Kind::Gentrack], "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let base = systems.base(Kind::Gentrack);
    let digest: String = auth::sha256(KEY.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n\
         [[callers]]\nname = \"tests\"\nkey_sha256 = \"{digest}\"\nscopes = [\"accounts:read\"]\n\
         [[backends]]\nname = \"gentrack-au\"\nkind = \"gentrack\"\ntime_zone = \"Australia/Sydney\"\n\
         base_url = \"{base}{}\"\ntoken_url = \"{base}{}\"\n\
         client_id = \"{}\"\nclient_secret = {{ env = \"{secret}\" }}\n",
        sandbox::gentrack::API_PATH,
        sandbox::gentrack::TOKEN_PATH,
        sandbox::gentrack::CLIENT_ID,
    );
    let path = folder.join("intertie.toml");
    fs::write(&path, text).unwrap();
    (systems, path.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_stop_finishes_the_calls_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let (systems, config) = gentrack(folder.path(), "SECRET", "drain_delay = \"700ms\"").await;
    let program = start(&["serve", "--config", &config]);
    assert_eq!(program.get("/readyz").await.0, StatusCode::OK);

    systems.fault(Kind::Gentrack, Fault::Latency(1_500), 8, Some("getAccount"));
    let addr = program.addr;
    let calls: Vec<_> = (0..8)
        .map(|_| tokio::spawn(async move { get(addr, "/v1/accounts/gentrack-au:10045213").await }))
        .collect();
    until("eight calls at the system", || {
        systems.received(Kind::Gentrack).get("getAccount") == 8
    })
    .await;
    program.signal("-TERM");

    // New connections are still taken, to be told so.
    let mut told = StatusCode::OK;
    while told == StatusCode::OK {
        told = program.get("/readyz").await.0;
    }
    assert_eq!(told, StatusCode::SERVICE_UNAVAILABLE);
    for call in calls {
        let (status, body) = call.await.unwrap().expect("an answer");
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let ended = program.ended();
    assert_eq!((ended.code, ended.printed.as_str()), (Some(0), ""));
    assert!(get(addr, "/livez").await.is_none());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_program_leaves_no_core_dump() {
    let program = start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}

#[tokio::test]
async fn a_connection_kept_alive_is_closed_with_the_next_answer_once_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let (_systems, config) = gentrack(folder.path(), "SECRET", "drain_delay = \"2s\"").await;
    let program = start(&["serve", "--config", &config]);
    let mut kept = TcpStream::connect(program.addr).await.unwrap();
    program.signal("-INT");
    while program.get("/readyz").await.0 == StatusCode::OK {}
    kept.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    kept.read_to_string(&mut heard).await.unwrap();
    watch::answer("a request to the program", heard.as_bytes());
    assert!(
        heard.starts_with("HTTP/1.1 200") && heard.contains("connection: close"),
        "{heard}"
    );
    assert_eq!(program.ended().code, Some(0));
}

#[tokio::test]
async fn calls_that_outlast_the_drain_are_cut_off_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (systems, config) = gentrack(folder.path(), "SECRET", "drain_delay = \"0s\"\ndrain = \"200ms\"").await;
    let program = start(&["serve", "--config", &config]);
    systems.fault(Kind::Gentrack, Fault::Latency(8_000), 1, Some("getAccount"));
    let addr = program.addr;
    let call = tokio::spawn(async move { get(addr, "/v1/accounts/gentrack-au:10045213").await });
    until("the call at the system", || {
        systems.received(Kind::Gentrack).get("getAccount") == 1
    })
    .await;
    program.signal("-TERM");
    assert_eq!(program.ended().code, Some(1));
    assert!(call.await.unwrap().is_none());
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (_systems, config) = gentrack(folder.path(), "SECRET", "drain_delay = \"1h\"").await;
    let program = start(&["serve", "--config", &config]);
    program.signal("-TERM");
    while program.get("/readyz").await.0 == StatusCode::OK {}
    program.signal("-TERM");
    assert_eq!(program.ended().code, Some(1));
}

#[tokio::test]
async fn callers_are_known_by_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (_systems, config) = gentrack(folder.path(), "SECRET", "").await;
    let program = start(&["serve", "--config", &config]);
    let path = "/v1/accounts/gentrack-au:10045213";
    let (status, body) = program.get(path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        program.get("/v1/accounts/gentrack-au:10045213/bills").await.0,
        StatusCode::FORBIDDEN
    );
    for credential in ["", "authorization: Bearer itk_of-nobody\r\n", "x-api-key: \r\n"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{credential}connection: close\r\n\r\n");
        let (status, body) = parsed(&exchange(program.addr, request.as_bytes()).await.unwrap()).unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["code"], "unauthenticated");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_a_problem() {
    let program = start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let long = |name: &str, length: usize| format!("GET /livez HTTP/1.1\r\n{name}: {}\r\n\r\n", "a".repeat(length));
    let cases = [
        (b"what is this\r\n\r\n".to_vec(), 400, "unreadable_request"),
        (
            b"GET /livez HTTP/1.1\r\na b: c\r\n\r\n".to_vec(),
            400,
            "unreadable_request",
        ),
        (
            b"GET /livez HTTP/1.1\r\na: \x00\r\n\r\n".to_vec(),
            400,
            "unreadable_request",
        ),
        (long("x", 40 * 1024).into_bytes(), 431, "headers_too_large"),
        (
            format!("GET /livez HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)).into_bytes(),
            431,
            "headers_too_large",
        ),
    ];
    for (sent, status, code) in cases {
        let heard = exchange(program.addr, &sent).await.unwrap();
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("application/problem+json"), "{head}");
        let problem: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (problem["status"].as_u64(), problem["code"].as_str()),
            (Some(status), Some(code))
        );
        let page = format!("/problems/{code}");
        assert_eq!(problem["type"], page);
        assert_eq!(program.get(&page).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_sandbox_prints_calls_that_work_and_one_ready_line() {
    let program = start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let calls: Vec<String> = program
        .printed
        .iter()
        .filter_map(|line| line.trim().strip_prefix("curl -s '")?.strip_suffix('\''))
        .map(|url| {
            url.strip_prefix(&format!("http://{}", program.addr))
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(calls.len() >= 5, "{:?}", program.printed);
    for call in &calls {
        let (status, body) = get_with(program.addr, call, "").await.unwrap();
        assert_eq!(status, StatusCode::OK, "{call}: {body}");
    }
    // Two calls with the key of a caller bound to one account: its own is there, another is not.
    let mut bound = Vec::new();
    for line in &program.printed {
        let Some(call) = line.trim().strip_prefix("curl -s -H '") else {
            continue;
        };
        let (header, url) = call.strip_suffix('\'').unwrap().split_once("' '").unwrap();
        let path = url.strip_prefix(&format!("http://{}", program.addr)).unwrap();
        let (status, _) = get_with(program.addr, path, &format!("{header}\r\n")).await.unwrap();
        bound.push(status);
    }
    assert_eq!(bound, [StatusCode::OK, StatusCode::NOT_FOUND]);
    let docs = program.get("/docs").await.0;
    assert!(docs.is_success() || docs.is_redirection(), "{docs}");
    program.signal("-TERM");
    let ended = program.ended();
    assert_eq!((ended.code, ended.printed.as_str()), (Some(0), ""));
}

#[test]
fn the_sandbox_stays_on_this_machine() {
    for command in ["sandbox", "simulate"] {
        let (code, out, errors) = outcome(&[command, "--listen", "0.0.0.0:0"]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(errors.contains("loopback only"), "{errors}");
    }
}

#[test]
fn a_busy_port_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for command in ["sandbox", "simulate"] {
        let (code, out, errors) = outcome(&[command, "--listen", &addr]);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(
            errors.contains(&addr) && errors.contains("another program listens there"),
            "{errors}"
        );
    }
}

#[tokio::test]
async fn simulated_systems_play_the_faults_asked_for() {
    let program = start(&[
        "simulate",
        "gentrack",
        "--listen",
        "127.0.0.1:0",
        "--fault",
        "gentrack:status=503*2",
    ]);
    assert_eq!(
        program.printed,
        [format!("gentrack http://{}/gentrack\n", program.addr)]
    );
    for expected in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::UNAUTHORIZED,
    ] {
        assert_eq!(program.get("/gentrack/v1/accounts/10045213").await.0, expected);
    }
    program.signal("-TERM");
    assert_eq!(program.ended().code, Some(0));
    let (code, _, errors) = outcome(&["simulate", "gentrack", "--fault", "kraken:edge"]);
    assert_eq!(code, Some(2), "{errors}");
}

#[tokio::test]
async fn a_check_logs_in_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (systems, config) = gentrack(folder.path(), "SECRET", "").await;
    let check = |arguments: &'static [&'static str]| {
        let config = config.clone();
        tokio::task::spawn_blocking(move || outcome(&[&["check", "--config", &config], arguments].concat()))
    };
    let (code, out, errors) = check(&[]).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.ends_with("no faults; backends: 1, keys: 1, issuers: 0\n"), "{out}");
    assert_eq!(systems.received(Kind::Gentrack).get("token"), 0);

    let (code, out, errors) = check(&["--connect"]).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("gentrack-au: logged in"), "{out}");
    assert_eq!(systems.received(Kind::Gentrack).get("token"), 1);

    systems.fault(Kind::Gentrack, Fault::RefusedLogin, 1, None);
    let (code, out, errors) = check(&["--connect"]).await.unwrap();
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("gentrack-au: no login"), "{out}");
    assert!(errors.contains("no login at 1 of 1 backends"), "{errors}");
}

#[tokio::test]
async fn a_check_reads_the_keys_of_issuers_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (_systems, config) = gentrack(folder.path(), "SECRET", "").await;
    let fixed = fs::read_to_string(&config).unwrap();
    fs::write(folder.path().join("good.json"), key_set()).unwrap();
    fs::write(folder.path().join("other.json"), key_set()).unwrap();
    // An address that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let check = |other: String| {
        let issuers = format!(
            "[tokens]\nresource = \"https://api.example\"\n\
             [[tokens.issuers]]\nname = \"idp\"\nissuer = \"https://one.example\"\njwks_file = \"good.json\"\n\
             [[tokens.issuers]]\nname = \"other\"\nissuer = \"https://two.example\"\n{other}\n{fixed}"
        );
        fs::write(&config, issuers).unwrap();
        let config = config.clone();
        tokio::task::spawn_blocking(move || outcome(&["check", "--config", &config, "--connect"]))
    };
    let (code, out, errors) = check("jwks_file = \"other.json\"".to_owned()).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    for told in [
        "gentrack-au: logged in",
        "idp: keys read after",
        "other: keys read after",
    ] {
        assert!(out.contains(told), "{told} is not in {out}");
    }

    let (code, out, errors) = check(format!("jwks_url = \"http://{nobody}/jwks.json\""))
        .await
        .unwrap();
    assert_eq!(code, Some(1), "{out}");
    for told in ["gentrack-au: logged in", "idp: keys read after", "other: no keys after"] {
        assert!(out.contains(told), "{told} is not in {out}");
    }
    assert!(errors.contains("no keys of 1 of 2 issuers"), "{errors}");
}

#[tokio::test]
async fn every_metric_is_one_of_those_that_are_listed() {
    let program = start(&["sandbox", "--listen", "127.0.0.1:0"]);
    for path in [
        "/v1/accounts/gentrack-au:10045213",
        "/v1/accounts/kraken-us:A-7C41D0E2",
        "/nowhere",
    ] {
        assert!(get_with(program.addr, path, "").await.is_some(), "{path}");
    }
    let (status, text) = get_with(program.addr, "/metrics", "").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("# TYPE ") {
            let (name, kind) = line.split_once(' ').unwrap();
            let listed = METRICS.iter().find(|metric| metric.name == name);
            let listed = listed.unwrap_or_else(|| panic!("{name} is not listed"));
            assert_eq!(listed.kind, kind, "{name}");
            let help = format!("# HELP {name} {}\n", listed.help);
            assert!(text.contains(&help), "{help} is not in {text}");
            seen.insert(name);
        } else if let Some((name, labels)) = line.split_once('{') {
            let kept = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let name = kept.filter(|name| seen.contains(name)).unwrap_or(name);
            let listed = METRICS.iter().find(|metric| metric.name == name).unwrap();
            let labels: BTreeSet<&str> = labels
                .split("\",")
                .map(|label| label.split_once('=').unwrap().0)
                .filter(|label| *label != "le")
                .collect();
            assert_eq!(labels, listed.labels.iter().copied().collect(), "{line}");
        }
    }
    let quiet = "intertie_connections_refused_total";
    let all: BTreeSet<&str> = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| *name != quiet)
        .collect();
    assert_eq!(seen, all);
}

#[test]
fn a_key_comes_with_its_table_and_is_printed_once() {
    let command = [
        "key",
        "--name",
        "the \"portal\"",
        "--expires",
        "2999-01-01T00:00:00+02:00",
    ];
    let (code, out, errors) = outcome(&command);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let key = out.lines().find(|line| line.starts_with("itk_")).unwrap();
    assert_eq!(out.matches(key).count(), 1);
    let digest: String = auth::sha256(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(
        out.lines().any(|line| line == format!("key_sha256 = \"{digest}\"")),
        "{out}"
    );
    assert_ne!(outcome(&command).1, out);
    // What is printed below the key is pasted as it is.
    let (_, table) = out.split_once("[[callers]]").unwrap();
    let backend = "[[backends]]\nname = \"b\"\nkind = \"urjanet\"\nbase_url = \"https://a.example\"\n\
                   login_url = \"https://a.example\"\nusername = \"u\"\npassword = { env = \"P\" }\ncustomer_id = \"c\"\n";
    let text = format!("{backend}[[callers]]{table}");
    let config =
        config::parse(&text, Path::new(""), &|_| Some("secret".to_owned())).unwrap_or_else(|f| panic!("{f:?}"));
    let [read] = &config.keys[..] else { panic!("one key") };
    assert_eq!(&*read.caller.name, "the \"portal\"");
    assert_eq!(read.digest, auth::sha256(key.as_bytes()));
    assert_eq!(read.expires, Some("2998-12-31T22:00:00Z".parse().unwrap()));
}

#[test]
fn a_key_wants_a_name() {
    for command in [&["key"][..], &["key", "--name", ""], &["key", "--name", "a\nb"]] {
        let (code, out, errors) = outcome(command);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command:?}");
        assert!(errors.contains("name"), "{errors}");
    }
}

#[test]
fn the_document_is_the_same_in_both_forms() {
    let (code, json, _) = outcome(&["openapi"]);
    assert_eq!(code, Some(0));
    let (code, yaml, _) = outcome(&["openapi", "--yaml"]);
    assert_eq!(code, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    let yaml: Value = yaml_serde::from_str(&yaml).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn every_command_explains_itself() {
    for command in ["serve", "sandbox", "simulate", "check", "openapi", "key"] {
        let (code, out, _) = outcome(&[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(out.contains("Usage: intertie"), "{out}");
    }
    assert_eq!(outcome(&["sreve"]).0, Some(2));
    assert_eq!(outcome(&[]).0, Some(2));
    let (code, _, errors) = outcome(&["serve", "--config", "/nowhere/intertie.toml"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("/nowhere/intertie.toml"), "{errors}");
}
