//! Files as pieces: looked for, fetched ahead and compressed side by side, in order.

use super::files::{FetchedPiece, FilePosition};
use super::writing::internal;
use super::{Exporting, Interrupted};
use bytes::Bytes;
use futures::stream::{Stream, StreamExt, unfold};
use std::sync::Arc;
use waybill_domain::{CollectionName, OrgCode, file_key};
use waybill_engine::{FilePiece, FileRef, Level, Plan, is_precompressed};
use waybill_ports::{ArchiveStore, ByteRange, PortError, PortErrorKind, compute};

/// Why a file is not in an archive, as its manifest says.
const NEVER_CAME: &str = "it was never uploaded, or is removed";
const OTHER_SIZE: &str = "its size is not what was announced";
const UNREADABLE: &str = "it cannot be read";
const NAMES_NONE: &str = "the value names no file";

/// Where the files of an export lie, and how they are compressed.
pub(super) struct PieceSource {
    org: OrgCode,
    /// The properties that name files, each with its collection.
    properties: Vec<(CollectionName, String)>,
    level: Level,
}

impl PieceSource {
    pub(super) fn new(spec: &waybill_domain::ExportSpec, plan: &Plan) -> Self {
        let properties = spec.readings().iter().enumerate().flat_map(|(place, of)| {
            let properties = plan.section(place).file_properties().iter();
            properties.map(|property| (of.collection.name.clone(), property.clone()))
        });
        Self { org: spec.org.clone(), properties: properties.collect(), level: plan.level() }
    }

    /// Where a file lies: it follows from what it belongs to, never from what its record's value says but its id.
    fn key(&self, file: &FileRef) -> Option<String> {
        let (record, id) = (file.record.parse().ok()?, file.id.parse().ok()?);
        let (collection, property) = self.properties.get(file.property)?;
        Some(file_key(&self.org, collection, record, property, id))
    }
}

/// A piece to be fetched.
#[derive(Clone)]
struct Asked {
    file: Arc<FileRef>,
    /// `None` when the file has none.
    key: Option<Arc<str>>,
    lines: (u64, u64),
    start: u64,
    /// Why there is no need to fetch it.
    refused: Option<&'static str>,
}

struct Asking<'a, S> {
    exporting: &'a Exporting,
    source: Arc<PieceSource>,
    lines: S,
    /// Where the next piece is.
    at: FilePosition,
    /// The file that it is of, when that is begun.
    file: Option<Asked>,
}

/// The pieces of all files of `lines` from `position` on.
pub(super) fn pieces_of<'a, S>(
    exporting: &'a Exporting,
    source: PieceSource,
    lines: S,
    position: FilePosition,
) -> impl Stream<Item = Result<FetchedPiece, Interrupted>> + Send + use<'a, S>
where
    S: Stream<Item = Result<(Bytes, u64), PortError>> + Send + 'a,
{
    let source = Arc::new(source);
    let level = source.level;
    let asking = Asking { exporting, source, lines: Box::pin(lines), at: position, file: None };
    unfold(asking, |mut asking| async move { asking.next().await.map(|asked| (asked, asking)) })
        .map(move |asked| async move { fetch(exporting, asked?, level).await })
        .buffered(exporting.settings.files.ahead.max(1))
}

