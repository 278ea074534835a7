//! Deliveries on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::{Attempt, Delivery, ErrandState};

/// The file of an export on its way to one destination.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub(crate) struct DeliveryWire {
    /// Its place among the export's deliveries, from 0.
    number: u16,
    /// Its name to the destination, the same at every attempt: `webhook-id`.
    id: String,
    /// `s3`, `azure-blob`, `sftp` or `webhook`.
    destination: &'static str,
    /// `waiting`, `sending`, `delivered` or `failed`.
    state: &'static str,
    /// The file's name there.
    name: String,
    /// Where it is, once it is there.
    #[schema(required)]
    path: Option<String>,
    /// How many bytes are there; of a webhook, how many were posted.
    #[schema(required)]
    size_bytes: Option<u64>,
    /// How many bytes the destination has of it, and how many it is to have.
    sent_bytes: u64,
    /// Size of the file in bytes.
    file_bytes: u64,
    /// Why it was given up, or why the last attempt failed.
    #[schema(required)]
    error: Option<String>,
    /// When it is tried again; `null` = it is being sent, or has ended.
    #[schema(required, format = DateTime)]
    next_attempt_at: Option<String>,
    /// How many attempts were begun.
    attempts: u32,
    /// How many invocations worked on it: an attempt that is longer than one goes on in the next.
    invocations: u64,
    /// The last of them, oldest first.
    log: Vec<AttemptWire>,
    /// When the export was ready.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ended.
    #[schema(required, format = DateTime)]
    finished_at: Option<String>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAttempt)]
pub(crate) struct AttemptWire {
    /// Which, from 1.
    number: u32,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; `null` while it goes on.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Why it failed; `null` when it did not.
    #[schema(required)]
    error: Option<String>,
    /// How many bytes the destination had by its end.
    sent_bytes: u64,
}

impl From<&Attempt> for AttemptWire {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at.to_string(),
            ended_at: attempt.ended_at.map(|at| at.to_string()),
            error: attempt.error.clone(),
            sent_bytes: attempt.sent_bytes,
        }
    }
}

impl From<Delivery> for DeliveryWire {
    fn from(delivery: Delivery) -> Self {
        let sent_bytes =
            delivery.what.upload.as_ref().map_or(0, |upload| upload.sent_bytes(delivery.what.file.size_bytes));
        let (state, waits_for) = match delivery.state {
            ErrandState::Waiting { at } => ("waiting", Some(at)),
            ErrandState::Sending { .. } => ("sending", None),
            ErrandState::Done { .. } => ("delivered", None),
            ErrandState::Failed { .. } => ("failed", None),
        };
        let held = delivery.what.held.as_ref();
        Self {
            number: delivery.number,
            id: delivery.id(),
            destination: delivery.what.destination.config.kind().name(),
            state,
            path: held.map(|held| held.destination_path.clone()),
            size_bytes: held.map(|held| held.size_bytes),
            sent_bytes: held.map_or(sent_bytes, |_| delivery.what.file.size_bytes),
            file_bytes: delivery.what.file.size_bytes,
            error: delivery.last_error().map(str::to_owned),
            next_attempt_at: waits_for.map(|at| at.to_string()),
            attempts: delivery.attempt_count,
            invocations: delivery.epoch.0,
            log: delivery.attempts.iter().map(Into::into).collect(),
            created_at: delivery.created_at.to_string(),
            finished_at: delivery.ended_at().map(|at| at.to_string()),
            name: delivery.what.file.name,
        }
    }
}
