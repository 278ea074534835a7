//! The AWS services that the functions call, each on its own loopback listener and spoken to by the official SDKs.

pub(crate) mod dynamodb;
pub(crate) mod file_buckets;
pub(crate) mod kms;
pub(crate) mod s3;
pub(crate) mod ses;
pub(crate) mod sqs;
