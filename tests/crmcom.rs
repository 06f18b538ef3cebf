//! The CRM.COM adapter in front of the simulated CRM.COM: what only the two together can show.

use std::sync::Arc;
use std::time::Duration;

use intertie::backends::Backend;
use intertie::backends::crmcom::{Config, Credential, TOKEN_LIFE, connect};
use intertie::error::{ErrorKind, Result};
use intertie::model::account::{Account, AccountStatus};
use intertie::model::account_write::AccountPatch;
use intertie::model::page::Paging;
use intertie::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBalance, GetPaymentTerms, MatchAccounts, ReactivateAccount,
    SearchAccounts, Shown, SuspendAccount, UpdateAccount,
};
use intertie::operations::filter::{EMAIL, Field, Filter, NAME, NATIVE_ID, PARENT, SUBSCRIPTION};
use intertie::operations::payment_methods::ListPaymentMethods;
use intertie::operations::{Change, Context, Operation};
use intertie::sandbox::crmcom::{
    API_PATH, ORGANISATION, ORGANISATION_R11, ORGANISATION_R14, PASSWORD, USERNAME, WEB_API_KEY,
};
use intertie::sandbox::fault::Fault;
use intertie::sandbox::{Kind, Running, start};
use intertie::upstream::{Settings, tokens};
use serde_json::{Value, json};

use crate::support::crmcom_contract::{check, examples};
use crate::support::stage::Stage;
use crate::support::tap::Tap;
use crate::support::watch;

struct Scene {
    running: Running,
    tap: Tap,
    backend: Backend,
}

fn user(organisation: &str) -> Credential {
    Credential::Password {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned().into(),
        organisation: organisation.to_owned(),
    }
}

impl Scene {
    async fn new() -> Self {
        Self::with(user(ORGANISATION)).await
    }

    async fn with(credential: Credential) -> Self {
        watch::on();
        let running = start(&[Kind::Crmcom], "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let tap = Tap::on(running.addr()).await;
        let config = Config {
            base_url: format!("http://{}/crmcom{API_PATH}", tap.address),
            credential,
            unit: None,
            token_life: TOKEN_LIFE,
            time_zone: "Asia/Nicosia".parse().unwrap(),
            road: Settings {
                backoff: Duration::from_millis(1),
                ..Settings::default()
            },
        };
        let tokens = Arc::new(tokens::Cache::default());
        let backend = connect("crmcom-cy".parse().unwrap(), config, tokens).unwrap();
        Self { running, tap, backend }
    }

    async fn call<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.call_with(operation, false).await
    }

    async fn call_with<O: Operation>(&self, operation: O, native: bool) -> Result<O::Reply> {
        let mut cx = Context::within(Duration::from_secs(20));
        cx.native = native;
        let (adapter, _) = self.backend.serving::<O>().expect("served");
        adapter.serve(operation, &cx).await.inspect_err(watch::error)
    }

    async fn account(&self, key: &str) -> Result<Account> {
        self.call(GetAccount { account: id(key) }).await
    }

    async fn close(&self, key: &str) -> Result<Change<Account>> {
        self.call(CloseAccount { account: id(key) }).await
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Crmcom).get(operation)
    }

    fn fault(&self, fault: Fault, times: u64, operation: &str) {
        self.running.fault(Kind::Crmcom, fault, times, Some(operation));
    }

    /// Every exchange so far was one the contract allows, on both sides.
    fn keeps_the_contract(&self) {
        let exchanges = self.tap.exchanges();
        assert!(!exchanges.is_empty());
        for exchange in exchanges {
            check(&exchange).unwrap_or_else(|why| panic!("{} {}: {why}", exchange.method, exchange.target));
        }
    }
}

fn id(key: &str) -> intertie::model::id::AccountId {
    format!("crmcom-cy:{key}").parse().unwrap()
}

fn now<T>(change: Change<T>) -> T {
    match change {
        Change::Now(record) => record,
        Change::Done | Change::Accepted => panic!("no record came with the change"),
    }
}

