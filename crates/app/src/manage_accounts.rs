//! Making, listing, changing and deleting accounts; an administrator's work.

use crate::manage_keys::assert_admin;
use crate::passwords::{Passwords, check_password};
use crate::retry::Attempts;
use crate::{Context, Error, IdempotentRequest, Page};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use waybill_domain::{
    AccessKey, Account, AccountId, AccountName, AuditAction, Email, EmailClaim, EmailHome, MAX_ROLES, OrgCode,
    Password, Principal, Role, RoleName,
};
use waybill_ports::{Stored, Transaction};

/// Keys of an account that are revoked in one commit.
const REVOKED_AT_ONCE: usize = 50;

/// An account to be made.
#[derive(Clone, Debug, Default)]
pub struct CreateAccount {
    /// What it is called.
    pub name: AccountName,
    /// Its e-mail address.
    pub email: Option<Email>,
    /// What it may do; `None` = member.
    pub role: Option<Role>,
    /// The org's own roles that it has.
    pub roles: BTreeSet<RoleName>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Whether it is kept out from the beginning.
    pub locked: bool,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// What is changed of an account; `None` leaves it, `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct ChangeAccount {
    /// What it is called: the given and the family name, each by itself.
    pub name: (Option<String>, Option<String>),
    /// Its e-mail address.
    pub email: Option<Option<Email>>,
    /// What it may do.
    pub role: Option<Role>,
    /// The org's own roles that it has.
    pub roles: Option<BTreeSet<RoleName>>,
    /// Its password.
    pub password: Option<Option<SecretString>>,
    /// Whether it is kept out.
    pub locked: Option<bool>,
}

fn check_roles(roles: &BTreeSet<RoleName>) -> Result<(), Error> {
    if roles.len() > MAX_ROLES {
        return Err(Error::invalid("roles", format!("has {} names; at most {MAX_ROLES} are taken", roles.len())));
    }
    let held = [RoleName::of(Role::Admin), RoleName::of(Role::Member)];
    match roles.iter().find(|name| held.contains(name)) {
        Some(name) => {
            Err(Error::invalid("roles", format!("`{name}` is given by `role`; name the org's own roles here")))
        }
        None => Ok(()),
    }
}

fn check_new_password(password: Option<&SecretString>) -> Result<(), Error> {
    let wrong = password.and_then(|password| check_password(password.expose_secret()).err());
    wrong.map_or(Ok(()), |wrong| Err(Error::invalid("password", wrong)))
}

fn claim(account: &Account) -> Option<EmailClaim> {
    let email = account.email.as_ref()?.folded();
    Some(EmailClaim { org: account.org.clone(), email, account: account.id })
}

/// Takes an address, and lets it lead to the org.
fn take(transaction: &mut Transaction, claim: &EmailClaim) -> Result<(), Error> {
    transaction.insert(claim)?.insert(&EmailHome { email: claim.email.clone(), org: claim.org.clone() })?;
    Ok(())
}

/// Gives up an address, if it is that account's.
async fn give_up(context: &Context, transaction: &mut Transaction, claim: &EmailClaim) -> Result<(), Error> {
    let held = context.rows().email(&claim.org, &claim.email).await?;
    if let Some(held) = held.filter(|held| held.value.account == claim.account) {
        transaction.delete(&held);
        if let Some(home) = context.rows().email_home(&claim.email, &claim.org).await? {
            transaction.delete(&home);
        }
    }
    Ok(())
}

async fn assert_free(context: &Context, claim: &EmailClaim) -> Result<(), Error> {
    match context.rows().email(&claim.org, &claim.email).await? {
        Some(other) if other.value.account != claim.account => {
            Err(Error::Conflict { reason: format!("another account of this org has the e-mail `{}`", claim.email) })
        }
        _ => Ok(()),
    }
}

fn kept_password(
    context: &Context,
    passwords: &Passwords,
    account: &Account,
    new: &SecretString,
) -> Result<Password, Error> {
    Ok(Password {
        org: account.org.clone(),
        account: account.id,
        hash: passwords.hash(&*context.entropy, new.expose_secret())?,
        set_at: context.now(),
    })
}

