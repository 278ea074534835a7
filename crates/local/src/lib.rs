//! waybill-local.
