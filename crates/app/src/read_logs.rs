//! Reading an org's log.

use crate::manage_keys::assert_admin;
use crate::{Context, Error, Page};
use waybill_domain::{ExportId, LogEntry, LogLevel, Principal};
use waybill_ports::Entity as _;

/// Most lines that are looked at for one page.
const MOST_READ: usize = 5000;
/// Lines read at a time.
const BATCH: usize = 500;

/// Which lines are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The least important level; `None` = all.
    pub level: Option<LogLevel>,
    /// The export whose script wrote them; `None` = any.
    pub export: Option<ExportId>,
    /// The oldest first; the newest otherwise.
    pub ascending: bool,
}

impl LogFilter {
    fn admits(self, entry: &LogEntry) -> bool {
        self.level.is_none_or(|least| entry.level <= least) && self.export.is_none_or(|export| entry.script == export)
    }
}

/// Lines of the log of the caller's org beyond the position `after`. A page may hold fewer than `limit` although there are more behind
/// it: so much is read for one and no more.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_logs(
    context: &Context,
    principal: &Principal,
    filter: LogFilter,
    mut after: Option<String>,
    limit: usize,
) -> Result<Page<LogEntry, String>, Error> {
    assert_admin(principal)?;
    let now = context.now();
    let (mut items, mut read) = (Vec::new(), 0);
    loop {
        let (rows, more) = context.rows().logs(&principal.org, after, !filter.ascending, limit.clamp(1, BATCH)).await?;
        read += rows.len();
        let mut position = None;
        for row in rows {
            if items.len() == limit {
                return Ok(Page { items, next: position });
            }
            position = Some(row.value.key().sk);
            if filter.admits(&row.value) && now < row.value.expires_at() {
                items.push(row.value);
            }
        }
        let next = position.filter(|_| more);
        if next.is_none() || items.len() >= limit || read >= MOST_READ {
            return Ok(Page { items, next });
        }
        after = next;
    }
}
