//! One file for each operation.

pub(crate) mod announce_file;
pub(crate) mod cancel_export;
pub(crate) mod change_org;
pub(crate) mod create_export;
pub(crate) mod create_key;
pub(crate) mod create_org;
pub(crate) mod delete_collection;
pub(crate) mod delete_export;
pub(crate) mod delete_record;
pub(crate) mod delete_records;
pub(crate) mod download_export;
pub(crate) mod health;
pub(crate) mod list_audit;
pub(crate) mod list_collections;
pub(crate) mod list_exports;
pub(crate) mod list_keys;
pub(crate) mod list_orgs;
pub(crate) mod list_records;
pub(crate) mod load_records;
pub(crate) mod put_collection;
pub(crate) mod read_collection;
pub(crate) mod read_export;
pub(crate) mod read_record;
pub(crate) mod read_usage;
pub(crate) mod retry_export;
pub(crate) mod revoke_key;
