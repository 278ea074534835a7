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

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn records_are_paged_through_each_exactly_once() {
        let stage = Stage::new().await;
        stage.define().await;
        let lines: Vec<String> = (0..100).map(|score| format!("{{\"score\":{score}}}")).collect();
        let path = "/v1/collections/visits/records";
        stage.send("POST", path, &stage.admin, &lines.join("\n")).await;
        let (mut seen, mut next) = (std::collections::BTreeSet::new(), String::new());
        loop {
            let page = stage.send("GET", &format!("{path}?limit=7{next}"), &stage.admin, "").await.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 7);
            for item in items {
                assert!(seen.insert(item["_id"].as_str().unwrap().to_owned()));
            }
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 100);
        assert_eq!(stage.send("GET", path, &stage.member, "").await.status, 403);
        // A cursor of one collection is none of another.
        let page = stage.send("GET", &format!("{path}?limit=7"), &stage.admin, "").await;
        let foreign = format!("/v1/collections/sites/records?cursor={}", page.text_at("/next"));
        insta::assert_snapshot!(stage.send("GET", &foreign, &stage.admin, "").await.shown());
    }

    #[tokio::test]
    async fn a_page_of_large_records_is_cut_to_what_can_be_sent() {
        let stage = Stage::new().await;
        stage.define().await;
        let path = "/v1/collections/visits/records";
        let line = format!("{{\"notes\":\"{}\"}}\n", "x".repeat(300 * 1024));
        for _ in 0..3 {
            assert_eq!(stage.send("POST", path, &stage.admin, &line.repeat(10)).await.status, 200);
        }
        let (mut count, mut next) = (0, String::new());
        loop {
            let page = stage.send("GET", &format!("{path}?limit=1000{next}"), &stage.admin, "").await;
            assert!(page.text.len() < 5 * 1024 * 1024);
            let page = page.json();
            let items = page["items"].as_array().unwrap().len();
            assert!(items > 0);
            count += items;
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(count, 30);
    }
}
