//! Every destination against a server of its kind, and every way in which one lets a delivery down.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod azurite;
mod blobs;
mod buckets;
mod canned;
mod parcels;
mod servers_of_s3;
mod sftp;
mod sshd;
mod webhooks;
