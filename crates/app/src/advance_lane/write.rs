//! Writing an archive: stage after stage, each going on from where the last checkpoint says.

use super::pages::Turns;
use super::records::write_records;
use super::segments::{Bodies, SegmentWriter};
use super::stamp::Run;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease, plan};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, ExportSpec, Phase, Segment};
use waybill_engine::{Assembly, AssemblyHeader, AssemblyState, AssemblySummary, Modified, Plan};
use waybill_ports::{PortError, PortErrorKind};

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
    /// Records are written in the source's order.
    Records {
        /// The pages that are left.
        turns: Turns,
    },
}

impl Stage {
    /// What is shown of it.
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Records { .. } => Phase::Records,
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
}

/// Writes the archive of a stamped export from its last checkpoint on, until all is in or `deadline` (monotonic) is reached.
pub(super) async fn write_archive(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<Written, Interrupted> {
    let plan = Arc::new(plan::compile(spec).map_err(|error| internal(&error))?);
    let mut writing = begin(exporting, run, spec, &plan).await?;
    let written = write_stages(&mut writing, lease, run, spec, plan, deadline).await;
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
    plan: Arc<Plan>,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    match &writing.stage {
        Stage::Records { .. } => write_records(writing, lease, run, spec, plan, deadline).await,
    }
}

fn header(export: &Export, spec: &ExportSpec) -> AssemblyHeader {
    let request = serde_json::json!({
        "collection": spec.collection.name,
        "format": spec.format,
        "level": spec.level,
        "paths": spec.selection.paths,
        "include": spec.selection.include,
        "where": spec.filter_text,
        "rawCells": spec.raw_cells,
        "createdAt": export.created_at.to_string(),
        "principal": spec.principal,
    });
    AssemblyHeader {
        collection: spec.collection.name.to_string(),
        export: export.id.to_string(),
        org: Some(export.org.to_string()),
        request,
        modified: Modified::from_unix_secs(export.created_at.as_secs()),
    }
}

async fn begin<'a>(
    exporting: &'a Exporting,
    run: &Run,
    spec: &ExportSpec,
    plan: &Plan,
) -> Result<Writing<'a>, Interrupted> {
    let export = run.export();
    let header = header(export, spec);
    let writer = |closed, tail: &[u8]| SegmentWriter::new(exporting, &export.org, export.id, run.epoch, closed, tail);
    let Some(key) = &export.checkpoint else {
        let mut first = Vec::new();
        let assembly = Assembly::start(plan, header, &mut first).map_err(|error| internal(&error))?;
        let stage = Stage::Records { turns: Turns::all(exporting.records.partitions()) };
        return Ok(Writing::new(exporting, (assembly, writer(Vec::new(), &first)), stage, 0));
    };
    let (checkpoint, tail) = read_checkpoint(exporting, key).await?;
    let assembly = Assembly::resume(plan, header, checkpoint.assembly);
    let segments = writer(checkpoint.segments, &tail);
    Ok(Writing::new(exporting, (assembly, segments), checkpoint.stage, checkpoint.plain_bytes))
}

async fn read_checkpoint(exporting: &Exporting, key: &str) -> Result<(Checkpoint, Vec<u8>), PortError> {
    let corrupt = |field: String| {
        let kind = PortErrorKind::Corrupt { table: "work".to_owned(), key: key.to_owned(), field };
        PortError::new(kind, "reading a checkpoint")
    };
    let body = exporting.archives.get(key).await?.ok_or_else(|| corrupt("the checkpoint is missing".to_owned()))?;
    let end = body.iter().position(|byte| *byte == b'\n').ok_or_else(|| corrupt("no first line".to_owned()))?;
    let checkpoint: Checkpoint = serde_json::from_slice(&body[..end]).map_err(|error| corrupt(error.to_string()))?;
    if checkpoint.v != 1 {
        return Err(corrupt(format!("v: {} is not known", checkpoint.v)));
    }
    Ok((checkpoint, body[end + 1..].to_vec()))
}
