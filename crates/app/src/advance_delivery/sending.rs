//! Sending a file piece by piece: each call to the destination limited in time, the lease renewed beside it, what it gave checkpointed.

use super::Delivering;
use crate::run_errand::{ours, theirs, write};
use bytes::Bytes;
use futures::future::{Either, select};
use serde_json::json;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{AuditAction, Delivered, Delivery, DestinationSecrets, DestinationType, Miss, Upload};
use waybill_ports::{Destination, DestinationError, Notice, Parcel, StoredFile};

/// Longest life of a link to a file.
const LINK_LIFETIME: Duration = Duration::from_mins(5);

/// What became of it.
pub(super) enum Sent {
    /// It is there.
    Arrived(Delivered),
    /// It failed.
    Missed(Miss),
    /// The next invocation goes on.
    OutOfTime,
    /// Somebody else does.
    TakenOver,
}

/// Sends what is left to send.
pub(super) async fn send(
    delivering: &Delivering,
    delivery: &Delivery,
    secrets: &DestinationSecrets,
    deadline: Duration,
) -> Sent {
    let opened = delivering.destinations.open(&delivery.what.destination.config, secrets);
    let sender = Sender { delivering, delivery, deadline };
    let opened = match sender.call(opened).await {
        Ok(opened) => opened,
        Err(stopped) => return stopped,
    };
    let parcel = match parcel(delivering, delivery).await {
        Ok(parcel) => parcel,
        Err(error) => return sender.missed(&error),
    };
    let destination = &*opened;
    match sender.pieces(destination, &parcel).await {
        Ok(held) => Sent::Arrived(held),
        Err(Stopped { sent: Sent::Missed(miss), upload }) => {
            // What will not be gone on with is not left behind, as far as the destination can still be reached.
            if let Some(upload) = upload.filter(|_| miss.is_final || miss.is_lost) {
                let _ = sender.call(destination.abort(&parcel, &upload)).await;
            }
            Sent::Missed(miss)
        }
        Err(Stopped { sent, .. }) => sent,
    }
}

/// Why sending stopped, and what the destination had by then.
struct Stopped {
    sent: Sent,
    upload: Option<Upload>,
}

struct Sender<'a> {
    delivering: &'a Delivering,
    delivery: &'a Delivery,
    /// After which no further piece is begun.
    deadline: Duration,
}

