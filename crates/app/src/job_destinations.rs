//! Destinations of a job: checked, their secrets sealed, and shown again with a mask.

use crate::{Error, FieldError};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use waybill_domain::{DestinationKind, JobDestination, JobId, OrgCode};
use waybill_ports::{SealContext, SecretVault};

/// What is shown for a secret, and what sent back keeps it.
pub const MASK: &str = "••••••••";
/// Most destinations of a job: each adds rows to the commit that settles an export.
pub const MAX_DESTINATIONS: usize = 10;

/// A destination as a client asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRequest {
    /// What it is.
    pub kind: DestinationKind,
    /// Its configuration, secrets included; a masked one keeps what is kept.
    pub config: Map<String, Value>,
}

/// The type of a key of a configuration.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Port,
    Texts,
}

/// The keys of each destination: name, type, whether it must be there.
fn keys(kind: DestinationKind) -> &'static [(&'static str, Kind, bool)] {
    match kind {
        DestinationKind::S3 => &[
            ("bucket", Kind::Text, true),
            ("region", Kind::Text, true),
            ("path", Kind::Text, false),
            ("endpoint", Kind::Text, false),
            ("forcePathStyle", Kind::Flag, false),
            ("accessKeyId", Kind::Text, false),
            ("secretAccessKey", Kind::Text, false),
            ("roleArn", Kind::Text, false),
            ("externalId", Kind::Text, false),
            ("sseAlgorithm", Kind::Text, false),
            ("kmsKeyId", Kind::Text, false),
        ],
        DestinationKind::AzureBlob => &[
            ("container", Kind::Text, true),
            ("path", Kind::Text, false),
            ("connectionString", Kind::Text, false),
            ("accountName", Kind::Text, false),
            ("accountKey", Kind::Text, false),
            ("sasToken", Kind::Text, false),
            ("endpoint", Kind::Text, false),
        ],
        DestinationKind::Sftp => &[
            ("host", Kind::Text, true),
            ("port", Kind::Port, false),
            ("username", Kind::Text, true),
            ("password", Kind::Text, false),
            ("privateKey", Kind::Text, false),
            ("passphrase", Kind::Text, false),
            ("path", Kind::Text, false),
            ("hostKeyFingerprint", Kind::Text, false),
        ],
        DestinationKind::Webhook => &[
            ("url", Kind::Text, true),
            ("method", Kind::Text, false),
            ("headers", Kind::Texts, false),
            ("secret", Kind::Text, false),
            ("deliveryId", Kind::Text, false),
        ],
    }
}

/// The keys that say where a secret is sent: a kept one goes nowhere else than it was given for.
fn place(kind: DestinationKind) -> &'static [&'static str] {
    match kind {
        DestinationKind::S3 => &["endpoint", "bucket"],
        DestinationKind::AzureBlob => &["accountName", "endpoint"],
        DestinationKind::Sftp => &["host", "port", "hostKeyFingerprint"],
        DestinationKind::Webhook => &["url"],
    }
}

/// Checks the destinations of `job` and seals their secrets; `before` = those that it has.
///
/// # Errors
/// `Invalid` naming `destinations.<n>.config.<key>`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn seal_destinations(
    vault: &dyn SecretVault,
    (org, job): (&OrgCode, &JobId),
    requests: &[DestinationRequest],
    before: &[JobDestination],
) -> Result<Vec<JobDestination>, Error> {
    if requests.len() > MAX_DESTINATIONS {
        return Err(Error::invalid("destinations", format!("must be at most {MAX_DESTINATIONS}")));
    }
    let mut errors = Vec::new();
    let mut sealed = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let wrong = |key: &str, message: String| FieldError {
            field: format!("destinations.{index}.config{}{key}", if key.is_empty() { "" } else { "." }),
            message,
        };
        let found: Vec<FieldError> = check(request).into_iter().map(|(key, message)| wrong(&key, message)).collect();
        if !found.is_empty() {
            errors.extend(found);
            continue;
        }
        let kept = before.get(index).filter(|kept| kept.kind == request.kind);
        let same_place = kept.is_some_and(|kept| {
            place(request.kind).iter().all(|key| kept.config.get(*key) == request.config.get(*key))
        });
        let (config, given) = split(request);
        let purpose = format!("destination:{job}");
        let mut secrets = BTreeMap::new();
        for (name, secret) in given {
            let old = kept.and_then(|kept| Some((kept.secrets.get(&name)?, &kept.sealed_for)));
            match (secret == MASK, old) {
                (true, Some((old, sealed_for))) if same_place && *sealed_for == purpose => {
                    secrets.insert(name, old.clone());
                }
                (true, Some(_)) => {
                    let places = place(request.kind).join("`, `");
                    errors.push(wrong(&name, format!("must be given again where `{places}` change")));
                }
                (true, None) => errors.push(wrong(&name, "is a mask, and there is nothing that it masks".to_owned())),
                (false, _) => {
                    let bound = SealContext { org: org.clone(), purpose: purpose.clone() };
                    secrets.insert(name, vault.seal(&bound, secret.as_bytes()).await?);
                }
            }
        }
        sealed.push(JobDestination { kind: request.kind, config, secrets, sealed_for: purpose });
    }
    if errors.is_empty() { Ok(sealed) } else { Err(Error::Invalid(errors)) }
}

