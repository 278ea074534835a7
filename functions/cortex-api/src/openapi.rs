//! The description of this surface, generated from its routes and wire types.

use crate::routes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "Waybill: the Cortex surface", description = "Exports as clients of that product's API know them."),
    tags((name = "cortex", description = "Exports at `/{org}/v2/exports`")),
    paths(
        routes::login::login,
        routes::logout::logout,
        routes::list_exports::list_exports,
        routes::create_export::create_export,
        routes::read_export::read_export,
        routes::update_export::update_export,
        routes::delete_export::delete_export,
        routes::read_data_file::read_data_file,
        routes::download_content::download_content,
        routes::read_property::read_property,
        routes::list_objects::list_objects,
        routes::read_object::read_object,
        routes::read_object_property::read_object_property,
        routes::download_file_content::download_file_content,
        routes::drive_object::drive_object,
    ),
    modifiers(&Credentials),
    security(("apiKey" = []), ("clientKey" = []), ("signature" = []), ("token" = []), ("basic" = []), ("session" = []))
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("apiKey", SecurityScheme::Http(bearer));
        let header = |name, text| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)));
        components.add_security_scheme("clientKey", header("Medable-Client-Key", "A Waybill API key"));
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let token =
            token.description(Some("RS256, RS512 or ES256 under the key's public key; claims iss, cortex/eml, exp"));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("E-mail address and password"));
        components.add_security_scheme("basic", SecurityScheme::Http(basic.build()));
        let session =
            "Of `accounts/login`, with `md.fingerprint`; changes need `medable-csrf-token` of the last reply too";
        let session = ApiKey::Cookie(ApiKeyValue::with_description("md.sid", session));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
        components.add_security_scheme(
            "signature",
            header(
                "Medable-Client-Signature",
                "Hex HMAC-SHA256 of `<path below /{org}/v2>;<METHOD>;<ms>` under key and secret; comes with \
                 Medable-Client-Key, Medable-Client-Nonce and Medable-Client-Timestamp",
            ),
        );
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
    const CHECKED_IN: &str = include_str!("../../../infra/openapi/cortex.json");

    #[test]
    fn the_checked_in_document_is_the_generated_one() {
        // To renew it: cargo run -p cortex-api --example write_openapi
        assert_eq!(super::openapi().unwrap(), CHECKED_IN);
    }
}
