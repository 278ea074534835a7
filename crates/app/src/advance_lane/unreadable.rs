//! An export at the head of a lane whose row cannot be read: it ends as failed with what is known of it, so that it holds nobody up.

use super::{Exporting, Interrupted, Lease};
use serde::de::DeserializeOwned;
use serde_json::Value;
use waybill_domain::{
    AccountId, Export, ExportFormat, ExportSpec, Failure, FailureCode, Progress, QueueEntry, State, StorageHold,
    Surface, Timestamp, Usage,
};
use waybill_ports::{PortErrorKind, Stored};

/// Replaces the row by one that can be read, takes the export out of the lane, and has the org's storage counted anew, of which nobody
/// knows any more what the export had reserved. A row that is no row at all stays as it is.
pub(super) async fn settle_unreadable(
    exporting: &Exporting,
    lease: &Lease,
    entry: &Stored<QueueEntry>,
    spec: Option<&ExportSpec>,
) -> Result<(), Interrupted> {
    let (context, org) = (&exporting.context, &lease.org);
    let (now, rows) = (context.now(), context.rows());
    tracing::error!(%org, export = %entry.value.export, "the row of an export cannot be read; the export fails");
    let row = match rows.export_row(org, entry.value.seq).await {
        Ok(row) => row,
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let replacement = row.and_then(|row| {
        let stored: Value = serde_json::from_str(&row.body).unwrap_or_default();
        Some((row.version, salvaged(&entry.value, spec, &stored, now)?))
    });
    let usage = rows.usage(org).await?;
    let version = usage.as_ref().map(|usage| usage.version);
    let usage = usage.map_or_else(|| Usage::empty(org.clone()), |usage| usage.value).recount_by(now);
    let written = lease.write(exporting, |lane, transaction| {
        transaction.delete(entry).upsert(version, &usage)?;
        if let Some((version, export)) = &replacement {
            let export = Export { epoch: lane.epoch, ..export.clone() };
            transaction.update(*version, &export)?;
        }
        Ok(lane)
    });
    written.await?.map(drop).map_err(|_| Interrupted::Lost)
}

/// What is known of it, as a failed export.
fn salvaged(entry: &QueueEntry, spec: Option<&ExportSpec>, stored: &Value, now: Timestamp) -> Option<Export> {
    fn field<T: DeserializeOwned>(stored: &Value, name: &str) -> Option<T> {
        serde_json::from_value(stored.get(name)?.clone()).ok()
    }
    let message = "the stored export cannot be read; the operator finds it in the log";
    let failure = Failure::new(FailureCode::Internal, message);
    let collection = field(stored, "collection").or_else(|| spec.map(|spec| spec.collection.name.clone()));
    let creator = field(stored, "creator").or_else(|| spec.map(|spec| spec.viewer.account));
    Some(Export {
        org: entry.org.clone(),
        id: entry.export,
        seq: entry.seq,
        surface: field(stored, "surface").unwrap_or(Surface::Admin),
        collection: collection.or_else(|| "unknown".parse().ok())?,
        format: field(stored, "format").or_else(|| spec.map(|spec| spec.format)).unwrap_or(ExportFormat::Json),
        label: field(stored, "label"),
        description: field(stored, "description"),
        creator: creator.unwrap_or_else(|| AccountId::new(Timestamp::from_millis(0), [0; 8])),
        created_at: field(stored, "created_at").unwrap_or(now),
        expires_at: Export::expiry(now),
        state: State::Failed { at: now, failure },
        after_script: false,
        deliveries: 0,
        notified: 0,
        retry_of: None,
        job: field(stored, "job"),
        scheduled_at: None,
        succession: None,
        started_at: None,
        epoch: waybill_domain::Epoch(0),
        attempts: 0,
        stop: None,
        stop_asked_at: None,
        deleted: field(stored, "deleted").unwrap_or(false),
        progress: Progress { phase: waybill_domain::Phase::Done, ..Progress::default() },
        checkpoint: None,
        finish: None,
        storage: StorageHold::Released,
        cleanup_at: Some(now),
        cleanup_failures: 0,
        date_span: None,
        steps: Vec::new(),
        alias: None,
        changed_at: None,
    })
}
