//! waybill-archive.
