//! Removing files of records: their storage is given back at once, their bytes go at the sweeper's next tick.

use crate::retry::Attempts;
use crate::{Context, Error};
use std::time::Duration;
use waybill_domain::{CollectionName, OrgCode, RecordFile, RecordId};
use waybill_ports::{PortError, Stored};

/// Files that are removed in one transaction, in which their org's usage is one row more.
const BATCH: usize = 80;

/// Removes files of a collection, or of one record, as far as they are `chosen` and `until` (monotonic) is not reached.
///
/// # Errors
/// `Conflict` when the time is over; what is removed by then stays removed. `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn remove_files(
    context: &Context,
    org: &OrgCode,
    of: (&CollectionName, Option<RecordId>),
    until: Option<Duration>,
    chosen: impl Fn(&RecordFile) -> bool,
) -> Result<(), Error> {
    let mut after: Option<RecordFile> = None;
    let mut attempts = Attempts::new(context);
    loop {
        if until.is_some_and(|until| context.clock.monotonic() >= until) {
            let reason = "there are more files than one call removes; send this again".to_owned();
            return Err(Error::Conflict { reason });
        }
        let (mut files, more) = context.rows().files(org, of, after.as_ref(), BATCH).await?;
        let last = files.last().map(|last| last.value.clone());
        files.retain(|file| !file.value.is_removed() && chosen(&file.value));
        if !files.is_empty()
            && let Err(error) = remove(context, org, files).await
        {
            attempts.after(error).await?;
            continue;
        }
        if !more || last.is_none() {
            return Ok(());
        }
        after = last;
        attempts = Attempts::new(context);
    }
}

async fn remove(context: &Context, org: &OrgCode, files: Vec<Stored<RecordFile>>) -> Result<(), PortError> {
    let now = context.now();
    let mut transaction = context.transaction();
    let (mut reserved, mut held) = (0, 0);
    for Stored { value, version } in files {
        let (file, was_reserved, was_held) = value.removed(now);
        reserved += was_reserved;
        held += was_held;
        transaction.update(version, &file)?;
    }
    if let Some(usage) = context.rows().usage(org).await? {
        transaction.update(usage.version, &usage.value.settle(reserved, 0, now).release(held, now))?;
    }
    transaction.commit(&*context.state).await.map(drop)
}
