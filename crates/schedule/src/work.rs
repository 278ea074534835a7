//! What a search may cost: counted in things looked at, so that the same question ends the same everywhere.

/// How much is looked at for one instant, those counted before it among it: days, times of a day, periods. More than the
/// days of 400 years, after which the calendar repeats itself: what no day of them holds is never due.
const SEARCH_WORK: u32 = 400_000;

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Work {
    left: u32,
}

impl Work {
    /// All of it.
    pub(crate) fn new() -> Self {
        Self { left: SEARCH_WORK }
    }

    /// Looks at one more thing; `None` when that is one too many.
    pub(crate) fn look(&mut self) -> Option<()> {
        self.left = self.left.saturating_sub(1);
        (self.left > 0).then_some(())
    }

    /// Whether the search was given up.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Begins the search for another instant.
    pub(crate) fn refill(&mut self) {
        self.left = SEARCH_WORK;
    }
}
