//! Objects in S3: conditional creation, uploads in parts, and links that expire.

mod disposition;
mod store;

pub use store::{Encryption, S3ArchiveStore};
