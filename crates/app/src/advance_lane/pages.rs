//! Pages of a collection in a fixed order, read ahead and transformed side by side.
//!
//! Partitions take turns, one page each; one that is exhausted drops out. The order depends on the records alone, not on how far
//! is read ahead, so a checkpoint is the turns that are left. A page is transformed in chunks, whose bounds it alone decides, so that what is in
//! memory does not depend on how far its records were compressed; a checkpoint can only be taken behind its last.

use super::expand::Expander;
use super::selected::{reading, refused};
use super::unwind::Unwinder;
use super::{Exporting, Interrupted};
use crate::account_records::account_page;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, Stream, StreamExt, iter, unfold};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use waybill_domain::{ExportSpec, Failure, FailureCode, Source};
use waybill_engine::TransformError;
use waybill_ports::{PageCursor, Reading, RecordPage, compute};
use waybill_record::Chunk;

/// How much longer records are taken to get by what takes the place of their references.
const GROWTH: usize = 8;
/// How much longer they get by becoming documents, each with the part of the font that it needs.
const DOCUMENT_GROWTH: usize = 32;

/// The next page of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    partition: u16,
    /// Where it begins; `None` = at the beginning.
    pub(super) from: Option<PageCursor>,
}

/// The turns that are left, as far as pages have been assembled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Turns(VecDeque<Turn>);

impl Turns {
    /// From the beginning.
    pub(super) fn all(partitions: u16) -> Self {
        Self((0..partitions).map(|partition| Turn { partition, from: None }).collect())
    }

    /// The turn of a partition that is not exhausted.
    pub(super) fn of(&self, partition: u16) -> Option<&Turn> {
        self.0.iter().find(|turn| turn.partition == partition)
    }

    /// Takes note that the first turn's page was assembled.
    pub(super) fn taken(&mut self, next: Option<PageCursor>) {
        if let Some(turn) = self.0.pop_front()
            && next.is_some()
        {
            self.0.push_back(Turn { partition: turn.partition, from: next });
        }
    }
}

/// What a chunk of a page became.
pub(super) struct TransformedChunk<T> {
    pub(super) made: T,
    /// Set when the page ends here: where its partition goes on.
    pub(super) end: Option<PageEnd>,
}

/// The end of a page.
pub(super) struct PageEnd {
    /// Where the partition goes on; `None` when it is exhausted.
    pub(super) next: Option<PageCursor>,
}

/// What is read: which records, which elements of them, with which references replaced.
#[derive(Clone)]
pub(super) struct Selected {
    reading: Reading,
    unwinder: Option<Arc<Unwinder>>,
    expander: Option<Arc<Expander>>,
    /// A document is made of each record.
    documents: bool,
}

impl Selected {
    /// What an export reads.
    pub(super) fn of(spec: &ExportSpec) -> Self {
        Self {
            reading: reading(spec),
            unwinder: Unwinder::of(spec).map(Arc::new),
            expander: Expander::of(spec).map(Arc::new),
            documents: spec.format.makes_documents(),
        }
    }
}

/// The pages of all `turns`, chunk by chunk, each as `transform` makes it on the compute threads, in order.
pub(super) fn transformed<T, M>(
    exporting: &Exporting,
    selected: Selected,
    turns: Turns,
    transform: M,
) -> impl Stream<Item = Result<TransformedChunk<T>, Interrupted>> + Send + '_
where
    T: Send + 'static,
    M: Fn(&Chunk) -> Result<T, TransformError> + Clone + Send + 'static,
{
    let side_by_side = exporting.compute.parallelism().max(1);
    let (unwinder, expander) = (selected.unwinder.clone(), selected.expander.clone());
    // A record may grow by much when its references are replaced.
    let growth = if expander.is_some() { GROWTH } else { 1 } * if selected.documents { DOCUMENT_GROWTH } else { 1 };
    let chunk_bytes = (exporting.settings.chunk_bytes / growth).max(1);
    fetched(exporting, selected, turns, side_by_side + 1)
        .flat_map(move |page| iter(chunks(page, chunk_bytes)))
        .map(move |chunk| {
            let (transform, unwinder, expander) = (transform.clone(), unwinder.clone(), expander.clone());
            async move {
                let (chunk, end) = chunk?;
                let chunk = match unwinder {
                    Some(unwinder) => {
                        transform_chunk(exporting, move |chunk: &Chunk| unwinder.unwind(chunk), chunk).await?
                    }
                    None => chunk,
                };
                let chunk = match expander {
                    Some(expander) => expander.expand(exporting, chunk).await?,
                    None => chunk,
                };
                Ok(TransformedChunk { made: transform_chunk(exporting, transform, chunk).await?, end })
            }
        })
        .buffered(side_by_side + 1)
}

