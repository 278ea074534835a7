//! Looking whether the bytes of an announced file have come, and removing those of files that are to go.

use crate::Context;
use crate::retry::Attempts;
use waybill_domain::{Looked, RecordFile, Usage};
use waybill_ports::{ArchiveStore, PortError, Stored};

/// Looks at a file that is due. Files of one org meet at its usage: who comes second reads again.
pub(crate) async fn look_at_file(
    context: &Context,
    archives: &dyn ArchiveStore,
    mut stored: Stored<RecordFile>,
) -> Result<(), PortError> {
    let mut attempts = Attempts::new(context);
    loop {
        let now = context.now();
        if stored.value.look_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        match look(context, archives, &stored).await {
            Ok(()) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
        let file = &stored.value;
        match context.rows().file(&file.org, &file.collection, file.record, &file.property, file.id).await? {
            Some(read) => stored = read,
            None => return Ok(()),
        }
    }
}

async fn look(context: &Context, archives: &dyn ArchiveStore, stored: &Stored<RecordFile>) -> Result<(), PortError> {
    let (file, key) = (stored.value.clone(), stored.value.object_key());
    let there = !file.is_removed() && archives.head(&key).await?.is_some();
    let org = file.org.clone();
    let mut transaction = context.transaction();
    let (reserved, held) = match file.looked_at(there, context.now()) {
        Looked::Changed(file, reserved, held) => {
            if file.is_removed() {
                archives.delete(&[key]).await?;
            }
            transaction.update(stored.version, &*file)?;
            (reserved, held)
        }
        Looked::Gone(reserved) => {
            archives.delete(&[key]).await?;
            transaction.delete(stored);
            (reserved, 0)
        }
    };
    if reserved > 0 || held > 0 {
        let usage = context.rows().usage(&org).await?;
        let version = usage.as_ref().map(|usage| usage.version);
        let usage = usage.map_or_else(|| Usage::empty(org), |usage| usage.value);
        transaction.upsert(version, &usage.settle(reserved, held, context.now()))?;
    }
    transaction.commit(&*context.state).await.map(drop)
}
