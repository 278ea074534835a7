//! What a caller may do with a record.

use waybill_domain::{Collection, Principal, Scope, Source};
use waybill_record::Document;

/// May read.
const READ: u8 = 4;
/// May also change and delete: what an owner gets.
const DELETE: u8 = 7;

/// The caller's access level on a record; `None` when it is none of the caller's business whether there is one.
pub fn level(principal: &Principal, collection: &Collection, record: &Document<'_>) -> Option<u8> {
    if principal.is_admin() {
        return Some(DELETE);
    }
    let own = principal.account.to_string();
    let is_own = |member: &str| {
        let text = record.root().get(member).and_then(|value| value.text());
        text.is_some_and(|text| text.decoded().eq_ignore_ascii_case(&own))
    };
    if collection.source == Source::Accounts {
        return is_own("_id").then_some(READ);
    }
    if is_own("owner") {
        return Some(DELETE);
    }
    principal.has(Scope::RecordsRead).then_some(READ)
}
