//! Stories of users, on the embedded stack, over HTTP: nothing here knows what is inside.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken story fails the test")]

mod after_scripts;
mod archives;
mod bad_input;
mod data_exports;
mod deliveries;
mod expanded;
mod expiry;
mod export_jobs;
mod failing_destinations;
mod files;
mod formats;
#[path = "../harness/mod.rs"]
mod harness;
mod idempotency;
mod isolation;
mod isolation_matrix;
mod lanes;
mod layouts;
mod limits;
mod lists;
mod operations;
mod organization_exports;
mod parts;
mod pipelines;
mod platform_table;
mod scheduled;
mod seen;
mod signals;
mod signatures;
mod sorted;
mod usage;
