//! The behaviours themselves. Each opens its own systems, so that none sees what another left behind.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use intertie::sandbox::fault::Fault;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::Specimen;
use crate::support::stage::{Answer, Stage};

/// How many behaviours are under way at once: most of their time is waiting, and more would wait for each other.
static TURNS: Semaphore = Semaphore::const_new(5);

/// What a behaviour is called, and how it turned out for one specimen: `false` if it did not hold.
pub type Outcome = (&'static str, bool);

/// Runs every behaviour that concerns a specimen, each on systems of its own, several at a time.
///
/// Those about tokens concern backends that log in; `logs_in` says whether this one does.
pub async fn all(backend: &str, specimen: &Specimen, logs_in: bool) -> Vec<Outcome> {
    let mut running = Vec::new();
    macro_rules! run {
        ($($behaviour:ident),* $(,)?) => {
            $({
                let (name, mine) = (backend.to_owned(), specimen.clone());
                let task = tokio::spawn(async move {
                    let _turn = TURNS.acquire().await.unwrap();
                    let stage = Stage::open().await;
                    $behaviour(&stage, &name, &mine).await;
                });
                running.push((stringify!($behaviour), task));
            })*
        };
    }
    run!(
        the_answer_names_its_backend,
        a_record_that_is_not_there_is_not_found,
        a_server_error_is_survived,
        a_short_throttle_is_waited_out,
        a_long_retry_after_is_passed_on_at_once,
        an_edge_page_is_not_a_refused_credential,
        a_broken_body_is_never_taken_for_an_answer,
        an_error_inside_a_200_is_an_error,
        a_connection_dropped_before_is_survived,
        a_connection_dropped_after_is_survived,
        a_slow_reply_is_timed_out,
        a_slow_body_is_timed_out,
    );
    if logs_in {
        run!(
            an_expired_token_costs_one_login_and_no_failed_call,
            a_revoked_token_costs_one_login_and_no_failed_call,
            many_callers_make_one_login,
            a_refused_login_is_not_repeated,
        );
    } else {
        run!(a_refused_credential_is_not_repeated);
    }
    if specimen.pages {
        run!(pages_give_every_item_once_and_end);
    }
    let mut outcomes = Vec::new();
    for (behaviour, task) in running {
        outcomes.push((behaviour, task.await.is_ok()));
    }
    outcomes
}

/// Path and body of the next call.
fn next<'a>(stage: &Stage, specimen: &'a Specimen) -> (&'a str, Option<Value>) {
    specimen.turn(stage.turns.fetch_add(1, Ordering::Relaxed))
}

async fn call(stage: &Stage, specimen: &Specimen) -> Answer {
    let (path, body) = next(stage, specimen);
    stage.send(specimen.method, path, &[], body.as_ref()).await
}

/// A first call, so that there is a login; of a call that leaves nothing to repeat another one stands in for it.
async fn prime(stage: &Stage, specimen: &Specimen) {
    match &specimen.spends {
        Some(read) => assert_eq!(stage.get(read).await.status, 200, "{read}"),
        None => is_good(&call(stage, specimen).await, specimen),
    }
}

/// Whether nobody knows what became of a call that ran out of time.
fn is_left_open(specimen: &Specimen) -> bool {
    specimen.once || specimen.dropped_repeats
}

async fn call_within(stage: &Stage, specimen: &Specimen, milliseconds: &str) -> Answer {
    let (path, body) = next(stage, specimen);
    let headers = [("request-timeout-ms", milliseconds)];
    stage.send(specimen.method, path, &headers, body.as_ref()).await
}

/// Plays a fault on the call that answers the specimen, and on no other.
fn break_it(stage: &Stage, backend: &str, specimen: &Specimen, fault: Fault, times: u64) {
    stage
        .systems
        .fault(Stage::kind(backend), fault, times, Some(specimen.native));
}

fn executed(stage: &Stage, backend: &str, specimen: &Specimen) -> u64 {
    stage.systems.counts(Stage::kind(backend)).get(specimen.native)
}

fn logins(stage: &Stage, backend: &str) -> u64 {
    stage.systems.counts(Stage::kind(backend)).get("login")
}

