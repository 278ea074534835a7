//! What the end of an export means for the job that it is a run of.

use waybill_domain::{Delivery, Export, Run};
use waybill_ports::{PortError, Rows, Transaction};

/// Adds to `transaction` that the run of `export`, as it is after its end, has ended, or waits for `deliveries`. Its job may have
/// been deleted since, and its run with it.
pub(crate) async fn settle_run(
    rows: Rows<'_>,
    export: &Export,
    deliveries: &[Delivery],
    transaction: &mut Transaction,
) -> Result<(), PortError> {
    let Some(run) = Run::of(export) else { return Ok(()) };
    if let Some(stored) = rows.run(&run.org, &run.job, run.started_at, run.id).await? {
        let open = deliveries.iter().filter(|delivery| !delivery.is_ended()).count();
        let run = stored.value.settled(export, u32::try_from(open).unwrap_or(u32::MAX));
        // Those to destinations that are switched off have ended already.
        let run = if deliveries.is_empty() { run } else { run.delivered(&deliveries.iter().collect::<Vec<_>>()) };
        transaction.update(stored.version, &run)?;
    }
    Ok(())
}
