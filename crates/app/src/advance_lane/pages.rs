//! Pages of a collection in a fixed order, read ahead and transformed side by side.
//!
//! Partitions take turns, one page each; one that is exhausted drops out. The order depends on the records alone, not on how far
//! is read ahead, so a checkpoint is the turns that are left. A page is transformed in chunks, whose bounds it alone decides, so that what is in
//! memory does not depend on how far its records were compressed; a checkpoint can only be taken behind its last.

use super::expand::Expander;
use super::plan::{record_sight, scope};
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
use waybill_engine::{Scope, TransformError, viewed};
use waybill_ports::{PageCursor, PortError, PortErrorKind, Reading, RecordPage, compute};
use waybill_record::{Chunk, Sight};

/// How much longer records are taken to get by what takes the place of their references.
const GROWTH: usize = 8;
/// How much longer they get by becoming documents, each with the part of the font that it needs.
const DOCUMENT_GROWTH: usize = 32;

/// The next page of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    /// Of which of the collections that are read.
    #[serde(default)]
    member: u16,
    partition: u16,
    /// Where it begins; `None` = at the beginning.
    pub(super) from: Option<PageCursor>,
}

/// The turns that are left, as far as pages have been assembled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Turns(VecDeque<Turn>);

impl Turns {
    /// Of all that `spec` reads, from the beginning.
    pub(super) fn of_all(exporting: &Exporting, spec: &ExportSpec) -> Self {
        let members = (0..).zip(spec.readings());
        let turns = members.flat_map(|(member, spec)| {
            let partitions = exporting.records.sections(&reading(spec));
            (0..partitions).map(move |partition| Turn { member, partition, from: None })
        });
        Self(turns.collect())
    }

    /// The turn of a partition that is not exhausted.
    pub(super) fn of(&self, partition: u16) -> Option<&Turn> {
        self.0.iter().find(|turn| (turn.member, turn.partition) == (0, partition))
    }

    /// Takes note that the first turn's page was assembled.
    pub(super) fn taken(&mut self, next: Option<PageCursor>) {
        if let Some(turn) = self.0.pop_front()
            && next.is_some()
        {
            // A collection is read to its end before the next one is.
            let place = self.0.iter().position(|other| other.member != turn.member).unwrap_or(self.0.len());
            self.0.insert(place, Turn { from: next, ..turn });
        }
    }

    /// The turns of each collection.
    fn by_member(self) -> Vec<VecDeque<Turn>> {
        let mut members: Vec<VecDeque<Turn>> = Vec::new();
        for turn in self.0 {
            match members.last_mut() {
                Some(last) if last.back().is_some_and(|back| back.member == turn.member) => last.push_back(turn),
                _ => members.push(VecDeque::from([turn])),
            }
        }
        members
    }
}

/// What a chunk of a page became.
pub(super) struct TransformedChunk<T> {
    pub(super) made: T,
    /// Of which of the collections that are read.
    pub(super) member: u16,
    /// Set when the page ends here: where its partition goes on.
    pub(super) end: Option<PageEnd>,
}

/// The end of a page.
pub(super) struct PageEnd {
    /// Where the partition goes on; `None` when it is exhausted.
    pub(super) next: Option<PageCursor>,
}

/// What is read: which records of each collection.
#[derive(Clone)]
pub(super) struct Selected {
    members: Arc<[Member]>,
    /// A document is made of each record.
    documents: bool,
}

/// What is read of one collection: which records, which elements of them, with which references replaced, and what of them where they
/// come together with those of others.
struct Member {
    reading: Reading,
    unwinder: Option<Arc<Unwinder>>,
    expander: Option<Arc<Expander>>,
    taken: Option<Arc<Taken>>,
}

/// What is taken of a record before it comes together with those of other collections.
struct Taken {
    /// What is seen of it; where references are followed, that is looked at before.
    sight: Option<Arc<dyn Sight>>,
    scope: Option<Scope>,
}

