//! What is sent and read on this surface.

pub(crate) mod job;
pub(crate) mod job_body;
pub(crate) mod login;
pub(crate) mod run;
