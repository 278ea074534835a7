//! Making, listing and revoking access keys; an administrator's work.

use crate::authenticate::seal_context;
use crate::idempotency::used_before;
use crate::retry::Attempts;
use crate::web_tokens::parse_public_key;
use crate::{Context, Error, IdempotentRequest, Page};
use secrecy::SecretString;
use std::collections::BTreeSet;
use waybill_domain::{
    AccessKey, Account, AccountId, AccountName, AuditAction, IdempotencyRecord, KeyId, KeyPointer, KeySecret,
    Principal, Role, Scope, SignaturePair, Timestamp, TokenKey,
};
use waybill_ports::{Entropy, SecretVault, Stored};

/// Characters of a signature pair's public name; the vendor's clients insist on it.
const PAIR_NAME_CHARS: usize = 22;
/// Characters of a signature pair's secret; likewise.
const PAIR_SECRET_CHARS: usize = 64;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct CreateKey {
    /// A name for people.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Scopes beside the role.
    pub scopes: BTreeSet<Scope>,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// The account that it acts as; `None` makes one of the key's name and role.
    pub account: Option<AccountId>,
    /// Whether it gets a signature pair.
    pub signature: bool,
    /// The RSA or P-256 public key of its tokens, in PEM.
    pub public_key: Option<String>,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// A new key with its secrets, which exist nowhere else. Does not print them.
#[derive(Debug)]
pub struct CreatedKey {
    /// What is stored of it.
    pub key: AccessKey,
    /// The key as its bearer sends it.
    pub secret: KeySecret,
    /// The secret of its signature pair, 64 characters, where one was asked for.
    pub pair_secret: Option<SecretString>,
}

/// What a new key is given, beside its account.
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl CreatedKey {
    /// A key of `account`, without a signature pair, not stored yet.
    pub(crate) fn make(context: &Context, account: &Account, new: NewKey<'_>) -> Self {
        let now = context.now();
        let mut randomness = [0; 64];
        context.entropy.fill(&mut randomness);
        let of_sigma = new.scopes.iter().any(|scope| scope.is_sigma());
        let secret = if of_sigma { KeySecret::for_sigma(&randomness) } else { KeySecret::from_randomness(&randomness) };
        let key = AccessKey {
            org: account.org.clone(),
            id: context.entropy.key_id(now),
            account: account.id,
            name: new.name.to_owned(),
            role: new.role,
            scopes: new.scopes,
            digest: secret.digest(),
            signature: None,
            token: None,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        Self { key, secret, pair_secret: None }
    }

    /// Where its digest leads.
    pub(crate) fn pointer(&self) -> KeyPointer {
        self.pointer_from(KeyPointer::of_digest(&self.key.digest))
    }

    fn pointer_from(&self, credential: String) -> KeyPointer {
        KeyPointer { credential, org: self.key.org.clone(), key: self.key.id }
    }

    /// Where the public name of its signature pair, or its issuer of tokens, leads.
    pub(crate) fn public_pointer(&self) -> Option<KeyPointer> {
        let pair = self.key.signature.as_ref().map(|pair| &pair.api_key);
        let name = pair.or(self.key.token.as_ref().map(|token| &token.issuer))?;
        Some(self.pointer_from(KeyPointer::of_pair(name)))
    }

    fn add_token_key(&mut self, context: &Context, pem: &str) -> Result<(), Error> {
        let (kind, key) = parse_public_key(pem).map_err(|wrong| Error::invalid("publicKey", wrong))?;
        let pair = self.key.signature.as_ref().map(|pair| pair.api_key.clone());
        let issuer = pair.unwrap_or_else(|| base62(&*context.entropy, PAIR_NAME_CHARS));
        self.key.token = Some(TokenKey { issuer, kind, public: hex::encode(key) });
        Ok(())
    }

    async fn add_pair(&mut self, context: &Context, vault: &dyn SecretVault) -> Result<(), Error> {
        let api_key = base62(&*context.entropy, PAIR_NAME_CHARS);
        let secret = base62(&*context.entropy, PAIR_SECRET_CHARS);
        let sealed_secret = vault.seal(&seal_context(&self.key, &api_key), secret.as_bytes()).await?;
        self.key.signature = Some(SignaturePair { api_key, sealed_secret });
        self.pair_secret = Some(SecretString::from(secret));
        Ok(())
    }
}

/// Random letters and digits.
fn base62(entropy: &dyn Entropy, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Bytes from 248 on would make some characters likelier.
        let usable = entropy.eight().into_iter().filter(|byte| *byte < 248);
        let characters = usable.map(|byte| char::from(ALPHABET[usize::from(byte) % 62]));
        text.extend(characters.take(length - text.len()));
    }
    text
}

/// Makes a key, and an account for it unless one is named, in one transaction.
///
/// # Errors
/// `Forbidden` for members; `Invalid` (`account`, `role`, `expiresAt`, `publicKey`, `signature`, `scopes`); `SecretNotRepeated`, `IdempotencyMismatch`;
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn create_key(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    command: &CreateKey,
) -> Result<CreatedKey, Error> {
    assert_admin(principal)?;
    let now = context.now();
    if command.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid("expiresAt", "must lie in the future"));
    }
    check_scopes(command)?;
    let used = used_before(context, principal, command.idempotency.as_ref()).await?;
    let (account, is_new) = account_of(context, principal, command).await?;
    let new = NewKey {
        name: &command.name,
        role: command.role,
        scopes: command.scopes.clone(),
        expires_at: command.expires_at,
    };
    let mut created = CreatedKey::make(context, &account, new);
    if command.signature {
        created.add_pair(context, vault).await?;
    }
    if let Some(pem) = &command.public_key {
        created.add_token_key(context, pem)?;
    }
    store(context, principal, command, used, is_new.then_some(&account), &created).await?;
    Ok(created)
}

