//! The Cortex surface, `/{org}/v2/…`: exports as clients of that product's API know them.
//!
//! [`handle`] answers every request, whatever goes wrong, with a body that the product's client understands: objects,
//! lists, results, and faults for all else. Routes stand in `routes`, one file each; what is sent and read in `wire`.
//! What is documented and not built yet is refused by name, never ignored.

mod config;
mod deps;
mod error;
mod fault;
mod openapi;
mod reply;
mod routes;
#[cfg(test)]
mod stage;
mod wire;

pub use config::Config;
pub use deps::Deps;
pub use openapi::openapi;

use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request_id = waybill_http::request_id(&request);
    let context = deps.context.for_request(request_id.clone());
    let reply = match routes::answer(deps, &context, &request).await {
        Ok(reply) => reply,
        Err(fault) => reply::Reply::fault(&fault),
    };
    reply.into_response(context.now(), &request_id)
}
