//! The file of a completed export.

use super::{Link, Place};
use crate::names::file_name;
use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::Export;

/// Characters of a name that some system takes for something else.
const UNSAFE: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = File)]
pub(crate) struct FileWire {
    /// Its id.
    id: String,
    /// Its name: the export's, with the ending.
    name: String,
    /// The ending, without the dot.
    extension: String,
    /// Empty: nobody describes it.
    description: &'static str,
    /// `data-export` or `organization-export`.
    source_type: &'static str,
    /// None.
    tags: Vec<String>,
    /// Its media type.
    mime: &'static str,
    /// Its size in bytes.
    size: u64,
    /// Not computed; see `sha256`.
    sha1: Option<String>,
    /// Its SHA-256, hex.
    sha256: String,
    /// When it was made.
    created_time: String,
    /// The same: it never changes.
    updated_time: String,
    /// `false`.
    is_public: bool,
    /// Where it is.
    #[serde(rename = "_links")]
    links: Vec<Link>,
}

impl FileWire {
    /// The file of an export; `None` while it has none. `signed` is a link that needs no credential.
    pub(crate) fn new(export: &Export, place: &Place, signed: Option<String>) -> Option<Self> {
        let (archive, made_at) = (export.archive()?, export.finished_at()?.to_string());
        let (size, sha256) = match archive.download_file() {
            Some(file) => (file.size_bytes, file.sha256.clone()),
            None => (archive.size_bytes, archive.sha256.clone()),
        };
        let id = file_name(export.id);
        let mut links = vec![
            Link::new("self", place.of_file(&id)),
            Link::new("download", place.of_download(&id)),
            // The one that stays good as long as there is the file, for whoever shows a credential.
            Link::new("permalink", place.of_download(&id)),
        ];
        links.extend(signed.map(|href| Link::new("signedLink", href)));
        Some(Self {
            name: saved_as(export),
            extension: export.download_ending(),
            description: "",
            source_type: if export.is_of_everything() { "organization-export" } else { "data-export" },
            tags: Vec::new(),
            mime: export.download_type(),
            size,
            sha1: None,
            sha256,
            created_time: made_at.clone(),
            updated_time: made_at,
            is_public: false,
            links,
            id,
        })
    }
}

/// The name under which a client saves the file: the export's, as every system takes it; of the whole organization `demo-2026-11-22.zip`.
pub(crate) fn saved_as(export: &Export) -> String {
    if export.is_of_everything() {
        let day: String = export.created_at.to_string().chars().take(10).collect();
        return format!("{}-{day}.{}", export.org, export.download_ending());
    }
    let label = export.label.as_deref().unwrap_or_default();
    let plain: String = label.chars().map(|c| if c.is_control() || UNSAFE.contains(&c) { '-' } else { c }).collect();
    let plain = plain.trim().trim_matches('.');
    let stem = if plain.is_empty() { export.collection.as_str() } else { plain };
    format!("{stem}.{}", export.download_ending())
}
