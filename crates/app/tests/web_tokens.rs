//! Tokens as clients make them, and as forgers do.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use futures::executor::block_on;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding,
    RsaKeyPair,
};
use serde_json::{Value, json};
use waybill_app::{
    ChangeAccount, CreateAccount, CreateKey, Passwords, authenticate_token, change_account, create_account, create_key,
    parse_public_key,
};
use waybill_domain::{Email, Principal, Role, TokenKeyKind};
use waybill_testkit::{MemoryPorts, samples};

const PRIVATE: &[u8] = include_bytes!("tokens/rsa-2048.pk8");
const PUBLIC: &str = include_str!("tokens/rsa-2048.pub.pem");
const SHORT: &str = include_str!("tokens/rsa-1024.pub.pem");

fn sign(header: &Value, claims: &Value, algorithm: &'static dyn RsaEncoding) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let pair = RsaKeyPair::from_pkcs8(PRIVATE).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(algorithm, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

struct Fixture {
    ports: MemoryPorts,
    issuer: String,
    member_issuer: String,
    nurse: waybill_domain::AccountId,
}

impl Fixture {
    fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let context = ports.context();
        let (issuer, member_issuer, nurse) = block_on(async {
            ports.insert(&samples::org("demo").unwrap()).await.unwrap();
            for role in [Role::Admin, Role::Member] {
                ports.insert(&samples::account("demo", role).unwrap()).await.unwrap();
            }
            let admin = samples::principal("demo", Role::Admin).unwrap();
            let passwords = Passwords::new(8, 1).unwrap();
            let email = Some(Email::parse("Nurse@example.com").unwrap());
            let roles = std::collections::BTreeSet::from(["nurse".parse().unwrap()]);
            let command = CreateAccount { email, roles, ..CreateAccount::default() };
            let nurse = create_account(&context, &passwords, &admin, &command).await.unwrap().id;
            let mut issuers = Vec::new();
            for role in [Role::Admin, Role::Member] {
                let command = CreateKey {
                    name: "app".into(),
                    role,
                    scopes: std::collections::BTreeSet::new(),
                    expires_at: None,
                    account: Some(samples::principal("demo", role).unwrap().account),
                    signature: false,
                    public_key: Some(PUBLIC.into()),
                    idempotency: None,
                };
                let made = create_key(&context, &*ports.vault, &admin, &command).await.unwrap();
                issuers.push(made.key.token.unwrap().issuer);
            }
            (issuers[0].clone(), issuers[1].clone(), nurse)
        });
        Self { ports, issuer, member_issuer, nurse }
    }

    fn claims(&self) -> Value {
        let now = self.ports.context().now().as_secs();
        json!({"iss": self.issuer, "cortex/eml": "nurse@EXAMPLE.com", "iat": now, "exp": now + 600})
    }

    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    fn call(&self, token: &str) -> Result<Principal, String> {
        block_on(authenticate_token(&self.ports.context(), token)).map_err(|error| error.to_string())
    }

    fn of_claims(&self, claims: &Value) -> Result<Principal, String> {
        self.call(&sign(&json!({"alg": "RS256", "typ": "JWT"}), claims, &RSA_PKCS1_SHA256))
    }
}

#[test]
fn a_token_speaks_for_the_account_that_it_names_with_no_more_than_its_role() {
    let fixture = Fixture::new();
    let principal = fixture.of_claims(&fixture.claims()).unwrap();
    assert_eq!((principal.account, principal.role), (fixture.nurse, Role::Member));
    assert!(principal.roles.contains(&"nurse".parse().unwrap()));
    let long = sign(&json!({"alg": "RS512"}), &fixture.claims(), &RSA_PKCS1_SHA512);
    assert_eq!(fixture.call(&long), Ok(principal));
}

#[test]
fn a_members_key_speaks_for_nobody_else() {
    let fixture = Fixture::new();
    let claims = fixture.with("iss", json!(fixture.member_issuer));
    assert_eq!(fixture.of_claims(&claims), Err("the token is not valid".into()));
}

#[test]
fn times_are_kept_to_within_a_minute() {
    let fixture = Fixture::new();
    let now = fixture.ports.context().now().as_secs();
    for (name, secs, good) in
        [("exp", -59, true), ("exp", -60, false), ("nbf", 60, true), ("nbf", 61, false), ("exp", i64::MAX / 2, false)]
    {
        let outcome = fixture.of_claims(&fixture.with(name, json!(now.saturating_add(secs))));
        assert_eq!(outcome.is_ok(), good, "{name} {secs}: {outcome:?}");
    }
    let mut endless = fixture.claims();
    endless.as_object_mut().unwrap().remove("exp");
    assert!(fixture.of_claims(&endless).unwrap_err().contains("`exp`"));
}

