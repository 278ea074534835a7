//! A delivery: one finished file on its way to one destination, and how far it is.

mod plan;
mod upload;

pub use plan::{DeliveryPlan, MAX_NOTIFIED};
pub use upload::{Delivered, Upload};

use crate::{
    Carried, Epoch, Errand, ErrandRefused, ErrandState, ExportId, JobId, OrgCode, RunId, SealedDestination, Seq,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Handing the file of one export to one destination.
pub type Delivery = Errand<Shipment>;

/// The file of an export for one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// The job whose run waits for it, and when that run began.
    pub run: Option<DeliveredRun>,
    /// Where it goes.
    pub destination: SealedDestination,
    /// What goes there.
    pub file: DeliveredFile,
    /// How far the destination has it; `None` = not begun.
    pub upload: Option<Upload>,
    /// The most bytes that the destination ever had.
    pub most_sent_bytes: u64,
    /// Where it is and how long it is there, once it has arrived.
    pub held: Option<Delivered>,
}

impl Carried for Shipment {
    const MARK: &'static str = "";

    fn lost(&mut self) {
        self.upload = None;
    }
}

/// The run that waits for a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveredRun {
    /// The job.
    pub job: JobId,
    /// When the run began.
    pub started_at: Timestamp,
    /// Its id.
    pub id: RunId,
}

/// The file that is delivered: an object of ours, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveredFile {
    /// Key of the object.
    pub key: String,
    /// Its name at the destination; safe.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
}

impl Delivery {
    /// A delivery that is to begin at once; to a destination that is switched off, one that has failed.
    pub fn queued(
        of: (OrgCode, ExportId, Seq, u16),
        run: Option<DeliveredRun>,
        destination: SealedDestination,
        file: DeliveredFile,
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        let off = destination.off.as_ref().map(|off| {
            let message = format!(
                "nothing was sent: the destination is switched off since {}, because {}; put the job again to switch it on",
                off.at, off.reason
            );
            ErrandState::Failed { at: created_at, message, gone: false }
        });
        let shipment = Shipment { run, destination, file, upload: None, most_sent_bytes: 0, held: None };
        let waiting = Self::new(of, shipment, (created_at, expires_at));
        Self { state: off.unwrap_or(ErrandState::Waiting { at: created_at }), ..waiting }
    }

    /// The destination has it as far as `upload` says.
    ///
    /// # Errors
    /// As [`Errand::renewed`].
    pub fn advanced(
        self,
        epoch: Epoch,
        upload: Upload,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Self, ErrandRefused> {
        let mut delivery = self.renewed(epoch, now, lease)?;
        let sent_bytes = upload.sent_bytes(delivery.what.file.size_bytes);
        // Only what was never there before: a destination that loses everything again and again is given up.
        if sent_bytes > delivery.what.most_sent_bytes {
            delivery.what.most_sent_bytes = sent_bytes;
            delivery.failures = 0;
            delivery.failing_since = None;
        }
        if let Some(last) = delivery.attempts.last_mut() {
            last.sent_bytes = sent_bytes;
        }
        delivery.what.upload = Some(upload);
        Ok(delivery)
    }

    /// It has arrived, as `held` says.
    ///
    /// # Errors
    /// As [`Errand::renewed`].
    pub fn arrived(self, epoch: Epoch, held: Delivered, now: Timestamp) -> Result<Self, ErrandRefused> {
        let mut delivery = self.done(epoch, now)?;
        if let Some(last) = delivery.attempts.last_mut() {
            last.sent_bytes = held.size_bytes;
        }
        delivery.what.held = Some(held);
        Ok(delivery)
    }

    /// Begins anew, on somebody's request, to `destination`.
    ///
    /// # Errors
    /// [`ErrandRefused::NotEnded`].
    pub fn again(self, destination: SealedDestination, now: Timestamp) -> Result<Self, ErrandRefused> {
        if !self.is_ended() {
            return Err(ErrandRefused::NotEnded);
        }
        let what = Shipment { destination, upload: None, most_sent_bytes: 0, held: None, ..self.what };
        Ok(Self { state: ErrandState::Waiting { at: now }, what, failures: 0, failing_since: None, ..self })
    }
}

#[cfg(test)]
mod tests;
