//! P3 and P5: the engine's steps one by one, on one thread, by processor time: what its parts cost, what the whole
//! costs, and what each format costs.

use anyhow::{Result, bail};
use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};
use waybill_archive::Deflater;
use waybill_engine::{Format, Plan};
use waybill_query::Filter;
use waybill_record::{Page, PageReader, Tape};

use super::job::{EFFORTS, Effort, StepsJob, Stopwatch};
use super::lines::{LineReader, filter, plan};

/// The formats, CSV first.
const FORMATS: [(Format, &str); 6] = [
    (Format::Csv, "csv"),
    (Format::Ndjson, "ndjson"),
    (Format::Json, "json"),
    (Format::DetailedCsv, "detailed-csv"),
    (Format::Xml, "xml"),
    (Format::JsonApi, "json-api"),
];

/// What the engine's parts cost, in processor seconds of each round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Steps {
    /// JSON that is read, in bytes.
    pub(super) json_bytes: u64,
    /// CSV that is written, in bytes.
    pub(super) plain_bytes: u64,
    /// Reading and checking the JSON.
    pub(super) scan_secs: Vec<f64>,
    /// The rest, for each level.
    pub(super) levels: Vec<LevelSteps>,
}

/// What depends on the level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LevelSteps {
    /// The level.
    pub(super) effort: Effort,
    /// Deflating the CSV.
    pub(super) deflate_secs: Vec<f64>,
    /// Everything: scan, condition, columns, CSV, checksum, deflate.
    pub(super) whole_secs: Vec<f64>,
    /// Size of what is deflated, in bytes.
    pub(super) deflated_bytes: u64,
}

/// What a format costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FormatCost {
    /// Its name.
    pub(super) format: String,
    /// What it writes, in bytes.
    pub(super) plain_bytes: u64,
    /// What becomes of that, in bytes.
    pub(super) deflated_bytes: u64,
    /// Processor seconds of each round.
    pub(super) secs: Vec<f64>,
}

pub(super) fn pages(job: &StepsJob) -> Result<Vec<Page>> {
    let mut reader = LineReader::open(&job.lines)?;
    let mut pages = Vec::new();
    while let Some(page) = reader.next_page()?
        && u64::try_from(pages.len())? << 20 < job.most_bytes
    {
        pages.push(page);
    }
    Ok(pages)
}

pub(super) fn processor_secs<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let watch = Stopwatch::start();
    let result = work()?;
    Ok((watch.elapsed().1, result))
}

/// Reads every record; gives the bytes of their texts.
pub(super) fn scan(pages: &[Page]) -> Result<u64> {
    let (mut reader, mut tape) = (PageReader::new(), Tape::new());
    let mut bytes = 0;
    for page in pages {
        let chunk = page.whole();
        let mut texts = reader.read(&chunk);
        while let Some(text) = texts.next_text() {
            let text = text?;
            std::hint::black_box(tape.scan(text)?);
            bytes += u64::try_from(text.len())? + 1;
        }
    }
    Ok(bytes)
}

/// Transforms every page; gives the deflated blocks.
pub(super) fn transform(plan: &Plan, pages: &[Page], mut keep: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut bytes = 0;
    for page in pages {
        let block = plan.transform(&page.whole())?;
        bytes += u64::try_from(block.deflated.len())?;
        keep(&block.deflated)?;
        plan.recycle(block);
    }
    Ok(bytes)
}

fn inflate(deflated: &[u8]) -> Result<Vec<u8>> {
    let mut inflate = Decompress::new(false);
    let mut plain = Vec::with_capacity(deflated.len() * 8 + 1024);
    let mut rest = deflated;
    loop {
        let before = inflate.total_in();
        let status = inflate.decompress_vec(rest, &mut plain, FlushDecompress::None)?;
        rest = &rest[usize::try_from(inflate.total_in() - before)?..];
        if status == Status::StreamEnd {
            bail!("a block of a page is a last one");
        }
        if rest.is_empty() && plain.len() < plain.capacity() {
            return Ok(plain);
        }
        plain.reserve(plain.len().max(1024));
    }
}

