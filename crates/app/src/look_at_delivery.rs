//! Looking at a delivery or a signal that is due: rung for while nobody came, or its worker is gone.

use crate::Sweeping;
use std::time::Duration;
use waybill_domain::{Delivery, Signal};
use waybill_ports::{DeliveryMessage, PortError, Stored};

/// Whether it was due and has been seen to.
///
/// # Errors
/// [`PortError`]; it stays due.
pub(crate) async fn look_at_delivery(sweeping: &Sweeping, stored: Stored<Delivery>) -> Result<bool, PortError> {
    let context = &sweeping.context;
    let Some(rung) = stored.value.rung(context.now()) else { return Ok(false) };
    sweeping.deliveries.ring(&DeliveryMessage::about(&rung), Duration::ZERO).await?;
    context.transaction().update(stored.version, &rung)?.commit(&*context.state).await?;
    Ok(true)
}

/// As [`look_at_delivery`].
///
/// # Errors
/// [`PortError`]; it stays due.
pub(crate) async fn look_at_signal(sweeping: &Sweeping, stored: Stored<Signal>) -> Result<bool, PortError> {
    let context = &sweeping.context;
    let Some(rung) = stored.value.rung(context.now()) else { return Ok(false) };
    sweeping.deliveries.ring(&DeliveryMessage::about_signal(&rung), Duration::ZERO).await?;
    context.transaction().update(stored.version, &rung)?.commit(&*context.state).await?;
    Ok(true)
}
