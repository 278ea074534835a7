//! Telling who calls: by an API key, by a request signature, or as the operator.

use crate::retry::Attempts;
use crate::{Context, Error};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use waybill_domain::{
    AccessKey, AccountId, CommitId, KeyPointer, KeySecret, NonceUse, Principal, RequestSignature, SignatureUse,
};
use waybill_ports::{PortError, SealContext, SecretVault, Stored};

/// How exact the time of a key's last use is; writing it at every request would double their cost.
const LAST_USE_PRECISION: Duration = Duration::from_mins(5);
/// How long behind its window a nonce is remembered, so that no clock step lets it in again.
const NONCE_MARGIN: Duration = Duration::from_mins(5);

/// The same words for a key that is unknown, revoked or expired, so that nobody learns which.
const BAD_KEY: Error = Error::Unauthenticated { reason: "the API key is not valid" };
/// The same words for an unknown pair and a wrong signature.
const BAD_SIGNATURE: Error = Error::InvalidSignature { reason: "the request signature is not valid" };

/// The operator's key, of which only the digest stays in memory.
#[derive(Clone, Debug)]
pub struct OperatorKey([u8; 32]);

impl OperatorKey {
    /// The key whose secret is `secret`.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether `offered` is that secret; takes the same time whatever it is.
    pub fn is(&self, offered: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(offered.as_bytes()).into();
        self.0.ct_eq(&digest).into()
    }
}

/// Who holds this API key.
///
/// # Errors
/// `Unauthenticated` when it is unknown, revoked or expired; `Throttled`, `Unavailable`, `Internal`.
pub async fn authenticate_key(context: &Context, secret: &KeySecret) -> Result<Principal, Error> {
    let digest = secret.digest();
    let found = good_key(context, &KeyPointer::of_digest(&digest)).await?.ok_or(BAD_KEY)?;
    if !bool::from(found.value.digest.0.as_bytes().ct_eq(digest.0.as_bytes())) {
        return Err(BAD_KEY);
    }
    let principal = principal_of(context, &found.value).await?.ok_or(BAD_KEY)?;
    note_use(context, found).await;
    Ok(principal)
}

/// Who signed this request. Its nonce is used up by that, and only once the signature is known to be right.
///
/// # Errors
/// `StaleSignature` outside the window; `InvalidSignature` when the pair is unknown, revoked or expired, the signature
/// wrong, its nonce used before or its nonces used up; `Throttled`, `Unavailable`, `Internal`.
pub async fn authenticate_signature(
    context: &Context,
    vault: &dyn SecretVault,
    signature: &RequestSignature,
) -> Result<Principal, Error> {
    let now = context.now();
    if !signature.is_fresh(now) {
        return Err(Error::StaleSignature);
    }
    let offered = hex::decode(&signature.signature).map_err(|_| BAD_SIGNATURE)?;
    let found = good_key(context, &KeyPointer::of_pair(&signature.api_key)).await?.ok_or(BAD_SIGNATURE)?;
    let pair = found.value.signature.as_ref().filter(|pair| pair.api_key == signature.api_key);
    let pair = pair.ok_or(BAD_SIGNATURE)?;
    let seal = seal_context(&found.value, &pair.api_key);
    let secret = vault.open(&seal, &pair.sealed_secret).await?;
    let key = [pair.api_key.as_bytes(), &secret].concat();
    // Any length is a key to HMAC.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| BAD_SIGNATURE)?;
    mac.update(signature.message().as_bytes());
    mac.verify_slice(&offered).map_err(|_| BAD_SIGNATURE)?;
    let principal = principal_of(context, &found.value).await?.ok_or(BAD_SIGNATURE)?;
    use_nonce(context, signature, hex::encode(&offered)).await?;
    note_use(context, found).await;
    Ok(principal)
}

