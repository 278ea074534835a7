//! Admission: every minute, scheduled exports whose time has come enter their org's lane, in the order of their times.
//!
//! Each row is touched only as it was read, so that a doubled or late tick does nothing twice. An export of a series enters in the
//! transaction that makes the next one.

use crate::Context;
use crate::continue_series::{Turn, continue_series};
use crate::due_rows::{DueWork, walk_due};
use crate::make_export::{LOOK_AFTER, ring};
use crate::retry::Attempts;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, QueueEntry, Succession};
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
    /// Exports that entered their lane, or wait for a later instant of their series.
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
        admit(&self.context, &*self.wake, key).await
    }
}

/// Lets one export in and rings for it; `false` when it is not due any more: admitted by another tick, ended, or gone.
pub(crate) async fn admit(context: &Context, wake: &dyn WakeQueue, key: &RowKey) -> Result<bool, PortError> {
    let mut attempts = Attempts::new(context);
    let mut tried = false;
    loop {
        let Some(row) = context.state.get(key).await? else { return Ok(false) };
        let stored: Stored<Export> = Stored::parse(&row)?;
        if stored.value.admission_at().is_none_or(|at| at > context.now()) {
            // By an attempt of this very call, perhaps, whose reply was lost: ringing twice does no harm.
            if tried && stored.value.ticket().is_some() {
                ring(wake, &stored.value).await;
            }
            return Ok(false);
        }
        match enter(context, stored).await {
            Ok(export) => {
                tracing::info!(org = %export.org, export = %export.id, state = ?export.state, "scheduled export decided");
                if export.ticket().is_some() {
                    ring(wake, &export).await;
                }
                return Ok(true);
            }
            Err(error) => attempts.after(error).await?,
        }
        tried = true;
    }
}

/// One attempt: export, counter, place in the lane, and the next one of its series, in one transaction.
async fn enter(context: &Context, stored: Stored<Export>) -> Result<Export, PortError> {
    let mut transaction = context.transaction();
    let moved_on = |_| PortError::new(PortErrorKind::Conflict, "admitting an export");
    let (entering, next) = match continue_series(context, &stored, &mut transaction).await? {
        Turn::Enters { export, next } => (*export, next),
        // It waits for a later instant, or has ended with its series.
        Turn::Stays(export) => {
            transaction.update(stored.version, &*export)?.commit(&*context.state).await?;
            return Ok(*export);
        }
    };
    let (org, seq, id, now) = (entering.org.clone(), entering.seq, entering.id, context.now());
    let Some(sequence) = context.rows().sequence(&org).await? else {
        let field = "the counter of an org with exports is missing".to_owned();
        let kind = PortErrorKind::Corrupt { table: "Main".to_owned(), key: org.to_string(), field };
        return Err(PortError::new(kind, "admitting an export"));
    };
    let (ticket, mut counter) = sequence.value.take_ticket(now.after(LOOK_AFTER));
    let mut export = entering.admit(ticket).map_err(moved_on)?;
    if let Some(next) = next {
        export.succession = Some(Succession { at: now, next: next.id() });
        let (seq, created_at, moved) = counter.take_seq(now);
        counter = moved;
        next.add(seq, created_at, &mut transaction)?;
    }
    transaction.update(sequence.version, &counter)?.update(stored.version, &export)?.insert(&QueueEntry {
        org,
        ticket,
        seq,
        export: id,
    })?;
    transaction.commit(&*context.state).await?;
    Ok(export)
}
