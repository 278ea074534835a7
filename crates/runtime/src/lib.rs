//! waybill-runtime.
