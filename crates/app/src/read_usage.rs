//! Reading what an org uses of its storage.

use crate::manage_keys::assert_admin;
use crate::{Context, Error};
use waybill_domain::{Principal, Usage, UsageDay};

/// An org's storage against its quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageView {
    /// Used and reserved.
    pub usage: Usage,
    /// Most bytes; `None` = unlimited.
    pub quota_bytes: Option<u64>,
    /// The last 31 days of UTC, or those since the org was made: the newest last.
    pub days: Vec<UsageDay>,
}

/// What the caller's org uses now.
///
/// # Errors
/// `Forbidden` for members; `NotFound` when the org is gone; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_usage(context: &Context, principal: &Principal) -> Result<UsageView, Error> {
    assert_admin(principal)?;
    let org = &principal.org;
    let Some(stored) = context.rows().org(org).await? else {
        return Err(Error::NotFound { kind: "org", id: org.to_string() });
    };
    let usage = context.rows().usage(org).await?.map_or_else(|| Usage::empty(org.clone()), |stored| stored.value);
    let days = usage.by_day(stored.value.created_at, context.now());
    Ok(UsageView { usage, days, quota_bytes: stored.value.quota_bytes })
}
