//! waybill-app.
