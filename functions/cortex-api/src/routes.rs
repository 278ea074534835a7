//! Which route answers a request, and for whom.

pub(crate) mod create_export;
pub(crate) mod delete_export;
pub(crate) mod download_content;
pub(crate) mod download_file_content;
pub(crate) mod drive_object;
pub(crate) mod list_exports;
pub(crate) mod list_objects;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod read_data_file;
pub(crate) mod read_export;
pub(crate) mod read_object;
pub(crate) mod read_object_property;
pub(crate) mod read_property;
pub(crate) mod update_export;

use crate::Deps;
use crate::fault::{Fault, Kind};
use crate::objects::Objects;
use crate::reply::Reply;
use lambda_http::Request;
use waybill_app::Context;
use waybill_domain::{ExportId, Principal};
use waybill_http::{Access, Caller, CredentialError, QueryArguments, authenticate, request_path};

/// One request and who makes it.
pub(crate) struct Call<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) context: &'a Context,
    pub(crate) principal: Principal,
    pub(crate) request: &'a Request,
    pub(crate) query: QueryArguments,
}

impl Call<'_> {
    /// Whether the client's `Accept` begins with `media_type`, which is all that the product looks at.
    pub(crate) fn prefers(&self, media_type: &str) -> bool {
        let accept = self.request.headers().get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.trim_start().to_ascii_lowercase().starts_with(media_type))
    }
}

/// Answers a request.
///
/// # Errors
/// The fault to send instead.
pub(crate) async fn answer(deps: &Deps, context: &Context, request: &Request) -> Result<Reply, Fault> {
    let segments: Vec<&str> = request_path(request).split('/').filter(|segment| !segment.is_empty()).collect();
    let [org, "v2", route @ ..] = segments.as_slice() else { return Err(nowhere()) };
    if let ("POST", ["accounts", "login"]) = (request.method().as_str(), route) {
        return login::login(deps, context, request, org).await;
    }
    let access = Access {
        context,
        vault: &*deps.vault,
        passwords: &deps.passwords,
        org: Some(*org),
        allow_query: request.method() == http::Method::GET,
    };
    let caller = match authenticate(&access, request, &route.join("/")).await {
        Err(CredentialError::Forged { csrf }) => {
            let reason = CredentialError::Forged { csrf: String::new() }.to_string();
            let fault = Fault::new(Kind::AccessDenied).because(reason).at("medable-csrf-token");
            return Ok(Reply::fault(&fault).with_csrf(Some(csrf)));
        }
        caller => caller?,
    };
    let csrf = caller.csrf.clone();
    let reply = answer_caller(deps, context, request, caller, org, route).await;
    Ok(reply.unwrap_or_else(|fault| Reply::fault(&fault)).with_csrf(csrf))
}

async fn answer_caller(
    deps: &Deps,
    context: &Context,
    request: &Request,
    caller: Caller,
    org: &str,
    route: &[&str],
) -> Result<Reply, Fault> {
    let principal = caller.principal;
    deps.limiter.admit(context, &principal).await?;
    // Whether another org exists is nobody's business: all of its paths lead nowhere.
    if principal.org.as_str() != org {
        return Err(nowhere());
    }
    let call = Call { deps, context, principal, request, query: QueryArguments::of(request)? };
    dispatch(&call, route).await
}

async fn dispatch(call: &Call<'_>, route: &[&str]) -> Result<Reply, Fault> {
    match (call.request.method().as_str(), route) {
        ("POST", [object, "db", operation]) => drive_object::drive_object(call, object, operation).await,
        ("GET", ["exports"]) => list_exports::list_exports(call).await,
        ("POST", ["exports"]) => create_export::create_export(call).await,
        ("GET", ["exports", id]) => read_export::read_export(call, parse_id(id)?).await,
        ("PATCH" | "PUT", ["exports", id]) => update_export::update_export(call, parse_id(id)?).await,
        ("DELETE", ["exports", id]) => delete_export::delete_export(call, parse_id(id)?).await,
        ("GET", ["exports", id, "dataFile"]) => read_data_file::read_data_file(call, parse_id(id)?).await,
        ("GET", ["exports", id, "dataFile", "content"]) => {
            download_content::download_content(call, parse_id(id)?).await
        }
        ("GET", ["exports", id, property @ ..]) => {
            read_property::read_property(call, parse_id(id)?, &property.join(".")).await
        }
        (method, ["exports", ..]) => {
            let reason = format!("{method} is no operation of this path");
            Err(Fault::new(Kind::UnsupportedOperation).because(reason))
        }
        ("POST", ["accounts", "logout"] | ["accounts", "me", "logout"]) => logout::logout(call).await,
        ("GET", [objects]) => list_objects::list_objects(call, objects).await,
        ("GET", [objects, id]) => read_object::read_object(call, objects, id).await,
        ("GET", [objects, id, property @ ..]) => {
            read_object_property::read_object_property(call, objects, id, &property.join(".")).await
        }
        (method, [objects, ..]) => {
            // Whether there is such an object is said first.
            Objects::named(call, objects).await?;
            let reason = format!("{method} is no operation of this path");
            Err(Fault::new(Kind::UnsupportedOperation).because(reason))
        }
        (_, []) => Err(nowhere()),
    }
}

fn parse_id(text: &str) -> Result<ExportId, Fault> {
    let wrong = |error| Fault::new(Kind::InvalidArgument).because(format!("{error}")).at("export._id");
    text.parse().map_err(|error: waybill_domain::IdError| wrong(error))
}

fn nowhere() -> Fault {
    Fault::new(Kind::NotFound).because("there is nothing at this path")
}

#[cfg(test)]
mod tests;
