//! Accounts, passwords and sessions, over in-memory ports.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_trait::async_trait;
use futures::executor::block_on;
use secrecy::SecretString;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use waybill_app::{
    ChangeAccount, Context, CreateAccount, CreateKey, Error, IdempotentRequest, Passwords, SessionProof, SignIn,
    SignedIn, act_as, authenticate_key, authenticate_password, authenticate_session, change_account, create_account,
    create_key, delete_account, list_accounts, sign_in, sign_out,
};
use waybill_domain::{Account, CommitId, Email, IdempotencyKey, Principal, Role, Session, SignInCount, Timestamp};
use waybill_ports::{DueKind, DueRow, PortError, Row, RowKey, RowPage, RowRange, StateStore, Write};
use waybill_testkit::{MemoryPorts, MemoryStateStore, samples};

const PASSWORD: &str = "correct horse";

struct Fixture {
    ports: MemoryPorts,
    context: Context,
    passwords: Passwords,
    admin: Principal,
    ann: Account,
}

fn command(email: &str, password: Option<&str>) -> CreateAccount {
    let email = Some(Email::parse(email).unwrap());
    CreateAccount { email, password: password.map(SecretString::from), ..CreateAccount::default() }
}

impl Fixture {
    fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let (context, passwords) = (ports.context(), Passwords::new(8, 1).unwrap());
        let admin = samples::principal("demo", Role::Admin).unwrap();
        let ann = block_on(async {
            for org in ["demo", "acme"] {
                ports.insert(&samples::org(org).unwrap()).await.unwrap();
                ports.insert(&samples::account(org, Role::Admin).unwrap()).await.unwrap();
            }
            let command = command("Ann@example.com", Some(PASSWORD));
            create_account(&context, &passwords, &admin, &command).await.unwrap()
        });
        Self { ports, context, passwords, admin, ann }
    }

    fn attempt(email: &str, password: &str) -> SignIn {
        SignIn {
            org: "demo".parse().unwrap(),
            email: email.into(),
            password: SecretString::from(password),
            address: "192.0.2.1".into(),
        }
    }

    fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, Error> {
        block_on(sign_in(&self.context, &self.passwords, &Self::attempt(email, password), None))
    }

    fn change(&self, change: &ChangeAccount) -> Result<Account, Error> {
        block_on(change_account(&self.context, &self.passwords, &self.admin, self.ann.id, change))
    }

    fn later(&self, by: Duration) {
        self.ports.clock.set(self.context.now().after(by));
    }
}

fn proof(signed: &SignedIn) -> SessionProof {
    SessionProof { token: signed.token.clone(), fingerprint: signed.fingerprint.clone() }
}

#[test]
fn an_address_is_one_accounts_of_its_org_without_regard_to_case() {
    let fixture = Fixture::new();
    let make = |org: &str| {
        let admin = samples::principal(org, Role::Admin).unwrap();
        block_on(create_account(&fixture.context, &fixture.passwords, &admin, &command("ANN@example.com", None)))
    };
    assert!(matches!(make("demo"), Err(Error::Conflict { .. })));
    assert!(make("acme").is_ok(), "another org's accounts are its own");
    let other = command("bob@example.com", None);
    let bob = block_on(create_account(&fixture.context, &fixture.passwords, &fixture.admin, &other)).unwrap();
    let take = ChangeAccount { email: Some(Email::parse("ann@EXAMPLE.com").ok()), ..ChangeAccount::default() };
    let change = |take: &ChangeAccount| {
        block_on(change_account(&fixture.context, &fixture.passwords, &fixture.admin, bob.id, take))
    };
    assert!(matches!(change(&take), Err(Error::Conflict { .. })));
    // Given up, it is free.
    fixture.change(&ChangeAccount { email: Some(None), ..ChangeAccount::default() }).unwrap();
    assert_eq!(change(&take).unwrap().email.unwrap().as_str(), "ann@EXAMPLE.com");
}

