//! waybill-query.
