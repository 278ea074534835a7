//! Making, listing and changing orgs; the operator's work.

use crate::manage_keys::{CreatedKey, NewKey};
use crate::retry::Attempts;
use crate::{Context, Error, IdempotentRequest, Page};
use std::collections::BTreeSet;
use waybill_domain::{Account, AccountName, AuditAction, CommitId, KeyId, Org, OrgCode, Role, Timestamp, Usage};
use waybill_ports::Stored;
use waybill_schedule::Zone;

/// An org to be made.
#[derive(Clone, Debug)]
pub struct CreateOrg {
    /// Its code.
    pub code: OrgCode,
    /// A name for people.
    pub name: String,
    /// Most bytes that its archives may take; `None` = unlimited.
    pub quota_bytes: Option<u64>,
    /// IANA zone that its schedules use where they name none.
    pub zone: String,
    /// Fewest seconds between two slots of a job, at least a minute; `None` = a minute.
    pub min_interval_secs: Option<u32>,
    /// Most exports that may wait in its lane; `None` = unlimited.
    pub max_waiting: Option<u32>,
    /// The operator's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// A new org with its first administrator's key.
#[derive(Debug)]
pub struct CreatedOrg {
    /// The org.
    pub org: Org,
    /// The key, shown this once.
    pub admin: CreatedKey,
}

/// What the operator changes of an org; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeOrg {
    /// A name for people.
    pub name: Option<String>,
    /// Most bytes that its archives may take.
    pub quota: QuotaChange,
    /// Most exports that may wait in its lane.
    pub waiting: WaitingChange,
    /// IANA zone that its schedules use where they name none; that of jobs that there are stays.
    pub zone: Option<String>,
    /// Fewest seconds between two slots of a job; jobs that there are stay as they are.
    pub min_interval_secs: Option<u32>,
}

/// What becomes of an org's quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaChange {
    /// It stays.
    #[default]
    Keep,
    /// There is none any more.
    Unlimited,
    /// That many bytes.
    Bytes(u64),
}

/// What becomes of an org's cap of waiting exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitingChange {
    /// It stays.
    #[default]
    Keep,
    /// There is none any more.
    Unlimited,
    /// That many exports.
    Exports(u32),
}

/// The operator in place of a caller's key.
fn operator() -> KeyId {
    KeyId::new(Timestamp::from_millis(0), [0; 8])
}

/// Makes an org, its first administrator and that one's key, in one transaction.
///
/// An `Idempotency-Key` is remembered in the org that it made: with another code it makes another org.
///
/// # Errors
/// `Conflict` when there is such an org; `SecretNotRepeated`, `IdempotencyMismatch`; `Throttled`, `Unavailable`, `Internal`.
pub async fn create_org(context: &Context, command: &CreateOrg) -> Result<CreatedOrg, Error> {
    let now = context.now();
    let org = Org {
        code: command.code.clone(),
        name: command.name.clone(),
        quota_bytes: command.quota_bytes,
        max_waiting: command.max_waiting,
        zone: known_zone(&command.zone)?,
        min_interval_secs: command.min_interval_secs.map(known_interval).transpose()?,
        created_at: now,
    };
    let account = Account {
        org: org.code.clone(),
        id: context.entropy.account_id(now),
        name: AccountName::of("Administrator"),
        email: None,
        role: Role::Admin,
        roles: BTreeSet::new(),
        locked: false,
        sessions_since: None,
        created_at: now,
    };
    let new_key = NewKey { name: "First administrator", role: Role::Admin, scopes: BTreeSet::new(), expires_at: None };
    let admin = CreatedKey::make(context, &account, new_key);
    let audit = context.audit_entry(&org.code, None, AuditAction::OrgChanged, org.code.as_str());
    let mut tried: Vec<CommitId> = Vec::new();
    let mut attempts = Attempts::new(context);
    loop {
        if let Some(there) = context.rows().org(&org.code).await? {
            // An attempt of ours whose reply was lost.
            if tried.contains(&there.version) {
                break;
            }
            return Err(already_there(context, command).await?);
        }
        let mut transaction = context.transaction();
        tried.push(transaction.commit_id());
        transaction
            .insert(&org)?
            .insert(&Usage::empty(org.code.clone()))?
            .insert(&account)?
            .insert(&admin.key)?
            .insert(&admin.pointer())?
            .insert(&audit)?;
        if let Some(request) = &command.idempotency {
            transaction.insert(&request.made((&org.code, operator()), &org.code, now))?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => break,
            Err(error) => attempts.after(error).await?,
        }
    }
    Ok(CreatedOrg { org, admin })
}

/// The error that answers the making of an org that is there.
async fn already_there(context: &Context, command: &CreateOrg) -> Result<Error, Error> {
    if let Some(request) = &command.idempotency {
        let used = context.rows().idempotency(&command.code, operator(), &request.scope()).await?;
        if let Some(id) = request.made_by(used.as_ref(), context.now())? {
            return Ok(Error::SecretNotRepeated { id: id.to_owned() });
        }
    }
    Ok(Error::Conflict { reason: format!("the org `{}` exists", command.code) })
}

/// Orgs by code, beyond `after`.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn list_orgs(context: &Context, after: Option<&OrgCode>, limit: usize) -> Result<Page<Org, OrgCode>, Error> {
    let (orgs, more) = context.rows().orgs(after, limit).await?;
    Ok(Page::of(orgs, more, |org| org.code.clone()))
}

/// Changes an org.
///
/// # Errors
/// `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn change_org(context: &Context, code: &OrgCode, change: &ChangeOrg) -> Result<Org, Error> {
    let mut attempts = Attempts::new(context);
    loop {
        let Some(Stored { value, version }) = context.rows().org(code).await? else {
            return Err(Error::NotFound { kind: "org", id: code.to_string() });
        };
        let mut org = value.clone();
        org.name = change.name.clone().unwrap_or(org.name);
        match change.quota {
            QuotaChange::Keep => {}
            QuotaChange::Unlimited => org.quota_bytes = None,
            QuotaChange::Bytes(bytes) => org.quota_bytes = Some(bytes),
        }
        match change.waiting {
            WaitingChange::Keep => {}
            WaitingChange::Unlimited => org.max_waiting = None,
            WaitingChange::Exports(count) => org.max_waiting = Some(count),
        }
        if let Some(zone) = &change.zone {
            org.zone = known_zone(zone)?;
        }
        if let Some(secs) = change.min_interval_secs {
            org.min_interval_secs = Some(known_interval(secs)?);
        }
        if org == value {
            return Ok(org);
        }
        let mut transaction = context.transaction();
        transaction.update(version, &org)?.insert(&context.audit_entry(
            code,
            None,
            AuditAction::OrgChanged,
            code.as_str(),
        ))?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(org),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// The zone as the database spells it.
fn known_zone(zone: &str) -> Result<String, Error> {
    let zone: Zone =
        zone.parse().map_err(|error: waybill_schedule::Error| Error::invalid("zone", error.to_string()))?;
    Ok(zone.name().to_owned())
}

fn known_interval(secs: u32) -> Result<u32, Error> {
    if secs < 60 { Err(Error::invalid("minimumScheduleInterval", "must be at least 60")) } else { Ok(secs) }
}
