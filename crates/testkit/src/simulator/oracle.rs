//! The oracle: knows the promises, not the code, and holds every effective commit and every reply against them.

mod commits;
mod deliveries;
mod ending;
mod jobs;
mod replies;
mod scripts;
mod series;

use super::profile::Calamity;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use waybill_domain::{CommitId, Export, ExportId, OrgCode, StorageHold, Timestamp};

/// What the oracle has seen.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    violation: Option<String>,
    commits: HashSet<CommitId>,
    orgs: BTreeMap<OrgCode, OrgSeen>,
    jobs: jobs::JobsSeen,
    scripts: scripts::ScriptsSeen,
    deliveries: deliveries::DeliveriesSeen,
    series: series::AllSeries,
    /// Which org a worker serves.
    workers: BTreeMap<u32, OrgCode>,
    disturbed: BTreeMap<u32, Disturbance>,
    /// The logical request of each export, by its label.
    requests: BTreeMap<String, ExportId>,
    accepted: BTreeMap<ExportId, OrgCode>,
    /// Whose end somebody has asked for, answered or not.
    asked_to_end: BTreeSet<ExportId>,
    canceled: BTreeSet<ExportId>,
    deleted: BTreeSet<ExportId>,
    /// Objects that are there, and how many effective commits had happened when they appeared.
    objects: BTreeMap<String, u64>,
    seen: u64,
}

/// What it has seen of an org.
#[derive(Debug, Default)]
struct OrgSeen {
    traits: OrgTraits,
    exports: BTreeMap<u64, ExportSeen>,
    queue: BTreeMap<u64, u64>,
    lane: LaneSeen,
    used_bytes: u64,
    reserved_bytes: u64,
    /// Greatest ticket and number given out so far.
    last_number: u64,
    /// When the last one says that it was created.
    created_at: Option<Timestamp>,
}

/// What sets an org apart.
#[derive(Clone, Debug, Default)]
pub(super) struct OrgTraits {
    /// The lines of its records, sorted.
    pub(super) lines: Vec<String>,
    /// The lines of records that come and go.
    pub(super) passing: Vec<String>,
    /// Its records' files by their names in an archive.
    pub(super) files: BTreeMap<String, String>,
    /// What befalls it.
    pub(super) calamities: Vec<Calamity>,
    /// Whether its storage is limited.
    pub(super) has_quota: bool,
    /// How many exports may wait in its lane.
    pub(super) max_waiting: Option<u32>,
}

impl OrgTraits {
    /// Whether that befalls it.
    pub(super) fn has(&self, calamity: Calamity) -> bool {
        self.calamities.contains(&calamity)
    }
}

#[derive(Debug, Default)]
struct LaneSeen {
    epoch: u64,
    /// Who took that epoch.
    holder: u32,
    until: Option<Timestamp>,
    /// When its holder took it.
    taken_at: Option<Timestamp>,
    /// The last epoch under which an export was to stop, and when the first of that epoch was asked to.
    stopped_under: u64,
    stop_asked_at: Option<Timestamp>,
}

/// What befell a process.
#[derive(Clone, Copy, Debug, Default)]
struct Disturbance {
    /// Calls that were refused, lost or not answered.
    calls: u32,
    /// It was cut off, stood still, or lost its lease.
    is_grave: bool,
}

impl Disturbance {
    /// Whether a step of this process may have ended without a word: one call that fails is no reason, since the attempt is given back.
    fn explains_an_attempt(self) -> bool {
        self.is_grave || self.calls > 1
    }
}

#[derive(Debug)]
struct ExportSeen {
    export: Export,
    /// Who stamped its epoch.
    stamped_by: u32,
    /// How many times it was begun.
    stamps: u32,
    /// Who began it since it last got on.
    begun_by: Vec<u32>,
    /// How many commits had happened when it ended.
    ended_at: Option<u64>,
    /// Its rows are removed.
    gone: bool,
}

