//! waybill-http.
