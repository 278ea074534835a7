//! Trying a destination before anything is sent there.

use crate::job_destinations::DestinationRequest;
use crate::{Context, Error};
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use waybill_domain::{DestinationConfig, Principal, S3Login};
use waybill_ports::{DestinationError, DestinationOpener};

/// How long a probe may take: a request is answered within 30 s.
const PROBE_TIME: Duration = Duration::from_secs(22);

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOutcome {
    /// Whether deliveries can arrive there.
    pub ok: bool,
    /// What was done, or what failed and what helps.
    pub message: String,
}

/// Writes a small file to a destination, reads it back where that is possible, and removes it; a webhook gets a test message.
///
/// # Errors
/// `Invalid` when the configuration is none, or holds a mask for a secret.
pub async fn probe_destination(
    context: &Context,
    opener: &dyn DestinationOpener,
    principal: &Principal,
    request: &DestinationRequest,
) -> Result<ProbeOutcome, Error> {
    let parsed = DestinationConfig::parse(request.kind, &request.config, None)
        .map_err(|error| Error::invalid(format!("config.{}", error.field), error.reason))?;
    if let DestinationConfig::S3(config) = &parsed.config
        && !matches!(config.login, S3Login::Keys { .. })
    {
        let message = "only deliveries may act as the deployment or assume a role: run an export that goes there";
        return Err(Error::invalid("config.roleArn", message));
    }
    let now = context.now();
    let id = format!("{}-probe-{}", principal.org, hex::encode(context.entropy.eight()));
    let name = format!("waybill-test-{}.txt", hex::encode(context.entropy.eight()));
    let probe = async {
        let destination = opener.open(&parsed.config, &parsed.given).await?;
        destination.probe(&id, &name, now).await
    };
    let outcome = match select(pin!(probe), pin!(context.clock.sleep(PROBE_TIME))).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            let secs = PROBE_TIME.as_secs();
            Err(DestinationError::Unavailable(format!(
                "nothing came of it within {secs} s: the destination is too slow"
            )))
        }
    };
    Ok(match outcome {
        Ok(probed) => ProbeOutcome { ok: true, message: probed.words },
        Err(error) => {
            tracing::info!(org = %principal.org, kind = request.kind.name(), "a probe failed");
            ProbeOutcome { ok: false, message: error.to_string() }
        }
    })
}
