//! Signed requests, as the vendor's client signs them.

use crate::harness::{World, reply, story};
use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::Value;
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
    let url = format!("{}/{}/v2{command}?limit=3", world.info.url, world.info.org);
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
