//! Destinations as clients ask for them: checked, and their secrets sealed.

use crate::{Context, Error, FieldError};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use waybill_domain::{DestinationConfig, DestinationType, OrgCode, SealedDestination};
use waybill_ports::{SealContext, SecretVault};

/// Most destinations of an export: each adds a row to the commit that settles it.
pub const MAX_DESTINATIONS: usize = 10;

/// A destination as a client asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRequest {
    /// What it is.
    pub kind: DestinationType,
    /// Its configuration, secrets included; a masked one keeps what is kept.
    pub config: Map<String, Value>,
}

/// What secrets of `owner`, a job or an export, are bound to.
pub(crate) fn sealing_purpose(owner: &str) -> String {
    format!("destination:{owner}")
}

/// Checks the destinations of `owner`, a job or an export, and seals their secrets; `before` = those that it has.
///
/// # Errors
/// `Invalid` naming `destinations.<n>.config.<key>`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn seal_destinations(
    vault: &dyn SecretVault,
    (org, owner): (&OrgCode, &str),
    requests: &[DestinationRequest],
    before: &[SealedDestination],
) -> Result<Vec<SealedDestination>, Error> {
    if requests.len() > MAX_DESTINATIONS {
        return Err(Error::invalid("destinations", format!("must be at most {MAX_DESTINATIONS}")));
    }
    let sealed_for = sealing_purpose(owner);
    let (mut errors, mut sealed) = (Vec::new(), Vec::new());
    for (index, request) in requests.iter().enumerate() {
        let wrong =
            |key: &str, message: String| FieldError { field: format!("destinations.{index}.config.{key}"), message };
        let had = before.get(index).filter(|had| had.sealed_for == sealed_for);
        let parsed = match DestinationConfig::parse(request.kind, &request.config, had.map(|had| &had.config)) {
            Ok(parsed) => parsed,
            Err(error) => {
                errors.push(wrong(&error.field, error.reason));
                continue;
            }
        };
        let mut secrets = BTreeMap::new();
        for field in &parsed.kept {
            match had.filter(|had| parsed.config.is_at_the_place_of(&had.config)).and_then(|had| had.secrets.get(field))
            {
                Some(old) => drop(secrets.insert(field.clone(), old.clone())),
                None => errors.push(wrong(field, "must be given again where it is sent to another place".to_owned())),
            }
        }
        let bound = SealContext { org: org.clone(), purpose: sealed_for.clone() };
        for (field, secret) in parsed.given.iter() {
            secrets.insert(field.to_owned(), vault.seal(&bound, secret.as_bytes()).await?);
        }
        sealed.push(SealedDestination { config: parsed.config, secrets, sealed_for: sealed_for.clone(), off: None });
    }
    if errors.is_empty() { Ok(sealed) } else { Err(Error::Invalid(errors)) }
}

/// Checks and seals the destinations of one export that no job makes.
///
/// # Errors
/// As those of a job.
pub async fn seal_for_export(
    context: &Context,
    vault: &dyn SecretVault,
    org: &OrgCode,
    requests: &[DestinationRequest],
) -> Result<Vec<SealedDestination>, Error> {
    // The export has no id yet; what they are bound to is theirs alone.
    let owner = hex::encode(context.entropy.eight());
    seal_destinations(vault, (org, &owner), requests, &[]).await
}