/// Makes an account.
///
/// # Errors
/// `Forbidden` for members; `Invalid` (`roles`, `password`); `Conflict` when its e-mail address is another's, case aside;
/// `IdempotencyMismatch`; `Throttled`, `Unavailable`, `Internal`.
pub async fn create_account(
    context: &Context,
    passwords: &Passwords,
    principal: &Principal,
    command: &CreateAccount,
) -> Result<Account, Error> {
    assert_admin(principal)?;
    check_roles(&command.roles)?;
    check_new_password(command.password.as_ref())?;
    if let Some(request) = &command.idempotency
        && let Some(made) = request.made_before(context, principal).await?
    {
        return made_by(context, principal, made).await;
    }
    let (org, now) = (&principal.org, context.now());
    let account = Account {
        org: org.clone(),
        id: context.entropy.account_id(now),
        name: command.name.clone(),
        email: command.email.clone(),
        role: command.role.unwrap_or(Role::Member),
        roles: command.roles.clone(),
        locked: command.locked,
        sessions_since: None,
        created_at: now,
    };
    let password = command.password.as_ref().map(|new| kept_password(context, passwords, &account, new)).transpose()?;
    let audit = context.audit_entry(org, Some(principal), AuditAction::AccountCreated, account.id.to_string());
    let mut attempts = Attempts::new(context);
    loop {
        let mut transaction = context.transaction();
        transaction.insert(&account)?.insert(&audit)?;
        if let Some(request) = &command.idempotency {
            let used = request.remembered(context, principal).await?;
            // By the same request at the same time, or by an attempt of ours whose reply was lost.
            if let Some(made) = request.made_by(used.as_ref(), context.now())? {
                return made_by(context, principal, made.to_owned()).await;
            }
            let record = request.made((org, principal.key), &account.id, context.now());
            transaction.upsert(used.map(|used| used.version), &record)?;
        }
        if let Some(claim) = claim(&account) {
            assert_free(context, &claim).await?;
            take(&mut transaction, &claim)?;
        }
        if let Some(password) = &password {
            transaction.insert(password)?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(account),
            Err(error) => attempts.after(error).await?,
        }
        // An attempt of ours whose reply was lost.
        if let Some(made) = context.rows().account(org, account.id).await? {
            return Ok(made.value);
        }
    }
}

/// What an earlier request with the same key made, as it is now.
async fn made_by(context: &Context, principal: &Principal, made: String) -> Result<Account, Error> {
    let gone = || Error::NotFound { kind: "account", id: made.clone() };
    let id: AccountId = made.parse().map_err(|_| gone())?;
    Ok(context.rows().account(&principal.org, id).await?.ok_or_else(gone)?.value)
}

/// Accounts of the caller's org beyond `after`, oldest first.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_accounts(
    context: &Context,
    principal: &Principal,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Page<Account, AccountId>, Error> {
    assert_admin(principal)?;
    let (accounts, more) = context.rows().accounts(&principal.org, after, limit).await?;
    Ok(Page::of(accounts, more, |account| account.id))
}

/// The caller's own account.
///
/// # Errors
/// `NotFound` when it was deleted meanwhile; `Throttled`, `Unavailable`, `Internal`.
pub async fn own_account(context: &Context, principal: &Principal) -> Result<Account, Error> {
    Ok(existing(context, &principal.org, principal.account).await?.value)
}

/// An account of the caller's org, as far as the caller may see it: administrators see every one, members their own.
///
/// # Errors
/// `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_account(context: &Context, principal: &Principal, id: AccountId) -> Result<Account, Error> {
    if !principal.is_admin() && id != principal.account {
        return Err(Error::NotFound { kind: "account", id: id.to_string() });
    }
    Ok(existing(context, &principal.org, id).await?.value)
}

async fn existing(context: &Context, org: &OrgCode, id: AccountId) -> Result<Stored<Account>, Error> {
    let account = context.rows().account(org, id).await?;
    account.ok_or_else(|| Error::NotFound { kind: "account", id: id.to_string() })
}

/// The caller's own account, which has to be an administrator's still when what it does is done: of two that take each other's rights
/// one comes second, and finds that it has none.
async fn acting(context: &Context, principal: &Principal) -> Result<Stored<Account>, Error> {
    let own = context.rows().account(&principal.org, principal.account).await?;
    let own = own.filter(|own| !own.value.locked && own.value.role == Role::Admin);
    own.ok_or(Error::Forbidden { reason: "the account that you act as is not an administrator's any more" })
}

/// Changes an account. A new password and a lock end its sessions.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Invalid` (`roles`, `password`); `Conflict` when its e-mail address is
/// another's, or when administrators would lock themselves out; `Throttled`, `Unavailable`, `Internal`.
pub async fn change_account(
    context: &Context,
    passwords: &Passwords,
    principal: &Principal,
    id: AccountId,
    change: &ChangeAccount,
) -> Result<Account, Error> {
    assert_admin(principal)?;
    change.roles.as_ref().map_or(Ok(()), check_roles)?;
    check_new_password(change.password.as_ref().and_then(Option::as_ref))?;
    let org = &principal.org;
    let mut hashed = None;
    let mut attempts = Attempts::new(context);
    loop {
        let stored = existing(context, org, id).await?;
        let account = changed(context, &stored.value, change);
        if id == principal.account && (account.locked || account.role < principal.role) {
            return Err(own("locked or given a lesser role"));
        }
        if account == stored.value && change.password.is_none() {
            return Ok(account);
        }
        let mut transaction = context.transaction();
        transaction.update(stored.version, &account)?.insert(&context.audit_entry(
            org,
            Some(principal),
            AuditAction::AccountChanged,
            id.to_string(),
        ))?;
        if id != principal.account {
            transaction.check(&acting(context, principal).await?);
        }
        move_claim(context, &mut transaction, &stored.value, &account).await?;
        if let Some(new) = &change.password {
            if let (None, Some(new)) = (&hashed, new) {
                hashed = Some(kept_password(context, passwords, &account, new)?);
            }
            let kept = context.rows().password(org, id).await?;
            match (&hashed, kept) {
                (Some(password), kept) => _ = transaction.upsert(kept.map(|kept| kept.version), password)?,
                (None, Some(kept)) => _ = transaction.delete(&kept),
                (None, None) => {}
            }
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(account),
            Err(error) => attempts.after(error).await?,
        }
    }
}

