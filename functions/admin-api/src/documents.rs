//! The description of all surfaces, and a page that shows it.

mod merge;
mod page;

use crate::error::ApiError;
use crate::operation::Call;
use crate::reply::Reply;
use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use serde_json::Value;
use std::sync::LazyLock;

/// The checked-in description of each surface, this one first, and what its schemas' names begin with.
const SURFACES: &[(&str, &str)] = &[
    ("", include_str!("../../../infra/openapi/admin.json")),
    ("Cortex", include_str!("../../../infra/openapi/cortex.json")),
    ("Rebilly", include_str!("../../../infra/openapi/rebilly.json")),
    ("Sigma", include_str!("../../../infra/openapi/sigma.json")),
];

/// The description of all surfaces; tests make sure that the checked-in ones parse.
static MERGED: LazyLock<Value> = LazyLock::new(|| merge::merge(SURFACES));
static JSON: LazyLock<String> = LazyLock::new(|| MERGED.to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| page::render(&MERGED));

/// Describes all surfaces. For anyone.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "about",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)),
    security(()),
)]
pub(crate) fn openapi_json(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    Reply::ok_text(JSON.clone())
}

/// Shows that description to people. For anyone.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "about",
    responses((status = 200, description = "A page without scripts", body = String, content_type = "text/html")),
    security(()),
)]
pub(crate) fn docs(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let page = Reply::new(StatusCode::OK, "text/html; charset=utf-8", PAGE.clone());
    // No script, no request to anywhere: only the style that stands in the page.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    Ok(page.with(CONTENT_SECURITY_POLICY, policy))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn anybody_reads_the_description_and_its_page() {
        let stage = Stage::new().await;
        let json = stage.send("GET", "/openapi.json", "", "").await;
        assert!(json.json()["paths"]["/v1/exports"]["post"].is_object());
        let page = stage.send("GET", "/docs", "", "").await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert!(page.text.contains("/v1/exports/{id}/download") && !page.text.contains("<script"));
    }
}
