//! The credentials of a request: an API key, a signature, a token, a password, a session, or the operator's key.

mod either;

pub use either::authenticate_either;

use crate::QueryArguments;
use crate::gateway::source_ip;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use lambda_http::Request;
use secrecy::SecretString;
use waybill_app::ports::SecretVault;
use waybill_app::{
    Context, OperatorKey, Passwords, SessionProof, SignIn, act_as, authenticate_key, authenticate_password,
    authenticate_session, authenticate_signature, authenticate_token,
};
use waybill_domain::{KeySecret, KeySecretError, Principal, RequestSignature, SessionToken, Timestamp};

pub(crate) const AUTHORIZATION: &str = "authorization";
const CLIENT_KEY: &str = "medable-client-key";
const SIGNATURE: &str = "medable-client-signature";
const NONCE: &str = "medable-client-nonce";
const TIMESTAMP: &str = "medable-client-timestamp";
const ACCOUNT: &str = "medable-client-account";
const CSRF: &str = "medable-csrf-token";
/// The cookie that carries a session's token, and the one that tells a browser from others.
pub const SESSION_COOKIE: &str = "md.sid";
/// See [`SESSION_COOKIE`].
pub const FINGERPRINT_COOKIE: &str = "md.fingerprint";

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
    /// A kind of credential that is not taken here.
    #[error("{what} is not taken here; {instead}")]
    Unsupported {
        /// The header, lower case.
        name: &'static str,
        /// Which.
        what: &'static str,
        /// What is taken.
        instead: &'static str,
    },
    /// A change that a session's cookies came with, and not the token that only its own pages have.
    #[error("`medable-csrf-token` must be the one of a reply of the last minutes; take this reply's")]
    Forged {
        /// The token that the reply is to bring.
        csrf: String,
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
    /// Compares passwords.
    pub passwords: &'a Passwords,
    /// The org that the path names, where it names one: the one in which a password or a session is looked for. Without
    /// it neither is taken.
    pub org: Option<&'a str>,
    /// Whether `Medable-Client-Key` may also stand in the query, for clients that cannot set headers.
    pub allow_query: bool,
}

/// Who calls, and what the reply is to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The next token against forged requests, for a session.
    pub csrf: Option<String>,
}

/// Who calls. `command` is the path below the surface's version, as signatures cover it (Cortex §8.1): doubled and
/// trailing slashes are taken out here.
///
/// A signature goes before `Authorization`, and that before an API key as client key, and that before a session's
/// cookies; where two API keys are sent, they must be the same.
///
/// # Errors
/// [`CredentialError`]; of [`CredentialError::Refused`], `Unauthenticated`, `InvalidSignature` and `StaleSignature` are
/// about the credential, `Forbidden` about the account to act as, others about us.
pub async fn authenticate(access: &Access<'_>, request: &Request, command: &str) -> Result<Caller, CredentialError> {
    let mut caller = credential(access, request, command).await?;
    if let Some(account) = header(request, ACCOUNT)? {
        let account = account.parse().map_err(|_| malformed(ACCOUNT, "must be an account's id: 24 hex digits"))?;
        caller.principal = act_as(access.context, &caller.principal, account).await?;
    }
    Ok(caller)
}

async fn credential(access: &Access<'_>, request: &Request, command: &str) -> Result<Caller, CredentialError> {
    let context = access.context;
    let client_key = client_key(access, request)?;
    let signed = [SIGNATURE, NONCE, TIMESTAMP].iter().any(|name| request.headers().contains_key(*name));
    let authorization = header(request, AUTHORIZATION)?;
    let principal = if signed {
        let signature = signature(request, client_key, command)?;
        authenticate_signature(context, access.vault, &signature).await?
    } else if let Some(encoded) = authorization.and_then(|value| of_scheme(value, "basic")) {
        let attempt = sign_in_by(access, request, encoded)?;
        authenticate_password(context, access.passwords, &attempt).await?
    } else if let Some(token) = authorization.and_then(|value| of_scheme(value, "bearer")).filter(|text| is_token(text))
    {
        authenticate_token(context, token).await?
    } else if authorization.is_none()
        && client_key.as_deref().is_none_or(is_pair_name)
        && access.org.is_some()
        && let Some(proof) = session_of(request)
    {
        return by_session(access, request, &proof).await;
    } else {
        let secret = api_key(request, client_key.as_deref())?;
        authenticate_key(context, &secret).await?
    };
    Ok(Caller { principal, csrf: None })
}

