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
    /// Where it is, below org and version, where it is a list of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl List {
    pub(crate) fn new(data: Vec<Value>, has_more: bool) -> Self {
        Self { object: "list", data, has_more, path: None }
    }

    /// The same, of an object.
    #[must_use]
    pub(crate) fn at(self, path: Option<String>) -> Self {
        Self { path, ..self }
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
