//! Waybill's embedded stack: every function of a deployment in one process on one machine, over embedded stand-ins for
//! the AWS services, which the official SDK clients reach over loopback.

mod clients;
mod clock;
mod data_folder;
mod emulators;
mod gateway;
mod info;
mod invocations;
mod listener;
mod options;
mod poller;
mod running;
mod services;
#[cfg(test)]
mod tests;
mod ticks;

pub use info::{AwsInfo, SignaturePair, StackInfo};
pub use options::{DataFolder, Options, Tuning};