async fn by_session(access: &Access<'_>, request: &Request, proof: &SessionProof) -> Result<Caller, CredentialError> {
    let session = authenticate_session(access.context, proof).await?;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let offered = header(request, CSRF)?.unwrap_or_default();
    if !reads && !session.takes_csrf(offered, access.context.now()) {
        return Err(CredentialError::Forged { csrf: session.csrf });
    }
    Ok(Caller { principal: session.principal, csrf: Some(session.csrf) })
}

/// A cookie's value.
fn cookie<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let lines = request.headers().get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The session whose cookies a request brings.
pub fn session_of(request: &Request) -> Option<SessionProof> {
    let token = SessionToken::parse(cookie(request, SESSION_COOKIE)?)?;
    Some(SessionProof { token, fingerprint: browser_of(request)? })
}

/// What a request's browser is known by, if it is.
pub fn browser_of(request: &Request) -> Option<SessionToken> {
    SessionToken::parse(cookie(request, FINGERPRINT_COOKIE)?)
}

fn of_scheme<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let (scheme, credential) = value.split_once(' ')?;
    let credential = credential.trim();
    (scheme.eq_ignore_ascii_case(wanted) && !credential.is_empty()).then_some(credential)
}

/// Whether a bearer credential has the three parts of a JSON Web Token.
fn is_token(text: &str) -> bool {
    text.split('.').count() == 3
}

/// An e-mail address and a password from `Authorization: Basic`.
fn sign_in_by(access: &Access<'_>, request: &Request, encoded: &str) -> Result<SignIn, CredentialError> {
    let Some(org) = access.org else {
        let (what, instead) = ("Basic authentication", "send an API key, a token, or sign the request");
        return Err(CredentialError::Unsupported { name: AUTHORIZATION, what, instead });
    };
    let wrong = || malformed(AUTHORIZATION, "must be base64 of `<e-mail>:<password>` behind `Basic`");
    let plain = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let (email, password) = plain.split_once(':').ok_or_else(wrong)?;
    Ok(SignIn {
        // What is no org's code is no org; the same words as for one that has no such account.
        org: org
            .parse()
            .map_err(|_| waybill_app::Error::Unauthenticated { reason: "the e-mail or the password is not right" })?,
        email: email.to_owned(),
        password: SecretString::from(password),
        address: source_ip(request),
    })
}

/// Whether the operator calls, by the key as bearer.
///
/// # Errors
/// `Missing`, `Malformed`, `Unsupported`, or `Refused` with `Unauthenticated`.
pub fn authenticate_operator(operator: &OperatorKey, request: &Request) -> Result<(), CredentialError> {
    let offered = bearer(request)?.ok_or(CredentialError::Missing)?;
    if operator.is(offered) {
        return Ok(());
    }
    Err(waybill_app::Error::Unauthenticated { reason: "the operator key is not valid" }.into())
}

pub(crate) fn malformed(name: &'static str, reason: impl Into<String>) -> CredentialError {
    CredentialError::Malformed { name, reason: reason.into() }
}

pub(crate) fn header<'a>(request: &'a Request, name: &'static str) -> Result<Option<&'a str>, CredentialError> {
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

pub(crate) fn bearer(request: &Request) -> Result<Option<&str>, CredentialError> {
    let Some(value) = header(request, AUTHORIZATION)? else { return Ok(None) };
    let credential = of_scheme(value, "bearer");
    Ok(Some(credential.ok_or_else(|| malformed(AUTHORIZATION, "must be `Bearer` and an API key"))?))
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
