//! Orgs, keys, signatures and definitions under lost replies and in races: done once, and known to be done.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

mod unanswered;

use futures::executor::block_on;
use futures::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use std::collections::BTreeSet;
use waybill_app::{
    ChangeOrg, Context, CreateKey, CreateOrg, Error, PutCollection, QuotaChange, authenticate_key,
    authenticate_signature, change_org, create_key, create_org, delete_collection, list_audit, list_keys,
    put_collection, revoke_key,
};
use waybill_domain::{Principal, Property, PropertyKind, RequestSignature, Role, Scope, Source};
use waybill_testkit::{MemoryPorts, samples};

/// A context in which the replies to the next `lost` commits are.
fn losing(ports: &MemoryPorts, lost: u32) -> Context {
    unanswered::losing(ports.context(), lost)
}

fn new_org(code: &str) -> CreateOrg {
    CreateOrg {
        code: code.parse().unwrap(),
        name: code.into(),
        quota_bytes: None,
        zone: "UTC".into(),
        min_interval_secs: None,
        max_waiting: None,
        idempotency: None,
    }
}

fn new_key(role: Role, signature: bool) -> CreateKey {
    CreateKey {
        name: "tests".into(),
        role,
        scopes: BTreeSet::from([Scope::RecordsRead]),
        expires_at: None,
        account: None,
        signature,
        public_key: None,
        idempotency: None,
    }
}

fn definition(name: &str, properties: Vec<Property>) -> PutCollection {
    let name = name.parse().unwrap();
    PutCollection { name, singular: None, source: Some(Source::Records), properties, open: false, access: Vec::new() }
}

/// Ports with the org `demo`, and its administrator by the key that making it gave.
fn demo() -> (MemoryPorts, Principal) {
    let ports = MemoryPorts::new(3);
    let made = block_on(create_org(&ports.context(), &new_org("demo"))).unwrap();
    let admin = block_on(authenticate_key(&ports.context(), &made.admin.secret)).unwrap();
    (ports, admin)
}

fn entries(ports: &MemoryPorts, admin: &Principal) -> usize {
    block_on(list_audit(&ports.context(), admin, None, 1000)).unwrap().items.len()
}

#[test]
fn a_lost_reply_to_the_making_of_an_org_still_gives_its_key() {
    let ports = MemoryPorts::new(3);
    let made = block_on(create_org(&losing(&ports, 1), &new_org("demo"))).unwrap();
    let admin = block_on(authenticate_key(&ports.context(), &made.admin.secret)).unwrap();
    assert!(admin.is_admin());
    assert_eq!(entries(&ports, &admin), 1);
    assert!(matches!(block_on(create_org(&ports.context(), &new_org("demo"))), Err(Error::Conflict { .. })));
}

#[test]
fn of_two_orgs_with_one_code_at_once_one_is_made() {
    let ports = MemoryPorts::new(3);
    let (context, command) = (ports.context(), new_org("demo"));
    let outcomes = block_on(join_all((0..5).map(|_| create_org(&context, &command))));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[test]
fn a_lost_reply_to_the_change_of_an_org_changes_it_once() {
    let (ports, admin) = demo();
    let change = ChangeOrg { quota: QuotaChange::Bytes(7), ..ChangeOrg::default() };
    let org = block_on(change_org(&losing(&ports, 1), &admin.org, &change)).unwrap();
    assert_eq!(org.quota_bytes, Some(7));
    assert_eq!(entries(&ports, &admin), 2);
}

#[test]
fn a_lost_reply_to_the_making_of_a_key_makes_one_key_that_works() {
    let (ports, admin) = demo();
    let made = block_on(create_key(&losing(&ports, 1), &*ports.vault, &admin, &new_key(Role::Member, true))).unwrap();
    let caller = block_on(authenticate_key(&ports.context(), &made.secret)).unwrap();
    assert_eq!(
        (caller.role, caller.has(Scope::RecordsRead), caller.has(Scope::RecordsWrite)),
        (Role::Member, true, false)
    );
    assert_eq!(block_on(list_keys(&ports.context(), &admin, None, 10)).unwrap().items.len(), 2);
    assert_eq!(entries(&ports, &admin), 2);
}

#[test]
fn a_lost_reply_to_a_revocation_revokes_once() {
    let (ports, admin) = demo();
    let made = block_on(create_key(&ports.context(), &*ports.vault, &admin, &new_key(Role::Member, false))).unwrap();
    block_on(revoke_key(&losing(&ports, 1), &admin, made.key.id)).unwrap();
    assert!(block_on(authenticate_key(&ports.context(), &made.secret)).is_err());
    assert_eq!(entries(&ports, &admin), 3);
}

fn sign(ports: &MemoryPorts, admin: &Principal, nonce: &str) -> RequestSignature {
    let made = block_on(create_key(&ports.context(), &*ports.vault, admin, &new_key(Role::Member, true))).unwrap();
    let api_key = made.key.signature.unwrap().api_key;
    let mut signature = RequestSignature {
        api_key,
        signature: String::new(),
        nonce: nonce.into(),
        timestamp: ports.context().now(),
        command: "/exports".into(),
        method: "GET".into(),
    };
    let key = format!("{}{}", signature.api_key, made.pair_secret.unwrap().expose_secret());
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signature.message().as_bytes());
    signature.signature = hex::encode(mac.finalize().into_bytes());
    signature
}

