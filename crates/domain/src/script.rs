//! After-scripts: what runs once when an export has ended, who runs it, and how it came out.

use crate::{AccountId, AccountName, Email, Export, ExportId, ExportSpec, OrgCode, RoleName, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longest source of a script, in characters.
pub const MAX_SCRIPT_CHARS: usize = 50_000;

/// The script of one export, from its settling to its outcome. It runs at most once: it is claimed before it begins, and a claim that
/// ends unexplained is the script's failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptRun {
    /// The org.
    pub org: OrgCode,
    /// The export that has ended; also the id of the script.
    pub export: ExportId,
    /// As whom it runs.
    pub principal: AccountId,
    /// When the export ended.
    pub queued_at: Timestamp,
    /// When somebody has to look at it; `None` once it has ended.
    pub due_at: Option<Timestamp>,
    /// From when on it is of no use: a while after the export itself is gone.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: ScriptState,
    /// What it runs with; `None` once it has ended.
    pub input: Option<ScriptInput>,
}

/// What a script runs with, put together when its export is settled: whoever runs it reaches nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptInput {
    /// The export as it ended.
    pub export: Export,
    /// What it was asked, the script among it.
    pub spec: ExportSpec,
    /// As whom it runs.
    pub principal: ScriptPrincipal,
}

/// As whom a script runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptPrincipal {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: AccountName,
    /// Its address.
    pub email: Option<Email>,
    /// Its roles, `admin` or `member` among them; none of an account that is gone.
    pub roles: BTreeSet<RoleName>,
}

/// Where a script stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum ScriptState {
    /// Not begun.
    Waiting,
    /// Claimed.
    Running {
        /// By whom.
        worker: WorkerId,
        /// When.
        started_at: Timestamp,
        /// Until when its worker is believed to be alive.
        lease_until: Timestamp,
    },
    /// Over.
    Ended {
        /// When it began; `None` when it never did.
        started_at: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// How; `None` = well.
        failure: Option<ScriptFailure>,
        /// What it used.
        used: ScriptUse,
    },
}

/// What a script used of what it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptUse {
    /// Operations, as the engine counts them.
    pub ops: u64,
    /// Time that it ran, waiting for answers apart, in milliseconds.
    pub elapsed_ms: u64,
    /// Requests.
    pub callouts: u32,
    /// Time that it waited for answers to them, in milliseconds.
    pub callout_ms: u64,
    /// Notifications.
    pub notifications: u32,
}

/// Why a script failed: a code that is stable and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{message}")]
pub struct ScriptFailure {
    /// The condition.
    pub code: ScriptFailureCode,
    /// What happened.
    pub message: String,
    /// Line of the source, from 1.
    pub line: Option<u32>,
    /// Column of the line, from 1.
    pub column: Option<u32>,
}

impl ScriptFailure {
    /// A failure that has no place in the source.
    pub fn new(code: ScriptFailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), line: None, column: None }
    }

    /// Where and what: `line 3, column 5: …`.
    pub fn at(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: {}", self.message),
            (Some(line), None) => format!("line {line}: {}", self.message),
            (None, _) => self.message.clone(),
        }
    }
}

/// The condition that ended a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptFailureCode {
    /// It does not parse.
    Syntax,
    /// It imports what there is not.
    Import,
    /// It threw, and nobody caught it.
    Thrown,
    /// It ran for too long.
    Timeout,
    /// It used too many operations.
    Operations,
    /// It used too much memory.
    Memory,
    /// What ran it ended, and nobody knows why.
    Crashed,
    /// Nobody could run it in time.
    NotStarted,
}

impl ScriptFailureCode {
    /// Its name: `syntax`, `not-started`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Import => "import",
            Self::Thrown => "thrown",
            Self::Timeout => "timeout",
            Self::Operations => "operations",
            Self::Memory => "memory",
            Self::Crashed => "crashed",
            Self::NotStarted => "not-started",
        }
    }

    /// What it comes to as a status of HTTP.
    pub fn status(self) -> u16 {
        match self {
            Self::Syntax | Self::Import | Self::Thrown => 400,
            Self::Timeout => 408,
            Self::Operations | Self::Memory => 403,
            Self::Crashed => 500,
            Self::NotStarted => 503,
        }
    }
}

/// Why a script cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptRefused {
    /// It has ended.
    #[error("the script has ended")]
    Ended,
    /// Somebody runs it.
    #[error("the script is running")]
    Running,
    /// Somebody else runs it, or has.
    #[error("the script is another worker's")]
    NotYours,
}

impl ScriptRun {
    /// How long after it is queued the sweeper looks whether it has been rung for.
    pub const LOOK_AFTER: Duration = Duration::from_secs(15);
    /// How long after its export ended a script is given up that nobody could run.
    pub const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
    /// How much longer than its export it stays on record.
    const KEPT_LONGER: Duration = Duration::from_hours(24);

