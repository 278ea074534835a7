//! waybill-ports.
