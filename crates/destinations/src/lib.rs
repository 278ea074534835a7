//! Destinations: where finished files are handed to. Each adapter names one technology and fills the role `Destination`.
//!
//! All of them speak through the outgoing guard, which they are given as ports: S3 and Azure Blob Storage through clients
//! whose every request goes through `OutgoingHttp`, webhooks the same way, SFTP over a connection of `OutgoingTcp`. Nothing
//! else connects to anywhere. Requests are repeated by whoever holds the delivery, not here; words of errors are for those
//! who set a destination up, and repeat nothing that a server said but codes that are known.

mod azure_blob;
mod connector;
mod failure;
mod open;
mod parts;
mod s3;
mod sftp;
mod signature;
mod webhook;

pub use open::{Destinations, OwnCredentials};
pub use signature::{sigma_signature, standard_signature};
