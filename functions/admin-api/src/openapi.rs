//! The description of this surface, generated from its routes and wire types.

use crate::{documents, routes};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Waybill",
        description = "Data export as a service. Errors are RFC 9457 problem documents; lists are `{items, next}`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "orgs", description = "Tenants; the operator's work"),
        (name = "keys", description = "Access keys"),
        (name = "accounts", description = "Who acts: what keys belong to, and who signs in"),
        (name = "collections", description = "Definitions of collections"),
        (name = "records", description = "Records of collections"),
        (name = "exports", description = "Exports of every surface"),
        (name = "jobs", description = "Exports by schedule"),
        (name = "webhooks", description = "Addresses that are told when exports end"),
        (name = "schedules", description = "When something is due"),
        (name = "audit", description = "Who did what"),
        (name = "logs", description = "What scripts wrote"),
        (name = "usage", description = "Storage against the quota"),
        (name = "about", description = "This service itself"),
    ),
    paths(
        routes::list_orgs::list_orgs,
        routes::create_org::create_org,
        routes::change_org::change_org,
        routes::put_org_collection::put_org_collection,
        routes::list_keys::list_keys,
        routes::create_key::create_key,
        routes::revoke_key::revoke_key,
        routes::list_accounts::list_accounts,
        routes::create_account::create_account,
        routes::change_account::change_account,
        routes::delete_account::delete_account,
        routes::list_collections::list_collections,
        routes::read_collection::read_collection,
        routes::put_collection::put_collection,
        routes::delete_collection::delete_collection,
        routes::list_dimensions::list_dimensions,
        routes::read_dimension::read_dimension,
        routes::put_dimension::put_dimension,
        routes::delete_dimension::delete_dimension,
        routes::list_records::list_records,
        routes::load_records::load_records,
        routes::delete_records::delete_records,
        routes::read_record::read_record,
        routes::delete_record::delete_record,
        routes::announce_file::announce_file,
        routes::list_exports::list_exports,
        routes::create_export::create_export,
        routes::read_export::read_export,
        routes::delete_export::delete_export,
        routes::cancel_export::cancel_export,
        routes::retry_export::retry_export,
        routes::download_export::download_export,
        routes::list_deliveries::list_deliveries,
        routes::redeliver::redeliver,
        routes::test_destination::test_destination,
        routes::list_jobs::list_jobs,
        routes::create_job::create_job,
        routes::read_job::read_job,
        routes::put_job::put_job,
        routes::delete_job::delete_job,
        routes::pause_job::pause_job,
        routes::resume_job::resume_job,
        routes::run_job::run_job,
        routes::list_runs::list_runs,
        routes::list_slots::list_slots,
        routes::list_webhooks::list_webhooks,
        routes::create_webhook::create_webhook,
        routes::read_webhook::read_webhook,
        routes::change_webhook::change_webhook,
        routes::delete_webhook::delete_webhook,
        routes::list_webhook_attempts::list_webhook_attempts,
        routes::preview_schedule::preview_schedule,
        routes::list_audit::list_audit,
        routes::list_logs::list_logs,
        routes::read_usage::read_usage,
        routes::health::health,
        documents::openapi_json,
        documents::docs,
    ),
    modifiers(&Credentials),
    security(("apiKey" = []))
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = || HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        components.add_security_scheme("apiKey", SecurityScheme::Http(bearer().build()));
        let operator = bearer().description(Some("The operator's key, made at deployment")).build();
        components.add_security_scheme("operatorKey", SecurityScheme::Http(operator));
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
    const CHECKED_IN: &str = include_str!("../../../infra/openapi/admin.json");

    #[test]
    fn the_checked_in_document_is_the_generated_one() {
        // To renew it: cargo run -p admin-api --example write_openapi
        assert_eq!(super::openapi().unwrap(), CHECKED_IN);
    }
}
