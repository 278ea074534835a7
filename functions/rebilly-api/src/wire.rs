//! What is sent and read on this surface.

pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod data_export;
pub(crate) mod file;
pub(crate) mod organization_export;
pub(crate) mod user;

use crate::names::export_name;
use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::ExportId;

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Link {
    /// What it is: `self`, `user`, `download` or `signedLink`; of a file `permalink`, too.
    rel: &'static str,
    /// Where.
    href: String,
}

impl Link {
    pub(crate) fn new(rel: &'static str, href: String) -> Self {
        Self { rel, href }
    }
}

/// Where links begin: scheme, host and the caller's org.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `https://waybill.example`.
    pub(crate) base: String,
    /// The org's code.
    pub(crate) org: String,
}

impl Place {
    /// Of a data export. The form that the product's current client uses.
    pub(crate) fn of_export(&self, name: &str) -> String {
        format!("{}/experimental/organizations/{}/data-exports/{name}", self.base, self.org)
    }

    /// Of an export of the whole organization. The form that the product's current client uses.
    pub(crate) fn of_organization_export(&self, id: ExportId) -> String {
        format!("{}/organizations/{}/organization-exports/{}", self.base, self.org, export_name(id))
    }

    /// Of a user.
    pub(crate) fn of_user(&self, name: &str) -> String {
        format!("{}/users/{name}", self.base)
    }

    /// Of a file.
    pub(crate) fn of_file(&self, name: &str) -> String {
        format!("{}/files/{name}", self.base)
    }

    /// Of a file's bytes.
    pub(crate) fn of_download(&self, name: &str) -> String {
        format!("{}/files/{name}/download", self.base)
    }
}
