//! Addresses that files, or notifications of them, are posted to.

use crate::failure::retry_after;
use crate::parts::READ_BYTES;
use crate::signature::Signing;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use std::sync::Arc;
use waybill_domain::{DestinationSecrets, Timestamp, WebhookConfig};
use waybill_ports::{
    ByteChunks, ByteRange, Delivered, Destination, DestinationError, OutgoingBody, OutgoingHttp, OutgoingLimits,
    OutgoingReply, OutgoingRequest, Parcel, PostedMessage, Probed, Upload, WebhookMessage,
};

/// An address.
pub(crate) struct WebhookDestination {
    config: WebhookConfig,
    secrets: DestinationSecrets,
    http: Arc<dyn OutgoingHttp>,
}

/// What is posted.
enum Body<'a> {
    File(&'a Parcel),
    Message(Bytes),
}

impl WebhookDestination {
    pub(crate) fn open(config: WebhookConfig, secrets: &DestinationSecrets, http: Arc<dyn OutgoingHttp>) -> Self {
        Self { config, secrets: secrets.clone(), http }
    }

    /// The URL without its query, which may hold a secret.
    fn place(&self) -> String {
        self.config.url.split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    async fn headers(
        &self,
        id: &str,
        body: &Body<'_>,
        now: Timestamp,
    ) -> Result<Vec<(String, String)>, DestinationError> {
        let mut headers = vec![
            ("webhook-id".to_owned(), id.to_owned()),
            ("webhook-timestamp".to_owned(), now.as_secs().to_string()),
            ("x-sigma-delivery".to_owned(), id.to_owned()),
        ];
        match body {
            Body::Message(_) => headers.push(("content-type".to_owned(), "application/json".to_owned())),
            Body::File(parcel) => {
                headers.push(("content-type".to_owned(), parcel.content_type.clone()));
                let disposition = format!("attachment; filename=\"{}\"", plain(&parcel.name));
                headers.push(("content-disposition".to_owned(), disposition));
            }
        }
        for name in &self.config.headers {
            if let Some(value) = self.secrets.get(&WebhookConfig::header_field(name)) {
                headers.push((name.clone(), value.to_owned()));
            }
        }
        if let Some(secret) = self.secrets.get(WebhookConfig::SECRET) {
            let mut signing = Signing::new(secret, id, now.as_secs());
            match body {
                Body::Message(bytes) => signing.update(bytes),
                Body::File(parcel) => {
                    // The signature goes ahead of the bytes: a first pass over them.
                    let mut chunks = chunks(parcel);
                    while let Some(chunk) = chunks.next().await {
                        signing.update(&chunk.map_err(DestinationError::Source)?);
                    }
                }
            }
            let (standard, sigma) = signing.finish();
            headers.push(("webhook-signature".to_owned(), standard));
            headers.push(("x-sigma-signature".to_owned(), sigma));
        }
        Ok(headers)
    }

    /// Posts a body; what was answered.
    async fn send(&self, id: &str, body: Body<'_>, now: Timestamp) -> Result<OutgoingReply, DestinationError> {
        let headers = self.headers(id, &body, now).await?;
        let (body, limits) = match body {
            Body::Message(bytes) => (OutgoingBody::Bytes(bytes), OutgoingLimits::MESSAGE),
            Body::File(parcel) => {
                let size_bytes = parcel.size_bytes;
                let body = OutgoingBody::Stream { size_bytes, chunks: chunks(parcel) };
                (body, OutgoingLimits::TRANSFER)
            }
        };
        let url = self.config.url.clone();
        Ok(self.http.send(OutgoingRequest { method: "POST".to_owned(), url, headers, body, limits }).await?)
    }

    async fn post(&self, id: &str, body: Body<'_>, now: Timestamp) -> Result<(), DestinationError> {
        let reply = self.send(id, body, now).await?;
        judge(&reply, &self.place())
    }

    /// Posts a message, and tells what was answered.
    pub(crate) async fn tell(&self, message: &WebhookMessage, now: Timestamp) -> PostedMessage {
        match self.send(&message.id, Body::Message(message.body.clone()), now).await {
            Ok(reply) => PostedMessage { status: Some(reply.status), outcome: judge(&reply, &self.place()) },
            Err(error) => PostedMessage { status: None, outcome: Err(error) },
        }
    }
}

/// A file's bytes, piece by piece, the next one read once the last one is gone.
fn chunks(parcel: &Parcel) -> ByteChunks {
    let (bytes, size_bytes) = (parcel.bytes.clone(), parcel.size_bytes);
    futures::stream::unfold(0, move |start| {
        let bytes = bytes.clone();
        async move {
            if start >= size_bytes {
                return None;
            }
            let end = size_bytes.min(start + READ_BYTES);
            match bytes.read(ByteRange { start, end }).await {
                Ok(read) => Some((Ok(read), end)),
                Err(error) => Some((Err(error), size_bytes)),
            }
        }
    })
    .boxed()
}

/// A name as a header can hold it.
fn plain(name: &str) -> String {
    let keep = |sign: char| if (' '..='~').contains(&sign) && sign != '"' && sign != '\\' { sign } else { '_' };
    name.chars().map(keep).collect()
}

/// What a reply means: 2xx has arrived, everything else has not.
fn judge(reply: &OutgoingReply, place: &str) -> Result<(), DestinationError> {
    let status = reply.status;
    let answered = format!("{place} answered {status}");
    Err(match status {
        200..=299 => return Ok(()),
        300..=399 => DestinationError::Refused(format!(
            "{answered}, a redirect: they are not followed; set the URL that it leads to"
        )),
        401 => DestinationError::BadCredentials(format!(
            "{answered}: it wants credentials, or others than the headers hold"
        )),
        403 => DestinationError::Refused(format!("{answered}: it does not allow this")),
        404 => DestinationError::NotFound(format!("{answered}: nothing is there; check the URL's path")),
        410 => DestinationError::Gone(format!("{answered}: it says that it will take nothing again")),
        413 => DestinationError::Refused(format!("{answered}: the file is too long for it")),
        408 | 425 => DestinationError::Unavailable(format!("{answered}: it was too slow or not ready")),
        429 => DestinationError::Throttled {
            words: format!("{answered}: it asks for patience"),
            retry_after: retry_after(reply),
        },
        503 if reply.header("retry-after").is_some() => DestinationError::Throttled {
            words: format!("{answered}: it asks for patience"),
            retry_after: retry_after(reply),
        },
        500.. => DestinationError::Unavailable(format!("{answered}: a fault of its own")),
        _ => DestinationError::Refused(format!("{answered}: it does not take this")),
    })
}

#[async_trait]
impl Destination for WebhookDestination {
    async fn open(&self, _parcel: &Parcel) -> Result<Upload, DestinationError> {
        Ok(Upload::Single)
    }

    async fn advance(&self, _parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        Ok(upload)
    }

    async fn finish(&self, parcel: &Parcel, _upload: &Upload, now: Timestamp) -> Result<Delivered, DestinationError> {
        let body = parcel.notice.as_ref().map_or(Body::File(parcel), |notice| Body::Message(notice.body.clone()));
        self.post(&parcel.id, body, now).await?;
        Ok(Delivered { destination_path: self.place(), size_bytes: parcel.size_bytes })
    }

    /// What was posted cannot be taken back.
    async fn abort(&self, _parcel: &Parcel, _upload: &Upload) -> Result<(), DestinationError> {
        Ok(())
    }

    async fn probe(&self, id: &str, _name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        let body = format!("{{\"type\":\"destination.test\",\"id\":\"{id}\",\"timestamp\":\"{now}\"}}");
        self.post(id, Body::Message(Bytes::from(body)), now).await?;
        Ok(Probed { words: format!("posted a test message to {}, which took it", self.place()) })
    }
}