    /// The script that follows an export, which ended at `now`.
    pub fn new(input: ScriptInput, now: Timestamp) -> Self {
        Self {
            org: input.export.org.clone(),
            export: input.export.id,
            principal: input.principal.id,
            queued_at: now,
            due_at: Some(now.after(Self::LOOK_AFTER)),
            expires_at: input.export.expires_at.after(Self::KEPT_LONGER),
            state: ScriptState::Waiting,
            input: Some(input),
        }
    }

    /// The same for a script that cannot be kept until it runs: it has failed without having begun.
    #[must_use]
    pub fn not_kept(self) -> Self {
        let at = self.queued_at;
        let message = "the export and its script are too large to be kept together until it runs";
        let failure = ScriptFailure::new(ScriptFailureCode::NotStarted, message);
        self.given_up(None, at, failure)
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, ScriptState::Ended { .. })
    }

    /// How it failed, if it has.
    pub fn failure(&self) -> Option<&ScriptFailure> {
        match &self.state {
            ScriptState::Ended { failure, .. } => failure.as_ref(),
            ScriptState::Waiting | ScriptState::Running { .. } => None,
        }
    }

    /// Claims it for `worker`, before anything of it runs; gives what it runs with.
    ///
    /// # Errors
    /// [`ScriptRefused::Ended`], [`ScriptRefused::Running`].
    pub fn claim(
        mut self,
        worker: WorkerId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(Self, ScriptInput), ScriptRefused> {
        match (&self.state, &self.input) {
            (ScriptState::Waiting, Some(input)) => {
                let input = input.clone();
                let lease_until = now.after(lease);
                self.state = ScriptState::Running { worker, started_at: now, lease_until };
                self.due_at = Some(lease_until);
                Ok((self, input))
            }
            (ScriptState::Running { .. }, _) => Err(ScriptRefused::Running),
            (ScriptState::Ended { .. } | ScriptState::Waiting, _) => Err(ScriptRefused::Ended),
        }
    }

    /// Ends what `worker` claimed. A claim whose lease has run out may still be ended by its own worker, as long as nobody else has.
    ///
    /// # Errors
    /// [`ScriptRefused::Ended`], [`ScriptRefused::NotYours`].
    pub fn end(
        mut self,
        worker: WorkerId,
        now: Timestamp,
        failure: Option<ScriptFailure>,
        used: ScriptUse,
    ) -> Result<Self, ScriptRefused> {
        let started_at = match self.state {
            ScriptState::Running { worker: claimed_by, started_at, .. } if claimed_by == worker => started_at,
            ScriptState::Waiting | ScriptState::Running { .. } => return Err(ScriptRefused::NotYours),
            ScriptState::Ended { .. } => return Err(ScriptRefused::Ended),
        };
        self.state = ScriptState::Ended { started_at: Some(started_at), at: now, failure, used };
        self.due_at = None;
        self.input = None;
        Ok(self)
    }

    /// What has become of one that is due: given up when its worker is gone or nobody came for too long, else to be rung for, and looked
    /// at again after `look_again`. It is not run a second time: what it did the first time nobody knows.
    pub fn look(mut self, now: Timestamp, look_again: Duration) -> LookedAtScript {
        if self.due_at.is_none_or(|due_at| due_at > now) {
            return LookedAtScript::NotDue;
        }
        let (started_at, failure) = match self.state {
            ScriptState::Waiting if now < self.queued_at.after(Self::GIVE_UP_AFTER) => {
                self.due_at = Some(now.after(look_again));
                return LookedAtScript::Ring(self);
            }
            ScriptState::Waiting => {
                let message = "the script could not be started for 24 hours";
                (None, ScriptFailure::new(ScriptFailureCode::NotStarted, message))
            }
            ScriptState::Running { lease_until, .. } if now < lease_until => return LookedAtScript::NotDue,
            ScriptState::Running { started_at, .. } => {
                let message = "the script was cut off; what it had done by then stands, and it is not run again";
                (Some(started_at), ScriptFailure::new(ScriptFailureCode::Crashed, message))
            }
            ScriptState::Ended { .. } => return LookedAtScript::NotDue,
        };
        LookedAtScript::GivenUp(self.given_up(started_at, now, failure))
    }

    fn given_up(mut self, started_at: Option<Timestamp>, now: Timestamp, failure: ScriptFailure) -> Self {
        self.state = ScriptState::Ended { started_at, at: now, failure: Some(failure), used: ScriptUse::default() };
        self.due_at = None;
        self.input = None;
        self
    }
}

/// What has become of a script that is due.
#[derive(Clone, Debug, PartialEq)]
pub enum LookedAtScript {
    /// Nothing is to be done.
    NotDue,
    /// It is to be rung for again.
    Ring(ScriptRun),
    /// It has ended without an end of its own.
    GivenUp(ScriptRun),
}

/// A value that an org's scripts keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptValue {
    /// The org.
    pub org: OrgCode,
    /// Its key.
    pub key: String,
    /// It.
    pub value: Value,
    /// From when on it is gone.
    pub expires_at: Option<Timestamp>,
}

/// A number that an org's scripts count with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptCounter {
    /// The org.
    pub org: OrgCode,
    /// Its key.
    pub key: String,
    /// The last number that it gave.
    pub value: u64,
}