impl Sender<'_> {
    async fn pieces(&self, destination: &dyn Destination, parcel: &Parcel) -> Result<Delivered, Stopped> {
        let context = &self.delivering.context;
        let nothing = |sent| Stopped { sent, upload: None };
        let mut upload = if let Some(upload) = &self.delivery.what.upload {
            upload.clone()
        } else {
            let upload = self.call(destination.open(parcel)).await.map_err(nothing)?;
            self.checkpoint(&upload).await?;
            upload
        };
        // One piece at least, or an invocation that began late would do nothing but hand on.
        let mut begun = false;
        while !upload.is_sent(parcel.size_bytes) {
            if begun && context.clock.monotonic() >= self.deadline {
                return Err(Stopped { sent: Sent::OutOfTime, upload: Some(upload) });
            }
            begun = true;
            let next = self.call(destination.advance(parcel, upload.clone())).await;
            match next {
                Ok(next) if next == upload => {
                    let stuck = DestinationError::Unavailable("the destination took nothing more of it".to_owned());
                    return Err(Stopped { sent: self.missed(&stuck), upload: Some(upload) });
                }
                Ok(next) => {
                    self.checkpoint(&next).await?;
                    upload = next;
                }
                Err(sent) => return Err(Stopped { sent, upload: Some(upload) }),
            }
        }
        let finish = self.call(destination.finish(parcel, &upload, context.now())).await;
        finish.map_err(|sent| Stopped { sent, upload: Some(upload) })
    }

    /// One call to the destination, for as long as it may take and as long as the delivery is ours.
    async fn call<T>(&self, call: impl Future<Output = Result<T, DestinationError>>) -> Result<T, Sent> {
        let (context, settings) = (&self.delivering.context, &self.delivering.settings);
        let left = (self.deadline + settings.grace).saturating_sub(context.clock.monotonic());
        let late = context.clock.sleep(settings.call.min(left));
        let (call, late, keep) = (pin!(call), pin!(late), pin!(self.keep()));
        match select(call, select(late, keep)).await {
            Either::Left((Ok(value), _)) => Ok(value),
            Either::Left((Err(error), _)) => Err(self.missed(&error)),
            // The invocation ends before the call does; the next one has all of its time.
            Either::Right((Either::Left(_), _)) if left < settings.call => Err(Sent::OutOfTime),
            Either::Right((Either::Left(_), _)) => {
                let secs = settings.call.as_secs();
                Err(self.missed(&DestinationError::Unavailable(format!("the destination took longer than {secs} s"))))
            }
            Either::Right((Either::Right(_), _)) => Err(Sent::TakenOver),
        }
    }

    /// Renews the lease until it is somebody else's.
    async fn keep(&self) {
        let (context, settings) = (&self.delivering.context, &self.delivering.settings);
        let epoch = self.delivery.epoch;
        loop {
            context.clock.sleep(settings.heartbeat).await;
            let kept =
                write(context, self.delivery, |delivery, now| delivery.renewed(epoch, now, settings.lease)).await;
            match kept {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "the lease on a delivery was not renewed"),
            }
        }
    }

    async fn checkpoint(&self, upload: &Upload) -> Result<(), Stopped> {
        let (epoch, lease) = (self.delivery.epoch, self.delivering.settings.lease);
        let written = write(&self.delivering.context, self.delivery, |delivery, now| {
            delivery.advanced(epoch, upload.clone(), now, lease)
        });
        let stopped = |sent| Stopped { sent, upload: Some(upload.clone()) };
        match written.await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(stopped(Sent::TakenOver)),
            Err(error) => Err(stopped(Sent::Missed(ours(&error, "how far it came could not be kept")))),
        }
    }

    fn missed(&self, error: &DestinationError) -> Sent {
        Sent::Missed(theirs(self.delivery.what.destination.config.kind(), error))
    }
}

/// The file, or for an address that would have to take too much at once, the notification of it: that a link is given is on record before
/// it is.
async fn parcel(delivering: &Delivering, delivery: &Delivery) -> Result<Parcel, DestinationError> {
    let file = &delivery.what.file;
    let is_posted = delivery.what.destination.config.kind() == DestinationType::Webhook;
    let notice = if is_posted && file.size_bytes > delivering.settings.longest_posted_bytes {
        let context = &delivering.context;
        let entry = context.audit_entry(&delivery.org, None, AuditAction::DeliveryLinked, delivery.id());
        let mut transaction = context.transaction();
        transaction.insert(&entry).map_err(DestinationError::Source)?;
        transaction.commit(&*context.state).await.map_err(DestinationError::Source)?;
        let now = context.now();
        let left = Duration::from_secs(delivery.expires_at.since(now).as_secs());
        let lifetime = left.min(LINK_LIFETIME);
        let link = delivering.archives.presign(&file.key, lifetime, &file.name, &file.content_type).await;
        let link = link.map_err(DestinationError::Source)?;
        let body = json!({
            "type": "export.ready",
            "timestamp": now.to_string(),
            "data": {
                "id": delivery.id(),
                "export": delivery.export.to_string(),
                "job": delivery.what.run.as_ref().map(|run| run.job.to_string()),
                "name": file.name,
                "contentType": file.content_type,
                "sizeBytes": file.size_bytes,
                "sha256": file.sha256,
                "records": file.records,
                "url": link.url,
                "expiresAt": now.after(lifetime).to_string(),
            },
        });
        Some(Notice { body: Bytes::from(body.to_string()) })
    } else {
        None
    };
    Ok(Parcel {
        id: delivery.id(),
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size_bytes: file.size_bytes,
        sha256: file.sha256.clone(),
        bytes: Arc::new(StoredFile { archives: Arc::clone(&delivering.archives), key: file.key.clone() }),
        notice,
    })
}
