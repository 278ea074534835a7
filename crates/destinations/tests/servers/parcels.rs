//! Files to deliver, whose bytes are known at every place, and the way to deliver them step by step.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use waybill_destinations::{Destinations, OwnCredentials};
use waybill_domain::{DestinationConfig, DestinationType, Timestamp};
use waybill_outgoing::{AllowList, Outgoing};
use waybill_ports::{
    ByteRange, Delivered, Destination, DestinationError, DestinationOpener as _, FileBytes, OutgoingError,
    OutgoingHttp, OutgoingReply, OutgoingRequest, Parcel, Patience, PortError, Upload,
};

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_295_056_101);

/// Whether an error is the one that a case expects.
pub(crate) type Expected = fn(&DestinationError) -> bool;

/// Runs before a range is read.
type Hook = Box<dyn Fn(ByteRange) -> Result<(), PortError> + Send + Sync>;

/// Bytes made of their places.
#[derive(Default)]
pub(crate) struct Pattern {
    hook: Mutex<Option<Hook>>,
    /// The longest range that was asked for.
    pub(crate) longest: Mutex<u64>,
}

impl Pattern {
    pub(crate) fn before_reading(&self, hook: impl Fn(ByteRange) -> Result<(), PortError> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }
}

pub(crate) fn bytes(range: ByteRange) -> Bytes {
    // A prime, so that parts and blocks that are swapped or doubled differ.
    (range.start..range.end).map(|place| u8::try_from(place.wrapping_mul(31) % 251).unwrap()).collect()
}

#[async_trait]
impl FileBytes for Pattern {
    async fn read(&self, range: ByteRange) -> Result<Bytes, PortError> {
        if let Some(hook) = &*self.hook.lock().unwrap() {
            hook(range)?;
        }
        let mut longest = self.longest.lock().unwrap();
        *longest = (*longest).max(range.end - range.start);
        Ok(bytes(range))
    }
}

pub(crate) fn parcel(name: &str, size_bytes: u64) -> (Parcel, Arc<Pattern>) {
    let pattern = Arc::new(Pattern::default());
    let parcel = Parcel {
        id: "0123456789abcdef01234567".to_owned(),
        name: name.to_owned(),
        content_type: "text/csv".to_owned(),
        size_bytes,
        sha256: String::new(),
        bytes: pattern.clone(),
        notice: None,
    };
    (parcel, pattern)
}

/// A guard that the operator has opened for loopback.
pub(crate) fn loopback() -> Outgoing {
    Outgoing::new(AllowList::parse("127.0.0.1").unwrap())
}

pub(crate) fn destinations() -> Destinations {
    let guard = Arc::new(loopback());
    Destinations { http: guard.clone(), tcp: guard, own: OwnCredentials::nobody(), silence: Destinations::SILENCE }
}

/// The guard with less patience.
pub(crate) struct Hurried(pub(crate) Outgoing);

#[async_trait]
impl OutgoingHttp for Hurried {
    async fn send(&self, mut request: OutgoingRequest) -> Result<OutgoingReply, OutgoingError> {
        request.limits.patience = match request.limits.patience {
            Patience::Total(_) => Patience::Total(Duration::from_millis(100)),
            Patience::Progress(_) => Patience::Progress(Duration::from_millis(100)),
        };
        self.0.send(request).await
    }
}

pub(crate) async fn open(destinations: &Destinations, kind: &str, wire: Value) -> Box<dyn Destination> {
    try_open(destinations, kind, wire).await.unwrap()
}

pub(crate) async fn try_open(
    destinations: &Destinations,
    kind: &str,
    wire: Value,
) -> Result<Box<dyn Destination>, DestinationError> {
    let kind = DestinationType::from_name(kind).unwrap();
    let parsed = DestinationConfig::parse(kind, wire.as_object().unwrap(), None).unwrap();
    destinations.open(&parsed.config, &parsed.given).await
}

/// From the beginning to the end; each checkpoint is stored and read back.
pub(crate) async fn deliver(to: &dyn Destination, parcel: &Parcel) -> Result<Delivered, DestinationError> {
    let mut upload = to.open(parcel).await?;
    while !upload.is_sent(parcel.size_bytes) {
        upload = to.advance(parcel, stored(&upload)).await?;
    }
    to.finish(parcel, &stored(&upload), NOW).await
}

/// As it comes back from a row.
pub(crate) fn stored(upload: &Upload) -> Upload {
    serde_json::from_str(&serde_json::to_string(upload).unwrap()).unwrap()
}