/// The backend that an answer of the system's own names, if it is one.
fn native(answer: &Answer) -> Option<&str> {
    answer.header("intertie-native")
}

fn is_done(answer: &Answer, specimen: &Specimen) -> bool {
    // A system's own answer to a write has whatever status of success the system likes.
    answer.status == specimen.done || native(answer).is_some() && answer.status / 100 == 2
}

fn is_good(answer: &Answer, specimen: &Specimen) {
    assert!(is_done(answer, specimen), "{}: {}", specimen.path, answer.text());
}

fn is_problem(answer: &Answer, status: u16, code: &str, specimen: &Specimen) {
    assert_eq!(answer.status, status, "{}: {}", specimen.path, answer.text());
    assert_eq!(answer.json()["code"], code, "{}: {}", specimen.path, answer.text());
}

/// A write that was lost says so, and the system executed it at most once.
fn is_unknown(stage: &Stage, backend: &str, answer: &Answer, specimen: &Specimen) {
    is_problem(answer, 504, "outcome_unknown", specimen);
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("GET /v1/"),
        "{}",
        answer.text()
    );
    assert!(
        executed(stage, backend, specimen) <= 1,
        "{} was executed more than once",
        specimen.path
    );
}

async fn the_answer_names_its_backend(stage: &Stage, backend: &str, specimen: &Specimen) {
    let answer = call(stage, specimen).await;
    is_good(&answer, specimen);
    if let Some(named) = native(&answer) {
        assert_eq!(named, backend);
    } else if answer.status == 204 {
        assert!(answer.body.is_empty(), "{}", specimen.path);
    } else if answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
    {
        assert_eq!(answer.json()["meta"]["backend"].as_str().unwrap_or(backend), backend);
        assert!(answer.json()["meta"]["as_of"].as_str().unwrap().ends_with('Z'));
    } else {
        assert!(answer.body.starts_with(b"%PDF-"), "{}", specimen.path);
    }
}

async fn a_record_that_is_not_there_is_not_found(stage: &Stage, backend: &str, specimen: &Specimen) {
    if specimen.operation == "native.graphql" {
        // What a document asks for is not looked at here: the system says by itself what it misses.
        let body = json!({"query": "query Missing { account(accountNumber: \"A-00000000\") { number } }"});
        let answer = stage.send("POST", &specimen.path, &[], Some(&body)).await;
        assert_eq!(
            (answer.status, native(&answer)),
            (200, Some(backend)),
            "{}",
            answer.text()
        );
        assert!(
            answer.json()["errors"][0]["extensions"]["errorCode"].is_string(),
            "{}",
            answer.text()
        );
        return;
    }
    let Some(missing) = &specimen.missing else {
        if let Some((path, body)) = &specimen.nothing {
            let answer = stage.send(specimen.method, path, &[], body.as_ref()).await;
            assert_eq!(
                (answer.status, answer.json()["data"].as_array().map(Vec::len)),
                (200, Some(0)),
                "{path}: {}",
                answer.text()
            );
        } else if specimen.method == "GET" {
            // A list of all there is has nothing else to miss than the backend.
            let path = specimen.path.replace(backend, "nobody");
            is_problem(&stage.get(&path).await, 404, "backend_not_found", specimen);
        } else {
            // What makes a record has none to miss: it is there afterwards.
            let answer = call(stage, specimen).await;
            if let Some(made) = answer.header("location") {
                assert_eq!(stage.get(made).await.status, 200, "{made}");
            }
        }
        return;
    };
    let body = specimen.turn(0).1;
    let answer = stage.send(specimen.method, missing, &[], body.as_ref()).await;
    assert_eq!(answer.status, 404, "{missing}: {}", answer.text());
    match native(&answer) {
        Some(named) => assert_eq!(named, backend, "{missing}"),
        None => assert_eq!(answer.json()["backend"], backend, "{missing}: {}", answer.text()),
    }
}

