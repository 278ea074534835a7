//! What the end of an export means for the job that it is a run of.

use waybill_domain::{Export, Run};
use waybill_ports::{PortError, Rows, Transaction};

/// Adds to `transaction` that the run of `export`, as it is after its end, has ended, or waits for `open` deliveries. Its job may have
/// been deleted since, and its run with it.
pub(crate) async fn settle_run(
    rows: Rows<'_>,
    export: &Export,
    open: u32,
    transaction: &mut Transaction,
) -> Result<(), PortError> {
    let Some(run) = Run::of(export) else { return Ok(()) };
    if let Some(stored) = rows.run(&run.org, &run.job, run.started_at, run.id).await? {
        transaction.update(stored.version, &stored.value.settled(export, open))?;
    }
    Ok(())
}
