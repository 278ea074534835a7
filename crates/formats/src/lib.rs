//! Encoders: records in, the bytes of a file out.
//!
//! A [`Selection`] says which parts of a record go out and in which order; an [`Encoder`] writes them in a [`Format`],
//! of which some need to know the [`Shape`] that a collection's definition gives its records.
//! A page's bytes depend on its own records only: what stands before the first page, between two pages and behind the
//! last one are constants ([`Encoder::prologue`], [`Encoder::separator`], [`Encoder::epilogue`]).

mod csv;
mod detailed_csv;
mod encoder;
mod format;
mod json;
mod json_api;
mod keys;
mod pdf;
mod selection;
mod shape;
mod xml;
mod xml_name;

pub use encoder::{EncodeError, Encoder, Scratch};
pub use format::Format;
pub use pdf::{DOCUMENT_HEAD_BYTES, RecordDocument, documents};
pub use selection::{Selection, SelectionError};
pub use shape::{Holds, PropertyShape, Shape};

#[cfg(test)]
mod detailed_csv_tests;
#[cfg(test)]
mod encoder_tests;
#[cfg(test)]
mod json_api_tests;
#[cfg(test)]
mod pdf_tests;
#[cfg(test)]
mod xml_tests;
