//! The credentials of the Sigma surface: its own keys in a header of their own, and bearers.

use crate::credential::{AUTHORIZATION, CredentialError, bearer, header, malformed};
use lambda_http::Request;
use waybill_app::{Context, authenticate_bearer, authenticate_key};
use waybill_domain::{KeySecret, KeySecretError, Principal, SessionToken};

/// The header of its keys.
pub const SIGMA_KEY: &str = "x-sigma-apikey";

/// Who calls: by a key of that surface, or as bearer of a session's token or of a Waybill API key. The key goes first.
///
/// # Errors
/// [`CredentialError`], none of it about signatures or cookies, which are not looked at.
pub async fn authenticate_sigma(context: &Context, request: &Request) -> Result<Principal, CredentialError> {
    if let Some(text) = header(request, SIGMA_KEY)? {
        let secret = KeySecret::parse_sigma(text).map_err(|error| wrong_key(SIGMA_KEY, error))?;
        return Ok(authenticate_key(context, &secret).await?);
    }
    let text = bearer(request)?.ok_or(CredentialError::Missing)?;
    if let Some(token) = SessionToken::parse(text) {
        return Ok(authenticate_bearer(context, &token).await?);
    }
    let secret = KeySecret::parse(text).or_else(|error| KeySecret::parse_sigma(text).map_err(|_| error));
    Ok(authenticate_key(context, &secret.map_err(|error| wrong_key(AUTHORIZATION, error))?).await?)
}

/// The session's token that a request has as bearer.
///
/// # Errors
/// `Missing`, `Malformed`.
pub fn session_token(request: &Request) -> Result<SessionToken, CredentialError> {
    let text = bearer(request)?.ok_or(CredentialError::Missing)?;
    SessionToken::parse(text).ok_or_else(|| malformed(AUTHORIZATION, "is no token of a login"))
}

fn wrong_key(name: &'static str, error: KeySecretError) -> CredentialError {
    match error {
        KeySecretError::Form => malformed(name, "is not an API key of this surface, nor a token"),
        KeySecretError::Checksum => malformed(name, "is no whole API key, by its checksum: was all of it copied?"),
    }
}