#[tokio::test]
async fn an_account_is_closed_for_good_and_reads_back_closed() {
    let scene = Scene::new().await;
    let before = scene.account("ACR0000000056").await.unwrap();
    assert_eq!(before.status, Some(AccountStatus::Active));
    let closed = now(scene.close("ACR0000000056").await.unwrap());
    assert_eq!(
        (closed.status, closed.native_status.as_deref()),
        (Some(AccountStatus::Closed), Some("TERMINATED"))
    );
    assert_eq!(
        scene.account("ACR0000000056").await.unwrap().status,
        Some(AccountStatus::Closed)
    );
    let again = scene.close("ACR0000000056").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    assert!(again.message().contains("CLOSED"), "{again}");
    assert_eq!(scene.executed("terminateAccountsReceivable"), 1);
    let unknown = scene.close("ACR9999999999").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert_eq!(scene.executed("login"), 1, "a no does not cost a login");
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_lost_close_is_not_repeated_and_says_how_the_account_was_found() {
    for (fault, executed, found) in [(Fault::DropAfter, 1, "is CLOSED"), (Fault::DropBefore, 0, "is ACTIVE")] {
        let running = Scene::new().await;
        // The lines to the system are cut, not the tap's: the tap would not survive it.
        let scene = running.untapped();
        scene
            .running
            .fault(Kind::Crmcom, fault, 1, Some("terminateAccountsReceivable"));
        let lost = scene.close("ACR0000000056").await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::OutcomeUnknown, "{lost}");
        assert!(lost.message().contains(found), "{lost}");
        assert_eq!(scene.executed("terminateAccountsReceivable"), executed);
    }
}

impl Scene {
    /// The same systems with a line straight to them.
    fn untapped(self) -> Self {
        let config = Config {
            base_url: format!("{}{API_PATH}", self.running.base(Kind::Crmcom)),
            credential: user(ORGANISATION),
            unit: None,
            token_life: TOKEN_LIFE,
            time_zone: "Asia/Nicosia".parse().unwrap(),
            road: Settings::default(),
        };
        let tokens = Arc::new(tokens::Cache::default());
        let backend = connect("crmcom-cy".parse().unwrap(), config, tokens).unwrap();
        Self { backend, ..self }
    }
}

#[tokio::test]
async fn balances_of_both_signs_are_read_as_they_are() {
    let scene = Scene::new().await;
    for (number, due, overdue) in [
        ("ACR0000000058", ("310.97", "EUR"), Some("210.97")),
        ("ACR0000000057", ("-120.45", "USD"), Some("0.00")),
    ] {
        let balance = json!(scene.call(GetBalance { account: id(number) }).await.unwrap());
        assert_eq!(balance["balance_due"], json!({"amount": due.0, "currency": due.1}));
        assert_eq!(balance["overdue"]["amount"], json!(overdue));
    }
    let silent = scene
        .call(GetBalance {
            account: id("ACR0000000064"),
        })
        .await
        .unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::Unreadable);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn an_account_is_suspended_and_taken_into_use_again() {
    let scene = Scene::new().await;
    let account = || id("ACR0000000056");
    let suspended = now(scene.call(SuspendAccount { account: account() }).await.unwrap());
    assert_eq!(suspended.status, Some(AccountStatus::Suspended));
    let again = scene.call(SuspendAccount { account: account() }).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
    let active = now(scene.call(ReactivateAccount { account: account() }).await.unwrap());
    assert_eq!(active.status, Some(AccountStatus::Active));
    let again = scene.call(ReactivateAccount { account: account() }).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
    let closed = scene
        .call(ReactivateAccount {
            account: id("ACR0000000061"),
        })
        .await
        .unwrap_err();
    assert!(closed.message().contains("final"), "{closed}");
    scene.keeps_the_contract();
}

