//! waybill-domain.
