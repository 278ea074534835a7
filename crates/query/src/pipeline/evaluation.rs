//! A pipeline at work in memory: fed row by row, it holds what `$sort` and `$group` have to hold, up to a limit.

use super::Stage;
use super::group::{Groups, Reader, SavedGroup};
use crate::sum::OutOfRange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use waybill_record::{Document, ScanError, Tape};

/// What a row that is held is taken to need besides its text and its key, in bytes.
const ROW_BYTES: usize = 96;

/// Whether more rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They are.
    More,
    /// No row that is still to come would change the outcome.
    Enough,
}

/// Why a pipeline cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineFault {
    /// More would have to be held in memory than is allowed.
    #[error("{}", too_much(operator, *limit_bytes))]
    TooMuch {
        /// The stage that holds it; empty for the rows that come out.
        operator: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// A row is no JSON object, or is nested too deep.
    #[error("a row of the pipeline cannot be read: {0}")]
    Row(#[from] ScanError),
    /// A number that cannot be added.
    #[error(transparent)]
    Number(#[from] OutOfRange),
    /// What was saved goes with another pipeline.
    #[error("the saved state of a pipeline cannot be taken up")]
    Broken,
}

fn too_much(operator: &str, limit_bytes: usize) -> String {
    let limit = limit_bytes >> 10;
    let (unit, limit) = if limit >= 1024 { ("MiB", limit >> 10) } else { ("KiB", limit) };
    match operator {
        "$group" => format!(
            "`$group` holds more than {limit} {unit}: group by something with fewer values, keep less of each group, or narrow \
             what comes in with `$match`"
        ),
        "$sort" => format!(
            "`$sort` holds more than {limit} {unit} here: follow it with a smaller `$limit`, or keep less of each row with \
             `$project`"
        ),
        _ => format!(
            "more than {limit} {unit} of rows come out of the pipeline: narrow them with `$match`, `$project` or `$limit`, and \
             put `$match` before `$skip` and `$limit`"
        ),
    }
}

/// Reads rows that projections have written.
#[derive(Debug, Default)]
struct Slot {
    tape: Tape,
    text: Vec<u8>,
}

/// Memory for [`Reshaper::apply`].
#[derive(Debug, Default)]
pub struct Reshaper {
    slots: Vec<Slot>,
}

impl Reshaper {
    /// No memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one record through stages that are all `$match` or `$project`; `None` when it does not come out, else what `then`
    /// makes of it.
    ///
    /// # Errors
    /// A projection nests it too deep.
    pub fn apply<R>(
        &mut self,
        stages: &[Stage],
        record: &Document<'_>,
        then: impl FnOnce(&Document<'_>) -> R,
    ) -> Result<Option<R>, ScanError> {
        if self.slots.len() < stages.len() {
            self.slots.resize_with(stages.len(), Slot::default);
        }
        reshape(stages, &mut self.slots, record, then)
    }
}

fn reshape<R>(
    stages: &[Stage],
    slots: &mut [Slot],
    record: &Document<'_>,
    then: impl FnOnce(&Document<'_>) -> R,
) -> Result<Option<R>, ScanError> {
    let Some((stage, rest)) = stages.split_first() else { return Ok(Some(then(record))) };
    match stage {
        Stage::Match(filter) if !filter.matches(record) => Ok(None),
        Stage::Project(projection) => {
            let Some((slot, slots)) = slots.split_first_mut() else { return Ok(None) };
            slot.text.clear();
            projection.write(record.root(), &mut slot.text);
            let scanned = slot.tape.scan(&slot.text)?;
            reshape(rest, slots, &scanned, then)
        }
        _ => reshape(rest, slots, record, then),
    }
}

/// What a stage holds.
#[derive(Debug)]
enum Held {
    Nothing,
    /// How many rows are still to be dropped, or to be let through.
    Left(u64),
    /// Rows by key, and by their order among equals.
    Rows {
        rows: BTreeMap<(Vec<u8>, u64), String>,
        next: u64,
        /// No more than so many of the first are wanted.
        most: Option<usize>,
    },
    Groups(Groups),
}

/// A pipeline that is being evaluated.
#[derive(Debug)]
pub struct Evaluation {
    stages: Vec<Stage>,
    held: Vec<Held>,
    slots: Vec<Slot>,
    tape: Tape,
    memory: Memory,
}

/// What is held, and what comes out.
#[derive(Debug, Default)]
struct Memory {
    out: Vec<String>,
    used_bytes: usize,
    limit_bytes: usize,
    reader: Reader,
}

/// An evaluation as it is kept in a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedEvaluation {
    held: Vec<SavedHeld>,
    out: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SavedHeld {
    Nothing,
    Left(u64),
    /// Rows with their order among equals.
    Rows(Vec<(u64, String)>, u64),
    Groups(Vec<SavedGroup>),
}

impl Memory {
    fn hold(&mut self, bytes: isize, operator: &'static str) -> Result<(), PipelineFault> {
        self.used_bytes = self.used_bytes.saturating_add_signed(bytes);
        if self.used_bytes > self.limit_bytes {
            return Err(PipelineFault::TooMuch { operator, limit_bytes: self.limit_bytes });
        }
        Ok(())
    }

    fn release(&mut self, bytes: usize) {
        self.used_bytes = self.used_bytes.saturating_sub(bytes);
    }
}

fn signed(length: usize) -> isize {
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// A row as text.
fn text_of(row: &Document<'_>) -> String {
    let mut text = Vec::with_capacity(row.source().len());
    row.root().write_compact(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

impl Evaluation {
    pub(super) fn new(stages: Vec<Stage>, limit_bytes: usize) -> Self {
        let held = stages.iter().enumerate().map(|(place, stage)| match stage {
            Stage::Match(_) | Stage::Project(_) => Held::Nothing,
            Stage::Skip(count) | Stage::Limit(count) => Held::Left(*count),
            Stage::Sort(_) => Held::Rows { rows: BTreeMap::new(), next: 0, most: most(&stages[place + 1..]) },
            Stage::Group(_) => Held::Groups(Groups::default()),
        });
        let held = held.collect();
        let slots = stages.iter().map(|_| Slot::default()).collect();
        Self { stages, held, slots, tape: Tape::new(), memory: Memory { limit_bytes, ..Memory::default() } }
    }

    /// An evaluation of these stages.
    pub fn of(stages: &[Stage], limit_bytes: usize) -> Self {
        Self::new(stages.to_vec(), limit_bytes)
    }

    /// Goes on where [`Evaluation::save`] was called.
    ///
    /// # Errors
    /// What was saved is of other stages.
    pub fn resume(stages: &[Stage], limit_bytes: usize, saved: SavedEvaluation) -> Result<Self, PipelineFault> {
        let mut evaluation = Self::of(stages, limit_bytes);
        if saved.held.len() != evaluation.held.len() {
            return Err(PipelineFault::Broken);
        }
        let Self { held, tape, memory, .. } = &mut evaluation;
        for ((stage, held), saved) in stages.iter().zip(held).zip(saved.held) {
            match (stage, held, saved) {
                (_, Held::Nothing, SavedHeld::Nothing) => {}
                (_, Held::Left(left), SavedHeld::Left(saved)) => *left = saved,
                (Stage::Sort(order), Held::Rows { rows, next, .. }, SavedHeld::Rows(saved, saved_next)) => {
                    *next = saved_next;
                    for (number, text) in saved {
                        let mut key = Vec::new();
                        order.write_key(&tape.scan(text.as_bytes())?, &mut key);
                        memory.used_bytes += ROW_BYTES + key.len() + text.len();
                        rows.insert((key, number), text);
                    }
                }
                (Stage::Group(group), Held::Groups(groups), SavedHeld::Groups(saved)) => {
                    let (resumed, bytes) = Groups::resume(group, saved, &mut memory.reader)?;
                    *groups = resumed;
                    memory.used_bytes += bytes;
                }
                _ => return Err(PipelineFault::Broken),
            }
        }
        memory.used_bytes += saved.out.iter().map(|row| ROW_BYTES + row.len()).sum::<usize>();
        memory.out = saved.out;
        Ok(evaluation)
    }

    /// What [`Evaluation::resume`] needs.
    pub fn save(&self) -> SavedEvaluation {
        let held = self.held.iter().map(|held| match held {
            Held::Nothing => SavedHeld::Nothing,
            Held::Left(left) => SavedHeld::Left(*left),
            Held::Rows { rows, next, .. } => {
                SavedHeld::Rows(rows.iter().map(|((_, number), text)| (*number, text.clone())).collect(), *next)
            }
            Held::Groups(groups) => SavedHeld::Groups(groups.save()),
        });
        SavedEvaluation { held: held.collect(), out: self.memory.out.clone() }
    }

    /// Takes the next record, a JSON object.
    ///
    /// # Errors
    /// [`PipelineFault`]; the evaluation is then of no more use.
    pub fn push(&mut self, record: &[u8]) -> Result<Flow, PipelineFault> {
        let mut tape = std::mem::take(&mut self.tape);
        let pushed = tape.scan(record).map_err(PipelineFault::from).and_then(|record| self.push_scanned(&record));
        self.tape = tape;
        pushed
    }

    /// The same for a record that was scanned.
    ///
    /// # Errors
    /// As [`Evaluation::push`].
    pub fn push_scanned(&mut self, record: &Document<'_>) -> Result<Flow, PipelineFault> {
        pass(&self.stages, &mut self.held, &mut self.slots, record, &mut self.memory)?;
        Ok(self.flow())
    }

    /// Whether more records are wanted.
    pub fn flow(&self) -> Flow {
        for (stage, held) in self.stages.iter().zip(&self.held) {
            match (stage, held) {
                (Stage::Limit(_), Held::Left(0)) => return Flow::Enough,
                (Stage::Sort(_) | Stage::Group(_), _) => return Flow::More,
                _ => {}
            }
        }
        Flow::More
    }

    /// The rows that come out when no more records come in; JSON objects without white space.
    ///
    /// # Errors
    /// As [`Evaluation::push`].
    pub fn finish(mut self) -> Result<Vec<String>, PipelineFault> {
        for place in 0..self.stages.len() {
            let (done, behind) = self.held.split_at_mut(place + 1);
            let (Some(stage), Some(held)) = (self.stages.get(place), done.last_mut()) else { continue };
            loop {
                let row = match (stage, &mut *held) {
                    (_, Held::Rows { rows, .. }) => rows.pop_first().map(|((key, _), text)| {
                        self.memory.release(ROW_BYTES + key.len() + text.len());
                        text
                    }),
                    (Stage::Group(group), Held::Groups(groups)) => groups.take_first(group).inspect(|row| {
                        self.memory.release(row.len());
                    }),
                    _ => None,
                };
                let Some(row) = row else { break };
                let scanned = self.tape.scan(row.as_bytes())?;
                pass(&self.stages[place + 1..], behind, &mut self.slots, &scanned, &mut self.memory)?;
            }
        }
        Ok(self.memory.out)
    }
}

/// How many of the first rows of an order are wanted, where what follows counts them off.
fn most(behind: &[Stage]) -> Option<usize> {
    let mut skipped = 0_u64;
    for stage in behind {
        match stage {
            Stage::Project(_) => {}
            Stage::Skip(count) => skipped = skipped.saturating_add(*count),
            Stage::Limit(count) => return usize::try_from(skipped.saturating_add(*count)).ok(),
            _ => return None,
        }
    }
    None
}

fn pass(
    stages: &[Stage],
    held: &mut [Held],
    slots: &mut [Slot],
    row: &Document<'_>,
    memory: &mut Memory,
) -> Result<(), PipelineFault> {
    let (Some((stage, stages)), Some((own, held))) = (stages.split_first(), held.split_first_mut()) else {
        let text = text_of(row);
        memory.hold(signed(ROW_BYTES + text.len()), "")?;
        memory.out.push(text);
        return Ok(());
    };
    match (stage, own) {
        (Stage::Match(filter), _) if !filter.matches(row) => Ok(()),
        (Stage::Project(projection), _) => {
            let Some((slot, slots)) = slots.split_first_mut() else { return Err(PipelineFault::Broken) };
            slot.text.clear();
            projection.write(row.root(), &mut slot.text);
            let scanned = slot.tape.scan(&slot.text)?;
            pass(stages, held, slots, &scanned, memory)
        }
        (Stage::Skip(_), Held::Left(left)) if *left > 0 => {
            *left -= 1;
            Ok(())
        }
        (Stage::Limit(_), Held::Left(0)) => Ok(()),
        (Stage::Limit(_), Held::Left(left)) => {
            *left -= 1;
            pass(stages, held, slots, row, memory)
        }
        (Stage::Sort(order), Held::Rows { rows, next, most }) => {
            let mut key = Vec::new();
            order.write_key(row, &mut key);
            let text = text_of(row);
            let mut grown = signed(ROW_BYTES + key.len() + text.len());
            rows.insert((key, *next), text);
            *next += 1;
            if most.is_some_and(|most| rows.len() > most)
                && let Some(((key, _), text)) = rows.pop_last()
            {
                grown -= signed(ROW_BYTES + key.len() + text.len());
            }
            memory.hold(grown, "$sort")
        }
        (Stage::Group(group), Held::Groups(groups)) => {
            let grown = groups.add(group, row.root(), &mut memory.reader)?;
            memory.hold(grown, "$group")
        }
        _ => pass(stages, held, slots, row, memory),
    }
}
