//! Reading the records of a query: section by section, in the order of their ids, no more than it takes.

use super::{Gathered, Gathering, PreparedQuery, sight};
use crate::account_records::{account_page, accounts_by_id};
use crate::load_records::plain;
use crate::{Context, Error};
use bytes::Bytes;
use futures::stream::{StreamExt as _, iter};
use std::collections::VecDeque;
use std::time::Duration;
use waybill_domain::{Collection, Principal, RecordId, RecordSight, Source};
use waybill_ports::{PageCursor, PortError, PortErrorKind, Reading, RecordPage, RecordSource, StoredRecord};
use waybill_query::Filter;
use waybill_record::{Looking, PageReader, Tape};

/// Sections that are read side by side.
const SIDE_BY_SIDE: usize = 4;
/// Most records that are asked of a section at once.
const MOST_RECORDS: usize = 2000;
/// The same where a page of every section is in memory at once.
const MOST_ORDERED: usize = 200;
/// Fewest where the condition may let many of them go.
const FEWEST_FILTERED: usize = 64;

/// How much one request may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Most records.
    pub records: u64,
    /// How long it may go on.
    pub time: Duration,
}

/// What the gateway waits for, with time left for the reply.
impl Default for Effort {
    fn default() -> Self {
        Self { records: 300_000, time: Duration::from_secs(18) }
    }
}

/// What a query came to.
#[derive(Debug)]
pub struct Found {
    /// The window, as far as it was read.
    pub gathered: Gathered,
    /// Why it was read no further, where it was not read to its end.
    pub cut: Option<Error>,
}

/// The records of a query that the caller may read.
///
/// Not a snapshot: a record that is there throughout appears at most once, and exactly once where it belongs to the window.
///
/// # Errors
/// `UnreadableSource` for a table of the platform; `Throttled`, `Unavailable`, `Internal`. What goes wrong once reading has begun is in
/// [`Found::cut`].
pub async fn query_records(
    context: &Context,
    records: &dyn RecordSource,
    principal: &Principal,
    query: &PreparedQuery,
    effort: Effort,
) -> Result<Found, Error> {
    let mut gathering = query.gathering();
    let mut reading = Reader::of(context, records, principal, query, effort)?;
    let cut = reading.run(&mut |document, text| gathering_step(&mut gathering, document, text)).await.err();
    if query.pipeline.is_some()
        && let Some(error) = cut
    {
        // Rows of a part of the records would say something else.
        return Err(error);
    }
    Ok(Found { gathered: gathering.finish()?, cut })
}

fn gathering_step(gathering: &mut Gathering, tape: &mut Tape, text: &Bytes) -> Result<Option<usize>, Error> {
    if let Ok(document) = tape.scan(text) {
        gathering.keep(&document, text)?;
    }
    Ok(if gathering.is_full() { None } else { Some(gathering.wanted().unwrap_or(usize::MAX)) })
}

/// How many records of a query the caller may read; its window does not matter.
///
/// # Errors
/// As [`query_records`], and `TooLarge` when it takes more than one request may read.
pub async fn count_records(
    context: &Context,
    records: &dyn RecordSource,
    principal: &Principal,
    query: &PreparedQuery,
    effort: Effort,
) -> Result<u64, Error> {
    let mut count = 0;
    let mut reading = Reader::of(context, records, principal, query, effort)?;
    reading.ordered = false;
    reading
        .run(&mut |_, _| {
            count += 1;
            Ok(Some(usize::MAX))
        })
        .await?;
    Ok(count)
}

/// One record of the collection that the caller may read, as JSON, as far as the caller may.
///
/// # Errors
/// `NotFound` when there is none, or it is none of the caller's business; as [`query_records`].
pub async fn read_one_record(
    context: &Context,
    records: &dyn RecordSource,
    principal: &Principal,
    collection: &Collection,
    id: RecordId,
) -> Result<Bytes, Error> {
    let not_found = || Error::NotFound { kind: "record", id: id.to_string() };
    let found = stored_records(context, records, collection, &[id]).await?.into_iter().next().flatten();
    let text = plain(collection, &found.ok_or_else(not_found)?)?;
    let mut tape = Tape::new();
    let document = tape.scan(&text).map_err(|error| corrupt(collection, &error))?;
    let mut looking = Looking::default();
    let seen = looking.at(&sight(principal, collection), document).map_err(|error| corrupt(collection, &error))?;
    Ok(Bytes::copy_from_slice(seen.ok_or_else(not_found)?.source()))
}

