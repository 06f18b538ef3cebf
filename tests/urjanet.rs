//! The Urjanet adapter in front of the simulated Urjanet: what only the two together can show.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use intertie::backends::{Backend, urjanet};
use intertie::error::{ErrorKind, Result};
use intertie::model::account::{Account, AccountStatus};
use intertie::model::enrollment::ChangeKind;
use intertie::model::id::BackendName;
use intertie::model::page::{Page, Paging};
use intertie::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBillingSchedule, SearchAccounts, UpdateAccount,
};
use intertie::operations::candidates::{EnrollCandidate, SearchCandidateAccounts, SearchCandidateMeters};
use intertie::operations::changes::SearchChanges;
use intertie::operations::credentials::{
    CreateCredential, GetCredential, MatchCredentials, SearchCredentials, UpdateCredential,
};
use intertie::operations::custom_attributes::{
    CreateCustomAttribute, GetCustomAttribute, SearchCustomAttributes, UpdateCustomAttribute,
};
use intertie::operations::filter::{AccountFields, CUSTOM, Fields, Filter, Operand, Operator};
use intertie::operations::meters::{CreateMeter, GetMeter, ListMeters, SearchMeters, UpdateMeter};
use intertie::operations::providers::{GetProvider, SearchProviders};
use intertie::operations::service_types::{GetServiceType, ListServiceTypes};
use intertie::operations::templates::{GetTemplate, SearchTemplates};
use intertie::operations::{Change, Context, Operation};
use intertie::sandbox::fault::Fault;
use intertie::sandbox::urjanet::{
    API_PATH, CHANGED_ACCOUNT, CUSTOMER, DELETED_ACCOUNT, LOGIN_PATH, PASSWORD, UNKNOWN_ENROLLMENT, USERNAME,
};
use intertie::sandbox::{Kind, Running, start};
use intertie::upstream::{Settings, tokens};
use serde_json::{Value, json};

use crate::support::tap::Tap;
use crate::support::urjanet_contract::{check, operations};
use crate::support::watch;

/// An account, a meter, a credential, an attribute, a template and a provider of the contract's samples.
const SAMPLE: &str = "1e4b3abd-34c2-d5ee-adef-0800270a0870";
/// The account of the samples' meter, with 131 meters.
const MANY_METERS: &str = "0f496f9f-2472-4966-9fcf-0a6889070a49";
const CANDIDATE: &str = "80da2e51-83b3-4eed-8f47-b02ee248ff78";

/// The contract's own names of the published endpoints: all but the login and a path that is inferred.
fn published() -> BTreeSet<String> {
    let names = operations().into_iter().map(|(_, _, operation)| operation);
    let published: BTreeSet<_> = names
        .filter(|name| !matches!(name.as_str(), "login" | "searchTemplatesAlt"))
        .collect();
    assert_eq!(published.len(), 28, "{published:?}");
    published
}

struct Scene {
    running: Running,
    tap: Tap,
    backend: Backend,
}

impl Scene {
    async fn new() -> Self {
        Self::of(CUSTOMER).await
    }

    /// The system with the adapter of one customer in front of it.
    async fn of(customer: &str) -> Self {
        watch::on();
        let running = start(&[Kind::Urjanet], "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let tap = Tap::on(running.addr()).await;
        let base = running
            .base(Kind::Urjanet)
            .replace(&running.addr().to_string(), &tap.address.to_string());
        let config = urjanet::Config {
            base_url: format!("{base}{API_PATH}"),
            login_url: format!("{base}{LOGIN_PATH}"),
            username: USERNAME.to_owned(),
            password: PASSWORD.to_owned().into(),
            customer_id: customer.to_owned(),
            currency: Some("USD".parse().unwrap()),
            time_zone: "UTC".parse().unwrap(),
            road: Settings {
                backoff: Duration::from_millis(5),
                ..Settings::default()
            },
        };
        let backend = urjanet::connect(name(), config, Arc::new(tokens::Cache::default())).unwrap();
        Self { running, tap, backend }
    }

    async fn call<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        let cx = Context::within(Duration::from_secs(20));
        self.backend
            .serving::<O>()
            .expect("served")
            .0
            .serve(operation, &cx)
            .await
            .inspect_err(watch::error)
    }

    async fn account(&self, key: &str) -> Result<Account> {
        self.call(GetAccount {
            account: format!("urjanet-us:{key}").parse().unwrap(),
        })
        .await
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Urjanet).get(operation)
    }

    /// What the two said to each other below the API's path, each exchange checked against the contract.
    fn checked(&self) -> usize {
        let mut seen = BTreeSet::new();
        for mut exchange in self.tap.exchanges() {
            for (prefix, path) in [
                (format!("/urjanet{LOGIN_PATH}"), "/api/login".to_owned()),
                (format!("/urjanet{API_PATH}"), API_PATH.to_owned()),
            ] {
                if let Some(rest) = exchange.target.strip_prefix(&prefix) {
                    exchange.target = format!("{path}{rest}");
                    break;
                }
            }
            check(&exchange).unwrap_or_else(|fault| panic!("{} {}: {fault}", exchange.method, exchange.target));
            let mut path: Vec<_> = exchange.target.split('/').collect();
            if path.len() > 5 && path[5] != "search" {
                path.truncate(5);
            }
            seen.insert(path.join("/"));
        }
        seen.len()
    }
}