/// What is wrong with a configuration: key and message.
fn check(request: &DestinationRequest) -> Vec<(String, String)> {
    let known = keys(request.kind);
    let mut wrong = Vec::new();
    for (key, value) in &request.config {
        let Some((_, kind, _)) = known.iter().find(|(name, _, _)| name == key) else {
            let names: Vec<&str> = known.iter().map(|(name, _, _)| *name).collect();
            wrong.push((key.clone(), format!("is unknown; there are `{}`", names.join("`, `"))));
            continue;
        };
        let message = match (kind, value) {
            (Kind::Text, Value::String(text)) if !text.is_empty() || key == "path" => continue,
            (Kind::Flag, Value::Bool(_)) => continue,
            (Kind::Port, Value::Number(port)) if port.as_u64().is_some_and(|port| (1..=65535).contains(&port)) => {
                continue;
            }
            (Kind::Texts, Value::Object(texts)) if texts.values().all(Value::is_string) => continue,
            (Kind::Text, _) => "must be a text that is not empty",
            (Kind::Flag, _) => "must be true or false",
            (Kind::Port, _) => "must be a port, 1 to 65535",
            (Kind::Texts, _) => "must be an object of texts",
        };
        wrong.push((key.clone(), message.to_owned()));
    }
    for (key, _, required) in known {
        if *required && !request.config.contains_key(*key) {
            wrong.push(((*key).to_owned(), "must be there".to_owned()));
        }
    }
    let has = |key: &str| request.config.contains_key(key);
    let text = |key: &str| request.config.get(key).and_then(Value::as_str);
    let mut refuse = |key: &str, message: &str| wrong.push((key.to_owned(), message.to_owned()));
    match request.kind {
        DestinationKind::S3 => {
            if has("accessKeyId") != has("secretAccessKey") {
                refuse("accessKeyId", "must come with `secretAccessKey`");
            }
            // With neither it is Waybill's own role that the bucket lets in.
            if has("accessKeyId") && has("roleArn") {
                refuse("", "must not have both `accessKeyId` and `roleArn`");
            }
            if has("externalId") && !has("roleArn") {
                refuse("externalId", "goes with `roleArn` only");
            }
            if text("sseAlgorithm").is_some_and(|sse| !matches!(sse, "AES256" | "aws:kms")) {
                refuse("sseAlgorithm", "must be `AES256` or `aws:kms`");
            }
            if has("kmsKeyId") && text("sseAlgorithm") != Some("aws:kms") {
                refuse("kmsKeyId", "goes with `sseAlgorithm` `aws:kms` only");
            }
        }
        DestinationKind::AzureBlob => {
            let named = has("accountName") && (has("accountKey") != has("sasToken"));
            if has("connectionString") == named {
                let message =
                    "must have either `connectionString`, or `accountName` and one of `accountKey` and `sasToken`";
                refuse("", message);
            }
        }
        DestinationKind::Sftp => {
            if has("password") == has("privateKey") {
                refuse("", "must have either `password` or `privateKey`");
            }
            if has("passphrase") && !has("privateKey") {
                refuse("passphrase", "goes with `privateKey` only");
            }
        }
        DestinationKind::Webhook => {
            if text("method").is_some_and(|method| method != "POST") {
                refuse("method", "must be `POST`");
            }
            if text("url").is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
                refuse("url", "must begin with `https://`");
            }
        }
    }
    wrong
}

/// What may be shown, and the secrets by name.
fn split(request: &DestinationRequest) -> (Map<String, Value>, Vec<(String, String)>) {
    let mut config = Map::new();
    let mut secrets = Vec::new();
    for (key, value) in &request.config {
        match value {
            Value::String(text) if request.kind.secrets().contains(&key.as_str()) => {
                secrets.push((key.clone(), text.clone()));
            }
            Value::Object(headers) if key == "headers" => {
                let headers = headers.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
                secrets.extend(headers.map(|(name, value)| (format!("headers.{name}"), value.to_owned())));
            }
            other => {
                config.insert(key.clone(), other.clone());
            }
        }
    }
    (config, secrets)
}

/// The configuration with a mask for every secret.
pub fn masked(destination: &JobDestination) -> Map<String, Value> {
    let mut config = destination.config.clone();
    for name in destination.secrets.keys() {
        match name.strip_prefix("headers.") {
            None => {
                config.insert(name.clone(), MASK.into());
            }
            Some(header) => {
                let headers = config.entry("headers").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(headers) = headers {
                    headers.insert(header.to_owned(), MASK.into());
                }
            }
        }
    }
    config
}
