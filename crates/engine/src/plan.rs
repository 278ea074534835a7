//! What is done to every page, compiled once per export.

use crate::block::Block;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use waybill_archive::{DeflateError, Deflater, Level, plain_crc32};
use waybill_formats::{EncodeError, Encoder, Format, Scratch, Selection, SelectionError, Shape};
use waybill_query::Filter;
use waybill_record::stored::{Decoder, StoredError};
use waybill_record::{Path, ScanError, Tape};

/// What an export asks of every record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSpec {
    /// Which records go out.
    pub filter: Filter,
    /// Which of their parts, in order; at least one.
    pub paths: Vec<Path>,
    /// How they are written.
    pub format: Format,
    /// What the collection's definition says of their form; plain formats do not ask.
    pub shape: Shape,
    /// How hard they are compressed.
    pub level: Level,
    /// Whether text cells of a table are left as they are, formulas too.
    pub raw_cells: bool,
}

/// A compiled [`PlanSpec`]; shared by all threads that transform pages of the export.
#[derive(Clone, Debug)]
pub struct Plan {
    filter: Filter,
    encoder: Encoder,
    level: Level,
}

/// A record that cannot be exported; the page gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {position} of the page{} cannot be exported", id.as_ref().map(|id| format!(" (_id {id})")).unwrap_or_default())]
pub struct TransformError {
    /// Its place in the page, from 0.
    pub position: usize,
    /// Its `_id`, where the bytes still show one.
    pub id: Option<String>,
    /// What is wrong with it.
    #[source]
    pub fault: RecordFault,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Its stored form.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// Its text.
    #[error(transparent)]
    Text(#[from] ScanError),
    /// Its form, for this format.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Nothing: the page's compression failed.
    #[error(transparent)]
    Deflate(#[from] DeflateError),
}

/// Memory that a thread reuses for every page it transforms, of whatever plan.
struct Workspace {
    tape: Tape,
    decoder: Decoder,
    encode: Scratch,
    deflater: Deflater,
}

thread_local! {
    static WORKSPACE: RefCell<Option<Workspace>> = const { RefCell::new(None) };
}

impl Workspace {
    fn new(level: Level) -> Self {
        Self { tape: Tape::new(), decoder: Decoder::new(), encode: Scratch::new(), deflater: Deflater::new(level) }
    }
}

impl Plan {
    /// Compiles a plan.
    ///
    /// # Errors
    /// No path, or too many.
    pub fn compile(spec: &PlanSpec) -> Result<Self, SelectionError> {
        let selection = Selection::compile(&spec.paths)?;
        Ok(Self {
            filter: spec.filter.clone(),
            encoder: Encoder::new(spec.format, selection, &spec.shape, spec.raw_cells),
            level: spec.level,
        })
    }

    /// The format of its records.
    pub fn format(&self) -> Format {
        self.encoder.format()
    }

    /// How hard it compresses.
    pub fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Transforms one page of records in their stored form ([`waybill_record::stored`]): decode, filter, project,
    /// encode, deflate, checksum.
    ///
    /// The result depends on the plan and the page alone. Memory is kept per thread, so call it from few threads.
    ///
    /// # Errors
    /// The first record that is broken or that the format cannot hold; none is ever skipped.
    pub fn transform<R: AsRef<[u8]>>(&self, records: &[R]) -> Result<Block, TransformError> {
        WORKSPACE.with_borrow_mut(|workspace| {
            let workspace = workspace.get_or_insert_with(|| Workspace::new(self.level));
            if workspace.deflater.level() != self.level {
                workspace.deflater = Deflater::new(self.level);
            }
            self.transform_in(records, workspace)
        })
    }

    fn transform_in<R: AsRef<[u8]>>(&self, records: &[R], workspace: &mut Workspace) -> Result<Block, TransformError> {
        let mut plain = Vec::with_capacity(records.iter().map(|record| record.as_ref().len()).sum());
        let mut taken = 0;
        for (position, record) in records.iter().enumerate() {
            let stored = record.as_ref();
            let written = self.write_record(stored, taken == 0, workspace, &mut plain);
            match written {
                Ok(true) => taken += 1,
                Ok(false) => {}
                Err(fault) => {
                    return Err(TransformError { position, id: salvaged_id(stored), fault });
                }
            }
        }
        let mut deflated = Vec::new();
        workspace.deflater.deflate(&plain, &mut deflated).map_err(|fault| TransformError {
            position: records.len(),
            id: None,
            fault: fault.into(),
        })?;
        Ok(Block {
            crc32: plain_crc32(&plain),
            deflated,
            plain,
            scanned: u64::try_from(records.len()).unwrap_or(u64::MAX),
            records: taken,
        })
    }

    /// Appends one record, if it meets the condition.
    fn write_record(
        &self,
        stored: &[u8],
        first: bool,
        workspace: &mut Workspace,
        plain: &mut Vec<u8>,
    ) -> Result<bool, RecordFault> {
        let text = workspace.decoder.decode(stored)?;
        let record = workspace.tape.scan(text)?;
        if !self.filter.matches(&record) {
            return Ok(false);
        }
        self.encoder.encode(&record, first, &mut workspace.encode, plain)?;
        Ok(true)
    }
}

/// The `_id` that the bytes of a broken record still show, to name it by.
fn salvaged_id(stored: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"_id\":\"";
    let mut decoder = Decoder::new();
    let text = decoder.decode(stored).ok()?;
    let at = text.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let id: Vec<u8> = text[at..].iter().copied().take(64).take_while(u8::is_ascii_alphanumeric).collect();
    String::from_utf8(id).ok().filter(|id| !id.is_empty())
}
