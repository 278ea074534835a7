//! Aggregation: records through stages, each of which drops, reshapes, orders, counts off or gathers them.
//!
//! Stages: `$match` (a condition, as `where`), `$project`, `$sort`, `$skip`, `$limit`, `$group`. Accumulators of
//! `$group`: `$sum $avg $min $max $first $last $push $addToSet $count`. Expressions: `"$path"`, `"$$ROOT"`, constants,
//! arrays and documents of expressions, and the functions of [`Function`]. Everything else is refused by name.
//!
//! What differs from the database whose notation this is: sums are exact and averages have 34 digits; values are grouped
//! and compared as the definition types them (instants, ids, numbers by value); groups come in the order of their `_id`,
//! and so do the elements of a set; a function of what it does not apply to is `null`.

mod course;
mod evaluation;
mod expression;
mod group;
mod parse;
mod projection;
mod schema;

pub use course::{Course, Window};
pub use evaluation::{Evaluation, Flow, PipelineFault, Reshaper, SavedEvaluation};
pub use expression::{Expression, Function};
pub use group::{Accumulate, Accumulator, Group};
pub use parse::{MAX_FIELDS, MAX_STAGES, PipelineError};
pub use projection::{Member, Projection, What};
pub use schema::{Field, FieldKind, Source};

use crate::{Filter, SortOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use waybill_record::Path;

/// A pipeline that was read and typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    stages: Vec<Stage>,
    /// What rows look like that come out; `None` = like the records that go in.
    output: Option<Vec<Field>>,
    /// What it reads of the records that go in.
    reads: Vec<Path>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Lets pass what meets the condition.
    Match(Filter),
    /// Gives each row another form.
    Project(Projection),
    /// Puts rows in order; equal ones by `_id`, then as they came.
    Sort(SortOrder),
    /// Drops the first rows.
    Skip(u64),
    /// Lets pass no more than so many rows.
    Limit(u64),
    /// Gathers rows.
    Group(Group),
}

impl Stage {
    /// Its operator.
    pub fn operator(&self) -> &'static str {
        match self {
            Self::Match(_) => "$match",
            Self::Project(_) => "$project",
            Self::Sort(_) => "$sort",
            Self::Skip(_) => "$skip",
            Self::Limit(_) => "$limit",
            Self::Group(_) => "$group",
        }
    }

    /// Whether it looks at one row alone.
    fn is_single(&self) -> bool {
        matches!(self, Self::Match(_) | Self::Project(_))
    }
}

impl Pipeline {
    /// Reads a pipeline: an array of objects with one operator each.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(request: &Json, source: &Source<'_>) -> Result<Self, PipelineError> {
        parse::parse(request, source)
    }

    /// Its stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The form of the rows that come out, in the order of their fields; `None` = that of the records that go in.
    pub fn output(&self) -> Option<&[Field]> {
        self.output.as_deref()
    }

    /// The paths that it reads of the records that go in.
    pub fn reads(&self) -> &[Path] {
        &self.reads
    }

    /// Takes out the conditions that stand before every other stage: what a source can be asked for.
    pub fn take_leading_matches(&mut self) -> Vec<Filter> {
        let count = self.stages.iter().take_while(|stage| matches!(stage, Stage::Match(_))).count();
        let taken = self.stages.drain(..count);
        taken.filter_map(|stage| if let Stage::Match(filter) = stage { Some(filter) } else { None }).collect()
    }

    /// Drops those of the conditions that stand before every other stage for which `is_dropped` answers so, asked with the place of
    /// each: somebody else sees to them.
    pub fn drop_leading_matches(&mut self, mut is_dropped: impl FnMut(usize) -> bool) {
        let count = self.stages.iter().take_while(|stage| matches!(stage, Stage::Match(_))).count();
        let mut place = 0;
        self.stages.retain(|_| {
            place += 1;
            place > count || !is_dropped(place - 1)
        });
    }

    /// What it does, in the order in which an export does it.
    pub fn course(&self) -> Course {
        Course::of(&self.stages)
    }

    /// Begins to evaluate it, to be fed record by record; what is held in memory stays below `limit_bytes`.
    pub fn evaluation(&self, limit_bytes: usize) -> Evaluation {
        Evaluation::new(self.stages.clone(), limit_bytes)
    }

    /// Evaluates it over records, each a JSON object; the rows that come out are JSON objects without white space.
    ///
    /// # Errors
    /// More than `limit_bytes` had to be held; a record that is no JSON object.
    pub fn evaluate<T: AsRef<[u8]>>(
        &self,
        records: impl IntoIterator<Item = T>,
        limit_bytes: usize,
    ) -> Result<Vec<String>, PipelineFault> {
        let mut evaluation = self.evaluation(limit_bytes);
        for record in records {
            if evaluation.push(record.as_ref())? == Flow::Enough {
                break;
            }
        }
        evaluation.finish()
    }
}
