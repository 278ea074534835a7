//! Recounting an org's storage: what is counted is held against the sum of what its exports and files hold.
//!
//! Every change of the count starts a recount over, so one that comes to its end has seen all of it at one count. Each call goes on for a
//! bounded number of pages and is conditional on the count as it was read.

use crate::Context;
use std::time::Duration;
use waybill_domain::{Timestamp, Usage};
use waybill_ports::{PortError, Stored};

/// Rows read at a time.
const PAGE: usize = 500;
/// Pages read in one call.
const MAX_PAGES: usize = 40;
/// How long after a call that did not come to the end the next one goes on.
const GO_ON: Duration = Duration::from_secs(30);

/// Goes on with a recount that is due; `false` when it is not.
pub(crate) async fn recount_usage(context: &Context, stored: Stored<Usage>) -> Result<bool, PortError> {
    let (rows, now): (_, Timestamp) = (context.rows(), context.now());
    if stored.value.recount_at.is_none_or(|at| at > now) {
        return Ok(false);
    }
    let org = stored.value.org.clone();
    let mut recount = stored.value.recount.clone().unwrap_or_default();
    for _ in 0..MAX_PAGES {
        let (sum, next) = rows.held_storage(&org, recount.after.as_deref(), PAGE).await?;
        recount.used_bytes = recount.used_bytes.saturating_add(sum.used_bytes);
        recount.reserved_bytes = recount.reserved_bytes.saturating_add(sum.reserved_bytes);
        recount.after = next;
        for key in &sum.unreadable {
            tracing::error!(%org, %key, "what a row takes of the storage cannot be read");
        }
        if recount.after.is_none() {
            break;
        }
    }
    let usage = if recount.after.is_some() {
        stored.value.clone().recounting(recount, now.after(GO_ON))
    } else {
        let counted = stored.value.clone();
        let sum = counted.clone().recounted(&recount, now);
        if (sum.used_bytes, sum.reserved_bytes) != (counted.used_bytes, counted.reserved_bytes) {
            tracing::error!(%org, ?counted, ?sum, "storage was counted wrong; it is put right");
        }
        sum
    };
    context.transaction().update(stored.version, &usage)?.commit(&*context.state).await?;
    Ok(true)
}
