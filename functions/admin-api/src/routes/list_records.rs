//! Pages through the records of a collection.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next, part};
use crate::reply::Reply;
use waybill_domain::{CollectionName, Principal};

/// Pages through the records of a collection.
#[utoipa::path(
    get,
    path = "/v1/collections/{name}/records",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page: `{items, next}`, the items as they are kept", body = Object),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_records(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    let name: CollectionName = part("name", name)?;
    let (org, list) = (Some(&principal.org), format!("records:{name}"));
    let paging = call.paging(org, &list)?;
    let records = &*call.deps.records;
    let page = waybill_app::list_records(call.context, records, principal, &name, paging.after, paging.limit).await?;
    let cursor = serde_json::json!(next(org, &list, page.next.as_ref()));
    // Records are JSON already, and stay as they were written.
    let items: Vec<String> = page.items.iter().map(|item| String::from_utf8_lossy(item).into_owned()).collect();
    Reply::ok_text(format!("{{\"items\":[{}],\"next\":{cursor}}}", items.join(",")))
}
