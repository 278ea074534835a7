//! Lists access keys, the oldest first, revoked ones included. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::key::KeyWire;
use waybill_domain::Principal;

/// Lists access keys, the oldest first, revoked ones included. For administrators.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<KeyWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_keys(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "keys")?;
    let page = waybill_app::list_keys(call.context, principal, paging.after, paging.limit).await?;
    let cursor = next(org, "keys", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(KeyWire::from), cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn keys_are_listed_without_secrets_and_only_those_of_the_org() {
        let stage = Stage::new().await;
        let acme = stage.add_org("acme").await;
        let first = stage.send("GET", "/v1/keys?limit=1", &stage.admin, "").await;
        let cursor = first.text_at("/next");
        let path = format!("/v1/keys?cursor={cursor}");
        insta::assert_snapshot!(stage.send("GET", &path, &stage.admin, "").await.shown());
        // A cursor of another org is no cursor.
        assert_eq!(stage.send("GET", &path, &acme, "").await.status, 400);
        assert_eq!(stage.send("GET", "/v1/keys?limit=0", &stage.admin, "").await.status, 400);
        assert_eq!(stage.send("GET", "/v1/keys?page=2", &stage.admin, "").await.status, 400);
    }
}
