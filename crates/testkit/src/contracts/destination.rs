//! What every destination does that keeps files.

use super::{Broken, Fact, Found, equal, noise, that};
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use waybill_domain::{Timestamp, Upload};
use waybill_ports::{ByteRange, Destination, DestinationError, FileBytes, Parcel, PortError};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// What stands at a destination, read past the adapter.
#[async_trait]
pub trait ShownFiles: Send + Sync {
    /// The file of a final name.
    async fn shown(&self, name: &str) -> Option<Vec<u8>>;
}

/// Checks a destination that nobody else uses meanwhile; `long` = a length in bytes that takes several pieces.
///
/// # Errors
/// The first fact that does not hold.
pub async fn destination(to: &dyn Destination, shown: &dyn ShownFiles, long: usize) -> Result<(), Broken> {
    let suite = Suite { to, shown, long };
    let named = |fact: &'static str| move |found: Found| Broken { fact, found: found.0 };
    suite.a_file_is_there_whole_or_not_at_all().await.map_err(named("a_file_is_there_whole_or_not_at_all"))?;
    suite.a_later_file_takes_the_place().await.map_err(named("a_later_file_takes_the_place"))?;
    suite.a_lost_checkpoint_costs_nothing().await.map_err(named("a_lost_checkpoint_costs_nothing"))?;
    suite.finishing_again_is_harmless().await.map_err(named("finishing_again_is_harmless"))?;
    suite.what_is_given_up_is_gone().await.map_err(named("what_is_given_up_is_gone"))?;
    suite.a_probe_leaves_nothing().await.map_err(named("a_probe_leaves_nothing"))
}

impl From<DestinationError> for Found {
    fn from(error: DestinationError) -> Self {
        Self(format!("a call failed: {error:?}"))
    }
}

/// A file to deliver.
struct Noise(Bytes);

#[async_trait]
impl FileBytes for Noise {
    async fn read(&self, range: ByteRange) -> Result<Bytes, PortError> {
        let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        Ok(self.0.slice(index(range.start)..index(range.end)))
    }
}

struct Suite<'a> {
    to: &'a dyn Destination,
    shown: &'a dyn ShownFiles,
    long: usize,
}

impl Suite<'_> {
    fn parcel(name: &str, seed: &str, length: usize) -> (Parcel, Vec<u8>) {
        let bytes = noise(seed, length);
        let parcel = Parcel {
            id: format!("{seed}-0"),
            name: name.to_owned(),
            content_type: "text/csv".to_owned(),
            size_bytes: u64::try_from(length).unwrap_or(u64::MAX),
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes: Arc::new(Noise(Bytes::from(bytes.clone()))),
            notice: None,
        };
        (parcel, bytes)
    }

    /// As it comes back from a row.
    fn stored(upload: &Upload) -> Result<Upload, Found> {
        let text = serde_json::to_string(upload).map_err(|error| Found(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| Found(error.to_string()))
    }

    async fn send(&self, parcel: &Parcel) -> Result<Upload, Found> {
        let mut upload = self.to.open(parcel).await?;
        while !upload.is_sent(parcel.size_bytes) {
            upload = self.to.advance(parcel, Self::stored(&upload)?).await?;
        }
        Ok(upload)
    }

    async fn shows(&self, name: &str, expected: Option<&[u8]>) -> Fact {
        let shown = self.shown.shown(name).await;
        let lengths = (shown.as_ref().map(Vec::len), expected.map(<[u8]>::len));
        that(
            shown.as_deref() == expected,
            format!("`{name}` is not as it should be; bytes found and expected: {lengths:?}"),
        )
    }

    async fn a_file_is_there_whole_or_not_at_all(&self) -> Fact {
        for length in [0, 1, self.long] {
            let name = format!("whole-{length}.csv");
            let (parcel, bytes) = Self::parcel(&name, &format!("whole{length}"), length);
            let upload = self.send(&parcel).await?;
            self.shows(&name, None).await?;
            let delivered = self.to.finish(&parcel, &Self::stored(&upload)?, NOW).await?;
            equal(&delivered.size_bytes, &parcel.size_bytes)?;
            that(delivered.destination_path.ends_with(&name), delivered.destination_path)?;
            self.shows(&name, Some(&bytes)).await?;
        }
        Ok(())
    }

    async fn a_later_file_takes_the_place(&self) -> Fact {
        for (seed, length) in [("earlier", self.long), ("later", 20)] {
            let (parcel, bytes) = Self::parcel("place.csv", seed, length);
            let upload = self.send(&parcel).await?;
            self.to.finish(&parcel, &upload, NOW).await?;
            self.shows("place.csv", Some(&bytes)).await?;
        }
        Ok(())
    }

    /// Every piece is sent twice: how far it came was not kept the first time.
    async fn a_lost_checkpoint_costs_nothing(&self) -> Fact {
        let (parcel, bytes) = Self::parcel("again.csv", "again", self.long);
        let mut upload = self.to.open(&parcel).await?;
        while !upload.is_sent(parcel.size_bytes) {
            let kept = Self::stored(&upload)?;
            self.to.advance(&parcel, upload).await?;
            upload = self.to.advance(&parcel, kept).await?;
        }
        self.to.finish(&parcel, &upload, NOW).await?;
        self.shows("again.csv", Some(&bytes)).await
    }

    async fn finishing_again_is_harmless(&self) -> Fact {
        let (parcel, bytes) = Self::parcel("twice.csv", "twice", self.long);
        let upload = self.send(&parcel).await?;
        let first = self.to.finish(&parcel, &upload, NOW).await?;
        // An earlier answer was lost. Services forget an upload that was completed, each in its own words; the file stays.
        if let Ok(second) = self.to.finish(&parcel, &upload, NOW).await {
            equal(&second, &first)?;
        }
        self.shows("twice.csv", Some(&bytes)).await
    }

    async fn what_is_given_up_is_gone(&self) -> Fact {
        let (parcel, _) = Self::parcel("given-up.csv", "givenup", self.long);
        let upload = self.to.open(&parcel).await?;
        let upload = self.to.advance(&parcel, upload).await?;
        self.to.abort(&parcel, &upload).await?;
        // Again, after an answer that was lost: what a service says of an upload that it has forgotten is its own.
        drop(self.to.abort(&parcel, &upload).await);
        self.shows("given-up.csv", None).await
    }

    async fn a_probe_leaves_nothing(&self) -> Fact {
        let probed = self.to.probe("probe-0", "probe.txt", NOW).await?;
        that(probed.words.starts_with("wrote, read back and removed "), probed.words)?;
        self.shows("probe.txt", None).await
    }
}
