//! The exporter: an SQS message says which org's lane has something to do, and one invocation advances it by one step.

mod config;
mod handler;

pub use config::Config;
pub use handler::{Deps, handle};
pub use waybill_app::StepSettings;
