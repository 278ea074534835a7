//! The description of this surface, generated from its routes and wire types.

use crate::routes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Waybill: the Rebilly surface",
        description = "Data exports, of a collection or of a whole organization, as clients of that product's API know them. Each path is also served without `/experimental`, \
                       without `/organizations/{org}`, without either, and with `/experimental` behind the organization.",
    ),
    tags((name = "rebilly", description = "Exports at `/data-exports` and `/organization-exports`, their files at `/files`, who asked for them at `/users`")),
    paths(
        routes::list_data_exports::list_data_exports,
        routes::queue_data_export::queue_data_export,
        routes::read_data_export::read_data_export,
        routes::put_data_export::put_data_export,
        routes::delete_data_export::delete_data_export,
        routes::list_organization_exports::list_organization_exports,
        routes::make_organization_export::make_organization_export,
        routes::read_organization_export::read_organization_export,
        routes::read_file::read_file,
        routes::download_file::download_file,
        routes::read_user::read_user,
    ),
    modifiers(&Credentials),
    security(("rebillyKey" = []), ("rebillyBearer" = []))
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let key = ApiKey::Header(ApiKeyValue::with_description("REB-APIKEY", "A Waybill API key"));
        components.add_security_scheme("rebillyKey", SecurityScheme::ApiKey(key));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let bearer = bearer.description(Some("A Waybill API key, or a JSON Web Token under a key's public key"));
        components.add_security_scheme("rebillyBearer", SecurityScheme::Http(bearer.build()));
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
    const CHECKED_IN: &str = include_str!("../../../infra/openapi/rebilly.json");

    #[test]
    fn the_checked_in_document_is_the_generated_one() {
        // To renew it: cargo run -p rebilly-api --example write_openapi
        assert_eq!(super::openapi().unwrap(), CHECKED_IN);
    }
}
