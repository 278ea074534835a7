//! Deliveries: an SQS message says which one waits, and one invocation sends as much of it as its time allows.

mod config;
mod handler;
mod mail;
mod wire;

pub use config::Config;
pub use handler::{Deps, handle};
pub use mail::MailService;
pub use waybill_app::DeliverySettings;
pub use waybill_destinations::OwnCredentials;
pub use waybill_domain::Backoff;
pub use waybill_outgoing::AllowList;