impl Selected {
    /// What an export reads.
    pub(super) fn of(spec: &ExportSpec) -> Self {
        let member = |of: &ExportSpec| Member {
            reading: reading(of),
            unwinder: Unwinder::of(of).map(Arc::new),
            expander: Expander::of(of).map(Arc::new),
            // Where each has a file of its own, it has a plan of its own, too.
            taken: (!spec.members.is_empty() && !spec.per_collection).then(|| {
                let sight = record_sight(of).filter(|_| of.followed.is_empty());
                Arc::new(Taken { sight, scope: scope(of) })
            }),
        };
        let members = spec.readings().iter().map(member).collect();
        Self { members, documents: spec.format.makes_documents() }
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
    M: Fn(u16, &Chunk) -> Result<T, TransformError> + Clone + Send + 'static,
{
    let side_by_side = exporting.compute.parallelism().max(1);
    let members = Arc::clone(&selected.members);
    // A record may grow by much when its references are replaced.
    let expands = members.iter().any(|member| member.expander.is_some());
    let growth = if expands { GROWTH } else { 1 } * if selected.documents { DOCUMENT_GROWTH } else { 1 };
    let chunk_bytes = (exporting.settings.chunk_bytes / growth).max(1);
    fetched(exporting, selected, turns, side_by_side + 1)
        .flat_map(move |(member, page)| iter(chunks(page, chunk_bytes)).map(move |chunk| (member, chunk)))
        .map(move |(member, chunk)| {
            let of = members.get(usize::from(member));
            let of = of.map(|of| (of.unwinder.clone(), of.expander.clone(), of.taken.clone()));
            let ((unwinder, expander, taken), transform) = (of.unwrap_or_default(), transform.clone());
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
                let chunk = match taken {
                    Some(taken) => {
                        let take = move |chunk: &Chunk| viewed(taken.sight.as_deref(), taken.scope.as_ref(), chunk);
                        transform_chunk(exporting, take, chunk).await?
                    }
                    None => chunk,
                };
                let transform = move |chunk: &Chunk| transform(member, chunk);
                Ok(TransformedChunk { made: transform_chunk(exporting, transform, chunk).await?, member, end })
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

type Fetch<'a> = BoxFuture<'a, (Turn, Result<RecordPage, Interrupted>)>;

struct Fetching<'a> {
    waiting: VecDeque<Turn>,
    under_way: FuturesOrdered<Fetch<'a>>,
}

/// The pages of all turns, each with its collection, one collection after the other.
fn fetched(
    exporting: &Exporting,
    selected: Selected,
    turns: Turns,
    ahead: usize,
) -> impl Stream<Item = (u16, Result<RecordPage, Interrupted>)> + Send + '_ {
    iter(turns.by_member()).flat_map(move |turns| fetched_of_one(exporting, selected.clone(), turns, ahead))
}

/// The pages of one collection, at most `ahead` of them under way.
fn fetched_of_one(
    exporting: &Exporting,
    selected: Selected,
    turns: VecDeque<Turn>,
    ahead: usize,
) -> impl Stream<Item = (u16, Result<RecordPage, Interrupted>)> + Send + '_ {
    let fetching = Fetching { waiting: turns, under_way: FuturesOrdered::new() };
    unfold(fetching, move |mut fetching| {
        let selected = selected.clone();
        async move {
            while fetching.under_way.len() < ahead
                && let Some(turn) = fetching.waiting.pop_front()
            {
                fetching.under_way.push_back(fetch(exporting, selected.clone(), turn));
            }
            let (turn, page) = fetching.under_way.next().await?;
            let member = turn.member;
            if let Ok(RecordPage { next: Some(next), .. }) = &page {
                fetching.waiting.push_back(Turn { from: Some(next.clone()), ..turn });
            }
            Some(((member, page), fetching))
        }
    })
}

fn fetch(exporting: &Exporting, selected: Selected, turn: Turn) -> Fetch<'_> {
    Box::pin(async move {
        let Some(Member { reading, .. }) = selected.members.get(usize::from(turn.member)) else {
            let kind = PortErrorKind::Rejected { reason: "the export reads no such collection".to_owned() };
            return (turn, Err(PortError::new(kind, "reading a page").into()));
        };
        let (limit, from) = (exporting.settings.page_records, turn.from.as_ref());
        let page = match reading.source {
            Source::Accounts => account_page(&exporting.context, &reading.org, from, limit).await,
            Source::Records | Source::Dynamodb(_) | Source::Elements => {
                exporting.records.read_section(reading, turn.partition, from, limit).await
            }
        };
        let page = page.map_err(|error| refused(&reading.source, error));
        (turn, page)
    })
}