impl<S: Stream<Item = Result<(Bytes, u64), PortError>> + Unpin> Asking<'_, S> {
    /// The next piece to be fetched.
    async fn next(&mut self) -> Option<Result<Asked, Interrupted>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => match self.next_file().await? {
                Ok(file) => file,
                Err(interrupted) => return Some(Err(interrupted)),
            },
        };
        let start = self.at.done;
        let piece_bytes = self.exporting.settings.files.piece_bytes.max(1);
        self.at.done += piece_bytes;
        let asked = Asked { start, ..file.clone() };
        if file.refused.is_some() || self.at.done >= file.file.size_bytes {
            self.at = FilePosition { line: file.lines.1, done: 0 };
        } else {
            self.file = Some(file);
        }
        Some(Ok(asked))
    }

    /// The file of the next line. One of several pieces is looked for first, so that none is fetched in vain.
    async fn next_file(&mut self) -> Option<Result<Asked, Interrupted>> {
        let (line, next_line) = match self.lines.next().await? {
            Ok(line) => line,
            Err(error) => return Some(Err(error.into())),
        };
        let file: FileRef = match serde_json::from_slice(&line) {
            Ok(file) => file,
            Err(error) => return Some(Err(internal(&error))),
        };
        let key: Option<Arc<str>> = self.source.key(&file).map(Into::into);
        let large = file.size_bytes > self.exporting.settings.files.piece_bytes;
        let refused = match &key {
            None => Some(NAMES_NONE),
            Some(key) if large => match missing(&*self.exporting.archives, key, file.size_bytes).await {
                Ok(refused) => refused,
                Err(error) => return Some(Err(error.into())),
            },
            Some(_) => None,
        };
        let lines = (self.at.line, next_line);
        Some(Ok(Asked { file: Arc::new(file), key, lines, start: 0, refused }))
    }
}

/// Why an object cannot be the whole file, as far as can be seen without reading it.
async fn missing(archives: &dyn ArchiveStore, key: &str, size_bytes: u64) -> Result<Option<&'static str>, PortError> {
    match archives.head(key).await {
        Ok(Some(head)) if head.size_bytes == size_bytes => Ok(None),
        Ok(Some(_)) => Ok(Some(OTHER_SIZE)),
        Ok(None) => Ok(Some(NEVER_CAME)),
        Err(error) => unless_transient(error).map(Some),
    }
}

/// What cannot be helped is no reason to fail an export; what may pass is one to wait.
fn unless_transient(error: PortError) -> Result<&'static str, PortError> {
    match error.kind {
        PortErrorKind::Throttled { .. } | PortErrorKind::Unavailable | PortErrorKind::Conflict => Err(error),
        PortErrorKind::NotFound => Ok(NEVER_CAME),
        PortErrorKind::Denied | PortErrorKind::Corrupt { .. } | PortErrorKind::Rejected { .. } => {
            tracing::warn!(error = ?error, "a file cannot be read");
            Ok(UNREADABLE)
        }
    }
}

async fn fetch(exporting: &Exporting, asked: Asked, level: Level) -> Result<FetchedPiece, Interrupted> {
    let Asked { file, key, lines: (line, next_line), start, refused } = asked;
    let content = match (refused, key) {
        (Some(reason), _) => Err(reason),
        (None, None) => Err(NAMES_NONE),
        (None, Some(key)) => {
            let end = file.size_bytes.min(start + exporting.settings.files.piece_bytes.max(1));
            match read(&*exporting.archives, &key, ByteRange { start, end }, file.size_bytes).await? {
                Ok(bytes) => Ok(compress(exporting, bytes, &file, level).await?),
                Err(reason) => Err(reason),
            }
        }
    };
    Ok(FetchedPiece { file, line, next_line, start, content })
}

async fn read(
    archives: &dyn ArchiveStore,
    key: &str,
    range: ByteRange,
    size_bytes: u64,
) -> Result<Result<Bytes, &'static str>, PortError> {
    if range.start == range.end {
        return Ok(missing(archives, key, size_bytes).await?.map_or_else(|| Ok(Bytes::new()), Err));
    }
    match archives.read(key, range).await {
        Ok(Some(bytes)) => Ok(Ok(bytes)),
        Ok(None) => Ok(Err(NEVER_CAME)),
        Err(error) => {
            let reason = unless_transient(error)?;
            // A range that is not there may come of another size.
            Ok(Err(missing(archives, key, size_bytes).await?.unwrap_or(reason)))
        }
    }
}

async fn compress(exporting: &Exporting, bytes: Bytes, file: &FileRef, level: Level) -> Result<FilePiece, Interrupted> {
    let precompressed = is_precompressed(&file.media_type, &file.name);
    let made = compute(&*exporting.compute, move || FilePiece::new(bytes, precompressed, level)).await;
    made.ok_or_else(super::runs::lost)?.map_err(|error| internal(&error))
}
