//! Signing in with an e-mail address and a password for a token that programs send as bearer, where no path names the org.

use crate::passwords::Passwords;
use crate::sign_in::{BAD_PASSWORD, BAD_SESSION, SignIn, check, of_account};
use crate::{Context, Error};
use secrecy::SecretString;
use waybill_domain::{Account, AuditAction, Email, OrgCode, Password, Principal, Session, SessionToken};
use waybill_ports::Stored;

/// Most orgs in which one address is looked for.
const MAX_ORGS: usize = 10;
/// Where attempts at an address that no org has are counted.
const NO_ORG: &str = "no-org";

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub struct SignInForToken {
    /// The org; `None` = the one where that address has that password.
    pub org: Option<OrgCode>,
    /// The address, as it was sent.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// Where the attempt comes from: an IP address.
    pub address: String,
}

/// A session whose token a program sends. Does not print it.
#[derive(Debug)]
pub struct TokenSession {
    /// Who signed in.
    pub account: Account,
    /// That one as a caller.
    pub principal: Principal,
    /// The token; good for 24 hours, or until the account's password changes.
    pub token: SessionToken,
}

/// Begins a session for a program.
///
/// # Errors
/// `Unauthenticated` in the same words whatever is wrong; `Conflict` when the address has that password in several orgs;
/// `Throttled` after too many attempts; `Unavailable`, `Internal`.
pub async fn sign_in_for_token(
    context: &Context,
    passwords: &Passwords,
    attempt: &SignInForToken,
) -> Result<TokenSession, Error> {
    let orgs = match &attempt.org {
        Some(org) => vec![org.clone()],
        None => orgs_of(context, &attempt.email).await?,
    };
    let (mut found, mut refused) = (None, BAD_PASSWORD);
    for org in orgs {
        let SignInForToken { email, password, address, .. } = attempt.clone();
        match check(context, passwords, &SignIn { org, email, password, address }).await {
            Ok(_) if found.is_some() => {
                let reason = "this address and password are good in several workspaces; name one with `workspace`";
                return Err(Error::Conflict { reason: reason.to_owned() });
            }
            Ok(one) => found = Some(one),
            Err(Error::Unauthenticated { .. }) => {}
            Err(error) => refused = error,
        }
    }
    let (account, password) = found.ok_or(refused)?;
    begin(context, account, Some(&password)).await
}

/// The orgs that have an account with that address; one that is nobody's where none has, so that the work is the same.
async fn orgs_of(context: &Context, email: &str) -> Result<Vec<OrgCode>, Error> {
    let homes = match Email::parse(email) {
        Ok(email) => context.rows().email_homes(&email.folded(), MAX_ORGS).await?.0,
        Err(_) => Vec::new(),
    };
    if homes.is_empty() {
        return Ok(NO_ORG.parse().into_iter().collect());
    }
    Ok(homes.into_iter().map(|home| home.value.org).collect())
}

async fn begin(
    context: &Context,
    account: Stored<Account>,
    password: Option<&Stored<Password>>,
) -> Result<TokenSession, Error> {
    let mut bytes = [0; 32];
    context.entropy.fill(&mut bytes);
    let (token, now) = (SessionToken::from_randomness(bytes), context.now());
    let session = Session {
        digest: token.digest(),
        org: account.value.org.clone(),
        account: account.value.id,
        // No browser has it.
        fingerprint: token.digest(),
        created_at: now,
        used_at: now,
        expires_at: now.after(Session::BEARER_LIFETIME),
        bearer: true,
    };
    let principal = of_account(&account.value);
    let audit =
        context.audit_entry(&session.org, Some(&principal), AuditAction::SignedIn, account.value.id.to_string());
    let mut transaction = context.transaction();
    // A password that is changed, or an account that is locked, while this runs lets nobody in.
    transaction.insert(&session)?.insert(&audit)?.check(&account);
    if let Some(password) = password {
        transaction.check(password);
    }
    match transaction.commit(&*context.state).await {
        Ok(_) => Ok(TokenSession { account: account.value, principal, token }),
        Err(error) if error.is_conflict() => Err(Error::Throttled { retry_after: None }),
        Err(error) => Err(error.into()),
    }
}

async fn holder(context: &Context, token: &SessionToken) -> Result<Stored<Account>, Error> {
    let session = context.rows().session(&token.digest()).await?.ok_or(BAD_SESSION)?.value;
    if !session.bearer || !session.is_good(context.now()) {
        return Err(BAD_SESSION);
    }
    let account = context.rows().account(&session.org, session.account).await?.ok_or(BAD_SESSION)?;
    let over = account.value.sessions_since.is_some_and(|since| session.created_at < since);
    if over || account.value.locked { Err(BAD_SESSION) } else { Ok(account) }
}

/// Whose token this is.
///
/// # Errors
/// `Unauthenticated` in the same words whatever is wrong; `Throttled`, `Unavailable`, `Internal`.
pub async fn authenticate_bearer(context: &Context, token: &SessionToken) -> Result<Principal, Error> {
    Ok(of_account(&holder(context, token).await?.value))
}

/// Gives another token for one that is good, which stays good until its own end: requests run side by side.
///
/// # Errors
/// As [`authenticate_bearer`].
pub async fn refresh_token(context: &Context, token: &SessionToken) -> Result<TokenSession, Error> {
    begin(context, holder(context, token).await?, None).await
}
