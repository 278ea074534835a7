//! The documents that are exported: paths into them, the types of their properties, and how their bytes are read.
//!
//! A record is one JSON object, taken as bytes. [`Tape::scan`] reads it once, checks all of it and remembers where
//! each value lies; [`Document`] and [`Value`] are views on that: strings still escaped, numbers verbatim, no tree.
//! [`stored`] is the form in which a record lies in a table; a [`Page`] is what a source gives, and is read in [`Chunk`]s.

mod document;
mod item;
mod page;
mod path;
mod property_type;
mod reply;
mod scan;
mod sight;
pub mod stored;
mod text;
mod wire;

pub use document::{Document, Elements, Handle, Kind, Members, Value};
pub use item::{AttributeForm, ItemError, ItemForm};
pub use page::{Chunk, Page, PageReader, ReadError, Texts};
pub use path::{Path, PathError};
pub use property_type::PropertyType;
pub use reply::{Reply, ReplyError};
pub use scan::{MAX_DEPTH, MAX_TEXT_BYTES, ScanError, Tape};
pub use sight::{Looking, Seen, Sight};
pub use text::Text;

#[cfg(test)]
extern crate self as waybill_record;
#[cfg(test)]
mod reply_tests;
#[cfg(test)]
mod scan_agreement;
#[cfg(test)]
mod scan_tests;