async fn pages_give_every_item_once_and_end(stage: &Stage, _backend: &str, specimen: &Specimen) {
    let joint = if specimen.path.contains('?') { '&' } else { '?' };
    let walk = async |limit: usize| {
        let path = format!("{}{joint}limit={limit}", specimen.path);
        stage.walk_with(specimen.method, &path, specimen.body.as_ref()).await
    };
    let whole = walk(200).await;
    for limit in [3, 7] {
        assert_eq!(walk(limit).await, whole, "{} in pages of {limit}", specimen.path);
    }
    let once: BTreeSet<String> = whole.iter().map(Value::to_string).collect();
    assert_eq!(once.len(), whole.len(), "{} repeats an item", specimen.path);
    assert!(!whole.is_empty(), "{} has nothing to page", specimen.path);
}

async fn a_server_error_is_survived(stage: &Stage, backend: &str, specimen: &Specimen) {
    prime(stage, specimen).await;
    let before = executed(stage, backend, specimen);
    break_it(stage, backend, specimen, Fault::Status(503), 1);
    let answer = call(stage, specimen).await;
    if specimen.once {
        assert!(
            is_done(&answer, specimen) || matches!(answer.status, 503 | 504),
            "{}",
            answer.text()
        );
        assert!(executed(stage, backend, specimen) - before <= 1);
        assert_eq!(
            is_done(&answer, specimen),
            executed(stage, backend, specimen) - before == 1,
            "{}",
            answer.text()
        );
    } else {
        is_good(&answer, specimen);
    }
    if specimen.spends.is_some() {
        return;
    }
    break_it(stage, backend, specimen, Fault::Status(500), 20);
    let answer = call(stage, specimen).await;
    assert!(
        matches!(answer.status, 502..=504),
        "{}: {}",
        specimen.path,
        answer.text()
    );
}

async fn a_short_throttle_is_waited_out(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::Throttled(Some(0)), 1);
    is_good(&call(stage, specimen).await, specimen);
    assert_eq!(executed(stage, backend, specimen), 1);
}

async fn a_long_retry_after_is_passed_on_at_once(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::Throttled(Some(3600)), 1);
    let answer = call(stage, specimen).await;
    is_problem(&answer, 503, "upstream_throttled", specimen);
    assert_eq!(answer.header("retry-after"), Some("3600"));
    assert_eq!(answer.json()["retry_after_s"], 3600);
    assert_eq!(executed(stage, backend, specimen), 0);
}

async fn an_edge_page_is_not_a_refused_credential(stage: &Stage, backend: &str, specimen: &Specimen) {
    prime(stage, specimen).await;
    let before = logins(stage, backend);
    break_it(stage, backend, specimen, Fault::EdgePage, 1);
    is_problem(&call(stage, specimen).await, 502, "upstream_blocked", specimen);
    is_good(&call(stage, specimen).await, specimen);
    assert_eq!(logins(stage, backend), before, "a good token was thrown away");
}

async fn a_broken_body_is_never_taken_for_an_answer(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::MalformedJson, 20);
    let answer = call(stage, specimen).await;
    if is_left_open(specimen) {
        assert!(
            is_done(&answer, specimen) || answer.status == 504,
            "it was executed: {}",
            answer.text()
        );
    } else if specimen.done == 204 {
        // Whoever says no more than that it is done has nothing to break.
        is_good(&answer, specimen);
    } else if answer.status == 200 {
        // A document that was cut is one all the same as far as anybody can tell.
        assert!(
            specimen.operation == "bills.document" && answer.body.starts_with(b"%PDF-"),
            "{}",
            answer.text()
        );
    } else {
        is_problem(&answer, 502, "upstream_unreadable", specimen);
    }
}

async fn an_error_inside_a_200_is_an_error(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::ErrorInside, 20);
    let answer = call(stage, specimen).await;
    assert!(
        matches!(answer.status, 502..=504),
        "{}: {}",
        specimen.path,
        answer.text()
    );
}

async fn a_connection_dropped_before_is_survived(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::DropBefore, 1);
    let answer = call(stage, specimen).await;
    if specimen.once {
        is_unknown(stage, backend, &answer, specimen);
        assert_eq!(executed(stage, backend, specimen), 0);
    } else {
        is_good(&answer, specimen);
    }
}

async fn a_connection_dropped_after_is_survived(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::DropAfter, 1);
    let answer = call(stage, specimen).await;
    if specimen.once {
        is_unknown(stage, backend, &answer, specimen);
        assert_eq!(executed(stage, backend, specimen), 1);
    } else {
        is_good(&answer, specimen);
        if specimen.dropped_repeats {
            assert_eq!(
                executed(stage, backend, specimen),
                1,
                "{} was executed twice",
                specimen.path
            );
        }
    }
}

