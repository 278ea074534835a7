//! What is sent and read on this surface.

pub(crate) mod job;
pub(crate) mod login;
pub(crate) mod run;