impl OrgSeen {
    fn held(&self) -> u64 {
        let held = |seen: &ExportSeen| match seen.export.storage {
            StorageHold::Held { bytes } if !seen.gone => bytes,
            _ => 0,
        };
        self.exports.values().map(held).sum()
    }

    fn reserved(&self) -> u64 {
        let reserved = |seen: &ExportSeen| match seen.export.storage {
            StorageHold::Reserved { bytes } if !seen.gone => bytes,
            _ => 0,
        };
        self.exports.values().map(reserved).sum()
    }
}

impl Oracle {
    /// The first promise that was broken.
    pub(super) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    /// Takes note of a broken promise; only the first counts.
    pub(super) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }

    /// Introduces an org.
    pub(super) fn introduce(&mut self, org: &OrgCode, traits: OrgTraits) {
        self.orgs.entry(org.clone()).or_default().traits = traits;
    }

    /// Introduces a worker that serves an org.
    pub(super) fn serves(&mut self, worker: u32, org: &OrgCode) {
        self.workers.insert(worker, org.clone());
    }

    /// A call of a process was refused, lost or not answered.
    pub(super) fn disturbed(&mut self, actor: u32) {
        self.disturbed.entry(actor).or_default().calls += 1;
    }

    /// A process was cut off, stood still or lost its lease.
    pub(super) fn gravely_disturbed(&mut self, actor: u32) {
        self.disturbed.entry(actor).or_default().is_grave = true;
    }

    /// How many of those who began an export since it last got on may have ended without a word.
    fn unexplained_ends(&self, begun_by: &[u32]) -> usize {
        let explains = |actor: &&u32| self.disturbed.get(actor).is_some_and(|of| of.explains_an_attempt());
        begun_by.iter().filter(explains).count()
    }

    /// Whether reading an org's records is deadly.
    pub(super) fn kills_readers(&self, org: &OrgCode) -> bool {
        self.orgs.get(org).is_some_and(|seen| seen.traits.has(Calamity::DeadlyRecords))
    }

    /// Whether the exports of an org that may wait are counted.
    pub(super) fn has_cap(&self, org: &OrgCode) -> bool {
        self.orgs.get(org).is_some_and(|seen| seen.traits.max_waiting.is_some())
    }

    /// Whether a commit has taken effect.
    pub(super) fn has_seen(&self, commit: CommitId) -> bool {
        self.commits.contains(&commit)
    }

    /// Whether these are the lines of an export of an org: each record that was there throughout once, others at most once.
    pub(super) fn are_lines_of(&self, org: &OrgCode, sorted: &[&str]) -> bool {
        let Some(traits) = self.orgs.get(org).map(|seen| &seen.traits) else { return false };
        let doubled = sorted.windows(2).any(|pair| pair[0] == pair[1]);
        let mut lasting = sorted.iter().filter(|line| !traits.passing.iter().any(|passing| passing == **line));
        let all = traits.lines.iter().all(|line| lasting.next() == Some(&line.as_str()));
        !doubled && all && lasting.next().is_none()
    }

    /// Whether these are the files of an org's records.
    pub(super) fn are_files_of(&self, org: &OrgCode, files: &BTreeMap<String, String>) -> bool {
        self.orgs.get(org).is_some_and(|seen| seen.traits.files == *files)
    }

    /// An object is there that was not.
    pub(super) fn object_appeared(&mut self, key: &str) {
        self.objects.insert(key.to_owned(), self.seen);
    }

    /// An object was written where one was.
    pub(super) fn object_replaced(&mut self, key: &str) {
        self.violate(format!("the object {key} was replaced"));
    }

    /// An object is removed: no archive that can be downloaded may be.
    pub(super) fn object_removed(&mut self, key: &str) {
        self.objects.remove(key);
        let shown = self.orgs.values().flat_map(|org| org.exports.values()).any(|seen| {
            !seen.gone && !seen.export.deleted && seen.export.archive().is_some_and(|archive| archive.key == key)
        });
        self.demand(!shown, || format!("the archive {key} was removed while it can be downloaded"));
    }
}