pub(super) fn plain_blocks(plan: &Plan, pages: &[Page]) -> Result<Vec<Vec<u8>>> {
    let mut blocks = Vec::new();
    transform(plan, pages, |deflated| {
        blocks.push(inflate(deflated)?);
        Ok(())
    })?;
    Ok(blocks)
}

fn deflate(effort: Effort, blocks: &[Vec<u8>]) -> Result<()> {
    let mut deflater = Deflater::new(effort.of_engine());
    let mut out = Vec::new();
    for block in blocks {
        out.clear();
        deflater.deflate(block, &mut out)?;
        std::hint::black_box(&out);
    }
    Ok(())
}

fn total(blocks: &[Vec<u8>]) -> u64 {
    blocks.iter().map(|block| u64::try_from(block.len()).unwrap_or(u64::MAX)).sum()
}

/// Measures the parts and the whole, in turn.
pub(super) fn run(job: &StepsJob) -> Result<Steps> {
    let pages = pages(job)?;
    let plans = EFFORTS.map(|effort| plan(Format::Csv, effort.of_engine(), filter()?).map(|plan| (effort, plan)));
    let mut steps = Steps::default();
    let mut levels = Vec::new();
    for planned in plans {
        let (effort, plan) = planned?;
        let blocks = plain_blocks(&plan, &pages)?;
        steps.plain_bytes = total(&blocks);
        let level = LevelSteps { effort, deflate_secs: Vec::new(), whole_secs: Vec::new(), deflated_bytes: 0 };
        levels.push((plan, blocks, level));
    }
    for _ in 0..job.rounds {
        let (secs, bytes) = processor_secs(|| scan(&pages))?;
        steps.json_bytes = bytes;
        steps.scan_secs.push(secs);
        for (plan, blocks, level) in &mut levels {
            level.deflate_secs.push(processor_secs(|| deflate(level.effort, blocks))?.0);
            let (secs, bytes) = processor_secs(|| transform(plan, &pages, |_| Ok(())))?;
            level.whole_secs.push(secs);
            level.deflated_bytes = bytes;
        }
    }
    steps.levels = levels.into_iter().map(|(_, _, level)| level).collect();
    Ok(steps)
}

/// Measures every format, in turn: all records, the benchmark's columns.
pub(super) fn run_formats(job: &StepsJob) -> Result<Vec<FormatCost>> {
    let pages = pages(job)?;
    let mut costs = Vec::new();
    for (format, name) in FORMATS {
        let plan = plan(format, Effort::Default.of_engine(), Filter::everything())?;
        let plain_bytes = total(&plain_blocks(&plan, &pages)?);
        costs.push((plan, FormatCost { format: name.to_owned(), plain_bytes, deflated_bytes: 0, secs: Vec::new() }));
    }
    for _ in 0..job.rounds {
        for (plan, cost) in &mut costs {
            let (secs, bytes) = processor_secs(|| transform(plan, &pages, |_| Ok(())))?;
            cost.secs.push(secs);
            cost.deflated_bytes = bytes;
        }
    }
    Ok(costs.into_iter().map(|(_, cost)| cost).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::data;

    fn job(folder: &std::path::Path) -> StepsJob {
        data::make(folder, 2000, &[], 1).unwrap();
        StepsJob { lines: data::lines(folder), most_bytes: u64::MAX >> 20, rounds: 1 }
    }

    #[test]
    fn parts_and_whole_handle_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path());
        let steps = run(&job).unwrap();
        assert_eq!(steps.json_bytes, job.lines.metadata().unwrap().len());
        assert!(steps.plain_bytes * 2 < steps.json_bytes && steps.levels.len() == 3);
        assert!(steps.levels.iter().all(|level| level.deflated_bytes * 2 < steps.plain_bytes));
    }

    #[test]
    fn every_format_writes_something() {
        let folder = tempfile::tempdir().unwrap();
        let costs = run_formats(&job(folder.path())).unwrap();
        assert_eq!(costs.len(), FORMATS.len());
        assert!(costs.iter().all(|cost| cost.plain_bytes > 300_000 && cost.secs.len() == 1), "{costs:?}");
    }
}
