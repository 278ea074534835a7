//! KMS: `GenerateDataKey` and `Decrypt` with an encryption context, at the wire (AWS JSON 1.1), under one master key.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clients::{ACCOUNT, REGION};
use crate::clock;
use crate::listener::{self, Listener};

/// Length of the AES-GCM nonce that opens every ciphertext.
const NONCE_BYTES: usize = 12;

/// Largest request body; the service's own limits are far below it.
const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// The ARN of the stack's one key.
pub(crate) fn key_arn() -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/waybill-local")
}

/// Starts a KMS whose only key is `master`.
pub(crate) async fn start(master: [u8; 32]) -> Result<Listener> {
    let listener = listener::bind(0).await?;
    let cipher = Aes256Gcm::new_from_slice(&master).map_err(|_| anyhow!("the master key has 32 bytes"))?;
    let cipher = Arc::new(cipher);
    Listener::serve(
        listener,
        service_fn(move |request| {
            let cipher = Arc::clone(&cipher);
            async move { Ok::<_, Infallible>(answer(&cipher, request).await) }
        }),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateDataKey {
    key_id: String,
    key_spec: Option<String>,
    number_of_bytes: Option<u16>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt {
    ciphertext_blob: String,
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

/// A refusal: the service's error type and a sentence.
struct Fault(&'static str, String);

async fn answer(cipher: &Aes256Gcm, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let outcome = match Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await {
        Ok(body) => dispatch(cipher, target.as_deref(), &body.to_bytes()),
        Err(_) => Err(Fault("ValidationException", "The body does not arrive whole.".to_owned())),
    };
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(Fault(kind, message)) => (StatusCode::BAD_REQUEST, json!({"__type": kind, "message": message})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

fn dispatch(cipher: &Aes256Gcm, target: Option<&str>, body: &[u8]) -> Result<Value, Fault> {
    match target {
        Some("TrentService.GenerateDataKey") => generate(cipher, &parse(body)?),
        Some("TrentService.Decrypt") => decrypt(cipher, &parse(body)?),
        other => Err(Fault("UnknownOperationException", format!("{} is not played here.", other.unwrap_or("Nothing")))),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault("SerializationException", error.to_string()))
}

fn generate(cipher: &Aes256Gcm, call: &GenerateDataKey) -> Result<Value, Fault> {
    known_key(&call.key_id)?;
    let length = match (call.key_spec.as_deref(), call.number_of_bytes) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(length @ 1..=1024)) => usize::from(length),
        _ => {
            let message = "Exactly one of KeySpec (AES_256, AES_128) and NumberOfBytes (1 to 1024) is needed.";
            return Err(Fault("ValidationException", message.to_owned()));
        }
    };
    let randomness = || clock::random::<1024>().map_err(|error| Fault("KMSInternalException", error.to_string()));
    let plaintext = randomness()?[..length].to_vec();
    let nonce = clock::random::<NONCE_BYTES>().map_err(|error| Fault("KMSInternalException", error.to_string()))?;
    let bound = context(&call.encryption_context)?;
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: &plaintext, aad: &bound })
        .map_err(|_| Fault("KMSInternalException", "The key could not be sealed.".to_owned()))?;
    let blob = [nonce.as_slice(), &sealed].concat();
    Ok(json!({
        "CiphertextBlob": BASE64.encode(blob),
        "Plaintext": BASE64.encode(plaintext),
        "KeyId": key_arn(),
    }))
}

fn decrypt(cipher: &Aes256Gcm, call: &Decrypt) -> Result<Value, Fault> {
    if let Some(key_id) = &call.key_id {
        known_key(key_id)?;
    }
    let invalid = || Fault("InvalidCiphertextException", String::new());
    let blob = BASE64.decode(&call.ciphertext_blob).map_err(|_| invalid())?;
    let (nonce, sealed) = blob.split_first_chunk::<NONCE_BYTES>().ok_or_else(invalid)?;
    let bound = context(&call.encryption_context)?;
    let plaintext =
        cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &bound }).map_err(|_| invalid())?;
    Ok(json!({
        "Plaintext": BASE64.encode(plaintext),
        "KeyId": key_arn(),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

fn known_key(key_id: &str) -> Result<(), Fault> {
    let arn = key_arn();
    if key_id == arn || arn.ends_with(&format!("/{key_id}")) {
        return Ok(());
    }
    Err(Fault("NotFoundException", format!("Key '{key_id}' does not exist")))
}

/// The context as bytes that do not depend on the order in which it was sent.
fn context(pairs: &BTreeMap<String, String>) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(pairs).map_err(|error| Fault("KMSInternalException", error.to_string()))
}