#[test]
fn a_session_begins_with_the_right_password_alone() {
    let fixture = Fixture::new();
    let signed = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    let caller = block_on(authenticate_session(&fixture.context, &proof(&signed))).unwrap();
    assert_eq!((caller.principal.account, caller.principal.role), (fixture.ann.id, Role::Member));
    let text = |error: Error| error.to_string();
    let wrong = text(fixture.sign_in("ann@example.com", "wrong horse").unwrap_err());
    for (email, password) in [("nobody@example.com", PASSWORD), ("not an address", PASSWORD), ("ann@example.com", "")] {
        assert_eq!(text(fixture.sign_in(email, password).unwrap_err()), wrong);
    }
    let mut elsewhere = Fixture::attempt("ann@example.com", PASSWORD);
    for org in ["acme", "nowhere"] {
        elsewhere.org = org.parse().unwrap();
        let refused = block_on(authenticate_password(&fixture.context, &fixture.passwords, &elsewhere));
        assert_eq!(text(refused.unwrap_err()), wrong);
    }
    let stranger = SessionProof { fingerprint: signed.token.clone(), ..proof(&signed) };
    assert!(block_on(authenticate_session(&fixture.context, &stranger)).is_err(), "another browser's");
    block_on(sign_out(&fixture.context, &proof(&signed))).unwrap();
    assert!(block_on(authenticate_session(&fixture.context, &proof(&signed))).is_err());
}

#[test]
fn guessing_is_slowed_down_for_accounts_that_are_there_and_those_that_are_not() {
    let fixture = Fixture::new();
    for email in ["ann@example.com", "nobody@example.com"] {
        for _ in 0..SignInCount::PER_ACCOUNT {
            assert!(matches!(fixture.sign_in(email, "wrong horse"), Err(Error::Unauthenticated { .. })));
        }
        let refused = fixture.sign_in(email, PASSWORD);
        assert!(matches!(refused, Err(Error::Throttled { retry_after: Some(_) })), "{refused:?}");
    }
    fixture.later(SignInCount::WINDOW);
    for _ in 0..3 * SignInCount::PER_ACCOUNT {
        fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    }
    for number in 0..SignInCount::PER_ADDRESS {
        assert!(fixture.sign_in(&format!("x{number}@example.com"), PASSWORD).is_err());
    }
    assert!(matches!(fixture.sign_in("y@example.com", PASSWORD), Err(Error::Throttled { .. })));
}

#[test]
fn a_session_ends_idle_in_any_case_and_with_what_it_stands_on() {
    let fixture = Fixture::new();
    let good = |signed: &SignedIn| block_on(authenticate_session(&fixture.context, &proof(signed))).is_ok();
    let signed = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    for _ in 0..29 {
        fixture.later(Duration::from_mins(24));
        assert!(good(&signed));
    }
    assert_eq!(Session::LIFETIME, Duration::from_hours(12));
    fixture.later(Duration::from_mins(24));
    assert!(!good(&signed), "its time is over");
    let idle = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    fixture.later(Session::IDLE);
    assert!(!good(&idle));

    let before = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    fixture.later(Duration::from_millis(1));
    let password = Some(Some(SecretString::from("another horse")));
    fixture.change(&ChangeAccount { password, ..ChangeAccount::default() }).unwrap();
    assert!(!good(&before), "the password was changed");
    let after = fixture.sign_in("ann@example.com", "another horse").unwrap();
    assert!(good(&after));
    fixture.later(Duration::from_millis(1));
    fixture.change(&ChangeAccount { locked: Some(true), ..ChangeAccount::default() }).unwrap();
    assert!(!good(&after) && fixture.sign_in("ann@example.com", "another horse").is_err());
    fixture.change(&ChangeAccount { locked: Some(false), ..ChangeAccount::default() }).unwrap();
    assert!(!good(&after), "a lock ends sessions for good");
    assert!(good(&fixture.sign_in("ann@example.com", "another horse").unwrap()));
}

