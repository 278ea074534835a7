//! Keeping the count of a collection's records beside changes of them: announced before, told after.

use crate::read_records::has_records;
use crate::retry::Attempts;
use crate::{Context, Error};
use waybill_domain::{CollectionName, CountChange, OrgCode, RecordCount};
use waybill_ports::RecordStore;

/// A change of a collection's records that is under way. One that is dropped leaves the count in doubt.
pub(crate) struct Change<'a> {
    context: &'a Context,
    org: &'a OrgCode,
    collection: &'a CollectionName,
    round: u64,
}

/// Announces a change of a collection's records.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`: then nothing may be changed.
pub(crate) async fn begin_change<'a>(
    context: &'a Context,
    records: &dyn RecordStore,
    org: &'a OrgCode,
    collection: &'a CollectionName,
) -> Result<Change<'a>, Error> {
    let mut attempts = Attempts::new(context);
    loop {
        let stored = context.rows().record_count(org, collection).await?;
        let (version, count) = if let Some(stored) = stored {
            (Some(stored.version), stored.value)
        } else {
            // Nobody has kept count so far: there are none, or nobody knows.
            let none = (!has_records(records, org, collection).await?).then_some(0);
            (None, RecordCount::new(org.clone(), collection.clone(), none, context.now()))
        };
        let count = count.begin(context.now());
        let mut transaction = context.transaction();
        transaction.upsert(version, &count)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(Change { context, org, collection, round: count.round() }),
            Err(error) => attempts.after(error).await?,
        }
    }
}

impl Change<'_> {
    /// Tells what the change did, `None` = nobody knows. If that cannot be kept, the count stays in doubt, and nothing else suffers.
    pub(crate) async fn end(self, change: Option<CountChange>) {
        if let Err(error) = self.try_end(change).await {
            let Self { org, collection, .. } = self;
            tracing::warn!(%org, %collection, error = ?error, "the count of records stays in doubt");
        }
    }

    async fn try_end(&self, change: Option<CountChange>) -> Result<(), Error> {
        let Self { context, org, collection, round } = self;
        let mut attempts = Attempts::new(context);
        loop {
            // Gone with its collection.
            let Some(stored) = context.rows().record_count(org, collection).await? else { return Ok(()) };
            let count = stored.value.end(*round, change, context.now());
            let mut transaction = context.transaction();
            transaction.update(stored.version, &count)?;
            match transaction.commit(&*context.state).await {
                Ok(_) => return Ok(()),
                Err(error) => attempts.after(error).await?,
            }
        }
    }
}