/// Records of a collection by their ids, in their order.
pub(super) async fn stored_records(
    context: &Context,
    records: &dyn RecordSource,
    collection: &Collection,
    ids: &[RecordId],
) -> Result<Vec<Option<StoredRecord>>, Error> {
    match &collection.source {
        Source::Records => Ok(records.get(&collection.org, &collection.name, ids).await?),
        Source::Accounts => Ok(accounts_by_id(context, &collection.org, ids).await?),
        Source::Dynamodb(_) | Source::Elements => Err(unreadable_source(collection)),
    }
}

fn unreadable_source(collection: &Collection) -> Error {
    Error::Conflict {
        reason: format!(
            "the records of `{}` are items of a table of the platform: they can only be exported",
            collection.name
        ),
    }
}

pub(super) fn corrupt(collection: &Collection, error: &dyn std::error::Error) -> Error {
    let key = format!("{} {}", collection.org, collection.name);
    let kind = PortErrorKind::Corrupt { table: "records".to_owned(), key, field: error.to_string() };
    PortError::new(kind, "reading records").into()
}

/// One section, as far as it was read.
#[derive(Default)]
struct Section {
    from: Option<PageCursor>,
    done: bool,
    /// Records that meet the condition and that the caller may read, in the order of their ids.
    found: VecDeque<(String, Bytes)>,
}

/// What takes a record that is found; gives how many more are wanted, `None` when that is enough.
pub(super) type Take<'a> = dyn FnMut(&mut Tape, &Bytes) -> Result<Option<usize>, Error> + Send + 'a;

pub(super) struct Reader<'a> {
    context: &'a Context,
    records: &'a dyn RecordSource,
    query: &'a PreparedQuery,
    reading: Reading,
    sections: Vec<Section>,
    /// Whether records are given in the order of their ids.
    ordered: bool,
    effort: Effort,
    until: Duration,
    read: u64,
    tape: Tape,
    sight: RecordSight,
    looking: Looking,
}

impl<'a> Reader<'a> {
    pub(super) fn of(
        context: &'a Context,
        records: &'a dyn RecordSource,
        principal: &'a Principal,
        query: &'a PreparedQuery,
        effort: Effort,
    ) -> Result<Self, Error> {
        if matches!(query.stored.source, Source::Dynamodb(_)) {
            return Err(unreadable_source(&query.stored));
        }
        let reading = crate::advance_lane::selected(Reading::all(&query.stored), &query.filter);
        let sections = records.sections(&reading);
        Ok(Self {
            context,
            records,
            query,
            reading,
            sections: (0..sections).map(|_| Section::default()).collect(),
            ordered: query.sort.is_none(),
            effort,
            until: context.clock.monotonic() + effort.time,
            read: 0,
            tape: Tape::new(),
            sight: sight(principal, &query.stored),
            looking: Looking::default(),
        })
    }

    /// Gives every record to `take` until that is enough.
    pub(super) async fn run(&mut self, take: &mut Take<'_>) -> Result<(), Error> {
        let mut wanted = match self.query.pipeline {
            Some(_) => usize::MAX,
            None => self.query.skip.saturating_add(self.query.limit).saturating_add(1),
        };
        let mut least = if self.filters() { FEWEST_FILTERED } else { 1 };
        loop {
            let hungry = |section: &Section| !section.done && section.found.is_empty();
            // Where any order will do, no more pages are in memory than are read side by side.
            let most = if self.ordered { self.sections.len() } else { SIDE_BY_SIDE };
            let hungry = self.sections.iter().enumerate().filter(|(_, section)| hungry(section)).map(|(at, _)| at);
            let hungry: Vec<usize> = hungry.take(most).collect();
            if !hungry.is_empty() {
                let each = if self.ordered { wanted / self.sections.len().max(1) / 4 * 5 + 2 } else { MOST_RECORDS };
                let most = if self.ordered { MOST_ORDERED } else { MOST_RECORDS };
                self.fetch(&hungry, each.max(least).min(most)).await?;
                least = (least * 2).min(most);
            }
            match self.give(take)? {
                None => return Ok(()),
                Some(left) => wanted = left,
            }
            if self.sections.iter().all(|section| section.done && section.found.is_empty()) {
                return Ok(());
            }
        }
    }

