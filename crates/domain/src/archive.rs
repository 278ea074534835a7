//! Finished archives and the segments that they are assembled from.

use crate::Packaging;
use serde::{Deserialize, Serialize};

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveEntry {
    /// Name inside the zip.
    pub name: String,
    /// Offset of its local header from the archive's first byte.
    pub offset: u64,
    /// Plain size in bytes.
    pub size_bytes: u64,
    /// Size in the archive in bytes.
    pub compressed_bytes: u64,
    /// CRC-32 of the plain bytes.
    pub crc32: u32,
    /// SHA-256 of the plain bytes, hex.
    pub sha256: String,
}

/// One immutable piece of an archive under way: a complete object in `work/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Object key.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// A finished archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Object key; never used for anything else.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive, hex.
    pub sha256: String,
    /// What is in it, in order.
    pub entries: Vec<ArchiveEntry>,
    /// The file that was made of its records alone.
    #[serde(default)]
    pub packaged: Option<PackagedFile>,
}

impl Archive {
    /// The file that is downloaded in its place; `None` = the archive itself.
    pub fn download_file(&self) -> Option<&PackagedFile> {
        self.packaged.as_ref().filter(|file| !file.is_for_delivery)
    }

    /// What it takes of its org's storage.
    pub fn held_bytes(&self) -> u64 {
        self.packaged.as_ref().map_or(0, |file| file.size_bytes).saturating_add(self.size_bytes)
    }
}

/// The file of records by itself, made of the archive's own bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagedFile {
    /// Whether it is gzip.
    pub packaging: Packaging,
    /// Object key; never used for anything else.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Whether it is made for destinations alone, and a download is the archive.
    #[serde(default)]
    pub is_for_delivery: bool,
}

/// How the file of records is made, and how far that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagingRecord {
    /// Where the body of the archive's first entry begins, in bytes.
    pub data_offset: u64,
    /// Deflated and plain offsets in it behind which nothing refers to what is before, at most 512.
    pub restarts: Vec<(u64, u64)>,
    /// SHA-256 of the entry as gzip, hex, where that is asked for.
    pub gzip_sha256: Option<String>,
    /// Key of the checkpoint of inflating it.
    pub checkpoint: Option<String>,
    /// What is to appear: written before it does, so that whoever comes next finishes the same one.
    pub file: Option<PackagedFile>,
    /// Its bytes, in order, where they lie in objects of their own.
    pub segments: Vec<Segment>,
}

/// Everything that is needed to make an archive appear: written before it does, so that whoever comes next finishes the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishRecord {
    /// The archive to be.
    pub archive: Archive,
    /// Its bytes, in order.
    pub segments: Vec<Segment>,
    /// Records in it.
    pub records: u64,
    /// How many of each collection, where each has an entry of its own.
    #[serde(default)]
    pub by_collection: Vec<u64>,
    /// Files of records in it.
    #[serde(default)]
    pub files: u64,
    /// Their plain bytes.
    #[serde(default)]
    pub file_bytes: u64,
    /// Files that records name and that are not in it, or not whole.
    #[serde(default)]
    pub missing_files: u64,
    /// How the file of records is made of it, where that is what is downloaded.
    #[serde(default)]
    pub packaging: Option<PackagingRecord>,
}
