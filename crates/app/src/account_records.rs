//! Accounts as records of the built-in collection `accounts`.

use crate::Context;
use bytes::Bytes;
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use serde_json::json;
use waybill_domain::{Account, AccountId, OrgCode, RecordId};
use waybill_ports::{PageCursor, PortError, PortErrorKind, RecordPage, StoredRecord};
use waybill_record::{Page, stored};

/// Accounts of a page.
const PAGE: usize = 100;
/// Accounts that are read side by side.
const READS: usize = 8;

/// An account as the JSON of a record.
pub(crate) fn account_text(account: &Account) -> Bytes {
    let roles: Vec<String> = account.role_names().into_iter().map(String::from).collect();
    let mut record = json!({
        "_id": account.id.to_string(),
        "created": account.created_at.to_string(),
        "owner": account.id.to_string(),
        "name": {"first": account.name.first, "last": account.name.last},
        "roles": roles,
    });
    if let Some(email) = &account.email {
        record["email"] = json!(email.as_str());
    }
    record.to_string().into()
}

/// Accounts beyond `from` in the order of their ids.
pub(crate) async fn account_page(
    context: &Context,
    org: &OrgCode,
    from: Option<&PageCursor>,
    limit: Option<u32>,
) -> Result<RecordPage, PortError> {
    let after: Option<AccountId> = from.map(|cursor| cursor.0.parse().map_err(|_| no_cursor())).transpose()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let (accounts, more) = context.rows().accounts(org, after, limit).await?;
    let next = accounts.last().filter(|_| more).map(|last| PageCursor(last.value.id.to_string()));
    let records = accounts.iter().map(|account| stored::encode(&account_text(&account.value)).into());
    Ok(RecordPage { page: Page::stored(records.collect()), next })
}

fn no_cursor() -> PortError {
    PortError::new(PortErrorKind::Rejected { reason: "not a cursor".to_owned() }, "reading accounts")
}

/// The accounts with these ids as stored records, in their order; `None` for those that are not there.
pub(crate) async fn accounts_by_id(
    context: &Context,
    org: &OrgCode,
    ids: &[RecordId],
) -> Result<Vec<Option<StoredRecord>>, PortError> {
    let reads = ids.iter().map(|id| async move {
        let Ok(account) = id.to_string().parse() else { return Ok(None) };
        let account = context.rows().account(org, account).await?;
        Ok(account
            .map(|account| StoredRecord { id: *id, stored: stored::encode(&account_text(&account.value)).into() }))
    });
    iter(reads.collect::<Vec<_>>()).buffered(READS).try_collect().await
}
