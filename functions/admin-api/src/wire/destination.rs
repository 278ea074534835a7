//! Destinations on the wire: asked for, shown, tried.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill_app::{DestinationRequest, MAX_DESTINATIONS, ProbeOutcome};
use waybill_domain::{DestinationType, SealedDestination};
use waybill_http::{Members, Problem};

const KINDS: [(&str, DestinationType); 4] = [
    ("s3", DestinationType::S3),
    ("azure-blob", DestinationType::AzureBlob),
    ("sftp", DestinationType::Sftp),
    ("webhook", DestinationType::Webhook),
];

/// Where the file of an export goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Destination)]
pub(crate) struct DestinationWire {
    /// `s3`, `azure-blob`, `sftp` or `webhook`.
    r#type: &'static str,
    /// Its configuration; a secret is shown as a mask, and a mask that is sent back keeps the secret.
    config: Map<String, Value>,
    /// Where nothing is sent there any more: when that began and why. To put the job again switches it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    switched_off: Option<SwitchedOffWire>,
}

/// That a destination said that it will take nothing again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SwitchedOff)]
pub(crate) struct SwitchedOffWire {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What it said.
    reason: String,
}

impl From<&SealedDestination> for DestinationWire {
    fn from(destination: &SealedDestination) -> Self {
        let switched_off = destination.off.as_ref();
        let switched_off =
            switched_off.map(|off| SwitchedOffWire { at: off.at.to_string(), reason: off.reason.clone() });
        Self { r#type: destination.config.kind().name(), config: destination.config.shown(), switched_off }
    }
}

/// Takes `destinations`.
pub(crate) fn read_destinations(members: &mut Members<'_>) -> Vec<DestinationRequest> {
    let Some(value) = members.take("destinations") else { return Vec::new() };
    let Some(values) = value.as_array().filter(|values| values.len() <= MAX_DESTINATIONS) else {
        let message = format!("must be an array of at most {MAX_DESTINATIONS} destinations");
        return members.refuse("destinations", message).unwrap_or_default();
    };
    let mut destinations = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match read_destination(value, format!("{}/{index}", members.at("destinations"))) {
            Ok(destination) => destinations.push(destination),
            Err(problems) => members.add(problems),
        }
    }
    destinations
}

/// Reads one.
///
/// # Errors
/// Everything that is wrong with it but what its configuration says.
pub(crate) fn read_destination(value: &Value, pointer: String) -> Result<DestinationRequest, Vec<Problem>> {
    let mut one = Members::of(value, pointer).map_err(|problem| vec![problem])?;
    let kind = one.word("type", &KINDS);
    let kind = one.require("type", kind);
    // What a job that was read has besides, so that it can be sent back changed.
    one.take("switchedOff");
    let config = one.take("config");
    let config = match one.require("config", config).map(Value::as_object) {
        Some(Some(config)) => Some(config.clone()),
        Some(None) => one.refuse("config", "must be an object"),
        None => None,
    };
    let problems = one.finish();
    match (kind, config) {
        (Some(kind), Some(config)) if problems.is_empty() => Ok(DestinationRequest { kind, config }),
        _ => Err(problems),
    }
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DestinationTest)]
pub(crate) struct ProbeWire {
    /// Whether deliveries can arrive there.
    ok: bool,
    /// What was done, or what failed and what helps.
    message: String,
}

impl From<ProbeOutcome> for ProbeWire {
    fn from(outcome: ProbeOutcome) -> Self {
        Self { ok: outcome.ok, message: outcome.message }
    }
}
