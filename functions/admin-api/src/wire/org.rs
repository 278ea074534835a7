//! Orgs on the wire.

use super::key::KeyWire;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{ChangeOrg, CreateOrg, CreatedOrg, QuotaChange, WaitingChange};
use waybill_domain::{Org, OrgCode};
use waybill_http::{Members, Problem};

/// Longest name of an org, in characters.
const NAME_CHARS: usize = 200;

/// An org.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Org)]
pub(crate) struct OrgWire {
    /// Its code, the first part of the Cortex surface's paths.
    code: String,
    /// A name for people.
    name: String,
    /// Most bytes that its archives may take; `null` = unlimited.
    #[schema(required)]
    quota_bytes: Option<u64>,
    /// Most exports that may wait in its lane; `null` = unlimited.
    #[schema(required)]
    max_waiting: Option<u32>,
    /// IANA zone that its schedules use where they name none.
    zone: String,
    /// Fewest seconds between two slots of one of its jobs.
    minimum_schedule_interval: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Org> for OrgWire {
    fn from(org: Org) -> Self {
        Self {
            minimum_schedule_interval: org.min_interval().as_secs(),
            code: org.code.into(),
            name: org.name,
            quota_bytes: org.quota_bytes,
            max_waiting: org.max_waiting,
            zone: org.zone,
            created_at: org.created_at.to_string(),
        }
    }
}

/// A new org, with its first administrator's key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedOrg)]
pub(crate) struct CreatedOrgWire {
    #[serde(flatten)]
    org: OrgWire,
    /// The first administrator's key, shown this once.
    admin_key: String,
    /// What is kept of that key.
    admin: KeyWire,
}

impl From<CreatedOrg> for CreatedOrgWire {
    fn from(created: CreatedOrg) -> Self {
        let admin_key = created.admin.secret.expose().to_owned();
        Self { org: created.org.into(), admin_key, admin: created.admin.key.into() }
    }
}

/// An org to be made.
#[derive(Debug, ToSchema)]
#[schema(as = CreateOrg, rename_all = "camelCase")]
pub(crate) struct CreateOrgBody {
    /// `^[a-z][a-z0-9_-]{1,38}$`, and none of the paths that Waybill needs.
    #[schema(value_type = String)]
    code: OrgCode,
    /// A name for people; the code where it is absent.
    name: Option<String>,
    /// Most bytes that its archives may take; absent = unlimited.
    quota_bytes: Option<u64>,
    /// IANA zone that its schedules use where they name none; `UTC` where it is absent.
    zone: Option<String>,
    /// Fewest seconds between two slots of a job, 60 or more; 60 where it is absent.
    #[schema(minimum = 60)]
    minimum_schedule_interval: Option<u32>,
    /// Most exports that may wait in its lane; absent = unlimited.
    max_waiting: Option<u32>,
}

impl CreateOrgBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let code = read_code(&mut members);
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let quota_bytes = members.whole("quotaBytes");
        let max_waiting = read_waiting(&mut members);
        let zone = members.text("zone", NAME_CHARS).map(str::to_owned);
        let minimum_schedule_interval = interval(&mut members);
        later(&mut members);
        let problems = members.finish();
        match code {
            Some(code) if problems.is_empty() => {
                Ok(Self { code, name, quota_bytes, zone, minimum_schedule_interval, max_waiting })
            }
            _ => Err(problems),
        }
    }

    /// The command.
    pub(crate) fn command(self, idempotency: Option<waybill_app::IdempotentRequest>) -> CreateOrg {
        let name = self.name.unwrap_or_else(|| self.code.to_string());
        CreateOrg {
            code: self.code,
            name,
            quota_bytes: self.quota_bytes,
            max_waiting: self.max_waiting,
            zone: self.zone.unwrap_or_else(|| "UTC".to_owned()),
            min_interval_secs: self.minimum_schedule_interval,
            idempotency,
        }
    }
}

fn read_code(members: &mut Members<'_>) -> Option<OrgCode> {
    let code = members.text("code", NAME_CHARS);
    match members.require("code", code)?.parse() {
        Ok(code) => Some(code),
        Err(error) => {
            let error: waybill_domain::IdError = error;
            members.refuse("code", error.to_string())
        }
    }
}

fn read_waiting(members: &mut Members<'_>) -> Option<u32> {
    let count = members.whole("maxWaiting")?;
    u32::try_from(count).ok().or_else(|| members.refuse("maxWaiting", "must be at most 4294967295"))
}

/// Members that are described and not built yet.
fn later(members: &mut Members<'_>) {
    members.later("outgoingAllowList");
}

fn interval(members: &mut Members<'_>) -> Option<u32> {
    let secs = members.whole("minimumScheduleInterval")?;
    match u32::try_from(secs) {
        Ok(secs) => Some(secs),
        Err(_) => members.refuse("minimumScheduleInterval", "must be less than a hundred years, in seconds"),
    }
}

/// What is changed of an org; absent members stay.
#[derive(Debug, ToSchema)]
#[schema(as = ChangeOrg, rename_all = "camelCase")]
pub(crate) struct ChangeOrgBody {
    /// A name for people.
    name: Option<String>,
    /// Most bytes that its archives may take; `null` = unlimited.
    #[schema(value_type = Option<u64>)]
    quota_bytes: QuotaChange,
    /// IANA zone that its schedules use where they name none; jobs that there are keep theirs.
    zone: Option<String>,
    /// Fewest seconds between two slots of a job, 60 or more; jobs that there are stay as they are.
    #[schema(minimum = 60)]
    minimum_schedule_interval: Option<u32>,
    /// Most exports that may wait in its lane; `null` = unlimited.
    #[schema(value_type = Option<u32>)]
    max_waiting: WaitingChange,
}

impl ChangeOrgBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let quota_bytes = match members.whole("quotaBytes") {
            Some(bytes) => QuotaChange::Bytes(bytes),
            None if members.has("quotaBytes") => QuotaChange::Unlimited,
            None => QuotaChange::Keep,
        };
        let max_waiting = match read_waiting(&mut members) {
            Some(count) => WaitingChange::Exports(count),
            None if members.has("maxWaiting") => WaitingChange::Unlimited,
            None => WaitingChange::Keep,
        };
        let zone = members.text("zone", NAME_CHARS).map(str::to_owned);
        let minimum_schedule_interval = interval(&mut members);
        later(&mut members);
        let problems = members.finish();
        if problems.is_empty() {
            Ok(Self { name, quota_bytes, zone, minimum_schedule_interval, max_waiting })
        } else {
            Err(problems)
        }
    }
}

impl From<ChangeOrgBody> for ChangeOrg {
    fn from(body: ChangeOrgBody) -> Self {
        Self {
            name: body.name,
            quota: body.quota_bytes,
            zone: body.zone,
            min_interval_secs: body.minimum_schedule_interval,
            waiting: body.max_waiting,
        }
    }
}
