//! Lists accounts, the oldest first. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::account::AccountWire;
use waybill_domain::Principal;

/// Lists accounts, the oldest first. For administrators.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    tag = "accounts",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<AccountWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_accounts(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "accounts")?;
    let page = waybill_app::list_accounts(call.context, principal, paging.after, paging.limit).await?;
    let cursor = next(org, "accounts", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(AccountWire::from), cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn accounts_are_paged_and_never_another_orgs() {
        let stage = Stage::new().await;
        let acme = stage.add_org("acme").await;
        let first = stage.send("GET", "/v1/accounts?limit=1", &stage.admin, "").await;
        let path = format!("/v1/accounts?cursor={}", first.text_at("/next"));
        insta::assert_snapshot!(stage.send("GET", &path, &stage.admin, "").await.shown());
        assert_eq!(stage.send("GET", &path, &acme, "").await.status, 400);
        assert_eq!(stage.send("GET", "/v1/accounts", &stage.member, "").await.status, 403);
    }
}
