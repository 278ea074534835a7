//! A user: the account that asked for an export.

use super::{Link, Place};
use crate::names::user_name;
use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::Account;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserWire {
    /// Its id.
    id: String,
    /// Its e-mail address.
    email: Option<String>,
    /// Its given name.
    first_name: String,
    /// Its family name.
    last_name: String,
    /// `active` or `inactive`.
    status: &'static str,
    /// When it was made.
    created_time: String,
    /// Where it is.
    #[serde(rename = "_links")]
    links: Vec<Link>,
}

impl UserWire {
    pub(crate) fn new(account: &Account, place: &Place) -> Self {
        let id = user_name(account.id);
        Self {
            email: account.email.as_ref().map(|email| email.as_str().to_owned()),
            first_name: account.name.first.clone(),
            last_name: account.name.last.clone(),
            status: if account.locked { "inactive" } else { "active" },
            created_time: account.created_at.to_string(),
            links: vec![Link::new("self", place.of_user(&id))],
            id,
        }
    }
}