fn own(what: &str) -> Error {
    Error::Conflict {
        reason: format!("the account that you act as cannot be {what}; have another administrator do it"),
    }
}

fn changed(context: &Context, account: &Account, change: &ChangeAccount) -> Account {
    let mut account = account.clone();
    let (first, last) = change.name.clone();
    account.name = AccountName { first: first.unwrap_or(account.name.first), last: last.unwrap_or(account.name.last) };
    account.email = change.email.clone().unwrap_or(account.email);
    account.role = change.role.unwrap_or(account.role);
    account.roles = change.roles.clone().unwrap_or(account.roles);
    let locks = change.locked == Some(true) && !account.locked;
    account.locked = change.locked.unwrap_or(account.locked);
    if locks || change.password.is_some() {
        account.sessions_since = Some(context.now());
    }
    account
}

/// Gives up the address that an account had, and takes the one that it has.
async fn move_claim(
    context: &Context,
    transaction: &mut Transaction,
    before: &Account,
    after: &Account,
) -> Result<(), Error> {
    let (old, new) = (claim(before), claim(after));
    if old == new {
        return Ok(());
    }
    if let Some(new) = new {
        assert_free(context, &new).await?;
        take(transaction, &new)?;
    }
    match old {
        Some(old) => give_up(context, transaction, &old).await,
        None => Ok(()),
    }
}

/// Deletes an account: its keys are revoked, its sessions over, its password and its address free.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Conflict` for the caller's own; `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_account(context: &Context, principal: &Principal, id: AccountId) -> Result<(), Error> {
    assert_admin(principal)?;
    let org = &principal.org;
    existing(context, org, id).await?;
    if id == principal.account {
        return Err(own("deleted"));
    }
    let mut attempts = Attempts::new(context);
    let mut seen = false;
    loop {
        let stored = match existing(context, org, id).await {
            // An attempt of ours whose reply was lost.
            Err(Error::NotFound { .. }) if seen => return Ok(()),
            stored => stored?,
        };
        let own = acting(context, principal).await?;
        // Before its keys are touched, so that of two who delete each other one keeps its keys. A deletion that was cut short is carried
        // on by the next.
        if !stored.value.locked {
            let locked = Account { locked: true, sessions_since: Some(context.now()), ..stored.value.clone() };
            let mut transaction = context.transaction();
            transaction.update(stored.version, &locked)?.check(&own);
            if let Err(error) = transaction.commit(&*context.state).await {
                attempts.after(error).await?;
            }
            continue;
        }
        revoke_keys(context, principal, id).await?;
        let mut transaction = context.transaction();
        transaction.check(&own).delete(&stored).insert(&context.audit_entry(
            org,
            Some(principal),
            AuditAction::AccountDeleted,
            id.to_string(),
        ))?;
        if let Some(password) = context.rows().password(org, id).await? {
            transaction.delete(&password);
        }
        if let Some(claim) = claim(&stored.value) {
            give_up(context, &mut transaction, &claim).await?;
        }
        seen = true;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
}

async fn revoke_keys(context: &Context, principal: &Principal, id: AccountId) -> Result<(), Error> {
    let org = &principal.org;
    let (mut after, mut attempts) = (None, Attempts::new(context));
    loop {
        let (keys, more) = context.rows().access_keys(org, after, REVOKED_AT_ONCE).await?;
        let next = keys.last().map(|last| last.value.id);
        let mut transaction = context.transaction();
        for key in keys.into_iter().filter(|key| key.value.account == id && key.value.revoked_at.is_none()) {
            let target = key.value.id.to_string();
            let revoked = AccessKey { revoked_at: Some(context.now()), ..key.value };
            transaction.update(key.version, &revoked)?.insert(&context.audit_entry(
                org,
                Some(principal),
                AuditAction::KeyRevoked,
                target,
            ))?;
        }
        if !transaction.is_empty()
            && let Err(error) = transaction.commit(&*context.state).await
        {
            attempts.after(error).await?;
            continue;
        }
        match next {
            Some(next) if more => after = Some(next),
            _ => return Ok(()),
        }
    }
}
