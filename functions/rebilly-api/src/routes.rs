//! Which route answers a request, and for whom.

pub(crate) mod delete_data_export;
pub(crate) mod download_file;
pub(crate) mod list_data_exports;
pub(crate) mod list_organization_exports;
pub(crate) mod make_organization_export;
pub(crate) mod put_data_export;
pub(crate) mod queue_data_export;
pub(crate) mod read_data_export;
pub(crate) mod read_file;
pub(crate) mod read_organization_export;
pub(crate) mod read_user;

use crate::Deps;
use crate::error::ApiError;
use crate::names::parse_export;
use crate::reply::Reply;
use crate::wire::Place;
use crate::wire::arguments::Expand;
use crate::wire::data_export::{DataExportWire, Embedded};
use crate::wire::file::FileWire;
use crate::wire::user::UserWire;
use http::Method;
use lambda_http::Request;
use serde_json::Value;
use std::collections::BTreeMap;
use waybill_app::{
    ChangeAllowance, Context, Error, ExportView, allow_change, export_of_alias, read_export, requester_of,
};
use waybill_domain::{AccountId, ExportId, Principal, Surface};
use waybill_http::{BODY_LIMIT_BYTES, QueryArguments, authenticate_either, parse_json, read_body, request_path};

/// The header in which this surface's clients send a key.
const KEY_HEADER: &str = "reb-apikey";
/// The surface whose exports are shown.
pub(crate) const SURFACE: Option<Surface> = Some(Surface::Rebilly);

/// One request and who makes it.
pub(crate) struct Call<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) context: &'a Context,
    pub(crate) principal: Principal,
    pub(crate) request: &'a Request,
    pub(crate) query: QueryArguments,
    pub(crate) place: Place,
}

