//! From a path and a method to an operation, and from credentials to who asks for it.

use crate::error::ApiError;
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use crate::{Deps, documents, routes};
use lambda_http::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;
use waybill_app::{Context, ExportView, IdempotentRequest, deliveries_of, lane_places};
use waybill_domain::{Export, OrgCode, Principal, State, Ticket};
use waybill_http::{
    Access, BODY_LIMIT_BYTES, CredentialError, QueryArguments, authenticate, authenticate_operator, decode_cursor,
    encode_cursor, idempotent_request, parse_json, read_body, request_path,
};

/// Items on a page where the client does not say.
const DEFAULT_LIMIT: usize = 50;
/// Most items on a page.
const MAX_LIMIT: usize = 1000;

/// One request to one operation.
pub(crate) struct Call<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) context: &'a Context,
    pub(crate) request: &'a Request,
    pub(crate) query: QueryArguments,
}

/// Where a list goes on, and how far.
pub(crate) struct Paging<T> {
    pub(crate) after: Option<T>,
    pub(crate) limit: usize,
}

impl Call<'_> {
    /// Who calls.
    async fn authenticated(&self) -> Result<Principal, CredentialError> {
        let Deps { vault, passwords, .. } = self.deps;
        // No org stands in the path, in which a password or a session could be looked for.
        let access = Access { context: self.context, vault: &**vault, passwords, org: None, allow_query: false };
        let command = request_path(self.request).strip_prefix("/v1").unwrap_or_default();
        Ok(authenticate(&access, self.request, command).await?.principal)
    }

    /// The body as bytes.
    pub(crate) fn body(&self, limit_bytes: usize) -> Result<&[u8], ApiError> {
        Ok(read_body(self.request, limit_bytes)?)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        Ok(parse_json(self.body(BODY_LIMIT_BYTES)?)?)
    }

    /// The client's promise that it may send this again.
    pub(crate) fn idempotency(&self, operation: &'static str) -> Result<Option<IdempotentRequest>, ApiError> {
        let body = self.body(usize::MAX)?;
        Ok(idempotent_request(self.request, operation, body)?)
    }

    /// An export as it is shown, with its place in the lane.
    pub(crate) async fn shown(&self, principal: &Principal, view: ExportView) -> Result<ExportWire, ApiError> {
        let mut shown = Box::pin(self.all_shown(principal, vec![view])).await?;
        shown.pop().ok_or_else(ApiError::internal)
    }

    /// Exports of the caller's org as they are shown; the lane is read once, if any of them waits in it.
    pub(crate) async fn all_shown(
        &self,
        principal: &Principal,
        views: Vec<ExportView>,
    ) -> Result<Vec<ExportWire>, ApiError> {
        let tickets: Vec<_> = views.iter().filter_map(|view| queued(&view.export)).collect();
        let places = lane_places(self.context, &principal.org, &tickets).await?;
        let place = |export: &Export| queued(export).and_then(|ticket| places.get(&ticket).copied());
        let mut shown = Vec::with_capacity(views.len());
        for view in views {
            let deliveries = deliveries_of(self.context, &view.export).await?;
            shown.push(ExportWire::new(place(&view.export), view, deliveries));
        }
        Ok(shown)
    }

    /// Refuses arguments other than `known`.
    pub(crate) fn only_arguments(&self, known: &[&str]) -> Result<(), ApiError> {
        Ok(self.query.only(known)?)
    }

    /// `limit` and `cursor` of the list called `list`; no other arguments.
    pub(crate) fn paging<T: DeserializeOwned>(&self, org: Option<&OrgCode>, list: &str) -> Result<Paging<T>, ApiError> {
        self.paging_beside(&[], org, list)
    }

    /// As [`Call::paging`], beside the arguments `others`.
    pub(crate) fn paging_beside<T: DeserializeOwned>(
        &self,
        others: &[&str],
        org: Option<&OrgCode>,
        list: &str,
    ) -> Result<Paging<T>, ApiError> {
        let known: Vec<&str> = ["limit", "cursor"].iter().chain(others).copied().collect();
        self.only_arguments(&known)?;
        let limit = self.query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
        let cursor = self.query.one("cursor")?;
        let after = cursor.map(|cursor| decode_cursor(org, list, cursor)).transpose()?;
        Ok(Paging { after, limit })
    }
}

