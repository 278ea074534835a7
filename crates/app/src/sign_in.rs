//! Signing in with an e-mail address and a password, and what a session is good for.

use crate::passwords::Passwords;
use crate::retry::Attempts;
use crate::{Context, Error};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use waybill_domain::{
    Account, AuditAction, Email, KeyId, OrgCode, Password, Principal, Session, SessionToken, SignInCount, Timestamp,
};
use waybill_ports::Stored;

/// The same words for an unknown address, a wrong password, an account without one, and one that is locked.
pub(crate) const BAD_PASSWORD: Error = Error::Unauthenticated { reason: "the e-mail or the password is not right" };
/// The same words for a session that is unknown, over, or of another browser.
pub(crate) const BAD_SESSION: Error = Error::Unauthenticated { reason: "there is no such session; sign in again" };

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The org, which may not exist.
    pub org: OrgCode,
    /// The address, as it was sent.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// Where the attempt comes from: an IP address.
    pub address: String,
}

/// A session that has begun, with what the browser is to keep. Does not print it.
#[derive(Debug)]
pub struct SignedIn {
    /// Who signed in.
    pub account: Account,
    /// That one as a caller.
    pub principal: Principal,
    /// The session's token.
    pub token: SessionToken,
    /// The browser's fingerprint.
    pub fingerprint: SessionToken,
    /// A token against forged requests.
    pub csrf: String,
}

/// Begins a session. `fingerprint` is the one that the browser has already, for sessions in other orgs.
///
/// # Errors
/// `Unauthenticated` in the same words, and after the same work, whatever is wrong; `Throttled` after too many attempts
/// at that address or from there; `Unavailable`, `Internal`.
pub async fn sign_in(
    context: &Context,
    passwords: &Passwords,
    attempt: &SignIn,
    fingerprint: Option<SessionToken>,
) -> Result<SignedIn, Error> {
    let (account, password) = check(context, passwords, attempt).await?;
    let random = || {
        let mut bytes = [0; 32];
        context.entropy.fill(&mut bytes);
        SessionToken::from_randomness(bytes)
    };
    let (token, now) = (random(), context.now());
    let fingerprint = fingerprint.unwrap_or_else(random);
    let session = Session {
        digest: token.digest(),
        org: account.value.org.clone(),
        account: account.value.id,
        fingerprint: fingerprint.digest(),
        created_at: now,
        used_at: now,
        expires_at: now.after(Session::LIFETIME),
        bearer: false,
    };
    let principal = of_account(&account.value);
    let audit =
        context.audit_entry(&session.org, Some(&principal), AuditAction::SignedIn, account.value.id.to_string());
    let mut transaction = context.transaction();
    // A password that is changed, or an account that is locked, while this runs lets nobody in.
    transaction.insert(&session)?.insert(&audit)?.check(&account).check(&password);
    match transaction.commit(&*context.state).await {
        Ok(_) => {}
        Err(error) if error.is_conflict() => return Err(Error::Throttled { retry_after: None }),
        Err(error) => return Err(error.into()),
    }
    let csrf = csrf_token(&token, now);
    Ok(SignedIn { account: account.value, principal, token, fingerprint, csrf })
}

/// Who has that e-mail address and password. Nothing is remembered of it but that it was tried.
///
/// # Errors
/// As [`sign_in`].
pub async fn authenticate_password(
    context: &Context,
    passwords: &Passwords,
    attempt: &SignIn,
) -> Result<Principal, Error> {
    Ok(of_account(&check(context, passwords, attempt).await?.0.value))
}

pub(crate) fn of_account(account: &Account) -> Principal {
    Principal::of(account, account.role, std::collections::BTreeSet::new(), KeyId::of_account(account.id))
}

pub(crate) async fn check(
    context: &Context,
    passwords: &Passwords,
    attempt: &SignIn,
) -> Result<(Stored<Account>, Stored<Password>), Error> {
    // Counted before it is looked at, so that attempts side by side are not more than attempts in a row.
    count(context, attempt).await?;
    let found = find(context, attempt).await?;
    let kept = found.as_ref().map(|(_, password)| password.value.hash.as_str());
    let right = passwords.matches(kept, attempt.password.expose_secret())?;
    match found.filter(|(account, _)| right && !account.value.locked) {
        Some(found) => {
            forget(context, attempt).await;
            Ok(found)
        }
        None => Err(BAD_PASSWORD),
    }
}

async fn find(context: &Context, attempt: &SignIn) -> Result<Option<(Stored<Account>, Stored<Password>)>, Error> {
    let Ok(email) = Email::parse(&attempt.email) else { return Ok(None) };
    let rows = context.rows();
    let Some(claim) = rows.email(&attempt.org, &email.folded()).await? else { return Ok(None) };
    let account = rows.account(&attempt.org, claim.value.account).await?;
    let password = rows.password(&attempt.org, claim.value.account).await?;
    Ok(account.zip(password))
}

fn subjects(attempt: &SignIn) -> [(String, u32); 2] {
    [
        (SignInCount::of_email(&attempt.email), SignInCount::PER_ACCOUNT),
        (SignInCount::of_address(&attempt.address), SignInCount::PER_ADDRESS),
    ]
}

