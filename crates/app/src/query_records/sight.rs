//! What a caller sees of the records of a collection.

use waybill_domain::{AccessRules, Collection, Principal, RecordSight, Viewer};

/// The caller's view of records: what access lists grant, whatever scopes a key has.
pub fn sight(principal: &Principal, collection: &Collection) -> RecordSight {
    AccessRules::of(collection).sight(&Viewer::from(principal))
}
