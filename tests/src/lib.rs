//! waybill-tests.
