//! What is sent and read, as JSON.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod collection;
pub(crate) mod delivery;
pub(crate) mod destination;
pub(crate) mod dimension;
pub(crate) mod export;
pub(crate) mod export_body;
pub(crate) mod file;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod org;
pub(crate) mod record;
pub(crate) mod schedule;
pub(crate) mod script;
pub(crate) mod series;
pub(crate) mod usage;
pub(crate) mod webhook;

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// What is on the page.
    items: Vec<T>,
    /// The `cursor` of the next page; `null` after the last.
    #[schema(required)]
    next: Option<String>,
}

impl<T: ToSchema> List<T> {
    /// A page.
    pub(crate) fn new(items: impl IntoIterator<Item = T>, next: Option<String>) -> Self {
        Self { items: items.into_iter().collect(), next }
    }
}
