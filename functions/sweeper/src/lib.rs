//! The sweeper: every minute it does what is due and what was lost on the way.

mod config;
mod handler;

pub use config::Config;
pub use handler::{Deps, handle};