    /// Whether records may be read that are not given.
    fn filters(&self) -> bool {
        !self.sight.sees_everything() || self.query.filter != Filter::All(Vec::new())
    }

    /// Gives what is certain to be next; tells how many more are wanted, `None` for enough.
    fn give(&mut self, take: &mut Take<'_>) -> Result<Option<usize>, Error> {
        let mut wanted = usize::MAX;
        loop {
            let next = if self.ordered {
                if self.sections.iter().any(|section| !section.done && section.found.is_empty()) {
                    return Ok(Some(wanted));
                }
                let with_records = self.sections.iter_mut().filter(|section| !section.found.is_empty());
                with_records.min_by(|one, other| one.found[0].0.cmp(&other.found[0].0))
            } else {
                self.sections.iter_mut().find(|section| !section.found.is_empty())
            };
            let Some((_, text)) = next.and_then(|section| section.found.pop_front()) else { return Ok(Some(wanted)) };
            match take(&mut self.tape, &text)? {
                None => return Ok(None),
                Some(left) => wanted = left,
            }
        }
    }

    /// Reads a page of each of these sections.
    async fn fetch(&mut self, sections: &[usize], limit: usize) -> Result<(), Error> {
        if self.read > self.effort.records || self.context.clock.monotonic() > self.until {
            let reason = format!(
                "one request reads at most {} records, {} seconds long, and this one has to read more; narrow `where`, \
                 take the order of `_id`, or make an export, which reads any number",
                self.effort.records,
                self.effort.time.as_secs()
            );
            return Err(Error::TooLarge { reason });
        }
        let limit = u32::try_from(limit).ok();
        let (this, reading) = (&*self, &self.reading);
        let pages = sections.iter().map(|at| async move {
            let from = this.sections[*at].from.as_ref();
            let page = match reading.source {
                Source::Accounts => account_page(this.context, &reading.org, from, limit).await,
                Source::Records | Source::Dynamodb(_) | Source::Elements => {
                    let section = u16::try_from(*at).unwrap_or(u16::MAX);
                    this.records.read_section(reading, section, from, limit).await
                }
            };
            (*at, page)
        });
        let pages: Vec<(usize, Result<RecordPage, PortError>)> =
            iter(pages.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE).collect().await;
        for (at, page) in pages {
            let RecordPage { page, next } = page?;
            self.read += u64::try_from(page.len()).unwrap_or(u64::MAX);
            self.look_through(at, &page)?;
            self.sections[at].done = next.is_none();
            self.sections[at].from = next;
        }
        Ok(())
    }

    /// Keeps the records of a page that meet the condition and that the caller may read.
    fn look_through(&mut self, at: usize, page: &waybill_record::Page) -> Result<(), Error> {
        let (chunk, mut reader) = (page.whole(), PageReader::new());
        let mut texts = reader.read(&chunk);
        while let Some(text) = texts.next_text() {
            let text = text.map_err(|error| corrupt(&self.query.stored, &error))?;
            let document = self.tape.scan(text).map_err(|error| corrupt(&self.query.stored, &error))?;
            // Conditions see what the caller sees: nothing else can be found out by asking.
            let seen = self.looking.at(&self.sight, document).map_err(|error| corrupt(&self.query.stored, &error))?;
            if let Some(document) = seen.filter(|document| self.query.filter.matches(document)) {
                let id = document.root().get("_id").and_then(|id| id.text()).map(|id| id.decoded().into_owned());
                self.sections[at].found.push_back((id.unwrap_or_default(), Bytes::copy_from_slice(document.source())));
            }
        }
        Ok(())
    }
}
