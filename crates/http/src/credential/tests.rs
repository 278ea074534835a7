//! Which credentials let whom in.

use super::*;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lambda_http::Body;
use sha2::Sha256;
use waybill_app::Error;
use waybill_domain::{AccessKey, KeyId, KeyPointer, Role, SignaturePair};
use waybill_testkit::{MemoryPorts, samples};

const PAIR: &str = "0123456789abcdefghijkl";
const PAIR_SECRET: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890123";

struct World {
    ports: MemoryPorts,
    secret: KeySecret,
    key: AccessKey,
}

async fn world() -> World {
    let ports = MemoryPorts::new(1);
    let secret = KeySecret::from_randomness(&[7; 64]);
    let account = samples::account("demo", Role::Admin).unwrap();
    let purpose = format!("signature:{PAIR}");
    let seal = waybill_app::ports::SealContext { org: account.org.clone(), purpose };
    let sealed_secret = ports.vault.seal(&seal, PAIR_SECRET).await.unwrap();
    let key = AccessKey {
        org: account.org.clone(),
        id: KeyId::new(Timestamp::from_millis(0), [3; 8]),
        account: account.id,
        name: "tests".into(),
        role: Role::Admin,
        scopes: std::collections::BTreeSet::new(),
        digest: secret.digest(),
        signature: Some(SignaturePair { api_key: PAIR.into(), sealed_secret }),
        token: None,
        created_at: Timestamp::from_millis(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let pointer = |credential| KeyPointer { credential, org: key.org.clone(), key: key.id };
    ports.insert(&account).await.unwrap();
    ports.insert(&key).await.unwrap();
    ports.insert(&pointer(KeyPointer::of_digest(&key.digest))).await.unwrap();
    ports.insert(&pointer(KeyPointer::of_pair(PAIR))).await.unwrap();
    World { ports, secret, key }
}

impl World {
    async fn ask(&self, request: &Request) -> Result<Principal, CredentialError> {
        let context = self.ports.context();
        let passwords = Passwords::new(8, 1).unwrap();
        let access = Access {
            context: &context,
            vault: &*self.ports.vault,
            passwords: &passwords,
            org: Some("demo"),
            allow_query: true,
        };
        authenticate(&access, request, "/exports/").await.map(|caller| caller.principal)
    }

    fn signed(&self, nonce: &str) -> Request {
        Self::signed_at(nonce, self.ports.context().now())
    }

    fn signed_at(nonce: &str, at: Timestamp) -> Request {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[PAIR.as_bytes(), PAIR_SECRET].concat()).unwrap();
        mac.update(format!("/exports;GET;{}", at.as_millis()).as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        request(&[
            (CLIENT_KEY, PAIR),
            (SIGNATURE, &signature),
            (NONCE, nonce),
            (TIMESTAMP, &at.as_millis().to_string()),
        ])
    }
}

fn request(headers: &[(&str, &str)]) -> Request {
    let mut builder = http::Request::builder().uri("https://waybill.example/demo/v2/exports");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::Empty).unwrap()
}

fn refusal(outcome: Result<Principal, CredentialError>) -> String {
    outcome.unwrap_err().to_string()
}

#[tokio::test]
async fn an_api_key_is_taken_as_bearer_as_client_key_and_in_the_query() {
    let world = world().await;
    let key = world.secret.expose();
    let bearer = request(&[(AUTHORIZATION, &format!("bearer {key}")), (CLIENT_KEY, PAIR)]);
    assert_eq!(world.ask(&bearer).await.unwrap().key, world.key.id);
    assert_eq!(world.ask(&request(&[(CLIENT_KEY, key)])).await.unwrap().role, Role::Admin);
    let mut query = request(&[]);
    *query.uri_mut() = format!("https://waybill.example/demo/v2/exports?Medable-Client-Key={key}").parse().unwrap();
    assert_eq!(world.ask(&query).await.unwrap().org, world.key.org);
    let used = world.ports.rows().access_key(&world.key.org, world.key.id).await.unwrap().unwrap();
    assert!(used.value.last_used_at.is_some());
}

#[tokio::test]
async fn a_query_that_does_not_read_is_no_matter_of_credentials() {
    let world = world().await;
    let mut bearer = request(&[(AUTHORIZATION, &format!("Bearer {}", world.secret.expose()))]);
    *bearer.uri_mut() = "https://waybill.example/demo/v2/exports?label=%ff".parse().unwrap();
    assert_eq!(world.ask(&bearer).await.unwrap().key, world.key.id);
}

#[tokio::test]
async fn unknown_revoked_expired_and_demoted_keys_give_nothing_more_than_they_may() {
    let world = world().await;
    let bearer = request(&[(AUTHORIZATION, &format!("Bearer {}", world.secret.expose()))]);
    let unknown = KeySecret::from_randomness(&[8; 64]);
    let unknown = request(&[(AUTHORIZATION, &format!("Bearer {}", unknown.expose()))]);
    assert_eq!(refusal(world.ask(&unknown).await), "the API key is not valid");
    for change in [
        AccessKey { revoked_at: Some(world.ports.context().now()), ..world.key.clone() },
        AccessKey { expires_at: Some(world.ports.context().now()), ..world.key.clone() },
    ] {
        let stored = world.ports.rows().access_key(&world.key.org, world.key.id).await.unwrap().unwrap();
        let context = world.ports.context();
        let mut transaction = context.transaction();
        transaction.update(stored.version, &change).unwrap();
        transaction.commit(&*context.state).await.unwrap();
        assert_eq!(refusal(world.ask(&bearer).await), "the API key is not valid");
        assert_eq!(refusal(world.ask(&world.signed("aaaabbbbccccdddd")).await), "the request signature is not valid");
    }
}

#[tokio::test]
async fn a_right_signature_is_taken_once_for_each_nonce_and_four_times_at_most() {
    let world = world().await;
    for nonce in ["nonce00000000001", "nonce00000000002", "nonce00000000003", "nonce00000000004"] {
        assert_eq!(world.ask(&world.signed(nonce)).await.unwrap().account, world.key.account);
        assert_eq!(refusal(world.ask(&world.signed(nonce)).await), "the nonce was used before");
    }
    let fifth = world.ask(&world.signed("nonce00000000005")).await;
    assert_eq!(refusal(fifth), "the signature was used with too many nonces");
}

#[tokio::test]
async fn a_wrong_or_stale_signature_uses_no_nonce_up() {
    let world = world().await;
    let mut wrong = world.signed("nonce00000000001");
    wrong.headers_mut().insert(SIGNATURE, "0".repeat(64).parse().unwrap());
    assert_eq!(refusal(world.ask(&wrong).await), "the request signature is not valid");
    let now = world.ports.context().now();
    let window = RequestSignature::WINDOW + std::time::Duration::from_millis(1);
    for at in [now.before(window), now.after(window)] {
        let stale = world.ask(&World::signed_at("nonce00000000001", at)).await;
        assert!(matches!(stale, Err(CredentialError::Refused(Error::StaleSignature))));
    }
    assert!(world.ask(&world.signed("nonce00000000001")).await.is_ok());
}

#[tokio::test]
async fn what_is_missing_malformed_or_not_taken_yet_is_named() {
    let world = world().await;
    let key = world.secret.expose().to_owned();
    let other = KeySecret::from_randomness(&[8; 64]);
    let mut typo = key.clone();
    typo.replace_range(10..11, if &key[10..11] == "Z" { "Y" } else { "Z" });
    let mut twice = request(&[]);
    let query = format!("Medable-Client-Key={key}&medable-client-key={key}");
    *twice.uri_mut() = format!("https://waybill.example/demo/v2/exports?{query}").parse().unwrap();
    let mut cut = world.signed("nonce00000000001");
    cut.headers_mut().remove(NONCE);
    let outcomes = [
        world.ask(&request(&[])).await,
        world.ask(&request(&[(CLIENT_KEY, PAIR)])).await,
        world.ask(&request(&[(AUTHORIZATION, "Basic dTpw")])).await,
        world.ask(&request(&[(AUTHORIZATION, "Bearer a.b.c")])).await,
        world.ask(&request(&[(AUTHORIZATION, "Bearer ")])).await,
        world.ask(&request(&[(AUTHORIZATION, "Bearer sk_live_1")])).await,
        world.ask(&request(&[(CLIENT_KEY, &key[..key.len() - 1])])).await,
        world.ask(&request(&[(CLIENT_KEY, &typo)])).await,
        world.ask(&request(&[(AUTHORIZATION, &format!("Bearer {key}")), (CLIENT_KEY, other.expose())])).await,
        world.ask(&twice).await,
        world.ask(&request(&[(CLIENT_KEY, &key), (ACCOUNT, "000000000000000000000001")])).await,
        world.ask(&world.signed("short")).await,
        world.ask(&cut).await,
    ];
    let refusals: Vec<String> = outcomes.into_iter().map(refusal).collect();
    insta::assert_json_snapshot!(refusals);
}

#[test]
fn only_the_operator_key_lets_the_operator_in() {
    let operator = OperatorKey::of("correct horse battery staple");
    let right = request(&[(AUTHORIZATION, "Bearer correct horse battery staple")]);
    assert!(authenticate_operator(&operator, &right).is_ok());
    let wrong = request(&[(AUTHORIZATION, "Bearer correct horse")]);
    assert_eq!(authenticate_operator(&operator, &wrong).unwrap_err().to_string(), "the operator key is not valid");
    assert!(matches!(authenticate_operator(&operator, &request(&[])), Err(CredentialError::Missing)));
}
