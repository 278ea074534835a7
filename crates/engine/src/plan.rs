//! What is done to every page, compiled once per export.

mod documents;
mod rows;
mod sections;

pub(crate) use sections::Section;

use crate::block::Block;
use crate::files::FileRefs;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use waybill_archive::{DeflateError, Deflater, Level, Packing};
use waybill_formats::{EncodeError, Encoder, Format, Scratch, Selection, SelectionError, Shape};
use waybill_query::Filter;
use waybill_query::pipeline::{Reshaper, Stage};
use waybill_record::{Chunk, Document, Looking, PageReader, Path, ReadError, ScanError, Sight, Tape};

/// What an export asks of every record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSpec {
    /// Which records go out.
    pub filter: Filter,
    /// Which of their parts, in order; at least one.
    pub paths: Vec<Path>,
    /// What each of them is called where it goes out, its segments with slashes or dots between; empty = what it is.
    pub names: Vec<String>,
    /// References that go out as themselves, with the collections that they lead to, though each was replaced by the record that it
    /// leads to: by the `_id` in it, which is one of the paths.
    pub links: Vec<(Path, String)>,
    /// How they are written.
    pub format: Format,
    /// What the collection's definition says of their form; plain formats do not ask.
    pub shape: Shape,
    /// How hard they are compressed.
    pub level: Level,
    /// Whether text cells of a table are left as they are, formulas too.
    pub raw_cells: bool,
}

/// How records are split into entries of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Most records of one; at least one.
    pub records: u64,
    /// What each is called, before `-part` and its number; made safe.
    pub stem: String,
}

/// A compiled [`PlanSpec`]; shared by all threads that transform pages of the export.
#[derive(Clone, Debug)]
pub struct Plan {
    filter: Filter,
    /// Whose eyes see the records; nobody's = they are seen whole.
    sight: Option<Arc<dyn Sight>>,
    /// What is taken of what is seen; nothing = all.
    scope: Option<Arc<Scope>>,
    encoder: Encoder,
    level: Level,
    files: Vec<String>,
    /// Where those of its files begin among those of all collections.
    first_file: usize,
    packing: Option<Packing>,
    parts: Option<Arc<Parts>>,
    /// The collections that have an entry of their own each; none = there is one for all.
    sections: Arc<[Section]>,
    /// What is done to each record that meets the condition, before it is ordered and after.
    stages: Arc<(Vec<Stage>, Vec<Stage>)>,
    /// Whether rows of a sort are the records' own texts, line by line.
    as_texts: bool,
    /// Blocks whose memory is free.
    spare: Arc<Mutex<Vec<Block>>>,
}

/// Blocks kept for their memory, at most: as many as are in use at once.
const MAX_SPARE: usize = 16;
/// A block with more memory is not kept.
const MAX_SPARE_BYTES: usize = 8 << 20;

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
    /// Its form in the source.
    #[error(transparent)]
    Read(#[from] ReadError),
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
    looking: (Looking, Looking),
    reader: PageReader,
    encode: Scratch,
    deflater: Deflater,
    /// For the stages before the order and after it.
    reshapers: (Reshaper, Reshaper),
    key: Vec<u8>,
}

/// Records of a chunk as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowTexts {
    /// JSON objects without white space, one a line.
    pub lines: Vec<u8>,
    /// How many records the chunk had.
    pub scanned: u64,
    /// How many of them there are.
    pub records: u64,
}

/// Which of the records that come out are written: of those behind the first `skip`, `take`.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    skip: u64,
    take: u64,
}

impl Stretch {
    const ALL: Self = Self { skip: 0, take: u64::MAX };

    fn holds(self, place: u64) -> bool {
        place >= self.skip && place - self.skip < self.take
    }
}

thread_local! {
    static WORKSPACE: RefCell<Option<Workspace>> = const { RefCell::new(None) };
}

impl Workspace {
    fn new(level: Level) -> Self {
        Self {
            tape: Tape::new(),
            looking: (Looking::default(), Looking::default()),
            reader: PageReader::new(),
            encode: Scratch::new(),
            deflater: Deflater::new(level),
            reshapers: (Reshaper::new(), Reshaper::new()),
            key: Vec::new(),
        }
    }
}

impl Plan {
    /// Compiles a plan.
    ///
    /// # Errors
    /// No path, or too many; names that do not belong to the paths.
    pub fn compile(spec: &PlanSpec) -> Result<Self, SelectionError> {
        let selection = Selection::compile_named(&spec.paths, &spec.names)?.linking(&spec.links);
        Ok(Self {
            filter: spec.filter.clone(),
            sight: None,
            scope: None,
            encoder: Encoder::new(spec.format, selection, &spec.shape, spec.raw_cells),
            level: spec.level,
            files: Vec::new(),
            first_file: 0,
            packing: None,
            parts: None,
            sections: Arc::default(),
            stages: Arc::default(),
            as_texts: false,
            spare: Arc::default(),
        })
    }

