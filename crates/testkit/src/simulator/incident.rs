//! Single faults in a calm world: each kind at every place where it can happen, one world each.

use std::fmt;
use std::str::FromStr;

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The process that would pass an await is cut off there.
    Crash,
    /// A call never arrives.
    LostCall,
    /// A call with an effect is carried out, and its reply is lost.
    LostReply,
    /// A call with an effect is carried out long after its caller was told that there is no answer.
    LateCall,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Crash, Self::LostCall, Self::LostReply, Self::LateCall];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::LostCall => "lost-call",
            Self::LostReply => "lost-reply",
            Self::LateCall => "late-call",
        }
    }
}

/// A single fault: what, and at which of the places where it can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// What.
    pub kind: Kind,
    /// Counted from 0; where there is no such place, nothing goes wrong.
    pub at: u64,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind.name(), self.at)
    }
}

/// A text that names no incident.
#[derive(Debug, thiserror::Error)]
#[error("an incident is `crash@N`, `lost-call@N`, `lost-reply@N` or `late-call@N`")]
pub struct UnknownIncident;

impl FromStr for Incident {
    type Err = UnknownIncident;

    fn from_str(text: &str) -> Result<Self, UnknownIncident> {
        let (name, at) = text.split_once('@').ok_or(UnknownIncident)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownIncident)?;
        Ok(Self { kind, at: at.parse().map_err(|_| UnknownIncident)? })
    }
}

/// How many places there were for each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Awaits of our processes.
    pub awaits: u64,
    /// Calls to services.
    pub calls: u64,
    /// Those that have an effect.
    pub effects: u64,
    /// Those of them that can arrive late.
    pub late: u64,
}

impl Places {
    /// Places for incidents of a kind.
    pub fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Crash => self.awaits,
            Kind::LostCall => self.calls,
            Kind::LostReply => self.effects,
            Kind::LateCall => self.late,
        }
    }
}
