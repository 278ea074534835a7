//! Surfaces that take an API key in a header of their own, a bearer credential, or both.

use super::{AUTHORIZATION, CredentialError, header, is_token, malformed, of_scheme};
use lambda_http::Request;
use waybill_app::{Context, Error, authenticate_key, authenticate_token};
use waybill_domain::{KeySecret, Principal};

/// Who calls, by a bearer credential (an API key or a token) or an API key in the header `name`. Where both are sent the bearer decides
/// if it is good, and else the key.
///
/// # Errors
/// [`CredentialError`], of the bearer where neither is good. What is wrong on our side is told at once.
pub async fn authenticate_either(
    context: &Context,
    request: &Request,
    name: &'static str,
) -> Result<Principal, CredentialError> {
    let (bearer, key) = (header(request, AUTHORIZATION)?, header(request, name)?);
    let Some(bearer) = bearer else {
        return by_key(context, name, key.ok_or(CredentialError::Missing)?).await;
    };
    match (by_bearer(context, bearer).await, key) {
        (Err(error), Some(key)) if is_of_caller(&error) => by_key(context, name, key).await.map_err(|_| error),
        (outcome, _) => outcome,
    }
}

async fn by_bearer(context: &Context, value: &str) -> Result<Principal, CredentialError> {
    let credential = of_scheme(value, "bearer");
    let credential =
        credential.ok_or_else(|| malformed(AUTHORIZATION, "must be `Bearer` and an API key or a token"))?;
    if is_token(credential) {
        Ok(authenticate_token(context, credential).await?)
    } else {
        by_key(context, AUTHORIZATION, credential).await
    }
}

async fn by_key(context: &Context, name: &'static str, text: &str) -> Result<Principal, CredentialError> {
    let secret = KeySecret::parse(text).map_err(|_| malformed(name, "is not a Waybill API key"))?;
    Ok(authenticate_key(context, &secret).await?)
}

/// Whether it is the credential that is not good.
fn is_of_caller(error: &CredentialError) -> bool {
    match error {
        CredentialError::Refused(error) => matches!(error, Error::Unauthenticated { .. }),
        CredentialError::Missing
        | CredentialError::Unsigned
        | CredentialError::Malformed { .. }
        | CredentialError::Unsupported { .. }
        | CredentialError::Forged { .. } => true,
    }
}