#[test]
fn no_other_algorithm_and_no_key_of_the_tokens_own_is_looked_at() {
    let fixture = Fixture::new();
    let claims = fixture.claims();
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "PS256"}),
        json!({"alg": "rs256"}),
        json!({}),
        json!({"alg": "RS256", "crit": ["b64"], "b64": false}),
        // Signed as one and said to be the other.
        json!({"alg": "RS512"}),
    ] {
        assert!(fixture.call(&sign(&header, &claims, &RSA_PKCS1_SHA256)).is_err(), "{header}");
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims));
    assert!(fixture.call(&unsigned).is_err());
    // The public key as a secret of HMAC.
    let mac = {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&claims));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(PUBLIC.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    assert!(fixture.call(&mac).is_err());
    let good = sign(&json!({"alg": "RS256"}), &claims, &RSA_PKCS1_SHA256);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = part(&fixture.with("cortex/eml", json!("admin@example.com")));
    assert!(fixture.call(&format!("{header}.{other}.{signature}")).is_err());
}

/// The header of a `SubjectPublicKeyInfo` of a point of P-256.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

#[test]
fn a_key_of_an_elliptic_curve_signs_tokens_of_its_own_algorithm_only() {
    let fixture = Fixture::new();
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let spki = [&P256_SPKI[..], pair.public_key().as_ref()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&spki));
    assert_eq!(parse_public_key(&pem), Ok((TokenKeyKind::P256, pair.public_key().as_ref().to_vec())));
    let compressed = BASE64.encode([&P256_SPKI[..], &[2; 65]].concat());
    let compressed = format!("-----BEGIN PUBLIC KEY-----\n{compressed}\n-----END PUBLIC KEY-----\n");
    assert!(parse_public_key(&compressed).unwrap_err().contains("P-256"));
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let command = CreateKey {
        name: "curve".into(),
        role: Role::Admin,
        scopes: std::collections::BTreeSet::new(),
        expires_at: None,
        account: Some(admin.account),
        signature: false,
        public_key: Some(pem),
        idempotency: None,
    };
    let made = block_on(create_key(&fixture.ports.context(), &*fixture.ports.vault, &admin, &command)).unwrap();
    let claims = fixture.with("iss", json!(made.key.token.unwrap().issuer));
    let token = |alg: &str, claims: &Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": alg})), part(claims));
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    };
    assert_eq!(fixture.call(&token("ES256", &claims)).map(|principal| principal.account), Ok(fixture.nurse));
    for alg in ["RS256", "RS512", "ES384", "none"] {
        assert!(fixture.call(&token(alg, &claims)).is_err(), "{alg}");
    }
    assert!(fixture.call(&token("ES256", &fixture.claims())).is_err(), "under the RSA key's issuer");
    assert!(fixture.of_claims(&claims).is_err(), "an RSA token under the curve's issuer");
    let good = token("ES256", &claims);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    assert!(fixture.call(&format!("{signed}.{zeros}")).is_err(), "a signature of nothing");
}

#[test]
fn a_claim_that_would_narrow_a_token_is_not_passed_over() {
    let fixture = Fixture::new();
    assert!(fixture.of_claims(&fixture.with("cortex/scp", json!(["read"]))).unwrap_err().contains("cortex/eml"));
    assert!(fixture.of_claims(&fixture.with("cortex/eml", json!("nobody@example.com"))).is_err());
    assert!(fixture.of_claims(&fixture.with("iss", json!("0000000000000000000000"))).is_err());
}

#[test]
fn a_locked_account_has_no_good_token() {
    let fixture = Fixture::new();
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let change = ChangeAccount { locked: Some(true), ..ChangeAccount::default() };
    let passwords = Passwords::new(8, 1).unwrap();
    block_on(change_account(&fixture.ports.context(), &passwords, &admin, fixture.nurse, &change)).unwrap();
    assert_eq!(fixture.of_claims(&fixture.claims()), Err("the token is not valid".into()));
}

#[test]
fn public_keys_are_read_from_pem_and_weak_or_private_ones_refused() {
    let spki = parse_public_key(PUBLIC).unwrap();
    let body = BASE64.encode(&spki.1);
    let pkcs1 = format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----\n");
    assert_eq!(parse_public_key(&pkcs1), Ok(spki));
    assert_eq!(parse_public_key(SHORT), Err("must have 2048 to 8192 bits"));
    assert!(
        parse_public_key("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----")
            .unwrap_err()
            .contains("private")
    );
    for bad in
        ["", "x", "-----BEGIN PUBLIC KEY-----\nAA==", "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----"]
    {
        assert!(parse_public_key(bad).is_err(), "{bad}");
    }
}
