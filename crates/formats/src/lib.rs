//! Encoders: records in, the bytes of a file out.
//!
//! A [`Selection`] says which parts of a record go out and in which order; an [`Encoder`] writes them in a [`Format`].
//! A page's bytes depend on its own records only: what stands before the first page, between two pages and behind the
//! last one are constants ([`Encoder::prologue`], [`Encoder::separator`], [`Encoder::epilogue`]).

mod csv;
mod encoder;
mod format;
mod json;
mod keys;
mod selection;

pub use encoder::{Encoder, Scratch};
pub use format::Format;
pub use selection::{Selection, SelectionError};

#[cfg(test)]
mod encoder_tests;
