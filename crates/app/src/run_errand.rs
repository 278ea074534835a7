//! Running an errand: claimed under a new epoch, what came of it written while that is the last one, and rung for while it waits.

use crate::retry::Attempts;
use crate::{Context, Sweeping};
use std::time::Duration;
use waybill_domain::{
    DestinationSecrets, DestinationType, Errand, ErrandRefused, ErrandState, Miss, OrgCode, SealedDestination,
    Timestamp,
};
use waybill_ports::{
    DeliveryMessage, DeliveryQueue, DestinationError, ErrandKind, MOST_DELAY, PortError, PortErrorKind, SealContext,
    SecretVault, Stored,
};

/// Takes the right to one attempt; `None` when somebody else has it, its time has not come, or it has ended.
pub(crate) async fn claim<T: ErrandKind>(
    context: &Context,
    stored: Stored<Errand<T>>,
    lease: Duration,
) -> Result<Option<Errand<T>>, PortError> {
    let id = stored.value.id();
    let claimed = match stored.value.claim(context.entropy.worker_id(), context.now(), lease) {
        Ok(claimed) => claimed,
        Err(refused) => {
            tracing::debug!(id, %refused, "nothing to be sent now");
            return Ok(None);
        }
    };
    let mut transaction = context.transaction();
    transaction.update(stored.version, &claimed)?;
    match transaction.commit(&*context.state).await {
        Ok(_) => Ok(Some(claimed)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes what `by` makes of the errand as it is; `None` when it is somebody else's by now.
pub(crate) async fn write<T: ErrandKind>(
    context: &Context,
    of: &Errand<T>,
    by: impl Fn(Errand<T>, Timestamp) -> Result<Errand<T>, ErrandRefused>,
) -> Result<Option<Errand<T>>, PortError> {
    let mut attempts = Attempts::new(context);
    loop {
        let Some(stored) = context.rows().errand::<T>(&of.org, of.export, of.number).await? else { return Ok(None) };
        let Ok(errand) = by(stored.value, context.now()) else { return Ok(None) };
        let mut transaction = context.transaction();
        transaction.update(stored.version, &errand)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(Some(errand)),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// Rings for an errand that waits, for the time that it waits for; what waits longer than a message can is the sweeper's.
pub(crate) async fn ring<T: ErrandKind>(queue: &dyn DeliveryQueue, errand: &Errand<T>, now: Timestamp) {
    let ErrandState::Waiting { at } = errand.state else { return };
    let after = at.since(now);
    if after > MOST_DELAY {
        return;
    }
    if let Err(error) = queue.ring(&DeliveryMessage::about(errand), after).await {
        tracing::warn!(org = %errand.org, id = errand.id(), %error, "not rung for; the sweeper will");
    }
}

/// Rings for an errand that is due: nobody came, or its worker is gone. Whether it was.
///
/// # Errors
/// [`PortError`]; it stays due.
pub(crate) async fn look_at_errand<T: ErrandKind>(
    sweeping: &Sweeping,
    stored: Stored<Errand<T>>,
) -> Result<bool, PortError> {
    let context = &sweeping.context;
    let Some(rung) = stored.value.rung(context.now()) else { return Ok(false) };
    sweeping.deliveries.ring(&DeliveryMessage::about(&rung), Duration::ZERO).await?;
    context.transaction().update(stored.version, &rung)?.commit(&*context.state).await?;
    Ok(true)
}

/// Opens the secrets of an address of an org; `whose` = what people call it.
pub(crate) async fn open_secrets(
    vault: &dyn SecretVault,
    (org, address): (&OrgCode, &SealedDestination),
    whose: &str,
) -> Result<DestinationSecrets, Miss> {
    let bound = SealContext { org: org.clone(), purpose: address.sealed_for.clone() };
    let mut secrets = Vec::new();
    for (field, sealed) in &address.secrets {
        let opened = vault.open(&bound, sealed).await;
        let opened = opened.map_err(|error| ours(&error, &format!("the {whose}'s secrets cannot be opened")))?;
        let Ok(secret) = String::from_utf8(opened) else {
            return Err(Miss::finally(format!("the {whose}'s secrets cannot be read; give them again")));
        };
        secrets.push((field.clone(), secret));
    }
    Ok(secrets.into_iter().collect())
}

/// A failure of our own services: another attempt may do better, unless what is stored cannot be read.
pub(crate) fn ours(error: &PortError, message: &str) -> Miss {
    tracing::warn!(error = ?error, "an errand was not run");
    let retry_after = match error.kind {
        PortErrorKind::Throttled { retry_after } => retry_after,
        _ => None,
    };
    let is_final = matches!(error.kind, PortErrorKind::Corrupt { .. });
    Miss { message: message.to_owned(), is_final, retry_after, ..Miss::default() }
}

/// What an address of that kind made of it.
pub(crate) fn theirs(kind: DestinationType, error: &DestinationError) -> Miss {
    let message = match error {
        DestinationError::Source(source) if source.kind == PortErrorKind::NotFound => {
            "the file to deliver is gone".to_owned()
        }
        DestinationError::Source(source) => {
            tracing::warn!(error = ?source, "a file to deliver was not read");
            error.to_string()
        }
        _ => error.to_string(),
    };
    Miss {
        message,
        is_final: is_final(kind, error),
        retry_after: match error {
            DestinationError::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        },
        is_lost: matches!(error, DestinationError::Lost(_)),
        is_gone: matches!(error, DestinationError::Gone(_)),
    }
}

/// Whether another attempt is of no use. What an address answers to a message may be another answer in a minute; only one that is gone for
/// good, or that cannot be, is given up at once.
fn is_final(kind: DestinationType, error: &DestinationError) -> bool {
    let may_change = matches!(
        error,
        DestinationError::BadCredentials(_) | DestinationError::Refused(_) | DestinationError::NotFound(_)
    );
    !(error.is_transient() || kind == DestinationType::Webhook && may_change)
}
