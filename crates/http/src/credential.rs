//! The credentials of a request: an API key, a request signature, or the operator's key.

use crate::QueryArguments;
use lambda_http::Request;
use waybill_app::ports::SecretVault;
use waybill_app::{Context, OperatorKey, authenticate_key, authenticate_signature};
use waybill_domain::{KeySecret, KeySecretError, Principal, RequestSignature, Timestamp};

const AUTHORIZATION: &str = "authorization";
const CLIENT_KEY: &str = "medable-client-key";
const SIGNATURE: &str = "medable-client-signature";
const NONCE: &str = "medable-client-nonce";
const TIMESTAMP: &str = "medable-client-timestamp";
const ACCOUNT: &str = "medable-client-account";

/// Why a request's credentials do not say who calls.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There are none.
    #[error("a credential is needed: `Authorization: Bearer <API key>`")]
    Missing,
    /// The name of a signature pair came without a signature; it identifies, and authenticates nobody.
    #[error("a client key alone does not authenticate; sign the request, or send an API key")]
    Unsigned,
    /// A header (or the query argument of the same name) is not of its form.
    #[error("`{name}` {reason}")]
    Malformed {
        /// The header, lower case.
        name: &'static str,
        /// What is wrong with it; never its value.
        reason: String,
    },
    /// A kind of credential that is not taken yet.
    #[error("{what} is not available yet; {instead}")]
    Unsupported {
        /// The header, lower case.
        name: &'static str,
        /// Which.
        what: &'static str,
        /// What is taken.
        instead: &'static str,
    },
    /// The credential was looked at and is not good, or could not be looked at.
    #[error(transparent)]
    Refused(#[from] waybill_app::Error),
}

/// What is needed to check credentials.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// State, time and randomness.
    pub context: &'a Context,
    /// Opens the secrets of signature pairs.
    pub vault: &'a dyn SecretVault,
    /// Whether `Medable-Client-Key` may also stand in the query, for clients that cannot set headers.
    pub allow_query: bool,
}

/// Who calls. `command` is the path below the surface's version, as signatures cover it (Cortex §8.1): doubled and
/// trailing slashes are taken out here.
///
/// A signature goes before a bearer key, and that before an API key as client key; where two API keys are sent, they
/// must be the same.
///
/// # Errors
/// [`CredentialError`]; of [`CredentialError::Refused`], `Unauthenticated`, `InvalidSignature` and `StaleSignature` are
/// about the credential, others about us.
pub async fn authenticate(access: &Access<'_>, request: &Request, command: &str) -> Result<Principal, CredentialError> {
    let client_key = client_key(access, request)?;
    let signed = [SIGNATURE, NONCE, TIMESTAMP].iter().any(|name| request.headers().contains_key(*name));
    let principal = if signed {
        let signature = signature(request, client_key, command)?;
        authenticate_signature(access.context, access.vault, &signature).await?
    } else {
        let secret = api_key(request, client_key.as_deref())?;
        authenticate_key(access.context, &secret).await?
    };
    match header(request, ACCOUNT)? {
        Some(account) if account.parse().ok() != Some(principal.account) => {
            let (what, instead) = ("acting as another account", "leave the header out, or name the key's own account");
            Err(CredentialError::Unsupported { name: ACCOUNT, what, instead })
        }
        _ => Ok(principal),
    }
}

/// Whether the operator calls, by the key as bearer.
///
/// # Errors
/// `Missing`, `Unsupported`, or `Refused` with `Unauthenticated`.
pub fn authenticate_operator(operator: &OperatorKey, request: &Request) -> Result<(), CredentialError> {
    let offered = bearer(request)?.ok_or(CredentialError::Missing)?;
    if operator.is(offered) {
        return Ok(());
    }
    Err(waybill_app::Error::Unauthenticated { reason: "the operator key is not valid" }.into())
}

fn malformed(name: &'static str, reason: impl Into<String>) -> CredentialError {
    CredentialError::Malformed { name, reason: reason.into() }
}

fn other_scheme(what: &'static str) -> CredentialError {
    CredentialError::Unsupported { name: AUTHORIZATION, what, instead: "send an API key or sign the request" }
}

