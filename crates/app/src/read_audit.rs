//! Reading an org's audit trail.

use crate::manage_keys::assert_admin;
use crate::{Context, Error, Page};
use waybill_domain::{AuditEntry, Principal};
use waybill_ports::Entity as _;

/// Entries of the caller's org beyond the position `after`, newest first.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_audit(
    context: &Context,
    principal: &Principal,
    after: Option<String>,
    limit: usize,
) -> Result<Page<AuditEntry, String>, Error> {
    assert_admin(principal)?;
    let (entries, more) = context.rows().audit(&principal.org, after, limit).await?;
    Ok(Page::of(entries, more, |entry| entry.key().sk))
}
