//! The engine alone: records from a file of lines, through its plan on so many threads, into a zip file. What a program
//! that reads lines can be compared with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use waybill_engine::{
    Assembly, AssemblyHeader, AssemblySummary, Block, Format, Level, Modified, Plan, PlanSpec, Shape,
};
use waybill_query::Filter;
use waybill_query::dialects::cortex_where;
use waybill_record::Page;

use super::job::{FileJob, Run, Stopwatch};
use super::{process, records};

/// Lines are read in pages of about this size.
const PAGE_BYTES: usize = 1 << 20;
/// Codec byte of a stored record whose text follows as it is.
const PLAIN: u8 = 0;

/// What is done to every record: the benchmark's condition and columns.
pub(super) fn plan(format: Format, level: Level, filter: Filter) -> Result<Plan> {
    let paths = records::COLUMNS.iter().map(|column| column.parse()).collect::<Result<_, _>>()?;
    let shape = Shape { collection: "people".to_owned(), singular: "person".to_owned(), properties: Vec::new() };
    Ok(Plan::compile(&PlanSpec {
        filter,
        paths,
        names: Vec::new(),
        links: Vec::new(),
        format,
        shape,
        level,
        raw_cells: false,
    })?)
}

/// The benchmark's condition.
pub(super) fn filter() -> Result<Filter> {
    let collection = records::collection("bench".parse()?, "people".parse()?);
    let types = |path: &waybill_record::Path| collection.type_of(path).map(|(kind, _)| kind);
    Ok(cortex_where::parse(&serde_json::from_str(records::WHERE)?, &types)?)
}

/// What the archive says about itself.
pub(super) fn header() -> AssemblyHeader {
    AssemblyHeader {
        collection: "people".to_owned(),
        export: "0".repeat(24),
        org: None,
        request: serde_json::Value::Null,
        modified: Modified::from_unix_secs(1_767_225_600),
    }
}

/// Reads pages of whole lines, one after another.
#[derive(Debug)]
pub(super) struct LineReader {
    file: File,
    /// The beginning of a line whose end was not read yet.
    rest: Vec<u8>,
}

impl LineReader {
    /// From the beginning of a file.
    pub(super) fn open(path: &std::path::Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        Ok(Self { file, rest: Vec::new() })
    }

    /// The next page; `None` after the last.
    pub(super) fn next_page(&mut self) -> Result<Option<Page>> {
        // The byte before a line becomes its codec: no line is copied for it.
        let mut bytes = Vec::with_capacity(PAGE_BYTES + self.rest.len() + 1);
        bytes.push(PLAIN);
        bytes.append(&mut self.rest);
        let wanted = u64::try_from(PAGE_BYTES)?;
        if (&mut self.file).take(wanted).read_to_end(&mut bytes)? == 0 && bytes.len() == 1 {
            return Ok(None);
        }
        let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else { bail!("a line is longer than a page") };
        self.rest.extend_from_slice(&bytes[last + 1..]);
        bytes.truncate(last + 1);
        let mut ends = Vec::with_capacity(2048);
        for (at, byte) in bytes.iter_mut().enumerate() {
            if *byte == b'\n' {
                *byte = PLAIN;
                ends.push(at);
            }
        }
        let bytes = Bytes::from(bytes);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        Ok(Some(Page::stored(starts.zip(&ends).map(|(start, end)| bytes.slice(start..*end)).collect())))
    }
}

/// Pages that were read, in order.
struct Source {
    reader: LineReader,
    number: usize,
}

/// Exports the lines.
pub(super) fn run(job: &FileJob) -> Result<Run> {
    let filter = filter()?;
    let watch = Stopwatch::start();
    let plan = plan(Format::Csv, job.effort.of_engine(), filter)?;
    let source = Mutex::new(Source { reader: LineReader::open(&job.lines)?, number: 0 });
    let mut archive = File::create(&job.archive)?;
    let summary = std::thread::scope(|scope| -> Result<AssemblySummary> {
        // Blocks that wait for an earlier one are bounded by what the threads may run ahead.
        let (send, blocks) = mpsc::sync_channel(job.threads * 2);
        for _ in 0..job.threads.max(1) {
            let (send, plan, source) = (send.clone(), &plan, &source);
            scope.spawn(move || {
                loop {
                    let page = {
                        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                        let page = source.reader.next_page();
                        let number = source.number;
                        source.number += 1;
                        page.map(|page| page.map(|page| (number, page)))
                    };
                    let block = match page {
                        Ok(None) => return,
                        Ok(Some((number, page))) => {
                            plan.transform(&page.whole()).map(|block| (number, block)).map_err(anyhow::Error::from)
                        }
                        Err(error) => Err(error),
                    };
                    let failed = block.is_err();
                    if send.send(block).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(send);
        assemble(&plan, &blocks, &mut archive)
    })?;
    let (secs, processor_secs) = watch.elapsed();
    let csv = summary.entries.first().context("the archive has no entry")?;
    Ok(Run {
        secs,
        processor_secs: Some(processor_secs),
        records: summary.records,
        plain_bytes: csv.size,
        crc32: csv.crc32,
        archive_bytes: summary.size_bytes,
        peak_rss_bytes: process::peak_rss_bytes(),
        sha256: summary.sha256,
        ..Run::default()
    })
}

fn assemble(plan: &Plan, blocks: &Receiver<Result<(usize, Block)>>, archive: &mut File) -> Result<AssemblySummary> {
    let mut out = Vec::with_capacity(4 * PAGE_BYTES);
    let mut assembly = Assembly::start(plan, header(), &mut out)?;
    let mut early: BTreeMap<usize, Block> = BTreeMap::new();
    let mut next = 0;
    for block in blocks {
        let (number, block) = block?;
        early.insert(number, block);
        while let Some(block) = early.remove(&next) {
            assembly.push(&block, &mut out)?;
            plan.recycle(block);
            next += 1;
        }
        if out.len() >= PAGE_BYTES {
            archive.write_all(&out)?;
            out.clear();
        }
    }
    let summary = assembly.finish(&mut out)?;
    archive.write_all(&out)?;
    Ok(summary)
}
