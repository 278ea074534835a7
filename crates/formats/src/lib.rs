//! waybill-formats.
