//! Files of records on the wire.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::{AnnounceFile, AnnouncedFile, IdempotentRequest};
use waybill_domain::{CollectionName, RecordId};
use waybill_http::{Members, Problem};

/// Longest name of a file, in characters.
const FILENAME_CHARS: usize = 255;
/// Longest media type, in characters.
const CONTENT_TYPE_CHARS: usize = 127;
/// What a file is where nobody says.
const ANY_TYPE: &str = "application/octet-stream";

/// A file to be uploaded.
#[derive(Debug, ToSchema)]
#[schema(as = AnnounceFile, rename_all = "camelCase")]
pub(crate) struct AnnounceFileBody {
    /// What it is called, at most 255 bytes.
    filename: String,
    /// Its media type; `application/octet-stream` where it is absent.
    #[schema(required = false)]
    content_type: String,
    /// Its size in bytes, at most 5 GiB: the upload has to be as long.
    size_bytes: u64,
}

impl AnnounceFileBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let filename = members.text("filename", FILENAME_CHARS).map(str::to_owned);
        let filename = members.require("filename", filename);
        let content_type = members.text("contentType", CONTENT_TYPE_CHARS).unwrap_or(ANY_TYPE).to_owned();
        let size_bytes = members.whole("sizeBytes");
        let size_bytes = members.require("sizeBytes", size_bytes);
        let problems = members.finish();
        match (filename, size_bytes) {
            (Some(filename), Some(size_bytes)) if problems.is_empty() => {
                Ok(Self { filename, content_type, size_bytes })
            }
            _ => Err(problems),
        }
    }

    /// The command.
    pub(crate) fn command(
        self,
        collection: CollectionName,
        record: RecordId,
        property: &str,
        idempotency: Option<IdempotentRequest>,
    ) -> AnnounceFile {
        AnnounceFile {
            collection,
            record,
            property: property.to_owned(),
            filename: self.filename,
            media_type: self.content_type,
            size_bytes: self.size_bytes,
            idempotency,
        }
    }
}

/// A file whose upload is awaited.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AnnouncedFile)]
pub(crate) struct AnnouncedFileWire {
    /// Its id, 24 hex digits.
    id: String,
    /// The property of the record that names it now.
    property: String,
    /// The value by which the record names it.
    #[schema(value_type = Object)]
    value: Value,
    /// Where its bytes go.
    upload: UploadWire,
}

/// Where the bytes of a file go: one request, once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Upload)]
pub(crate) struct UploadWire {
    /// `PUT`.
    method: &'static str,
    /// The address; whoever has it can upload.
    url: String,
    /// Headers to send with it, as they are here.
    headers: BTreeMap<String, String>,
    /// Until when the upload may begin.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<AnnouncedFile> for AnnouncedFileWire {
    fn from(announced: AnnouncedFile) -> Self {
        let AnnouncedFile { file, value, upload, until } = announced;
        // Clients make this header by themselves from the address.
        let headers = upload.headers.into_iter().filter(|(name, _)| name != "host").collect();
        Self {
            id: file.id.to_string(),
            property: file.property,
            value: serde_json::from_str(&value).unwrap_or_default(),
            upload: UploadWire { method: "PUT", url: upload.url, headers, expires_at: until.to_string() },
        }
    }
}