fn header<'a>(request: &'a Request, name: &'static str) -> Result<Option<&'a str>, CredentialError> {
    let mut values = request.headers().get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed(name, "is given more than once"));
    }
    let text = value.to_str().map_err(|_| malformed(name, "has characters that are not visible ASCII"))?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}

fn client_key(access: &Access<'_>, request: &Request) -> Result<Option<String>, CredentialError> {
    if let Some(key) = header(request, CLIENT_KEY)? {
        return Ok(Some(key.to_owned()));
    }
    if !access.allow_query {
        return Ok(None);
    }
    // What is wrong with the rest of a query is no matter of credentials: the surface names it when it reads it.
    let Ok(query) = QueryArguments::of(request) else { return Ok(None) };
    let mut names = query.names().filter(|name| name.eq_ignore_ascii_case(CLIENT_KEY));
    let Some(name) = names.next() else { return Ok(None) };
    if names.next().is_some() {
        return Err(malformed(CLIENT_KEY, "is given more than once"));
    }
    let key = query.one(name).map_err(|error| malformed(CLIENT_KEY, error.reason))?;
    Ok(key.filter(|key| !key.is_empty()).map(str::to_owned))
}

fn bearer(request: &Request) -> Result<Option<&str>, CredentialError> {
    let Some(value) = header(request, AUTHORIZATION)? else { return Ok(None) };
    let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Err(other_scheme("Basic authentication"));
    }
    if !scheme.eq_ignore_ascii_case("bearer") || credential.trim().is_empty() {
        return Err(malformed(AUTHORIZATION, "must be `Bearer` and an API key"));
    }
    Ok(Some(credential.trim()))
}

/// The API key of a request that is not signed.
fn api_key(request: &Request, client_key: Option<&str>) -> Result<KeySecret, CredentialError> {
    let parse = |name, text: &str| {
        KeySecret::parse(text).map_err(|error| match error {
            KeySecretError::Form => malformed(name, "is not a Waybill API key"),
            KeySecretError::Checksum => malformed(name, "is no whole API key, by its checksum: was all of it copied?"),
        })
    };
    if let Some(text) = bearer(request)? {
        if text.split('.').count() == 3 {
            return Err(other_scheme("a JSON Web Token"));
        }
        let secret = parse(AUTHORIZATION, text)?;
        // A pair's name beside a bearer key says nothing more; a second API key would be ambiguous.
        if client_key.is_some_and(|other| KeySecret::parse(other).is_ok_and(|other| other != secret)) {
            return Err(malformed(CLIENT_KEY, "is another API key than the bearer's"));
        }
        return Ok(secret);
    }
    match client_key {
        None => Err(CredentialError::Missing),
        Some(name) if is_pair_name(name) => Err(CredentialError::Unsigned),
        Some(text) => parse(CLIENT_KEY, text),
    }
}

/// The form of the vendor's keys, which the public names of signature pairs have.
fn is_pair_name(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn signature(
    request: &Request,
    client_key: Option<String>,
    command: &str,
) -> Result<RequestSignature, CredentialError> {
    let required = |name| header(request, name)?.ok_or_else(|| malformed(name, "is missing from a signed request"));
    let (signature, nonce, timestamp) = (required(SIGNATURE)?, required(NONCE)?, required(TIMESTAMP)?);
    let api_key = client_key.ok_or_else(|| malformed(CLIENT_KEY, "is missing from a signed request"))?;
    if !is_pair_name(&api_key) {
        return Err(malformed(CLIENT_KEY, "must be the 22 characters of a signature pair's key"));
    }
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed(SIGNATURE, "must be 64 hex digits"));
    }
    if nonce.len() != 16 || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(malformed(NONCE, "must be 16 letters and digits"));
    }
    let millis = timestamp.parse().map_err(|_| malformed(TIMESTAMP, "must be milliseconds of Unix time"))?;
    Ok(RequestSignature {
        api_key,
        signature: signature.to_owned(),
        nonce: nonce.to_owned(),
        timestamp: Timestamp::from_millis(millis),
        command: plain_command(command),
        method: request.method().as_str().to_ascii_uppercase(),
    })
}

/// Single slashes, a leading one, no trailing one.
fn plain_command(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.fold(String::new(), |command, segment| command + "/" + segment)
}

#[cfg(test)]
mod tests;
