//! What a script sees: its surroundings, the export, the fault that it ended with, the definition.

pub(crate) mod environment;
mod export;
mod fault;
mod schema;