#[test]
fn a_token_against_forged_requests_rotates_and_outlives_its_successor_for_a_while() {
    let fixture = Fixture::new();
    let signed = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    let call = || block_on(authenticate_session(&fixture.context, &proof(&signed))).unwrap();
    assert!(call().takes_csrf(&signed.csrf, fixture.context.now()));
    fixture.later(Duration::from_mins(5));
    let second = call();
    assert_ne!(second.csrf, signed.csrf);
    // Requests side by side: both are good.
    assert!(
        call().takes_csrf(&signed.csrf, fixture.context.now())
            && call().takes_csrf(&second.csrf, fixture.context.now())
    );
    fixture.later(Duration::from_mins(6));
    call();
    assert!(call().takes_csrf(&second.csrf, fixture.context.now()));
    assert!(!call().takes_csrf(&signed.csrf, fixture.context.now()), "long replaced");
    for forged in ["", "1-2", "x", &second.csrf[1..], &format!("9{}", second.csrf)] {
        assert!(!call().takes_csrf(forged, fixture.context.now()), "{forged}");
    }
    let other = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    assert!(!call().takes_csrf(&other.csrf, fixture.context.now()), "another session's");
}

#[test]
fn a_deleted_account_takes_its_keys_sessions_and_address_with_it() {
    let fixture = Fixture::new();
    let signed = fixture.sign_in("ann@example.com", PASSWORD).unwrap();
    let key = CreateKey {
        name: "ann's".into(),
        role: Role::Member,
        scopes: std::collections::BTreeSet::new(),
        expires_at: None,
        account: Some(fixture.ann.id),
        signature: true,
        public_key: None,
        idempotency: None,
    };
    let create = || block_on(create_key(&fixture.context, &*fixture.ports.vault, &fixture.admin, &key));
    let made = create().unwrap();
    assert_eq!(block_on(authenticate_key(&fixture.context, &made.secret)).unwrap().account, fixture.ann.id);
    block_on(delete_account(&fixture.context, &fixture.admin, fixture.ann.id)).unwrap();
    assert!(block_on(authenticate_key(&fixture.context, &made.secret)).is_err());
    assert!(block_on(authenticate_session(&fixture.context, &proof(&signed))).is_err());
    assert!(create().is_err(), "no key without an account");
    let again = block_on(delete_account(&fixture.context, &fixture.admin, fixture.ann.id));
    assert!(matches!(again, Err(Error::NotFound { .. })));
    let stored = block_on(fixture.ports.rows().access_key(&fixture.ann.org, made.key.id)).unwrap().unwrap();
    assert!(stored.value.revoked_at.is_some());
    let command = command("ann@example.com", None);
    assert!(block_on(create_account(&fixture.context, &fixture.passwords, &fixture.admin, &command)).is_ok());
    assert!(fixture.sign_in("ann@example.com", PASSWORD).is_err(), "the password went too");
}

#[test]
fn an_administrator_does_not_lock_itself_out_and_members_change_nobody() {
    let fixture = Fixture::new();
    let own = fixture.admin.account;
    let change = |change: ChangeAccount| {
        block_on(change_account(&fixture.context, &fixture.passwords, &fixture.admin, own, &change))
    };
    assert!(change(ChangeAccount { locked: Some(true), ..ChangeAccount::default() }).is_err());
    assert!(change(ChangeAccount { role: Some(Role::Member), ..ChangeAccount::default() }).is_err());
    assert!(change(ChangeAccount { name: (Some("Ada".into()), None), ..ChangeAccount::default() }).is_ok());
    assert!(block_on(delete_account(&fixture.context, &fixture.admin, own)).is_err());
    let member = samples::principal("demo", Role::Member).unwrap();
    assert!(block_on(list_accounts(&fixture.context, &member, None, 10)).is_err());
    assert!(block_on(delete_account(&fixture.context, &member, own)).is_err());
    let stranger = samples::principal("acme", Role::Admin).unwrap();
    let foreign = block_on(delete_account(&fixture.context, &stranger, fixture.ann.id));
    assert!(matches!(foreign, Err(Error::NotFound { .. })));
}

