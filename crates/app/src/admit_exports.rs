//! Admission: every minute, scheduled exports whose time has come enter their org's lane, in the order of their times.
//!
//! Each row is touched only as it was read, so that a doubled or late tick does nothing twice.

use crate::Context;
use crate::due_rows::{DueWork, walk_due};
use crate::make_export::{LOOK_AFTER, ring};
use crate::retry::Attempts;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, QueueEntry};
use waybill_ports::{DueKind, PortError, PortErrorKind, RowKey, Stored, WakeQueue};

/// The ports that admission needs.
#[derive(Clone)]
pub struct Admitting {
    /// State, time and randomness.
    pub context: Context,
    /// Where wake-ups are sent.
    pub wake: Arc<dyn WakeQueue>,
}

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Exports that entered their lane.
    pub exports: usize,
    /// Rows that failed and are tried again at the next tick.
    pub failed: usize,
}

/// Lets every export whose time has come into its lane, behind what is there, until none is left or `budget` is over; the next
/// tick goes on. Exports of one org enter one after another, the longest due first. Failures of single rows are logged and
/// counted; one that may pass holds up what is behind it of its org, so that the order stays.
pub async fn admit_exports(admitting: &Admitting, budget: Duration) -> Admitted {
    let walked = walk_due(&admitting.context, DueKind::Admit, budget, admitting).await;
    Admitted { exports: walked.done, failed: walked.failed }
}

#[async_trait]
impl DueWork for Admitting {
    async fn handle(&self, key: &RowKey) -> Result<bool, PortError> {
        admit(self, key).await
    }
}

/// Lets one export in and rings for it; `false` when it is not due any more: admitted by another tick, ended, or gone.
async fn admit(admitting: &Admitting, key: &RowKey) -> Result<bool, PortError> {
    let context = &admitting.context;
    let mut attempts = Attempts::new(context);
    let mut tried = false;
    loop {
        let Some(row) = context.state.get(key).await? else { return Ok(false) };
        let stored: Stored<Export> = Stored::parse(&row)?;
        if stored.value.admission_at().is_none_or(|at| at > context.now()) {
            // By an attempt of this very call, perhaps, whose reply was lost: ringing twice does no harm.
            if tried && stored.value.ticket().is_some() {
                ring(&*admitting.wake, &stored.value).await;
            }
            return Ok(false);
        }
        match enter(context, stored).await {
            Ok(export) => {
                tracing::info!(org = %export.org, export = %export.id, "scheduled export admitted");
                ring(&*admitting.wake, &export).await;
                return Ok(true);
            }
            Err(error) => attempts.after(error).await?,
        }
        tried = true;
    }
}

/// One attempt: export, counter and place in the lane, in one transaction.
async fn enter(context: &Context, stored: Stored<Export>) -> Result<Export, PortError> {
    let (org, seq, id) = (stored.value.org.clone(), stored.value.seq, stored.value.id);
    let Some(sequence) = context.rows().sequence(&org).await? else {
        let field = "the counter of an org with exports is missing".to_owned();
        let kind = PortErrorKind::Corrupt { table: "Main".to_owned(), key: org.to_string(), field };
        return Err(PortError::new(kind, "admitting an export"));
    };
    let (ticket, counter) = sequence.value.take_ticket(context.now().after(LOOK_AFTER));
    let moved_on = |_| PortError::new(PortErrorKind::Conflict, "admitting an export");
    let export = stored.value.admit(ticket).map_err(moved_on)?;
    let mut transaction = context.transaction();
    transaction.update(sequence.version, &counter)?.update(stored.version, &export)?.insert(&QueueEntry {
        org,
        ticket,
        seq,
        export: id,
    })?;
    transaction.commit(&*context.state).await?;
    Ok(export)
}