/// A key of the Sigma surface is good there only, so nothing of other surfaces goes with it.
fn check_scopes(command: &CreateKey) -> Result<(), Error> {
    let of_sigma = command.scopes.iter().filter(|scope| scope.is_sigma()).count();
    if of_sigma == 0 {
        return Ok(());
    }
    for (field, there) in [
        ("scopes", of_sigma < command.scopes.len()),
        ("signature", command.signature),
        ("publicKey", command.public_key.is_some()),
    ] {
        if there {
            return Err(Error::invalid(
                field,
                "does not go together with `permissions`: such a key is good on the Sigma surface only",
            ));
        }
    }
    Ok(())
}

async fn account_of(context: &Context, principal: &Principal, command: &CreateKey) -> Result<(Account, bool), Error> {
    let Some(id) = command.account else {
        let account = Account {
            org: principal.org.clone(),
            id: context.entropy.account_id(context.now()),
            name: AccountName::of(command.name.clone()),
            email: None,
            role: command.role,
            roles: BTreeSet::new(),
            locked: false,
            sessions_since: None,
            created_at: context.now(),
        };
        return Ok((account, true));
    };
    let account = named(context, principal, id).await?;
    if command.role > account.value.role {
        return Err(Error::invalid("role", "is more than the account's role"));
    }
    Ok((account.value, false))
}

async fn named(context: &Context, principal: &Principal, id: AccountId) -> Result<Stored<Account>, Error> {
    let account = context.rows().account(&principal.org, id).await?;
    account.ok_or_else(|| Error::invalid("account", format!("`{id}` is no account of this org")))
}

async fn store(
    context: &Context,
    principal: &Principal,
    command: &CreateKey,
    mut used: Option<Stored<IdempotencyRecord>>,
    new_account: Option<&Account>,
    created: &CreatedKey,
) -> Result<(), Error> {
    let (org, key) = (&principal.org, &created.key);
    let audit = context.audit_entry(org, Some(principal), AuditAction::KeyCreated, key.id.to_string());
    let mut attempts = Attempts::new(context);
    loop {
        let mut transaction = context.transaction();
        transaction.insert(key)?.insert(&created.pointer())?.insert(&audit)?;
        if let Some(pointer) = created.public_pointer() {
            transaction.insert(&pointer)?;
        }
        match new_account {
            Some(account) => _ = transaction.insert(account)?,
            // It may be deleted meanwhile, and its keys with it.
            None => _ = transaction.check(&named(context, principal, key.account).await?),
        }
        if let Some(request) = &command.idempotency {
            let record = request.made((org, principal.key), &key.id, context.now());
            transaction.upsert(used.as_ref().map(|used| used.version), &record)?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
        // An attempt of ours whose reply was lost; its rows may have been used since, so the key itself is asked for.
        if context.rows().access_key(org, key.id).await?.is_some() {
            return Ok(());
        }
        used = used_before(context, principal, command.idempotency.as_ref()).await?;
    }
}

/// Keys of the caller's org beyond `after`, oldest first, revoked ones included.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_keys(
    context: &Context,
    principal: &Principal,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Page<AccessKey, KeyId>, Error> {
    assert_admin(principal)?;
    let (keys, more) = context.rows().access_keys(&principal.org, after, limit).await?;
    Ok(Page::of(keys, more, |key| key.id))
}

/// Revokes a key: from the reply on it is not good. Again is no error.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Conflict` for the last administrator's key, without which nobody could make
/// another; `Throttled`, `Unavailable`, `Internal`.
pub async fn revoke_key(context: &Context, principal: &Principal, id: KeyId) -> Result<AccessKey, Error> {
    assert_admin(principal)?;
    let org = &principal.org;
    let mut attempts = Attempts::new(context);
    loop {
        let Some(stored) = context.rows().access_key(org, id).await? else {
            return Err(Error::NotFound { kind: "key", id: id.to_string() });
        };
        if stored.value.revoked_at.is_some() {
            return Ok(stored.value);
        }
        if is_last_admin(context, &stored.value).await? {
            return Err(Error::Conflict {
                reason: "this is the last administrator's key that does not expire; make another first".to_owned(),
            });
        }
        let revoked = AccessKey { revoked_at: Some(context.now()), ..stored.value };
        let mut transaction = context.transaction();
        transaction.update(stored.version, &revoked)?.insert(&context.audit_entry(
            org,
            Some(principal),
            AuditAction::KeyRevoked,
            id.to_string(),
        ))?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(revoked),
            Err(error) => attempts.after(error).await?,
        }
    }
}

async fn is_last_admin(context: &Context, key: &AccessKey) -> Result<bool, Error> {
    // A key of the Sigma surface makes no other key.
    let lasting = |key: &AccessKey| {
        key.role == Role::Admin && !key.is_sigma() && key.revoked_at.is_none() && key.expires_at.is_none()
    };
    if !lasting(key) {
        return Ok(false);
    }
    let mut after = None;
    loop {
        let (keys, more) = context.rows().access_keys(&key.org, after, 100).await?;
        for other in keys.iter().filter(|other| other.value.id != key.id && lasting(&other.value)) {
            let account = context.rows().account(&key.org, other.value.account).await?;
            if account.is_some_and(|account| account.value.role == Role::Admin && !account.value.locked) {
                return Ok(false);
            }
        }
        if !more || keys.is_empty() {
            return Ok(true);
        }
        after = keys.last().map(|last| last.value.id);
    }
}

/// Refuses members.
pub(crate) fn assert_admin(principal: &Principal) -> Result<(), Error> {
    if principal.is_admin() { Ok(()) } else { Err(Error::Forbidden { reason: "only administrators may do this" }) }
}