    /// The same, with records as `sight` has them: what it does not see is not there for the condition, the order, the
    /// files and the format.
    #[must_use]
    pub fn seen_by(mut self, sight: Option<Arc<dyn Sight>>) -> Self {
        self.sight = sight;
        self
    }

    /// The same, with of each record what `scope` takes, before anything else looks at it.
    #[must_use]
    pub fn within(mut self, scope: Option<Scope>) -> Self {
        self.scope = scope.map(Arc::new);
        self
    }

    /// The same, with the files that records name in these properties coming along.
    #[must_use]
    pub fn with_files(mut self, properties: Vec<String>) -> Self {
        self.files = properties;
        self
    }

    /// The same, with what is needed to hand the file of records out by itself.
    #[must_use]
    pub fn packed_as(mut self, packing: Option<Packing>) -> Self {
        self.packing = packing;
        self
    }

    /// The same, with stages that are all `$match` or `$project` for each record that meets the condition: those of `before`, then
    /// the key of a sort is taken, then those of `after`.
    #[must_use]
    pub fn with_stages(mut self, before: Vec<Stage>, after: Vec<Stage>) -> Self {
        self.stages = Arc::new((before, after));
        self
    }

    /// The same, but what a sort writes and merges are the records' texts, one a line, and not encoded.
    #[must_use]
    pub fn as_texts(mut self) -> Self {
        self.as_texts = true;
        self
    }

    /// The same, with no more than so many records in one entry.
    #[must_use]
    pub fn in_parts(mut self, parts: Option<Parts>) -> Self {
        self.parts = parts.map(Arc::new);
        self
    }

    /// The same for records that are done but for being encoded.
    #[must_use]
    pub fn encoding_only(mut self) -> Self {
        self.filter = Filter::everything();
        self.stages = Arc::default();
        self.sight = None;
        self.scope = None;
        self
    }

    pub(crate) fn parts(&self) -> Option<&Parts> {
        self.parts.as_deref()
    }

    /// Most records of one part; `None` = there is one for all.
    pub fn part_records(&self) -> Option<u64> {
        self.parts.as_ref().map(|parts| parts.records)
    }

    pub(crate) fn packing(&self) -> Option<Packing> {
        self.packing
    }

