//! Arguments of the query.

use crate::error::ApiError;
use waybill_http::QueryArguments;

/// What a reply is to embed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expand {
    /// The file.
    pub(crate) file: bool,
    /// Who asked for it.
    pub(crate) user: bool,
}

impl Expand {
    /// Reads `expand`: names with commas between.
    ///
    /// # Errors
    /// A name that nothing is embedded for.
    pub(crate) fn of(query: &QueryArguments) -> Result<Self, ApiError> {
        let mut expand = Self::default();
        let names = query.one("expand")?.unwrap_or_default().split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            match name {
                "file" => expand.file = true,
                "user" => expand.user = true,
                _ => return Err(ApiError::invalid_field("expand", "names `file` and `user`, with a comma between")),
            }
        }
        Ok(expand)
    }

    /// Whether anything is asked for.
    pub(crate) fn any(self) -> bool {
        self.file || self.user
    }
}
