//! The wire types of this surface: what is sent, and how what comes in is read.

pub(crate) mod access;
pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod create;
pub(crate) mod definition;
pub(crate) mod envelope;
pub(crate) mod export;
pub(crate) mod log;
pub(crate) mod object;
pub(crate) mod script;
