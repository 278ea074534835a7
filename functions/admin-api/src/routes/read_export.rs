//! Reads an export: what was asked, and where it stands.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Reads an export: what was asked, and where it stands.
#[utoipa::path(
    get,
    path = "/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 200, description = "The export", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let view = waybill_app::read_export(call.context, principal, None, part("id", id)?).await?;
    Reply::ok(&call.shown(principal, view).await?)
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn exports_of_other_orgs_are_not_there() {
        let stage = Stage::new().await;
        stage.define().await;
        let acme = stage.add_org("acme").await;
        let made = stage.send("POST", "/v1/exports", &stage.member, r#"{"collection":"visits"}"#).await;
        let path = format!("/v1/exports/{}", made.text_at("/id"));
        for (method, path) in [
            ("GET", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/cancel")),
            ("POST", format!("{path}/retry")),
            ("GET", format!("{path}/download")),
        ] {
            assert_eq!(stage.send(method, &path, &acme, "").await.status, 404, "{method} {path}");
        }
        insta::assert_snapshot!(stage.send("GET", "/v1/exports/xyz", &acme, "").await.shown());
    }
}
