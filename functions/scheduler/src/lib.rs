//! The scheduler: every minute it lets in what was scheduled and whose time has come, and decides the slots of jobs.

mod config;
mod handler;

pub use config::Config;
pub use handler::{Deps, handle};