async fn a_slow_reply_is_timed_out(stage: &Stage, backend: &str, specimen: &Specimen) {
    prime(stage, specimen).await;
    let before = executed(stage, backend, specimen);
    break_it(stage, backend, specimen, Fault::Latency(30_000), 20);
    let answer = call_within(stage, specimen, "400").await;
    if is_left_open(specimen) {
        is_problem(&answer, 504, "outcome_unknown", specimen);
        assert!(executed(stage, backend, specimen) - before <= 1);
    } else {
        is_problem(&answer, 504, "timed_out", specimen);
    }
}

async fn a_slow_body_is_timed_out(stage: &Stage, backend: &str, specimen: &Specimen) {
    prime(stage, specimen).await;
    let before = executed(stage, backend, specimen);
    break_it(stage, backend, specimen, Fault::SlowBody(30_000), 20);
    let answer = call_within(stage, specimen, "400").await;
    if is_left_open(specimen) || specimen.done == 204 || specimen.silent {
        // An empty body has nothing to be slow with.
        assert!(is_done(&answer, specimen) || answer.status == 504, "{}", answer.text());
        assert!(executed(stage, backend, specimen) - before <= 1);
    } else {
        is_problem(&answer, 504, "timed_out", specimen);
    }
}

async fn an_expired_token_costs_one_login_and_no_failed_call(stage: &Stage, backend: &str, specimen: &Specimen) {
    refused_token(stage, backend, specimen, Fault::ExpiredToken).await;
}

async fn a_revoked_token_costs_one_login_and_no_failed_call(stage: &Stage, backend: &str, specimen: &Specimen) {
    refused_token(stage, backend, specimen, Fault::RevokedTokens).await;
}

async fn refused_token(stage: &Stage, backend: &str, specimen: &Specimen, fault: Fault) {
    prime(stage, specimen).await;
    assert_eq!(logins(stage, backend), 1);
    let before = executed(stage, backend, specimen);
    break_it(stage, backend, specimen, fault, 1);
    is_good(&call(stage, specimen).await, specimen);
    assert_eq!(logins(stage, backend), 2);
    if specimen.once {
        assert_eq!(executed(stage, backend, specimen) - before, 1);
    }
}

async fn many_callers_make_one_login(stage: &Stage, backend: &str, specimen: &Specimen) {
    if specimen.once || specimen.spends.is_some() {
        // Writes are not repeated for the sake of a count: two at once are enough to share a login.
        futures_util::future::join(call(stage, specimen), call(stage, specimen)).await;
    } else {
        let answers = futures_util::future::join_all((0..20).map(|_| call(stage, specimen))).await;
        answers.iter().for_each(|answer| is_good(answer, specimen));
    }
    assert_eq!(logins(stage, backend), 1);
}

async fn a_refused_login_is_not_repeated(stage: &Stage, backend: &str, specimen: &Specimen) {
    let kind = Stage::kind(backend);
    stage.systems.fault(kind, Fault::RefusedLogin, 100, None);
    for _ in 0..5 {
        is_problem(&call(stage, specimen).await, 502, "upstream_credentials", specimen);
    }
    assert_eq!(executed(stage, backend, specimen), 0);
    let received = stage.systems.received(kind).all();
    assert_eq!(received.values().sum::<u64>(), 1, "{received:?}");
}

/// Where credentials go along with every call, the call they are refused with is the only one.
async fn a_refused_credential_is_not_repeated(stage: &Stage, backend: &str, specimen: &Specimen) {
    break_it(stage, backend, specimen, Fault::RefusedLogin, 100);
    is_problem(&call(stage, specimen).await, 502, "upstream_credentials", specimen);
    assert_eq!(executed(stage, backend, specimen), 0);
    let received = stage.systems.received(Stage::kind(backend)).all();
    assert_eq!(received.values().sum::<u64>(), 1, "{received:?}");
    stage.systems.clear_faults();
    is_good(&call(stage, specimen).await, specimen);
}