/// A page's chunks; the last one says where the partition goes on.
fn chunks(
    page: Result<RecordPage, Interrupted>,
    chunk_bytes: usize,
) -> impl Iterator<Item = Result<(Chunk, Option<PageEnd>), Interrupted>> {
    let (chunks, mut end, error) = match page {
        Ok(RecordPage { page, next }) => (page.chunks(chunk_bytes), Some(PageEnd { next }), None),
        Err(error) => (Vec::new(), None, Some(Err(error))),
    };
    let last = chunks.len().saturating_sub(1);
    let with_end = move |(place, chunk)| Ok((chunk, if place == last { end.take() } else { None }));
    chunks.into_iter().enumerate().map(with_end).chain(error)
}

async fn transform_chunk<T, M>(exporting: &Exporting, transform: M, chunk: Chunk) -> Result<T, Interrupted>
where
    T: Send + 'static,
    M: Fn(&Chunk) -> Result<T, TransformError> + Send + 'static,
{
    let job = move || transform(&chunk);
    match compute(&*exporting.compute, job).await {
        Some(Ok(made)) => Ok(made),
        Some(Err(error)) => {
            let message = format!("{error}: {}", error.fault);
            Err(Interrupted::Failed(Failure::new(FailureCode::BadRecord, message)))
        }
        None => Err(Interrupted::Failed(Failure::new(
            FailureCode::Internal,
            "an internal error occurred while records were written; the operator finds it in the log",
        ))),
    }
}

type Fetch<'a> = BoxFuture<'a, (u16, Result<RecordPage, Interrupted>)>;

struct Fetching<'a> {
    waiting: VecDeque<Turn>,
    under_way: FuturesOrdered<Fetch<'a>>,
}

/// The pages of all turns, at most `ahead` of them under way.
fn fetched(
    exporting: &Exporting,
    selected: Selected,
    turns: Turns,
    ahead: usize,
) -> impl Stream<Item = Result<RecordPage, Interrupted>> + Send + '_ {
    let fetching = Fetching { waiting: turns.0, under_way: FuturesOrdered::new() };
    let selected = Arc::new(selected);
    unfold(fetching, move |mut fetching| {
        let selected = Arc::clone(&selected);
        async move {
            while fetching.under_way.len() < ahead
                && let Some(turn) = fetching.waiting.pop_front()
            {
                fetching.under_way.push_back(fetch(exporting, Arc::clone(&selected), turn));
            }
            let (partition, page) = fetching.under_way.next().await?;
            if let Ok(RecordPage { next: Some(next), .. }) = &page {
                fetching.waiting.push_back(Turn { partition, from: Some(next.clone()) });
            }
            Some((page, fetching))
        }
    })
}

fn fetch(exporting: &Exporting, selected: Arc<Selected>, turn: Turn) -> Fetch<'_> {
    Box::pin(async move {
        let (reading, limit) = (&selected.reading, exporting.settings.page_records);
        let from = turn.from.as_ref();
        let page = match reading.source {
            Source::Accounts => account_page(&exporting.context, &reading.org, from, limit).await,
            Source::Records | Source::Dynamodb(_) | Source::Elements => {
                exporting.records.read_section(reading, turn.partition, from, limit).await
            }
        };
        (turn.partition, page.map_err(|error| refused(&reading.source, error)))
    })
}
