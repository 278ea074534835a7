//! waybill-testkit.
