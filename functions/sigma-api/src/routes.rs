//! Which route answers a request, and for whom.

pub(crate) mod create_job;
pub(crate) mod delete_job;
pub(crate) mod health;
pub(crate) mod list_jobs;
pub(crate) mod list_runs;
pub(crate) mod login;
pub(crate) mod pause_job;
pub(crate) mod put_job;
pub(crate) mod read_job;
pub(crate) mod record_run;
pub(crate) mod refresh;
pub(crate) mod resume_job;

use crate::Deps;
use crate::error::ApiError;
use crate::reply::Reply;
use lambda_http::Request;
use serde_json::Value;
use waybill_app::{Context, IdempotentRequest, assert_scope};
use waybill_domain::{JobId, Principal, Scope, Surface};
use waybill_http::{
    BODY_LIMIT_BYTES, QueryArguments, authenticate_sigma, idempotent_request, parse_json, read_body, request_path,
};

/// Jobs of other surfaces are none here.
pub(crate) const OURS: Option<Surface> = Some(Surface::Sigma);

/// One request to one operation.
pub(crate) struct Call<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) context: &'a Context,
    pub(crate) request: &'a Request,
    pub(crate) query: QueryArguments,
}

impl Call<'_> {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        Ok(parse_json(read_body(self.request, BODY_LIMIT_BYTES)?)?)
    }

    /// The client's promise that it may send this again.
    pub(crate) fn idempotency(&self, operation: &'static str) -> Result<Option<IdempotentRequest>, ApiError> {
        Ok(idempotent_request(self.request, operation, read_body(self.request, usize::MAX)?)?)
    }
}

/// What a path and a method ask for, below either base.
enum Operation<'a> {
    Health,
    Login,
    Refresh,
    ListJobs,
    CreateJob,
    ReadJob(&'a str),
    PutJob(&'a str),
    DeleteJob(&'a str),
    PauseJob(&'a str),
    ResumeJob(&'a str),
    ListRuns(&'a str),
    RecordRun(&'a str),
}

impl Operation<'_> {
    /// What it takes; `None` = no credential.
    fn scope(&self) -> Option<Scope> {
        match self {
            Self::Health | Self::Login | Self::Refresh => None,
            Self::ListJobs | Self::ReadJob(_) | Self::ListRuns(_) => Some(Scope::SigmaRead),
            Self::RecordRun(_) => Some(Scope::SigmaUpdateData),
            Self::CreateJob | Self::PutJob(_) | Self::DeleteJob(_) | Self::PauseJob(_) | Self::ResumeJob(_) => {
                Some(Scope::SigmaUpdateModel)
            }
        }
    }
}

/// The operation of a method at a path.
///
/// # Errors
/// 404 when the path is none, 405 when it does not take the method.
fn find<'a>(method: &str, path: &[&'a str]) -> Result<Operation<'a>, ApiError> {
    use Operation as O;
    let path = path.strip_prefix(["api", "v1"].as_slice()).unwrap_or(path);
    // A slash at the end says nothing.
    let path = path.strip_suffix([""].as_slice()).unwrap_or(path);
    let (allowed, found) = match path {
        ["healthz"] => ("GET", (method == "GET").then_some(O::Health)),
        ["auth", "login"] => ("POST", (method == "POST").then_some(O::Login)),
        ["auth", "refresh"] => ("POST", (method == "POST").then_some(O::Refresh)),
        ["export-jobs"] => (
            "GET, POST",
            match method {
                "GET" => Some(O::ListJobs),
                "POST" => Some(O::CreateJob),
                _ => None,
            },
        ),
        ["export-jobs", id] => (
            "GET, PUT, DELETE",
            match method {
                "GET" => Some(O::ReadJob(id)),
                "PUT" => Some(O::PutJob(id)),
                "DELETE" => Some(O::DeleteJob(id)),
                _ => None,
            },
        ),
        ["export-jobs", id, "pause"] => ("POST", (method == "POST").then_some(O::PauseJob(id))),
        ["export-jobs", id, "resume"] => ("POST", (method == "POST").then_some(O::ResumeJob(id))),
        ["export-jobs", id, "runs"] => (
            "GET, POST",
            match method {
                "GET" => Some(O::ListRuns(id)),
                "POST" => Some(O::RecordRun(id)),
                _ => None,
            },
        ),
        _ => return Err(ApiError::nowhere()),
    };
    found.ok_or_else(|| ApiError::not_allowed(allowed))
}

/// An id of the path; what is no id is no job's.
fn job(id: &str) -> Result<JobId, ApiError> {
    id.parse().map_err(|_| ApiError::no_job(id))
}

/// Answers a request.
///
/// # Errors
/// The error to send instead.
pub(crate) async fn answer(deps: &Deps, context: &Context, request: &Request) -> Result<Reply, ApiError> {
    let path: Vec<&str> = request_path(request).split('/').skip(1).collect();
    let operation = find(request.method().as_str(), &path)?;
    let call = Call { deps, context, request, query: QueryArguments::of(request)? };
    if !matches!(operation, Operation::ListRuns(_)) {
        call.query.only(&[])?;
    }
    let Some(scope) = operation.scope() else {
        return match operation {
            Operation::Login => login::login(&call).await,
            Operation::Refresh => refresh::refresh(&call).await,
            _ => health::health(),
        };
    };
    let principal = authenticate_sigma(context, request).await?;
    deps.limiter.admit(context, &principal).await?;
    assert_scope(&principal, scope)?;
    answer_principal(&call, &principal, operation).await
}

async fn answer_principal(call: &Call<'_>, principal: &Principal, operation: Operation<'_>) -> Result<Reply, ApiError> {
    match operation {
        Operation::ListJobs => list_jobs::list_jobs(call, principal).await,
        Operation::CreateJob => create_job::create_job(call, principal).await,
        Operation::ReadJob(id) => read_job::read_job(call, principal, &job(id)?).await,
        Operation::PutJob(id) => put_job::put_job(call, principal, &job(id)?).await,
        Operation::DeleteJob(id) => delete_job::delete_job(call, principal, &job(id)?).await,
        Operation::PauseJob(id) => pause_job::pause_job(call, principal, &job(id)?).await,
        Operation::ResumeJob(id) => resume_job::resume_job(call, principal, &job(id)?).await,
        Operation::ListRuns(id) => list_runs::list_runs(call, principal, &job(id)?).await,
        Operation::RecordRun(id) => record_run::record_run(call, principal, &job(id)?).await,
        Operation::Health | Operation::Login | Operation::Refresh => Err(ApiError::nowhere()),
    }
}

#[cfg(test)]
mod tests;
