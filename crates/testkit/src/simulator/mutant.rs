//! Mutants: what the design leans on, taken away one at a time, to show that the oracle sees.

use std::fmt;
use std::str::FromStr;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// A weakened port.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What is weakened.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),*),)*
                }
            }
        }
    };
}

mutants! {
    /// Whoever reads a lane sees no lease on it.
    NoLease = "no-lease",
    /// Writes of a lane take effect whatever its version.
    LaneUnversioned = "lane-unversioned",
    /// Every lease has the same epoch.
    OneEpoch = "one-epoch",
    /// Stamps take effect whoever holds the lane.
    StampWithoutLane = "stamp-without-lane",
    /// Writes of an export that waits or runs take effect whatever its version.
    NoFencing = "no-fencing",
    /// A worker advances the export of its message, whatever is ahead of it.
    NoHelping = "no-helping",
    /// What enters a lane is not noted for the sweeper: only the wake-up tells.
    PutThenRing = "put-then-ring",
    /// Leases share the keys of their work, and the last one to write wins.
    SharedKeys = "shared-keys",
    /// The index of what is due is empty.
    NoSweeper = "no-sweeper",
    /// Writes of a job take effect whatever its version.
    JobUnversioned = "job-unversioned",
    /// A slot's export can be made without the slot and the job's next one.
    SlotApart = "slot-apart",
    /// What became of slots is not kept.
    SlotForgotten = "slot-forgotten",
    /// The run of an ended export is not told.
    RunLeftRunning = "run-left-running",
    /// Writes of a script take effect whatever its version.
    ScriptUnversioned = "script-unversioned",
    /// The script of an export is not put down with its end.
    ScriptForgotten = "script-forgotten",
    /// Writes of a delivery take effect whatever its version.
    DeliveryUnversioned = "delivery-unversioned",
    /// Every lease on a delivery has the same epoch.
    DeliveryOneEpoch = "delivery-one-epoch",
    /// The deliveries of an export are not put down with its end.
    DeliveryForgotten = "delivery-forgotten",
    /// A destination shows what it has of a file under the final name.
    HalfDelivered = "half-delivered",
    /// A run is a success before its files have arrived.
    RunAhead = "run-ahead",
    /// An export of a series enters its lane without the next one.
    SeriesApart = "series-apart",
    /// Writes of the exports of a series take effect whatever their versions.
    SeriesUnversioned = "series-unversioned",
    /// What has entered its lane does not say what follows it in its series.
    SuccessionForgotten = "succession-forgotten",
    /// Instants of a series that made no export are not kept.
    SkippedForgotten = "skipped-forgotten",
    /// A commit can happen in half.
    NoTransaction = "no-transaction",
    /// A commit can be answered and forgotten.
    CommitForgotten = "commit-forgotten",
    /// Attempts are not counted.
    NoAttempts = "no-attempts",
    /// An attempt that ends with a throttle or an outage is not given back.
    AttemptKept = "attempt-kept",
    /// Objects replace what is at their key.
    NoIfNoneMatch = "no-if-none-match",
    /// The head of a lane is read without consistency.
    StaleHead = "stale-head",
    /// Used idempotency keys are not remembered.
    NoIdempotency = "no-idempotency",
    /// Writes of an org's usage take effect whatever its version.
    UsageUnversioned = "usage-unversioned",
    /// Writes of an ended export take effect whatever its version.
    ReleaseTwice = "release-twice",
    /// Writes of an org's counter take effect whatever its version.
    SequenceUnversioned = "sequence-unversioned",
    /// An ended export stays in its lane.
    QueueRowStays = "queue-row-stays",
    /// The wish to stop a running export is not kept.
    StopForgotten = "stop-forgotten",
    /// A cancel ends another export than the one that it names.
    WrongExport = "wrong-export",
    /// Whoever comes to end an export that is to stop leaves its worker no time.
    ImpatientStop = "impatient-stop",
    /// That an export was deleted is not kept.
    DeleteForgotten = "delete-forgotten",
    /// Ended exports live an hour longer.
    LongerLife = "longer-life",
    /// An archive can appear without its last byte.
    ArchiveCutShort = "archive-cut-short",
    /// A checkpoint can be pointed at before it is stored.
    CheckpointNotDurable = "checkpoint-not-durable",
    /// Cleaning up removes the archive too.
    CleanupTakesAll = "cleanup-takes-all",
    /// A page can be read again from the beginning.
    PageRepeated = "page-repeated",
    /// A page can hide that there are more.
    PageLast = "page-last",
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no mutant has.
#[derive(Debug, thiserror::Error)]
#[error("there is no mutant of that name; `--list-mutants` shows them")]
pub struct UnknownMutant;

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name).ok_or(UnknownMutant)
    }
}