fn name() -> BackendName {
    "urjanet-us".parse().unwrap()
}

fn id<K: std::str::FromStr<Err: std::fmt::Debug>>(native: &str) -> K {
    format!("urjanet-us:{native}").parse().unwrap()
}

fn page(limit: usize, after: Option<String>) -> Paging {
    Paging { limit, after }
}

fn search(filters: Vec<Filter>, paging: Paging) -> SearchAccounts {
    SearchAccounts {
        backend: name(),
        number: None,
        customer_number: None,
        status: None,
        filters,
        paging,
    }
}

fn filter<F: Fields>(field: &str, operator: Operator, operand: Option<Operand>) -> Filter {
    Filter {
        field: F::FIELDS.iter().find(|known| known.name == field).unwrap(),
        attribute: None,
        operator,
        operand,
    }
}

fn text(text: &str) -> Option<Operand> {
    Some(Operand::Text(text.to_owned()))
}

fn body<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

#[tokio::test]
async fn a_credential_an_account_and_a_meter_are_enrolled() {
    let scene = Scene::new().await;
    let new = body(
        json!({ "provider_id": "urjanet-us:CedarWater", "kind": "WEB", "username": "site-7",
        "password": "marked-secret", "enabled": true }),
    );
    let credential = scene.call(CreateCredential { credential: new }).await.unwrap();
    assert_eq!(credential.username.as_deref(), Some("site-7"));
    assert!(!json!(credential).to_string().contains("marked-secret"));

    let new = body(json!({ "backend": "urjanet-us", "number": "00-77 12.5",
        "enrollment": { "provider": "CedarWater", "credentials": [credential.id.as_str()], "history": true } }));
    let account = scene.call(CreateAccount { new }).await.unwrap();
    let enrolment = account.enrollment.clone().unwrap();
    assert_eq!(account.number.as_deref(), Some("00-77 12.5"));
    assert_eq!(enrolment.normalized_number.as_deref(), Some("77125"));
    assert_eq!(enrolment.credentials.unwrap(), std::slice::from_ref(&credential.id));
    assert_eq!((enrolment.subscribed, enrolment.delivered), (Some(true), Some(true)));

    let new = body(json!({ "account_id": account.id.as_str(), "number": "W-1", "service_kind": "WATER" }));
    let meter = scene.call(CreateMeter { meter: new }).await.unwrap();
    assert_eq!((meter.number.as_deref(), &meter.account_id), (Some("W-1"), &account.id));
    let paging = Paging::default();
    let listed = scene
        .call(ListMeters {
            account: account.id.clone(),
            paging,
        })
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].id, meter.id);
    assert_eq!(
        scene
            .call(GetMeter { meter: meter.id })
            .await
            .unwrap()
            .number
            .as_deref(),
        Some("W-1")
    );

    // A second one with the same name and provider is refused, and with the same number too.
    let again = body(json!({ "provider_id": "urjanet-us:CedarWater", "username": "site-7", "password": "x" }));
    let error = scene.call(CreateCredential { credential: again }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let again = body(json!({ "backend": "urjanet-us", "number": "77125",
        "enrollment": { "provider": "CedarWater", "credentials": [credential.native_id] } }));
    let error = scene.call(CreateAccount { new: again }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);

    // Stopped, it is closed; a second call finds it so.
    for _ in 0..2 {
        let Change::Now(closed) = scene
            .call(CloseAccount {
                account: account.id.clone(),
            })
            .await
            .unwrap()
        else {
            panic!("the record is due");
        };
        assert_eq!(closed.status, Some(AccountStatus::Closed));
    }
    scene.checked();
}

#[tokio::test]
async fn every_account_is_found_once_whatever_the_page() {
    let scene = Scene::new().await;
    let mut seen = BTreeSet::new();
    let (mut after, mut rows) = (None, 0);
    loop {
        let found: Page<Account> = scene.call(search(Vec::new(), page(200, after))).await.unwrap();
        rows += found.items.len();
        seen.extend(found.items.into_iter().map(|account| account.native_id));
        match found.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), rows, "an account came twice");
    assert!(rows > 2_500, "{rows}");
    scene.checked();
}