/// The ticket of an export that waits in the lane.
fn queued(export: &Export) -> Option<Ticket> {
    match export.state {
        State::Queued { ticket } => Some(ticket),
        _ => None,
    }
}

/// The cursor of a list's next page.
pub(crate) fn next<T: Serialize>(org: Option<&OrgCode>, list: &str, position: Option<&T>) -> Option<String> {
    position.map(|position| encode_cursor(org, list, position))
}

/// A part of the path that names something.
pub(crate) fn part<T: FromStr>(name: &str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| ApiError::invalid_at(format!("{{{name}}}"), error.to_string()))
}

/// What a path and a method ask for.
enum Operation<'a> {
    Health,
    OpenApi,
    Docs,
    ListOrgs,
    CreateOrg,
    ChangeOrg(&'a str),
    PutOrgCollection(&'a str, &'a str),
    ListKeys,
    CreateKey,
    RevokeKey(&'a str),
    ListAccounts,
    CreateAccount,
    ChangeAccount(&'a str),
    DeleteAccount(&'a str),
    ListCollections,
    ReadCollection(&'a str),
    PutCollection(&'a str),
    DeleteCollection(&'a str),
    ListDimensions,
    ReadDimension(&'a str),
    PutDimension(&'a str),
    DeleteDimension(&'a str),
    ListRecords(&'a str),
    LoadRecords(&'a str),
    DeleteRecords(&'a str),
    ReadRecord(&'a str, &'a str),
    DeleteRecord(&'a str, &'a str),
    AnnounceFile(&'a str, &'a str, &'a str),
    ListExports,
    CreateExport,
    ReadExport(&'a str),
    DeleteExport(&'a str),
    CancelExport(&'a str),
    RetryExport(&'a str),
    DownloadExport(&'a str),
    ListDeliveries(&'a str),
    Redeliver(&'a str, &'a str),
    TestDestination,
    ListJobs,
    CreateJob,
    ReadJob(&'a str),
    PutJob(&'a str),
    DeleteJob(&'a str),
    PauseJob(&'a str),
    ResumeJob(&'a str),
    RunJob(&'a str),
    ListRuns(&'a str),
    ListSlots(&'a str),
    PreviewSchedule,
    ListWebhooks,
    CreateWebhook,
    ReadWebhook(&'a str),
    ChangeWebhook(&'a str),
    DeleteWebhook(&'a str),
    ListWebhookAttempts(&'a str),
    ListAudit,
    ListLogs,
    ReadUsage,
}

/// The operation of a method at a path; `None` when the path does not take the method, or is none.
fn find<'a>(method: &str, path: &[&'a str]) -> Option<Operation<'a>> {
    use Operation as O;
    Some(match (path, method) {
        (["healthz"], "GET") => O::Health,
        (["openapi.json"], "GET") => O::OpenApi,
        (["docs"], "GET") => O::Docs,
        (["v1", "orgs"], "GET") => O::ListOrgs,
        (["v1", "orgs"], "POST") => O::CreateOrg,
        (["v1", "orgs", org], "PATCH") => O::ChangeOrg(org),
        (["v1", "orgs", org, "collections", name], "PUT") => O::PutOrgCollection(org, name),
        (["v1", "keys"], "GET") => O::ListKeys,
        (["v1", "keys"], "POST") => O::CreateKey,
        (["v1", "keys", id], "DELETE") => O::RevokeKey(id),
        (["v1", "accounts"], "GET") => O::ListAccounts,
        (["v1", "accounts"], "POST") => O::CreateAccount,
        (["v1", "accounts", id], "PATCH") => O::ChangeAccount(id),
        (["v1", "accounts", id], "DELETE") => O::DeleteAccount(id),
        (["v1", "collections"], "GET") => O::ListCollections,
        (["v1", "collections", name], "GET") => O::ReadCollection(name),
        (["v1", "collections", name], "PUT") => O::PutCollection(name),
        (["v1", "collections", name], "DELETE") => O::DeleteCollection(name),
        (["v1", "dimensions"], "GET") => O::ListDimensions,
        (["v1", "dimensions", id], "GET") => O::ReadDimension(id),
        (["v1", "dimensions", id], "PUT") => O::PutDimension(id),
        (["v1", "dimensions", id], "DELETE") => O::DeleteDimension(id),
        (["v1", "collections", name, "records"], "GET") => O::ListRecords(name),
        (["v1", "collections", name, "records"], "POST") => O::LoadRecords(name),
        (["v1", "collections", name, "records"], "DELETE") => O::DeleteRecords(name),
        (["v1", "collections", name, "records", id], "GET") => O::ReadRecord(name, id),
        (["v1", "collections", name, "records", id], "DELETE") => O::DeleteRecord(name, id),
        (["v1", "collections", name, "records", id, "files", property], "POST") => O::AnnounceFile(name, id, property),
        (["v1", "exports"], "GET") => O::ListExports,
        (["v1", "exports"], "POST") => O::CreateExport,
        (["v1", "exports", id], "GET") => O::ReadExport(id),
        (["v1", "exports", id], "DELETE") => O::DeleteExport(id),
        (["v1", "exports", id, "cancel"], "POST") => O::CancelExport(id),
        (["v1", "exports", id, "retry"], "POST") => O::RetryExport(id),
        (["v1", "exports", id, "download"], "GET") => O::DownloadExport(id),
        (["v1", "exports", id, "deliveries"], "GET") => O::ListDeliveries(id),
        (["v1", "exports", id, "deliveries", number, "redeliver"], "POST") => O::Redeliver(id, number),
        (["v1", "destinations", "test"], "POST") => O::TestDestination,
        (["v1", "jobs"], "GET") => O::ListJobs,
        (["v1", "jobs"], "POST") => O::CreateJob,
        (["v1", "jobs", id], "GET") => O::ReadJob(id),
        (["v1", "jobs", id], "PUT") => O::PutJob(id),
        (["v1", "jobs", id], "DELETE") => O::DeleteJob(id),
        (["v1", "jobs", id, "pause"], "POST") => O::PauseJob(id),
        (["v1", "jobs", id, "resume"], "POST") => O::ResumeJob(id),
        (["v1", "jobs", id, "run"], "POST") => O::RunJob(id),
        (["v1", "jobs", id, "runs"], "GET") => O::ListRuns(id),
        (["v1", "jobs", id, "slots"], "GET") => O::ListSlots(id),
        (["v1", "schedules", "preview"], "POST") => O::PreviewSchedule,
        (["v1", "webhooks"], "GET") => O::ListWebhooks,
        (["v1", "webhooks"], "POST") => O::CreateWebhook,
        (["v1", "webhooks", id], "GET") => O::ReadWebhook(id),
        (["v1", "webhooks", id], "PATCH") => O::ChangeWebhook(id),
        (["v1", "webhooks", id], "DELETE") => O::DeleteWebhook(id),
        (["v1", "webhooks", id, "attempts"], "GET") => O::ListWebhookAttempts(id),
        (["v1", "audit"], "GET") => O::ListAudit,
        (["v1", "logs"], "GET") => O::ListLogs,
        (["v1", "usage"], "GET") => O::ReadUsage,
        _ => return None,
    })
}

/// The methods that a path takes; `None` when it is none.
fn allowed(path: &[&str]) -> Option<&'static str> {
    Some(match path {
        ["healthz" | "openapi.json" | "docs"]
        | ["v1", "collections" | "dimensions" | "audit" | "logs" | "usage"]
        | ["v1", "jobs", _, "runs" | "slots"]
        | ["v1", "webhooks", _, "attempts"]
        | ["v1", "exports", _, "download" | "deliveries"] => "GET",
        ["v1", "orgs" | "keys" | "accounts" | "exports" | "jobs" | "webhooks"] => "GET, POST",
        ["v1", "orgs", _] => "PATCH",
        ["v1", "orgs", _, "collections", _] => "PUT",
        ["v1", "keys", _] => "DELETE",
        ["v1", "accounts", _] => "PATCH, DELETE",
        ["v1", "webhooks", _] => "GET, PATCH, DELETE",
        ["v1", "collections" | "dimensions" | "jobs", _] => "GET, PUT, DELETE",
        ["v1", "collections", _, "records"] => "GET, POST, DELETE",
        ["v1", "collections", _, "records", _] | ["v1", "exports", _] => "GET, DELETE",
        ["v1", "jobs", _, "pause" | "resume" | "run"]
        | ["v1", "exports", _, "cancel" | "retry"]
        | ["v1", "collections", _, "records", _, "files", _]
        | ["v1", "exports", _, "deliveries", _, "redeliver"]
        | ["v1", "destinations", "test"]
        | ["v1", "schedules", "preview"] => "POST",
        _ => return None,
    })
}

/// Answers a request.
///
/// # Errors
/// The problem to send instead.
pub(crate) async fn answer(deps: &Deps, context: &Context, request: &Request) -> Result<Reply, ApiError> {
    let path: Vec<&str> = request_path(request).split('/').skip(1).collect();
    let Some(operation) = find(request.method().as_str(), &path) else {
        return Err(allowed(&path).map_or_else(ApiError::nowhere, ApiError::not_allowed));
    };
    let call = Call { deps, context, request, query: QueryArguments::of(request)? };
    match operation {
        Operation::Health => return routes::health::health(&call),
        Operation::OpenApi => return documents::openapi_json(&call),
        Operation::Docs => return documents::docs(&call),
        Operation::ListOrgs | Operation::CreateOrg | Operation::ChangeOrg(_) | Operation::PutOrgCollection(..) => {
            assert_operator(&call).await?;
            return match operation {
                Operation::CreateOrg => routes::create_org::create_org(&call).await,
                Operation::ChangeOrg(org) => routes::change_org::change_org(&call, org).await,
                Operation::PutOrgCollection(org, name) => {
                    routes::put_org_collection::put_org_collection(&call, org, name).await
                }
                _ => routes::list_orgs::list_orgs(&call).await,
            };
        }
        _ => {}
    }
    let principal = call.authenticated().await?;
    deps.limiter.admit(context, &principal).await?;
    answer_principal(&call, &principal, operation).await
}

async fn answer_principal(call: &Call<'_>, principal: &Principal, operation: Operation<'_>) -> Result<Reply, ApiError> {
    match operation {
        Operation::ListKeys => routes::list_keys::list_keys(call, principal).await,
        Operation::CreateKey => routes::create_key::create_key(call, principal).await,
        Operation::RevokeKey(id) => routes::revoke_key::revoke_key(call, principal, id).await,
        Operation::ListAccounts => routes::list_accounts::list_accounts(call, principal).await,
        Operation::CreateAccount => routes::create_account::create_account(call, principal).await,
        Operation::ChangeAccount(id) => routes::change_account::change_account(call, principal, id).await,
        Operation::DeleteAccount(id) => routes::delete_account::delete_account(call, principal, id).await,
        Operation::ListCollections => routes::list_collections::list_collections(call, principal).await,
        Operation::ReadCollection(name) => routes::read_collection::read_collection(call, principal, name).await,
        Operation::PutCollection(name) => routes::put_collection::put_collection(call, principal, name).await,
        Operation::DeleteCollection(name) => routes::delete_collection::delete_collection(call, principal, name).await,
        Operation::ListDimensions => routes::list_dimensions::list_dimensions(call, principal).await,
        Operation::ReadDimension(id) => routes::read_dimension::read_dimension(call, principal, id).await,
        Operation::PutDimension(id) => routes::put_dimension::put_dimension(call, principal, id).await,
        Operation::DeleteDimension(id) => routes::delete_dimension::delete_dimension(call, principal, id).await,
        Operation::ListRecords(name) => routes::list_records::list_records(call, principal, name).await,
        Operation::LoadRecords(name) => routes::load_records::load_records(call, principal, name).await,
        Operation::DeleteRecords(name) => routes::delete_records::delete_records(call, principal, name).await,
        Operation::ReadRecord(name, id) => routes::read_record::read_record(call, principal, name, id).await,
        Operation::DeleteRecord(name, id) => routes::delete_record::delete_record(call, principal, name, id).await,
        Operation::AnnounceFile(name, id, property) => {
            routes::announce_file::announce_file(call, principal, name, id, property).await
        }
        Operation::ListExports => routes::list_exports::list_exports(call, principal).await,
        Operation::CreateExport => routes::create_export::create_export(call, principal).await,
        Operation::ReadExport(id) => routes::read_export::read_export(call, principal, id).await,
        Operation::DeleteExport(id) => routes::delete_export::delete_export(call, principal, id).await,
        Operation::CancelExport(id) => routes::cancel_export::cancel_export(call, principal, id).await,
        Operation::RetryExport(id) => routes::retry_export::retry_export(call, principal, id).await,
        Operation::DownloadExport(id) => routes::download_export::download_export(call, principal, id).await,
        Operation::ListDeliveries(id) => routes::list_deliveries::list_deliveries(call, principal, id).await,
        Operation::Redeliver(id, number) => routes::redeliver::redeliver(call, principal, id, number).await,
        Operation::TestDestination => routes::test_destination::test_destination(call, principal).await,
        Operation::ListJobs => routes::list_jobs::list_jobs(call, principal).await,
        Operation::CreateJob => routes::create_job::create_job(call, principal).await,
        Operation::ReadJob(id) => routes::read_job::read_job(call, principal, id).await,
        Operation::PutJob(id) => routes::put_job::put_job(call, principal, id).await,
        Operation::DeleteJob(id) => routes::delete_job::delete_job(call, principal, id).await,
        Operation::PauseJob(id) => routes::pause_job::pause_job(call, principal, id).await,
        Operation::ResumeJob(id) => routes::resume_job::resume_job(call, principal, id).await,
        Operation::RunJob(id) => routes::run_job::run_job(call, principal, id).await,
        Operation::ListRuns(id) => routes::list_runs::list_runs(call, principal, id).await,
        Operation::ListSlots(id) => routes::list_slots::list_slots(call, principal, id).await,
        Operation::PreviewSchedule => routes::preview_schedule::preview_schedule(call, principal).await,
        Operation::ListWebhooks => routes::list_webhooks::list_webhooks(call, principal).await,
        Operation::CreateWebhook => routes::create_webhook::create_webhook(call, principal).await,
        Operation::ReadWebhook(id) => routes::read_webhook::read_webhook(call, principal, id).await,
        Operation::ChangeWebhook(id) => routes::change_webhook::change_webhook(call, principal, id).await,
        Operation::DeleteWebhook(id) => routes::delete_webhook::delete_webhook(call, principal, id).await,
        Operation::ListWebhookAttempts(id) => {
            routes::list_webhook_attempts::list_webhook_attempts(call, principal, id).await
        }
        Operation::ListAudit => routes::list_audit::list_audit(call, principal).await,
        Operation::ListLogs => routes::list_logs::list_logs(call, principal).await,
        Operation::ReadUsage => routes::read_usage::read_usage(call, principal).await,
        Operation::Health
        | Operation::OpenApi
        | Operation::Docs
        | Operation::ListOrgs
        | Operation::CreateOrg
        | Operation::ChangeOrg(_)
        | Operation::PutOrgCollection(..) => Err(ApiError::nowhere()),
    }
}

/// Lets the operator in; tells a good key of an org that it is not the operator's, and anything else that it is no good.
async fn assert_operator(call: &Call<'_>) -> Result<(), ApiError> {
    let key = call.deps.operator.key().await.map_err(waybill_app::Error::from)?;
    let Err(refused) = authenticate_operator(key, call.request) else { return Ok(()) };
    match call.authenticated().await {
        Ok(_) => Err(ApiError::operator_only()),
        Err(CredentialError::Refused(
            error @ (waybill_app::Error::Unavailable(_) | waybill_app::Error::Throttled { .. }),
        )) => Err(error.into()),
        Err(_) => Err(refused.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn unknown_paths_and_methods_get_problems_without_a_credential() {
        let stage = Stage::new().await;
        for path in ["/", "/v1", "/v1/nothing", "/v2/keys", "/v1/keys/a/b", "/v1//keys"] {
            let answer = stage.send("GET", path, "", "").await;
            assert_eq!(
                (answer.status, answer.text_at("/type")),
                (404, "urn:waybill:problem:not-found".into()),
                "{path}"
            );
        }
        let answer = stage.send("PUT", "/v1/exports", "", "").await;
        assert_eq!(answer.headers["allow"], "GET, POST");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        insta::assert_snapshot!(answer.shown());
        assert_eq!(stage.send("GET", "/v1/keys/", &stage.admin, "").await.status, 200);
    }

    #[tokio::test]
    async fn a_missing_or_bad_credential_is_a_challenge() {
        let stage = Stage::new().await;
        let (cut, _) = stage.admin.split_at(20);
        let mut answers = Vec::new();
        for bearer in ["", "nonsense", cut, "a.b.c"] {
            let answer = stage.send("GET", "/v1/exports", bearer, "").await;
            assert!(answer.headers.contains_key("www-authenticate"));
            answers.push(answer.shown());
        }
        insta::assert_snapshot!(answers.join("\n\n"));
    }
}
