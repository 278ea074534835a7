//! Secrets sealed under a KMS that is played here: data keys and the contexts that they are bound to.

use crate::listener::{Served, bind, connection, serve};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use waybill_aws::{KmsSecretVault, SystemClock, SystemEntropy};
use waybill_ports::{Entropy as _, PortErrorKind, SealContext, SecretVault};

struct Kms {
    vault: KmsSecretVault,
    decrypts: Arc<AtomicUsize>,
    served: Served,
}

async fn kms() -> Result<Kms> {
    let decrypts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&decrypts);
    let service = service_fn(move |request: Request<Incoming>| {
        let counted = Arc::clone(&counted);
        async move { Ok::<_, Infallible>(answer(&counted, request).await) }
    });
    let served = serve(bind().await?, service)?;
    let client = connection(&served.url).kms();
    let vault = KmsSecretVault::new(client, "key", Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    Ok(Kms { vault, decrypts, served })
}

async fn answer(decrypts: &AtomicUsize, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reply = match target.as_deref() {
        _ if call["KeyId"] != "key" => Err("NotFoundException"),
        Some("TrentService.GenerateDataKey") => Ok(generate(&call)),
        Some("TrentService.Decrypt") => {
            decrypts.fetch_add(1, Ordering::SeqCst);
            decrypt(&call).ok_or("InvalidCiphertextException")
        }
        _ => Err("UnknownOperationException"),
    };
    let (status, body) = match reply {
        Ok(body) => (200, body),
        Err(code) => (400, json!({"__type": code})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// The "encrypted" key is the key and its context in the clear: whose it is, not secrecy, is what is played.
fn generate(call: &Value) -> Value {
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    let blob = json!({"key": BASE64.encode(key), "context": call["EncryptionContext"]}).to_string();
    json!({"KeyId": "key", "Plaintext": BASE64.encode(key), "CiphertextBlob": BASE64.encode(blob)})
}

fn decrypt(call: &Value) -> Option<Value> {
    let blob: Value = serde_json::from_slice(&BASE64.decode(call["CiphertextBlob"].as_str()?).ok()?).ok()?;
    let bound: std::collections::BTreeMap<String, String> = serde_json::from_value(blob["context"].clone()).ok()?;
    let asked: std::collections::BTreeMap<String, String> =
        serde_json::from_value(call["EncryptionContext"].clone()).ok()?;
    (bound == asked).then(|| json!({"KeyId": "key", "Plaintext": blob["key"]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_vault_holds() -> Result<()> {
    let kms = kms().await?;
    waybill_testkit::contracts::secret_vault(&kms.vault, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_opened_again_needs_no_service() -> Result<()> {
    let kms = kms().await?;
    let context = SealContext { org: "demo".parse()?, purpose: "signature:abc".into() };
    let sealed = kms.vault.seal(&context, b"secret").await?;
    for _ in 0..3 {
        assert_eq!(kms.vault.open(&context, &sealed).await?, b"secret");
    }
    assert_eq!(kms.decrypts.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_there_is_not_found() -> Result<()> {
    let kms = kms().await?;
    let client = connection(&kms.served.url).kms();
    let vault = KmsSecretVault::new(client, "other", Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let context = SealContext { org: "demo".parse()?, purpose: "signature:abc".into() };
    let sealed = vault.seal(&context, b"secret").await;
    assert_eq!(sealed.err().map(|error| error.kind), Some(PortErrorKind::NotFound));
    Ok(())
}
