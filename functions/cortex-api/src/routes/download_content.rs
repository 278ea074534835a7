//! GET `/{org}/v2/exports/{id}/dataFile/content`.

use crate::fault::Fault;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::export::Facet;
use waybill_domain::{Export, ExportId, Surface};

/// Gives out a link to an export's archive: as a facet when `Accept` begins with `application/json`, else as a redirect. For
/// administrators.
///
/// # Errors
/// `kMediaNotReady` (202) while it is made, `kNotFound` when there is none, `kAccessDenied`.
#[utoipa::path(
    get,
    path = "/{org}/v2/exports/{id}/dataFile/content",
    tag = "cortex",
    operation_id = "cortexDownloadContent",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
        ("Medable-Client-Key" = Option<String>, Query, description = "An API key, where headers cannot be set"),
    ),
    responses(
        (status = 200, description = "The facet with `url`, when `Accept` begins with `application/json`", body = Facet),
        (status = 202, description = "Not ready", body = crate::fault::FaultBody),
        (status = 302, description = "To the bytes"),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn download_content(call: &Call<'_>, id: ExportId) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    let (archives, surface) = (&*call.deps.archives, Some(Surface::Cortex));
    let (export, download) =
        waybill_app::download_export(call.context, archives, &call.principal, surface, id, saved_as).await?;
    if call.prefers("application/json") {
        Reply::json(&Facet::new(&export, Some(download.url)))
    } else {
        Ok(Reply::redirect(download.url))
    }
}

/// The name under which a browser saves it. The facet's own ends in the format and has colons, as the product's does; a saved zip must
/// open, and Windows takes no colons.
fn saved_as(export: &Export) -> String {
    format!("{}.zip", crate::wire::export::filename(export).replace(':', "-"))
}

#[cfg(test)]
mod tests {
    use crate::stage::{Stage, bearer};
    use std::time::Duration;
    use waybill_domain::{Failure, FailureCode, Role};

    #[tokio::test]
    async fn a_link_is_a_facet_or_a_redirect_as_the_client_accepts() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}/dataFile/content");
        insta::assert_snapshot!("pending", stage.admin("GET", &target, "").await);
        stage.run(id).await;
        insta::assert_snapshot!("running", stage.admin("GET", &target, "").await);
        stage.finish(id).await;
        insta::assert_snapshot!("redirect", stage.admin("GET", &target, "").await);
        let key = bearer("demo", Role::Admin);
        let headers = [("authorization", key.as_str()), ("accept", "application/json, text/plain, */*")];
        insta::assert_snapshot!("facet", stage.send("GET", &target, &headers, "").await);
        let headers = [("authorization", key.as_str()), ("accept", "*/*, application/json")];
        assert!(stage.send("GET", &target, &headers, "").await.starts_with("302"));
        let downloads = stage.trail().await.iter().filter(|entry| entry.starts_with("ExportDownloaded")).count();
        assert_eq!(downloads, 3);
    }

    #[tokio::test]
    async fn members_do_not_download() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}/dataFile/content");
        insta::assert_snapshot!("member", stage.member("GET", &target, "").await);
        stage.run(id).await;
        stage.finish(id).await;
        assert!(stage.member("GET", &target, "").await.starts_with("403"));
        assert!(!stage.trail().await[0].starts_with("ExportDownloaded"));
    }

    #[tokio::test]
    async fn a_failed_export_has_no_content() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        stage.run(id).await;
        stage.fail(id, Failure::new(FailureCode::BadRecord, "record 7 is broken")).await;
        let target = format!("/demo/v2/exports/{id}/dataFile/content");
        insta::assert_snapshot!("failed", stage.admin("GET", &target, "").await);
    }

    #[tokio::test]
    async fn a_link_never_outlives_the_export() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        stage.run(id).await;
        stage.finish(id).await;
        let target = format!("/demo/v2/exports/{id}/dataFile/content");
        stage.ports.clock.advance(Duration::from_hours(7 * 24).saturating_sub(Duration::from_millis(17_500)));
        assert!(stage.admin("GET", &target, "").await.contains("expires=17&"));
        stage.ports.clock.advance(Duration::from_secs(17));
        assert!(stage.admin("GET", &target, "").await.starts_with("404"));
    }

    #[tokio::test]
    async fn the_key_may_stand_in_the_query() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        stage.run(id).await;
        stage.finish(id).await;
        let key = bearer("demo", Role::Admin).replace("Bearer ", "");
        let target = format!("/demo/v2/exports/{id}/dataFile/content?Medable-Client-Key={key}");
        assert!(stage.anonymous("GET", &target, "").await.starts_with("302"));
    }
}
