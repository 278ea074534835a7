//! Writing an archive: stage after stage, each going on from where the last checkpoint says.

use super::counting::{Counting, count_records, counting};
use super::files::{FileLists, FilePosition, close, write_files};
use super::gathering::{Gathered, Gathering, Input, gather, write_rows};
use super::merged::write_merged;
use super::packaging::packing;
use super::pages::Turns;
use super::records::write_records;
use super::runs::StoredRun;
use super::segments::{Bodies, SegmentWriter};
use super::selected::reading;
use super::sorting::{Sorting, sort_records};
use super::stamp::Run;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease, plan};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, ExportSpec, FileInclusion, Phase, Segment};
use waybill_engine::{Assembly, AssemblyHeader, AssemblyState, AssemblySummary, Modified, Plan, RunPosition};
use waybill_ports::{PortError, PortErrorKind};
use waybill_query::SortOrder;
use waybill_query::pipeline::Course;

/// How writing ended.
pub(super) enum Written {
    /// All records are in.
    Finished(Finished),
    /// Time is up; the next step goes on from the checkpoint.
    Checkpointed,
}

/// A whole archive that has not appeared yet.
pub(super) struct Finished {
    pub(super) summary: AssemblySummary,
    pub(super) bodies: Bodies,
}

/// What is done now, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Stage {
    /// Records are counted.
    Count(Counting),
    /// Records are sorted.
    Sort(Sorting),
    /// Sorted records are written.
    Merge {
        /// The runs that they are merged of.
        runs: Vec<StoredRun>,
        /// How far each is merged.
        positions: Vec<RunPosition>,
        /// How many records there are.
        records: u64,
        /// How many of them are merged, those that a pipeline leaves out included.
        #[serde(default)]
        passed: u64,
    },
    /// Records are written in the source's order.
    Records {
        /// The pages that are left.
        turns: Turns,
        /// How many records have met the condition, those that a pipeline leaves out by their place included.
        #[serde(default)]
        passed: u64,
    },
    /// Records go into a pipeline that needs memory.
    Gather(Gathering),
    /// The rows that have come out of it are written.
    Rows(Gathered),
    /// Files are written.
    Files(FilePosition),
}

impl Stage {
    /// What is shown of it.
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Count(_) => Phase::Counting,
            Self::Sort(_) | Self::Gather(_) => Phase::Sorting,
            Self::Merge { .. } | Self::Records { .. } | Self::Rows(_) => Phase::Records,
            Self::Files(_) => Phase::Files,
        }
    }
}

/// What the next step needs to go on; the bytes that made no whole part follow it in the object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    /// Version of this form.
    pub(super) v: u8,
    pub(super) assembly: AssemblyState,
    pub(super) stage: Stage,
    pub(super) segments: Vec<Segment>,
    pub(super) plain_bytes: u64,
    pub(super) files: FileLists,
}

/// Writes the archive of a stamped export from its last checkpoint on, until all is in or `deadline` (monotonic) is reached.
pub(super) async fn write_archive(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<Written, Interrupted> {
    let course = spec.pipeline.as_ref().map(waybill_query::Pipeline::course).unwrap_or_default();
    let plan = plan::compile(spec, &course).map_err(|error| internal(&error))?.packed_as(packing(exporting, spec));
    let plan = Arc::new(plan.in_parts(plan::parts(run.export(), spec)));
    let mut writing = begin(exporting, run, spec, &course, &plan).await?.limited(spec.limits);
    if let Some(bytes) = exporting.settings.hold_bytes {
        writing.assembly = writing.assembly.holding(bytes);
    }
    let written = write_stages(&mut writing, lease, run, spec, (plan, &course), deadline).await;
    match written {
        Ok(true) => writing.finish().await.map(Written::Finished),
        Ok(false) => Ok(Written::Checkpointed),
        Err(interrupted) => {
            writing.segments.abandon().await;
            Err(interrupted)
        }
    }
}

/// Goes through the stages that are left; `false` when time is up, with everything in a checkpoint.
async fn write_stages(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (plan, course): (Arc<Plan>, &Course),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    if let Stage::Count(_) = &writing.stage {
        if !count_records(writing, lease, run, spec, Arc::clone(&plan), deadline).await? {
            return Ok(false);
        }
        writing.stage = first_stage(writing.exporting, spec, course);
    }
    // What goes on in memory is read again: rows of texts are what is sorted for it.
    let texts = || Arc::new((*plan).clone().as_texts());
    let sorted = if course.rest.is_empty() { Arc::clone(&plan) } else { texts() };
    if let (Stage::Sort(_), Some(order)) = (&writing.stage, order_of(spec, course))
        && !sort_records(writing, lease, run, spec, (sorted, order.clone()), deadline).await?
    {
        return Ok(false);
    }
    if !course.rest.is_empty()
        && let Stage::Merge { runs, positions, .. } = &mut writing.stage
    {
        let input = Input::Runs(std::mem::take(runs), std::mem::take(positions));
        writing.stage = Stage::Gather(Gathering::new(input, &course.rest, writing.exporting.settings.gather_bytes));
    }
    if let Stage::Gather(_) = &writing.stage
        && !gather(writing, lease, run, spec, (texts(), &course.rest), deadline).await?
    {
        return Ok(false);
    }
    if let (Stage::Merge { records, .. }, true) = (&writing.stage, course.window.is_everything()) {
        // They are counted, and none is written yet.
        writing.assert_within_limit(*records)?;
    }
    let window = course.window;
    let records = match &writing.stage {
        Stage::Count(_) | Stage::Sort(_) | Stage::Gather(_) => return Err(internal(&NoOrder)),
        Stage::Merge { .. } => write_merged(writing, lease, run, spec, (Arc::clone(&plan), window), deadline).await?,
        Stage::Records { .. } => {
            write_records(writing, lease, run, spec, (Arc::clone(&plan), window), deadline).await?
        }
        Stage::Rows(_) => {
            let encoding = Arc::new((*plan).clone().encoding_only());
            write_rows(writing, lease, run, encoding, deadline).await?
        }
        Stage::Files(_) => true,
    };
    if !records || spec.files == FileInclusion::None {
        if records && spec.format.makes_documents() {
            close(writing, run).await?;
        }
        return Ok(records);
    }
    write_files(writing, lease, run, (spec, &plan), deadline).await
}

/// What records are sorted by before anything depends on their order.
fn order_of<'a>(spec: &'a ExportSpec, course: &'a Course) -> Option<&'a SortOrder> {
    course.order.as_ref().or(spec.sort.as_ref())
}

/// A checkpoint that does not go with its export.
#[derive(Debug, thiserror::Error)]
#[error("an export without an order cannot be sorted")]
struct NoOrder;

fn header(export: &Export, spec: &ExportSpec) -> AssemblyHeader {
    let mut request = serde_json::json!({
        "collection": spec.collection.name,
        "prefix": spec.within.as_ref().map(|within| within.prefix.to_string()),
        "format": spec.format,
        "level": spec.level,
        "paths": spec.selection.paths,
        "include": spec.selection.include,
        "expand": spec.expand,
        "where": spec.filter_text,
        "dateRange": spec.date_range.as_ref().map(|range| serde_json::json!({
            "start": range.start,
            "end": range.end,
            "field": range.field,
            "from": export.date_span.map(|span| span.start.to_string()),
            "until": export.date_span.map(|span| span.end.to_string()),
        })),
        "pipeline": spec.pipeline_text.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()),
        "sort": spec.sort.as_ref().map(ToString::to_string),
        "files": spec.files,
        "rawCells": spec.raw_cells,
        "createdAt": export.created_at.to_string(),
        "principal": spec.viewer.account,
    });
    if spec.per_collection {
        request["perCollection"] = true.into();
    }
    AssemblyHeader {
        collection: spec.collection.name.to_string(),
        export: export.id.to_string(),
        org: Some(export.org.to_string()),
        request,
        modified: Modified::from_unix_secs(export.created_at.as_secs()),
    }
}

