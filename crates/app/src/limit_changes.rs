//! How many changes an org may ask a surface for, told with every reply.

use crate::{Context, Error};
use std::time::Duration;
use waybill_domain::{ChangeWindow, Principal, Timestamp};

/// How often the window is written when others write it at the same time.
const ATTEMPTS: usize = 5;

/// What is left of an org's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeAllowance {
    /// How many there may be in ten minutes.
    pub limit: u32,
    /// How many are left; 0 after the last one.
    pub left: u32,
    /// From when on the limit begins anew.
    pub again_at: Timestamp,
    /// How long until then, where this one was too many.
    pub refused_for: Option<Duration>,
}

/// Counts a change that `principal` asks for, of at most `limit` that its org may in ten minutes; the allowance says whether it was too
/// many. One that cannot be written limits nobody.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`, when what was counted cannot be read.
pub async fn allow_change(context: &Context, principal: &Principal, limit: u32) -> Result<ChangeAllowance, Error> {
    let now = context.now();
    let mut window = None;
    for _ in 0..ATTEMPTS {
        let stored = context.rows().change_window(&principal.org).await?;
        let before = stored.as_ref().map(|stored| &stored.value);
        let counted = ChangeWindow::count(before, &principal.org, now);
        // Who is refused writes nothing, so that asking again costs no more than a read.
        let refused = counted.changes > limit;
        window = Some(counted.clone());
        if refused {
            break;
        }
        let mut transaction = context.transaction();
        transaction.upsert(stored.map(|stored| stored.version), &counted)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => break,
            Err(error) if error.is_conflict() => {}
            Err(error) => {
                tracing::warn!(org = %principal.org, %error, "a change was not counted");
                break;
            }
        }
    }
    let window = window.unwrap_or_else(|| ChangeWindow::count(None, &principal.org, now));
    let again_at = window.ends_at();
    let refused_for = (window.changes > limit).then(|| again_at.since(now));
    Ok(ChangeAllowance { limit, left: limit.saturating_sub(window.changes), again_at, refused_for })
}
