//! What the HTTP surfaces have in common before they differ: who calls, what was sent, and where a list goes on.
//!
//! No envelope and no route stands here: every failure is a type of its own, which each surface words its own way.
//! - [`authenticate`] turns the credentials of a request into a [`Caller`],
//!   [`authenticate_operator`] lets the operator in, [`authenticate_either`] is for surfaces with a key's header of their own.
//! - [`preflight`] and [`allow_origin`] let pages of the operator's [`Origins`] in.
//! - [`read_body`], [`parse_json`] and [`parse_form`] read bodies within limits; [`Members`] takes the members of an object one by one
//!   and knows which ones were not asked for.
//! - [`QueryArguments`] reads the query, [`encode_cursor`] and [`decode_cursor`] keep cursors opaque and bound to an
//!   org, [`idempotent_request`] reads `Idempotency-Key`, [`request_id`] and [`request_path`] what the gateway says.

mod body;
mod cors;
mod credential;
mod cursor;
mod form;
mod gateway;
mod idempotency;
mod members;
mod query;
mod sigma_credential;

pub use body::{BODY_LIMIT_BYTES, BULK_LIMIT_BYTES, BodyError, JSON_MAX_DEPTH, JsonError, parse_json, read_body};
pub use cors::{OriginError, Origins, allow_origin, preflight};
pub use credential::{
    Access, Caller, CredentialError, FINGERPRINT_COOKIE, SESSION_COOKIE, authenticate, authenticate_either,
    authenticate_operator, browser_of, session_of,
};
pub use cursor::{CursorError, decode_cursor, encode_cursor};
pub use form::{FormError, parse_form};
pub use gateway::{request_id, request_path, source_ip};
pub use idempotency::{IdempotencyKeyError, idempotent_request};
pub use members::{MAX_LIST_ELEMENTS, MAX_PROBLEMS, Members, Problem};
pub use query::{QueryArguments, QueryError};
pub use sigma_credential::{SIGMA_KEY, authenticate_sigma, session_token};
