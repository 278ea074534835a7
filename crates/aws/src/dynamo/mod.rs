//! State and records in `DynamoDB`.

mod batch;
mod commit;
mod item;
mod platform_table;
mod range;
mod raw;
mod record_source;
mod record_store;
pub(crate) mod schema;
mod state_store;

pub use record_store::DynamoRecordStore;
pub use state_store::DynamoStateStore;
