//! Pages of a collection in a fixed order, read ahead and transformed side by side.
//!
//! Partitions take turns, one page each; one that is exhausted drops out. The order depends on the records alone, not on how far
//! is read ahead, so a checkpoint is the turns that are left.

use super::{Exporting, Interrupted};
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, Stream, StreamExt, unfold};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use waybill_domain::{CollectionName, Failure, FailureCode, OrgCode};
use waybill_engine::TransformError;
use waybill_ports::{PageCursor, PortError, RecordPage, compute};
use waybill_record::Chunk;

/// The next page of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    partition: u16,
    from: Option<PageCursor>,
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

    /// Takes note that the first turn's page was assembled.
    pub(super) fn taken(&mut self, next: Option<PageCursor>) {
        if let Some(turn) = self.0.pop_front()
            && next.is_some()
        {
            self.0.push_back(Turn { partition: turn.partition, from: next });
        }
    }
}

/// What a page became, and where its partition goes on.
pub(super) struct TransformedPage<T> {
    pub(super) made: T,
    pub(super) next: Option<PageCursor>,
}

/// What is read: whose records, of which collection.
#[derive(Clone)]
pub(super) struct Selected {
    pub(super) org: OrgCode,
    pub(super) collection: CollectionName,
}

/// The pages of all `turns`, each as `transform` makes it on the compute threads, in order.
pub(super) fn transformed<T, M>(
    exporting: &Exporting,
    selected: Selected,
    turns: Turns,
    transform: M,
) -> impl Stream<Item = Result<TransformedPage<T>, Interrupted>> + Send + '_
where
    T: Send + 'static,
    M: Fn(&Chunk) -> Result<T, TransformError> + Clone + Send + 'static,
{
    let side_by_side = exporting.compute.parallelism().max(1);
    fetched(exporting, selected, turns, side_by_side + 1)
        .map(move |page| {
            let transform = transform.clone();
            async move { transform_page(exporting, transform, page?).await }
        })
        .buffered(side_by_side + 1)
}

async fn transform_page<T, M>(
    exporting: &Exporting,
    transform: M,
    page: RecordPage,
) -> Result<TransformedPage<T>, Interrupted>
where
    T: Send + 'static,
    M: Fn(&Chunk) -> Result<T, TransformError> + Send + 'static,
{
    let RecordPage { page, next } = page;
    let job = move || transform(&page.whole());
    match compute(&*exporting.compute, job).await {
        Some(Ok(made)) => Ok(TransformedPage { made, next }),
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

type Fetch<'a> = BoxFuture<'a, (u16, Result<RecordPage, PortError>)>;

struct Reading<'a> {
    waiting: VecDeque<Turn>,
    under_way: FuturesOrdered<Fetch<'a>>,
}

/// The pages of all turns, at most `ahead` of them under way.
fn fetched(
    exporting: &Exporting,
    selected: Selected,
    turns: Turns,
    ahead: usize,
) -> impl Stream<Item = Result<RecordPage, PortError>> + Send + '_ {
    let reading = Reading { waiting: turns.0, under_way: FuturesOrdered::new() };
    let selected = Arc::new(selected);
    unfold(reading, move |mut reading| {
        let selected = Arc::clone(&selected);
        async move {
            while reading.under_way.len() < ahead
                && let Some(turn) = reading.waiting.pop_front()
            {
                reading.under_way.push_back(fetch(exporting, Arc::clone(&selected), turn));
            }
            let (partition, page) = reading.under_way.next().await?;
            if let Ok(RecordPage { next: Some(next), .. }) = &page {
                reading.waiting.push_back(Turn { partition, from: Some(next.clone()) });
            }
            Some((page, reading))
        }
    })
}

fn fetch(exporting: &Exporting, selected: Arc<Selected>, turn: Turn) -> Fetch<'_> {
    Box::pin(async move {
        let limit = exporting.settings.page_records;
        let Selected { org, collection } = &*selected;
        let page = exporting.records.read_page(org, collection, turn.partition, turn.from.as_ref(), limit).await;
        (turn.partition, page)
    })
}
