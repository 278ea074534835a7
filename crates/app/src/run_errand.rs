//! Running an errand: claimed under a new epoch, what came of it written while that is the last one, and rung for while it waits.

use crate::retry::Attempts;
use crate::{Context, Sweeping};
use std::time::Duration;
use waybill_domain::{
    DestinationSecrets, DestinationType, Errand, ErrandRefused, ErrandShare, ErrandState, ExportId, Miss, OrgCode,
    SealedDestination, Timestamp,
};
use waybill_ports::{
    DeliveryMessage, DeliveryQueue, DestinationError, ErrandKind, MOST_DELAY, PortError, PortErrorKind, SealContext,
    SecretVault, Stored,
};

/// What came of claiming an errand.
pub(crate) enum Claim<T> {
    /// The caller runs it.
    Taken(Errand<T>),
    /// As many of its org's are under way as may be: it waits, and is to be rung for.
    PutOff(Errand<T>),
    /// Somebody else has it, its time has not come, or it has ended.
    Nothing,
}

/// Takes the right to one attempt, and for that one of the `share` places that the org has among the workers.
pub(crate) async fn claim<T: ErrandKind>(
    context: &Context,
    mut stored: Stored<Errand<T>>,
    (lease, share): (Duration, usize),
) -> Result<Claim<T>, PortError> {
    let (org, export, number) = (stored.value.org.clone(), stored.value.export, stored.value.number);
    let mut attempts = Attempts::new(context);
    loop {
        let now = context.now();
        let claimed = match stored.value.clone().claim(context.entropy.worker_id(), now, lease) {
            Ok(claimed) => claimed,
            Err(refused) => {
                tracing::debug!(id = stored.value.id(), %refused, "nothing to be sent now");
                return Ok(Claim::Nothing);
            }
        };
        let held = context.rows().errand_share(&org, T::ROW).await?;
        let version = held.as_ref().map(|held| held.version);
        let mut held = held.map_or_else(|| ErrandShare::empty(org.clone(), T::ROW), |held| held.value);
        held.taken.retain(|taken| *taken != (export, number));
        if held.taken.len() >= share {
            held.taken = under_way::<T>(context, &held, now).await?;
        }
        let mut transaction = context.transaction();
        let claim = if held.taken.len() >= share {
            let jitter = u32::try_from(context.entropy.below(1000)).unwrap_or(0);
            let put_off = stored.value.put_off(now, jitter);
            transaction.update(stored.version, &put_off)?;
            Claim::PutOff(put_off)
        } else {
            transaction.update(stored.version, &claimed)?.upsert(version, &held.with((export, number)))?;
            Claim::Taken(claimed)
        };
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(claim),
            Err(error) if error.is_conflict() => attempts.after(error).await?,
            Err(error) => return Err(error),
        }
        match context.rows().errand(&org, export, number).await? {
            Some(read) => stored = read,
            None => return Ok(Claim::Nothing),
        }
    }
}

/// Those of a share that somebody alive still runs. One that cannot be read is run by nobody.
async fn under_way<T: ErrandKind>(
    context: &Context,
    share: &ErrandShare,
    now: Timestamp,
) -> Result<Vec<(ExportId, u16)>, PortError> {
    let mut under_way = Vec::new();
    for (export, number) in &share.taken {
        match context.rows().errand::<T>(&share.org, *export, *number).await {
            Ok(Some(errand)) if errand.value.is_being_run(now) => under_way.push((*export, *number)),
            Ok(_) => {}
            Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(under_way)
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