/// Lets others go first at every call, so that two callers take turns.
struct Turns(Arc<MemoryStateStore>);

async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[async_trait]
impl StateStore for Turns {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        turn().await;
        self.0.get(key).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        turn().await;
        self.0.get_many(keys).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        turn().await;
        self.0.query(range).await
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        turn().await;
        self.0.commit(commit, writes).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.0.due(kind, shard, until, limit).await
    }
}

#[test]
fn a_request_for_an_account_that_comes_twice_at_once_makes_one() {
    let fixture = Fixture::new();
    let turns = Context { state: Arc::new(Turns(Arc::clone(&fixture.ports.state))), ..fixture.context.clone() };
    for behind in 0..8 {
        let key = IdempotencyKey::parse(&format!("key-{behind}")).unwrap();
        let request = IdempotentRequest { key, operation: "admin:create-account", body_digest: "same".into() };
        let command = CreateAccount { idempotency: Some(request), ..CreateAccount::default() };
        let make = async |after| {
            for _ in 0..after {
                turn().await;
            }
            create_account(&turns, &fixture.passwords, &fixture.admin, &command).await.unwrap().id
        };
        let (one, other) = block_on(async { futures::join!(make(0), make(behind)) });
        assert_eq!(one, other, "{behind} turns behind");
    }
}

#[test]
fn of_two_administrators_who_delete_each_other_one_stays_with_its_key() {
    let fixture = Fixture::new();
    let key = |account| CreateKey {
        name: "key".into(),
        role: Role::Admin,
        scopes: std::collections::BTreeSet::new(),
        expires_at: None,
        account: Some(account),
        signature: false,
        public_key: None,
        idempotency: None,
    };
    let promote = ChangeAccount { role: Some(Role::Admin), ..ChangeAccount::default() };
    fixture.change(&promote).unwrap();
    let make = |account| {
        block_on(create_key(&fixture.context, &*fixture.ports.vault, &fixture.admin, &key(account))).unwrap().secret
    };
    let secrets = [make(fixture.admin.account), make(fixture.ann.id)];
    let callers = secrets.each_ref().map(|secret| block_on(authenticate_key(&fixture.context, secret)).unwrap());
    let turns = Context { state: Arc::new(Turns(Arc::clone(&fixture.ports.state))), ..fixture.context.clone() };
    let [first, second] = block_on(async {
        let (a, b) = (&callers[0], &callers[1]);
        let both = futures::join!(delete_account(&turns, a, b.account), delete_account(&turns, b, a.account));
        [both.0.is_ok(), both.1.is_ok()]
    });
    assert!(first != second, "one of them was there first");
    let good = secrets.each_ref().map(|secret| block_on(authenticate_key(&fixture.context, secret)).is_ok());
    assert_eq!(good, [first, second]);
}

#[test]
fn only_an_administrators_key_acts_as_another_account() {
    let fixture = Fixture::new();
    let acting = block_on(act_as(&fixture.context, &fixture.admin, fixture.ann.id)).unwrap();
    assert_eq!((acting.account, acting.role, acting.key), (fixture.ann.id, Role::Member, fixture.admin.key));
    let member = Principal { role: Role::Member, ..fixture.admin.clone() };
    assert!(block_on(act_as(&fixture.context, &member, fixture.ann.id)).is_err());
    let session = fixture.sign_in("ann@example.com", PASSWORD).unwrap().principal;
    assert!(block_on(act_as(&fixture.context, &session, fixture.admin.account)).is_err());
    let stranger = samples::principal("acme", Role::Admin).unwrap();
    let nobody = "00000000000000000000000a".parse().unwrap();
    let refused = [fixture.ann.id, nobody].map(|id| block_on(act_as(&fixture.context, &stranger, id)).unwrap_err());
    assert_eq!(refused[0].to_string(), refused[1].to_string());
}
