//! The stages of a pipeline that needs memory: records go into it one by one, in order, and the rows that come out are written.
//! What it holds is in every checkpoint, so that it goes on as if it had never been cut.

use super::pages::{Selected, TransformedChunk, Turns, transformed};
use super::records::{append, next_of};
use super::runs::{RunMerge, StoredRun, lost};
use super::segments::work_prefix;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease};
use bytes::Bytes;
use futures::future::{Either, select};
use futures::stream::{Stream, StreamExt, iter};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use waybill_domain::{ExportSpec, Failure, FailureCode};
use waybill_engine::{Merge, Plan, RunPosition};
use waybill_ports::compute;
use waybill_query::pipeline::{Evaluation, Flow, PipelineFault, SavedEvaluation, Stage as Step};
use waybill_record::{Chunk, Page, stored};

/// How far gathering is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gathering {
    pub(super) from: Input,
    /// How many records have gone in.
    pub(super) records: u64,
    pub(super) held: Holding,
}

/// Where the records come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Input {
    /// From pages, in the source's order.
    Pages(Turns),
    /// From sorted runs, as far as they are merged.
    Runs(Vec<StoredRun>, Vec<RunPosition>),
}

/// What the pipeline holds: at work, or as a checkpoint has it. It can be long, so it is written only with a checkpoint.
#[derive(Clone, Debug)]
pub(super) enum Holding {
    Saved(Box<SavedEvaluation>),
    AtWork(Arc<Mutex<Evaluation>>),
}

impl Serialize for Holding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Saved(saved) => saved.serialize(serializer),
            Self::AtWork(evaluation) => {
                evaluation.lock().unwrap_or_else(PoisonError::into_inner).save().serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Holding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedEvaluation::deserialize(deserializer).map(|saved| Self::Saved(Box::new(saved)))
    }
}

/// Rows that have come out of a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gathered {
    rows: Texts,
    /// How many of them are written.
    written: usize,
}

#[derive(Clone, Debug)]
struct Texts(Arc<Vec<String>>);

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|rows| Self(Arc::new(rows)))
    }
}

impl Gathered {
    /// How many rows there are.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.rows.0.len()).unwrap_or(u64::MAX)
    }
}

impl Gathering {
    /// From the beginning of `from`.
    pub(super) fn new(from: Input, steps: &[Step], limit_bytes: usize) -> Self {
        let held = Holding::AtWork(Arc::new(Mutex::new(Evaluation::of(steps, limit_bytes))));
        Self { from, records: 0, held }
    }
}

/// Records of one chunk, as lines, and what the stage becomes behind them; `None` in the middle of a page.
struct Part {
    lines: Vec<u8>,
    records: u64,
    behind: Option<Behind>,
}

enum Behind {
    Page(super::pages::PageEnd),
    Merged(Vec<RunPosition>),
}

/// Gathers until all records are in, or no more are wanted (`true`; then the stage is to write the rows), or `deadline` is reached
/// (`false`, with everything in a checkpoint).
pub(super) async fn gather(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (plan, steps): (Arc<Plan>, &[Step]),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let exporting = writing.exporting;
    let Stage::Gather(gathering) = &mut writing.stage else { return Ok(true) };
    let evaluation = at_work(&mut gathering.held, steps, exporting.settings.gather_bytes)?;
    let mut parts: Pin<Box<dyn Stream<Item = Result<Part, Interrupted>> + Send + '_>> = match gathering.from.clone() {
        Input::Pages(turns) => {
            let texts = move |_, chunk: &Chunk| plan.texts(chunk);
            let chunks = transformed(exporting, Selected::of(spec), turns, texts);
            Box::pin(chunks.map(|chunk| {
                let TransformedChunk { made, end, .. } = chunk?;
                Ok(Part { lines: made.lines, records: made.records, behind: end.map(Behind::Page) })
            }))
        }
        Input::Runs(runs, positions) => {
            let prefix = work_prefix(&spec.org, run.id()).into();
            let chunk_bytes = exporting.settings.sort.chunk_bytes;
            let to_lines = |inputs| Merge::to_records(plan.separator(), chunk_bytes, inputs);
            let merge = RunMerge::new(exporting, prefix, runs, &positions, to_lines);
            Box::pin(merge.parts().map(|part| {
                let (chunk, positions) = part?;
                Ok(Part { lines: chunk.plain, records: chunk.records, behind: Some(Behind::Merged(positions)) })
            }))
        }
    };
    let clock = &exporting.context.clock;
    let mut time_up = clock.sleep(deadline.saturating_sub(clock.monotonic()));
    let mut between = true;
    loop {
        let part = if between {
            match select(parts.next(), &mut time_up).await {
                Either::Left((part, _)) => part,
                Either::Right(_) => {
                    writing.checkpoint(run).await?;
                    return Ok(false);
                }
            }
        } else {
            parts.next().await
        };
        let Some(Part { lines, records, behind }) = part.transpose()? else { break };
        let flow = take_in(exporting, &evaluation, lines).await?;
        between = behind.is_some();
        if let Stage::Gather(gathering) = &mut writing.stage {
            gathering.records += records;
            match (&mut gathering.from, behind) {
                (Input::Pages(turns), Some(Behind::Page(end))) => turns.taken(end.next),
                (Input::Runs(_, positions), Some(Behind::Merged(merged))) => *positions = merged,
                _ => {}
            }
        }
        writing.moved = true;
        if flow == Flow::Enough {
            break;
        }
        if between && writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    drop(parts);
    // Nobody else works on it any more.
    let steps = steps.to_vec();
    let limit_bytes = exporting.settings.gather_bytes;
    let finish = move || {
        let evaluation = std::mem::replace(
            &mut *evaluation.lock().unwrap_or_else(PoisonError::into_inner),
            Evaluation::of(&steps, limit_bytes),
        );
        evaluation.finish()
    };
    let rows = compute(&*exporting.compute, finish).await.ok_or_else(lost)?.map_err(|fault| refused(&fault))?;
    writing.stage = Stage::Rows(Gathered { rows: Texts(Arc::new(rows)), written: 0 });
    writing.moved = true;
    Ok(!writing.is_time_up(lease, run, deadline).await?)
}