/// The stage that records are read in.
fn first_stage(exporting: &Exporting, spec: &ExportSpec, course: &Course) -> Stage {
    let turns = Turns::of_all(exporting, spec);
    if order_of(spec, course).is_some() {
        Stage::Sort(Sorting::new(turns))
    } else if course.rest.is_empty() {
        Stage::Records { turns, passed: 0 }
    } else {
        Stage::Gather(Gathering::new(Input::Pages(turns), &course.rest, exporting.settings.gather_bytes))
    }
}

async fn begin<'a>(
    exporting: &'a Exporting,
    run: &Run,
    spec: &ExportSpec,
    course: &Course,
    plan: &Plan,
) -> Result<Writing<'a>, Interrupted> {
    let export = run.export();
    let header = header(export, spec);
    let writer = |closed, tail: &[u8]| SegmentWriter::new(exporting, &export.org, export.id, run.epoch, closed, tail);
    let Some(key) = &export.checkpoint else {
        let mut first = Vec::new();
        let assembly = Assembly::start(plan, header, &mut first).map_err(|error| internal(&error))?;
        let stage = match counting(exporting, spec, order_of(spec, course).is_some()).await? {
            Some(counting) => Stage::Count(counting),
            None => first_stage(exporting, spec, course),
        };
        return Ok(Writing::new(
            exporting,
            (assembly, writer(Vec::new(), &first)),
            (stage, FileLists::default()),
            0,
            reading(spec),
        ));
    };
    let (checkpoint, tail) = read_checkpoint(exporting, key, |checkpoint: &Checkpoint| checkpoint.v).await?;
    let assembly = Assembly::resume(plan, header, checkpoint.assembly);
    let segments = writer(checkpoint.segments, &tail);
    let stage = (checkpoint.stage, checkpoint.files);
    Ok(Writing::new(exporting, (assembly, segments), stage, checkpoint.plain_bytes, reading(spec)))
}

/// Reads a checkpoint and the bytes that follow it; `version` = that of its form.
pub(super) async fn read_checkpoint<T: DeserializeOwned>(
    exporting: &Exporting,
    key: &str,
    version: impl Fn(&T) -> u8,
) -> Result<(T, Vec<u8>), PortError> {
    let corrupt = |field: String| {
        let kind = PortErrorKind::Corrupt { table: "work".to_owned(), key: key.to_owned(), field };
        PortError::new(kind, "reading a checkpoint")
    };
    let body = exporting.archives.get(key).await?.ok_or_else(|| corrupt("the checkpoint is missing".to_owned()))?;
    let end = body.iter().position(|byte| *byte == b'\n').ok_or_else(|| corrupt("no first line".to_owned()))?;
    let checkpoint: T = serde_json::from_slice(&body[..end]).map_err(|error| corrupt(error.to_string()))?;
    let v = version(&checkpoint);
    if v != 1 {
        return Err(corrupt(format!("v: {v} is not known")));
    }
    Ok((checkpoint, body[end + 1..].to_vec()))
}