#[test]
fn a_lost_reply_to_the_use_of_a_nonce_still_lets_the_request_in_once() {
    let (ports, admin) = demo();
    let signature = sign(&ports, &admin, "abcdefgh12345678");
    block_on(authenticate_signature(&losing(&ports, 1), &*ports.vault, &signature)).unwrap();
    let again = block_on(authenticate_signature(&ports.context(), &*ports.vault, &signature));
    assert!(matches!(again, Err(Error::InvalidSignature { .. })));
}

#[test]
fn of_many_at_once_with_one_nonce_one_gets_in_and_with_many_nonces_four_do() {
    let (ports, admin) = demo();
    let signature = sign(&ports, &admin, "abcdefgh12345678");
    let context = ports.context();
    let same = join_all((0..8).map(|_| authenticate_signature(&context, &*ports.vault, &signature)));
    assert_eq!(block_on(same).iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let signatures: Vec<RequestSignature> =
        (0..8).map(|n| RequestSignature { nonce: format!("abcdefgh1234567{n}x"), ..signature.clone() }).collect();
    let others = join_all(signatures.iter().map(|one| authenticate_signature(&context, &*ports.vault, one)));
    assert_eq!(block_on(others).iter().filter(|outcome| outcome.is_ok()).count(), RequestSignature::MAX_NONCES - 1);
}

#[test]
fn a_key_is_worth_no_more_than_its_account_and_nothing_in_another_vault() {
    let (ports, admin) = demo();
    let account = samples::account("demo", Role::Member).unwrap();
    block_on(ports.insert(&account)).unwrap();
    let command = CreateKey { account: Some(account.id), ..new_key(Role::Admin, false) };
    let refused = block_on(create_key(&ports.context(), &*ports.vault, &admin, &command));
    assert!(matches!(refused, Err(Error::Invalid(errors)) if errors[0].field == "role"));
    let signature = sign(&ports, &admin, "abcdefgh12345678");
    let forged = RequestSignature { method: "DELETE".into(), ..signature };
    let outcome = block_on(authenticate_signature(&ports.context(), &*ports.vault, &forged));
    assert!(matches!(outcome, Err(Error::InvalidSignature { .. })));
}

#[test]
fn a_lost_reply_to_a_definition_writes_one_revision() {
    let (ports, admin) = demo();
    let sites = definition("sites", vec![samples::property("code", PropertyKind::String)]);
    let (collection, _) = block_on(put_collection(&losing(&ports, 1), &admin, &sites)).unwrap();
    assert_eq!(collection.revision, 1);
    let open = PutCollection { open: true, ..sites };
    let (collection, is_new) = block_on(put_collection(&losing(&ports, 2), &admin, &open)).unwrap();
    assert_eq!((collection.revision, is_new), (2, false));
    assert_eq!(entries(&ports, &admin), 3);
}

#[test]
fn a_lost_reply_to_a_deletion_deletes_once_and_is_no_error() {
    let (ports, admin) = demo();
    let context = ports.context();
    block_on(put_collection(&context, &admin, &definition("sites", Vec::new()))).unwrap();
    let name = "sites".parse().unwrap();
    block_on(delete_collection(&losing(&ports, 1), &*ports.records, &admin, &name, false)).unwrap();
    let again = block_on(delete_collection(&context, &*ports.records, &admin, &name, false));
    assert!(matches!(again, Err(Error::NotFound { .. })));
    assert_eq!(entries(&ports, &admin), 3);
}