/// The evaluation, taken up where a checkpoint has left it.
fn at_work(held: &mut Holding, steps: &[Step], limit_bytes: usize) -> Result<Arc<Mutex<Evaluation>>, Interrupted> {
    if let Holding::Saved(saved) = held {
        let resumed = Evaluation::resume(steps, limit_bytes, (**saved).clone()).map_err(|fault| refused(&fault))?;
        *held = Holding::AtWork(Arc::new(Mutex::new(resumed)));
    }
    match held {
        Holding::AtWork(evaluation) => Ok(Arc::clone(evaluation)),
        Holding::Saved(_) => Err(internal(&PipelineFault::Broken)),
    }
}

async fn take_in(
    exporting: &Exporting,
    evaluation: &Arc<Mutex<Evaluation>>,
    lines: Vec<u8>,
) -> Result<Flow, Interrupted> {
    let evaluation = Arc::clone(evaluation);
    let job = move || {
        let mut evaluation = evaluation.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for row in rows {
            if evaluation.push(row)? == Flow::Enough {
                break;
            }
        }
        Ok(evaluation.flow())
    };
    let taken = compute(&*exporting.compute, job).await.ok_or_else(lost)?;
    taken.map_err(|fault| refused(&fault))
}

fn refused(fault: &PipelineFault) -> Interrupted {
    let code = match fault {
        PipelineFault::TooMuch { .. } => FailureCode::LimitExceeded,
        PipelineFault::Row(_) | PipelineFault::Number(_) => FailureCode::BadRecord,
        PipelineFault::Broken => return internal(fault),
    };
    Interrupted::Failed(Failure::new(code, fault.to_string()))
}

/// Writes the rows that have come out, until all are in (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
pub(super) async fn write_rows(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    plan: Arc<Plan>,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Rows(Gathered { rows: Texts(rows), written }) = &writing.stage else { return Ok(true) };
    let exporting = writing.exporting;
    let chunk_bytes = exporting.settings.sort.chunk_bytes;
    let blocks = iter(chunks(Arc::clone(rows), *written, chunk_bytes)).map(|(chunk, written)| {
        let plan = Arc::clone(&plan);
        async move {
            let block = compute(&*exporting.compute, move || plan.transform(&chunk)).await.ok_or_else(lost)?;
            let bad = |error: &dyn std::fmt::Display| {
                Interrupted::Failed(Failure::new(FailureCode::BadRecord, format!("a row of the pipeline: {error}")))
            };
            Ok::<_, Interrupted>((block.map_err(|error| bad(&error.fault))?, written))
        }
    });
    let mut blocks = pin!(blocks.buffered(exporting.compute.parallelism().max(1) + 1));
    while let Some((block, done)) = next_of(&mut blocks, &mut writing.segments).await? {
        append(writing, &block).await?;
        if let Stage::Rows(Gathered { written, .. }) = &mut writing.stage {
            *written = done;
        }
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows from `written` on in chunks, each with how many rows are written behind it. Where a chunk ends depends on the rows alone.
fn chunks(rows: Arc<Vec<String>>, written: usize, chunk_bytes: usize) -> impl Iterator<Item = (Chunk, usize)> + Send {
    let mut at = written;
    std::iter::from_fn(move || {
        let (mut texts, mut bytes) = (Vec::new(), 0);
        while bytes < chunk_bytes.max(1)
            && let Some(row) = rows.get(at)
        {
            bytes += row.len();
            texts.push(Bytes::from(stored::encode(row.as_bytes())));
            at += 1;
        }
        (!texts.is_empty()).then(|| (Page::stored(texts).whole(), at))
    })
}
