//! waybill-aws.