    /// The properties whose files come along.
    pub fn file_properties(&self) -> &[String] {
        &self.files
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

    /// Transforms one chunk of a page: decode, filter, project, encode, deflate, checksum.
    ///
    /// The result depends on the plan and the chunk alone. Memory is kept per thread, so call it from few threads.
    ///
    /// # Errors
    /// The first record that is broken or that the format cannot hold; none is ever skipped.
    pub fn transform(&self, chunk: &Chunk) -> Result<Block, TransformError> {
        self.transform_stretch(chunk, Stretch::ALL)
    }

    /// The same with only a stretch of the records that would be in the block: `take` of those behind the first `skip`.
    ///
    /// # Errors
    /// As [`Plan::transform`].
    pub fn transform_part(&self, chunk: &Chunk, skip: u64, take: u64) -> Result<Block, TransformError> {
        self.transform_stretch(chunk, Stretch { skip, take })
    }

    fn transform_stretch(&self, chunk: &Chunk, stretch: Stretch) -> Result<Block, TransformError> {
        WORKSPACE.with_borrow_mut(|workspace| {
            let workspace = workspace.get_or_insert_with(|| Workspace::new(self.level));
            if workspace.deflater.level() != self.level {
                workspace.deflater = Deflater::new(self.level);
            }
            self.transform_in(chunk, stretch, workspace)
        })
    }

    /// Decodes and filters one chunk and takes its records through the stages, as texts.
    ///
    /// # Errors
    /// As [`Plan::transform`].
    pub fn texts(&self, chunk: &Chunk) -> Result<RowTexts, TransformError> {
        WORKSPACE.with_borrow_mut(|workspace| {
            let workspace = workspace.get_or_insert_with(|| Workspace::new(self.level));
            let Workspace { tape, looking, reader, reshapers, .. } = workspace;
            let mut rows = RowTexts::default();
            each_text(reader, chunk, |text| {
                let record = tape.scan(text)?;
                rows.scanned += 1;
                let Some(record) = self.seen(record, looking)? else { return Ok(()) };
                let written = self.reshaped(&record, reshapers, |row| write_text(row, &mut rows.lines))?;
                rows.records += u64::from(written.is_some());
                Ok(())
            })?;
            Ok(rows)
        })
    }

    /// How many records a chunk has, and how many of them would come out.
    ///
    /// # Errors
    /// As [`Plan::transform`], of what reading and choosing can meet.
    pub fn count(&self, chunk: &Chunk) -> Result<(u64, u64), TransformError> {
        WORKSPACE.with_borrow_mut(|workspace| {
            let workspace = workspace.get_or_insert_with(|| Workspace::new(self.level));
            let Workspace { tape, looking, reader, reshapers, .. } = workspace;
            let (mut scanned, mut records) = (0, 0);
            each_text(reader, chunk, |text| {
                let record = tape.scan(text)?;
                scanned += 1;
                let Some(record) = self.seen(record, looking)? else { return Ok(()) };
                records += u64::from(self.reshaped(&record, reshapers, |_| ())?.is_some());
                Ok(())
            })?;
            Ok((scanned, records))
        })
    }

    /// Takes back a block that is no longer needed: its memory is used for one of the next.
    pub fn recycle(&self, mut block: Block) {
        block.plain.clear();
        block.deflated.clear();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE && block.plain.capacity() + block.deflated.capacity() <= MAX_SPARE_BYTES {
            spare.push(block);
        }
    }

    /// An empty block, with the memory of a recycled one if there is any.
    fn spare_block(&self) -> Block {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn transform_in(
        &self,
        chunk: &Chunk,
        stretch: Stretch,
        workspace: &mut Workspace,
    ) -> Result<Block, TransformError> {
        let Workspace { tape, looking, reader, encode, deflater, reshapers, .. } = workspace;
        let Block { mut plain, deflated, .. } = self.spare_block();
        let (mut scanned, mut passed, mut taken, mut files) = (0, 0, 0, FileRefs::default());
        let position = each_text(reader, chunk, |text| {
            let record = tape.scan(text)?;
            scanned += 1;
            let Some(record) = self.seen(record, looking)? else { return Ok(()) };
            let written = self.reshaped(&record, reshapers, |row| {
                passed += 1;
                if !stretch.holds(passed - 1) {
                    return Ok(false);
                }
                self.encoder.encode(row, taken == 0, encode, &mut plain).map(|()| true)
            })?;
            if written.transpose()? == Some(true) {
                taken += 1;
                files.collect((self.first_file, &self.files), &record);
            }
            Ok(())
        })?;
        let block = Block { crc32: 0, deflated, plain, scanned, records: taken, documents: Vec::new(), files };
        let packed = self.pack(block, |plain, out| deflater.deflate(plain, out));
        packed.map_err(|fault| TransformError { position, id: None, fault: fault.into() })
    }

    /// A record as it is seen, and what the scope takes of it, if it is.
    fn seen<'a>(
        &self,
        record: Document<'a>,
        (looking, scoping): &'a mut (Looking, Looking),
    ) -> Result<Option<Document<'a>>, ScanError> {
        let seen = match &self.sight {
            None => Some(record),
            Some(sight) => looking.at(&**sight, record)?,
        };
        match (seen, &self.scope) {
            (Some(seen), Some(scope)) => scoping.at(&**scope, seen),
            (seen, _) => Ok(seen),
        }
    }

    /// Takes a record through the condition and all stages; `None` when it does not come out.
    fn reshaped<R>(
        &self,
        record: &Document<'_>,
        (before, after): &mut (Reshaper, Reshaper),
        then: impl FnOnce(&Document<'_>) -> R,
    ) -> Result<Option<R>, ScanError> {
        if !self.filter.matches(record) {
            return Ok(None);
        }
        let reshaped = before.apply(&self.stages.0, record, |row| after.apply(&self.stages.1, row, then))?;
        reshaped.transpose().map(Option::flatten)
    }
}

/// Reads a chunk record by record; the position behind the last one.
fn each_text(
    reader: &mut PageReader,
    chunk: &Chunk,
    mut take: impl FnMut(&[u8]) -> Result<(), RecordFault>,
) -> Result<usize, TransformError> {
    let mut texts = reader.read(chunk);
    loop {
        let (fault, id) = match texts.next_text() {
            None => return Ok(texts.position()),
            Some(Err(fault)) => (RecordFault::from(fault), None),
            Some(Ok(text)) => match take(text) {
                Ok(()) => continue,
                Err(fault) => (fault, salvaged_id(text)),
            },
        };
        return Err(TransformError { position: texts.position(), id, fault });
    }
}

/// Appends a row as a line.
fn write_text(row: &Document<'_>, out: &mut Vec<u8>) {
    row.root().write_compact(out);
    out.push(b'\n');
}

/// The `_id` that the bytes of a broken record still show, to name it by.
fn salvaged_id(text: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"_id\":\"";
    let at = text.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let id: Vec<u8> = text[at..].iter().copied().take(64).take_while(u8::is_ascii_alphanumeric).collect();
    String::from_utf8(id).ok().filter(|id| !id.is_empty())
}
