//! Storage on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_app::UsageView;

/// An org's storage against its quota.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageWire {
    /// Bytes of the archives and files that exist.
    #[serde(rename = "usedBytes")]
    used: u64,
    /// Bytes that running exports and files on their way have reserved.
    #[serde(rename = "reservedBytes")]
    reserved: u64,
    /// Most bytes together; `null` = unlimited.
    #[serde(rename = "quotaBytes")]
    #[schema(required)]
    quota: Option<u64>,
}

impl From<UsageView> for UsageWire {
    fn from(view: UsageView) -> Self {
        Self { used: view.usage.used_bytes, reserved: view.usage.reserved_bytes, quota: view.quota_bytes }
    }
}
