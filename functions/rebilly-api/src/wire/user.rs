//! A user: the account that asked for an export, as far as the caller may know of it.

use super::{Link, Place};
use crate::names::user_name;
use serde::Serialize;
use utoipa::ToSchema;
use waybill_app::Requester;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserWire {
    /// Its id.
    id: String,
    /// Its e-mail address; `null` when it has none, or it is somebody else and the caller no administrator.
    #[schema(required)]
    email: Option<String>,
    /// Its given name.
    first_name: String,
    /// Its family name.
    last_name: String,
    /// `active` or `inactive`; `null` when it is somebody else and the caller no administrator.
    #[schema(required)]
    status: Option<&'static str>,
    /// When it was made; `null` as `status` is.
    #[schema(required, format = DateTime)]
    created_time: Option<String>,
    /// Where it is.
    #[serde(rename = "_links")]
    links: Vec<Link>,
}

impl UserWire {
    pub(crate) fn new(requester: Requester, place: &Place) -> Self {
        let id = user_name(requester.id);
        let account = requester.account.as_ref();
        Self {
            email: account.and_then(|account| account.email.as_ref()).map(|email| email.as_str().to_owned()),
            first_name: requester.name.first,
            last_name: requester.name.last,
            status: account.map(|account| if account.locked { "inactive" } else { "active" }),
            created_time: account.map(|account| account.created_at.to_string()),
            links: vec![Link::new("self", place.of_user(&id))],
            id,
        }
    }
}
