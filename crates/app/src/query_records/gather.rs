//! A window of objects: those that meet a condition, in an order, from one place to another.

use crate::Error;
use bytes::Bytes;
use std::collections::BTreeMap;
use waybill_query::pipeline::{Evaluation, Flow, PipelineFault};
use waybill_query::{Filter, Pipeline, SortOrder};
use waybill_record::{Document, ScanError, Tape};

/// Most bytes of objects that are kept at once.
const MAX_BYTES: usize = 48 << 20;

/// A window that objects are offered to, one after another.
pub struct Gathering {
    filter: Filter,
    sort: Option<SortOrder>,
    skip: usize,
    limit: usize,
    skipped: usize,
    /// By their keys; among equals, and without an order, as they were offered.
    kept: BTreeMap<(Vec<u8>, u64), Bytes>,
    bytes: usize,
    offered: u64,
    tape: Tape,
    /// What rows are made of the objects instead.
    evaluation: Option<Evaluation>,
}

/// What a window came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// JSON objects.
    pub texts: Vec<Bytes>,
    /// Whether there are more beyond them.
    pub more: bool,
}

impl Gathering {
    /// An empty window.
    pub fn new(filter: Filter, sort: Option<SortOrder>, skip: usize, limit: usize) -> Self {
        let kept = BTreeMap::new();
        Self { filter, sort, skip, limit, skipped: 0, kept, bytes: 0, offered: 0, tape: Tape::new(), evaluation: None }
    }

    /// A window of the rows that a pipeline makes of the objects that meet the condition.
    pub(super) fn of_pipeline(filter: Filter, pipeline: &Pipeline, skip: usize, limit: usize) -> Self {
        let evaluation = Some(pipeline.evaluation(MAX_BYTES));
        Self { evaluation, ..Self::new(filter, None, skip, limit) }
    }

    /// Offers an object; one that does not meet the condition is let go.
    ///
    /// # Errors
    /// `TooLarge` when what is to be kept is; the text is no object.
    pub fn offer(&mut self, text: &Bytes) -> Result<Result<(), ScanError>, Error> {
        let mut tape = std::mem::take(&mut self.tape);
        let outcome = match tape.scan(text) {
            Ok(document) if self.filter.matches(&document) => self.keep(&document, text).map(Ok),
            Ok(_) => Ok(Ok(())),
            Err(error) => Ok(Err(error)),
        };
        self.tape = tape;
        outcome
    }

    /// Takes an object that is known to meet the condition.
    ///
    /// # Errors
    /// `TooLarge` when what is to be kept is.
    pub(super) fn keep(&mut self, document: &Document<'_>, text: &Bytes) -> Result<(), Error> {
        if let Some(evaluation) = &mut self.evaluation {
            evaluation.push_scanned(document).map_err(too_much)?;
            return Ok(());
        }
        self.offered += 1;
        let mut key = Vec::new();
        let most = match &self.sort {
            None if self.skipped < self.skip => {
                self.skipped += 1;
                return Ok(());
            }
            None => self.limit,
            Some(sort) => {
                sort.write_key(document, &mut key);
                self.skip.saturating_add(self.limit)
            }
        };
        let whole = self.kept.len() > most;
        // One beyond the window tells that there is more.
        if whole && self.kept.last_key_value().is_some_and(|((last, _), _)| *last <= key) {
            return Ok(());
        }
        self.bytes += text.len() + key.len();
        self.kept.insert((key, self.offered), text.clone());
        if whole && let Some(((key, _), text)) = self.kept.pop_last() {
            self.bytes -= text.len() + key.len();
        }
        if self.bytes > MAX_BYTES {
            let reason = "the objects up to there take too much memory to be put in order; ask for fewer with `limit`, \
                          or make an export, which sorts any number";
            return Err(Error::TooLarge { reason: reason.to_owned() });
        }
        Ok(())
    }

    /// Bytes that it keeps.
    pub(super) fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing that is offered from now on can matter.
    pub fn is_full(&self) -> bool {
        match &self.evaluation {
            Some(evaluation) => evaluation.flow() == Flow::Enough,
            None => self.sort.is_none() && self.kept.len() > self.limit,
        }
    }

    /// How many objects it needs to be full, where that can be told.
    pub(super) fn wanted(&self) -> Option<usize> {
        (self.sort.is_none() && self.evaluation.is_none())
            .then(|| self.skip - self.skipped + self.limit + 1 - self.kept.len().min(self.limit))
    }

    /// What it has come to.
    ///
    /// # Errors
    /// `TooLarge` when the rows of a pipeline are.
    pub fn finish(self) -> Result<Gathered, Error> {
        if let Some(evaluation) = self.evaluation {
            let rows = evaluation.finish().map_err(too_much)?;
            let more = rows.len() > self.skip.saturating_add(self.limit);
            let texts = rows.into_iter().skip(self.skip).take(self.limit).map(Bytes::from).collect();
            return Ok(Gathered { texts, more });
        }
        let skip = if self.sort.is_some() { self.skip } else { 0 };
        let mut texts: Vec<Bytes> = self.kept.into_values().skip(skip).collect();
        let more = texts.len() > self.limit;
        texts.truncate(self.limit);
        Ok(Gathered { texts, more })
    }
}

fn too_much(fault: PipelineFault) -> Error {
    match fault {
        PipelineFault::TooMuch { .. } => Error::TooLarge { reason: fault.to_string() },
        fault => Error::invalid("pipeline", fault.to_string()),
    }
}
