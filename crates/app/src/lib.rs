//! The use cases of Waybill, one verb phrase a file.
//!
//! They decide; ports do. Nothing here knows a technology, a wire format, the time or a random number except through a
//! port. Every change of state is read → transition of the domain → commit conditional on what was read.

mod authenticate;
mod context;
mod create_export;
mod error;
mod read_export;
mod retry;

pub use authenticate::{OperatorKey, authenticate_key, authenticate_signature};
pub use context::Context;
pub use create_export::{CreateExport, ExportView, FilterRequest, IdempotentRequest, create_export};
pub use error::{Error, FieldError};
pub use read_export::{ExportPage, list_exports, read_export};
/// The roles that the use cases need filled, for those who fill them or pass them on.
pub use waybill_ports as ports;
