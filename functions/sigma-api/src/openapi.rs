//! The description of this surface, generated from its routes and wire types.

use crate::routes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Waybill: the Sigma surface",
        description = "Export jobs and their runs as clients of that product's API know them; jobs and runs also without `/api/v1` in front."
    ),
    tags((name = "sigma", description = "Export jobs at `/api/v1/export-jobs`, and the same at `/export-jobs`")),
    paths(
        routes::health::health,
        routes::login::login,
        routes::refresh::refresh,
        routes::list_jobs::list_jobs,
        routes::create_job::create_job,
        routes::read_job::read_job,
        routes::put_job::put_job,
        routes::delete_job::delete_job,
        routes::pause_job::pause_job,
        routes::resume_job::resume_job,
        routes::list_runs::list_runs,
        routes::record_run::record_run,
    ),
    modifiers(&Credentials),
    security(("sigmaKey" = []), ("sigmaToken" = []))
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let key = "A key of this surface, `sigma_sk_live_…`, made at `/v1/keys` with `permissions`";
        let key = ApiKey::Header(ApiKeyValue::with_description("X-Sigma-ApiKey", key));
        components.add_security_scheme("sigmaKey", SecurityScheme::ApiKey(key));
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let token = token.description(Some("A token of `auth/login`, or a Waybill API key"));
        components.add_security_scheme("sigmaToken", SecurityScheme::Http(token.build()));
    }
}

/// The `OpenAPI` document of this surface as JSON, ending in a line break.
///
/// # Errors
/// When it does not serialise.
pub fn openapi() -> Result<String, serde_json::Error> {
    Ok(Document::openapi().to_pretty_json()? + "\n")
}

#[cfg(test)]
mod tests {
    const CHECKED_IN: &str = include_str!("../../../infra/openapi/sigma.json");

    #[test]
    fn the_checked_in_document_is_the_generated_one() {
        // To renew it: cargo run -p sigma-api --example write_openapi
        assert_eq!(super::openapi().unwrap(), CHECKED_IN);
    }
}
