//! The formats in which records are written.

use serde::{Deserialize, Serialize};

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// RFC 4180 with a header of dot paths.
    Csv,
    /// RFC 4180 with a header of slash paths: nested objects flattened, one line for each item of an array.
    DetailedCsv,
    /// One XML document, an element for each record.
    Xml,
    /// One JSON array of JSON:API resource objects.
    JsonApi,
    /// A PDF document for each record.
    Pdf,
}

impl Format {
    /// The extension of a file of this format, without the dot.
    pub fn file_extension(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Json | Format::JsonApi => "json",
            Format::Csv | Format::DetailedCsv => "csv",
            Format::Xml => "xml",
            Format::Pdf => "pdf",
        }
    }

    /// Whether it makes a file of each record ([`crate::documents`]) instead of one of all.
    pub fn makes_documents(self) -> bool {
        matches!(self, Format::Pdf)
    }

    /// The media type of a file of this format.
    pub fn mime(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            // An array of resource objects is no document of `application/vnd.api+json`.
            Format::Json | Format::JsonApi => "application/json",
            Format::Csv | Format::DetailedCsv => "text/csv",
            Format::Xml => "application/xml",
            Format::Pdf => "application/pdf",
        }
    }
}
