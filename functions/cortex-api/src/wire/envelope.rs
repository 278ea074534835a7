//! The envelopes of lists and of single values.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    /// `list`.
    object: &'static str,
    /// Its elements.
    data: Vec<Value>,
    /// Whether there are more beyond them.
    has_more: bool,
}

impl List {
    pub(crate) fn new(data: Vec<Value>, has_more: bool) -> Self {
        Self { object: "list", data, has_more }
    }
}

/// One value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultBody {
    /// `result`.
    object: &'static str,
    /// The value; `true` when something was done.
    data: Value,
}

impl ResultBody {
    pub(crate) fn new(data: Value) -> Self {
        Self { object: "result", data }
    }
}
