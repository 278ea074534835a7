//! Who asked for an export, as far as whoever may read the export may know of them.

use crate::window_exports::{ExportWindow, window_exports_as_created};
use crate::{Context, Error};
use waybill_domain::{Account, AccountId, AccountName, Export, Principal, Surface};

/// Most exports that are looked at.
const ALL: usize = 1_000_000;

/// Who asked for an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Requester {
    /// Their account.
    pub id: AccountId,
    /// Their name.
    pub name: AccountName,
    /// All of the account; `None` where the caller may not see that.
    pub account: Option<Account>,
}

/// The account with that id: to administrators and to itself all of it, to other members id and name, once it asked for an export that
/// they may read, made through `surface` (`None` = any).
///
/// # Errors
/// `NotFound` otherwise, whatever the reason; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_requester(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: AccountId,
) -> Result<Requester, Error> {
    let nobody = || Error::NotFound { kind: "account", id: id.to_string() };
    if !sees_all_of(principal, id) {
        let all = ExportWindow { after: None, before: None, skip: 0, limit: ALL };
        let (exports, _) = window_exports_as_created(context, principal, surface, all, true).await?;
        if !exports.iter().any(|export| export.creator == id) {
            return Err(nobody());
        }
    }
    known(context, principal, id).await?.ok_or_else(nobody)
}

/// Who asked for `export`, which the caller has read; `None` = the account is gone.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn requester_of(
    context: &Context,
    principal: &Principal,
    export: &Export,
) -> Result<Option<Requester>, Error> {
    known(context, principal, export.creator).await
}

fn sees_all_of(principal: &Principal, id: AccountId) -> bool {
    principal.is_admin() || id == principal.account
}

async fn known(context: &Context, principal: &Principal, id: AccountId) -> Result<Option<Requester>, Error> {
    let account = context.rows().account(&principal.org, id).await?;
    Ok(account.map(|stored| Requester {
        id,
        name: stored.value.name.clone(),
        account: sees_all_of(principal, id).then_some(stored.value),
    }))
}