/// The same caller, acting as another account of its org: what an administrator's key may, with at most its own role.
///
/// # Errors
/// `Forbidden`, in the same words for an account that is not there, another org's or locked; `Throttled`, `Unavailable`,
/// `Internal`.
pub async fn act_as(context: &Context, principal: &Principal, account: AccountId) -> Result<Principal, Error> {
    if account == principal.account {
        return Ok(principal.clone());
    }
    if !principal.is_admin() || principal.key_used().is_none() {
        return Err(Error::Forbidden { reason: "only an administrator's key may act as another account" });
    }
    let found = context.rows().account(&principal.org, account).await?.map(|account| account.value);
    let found = found.filter(|account| !account.locked);
    let found = found.ok_or(Error::Forbidden { reason: "there is no such account to act as" })?;
    Ok(Principal::of(&found, principal.role, principal.scopes.clone(), principal.key))
}

/// What a signature pair's secret is sealed with.
pub(crate) fn seal_context(key: &AccessKey, api_key: &str) -> SealContext {
    SealContext { org: key.org.clone(), purpose: format!("signature:{api_key}") }
}

pub(crate) async fn good_key(context: &Context, credential: &str) -> Result<Option<Stored<AccessKey>>, Error> {
    let Some(pointer) = context.rows().key_pointer(credential).await? else { return Ok(None) };
    let key = context.rows().access_key(&pointer.value.org, pointer.value.key).await?;
    Ok(key.filter(|key| key.value.is_good(context.now())))
}

/// The principal that a key stands for; a key never gives more than its account has now.
pub(crate) async fn principal_of(context: &Context, key: &AccessKey) -> Result<Option<Principal>, Error> {
    let account = context.rows().account(&key.org, key.account).await?;
    let account = account.map(|account| account.value).filter(|account| !account.locked);
    Ok(account.map(|account| Principal::of(&account, key.role, key.scopes.clone(), key.id)))
}

/// Best effort: a lost race or an unanswered call costs some minutes of precision and nothing else.
pub(crate) async fn note_use(context: &Context, key: Stored<AccessKey>) {
    let now = context.now();
    if key.value.last_used_at.is_some_and(|last| now.since(last) < LAST_USE_PRECISION) {
        return;
    }
    let used = AccessKey { last_used_at: Some(now), ..key.value };
    let mut transaction = context.transaction();
    let written = match transaction.update(key.version, &used) {
        Ok(transaction) => transaction.commit(&*context.state).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::debug!(org = %used.org, key = %used.id, %error, "last use of a key not noted");
    }
}

/// Takes the nonce, and counts it to the signature, in one transaction.
async fn use_nonce(context: &Context, request: &RequestSignature, signature: String) -> Result<(), Error> {
    let (rows, now) = (context.rows(), context.now());
    let forget_at = request.timestamp.after(RequestSignature::WINDOW).after(NONCE_MARGIN);
    let mut tried: Vec<CommitId> = Vec::new();
    let mut attempts = Attempts::new(context);
    loop {
        let nonce = rows.nonce(&request.api_key, &request.nonce).await?;
        if let Some(nonce) = nonce.as_ref().filter(|nonce| now < nonce.value.expires_at) {
            // An attempt of ours whose reply was lost.
            if tried.contains(&nonce.version) {
                return Ok(());
            }
            return Err(Error::InvalidSignature { reason: "the nonce was used before" });
        }
        let uses = rows.signature(&request.api_key, &signature).await?;
        let count = uses.as_ref().filter(|uses| now < uses.value.expires_at).map_or(0, |uses| uses.value.count);
        if count >= RequestSignature::MAX_NONCES {
            return Err(Error::InvalidSignature { reason: "the signature was used with too many nonces" });
        }
        let nonce_use =
            NonceUse { api_key: request.api_key.clone(), nonce: request.nonce.clone(), expires_at: forget_at };
        let signature_use = SignatureUse {
            api_key: request.api_key.clone(),
            signature: signature.clone(),
            count: count + 1,
            expires_at: forget_at,
        };
        let mut transaction = context.transaction();
        tried.push(transaction.commit_id());
        transaction
            .upsert(nonce.map(|nonce| nonce.version), &nonce_use)?
            .upsert(uses.map(|uses| uses.version), &signature_use)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => retry(&mut attempts, error).await?,
        }
    }
}

async fn retry(attempts: &mut Attempts<'_>, error: PortError) -> Result<(), Error> {
    Ok(attempts.after(error).await?)
}
