//! waybill-engine.
