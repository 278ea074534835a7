//! Rows of collection definitions.

use super::{Entity, org_key};
use crate::RowKey;
use waybill_domain::{Collection, CollectionName, OrgCode};

/// Prefix of collection rows.
pub(crate) const COLLECTION: &str = "COLLECTION#";

pub(crate) fn collection_key(org: &OrgCode, name: &CollectionName) -> RowKey {
    org_key(org, format!("{COLLECTION}{name}"))
}

impl Entity for Collection {
    fn key(&self) -> RowKey {
        collection_key(&self.org, &self.name)
    }
}
