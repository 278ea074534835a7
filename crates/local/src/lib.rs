//! Waybill's embedded stack: every function of a deployment in one process on one machine, over embedded stand-ins for
//! the AWS services, which the official SDK clients reach over loopback.

mod api;
mod clients;
mod clock;
mod data_folder;
mod demo;
mod emulators;
mod functions;
mod gateway;
mod info;
mod invocations;
mod keys;
mod listener;
mod options;
mod poller;
mod running;
mod services;
mod stack;
#[cfg(test)]
mod tests;
mod ticks;

/// Runs one script that comes on the standard input: for a program that [`Options::script_program`] names.
pub use after_script::serve_script;
/// What a [`Tuning`] is made of.
pub use cortex_api::{Origins, Passwords};
pub use delivery::Backoff;
pub use demo::Loading;
pub use info::{AwsInfo, SignaturePair, StackInfo};
pub use options::{DataFolder, Options, Tuning};
pub use stack::Stack;