#[tokio::test]
async fn all_sixteen_operators_find_what_they_should() {
    let scene = Scene::new().await;
    let day = |text: &str| Some(Operand::Time(intertie::model::time::Bound::Day(text.parse().unwrap())));
    let number = |text: &str| Some(Operand::Number(text.parse().unwrap()));
    for (field, operator, operand) in [
        ("enrollment_status", Operator::Eq, text("FAILED_LOGIN")),
        ("enrollment_status", Operator::Neq, text("SUCCESSFUL_DELIVERED")),
        ("latest_bill_amount", Operator::Gt, number("100")),
        ("latest_bill_amount", Operator::Lt, number("0")),
        ("latest_bill_amount", Operator::Gte, number("326.84")),
        ("latest_bill_amount", Operator::Lte, number("0.00")),
        ("number", Operator::Include, text("99")),
        ("number", Operator::NotInclude, text("9")),
        ("number", Operator::StartsWith, text("20")),
        ("number", Operator::EndsWith, text("7")),
        ("subscribed", Operator::Is, Some(Operand::Flag(false))),
        ("created_at", Operator::Before, day("2020-01-01")),
        ("created_at", Operator::After, day("2020-01-01")),
        ("created_at", Operator::On, day("2015-02-13")),
        ("extraction_status", Operator::IsBlank, None),
        ("extraction_status", Operator::NotBlank, None),
    ] {
        let filters = vec![filter::<AccountFields>(field, operator, operand)];
        let found = scene.call(search(filters, page(5, None))).await;
        let found = found.unwrap_or_else(|error| panic!("{field} {operator:?}: {error}"));
        assert!(!found.items.is_empty(), "{field} {operator:?}");
    }
    let unknown = vec![filter::<AccountFields>(
        "enrollment_status",
        Operator::Eq,
        text(UNKNOWN_ENROLLMENT),
    )];
    let found = scene.call(search(unknown, page(1, None))).await.unwrap();
    assert_eq!(found.items[0].status, Some(AccountStatus::Other));
    assert_eq!(found.items[0].native_status.as_deref(), Some(UNKNOWN_ENROLLMENT));
    let custom = Filter {
        field: &CUSTOM,
        attribute: Some("no such attribute".to_owned()),
        operator: Operator::Eq,
        operand: text("1"),
    };
    let error = scene.call(search(vec![custom], page(1, None))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    scene.checked();
}

#[tokio::test]
async fn an_account_whose_id_changed_is_found_again_by_its_number() {
    let scene = Scene::new().await;
    let (former, present, number) = CHANGED_ACCOUNT;
    let mut wanted = search(Vec::new(), page(2, None));
    // Written otherwise, it is the same number.
    wanted.number = Some("09004411-7".to_owned());
    let found = scene.call(wanted).await.unwrap();
    assert_eq!((found.items.len(), found.items[0].number.as_deref()), (1, Some(number)));
    let known = found.items[0].id.as_str().replace(present, former);
    let key = known.split_once(':').unwrap().1;
    let account = scene.account(key).await.unwrap();
    assert_eq!(account.native_id, present);
    let schedule = scene.call(GetBillingSchedule { account: id(key) }).await.unwrap();
    assert_eq!(schedule.account_id, id(key));
    let patch = body(json!({ "enrollment": { "delivered": false } }));
    let Change::Now(changed) = scene
        .call(UpdateAccount {
            account: id(key),
            patch,
        })
        .await
        .unwrap()
    else {
        panic!("the record is due");
    };
    assert_eq!(changed.enrollment.unwrap().delivered, Some(false));
    // The id alone leads nowhere, nor does a number that is gone.
    assert_eq!(scene.account(former).await.unwrap_err().kind(), ErrorKind::NotFound);
    let gone = format!("{}~GeorgiaPower~90049991", DELETED_ACCOUNT.0);
    assert_eq!(scene.account(&gone).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_account_with_more_meters_than_a_page_shows_all_of_them() {
    let scene = Scene::new().await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let listed = scene
            .call(ListMeters {
                account: id(MANY_METERS),
                paging: page(50, after),
            })
            .await
            .unwrap();
        seen.extend(listed.items.into_iter().map(|meter| meter.id.as_str().to_owned()));
        match listed.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 131);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 131);
    let other = format!("{SAMPLE}~m~{SAMPLE}");
    let error = scene.call(GetMeter { meter: id(&other) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "somebody else's meter");
    let meter = id(&format!("{MANY_METERS}~m~{SAMPLE}"));
    let changes = body(json!({ "custom_attributes": { "attribute1": "new" } }));
    let changed = scene.call(UpdateMeter { meter, changes }).await.unwrap();
    let attributes = changed.custom_attributes.unwrap();
    assert!(
        attributes
            .iter()
            .any(|one| one.name == "attribute1" && one.value.as_deref() == Some("new"))
    );
    scene.checked();
}

#[tokio::test]
async fn a_password_is_changed_the_documented_way_and_shown_nowhere() {
    let scene = Scene::new().await;
    let matching = |password: &str| MatchCredentials {
        backend: name(),
        username: "user1".to_owned().try_into().unwrap(),
        provider: Some(id("GeorgiaPower")),
        password: Some(body(json!(password))),
        password2: None,
        password3: None,
        password4: None,
        paging: Paging::default(),
    };
    assert!(scene.call(matching("pass2")).await.unwrap().items.is_empty());
    let found = scene.call(matching("pass1")).await.unwrap().items;
    assert_eq!(found.len(), 1, "a bare object is a list of one");
    let changes = body(json!({ "password": "pass2" }));
    let credential = found[0].id.clone();
    let changed = scene.call(UpdateCredential { credential, changes }).await.unwrap();
    assert_eq!(changed.id, found[0].id);
    assert_eq!(scene.call(matching("pass2")).await.unwrap().items.len(), 1);
    let nothing = body(json!({ "url": null }));
    let refused = scene
        .call(UpdateCredential {
            credential: found[0].id.clone(),
            changes: nothing,
        })
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    for exchange in scene.tap.exchanges() {
        assert!(!exchange.target.contains("pass1") && !exchange.target.contains("pass2"));
        let answer = String::from_utf8(exchange.response_body).unwrap();
        assert!(!answer.contains("pass1") && !answer.contains("pass2"));
    }
    scene.checked();
}

#[tokio::test]
async fn all_28_published_endpoints_are_asked_as_the_contract_says() {
    let scene = Scene::new().await;
    let paging = || page(5, None);
    let sample = || format!("urjanet-us:{SAMPLE}");
    scene.account(SAMPLE).await.unwrap();
    scene.call(search(Vec::new(), paging())).await.unwrap();
    let patch = body(json!({ "enrollment": { "subscribed": true } }));
    scene
        .call(UpdateAccount {
            account: id(SAMPLE),
            patch,
        })
        .await
        .unwrap();
    let candidates = scene.call(SearchCandidateAccounts {
        backend: name(),
        filters: vec![],
        paging: paging(),
    });
    assert!(!candidates.await.unwrap().items.is_empty());
    let meters = scene.call(SearchCandidateMeters {
        backend: name(),
        filters: vec![],
        paging: paging(),
    });
    assert!(!meters.await.unwrap().items.is_empty());
    let meters = scene.call(SearchMeters {
        backend: name(),
        service_kind: None,
        filters: vec![],
        paging: paging(),
    });
    assert_eq!(meters.await.unwrap().items.len(), 5);
    scene
        .call(ListMeters {
            account: id(SAMPLE),
            paging: paging(),
        })
        .await
        .unwrap();
    let meter = || id(&format!("{MANY_METERS}~m~{SAMPLE}"));
    scene.call(GetMeter { meter: meter() }).await.unwrap();
    let changes = body(json!({ "custom_attributes": { "attribute1": null } }));
    scene
        .call(UpdateMeter {
            meter: meter(),
            changes,
        })
        .await
        .unwrap();
    let credentials = scene.call(SearchCredentials {
        backend: name(),
        filters: vec![],
        paging: paging(),
    });
    let credentials = credentials.await.unwrap();
    let alias = credentials.items[0].alias.clone().unwrap();
    let by_alias = scene.call(GetCredential { credential: id(&alias) }).await.unwrap();
    assert_eq!(by_alias.id, credentials.items[0].id);
    let changes = body(json!({ "enabled": true }));
    scene
        .call(UpdateCredential {
            credential: by_alias.id,
            changes,
        })
        .await
        .unwrap();
    let new = body(json!({ "provider_id": "urjanet-us:GeorgiaPower", "kind": "S3", "s3_bucket": "bills" }));
    let credential = scene.call(CreateCredential { credential: new }).await.unwrap();
    let new = body(json!({ "backend": "urjanet-us", "number": "31-1",
        "enrollment": { "provider": sample(), "credentials": [credential.native_id] } }));
    let account = scene.call(CreateAccount { new }).await.unwrap();
    let new = body(json!({ "account_id": account.id.as_str(), "number": "1", "service_kind": "GAS" }));
    scene.call(CreateMeter { meter: new }).await.unwrap();
    let enrolled = scene.call(EnrollCandidate {
        candidate: id(CANDIDATE),
        custom_attributes: body(json!({})),
    });
    let enrolled = enrolled.await.unwrap();
    assert_eq!(enrolled.enrollment.unwrap().normalized_number.as_deref(), Some("456"));

    let new = body(json!({ "backend": "urjanet-us", "name": "CostCentre", "required": false }));
    let attribute = scene.call(CreateCustomAttribute { attribute: new }).await.unwrap();
    assert_eq!(attribute.position, None, "-1 is none");
    let changes = body(json!({ "position": 7 }));
    let changed = scene
        .call(UpdateCustomAttribute {
            attribute: attribute.id.clone(),
            changes,
        })
        .await
        .unwrap();
    assert_eq!(changed.position, Some(7));
    scene
        .call(GetCustomAttribute {
            attribute: attribute.id,
        })
        .await
        .unwrap();
    let all = scene.call(SearchCustomAttributes {
        backend: name(),
        filters: vec![],
        paging: paging(),
    });
    assert!(!all.await.unwrap().items.is_empty());

    let kinds = scene
        .call(ListServiceTypes {
            backend: name(),
            paging: page(50, None),
        })
        .await
        .unwrap();
    assert_eq!(kinds.items.len(), 8);
    let electric = kinds
        .items
        .iter()
        .find(|kind| kind.name.as_deref() == Some("Electric"))
        .unwrap()
        .id
        .clone();
    scene
        .call(GetServiceType {
            service_type: electric.clone(),
        })
        .await
        .unwrap();
    let providers = |service_type, filters| SearchProviders {
        backend: name(),
        service_type,
        filters,
        paging: page(50, None),
    };
    assert_eq!(
        scene
            .call(providers(Some(electric.clone()), vec![]))
            .await
            .unwrap()
            .items
            .len(),
        8
    );
    let named = filter::<intertie::operations::filter::ProviderFields>("alias", Operator::StartsWith, text("georgia"));
    let both = scene
        .call(providers(Some(electric), vec![named]))
        .await
        .unwrap()
        .items
        .len();
    assert!((1..8).contains(&both), "{both}");
    assert_eq!(scene.call(providers(None, vec![])).await.unwrap().items.len(), 20);
    let provider = scene
        .call(GetProvider {
            provider: id("GeorgiaPower"),
        })
        .await
        .unwrap();
    assert_eq!(provider.name.as_deref(), Some("Georgia Power"));
    let templates = scene.call(SearchTemplates {
        backend: name(),
        filters: vec![],
        paging: page(50, None),
    });
    assert_eq!(templates.await.unwrap().items.len(), 16);
    scene
        .call(GetTemplate {
            template: id("GeorgiaPowerTemplateProvider"),
        })
        .await
        .unwrap();
    for wrong in ["CedarWater", "nobody"] {
        let error = scene.call(GetTemplate { template: id(wrong) }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong} is no template");
    }
    let error = scene
        .call(GetProvider {
            provider: id("CedarWaterTemplateProvider"),
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "a template is no provider");

    let changes = scene
        .call(SearchChanges {
            backend: name(),
            since: None,
            kind: Some(ChangeKind::EnrollmentStatus),
            filters: vec![],
            paging: paging(),
        })
        .await
        .unwrap();
    assert!(
        changes
            .items
            .iter()
            .all(|change| change.kind == ChangeKind::EnrollmentStatus)
    );
    let moment = changes.items[0].occurred_at;
    let since = scene
        .call(SearchChanges {
            backend: name(),
            since: Some(intertie::model::time::Bound::At(moment)),
            kind: Some(ChangeKind::EnrollmentStatus),
            filters: vec![],
            paging: paging(),
        })
        .await
        .unwrap();
    assert_eq!(
        since.items[0].occurred_at, moment,
        "the instant itself is asked for too"
    );

    for operation in published() {
        assert!(scene.executed(&operation) > 0, "{operation} was not asked");
    }
    scene.checked();
}

#[tokio::test]
async fn a_failure_in_a_200_is_one_and_a_create_is_never_sent_twice() {
    let scene = Scene::new().await;
    scene
        .running
        .fault(Kind::Urjanet, Fault::ErrorInside, 1, Some("getAccount"));
    assert!(scene.account(SAMPLE).await.is_ok(), "a read is repeated");
    let new = |number: &str| CreateAccount {
        new: body(json!({ "backend": "urjanet-us", "number": number,
            "enrollment": { "provider": "GeorgiaPower", "credentials": ["Customer_1-GeorgiaPower_1"] } })),
    };
    for (fault, number) in [
        (Fault::ErrorInside, "501"),
        (Fault::Status(500), "502"),
        (Fault::DropBefore, "503"),
        (Fault::DropAfter, "504"),
        (Fault::MalformedJson, "505"),
    ] {
        let before = scene.executed("createAccount");
        scene.running.fault(Kind::Urjanet, fault, 1, Some("createAccount"));
        let error = scene.call(new(number)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{fault:?}");
        assert!(scene.executed("createAccount") - before <= 1, "{fault:?}");
    }
    // Stored without its attributes: neither done nor undone.
    let mut partly = new("506");
    partly.new.custom_attributes = body(json!([{ "name": "SiteID", "value": "x".repeat(256) }]));
    assert_eq!(scene.call(partly).await.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(scene.executed("login"), 1);
}

#[tokio::test]
async fn what_the_system_cannot_take_is_refused_by_name_before_it_is_asked() {
    let scene = Scene::new().await;
    let enrolment = json!({ "provider": "GeorgiaPower", "credentials": ["a"] });
    for (member, value, pointer) in [
        ("name", json!("A"), "/name"),
        ("currency", json!("USD"), "/currency"),
        ("number", Value::Null, "/number"),
        ("enrollment", Value::Null, "/enrollment"),
        ("enrollment", json!({ "credentials": ["a"] }), "/enrollment/provider"),
        (
            "enrollment",
            json!({ "provider": "p", "credentials": ["a", "b"] }),
            "/enrollment/credentials",
        ),
    ] {
        let mut new = json!({ "backend": "urjanet-us", "number": "1", "enrollment": enrolment });
        new[member] = value;
        let error = scene.call(CreateAccount { new: body(new) }).await.unwrap_err();
        assert!(error.message().contains(pointer), "{}", error.message());
    }
    for (patch, pointer) in [
        (json!({ "brand": "B" }), "/brand"),
        (
            json!({ "enrollment": { "subscribed": null } }),
            "/enrollment/subscribed",
        ),
        (
            json!({ "enrollment": { "credentials": [] } }),
            "/enrollment/credentials",
        ),
        (json!({ "custom_attributes": null }), "/custom_attributes"),
        (json!({ "enrollment": {} }), "/enrollment"),
    ] {
        let error = scene
            .call(UpdateAccount {
                account: id(SAMPLE),
                patch: body(patch),
            })
            .await
            .unwrap_err();
        assert!(error.message().contains(pointer), "{}", error.message());
    }
    assert!(scene.tap.exchanges().is_empty());
}

#[test]
fn each_of_the_28_published_endpoints_has_a_specimen() {
    let specimens = crate::conformance::specimens_of("urjanet-us");
    let asked: BTreeSet<_> = specimens.iter().map(|specimen| specimen.native.to_owned()).collect();
    assert_eq!(asked, published());
}

/// What two spellings of one request have in common: the order of conditions that are all to hold, the second names of
/// operators, quoted booleans and a filter that is `null` mean nothing of their own (README, "Search" and "Where the
/// published document disagrees"). Sorts are not the caller's here.
fn settled(mut request: Value) -> Value {
    for flag in ["enabled", "intervalDataEnabled"] {
        if let Some(text) = request[flag].as_str() {
            request[flag] = json!(text == "true");
        }
    }
    // The sample of an update names one credential in both members.
    if let Some(one) = request["extractionChannelId"].as_str().map(str::to_owned)
        && let Some(many) = request["extractionChannelIds"].as_array()
    {
        assert!(many.contains(&json!(one)), "{request}");
        request.as_object_mut().unwrap().remove("extractionChannelId");
    }
    let members = request.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null());
    if let Some(criteria) = members.get_mut("queryCriteria") {
        criteria.as_object_mut().unwrap().remove("sorts");
        if criteria["filter"].is_null() {
            criteria["filter"] = json!({ "conditions": [] });
        }
        let conditions = criteria["filter"]["conditions"].as_array_mut().unwrap();
        for condition in conditions.iter_mut() {
            let operator = match condition["operator"].as_str().unwrap().to_lowercase().as_str() {
                "includes" => "include".to_owned(),
                other => other.to_owned(),
            };
            condition["operator"] = json!(operator);
        }
        conditions.sort_by_key(|condition| condition["field"].as_str().unwrap().to_owned());
    }
    request
}

/// Compares what the adapter sends with the contract's examples of requests.
struct Written {
    scene: Scene,
    index: Value,
    done: BTreeSet<String>,
}

impl Written {
    async fn of(customer: &str) -> Self {
        let index = include_str!("fixtures/urjanet/examples-index.json");
        Self {
            scene: Scene::of(customer).await,
            index: serde_json::from_str(index).unwrap(),
            done: BTreeSet::new(),
        }
    }

    /// Makes a call and compares the request to the example's endpoint with the example. What the system makes of it is
    /// another test's: some samples are of records that are not in its data.
    async fn as_in<O: Operation>(&mut self, name: &str, operation: O) {
        let file = format!("{name}.request.json");
        let before = self.scene.tap.exchanges().len();
        self.scene.call(operation).await.ok();
        let entry = self.index["examples"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["file"] == file.as_str());
        let path = entry.unwrap()["path"].as_str().unwrap();
        let exchanges = self.scene.tap.exchanges();
        let sent: Vec<_> = exchanges[before..]
            .iter()
            .filter(|exchange| exchange.target.ends_with(path))
            .collect();
        assert_eq!(sent.len(), 1, "{name} to {path}");
        let sent: Value = serde_json::from_slice(&sent[0].request_body).unwrap();
        if let Some(criteria) = sent.get("queryCriteria") {
            let sorts = criteria["sorts"].as_array().unwrap();
            assert!(
                !sorts.is_empty() && sorts.iter().all(|sort| sort["direction"] == "asc"),
                "{name}: {sent}"
            );
        }
        assert_eq!(settled(sent), settled(example(&file)), "{name}");
        self.done.insert(file);
    }
}

fn example(file: &str) -> Value {
    let path = format!("{}/tests/fixtures/urjanet/examples/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn samples_of_customer1() -> BTreeSet<String> {
    use intertie::operations::filter::{ChangeFields, CredentialFields, MeterFields, ProviderFields, TemplateFields};
    let mut written = Written::of("Customer1").await;
    let backend = name;
    let eq = Operator::Eq;
    let custom = |field: &str, operator, value: &str| Filter {
        field: &CUSTOM,
        attribute: Some(field.to_owned()),
        operator,
        operand: text(value),
    };
    let new = body(json!({ "backend": "urjanet-us", "number": "1234",
        "enrollment": { "provider": "GeorgiaPower", "subscribed": true, "delivered": true, "history": false,
            "paperless": "TURN_ON_EBILL", "credentials": ["Customer1_1-GeorgiaPower_1"] },
        "custom_attributes": [{ "name": "attribute1", "value": "value1" }] }));
    written.as_in("account-create", CreateAccount { new }).await;
    let patch = body(
        json!({ "enrollment": { "provider": "GeorgiaPower", "subscribed": true, "delivered": true,
            "history": true, "paperless": "TURN_ON_EBILL",
            "credentials": ["Customer1_1-GeorgiaPower_1", "Customer1_1-GeorgiaPower_2"] },
        "custom_attributes": [{ "name": "attribute1", "value": "value1" }] }),
    );
    let account = id("1e557643-1753-d931-b246-0e384cd92781");
    written.as_in("account-update", UpdateAccount { account, patch }).await;
    let enroll = |candidate: &str, attributes: Value| EnrollCandidate {
        candidate: id(candidate),
        custom_attributes: body(attributes),
    };
    let given = json!({ "attribute1": "value1" });
    written.as_in("account-enroll-candidate", enroll(SAMPLE, given)).await;
    written
        .as_in("workflow-c-2-account-enroll-candidate", enroll(CANDIDATE, json!({})))
        .await;
    let pending = filter::<AccountFields>("enrollment_status", eq, text("PENDING"));
    written
        .as_in("account-search", search(vec![pending], page(10, None)))
        .await;
    let group = custom("SiteID", Operator::Include, "123");
    written
        .as_in("workflow-b-1-account-search", search(vec![group], page(100, None)))
        .await;
    let patch = body(json!({ "enrollment": { "delivered": false } }));
    let account = id("5f7c8c54-bac4-4032-9a8e-43aad010ccb6");
    written
        .as_in("workflow-b-2-account-update", UpdateAccount { account, patch })
        .await;
    let candidates = |filter, limit| SearchCandidateAccounts {
        backend: backend(),
        filters: vec![filter],
        paging: page(limit, None),
    };
    let works = filter::<AccountFields>("extraction_status", eq, text("SUCCESS"));
    written.as_in("account-candidates", candidates(works, 10)).await;
    let numbered = filter::<AccountFields>("normalized_number", eq, text("456"));
    written
        .as_in("workflow-c-1-account-candidates", candidates(numbered, 100))
        .await;

    let meter = body(
        json!({ "account_id": "urjanet-us:2532c257-fc5e-4477-a5a1-4afe52a0ebeb", "number": "meter-123",
        "service_kind": "GAS", "custom_attributes": { "attribute1": "value1" } }),
    );
    written.as_in("meter-create", CreateMeter { meter }).await;
    let changes = body(json!({ "custom_attributes": { "attribute1": "value2" } }));
    let meter = id(&format!("{MANY_METERS}~m~{SAMPLE}"));
    written.as_in("meter-update", UpdateMeter { meter, changes }).await;
    let meters = SearchMeters {
        backend: backend(),
        service_kind: None,
        filters: vec![custom("attribute1", eq, "value2")],
        paging: page(100, None),
    };
    written.as_in("meter-search", meters).await;
    let found = filter::<MeterFields>("account_number", Operator::StartsWith, text("012345"));
    let meters = SearchCandidateMeters {
        backend: backend(),
        filters: vec![found],
        paging: page(100, None),
    };
    written.as_in("meter-candidate", meters).await;

    let credentials = SearchCredentials {
        backend: backend(),
        filters: vec![filter::<CredentialFields>(
            "provider",
            Operator::Include,
            text("Georgia"),
        )],
        paging: page(100, None),
    };
    written.as_in("credential-search", credentials).await;
    let matching = |password: &str| MatchCredentials {
        backend: backend(),
        username: "user1".to_owned().try_into().unwrap(),
        provider: Some(id("GeorgiaPower")),
        password: Some(body(json!(password))),
        password2: None,
        password3: None,
        password4: None,
        paging: page(100, None),
    };
    written.as_in("workflow-d-1-credential-search", matching("pass2")).await;
    written.as_in("workflow-d-2-credential-search", matching("pass1")).await;
    let update = |changes: Value| UpdateCredential {
        credential: id("Customer_1-GeorgiaPower_1"),
        changes: body(changes),
    };
    let changes = json!({ "username": "user3", "username2": "user2", "username3": "user3", "username4": "user4",
        "enabled": true, "interval_data_enabled": false, "password": "pass", "password2": "pass2",
        "password3": "pass3", "password4": "pass4", "url": "https://www.google.com",
        "template_id": "urjanet-us:GeorgiaPowerTemplateProvider", "s3_bucket": "my_s3_bucket",
        "s3_prefix": "/ComEd", "s3_encryption_key_id": SAMPLE,
        "s3_role_id": "arn:aws:iam::AccountID:role/MyExampleRole" });
    written.as_in("credential-update", update(changes)).await;
    written
        .as_in("workflow-d-3-credential-update", update(json!({ "password": "pass2" })))
        .await;

    let attributes = SearchCustomAttributes {
        backend: backend(),
        filters: vec![],
        paging: page(100, None),
    };
    written.as_in("attribute-search", attributes).await;
    let changes = body(json!({ "name": "NewName", "required": true, "position": 1 }));
    let attribute = id(SAMPLE);
    written
        .as_in("attribute-update", UpdateCustomAttribute { attribute, changes })
        .await;
    let providers = SearchProviders {
        backend: backend(),
        service_type: None,
        filters: vec![filter::<ProviderFields>("alias", Operator::StartsWith, text("Georgia"))],
        paging: page(100, None),
    };
    written.as_in("provider-search", providers).await;
    let templates = SearchTemplates {
        backend: backend(),
        filters: vec![filter::<TemplateFields>("name", Operator::Include, text("Georgia"))],
        paging: page(100, None),
    };
    written.as_in("template-search", templates).await;
    let changes = |kind, filters| SearchChanges {
        backend: backend(),
        since: None,
        kind,
        filters,
        paging: page(100, None),
    };
    let kind = Some(ChangeKind::AccountDelivery);
    written.as_in("changelog-search", changes(kind, vec![])).await;
    let native = filter::<ChangeFields>("native_kind", eq, text("AccountDeliveryChangeEvent"));
    written.as_in("changelog-search", changes(None, vec![native])).await;

    // The login came first, and the fragment is a search's.
    let exchanges = written.scene.tap.exchanges();
    let login: Value = serde_json::from_slice(&exchanges[0].request_body).unwrap();
    assert_eq!(login, example("auth-login.request.json"));
    written.done.insert("auth-login.request.json".to_owned());
    let hundreds = filter::<AccountFields>("number", Operator::StartsWith, text("100"));
    written
        .scene
        .call(search(vec![hundreds], page(100, None)))
        .await
        .unwrap();
    let sent: Value = serde_json::from_slice(&written.scene.tap.exchanges().last().unwrap().request_body).unwrap();
    let fragment = example("search-criteria.sample.json");
    assert_eq!(sent["queryCriteria"]["sorts"][0], fragment["sorts"][0]);
    let settle = |criteria: &Value| settled(json!({ "queryCriteria": criteria }));
    assert_eq!(settle(&sent["queryCriteria"]), settle(&fragment));
    written.done.insert("search-criteria.sample.json".to_owned());
    written.done
}

/// The samples that create things name other customers.
async fn samples_of_others() -> BTreeSet<String> {
    let mut written = Written::of("Customer").await;
    let attribute = body(json!({ "backend": "urjanet-us", "name": "FacilityId", "required": false, "position": 2 }));
    written
        .as_in("attribute-create", CreateCustomAttribute { attribute })
        .await;
    let credential = body(
        json!({ "provider_id": "urjanet-us:GeorgiaPower", "kind": "WEB", "username": "user",
        "username2": "user2", "username3": "user3", "username4": "user4", "password": "pass", "password2": "pass2",
        "password3": "pass3", "password4": "pass4", "url": "https://www.google.com",
        "template_id": "urjanet-us:GeorgiaPowerTemplateProvider", "enabled": true, "interval_data_enabled": false,
        "s3_bucket": "my_s3_bucket", "s3_prefix": "/ComEd", "s3_encryption_key_id": SAMPLE,
        "s3_role_id": "arn:aws:iam::AccountID:role/MyExampleRole" }),
    );
    written
        .as_in("credential-create", CreateCredential { credential })
        .await;
    let credential = body(
        json!({ "provider_id": "urjanet-us:GeorgiaPower", "username": "user1", "password": "pass2",
        "url": "https://www.georgiapower.com" }),
    );
    written
        .as_in("workflow-d-4-credential-create", CreateCredential { credential })
        .await;
    let mut done = written.done;

    let mut written = Written::of("ExampleCustomer").await;
    let credential = body(
        json!({ "provider_id": "urjanet-us:GeorgiaPower", "username": "user", "username2": "user2",
        "password": "pass", "url": "https://www.google.com" }),
    );
    written
        .as_in("workflow-a-1-credential-create", CreateCredential { credential })
        .await;
    let attribute = body(json!({ "backend": "urjanet-us", "name": "SiteID", "required": false }));
    written
        .as_in("workflow-a-2-attribute-create", CreateCustomAttribute { attribute })
        .await;
    let new = body(json!({ "backend": "urjanet-us", "number": "1234-56789",
        "enrollment": { "provider": "GeorgiaPower", "subscribed": true, "delivered": true, "history": false,
            "credentials": ["ExampleCustomer_1-GeorgiaPower_1"] },
        "custom_attributes": [{ "name": "SiteID", "value": "Site 123" }] }));
    written
        .as_in("workflow-a-3-account-create", CreateAccount { new })
        .await;
    let meter = body(
        json!({ "account_id": "urjanet-us:80da2e51-83b3-4eed-8f47-b02ee248ff77", "number": "meter-123",
        "service_kind": "GAS", "custom_attributes": { "MeterMixin": "value1" } }),
    );
    written.as_in("workflow-a-4-meter-create", CreateMeter { meter }).await;
    done.append(&mut written.done);
    done
}

#[tokio::test]
async fn every_example_of_a_request_is_what_the_adapter_writes() {
    let mut written = samples_of_customer1().await;
    written.append(&mut samples_of_others().await);
    let folder = format!("{}/tests/fixtures/urjanet/examples", env!("CARGO_MANIFEST_DIR"));
    let requests: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".request.json") || name.ends_with(".sample.json"))
        .collect();
    assert_eq!(written, requests);
}
