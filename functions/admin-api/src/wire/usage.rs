//! Storage on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_app::UsageView;
use waybill_domain::{Timestamp, UsageDay};

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
    /// The last 31 days, or those since the org was made; the newest last.
    days: Vec<UsageDayWire>,
}

/// How much of the storage was taken on a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageDay)]
struct UsageDayWire {
    /// The day, in UTC: `2026-11-21`.
    #[schema(format = Date)]
    date: String,
    /// Bytes of the archives and files that existed when it was over, or exist now.
    #[serde(rename = "usedBytes")]
    used: u64,
    /// Bytes that were reserved when it was over, or are now.
    #[serde(rename = "reservedBytes")]
    reserved: u64,
    /// Most bytes, used and reserved together, at any time of it.
    #[serde(rename = "mostBytes")]
    most: u64,
}

impl From<UsageDay> for UsageDayWire {
    fn from(day: UsageDay) -> Self {
        let instant = Timestamp::from_millis(day.day.saturating_mul(24 * 60 * 60 * 1000)).to_string();
        let date = instant.split_once('T').map(|(date, _)| date.to_owned()).unwrap_or(instant);
        Self { date, used: day.used_bytes, reserved: day.reserved_bytes, most: day.most_bytes }
    }
}

impl From<UsageView> for UsageWire {
    fn from(view: UsageView) -> Self {
        Self {
            used: view.usage.used_bytes,
            reserved: view.usage.reserved_bytes,
            quota: view.quota_bytes,
            days: view.days.into_iter().map(Into::into).collect(),
        }
    }
}
