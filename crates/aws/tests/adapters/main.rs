//! The adapters against embedded services, through the official SDK: the same contract suites as the ports in memory,
//! and what only an adapter can get wrong.

mod dynamo_pages;
mod dynamo_records;
mod dynamo_state;
mod kms_vault;
mod listener;
mod s3_archives;
mod s3_service;
mod sqs_queue;
mod system;
