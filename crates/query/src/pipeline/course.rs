//! A pipeline taken apart by what each of its stages needs: one record, an order, a count, or memory.

use super::Stage;
use crate::SortOrder;

/// What an export does, one after the other.
///
/// A `$sort` that comes before every `$skip`, `$limit` and `$group` puts any number of records in order, in the store.
/// From the first `$group` on, from a second `$sort`, or from a `$match` behind `$skip` or `$limit`, rows are held in
/// memory, up to a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// `$match` and `$project` before anything is ordered.
    pub before: Vec<Stage>,
    /// The order of any number of records.
    pub order: Option<SortOrder>,
    /// `$match` and `$project` behind that; none without an order.
    pub after: Vec<Stage>,
    /// Which of the records in that order go on; everything, where there is a `rest`.
    pub window: Window,
    /// What is done in memory.
    pub rest: Vec<Stage>,
}

/// A stretch of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// How many are left out at the beginning.
    pub skip: u64,
    /// How many follow at most.
    pub limit: Option<u64>,
}

impl Window {
    /// Whether every row goes on.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Which of the `count` rows behind the first `passed` go on: how many of them are left out at their beginning, and how many
    /// follow.
    pub fn of(&self, passed: u64, count: u64) -> (u64, u64) {
        let skipped = self.skip.saturating_sub(passed).min(count);
        let end = self.end().map_or(count, |end| end.saturating_sub(passed).min(count));
        (skipped, end.saturating_sub(skipped))
    }

    /// How many rows there are up to its end.
    pub fn end(&self) -> Option<u64> {
        self.limit.map(|limit| self.skip.saturating_add(limit))
    }

    fn narrow(&mut self, stage: &Stage) -> bool {
        match stage {
            Stage::Skip(count) => {
                self.skip = self.skip.saturating_add(*count);
                self.limit = self.limit.map(|limit| limit.saturating_sub(*count));
            }
            Stage::Limit(count) => self.limit = Some(self.limit.map_or(*count, |limit| limit.min(*count))),
            _ => return false,
        }
        true
    }
}

impl Course {
    pub(super) fn of(stages: &[Stage]) -> Self {
        let mut course = Self::default();
        let singles = |stages: &[Stage]| stages.iter().take_while(|stage| stage.is_single()).count();
        let (before, mut left) = stages.split_at(singles(stages));
        course.before = before.to_vec();
        if let Some((Stage::Sort(order), behind)) = left.split_first() {
            course.order = Some(order.clone());
            let (after, behind) = behind.split_at(singles(behind));
            course.after = after.to_vec();
            left = behind;
        }
        let mut forms = Vec::new();
        let windowed = left.iter().all(|stage| match stage {
            Stage::Project(_) => {
                forms.push(stage.clone());
                true
            }
            other => course.window.narrow(other),
        });
        if !windowed {
            course.window = Window::default();
            course.rest = left.to_vec();
        } else if course.order.is_some() {
            course.after.append(&mut forms);
        } else {
            course.before.append(&mut forms);
        }
        course
    }
}
