//! Signed requests, as the vendor's client signs them.

use crate::harness::{World, reply, story, text};
use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

struct Pair {
    key: String,
    secret: String,
}

#[expect(clippy::disallowed_methods, reason = "a client's clock")]
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn sign(pair: &Pair, command: &str, method: &str, at: u128) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(format!("{}{}", pair.key, pair.secret).as_bytes()).unwrap();
    mac.update(format!("{command};{method};{at}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn signed(world: &World, pair: &Pair, command: &str, nonce: &str, at: u128) -> Result<(StatusCode, Value)> {
    signed_in(world, &world.info.org, pair, (command, nonce, at)).await
}

async fn signed_in(
    world: &World,
    org: &str,
    pair: &Pair,
    (command, nonce, at): (&str, &str, u128),
) -> Result<(StatusCode, Value)> {
    let url = format!("{}/{org}/v2{command}?limit=3", world.info.url);
    let request = world
        .http
        .request(Method::GET, url)
        .header("medable-client-key", &pair.key)
        .header("medable-client-signature", sign(pair, command, "GET", at))
        .header("medable-client-nonce", nonce)
        .header("medable-client-timestamp", at.to_string());
    reply(request).await
}

fn pair(world: &World) -> Pair {
    let signature = &world.info.signature;
    Pair { key: signature.api_key.clone(), secret: signature.api_secret.clone() }
}

#[test]
fn a_signed_request_is_accepted_once() {
    story(async |world| {
        let pair = pair(world);
        let at = now_ms();
        let (status, list) = signed(world, &pair, "/exports", "abcdefgh12345678", at).await?;
        assert_eq!((status.as_u16(), list["object"].as_str()), (200, Some("list")), "{list}");
        let (status, fault) = signed(world, &pair, "/exports", "abcdefgh12345678", at).await?;
        assert_eq!((status.as_u16(), fault["code"].as_str()), (400, Some("kInvalidRequestSignature")), "{fault}");
        let (status, _) = signed(world, &pair, "/exports", "abcdefgh12345679", at).await?;
        assert_eq!(status.as_u16(), 200, "two requests in one millisecond have equal signatures");
        Ok(())
    });
}

#[test]
fn a_nonce_tells_nobody_else_that_it_was_used() {
    story(async |world| {
        let mut pairs = Vec::new();
        for code in ["nonce-ours", "nonce-theirs"] {
            let tenant = world.tenant(code).await?;
            let body = json!({"role": "admin", "signature": true});
            let (status, key) = world.post("/v1/keys", &tenant.admin, &body).await?;
            anyhow::ensure!(status == 201, "{status} {key}");
            let part = |name: &str| text(&key["signature"], name);
            pairs.push((code, Pair { key: part("apiKey")?, secret: part("apiSecret")? }));
        }
        let at = now_ms();
        let asked = ("/exports", "nonce00000000001", at);
        for (org, pair) in &pairs {
            let (status, list) = signed_in(world, org, pair, asked).await?;
            assert_eq!(status.as_u16(), 200, "{org}: {list}");
            let (status, _) = signed_in(world, org, pair, asked).await?;
            assert_eq!(status.as_u16(), 400, "{org}: its own nonce a second time");
        }
        let fresh = ("/exports", "nonce00000000002", at);
        let (foreign, fault) = signed_in(world, pairs[0].0, &pairs[1].1, asked).await?;
        let (unused, other) = signed_in(world, pairs[0].0, &pairs[1].1, fresh).await?;
        assert!(foreign.is_client_error() && unused.is_client_error(), "{fault} {other}");
        Ok(())
    });
}

#[test]
fn stale_forged_and_half_credentials_are_refused() {
    story(async |world| {
        let pair = pair(world);
        let old = now_ms() - 6 * 60 * 1000;
        let (status, fault) = signed(world, &pair, "/exports", "bbcdefgh12345678", old).await?;
        assert_eq!((status.as_u16(), fault["code"].as_str()), (400, Some("kStaleRequestSignature")), "{fault}");
        let forged = Pair { key: pair.key.clone(), secret: "0".repeat(64) };
        let (status, fault) = signed(world, &forged, "/exports", "cbcdefgh12345678", now_ms()).await?;
        assert_eq!((status.as_u16(), fault["code"].as_str()), (400, Some("kInvalidRequestSignature")), "{fault}");
        let url = format!("{}/{}/v2/exports", world.info.url, world.info.org);
        for request in [
            world.http.get(&url).header("medable-client-key", &pair.key),
            world.http.get(&url).query(&[("medable-client-key", &pair.key)]),
            world.http.get(&url),
        ] {
            let (status, fault) = reply(request).await?;
            assert!(status.is_client_error() && fault["object"] == "fault", "{status} {fault}");
        }
        Ok(())
    });
}