impl Call<'_> {
    /// The body as JSON, and its bytes.
    ///
    /// # Errors
    /// When it is too large, or no JSON.
    pub(crate) fn json(&self) -> Result<(Value, &[u8]), ApiError> {
        let bytes = read_body(self.request, BODY_LIMIT_BYTES)?;
        Ok((parse_json(bytes)?, bytes))
    }

    /// The visible data export that its clients know by `name`.
    ///
    /// # Errors
    /// Faults of ours only.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<ExportView>, ApiError> {
        let chosen = match name.parse() {
            Ok(alias) => export_of_alias(self.context, &self.principal, Surface::Rebilly, &alias).await?,
            Err(_) => None,
        };
        match chosen.or_else(|| parse_export(name)) {
            Some(id) => self.visible(id, false).await,
            None => Ok(None),
        }
    }

    /// The visible export with that id, if it is one of the organization (`whole`), or a data export.
    ///
    /// # Errors
    /// Faults of ours only.
    pub(crate) async fn visible(&self, id: ExportId, whole: bool) -> Result<Option<ExportView>, ApiError> {
        match read_export(self.context, &self.principal, SURFACE, id).await {
            Ok(view) => Ok(Some(view).filter(|view| view.export.is_of_everything() == whole)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// An export with what is to be embedded; `signed` is a link to its file that needs no credential.
    ///
    /// # Errors
    /// Faults of ours only.
    pub(crate) async fn shown(
        &self,
        view: &ExportView,
        expand: Expand,
        signed: Option<String>,
    ) -> Result<DataExportWire, ApiError> {
        let shown = self.shown_all(std::slice::from_ref(view), expand, vec![signed]).await?;
        shown.into_iter().next().ok_or_else(ApiError::not_found)
    }

    /// The same of several, each with its link in `signed`; nobody is looked up twice.
    ///
    /// # Errors
    /// Faults of ours only.
    pub(crate) async fn shown_all(
        &self,
        views: &[ExportView],
        expand: Expand,
        signed: Vec<Option<String>>,
    ) -> Result<Vec<DataExportWire>, ApiError> {
        let mut users: BTreeMap<AccountId, Option<UserWire>> = BTreeMap::new();
        let mut shown = Vec::with_capacity(views.len());
        for (view, signed) in views.iter().zip(signed) {
            let mut embedded = Embedded::default();
            if expand.file {
                embedded.file = FileWire::new(&view.export, &self.place, signed.clone());
            }
            let creator = view.export.creator;
            if expand.user && !users.contains_key(&creator) {
                let requester = requester_of(self.context, &self.principal, &view.export).await?;
                users.insert(creator, requester.map(|requester| UserWire::new(requester, &self.place)));
            }
            embedded.user = users.get(&creator).cloned().flatten();
            let embedded = expand.any().then_some(embedded);
            shown.push(DataExportWire::new(view, &self.place, signed, embedded));
        }
        Ok(shown)
    }
}

/// What a path names.
enum Target<'a> {
    Exports,
    Export(&'a str),
    Organization,
    OrganizationExport(&'a str),
    File(&'a str),
    Download(&'a str),
    User(&'a str),
}

/// Answers a request.
///
/// # Errors
/// The problem to send instead.
pub(crate) async fn answer(deps: &Deps, context: &Context, request: &Request) -> Result<Reply, ApiError> {
    let segments: Vec<&str> = request_path(request).split('/').filter(|segment| !segment.is_empty()).collect();
    let principal = authenticate_either(context, request, KEY_HEADER).await?;
    match deps.limiter.admit(context, &principal).await {
        Err(Error::Throttled { retry_after: Some(wait) }) => {
            let (limit, now) = (deps.limiter.per_minute(), context.now());
            let allowance = ChangeAllowance { limit, left: 0, again_at: now.after(wait), refused_for: Some(wait) };
            return Err(ApiError::too_many_requests(allowance, wait));
        }
        admitted => admitted?,
    }
    let (org, target) = target(&segments).ok_or_else(ApiError::not_found)?;
    // Whether another org exists is nobody's business: all of its paths lead nowhere.
    if org.is_some_and(|org| org != principal.org.as_str()) {
        return Err(ApiError::not_found());
    }
    let query = QueryArguments::of(request)?;
    let place = Place { base: base(request), org: principal.org.to_string() };
    let call = Call { deps, context, principal, request, query, place };
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Box::pin(dispatch(&call, target)).await;
    }
    let allowance = allow_change(context, &call.principal, deps.changes).await?;
    if let Some(wait) = allowance.refused_for {
        return Err(ApiError::too_many_changes(allowance, wait));
    }
    let reply = Box::pin(dispatch(&call, target)).await.unwrap_or_else(|error| error.into_reply(context.now()));
    Ok(reply.allowing(&allowance))
}

/// What a path names, and the org in it: with `experimental` before or behind the org, or without either.
fn target<'a>(segments: &[&'a str]) -> Option<(Option<&'a str>, Target<'a>)> {
    let (org, rest) = match segments {
        ["experimental", "organizations", org, rest @ ..]
        | ["organizations", org, "experimental", rest @ ..]
        | ["organizations", org, rest @ ..] => (Some(*org), rest),
        ["experimental", rest @ ..] | rest => (None, rest),
    };
    let target = match rest {
        ["data-exports"] => Target::Exports,
        ["data-exports", id] => Target::Export(id),
        ["organization-exports"] => Target::Organization,
        ["organization-exports", id] => Target::OrganizationExport(id),
        ["files", id] => Target::File(id),
        ["files", id, "download"] => Target::Download(id),
        ["users", id] => Target::User(id),
        _ => return None,
    };
    Some((org, target))
}

/// Where the caller found us.
fn base(request: &Request) -> String {
    let (scheme, host) = (request.uri().scheme_str().unwrap_or("https"), request.uri().authority());
    format!("{scheme}://{}", host.map_or("", http::uri::Authority::as_str))
}

async fn dispatch(call: &Call<'_>, target: Target<'_>) -> Result<Reply, ApiError> {
    match (call.request.method().as_str(), target) {
        ("GET", Target::Exports) => list_data_exports::list_data_exports(call).await,
        ("POST", Target::Exports) => queue_data_export::queue_data_export(call).await,
        ("GET", Target::Export(id)) => read_data_export::read_data_export(call, id).await,
        ("PUT", Target::Export(id)) => Box::pin(put_data_export::put_data_export(call, id)).await,
        ("DELETE", Target::Export(id)) => delete_data_export::delete_data_export(call, id).await,
        (_, Target::Export(_)) => Err(ApiError::not_allowed("GET, PUT, DELETE")),
        ("GET", Target::Organization) => list_organization_exports::list_organization_exports(call).await,
        ("POST", Target::Organization) => make_organization_export::make_organization_export(call).await,
        (_, Target::Exports | Target::Organization) => Err(ApiError::not_allowed("GET, POST")),
        ("GET", Target::OrganizationExport(id)) => read_organization_export::read_organization_export(call, id).await,
        ("GET", Target::File(id)) => read_file::read_file(call, id).await,
        ("GET", Target::Download(id)) => download_file::download_file(call, id).await,
        ("GET", Target::User(id)) => read_user::read_user(call, id).await,
        (_, Target::OrganizationExport(_) | Target::File(_) | Target::Download(_) | Target::User(_)) => {
            Err(ApiError::not_allowed("GET"))
        }
    }
}

#[cfg(test)]
mod organization_tests;
#[cfg(test)]
mod tests;
