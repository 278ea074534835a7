//! How many changes an org may still ask for: counted in windows of ten minutes.

use crate::{OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a window is.
const WINDOW: Duration = Duration::from_mins(10);

/// Changes that an org asked for since the window began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeWindow {
    /// The org.
    pub org: OrgCode,
    /// When it began.
    pub began_at: Timestamp,
    /// How many there were.
    pub changes: u32,
}

impl ChangeWindow {
    /// The window after one more change at `now`: the one of `before`, or the next when that is over.
    pub fn count(before: Option<&Self>, org: &OrgCode, now: Timestamp) -> Self {
        match before.filter(|window| now < window.ends_at()) {
            Some(window) => Self { changes: window.changes.saturating_add(1), ..window.clone() },
            None => Self { org: org.clone(), began_at: now, changes: 1 },
        }
    }

    /// When everything may be asked for again.
    pub fn ends_at(&self) -> Timestamp {
        self.began_at.after(WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_until_ten_minutes_are_over() {
        let org: OrgCode = "demo".parse().unwrap();
        let at = |secs: i64| Timestamp::from_millis(secs * 1000);
        let first = ChangeWindow::count(None, &org, at(0));
        let second = ChangeWindow::count(Some(&first), &org, at(599));
        assert_eq!((second.changes, second.ends_at()), (2, at(600)));
        let third = ChangeWindow::count(Some(&second), &org, at(600));
        assert_eq!((third.changes, third.began_at), (1, at(600)));
    }
}
