//! The use cases of Waybill, one verb phrase a file.
//!
//! They decide; ports do. Nothing here knows a technology, a wire format, the time or a random number except through a
//! port. Every change of state is read → transition of the domain → commit conditional on what was read.

mod advance_lane;
mod authenticate;
mod cancel_export;
mod context;
mod create_export;
mod delete_export;
mod download_export;
mod end_export;
mod error;
mod read_export;
mod retry;
mod settle_export;
mod sweep;
mod update_export;
mod window_exports;

pub use advance_lane::{Exporting, StepSettings, Verdict, advance_lane};
pub use authenticate::{OperatorKey, authenticate_key, authenticate_signature};
pub use cancel_export::cancel_export;
pub use context::Context;
pub use create_export::{CreateExport, ExportView, FilterRequest, IdempotentRequest, create_export};
pub use delete_export::delete_export;
pub use download_export::download_export;
pub use error::{Error, FieldError};
pub use read_export::{ExportPage, list_exports, read_export};
pub use sweep::{Sweeping, Swept, sweep};
pub use update_export::{UpdateExport, update_export};
/// The roles that the use cases need filled, for those who fill them or pass them on.
pub use waybill_ports as ports;
pub use window_exports::{ExportWindow, window_exports, window_exports_as_created, with_requests};