#[tokio::test]
async fn an_account_is_opened_changed_and_found_by_its_number() {
    let scene = Scene::new().await;
    let new = json!({"backend": "crmcom-cy", "name": "Bakery", "currency": "GBP",
        "credit_limit": {"amount": "100.10", "currency": "GBP"},
        "custom_attributes": [{"name": "udf_string_1", "value": "oven"}, {"name": "udf_float_1", "value": "1.10"}]});
    let new = serde_json::from_value(new).unwrap();
    let opened = scene.call(CreateAccount { new }).await.unwrap();
    assert_eq!(opened.status, Some(AccountStatus::Active));
    assert_eq!(opened.name.as_deref(), Some("Bakery"));
    assert!(json!(opened)["custom_attributes"].to_string().contains("oven"));
    let number = opened.number.clone().unwrap();
    let patch: AccountPatch = serde_json::from_value(json!({
        "name": "Bakery and café",
        "credit_limit": {"amount": "50", "currency": "GBP"},
        "custom_attributes": [{"name": "udf_string_1", "value": null}],
    }))
    .unwrap();
    let account = opened.id.clone();
    let changed = now(scene.call(UpdateAccount { account, patch }).await.unwrap());
    assert_eq!(changed.name.as_deref(), Some("Bakery and café"));
    assert!(!json!(changed)["custom_attributes"].to_string().contains("oven"));
    let search = |number: &str, status| SearchAccounts {
        backend: "crmcom-cy".parse().unwrap(),
        number: Some(number.to_owned()),
        customer_number: None,
        status,
        filters: Vec::new(),
        paging: Paging::default(),
    };
    let found = scene.call(search(&number, None)).await.unwrap();
    assert_eq!((found.items.len(), &found.items[0].id), (1, &opened.id));
    assert!(
        scene
            .call(search(&number, Some(AccountStatus::Closed)))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(
        scene
            .call(search("ACR9999999999", None))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    scene.keeps_the_contract();
}

#[tokio::test]
async fn what_the_system_has_no_parameter_for_is_refused_by_name_before_it_is_asked() {
    let scene = Scene::new().await;
    for (patch, pointer) in [
        (json!({"brand": "Lumen"}), "/brand"),
        (json!({"billing": {"email": "a@example.com"}}), "/billing"),
        (
            json!({"custom_attributes": [{"name": "colour", "value": "red"}]}),
            "/custom_attributes/0/name",
        ),
        (
            json!({"custom_attributes": [{"name": "udf_float_1", "value": "red"}]}),
            "/custom_attributes/0/value",
        ),
    ] {
        let patch = serde_json::from_value(patch).unwrap();
        let account = id("ACR0000000056");
        let error = scene.call(UpdateAccount { account, patch }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(pointer), "{error}");
    }
    assert!(scene.tap.exchanges().is_empty());
    let patch = serde_json::from_value(json!({"credit_limit": {"amount": "1", "currency": "USD"}})).unwrap();
    let account = id("ACR0000000056");
    let error = scene.call(UpdateAccount { account, patch }).await.unwrap_err();
    assert!(error.message().contains("currency"), "{error}");
    assert_eq!(scene.executed("updateAccountsReceivable"), 0);
}

#[tokio::test]
async fn an_account_is_named_by_exactly_one_thing_and_answers_with_its_number() {
    let scene = Scene::new().await;
    for key in [
        "ACR0000000056",
        "id~E0623A1C29FF47C991CF544BCBE6A97F",
        "name~ACR0000000056 Marios Ioannou2",
    ] {
        assert_eq!(scene.account(key).await.unwrap().id, id("ACR0000000056"), "{key}");
    }
    let shared = scene.account("name~Andreas Ioannou").await.unwrap_err();
    assert_eq!(shared.kind(), ErrorKind::NotFound);
    for key in ["id~", "colour~red", "id~a~b"] {
        assert_eq!(
            scene.account(key).await.unwrap_err().kind(),
            ErrorKind::Invalid,
            "{key}"
        );
    }
    scene.keeps_the_contract();
}

#[tokio::test]
async fn little_is_asked_for_and_everything_only_when_it_is_wanted() {
    let scene = Scene::new().await;
    let account = || id("ACR0000000057");
    scene.call(GetBalance { account: account() }).await.unwrap();
    let whole = scene.call_with(GetAccount { account: account() }, true).await.unwrap();
    let native = json!(whole)["native"].clone();
    assert_eq!(native["privacy_level"]["name"], "PL Group B");
    for secret in ["7001000200030057", "card_sandbox0000000000001"] {
        assert!(!native.to_string().contains(secret), "{secret}");
    }
    let bodies: Vec<Value> = scene
        .tap
        .exchanges()
        .iter()
        .filter(|exchange| exchange.target.ends_with("/show"))
        .map(|exchange| serde_json::from_slice(&exchange.request_body).unwrap())
        .collect();
    assert_eq!(
        bodies[0]["fields_set"],
        "id,number,balance,outstanding_amount,credit_limit,currency"
    );
    assert!(bodies[1].get("fields_set").is_none());
    assert!(scene.tap.exchanges().iter().all(|exchange| exchange.method == "POST"));
}

#[tokio::test]
async fn each_login_and_each_release_is_read() {
    for credential in [
        user(ORGANISATION_R11),
        user(ORGANISATION_R14),
        Credential::WebApiKey(WEB_API_KEY.to_owned().into()),
    ] {
        let scene = Scene::with(credential).await;
        let account = scene.account("ACR0000000059").await.unwrap();
        assert_eq!(account.parent, Some(id("ACR0000000001")));
        let terms = scene
            .call(GetPaymentTerms {
                account: id("ACR0000000059"),
            })
            .await
            .unwrap();
        assert_eq!(terms.due_days, Some(14));
        let list = ListPaymentMethods {
            account: id("ACR0000000001"),
            paging: Paging::default(),
        };
        let methods = json!(scene.call(list).await.unwrap().items);
        assert_eq!(methods[0]["kind"], "DIRECT_DEBIT");
        assert_eq!(methods[0]["bank_account"]["number_last_four"], "7600");
        assert_eq!(scene.executed("login"), 1);
        scene.keeps_the_contract();
    }
}

#[tokio::test]
async fn a_dead_token_is_replaced_once_and_a_once_call_is_executed_once() {
    let scene = Scene::new().await;
    scene.account("ACR0000000056").await.unwrap();
    scene.fault(Fault::RevokedTokens, 1, "terminateAccountsReceivable");
    let closed = now(scene.close("ACR0000000056").await.unwrap());
    assert_eq!(closed.status, Some(AccountStatus::Closed));
    assert_eq!(
        (scene.executed("login"), scene.executed("terminateAccountsReceivable")),
        (2, 1)
    );
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_state_that_nobody_listed_survives() {
    let scene = Scene::new().await;
    let account = scene.account("ACR0000000060").await.unwrap();
    assert_eq!(
        (account.status, account.native_status.as_deref()),
        (Some(AccountStatus::Other), Some("UNDER_REVIEW"))
    );
}

fn secret(text: &str) -> intertie::model::text::Secret {
    serde_json::from_value(json!(text)).unwrap()
}

fn pass_code(identifier: &str, code: &str) -> Shown {
    Shown::PassCode {
        identifier: identifier.to_owned().try_into().unwrap(),
        pass_code: secret(code),
    }
}

impl Scene {
    async fn shown(&self, shown: Shown) -> Result<Vec<String>> {
        let backend = "crmcom-cy".parse().unwrap();
        let paging = Paging::default();
        let page = self.call(MatchAccounts { backend, shown, paging }).await?;
        assert_eq!(page.next, None);
        Ok(numbers(page.items))
    }

    async fn search(&self, filters: &[(&'static Field, &str)], limit: usize, after: Option<&str>) -> Result<Page> {
        let filters = filters
            .iter()
            .map(|(field, text)| Filter::is(field, (*text).to_owned()));
        let search = SearchAccounts {
            backend: "crmcom-cy".parse().unwrap(),
            number: None,
            customer_number: None,
            status: None,
            filters: filters.collect(),
            paging: Paging {
                limit,
                after: after.map(str::to_owned),
            },
        };
        let page = self.call(search).await?;
        Ok((numbers(page.items), page.next))
    }
}

/// The numbers on a page, and where the next one starts.
type Page = (Vec<String>, Option<String>);

fn numbers(accounts: Vec<Account>) -> Vec<String> {
    accounts
        .into_iter()
        .map(|account| account.number.expect("a number"))
        .collect()
}

#[tokio::test]
async fn an_account_is_found_by_what_its_customer_shows() {
    let scene = Scene::new().await;
    let one = vec!["ACR0000000056".to_owned()];
    let card = || Shown::AuthenticationCode(secret("7001000200030004"));
    assert_eq!(scene.shown(card()).await.unwrap(), one);
    assert_eq!(scene.shown(pass_code("marios", "4711")).await.unwrap(), one);
    let once = || Shown::OneTimePassword(secret("482913"));
    assert_eq!(scene.shown(once()).await.unwrap(), one);
    for nobody in [
        // Spent, wrong, and not effective any more. None of it is taken for a dead token.
        once(),
        pass_code("marios", "4712"),
        Shown::AuthenticationCode(secret("7001000200030058")),
    ] {
        assert_eq!(scene.shown(nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    // Nor is a dead token taken for a wrong code.
    scene.fault(Fault::RevokedTokens, 1, "showAccountsReceivableByPost");
    assert_eq!(scene.shown(card()).await.unwrap(), one);
    assert_eq!(scene.executed("login"), 2);
    for exchange in scene.tap.exchanges() {
        assert_eq!(exchange.method, "POST", "a code stands in no address");
    }
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_system_that_says_no_to_everything_does_not_say_that_nobody_has_a_code() {
    let scene = Scene::new().await;
    scene.fault(Fault::ErrorInside, 9, "showAccountsReceivableByPost");
    let refused = scene.shown(pass_code("marios", "4711")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    scene.running.clear_faults();
    assert_eq!(scene.shown(pass_code("marios", "4711")).await.unwrap().len(), 1);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_one_time_password_is_shown_once() {
    let scene = Scene::new().await.untapped();
    scene.fault(Fault::DropAfter, 1, "showAccountsReceivableByPost");
    let lost = scene.shown(Shown::OneTimePassword(secret("482913"))).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::OutcomeUnknown, "{lost}");
    assert_eq!(scene.executed("showAccountsReceivableByPost"), 1);
    // What stays good is shown again.
    scene.fault(Fault::DropAfter, 1, "showAccountsReceivableByPost");
    assert_eq!(scene.shown(pass_code("eleni", "0815")).await.unwrap().len(), 1);
    assert_eq!(scene.executed("showAccountsReceivableByPost"), 3);
}

#[tokio::test]
async fn accounts_are_found_by_one_thing_at_a_time() {
    let scene = Scene::new().await;
    for (field, value, expected) in [
        (&NATIVE_ID, "E0623A1C29FF47C991CF544BCBE6A97F", &["ACR0000000056"][..]),
        (&NATIVE_ID, "00000000000000000000000000000000", &[]),
        (&NAME, "ACR0000000056 Marios Ioannou2", &["ACR0000000056"]),
        (&EMAIL, "marios.ioannou@example.com", &["ACR0000000056"]),
        (
            &EMAIL,
            "andreas.ioannou@example.com",
            &["ACR0000000062", "ACR0000000063"],
        ),
        (&EMAIL, "nobody@example.com", &[]),
        (&SUBSCRIPTION, "SUB0000000058", &["ACR0000000058"]),
        (
            &PARENT,
            "crmcom-cy:ACR0000000001",
            &["ACR0000000056", "ACR0000000059", "ACR0000000060"],
        ),
        (&PARENT, "crmcom-cy:ACR9999999999", &[]),
    ] {
        let (found, next) = scene.search(&[(field, value)], 50, None).await.unwrap();
        assert_eq!(
            (found, next),
            (expected.iter().map(|n| (*n).to_owned()).collect(), None),
            "{value}"
        );
    }
    // "Andreas Ioannou" is the name of two: the system does not say whether it means none or several.
    for name in ["Andreas Ioannou", "Nobody"] {
        let unsaid = scene.search(&[(&NAME, name)], 50, None).await.unwrap_err();
        assert_eq!(unsaid.kind(), ErrorKind::Unsupported, "{name}");
    }
    let before = scene.tap.exchanges().len();
    for filters in [&[][..], &[(&NAME, "a"), (&EMAIL, "b")]] {
        let error = scene.search(filters, 50, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("exactly one"), "{error}");
    }
    assert_eq!(scene.tap.exchanges().len(), before);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn lists_of_accounts_are_paged_and_survive_a_dead_token() {
    let scene = Scene::new().await;
    for (filter, expected) in [
        ((&PARENT, "crmcom-cy:ACR0000000001"), 3),
        ((&EMAIL, "andreas.ioannou@example.com"), 2),
    ] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let (found, next) = scene.search(&[filter], 1, after.as_deref()).await.unwrap();
            assert_eq!(found.len(), 1);
            seen.extend(found);
            match next {
                Some(_) => after = next,
                None => break,
            }
        }
        let whole = scene.search(&[filter], 50, None).await.unwrap().0;
        assert_eq!((seen.len(), &seen), (expected, &whole));
    }
    assert_eq!(scene.executed("login"), 1);
    scene.fault(Fault::RevokedTokens, 1, "listAccountsReceivable");
    let found = scene
        .search(&[(&EMAIL, "marios.ioannou@example.com")], 50, None)
        .await
        .unwrap();
    assert_eq!((found.0.len(), scene.executed("login")), (1, 2));
    scene.fault(Fault::ErrorInside, 9, "listAccountsReceivable");
    let refused = scene
        .search(&[(&EMAIL, "marios.ioannou@example.com")], 50, None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "a no is not an empty list");
    scene.keeps_the_contract();
}

#[tokio::test]
async fn members_of_a_group_stand_under_their_head() {
    let scene = Scene::new().await;
    let search = SearchAccounts {
        backend: "crmcom-cy".parse().unwrap(),
        number: None,
        customer_number: None,
        status: Some(AccountStatus::Suspended),
        filters: vec![Filter::is(&PARENT, "crmcom-cy:ACR0000000001".to_owned())],
        paging: Paging::default(),
    };
    let found = scene.call(search.clone()).await.unwrap().items;
    assert_eq!((found.len(), &found[0].id), (1, &id("ACR0000000059")));
    assert_eq!(found[0].parent, Some(id("ACR0000000001")));
    let native = json!(scene.call_with(search, true).await.unwrap().items[0])["native"].clone();
    assert_eq!(native["funding_scope"], "PARTIALLY_FUNDED");
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_token_is_released_once_and_a_refusal_of_that_is_ignored() {
    let scene = Scene::new().await;
    scene.backend.upstream().release().await;
    assert_eq!(scene.executed("releaseToken"), 0, "there was none");
    scene.account("ACR0000000056").await.unwrap();
    for _ in 0..2 {
        scene.backend.upstream().release().await;
    }
    assert_eq!(scene.executed("releaseToken"), 1);
    // Nothing keeps the road from being used again.
    scene.account("ACR0000000056").await.unwrap();
    assert_eq!(scene.executed("login"), 2);
    scene.fault(Fault::ErrorInside, 1, "releaseToken");
    scene.backend.upstream().release().await;
    assert_eq!(scene.executed("releaseToken"), 1);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn what_the_contract_says_must_be_refused_is_refused_before_anything_is_sent() {
    let stage = Stage::open().await;
    let mut count = 0;
    for entry in examples() {
        if entry["expectInvalid"] != true {
            continue;
        }
        count += 1;
        let name = entry["file"].as_str().unwrap();
        let path = format!("{}/tests/fixtures/crmcom/examples/{name}", env!("CARGO_MANIFEST_DIR"));
        let example: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let named = &example["accounts_receivable_identifier"];
        let answer = if let (Some(id), Some(number)) = (named["id"].as_str(), named["number"].as_str()) {
            stage
                .get(&format!(
                    "/v1/accounts?backend=crmcom-cy&native_id={id}&number={number}"
                ))
                .await
        } else {
            let mut body = named.get("access_token_identifier").cloned().unwrap_or(json!({}));
            body["backend"] = json!("crmcom-cy");
            stage.send("POST", "/v1/accounts/search", &[], Some(&body)).await
        };
        assert!(matches!(answer.status, 422 | 501), "{name}: {}", answer.text());
        assert!(!answer.text().contains("4711"), "{}", answer.text());
    }
    assert_eq!(count, 4);
    assert!(stage.systems.received(Kind::Crmcom).all().is_empty());
}

#[tokio::test]
async fn a_search_under_an_account_asks_its_backend_alone() {
    let stage = Stage::open().await;
    let path = "/v1/accounts?parent=crmcom-cy:ACR0000000001&limit=2";
    let found = stage.walk(path).await;
    assert_eq!(found.len(), 3);
    let sources = stage.get(path).await.json()["meta"]["sources"].clone();
    assert_eq!(
        (sources.as_array().unwrap().len(), &sources[0]["backend"]),
        (1, &json!("crmcom-cy"))
    );
    let elsewhere = stage.get("/v1/accounts?parent=crmcom-cy:ACR1&backend=kraken-us").await;
    assert_eq!(elsewhere.status, 400, "{}", elsewhere.text());
    // Another system is not asked what it does not know.
    let email = stage.get("/v1/accounts?email=marios.ioannou@example.com").await.json();
    assert_eq!(email["data"].as_array().unwrap().len(), 1);
    let of = |backend: &str| {
        let sources = email["meta"]["sources"].as_array().unwrap();
        sources
            .iter()
            .find(|source| source["backend"] == backend)
            .map(|source| source["status"].clone())
    };
    assert_eq!(
        (of("crmcom-cy"), of("kraken-us")),
        (Some(json!("ok")), Some(json!("unsupported")))
    );
    let shown = json!({"backend": "crmcom-cy", "one_time_password": "482913"});
    let answer = stage.send("POST", "/v1/accounts/search", &[], Some(&shown)).await;
    assert_eq!(
        answer.json()["data"][0]["id"],
        "crmcom-cy:ACR0000000056",
        "{}",
        answer.text()
    );
}
