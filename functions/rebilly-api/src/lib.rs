//! The Rebilly surface, `…/data-exports`, `…/organization-exports`, `…/files` and `…/users`: exports as clients of that product's API know
//! them.
//!
//! [`handle`] answers every request, whatever goes wrong, with a body that the product's clients understand: objects, arrays, and
//! problems for all else. Routes stand in `routes`, one file each; what is sent and read in `wire`. What is asked and cannot be done is
//! refused by name; not read are only what a client sends back as it was shown (`scheduledTime` of a series that says where it begins is
//! that, too) and `criteria`, of which nothing is documented.

mod config;
mod deps;
mod error;
mod openapi;
mod reply;
mod routes;
#[cfg(test)]
mod stage;
mod wire;

pub use config::Config;
pub use deps::Deps;
pub use openapi::openapi;
/// What a [`Config`] is made of.
pub use waybill_http::Origins;

use crate::error::ApiError;
use futures::FutureExt as _;
use lambda_http::{Body, Request, Response};
use std::panic::AssertUnwindSafe;
use waybill_domain::data_id as names;

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    if let Some(response) = waybill_http::preflight(&deps.origins, &request) {
        return response;
    }
    let request_id = waybill_http::request_id(&request);
    let context = deps.context.for_request(request_id.clone());
    // Nothing of a request outlives it, so that no half-done state is seen after a panic.
    let outcome = AssertUnwindSafe(routes::answer(deps, &context, &request)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Err(ApiError::internal()));
    let reply = outcome.unwrap_or_else(|error| error.into_reply(context.now()));
    tracing::info!(request_id, method = %request.method(), status = reply.status(), "answered");
    let mut response = reply.into_response(&request_id);
    waybill_http::allow_origin(&deps.origins, &request, &mut response);
    response
}