async fn count(context: &Context, attempt: &SignIn) -> Result<(), Error> {
    let mut attempts = Attempts::new(context);
    loop {
        let mut transaction = context.transaction();
        for (subject, most) in subjects(attempt) {
            let before = context.rows().sign_ins(&attempt.org, &subject).await?;
            let known = before.as_ref().map(|before| &before.value);
            let next = SignInCount::another(known, &attempt.org, &subject, most, context.now())
                .map_err(|wait| Error::Throttled { retry_after: Some(wait) })?;
            transaction.upsert(before.map(|before| before.version), &next)?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// A right password was no guess. Best effort: at worst somebody waits who need not.
async fn forget(context: &Context, attempt: &SignIn) {
    for (subject, _) in subjects(attempt) {
        let Ok(Some(count)) = context.rows().sign_ins(&attempt.org, &subject).await else { continue };
        let mut transaction = context.transaction();
        let left = match count.value.attempts {
            more @ 2.. if subject.starts_with("address:") => SignInCount { attempts: more - 1, ..count.value.clone() },
            _ => {
                transaction.delete(&count);
                _ = transaction.commit(&*context.state).await;
                continue;
            }
        };
        if transaction.update(count.version, &left).is_ok() {
            _ = transaction.commit(&*context.state).await;
        }
    }
}

/// What a browser sends of its session.
#[derive(Clone, Debug)]
pub struct SessionProof {
    /// The session's token.
    pub token: SessionToken,
    /// The browser's fingerprint.
    pub fingerprint: SessionToken,
}

/// A session that is good.
#[derive(Clone, Debug)]
pub struct SessionCaller {
    /// Who signed in.
    pub principal: Principal,
    /// A new token against forged requests, for the reply.
    pub csrf: String,
    session: Session,
    token: SessionToken,
}

impl SessionCaller {
    /// Whether `offered` shows that the request was made by whoever reads our replies, and not only by the browser.
    ///
    /// A token is its time and a MAC over it under the session's own token, so nothing is stored and every reply brings
    /// another. One stays good until ten minutes after a later one was given out: requests run side by side.
    pub fn takes_csrf(&self, offered: &str, now: Timestamp) -> bool {
        let Some((millis, _)) = offered.split_once('-') else { return false };
        let Ok(millis) = millis.parse() else { return false };
        let issued = Timestamp::from_millis(millis);
        let same: bool = csrf_token(&self.token, issued).as_bytes().ct_eq(offered.as_bytes()).into();
        same && self.session.takes_csrf_of(issued, now)
    }
}

fn csrf_token(token: &SessionToken, at: Timestamp) -> String {
    let millis = at.as_millis();
    // Any length is a key to HMAC; without one, no token is ever right.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.expose().as_bytes()) else { return String::new() };
    mac.update(format!("csrf;{millis}").as_bytes());
    format!("{millis}-{}", hex::encode(mac.finalize().into_bytes()))
}

/// Whose session this is.
///
/// # Errors
/// `Unauthenticated` in the same words whatever is wrong; `Throttled`, `Unavailable`, `Internal`.
pub async fn authenticate_session(context: &Context, proof: &SessionProof) -> Result<SessionCaller, Error> {
    let now = context.now();
    let stored = context.rows().session(&proof.token.digest()).await?.ok_or(BAD_SESSION)?;
    let same: bool = stored.value.fingerprint.as_bytes().ct_eq(proof.fingerprint.digest().as_bytes()).into();
    if !same || stored.value.bearer || !stored.value.is_good(now) {
        return Err(BAD_SESSION);
    }
    let account = context.rows().account(&stored.value.org, stored.value.account).await?.ok_or(BAD_SESSION)?.value;
    if account.locked || account.sessions_since.is_some_and(|since| stored.value.created_at < since) {
        return Err(BAD_SESSION);
    }
    let (principal, csrf) = (of_account(&account), csrf_token(&proof.token, now));
    let caller = SessionCaller { principal, csrf, session: stored.value.clone(), token: proof.token.clone() };
    note_use(context, stored).await;
    Ok(caller)
}

/// Best effort: a lost race costs a minute of precision.
async fn note_use(context: &Context, stored: Stored<Session>) {
    let now = context.now();
    if now.since(stored.value.used_at) < Session::PRECISION {
        return;
    }
    let used = Session { used_at: now, ..stored.value };
    let mut transaction = context.transaction();
    if transaction.update(stored.version, &used).is_ok()
        && let Err(error) = transaction.commit(&*context.state).await
    {
        tracing::debug!(org = %used.org, %error, "last use of a session not noted");
    }
}

/// Ends a session; one that is over already is no error.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn sign_out(context: &Context, proof: &SessionProof) -> Result<(), Error> {
    let mut attempts = Attempts::new(context);
    while let Some(stored) = context.rows().session(&proof.token.digest()).await? {
        let mut transaction = context.transaction();
        transaction.delete(&stored);
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
    Ok(())
}
