//! An export: one execution, its state, and the transitions between states.

use crate::{
    AccountId, Archive, CollectionName, DateSpan, Epoch, ExportAlias, ExportFormat, ExportId, Failure, FinishRecord,
    JobId, OrgCode, Packaging, PackagingRecord, Seq, Succession, Surface, Ticket, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an archive can be downloaded.
const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Most steps that are kept on record; older ones are dropped first.
const MAX_STEPS: usize = 50;

/// One execution of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The org.
    pub org: OrgCode,
    /// Its id.
    pub id: ExportId,
    /// Its place in the order of creation.
    pub seq: Seq,
    /// The id that its client chose for it.
    #[serde(default)]
    pub alias: Option<ExportAlias>,
    /// The surface that it was made through.
    pub surface: Surface,
    /// What it reads.
    pub collection: CollectionName,
    /// The form that it writes.
    pub format: ExportFormat,
    /// A short name for people.
    pub label: Option<String>,
    /// A longer one.
    pub description: Option<String>,
    /// Who made it.
    pub creator: AccountId,
    /// When.
    pub created_at: Timestamp,
    /// When somebody last changed what it is asked, if anybody did.
    #[serde(default)]
    pub changed_at: Option<Timestamp>,
    /// From when on it is not there any more, once it has ended.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Whether a script runs when it has ended.
    #[serde(default)]
    pub after_script: bool,
    /// How many destinations its file goes to.
    #[serde(default)]
    pub deliveries: u16,
    /// How many people are told by mail when it has ended.
    #[serde(default)]
    pub notified: u16,
    /// The export that this one does again.
    #[serde(default)]
    pub retry_of: Option<ExportId>,
    /// The job that it is a run of.
    #[serde(default)]
    pub job: Option<OfJob>,
    /// When it was asked to enter the lane; `None` = at once.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// What follows it in its series, once it has entered the lane.
    #[serde(default)]
    pub succession: Option<Succession>,
    /// When its first step began.
    pub started_at: Option<Timestamp>,
    /// The instants that its range of dates means, from its first step on.
    #[serde(default)]
    pub date_span: Option<DateSpan>,
    /// The lease under which it was last advanced.
    pub epoch: Epoch,
    /// Steps since the last checkpoint that ended unexplained.
    pub attempts: u32,
    /// That somebody asked for its end while it runs.
    pub stop: Option<Stop>,
    /// When somebody first did.
    #[serde(default)]
    pub stop_asked_at: Option<Timestamp>,
    /// Whether it was deleted: invisible at once, its rows and objects removed soon after.
    pub deleted: bool,
    /// How far it is.
    pub progress: Progress,
    /// Key of the last checkpoint.
    pub checkpoint: Option<String>,
    /// What is needed to make the archive appear.
    pub finish: Option<FinishRecord>,
    /// What it takes of the org's storage.
    pub storage: StorageHold,
    /// When objects that it left are to be removed.
    pub cleanup_at: Option<Timestamp>,
    /// How many times in a row that has failed.
    #[serde(default)]
    pub cleanup_failures: u32,
    /// Its last steps, oldest first.
    pub steps: Vec<StepRecord>,
}

/// What makes an export a run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfJob {
    /// The job.
    pub job: JobId,
    /// The instant at which it was due; `None` = somebody asked for it.
    pub slot: Option<Timestamp>,
}

/// Where an export stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum State {
    /// Not in the lane yet: waits for its time.
    Scheduled {
        /// When it is to enter the lane.
        at: Timestamp,
    },
    /// In the lane, not begun.
    Queued {
        /// Its place in the lane.
        ticket: Ticket,
    },
    /// In the lane, begun.
    Running {
        /// Its place in the lane.
        ticket: Ticket,
    },
    /// Ended with an archive.
    Ready {
        /// When.
        at: Timestamp,
        /// The archive.
        archive: Archive,
    },
    /// Ended without.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// Ended by request.
    Canceled {
        /// When.
        at: Timestamp,
    },
}

/// Whether its end was asked for as a cancel or as a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// It stays on record as canceled.
    Cancel,
    /// It goes.
    Delete,
}

/// How far an export is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Records written.
    pub records: u64,
    /// Plain bytes written.
    pub plain_bytes: u64,
    /// Bytes of archive made.
    pub archive_bytes: u64,
    /// About how many records it will have, where that can be told.
    #[serde(default)]
    pub estimated_records: Option<u64>,
    /// Files written.
    #[serde(default)]
    pub files: u64,
    /// Their plain bytes.
    #[serde(default)]
    pub file_bytes: u64,
    /// Files that records name and that were missing or could not be read.
    #[serde(default)]
    pub missing_files: u64,
    /// Records written of each collection that it reads, where each has a file of its own, as far as they have begun.
    #[serde(default)]
    pub by_collection: Vec<u64>,
}

/// What a running export is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Waiting,
    /// Counting records before the first is written.
    Counting,
    /// Reading records and putting them into their order.
    Sorting,
    /// Writing records.
    Records,
    /// Writing the records' files.
    Files,
    /// Making the archive appear.
    Finishing,
    /// Making the download of it.
    Packaging,
    /// Over.
    Done,
}

/// What an export takes of its org's storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum StorageHold {
    /// Nothing yet.
    None,
    /// Room for what it is making.
    Reserved {
        /// Bytes.
        bytes: u64,
    },
    /// Its archive.
    Held {
        /// Bytes.
        bytes: u64,
    },
    /// Nothing any more.
    Released,
}

/// One step of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// The lease that it ran under.
    pub epoch: Epoch,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs, and for good when it ended unexplained.
    pub ended_at: Option<Timestamp>,
    /// Records of the export at its end.
    pub records: u64,
    /// How it ended.
    pub outcome: StepOutcome,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// It runs, or was cut off.
    Running,
    /// Its time was up; the next step goes on.
    Continued,
    /// A service asked for patience.
    Throttled,
    /// The export ended.
    Finished,
}

/// Where an export's id leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportPointer {
    /// The org.
    pub org: OrgCode,
    /// The id.
    pub id: ExportId,
    /// The row.
    pub seq: Seq,
}

/// Why a transition is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has ended; a terminal state is final.
    #[error("the export has ended")]
    Terminal,
    /// It has not ended.
    #[error("the export has not ended")]
    NotTerminal,
    /// The lease under which this would be written is not the latest.
    #[error("the lease is stale")]
    StaleEpoch,
    /// Its end was asked for.
    #[error("the export is to stop")]
    Stopped,
    /// There is no finish record.
    #[error("the export is not finished")]
    NotFinished,
    /// Its time has not come: it is not in the lane.
    #[error("the export is scheduled")]
    Scheduled,
    /// It is in the lane already.
    #[error("the export is in the lane")]
    Admitted,
}

impl Export {
    /// When an export that is made or ends at `now` expires.
    pub fn expiry(now: Timestamp) -> Timestamp {
        now.after(LIFETIME)
    }

    /// Whether it has ended.
    pub fn is_terminal(&self) -> bool {
        match self.state {
            State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } => false,
            State::Ready { .. } | State::Failed { .. } | State::Canceled { .. } => true,
        }
    }

    /// Whether anybody may see it at `now`: not deleted, and not ended with its seven days over. Waiting and running exports never hide.
    pub fn is_visible(&self, now: Timestamp) -> bool {
        let expired = self.is_terminal() && now >= self.expires_at;
        !self.deleted && !expired
    }

    /// Whether it reads every collection of the org.
    pub fn is_of_everything(&self) -> bool {
        self.collection == CollectionName::everything()
    }

    /// Its place in the lane, while it has one.
    pub fn ticket(&self) -> Option<Ticket> {
        match self.state {
            State::Queued { ticket } | State::Running { ticket } => Some(ticket),
            State::Scheduled { .. } | State::Ready { .. } | State::Failed { .. } | State::Canceled { .. } => None,
        }
    }

    /// When it is to enter the lane, while it waits for that.
    pub fn admission_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Scheduled { at } => Some(at),
            State::Queued { .. }
            | State::Running { .. }
            | State::Ready { .. }
            | State::Failed { .. }
            | State::Canceled { .. } => None,
        }
    }

    /// Its archive, when it is ready.
    pub fn archive(&self) -> Option<&Archive> {
        match &self.state {
            State::Ready { archive, .. } => Some(archive),
            _ => None,
        }
    }

    /// What a download of it is, once it is ready; until then, an archive.
    fn download(&self) -> Packaging {
        let packaged = self.archive().and_then(Archive::download_file);
        packaged.map_or(Packaging::Zip, |file| file.packaging)
    }

    /// Media type of its download.
    pub fn download_type(&self) -> &'static str {
        self.download().media_type(self.format)
    }

    /// Ending of its download's name, without the first dot: `zip`, `csv`, `csv.gz`.
    pub fn download_ending(&self) -> String {
        self.download().ending(self.format)
    }

    /// When it ended.
    pub fn finished_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Ready { at, .. } | State::Failed { at, .. } | State::Canceled { at } => Some(*at),
            State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } => None,
        }
    }

    /// Enters the lane at the place `ticket`, which nothing had before: its time has come.
    ///
    /// # Errors
    /// [`Refused::Admitted`] when it is in the lane already, [`Refused::Terminal`] when it has ended.
    pub fn admit(mut self, ticket: Ticket) -> Result<Self, Refused> {
        match self.state {
            State::Scheduled { .. } => {
                self.state = State::Queued { ticket };
                Ok(self)
            }
            State::Queued { .. } | State::Running { .. } => Err(Refused::Admitted),
            State::Ready { .. } | State::Failed { .. } | State::Canceled { .. } => Err(Refused::Terminal),
        }
    }

    /// Begins a step under a new lease; counts an attempt.
    ///
    /// # Errors
    /// [`Refused::Terminal`], [`Refused::Scheduled`], or [`Refused::StaleEpoch`] when a later lease has touched it.
    pub fn start(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, Refused> {
        let ticket = match self.state {
            State::Queued { ticket } | State::Running { ticket } => ticket,
            State::Scheduled { .. } => return Err(Refused::Scheduled),
            State::Ready { .. } | State::Failed { .. } | State::Canceled { .. } => return Err(Refused::Terminal),
        };
        if epoch <= self.epoch {
            return Err(Refused::StaleEpoch);
        }
        self.state = State::Running { ticket };
        self.started_at = self.started_at.or(Some(now));
        self.epoch = epoch;
        self.attempts = self.attempts.saturating_add(1);
        if self.progress.phase == Phase::Waiting {
            self.progress.phase = Phase::Records;
        }
        let records = self.progress.records;
        self.steps.push(StepRecord { epoch, started_at: now, ended_at: None, records, outcome: StepOutcome::Running });
        let surplus = self.steps.len().saturating_sub(MAX_STEPS);
        self.steps.drain(..surplus);
        Ok(self)
    }

    /// Refuses unless `epoch` is the lease that it runs under and nobody asked for its end.
    ///
    /// # Errors
    /// [`Refused::Terminal`], [`Refused::StaleEpoch`], [`Refused::Stopped`].
    pub fn assert_running(&self, epoch: Epoch) -> Result<(), Refused> {
        self.assert_epoch(epoch)?;
        if self.stop.is_some() { Err(Refused::Stopped) } else { Ok(()) }
    }

    fn assert_epoch(&self, epoch: Epoch) -> Result<(), Refused> {
        if self.is_terminal() {
            Err(Refused::Terminal)
        } else if self.epoch == epoch {
            Ok(())
        } else {
            Err(Refused::StaleEpoch)
        }
    }

    /// Shows how far it is.
    ///
    /// # Errors
    /// As [`Export::assert_running`].
    pub fn advance(mut self, epoch: Epoch, progress: Progress) -> Result<Self, Refused> {
        self.assert_running(epoch)?;
        self.progress = progress;
        Ok(self)
    }

    /// Points at a checkpoint that is already stored; what came before it is not done again, so attempts start anew.
    ///
    /// # Errors
    /// As [`Export::assert_running`].
    pub fn checkpointed(mut self, epoch: Epoch, key: String, progress: Progress) -> Result<Self, Refused> {
        self.assert_running(epoch)?;
        self.checkpoint = Some(key);
        self.progress = progress;
        self.attempts = 0;
        Ok(self)
    }

    /// Records what the archive will be, before it appears.
    ///
    /// # Errors
    /// As [`Export::assert_running`].
    pub fn finishing(mut self, epoch: Epoch, finish: FinishRecord) -> Result<Self, Refused> {
        self.assert_running(epoch)?;
        self.progress.phase = Phase::Finishing;
        self.progress.records = finish.records;
        // Records come first in every archive.
        let of_records = finish.archive.entries.iter().take(finish.by_collection.len().max(1));
        self.progress.plain_bytes = of_records.map(|entry| entry.size_bytes).sum();
        self.progress.by_collection.clone_from(&finish.by_collection);
        self.progress.archive_bytes = finish.archive.size_bytes;
        self.progress.files = finish.files;
        self.progress.file_bytes = finish.file_bytes;
        self.progress.missing_files = finish.missing_files;
        self.finish = Some(finish);
        self.attempts = 0;
        Ok(self)
    }

    /// Records how far the making of its download is; attempts start anew.
    ///
    /// # Errors
    /// [`Refused::NotFinished`] before its archive is finished, else as [`Export::assert_running`].
    pub fn packaging(mut self, epoch: Epoch, packaging: PackagingRecord) -> Result<Self, Refused> {
        self.assert_running(epoch)?;
        let Some(finish) = &mut self.finish else { return Err(Refused::NotFinished) };
        finish.packaging = Some(packaging);
        self.progress.phase = Phase::Packaging;
        self.attempts = 0;
        Ok(self)
    }

    /// Ends the current step without ending the export; a throttled one does not count as an attempt.
    ///
    /// # Errors
    /// [`Refused::Terminal`], [`Refused::StaleEpoch`].
    pub fn step_ended(mut self, epoch: Epoch, outcome: StepOutcome, now: Timestamp) -> Result<Self, Refused> {
        self.assert_epoch(epoch)?;
        if outcome == StepOutcome::Throttled {
            self.attempts = self.attempts.saturating_sub(1);
        }
        self.close_step(outcome, now);
        Ok(self)
    }

    /// Ends it with the archive of its finish record.
    ///
    /// # Errors
    /// [`Refused::NotFinished`] without one, else as [`Export::assert_running`].
    pub fn ready(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, Refused> {
        self.assert_running(epoch)?;
        let Some(finish) = self.finish.take() else { return Err(Refused::NotFinished) };
        let packaged = finish.packaging.and_then(|packaging| packaging.file);
        let archive = Archive { packaged, ..finish.archive };
        self.storage = StorageHold::Held { bytes: archive.held_bytes() };
        self.state = State::Ready { at: now, archive };
        self.end(now);
        Ok(self)
    }

    /// Ends it without an archive, under a lease.
    ///
    /// # Errors
    /// [`Refused::Terminal`], [`Refused::StaleEpoch`].
    pub fn failed(mut self, epoch: Epoch, failure: Failure, now: Timestamp) -> Result<Self, Refused> {
        self.assert_epoch(epoch)?;
        self.storage = StorageHold::Released;
        self.state = State::Failed { at: now, failure };
        self.end(now);
        Ok(self)
    }

    /// Ends one that somebody asked to stop, under a lease.
    ///
    /// # Errors
    /// [`Refused::Terminal`], [`Refused::StaleEpoch`].
    pub fn stopped(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, Refused> {
        self.assert_epoch(epoch)?;
        self.settle_canceled(now);
        Ok(self)
    }

    /// Asks for its end: settles at once what has not begun (`true`), and marks what runs (`false`).
    ///
    /// # Errors
    /// [`Refused::Terminal`] for a cancel of what has ended; a delete of it is [`Export::delete`].
    pub fn request_stop(mut self, stop: Stop, now: Timestamp) -> Result<(Self, bool), Refused> {
        match self.state {
            State::Scheduled { .. } | State::Queued { .. } => {
                self.deleted |= stop == Stop::Delete;
                self.settle_canceled(now);
                Ok((self, true))
            }
            State::Running { .. } => {
                self.deleted |= stop == Stop::Delete;
                self.stop = Some(if self.deleted { Stop::Delete } else { stop });
                self.stop_asked_at = self.stop_asked_at.or(Some(now));
                Ok((self, false))
            }
            State::Ready { .. } | State::Failed { .. } | State::Canceled { .. } => Err(Refused::Terminal),
        }
    }

    /// Deletes one that has ended, or whose seven days are over: invisible from here on, storage released once; its objects are removed after `now`. Gives the bytes to release.
    ///
    /// # Errors
    /// [`Refused::NotTerminal`] while it waits or runs.
    pub fn delete(mut self, now: Timestamp) -> Result<(Self, u64), Refused> {
        if !self.is_terminal() {
            return Err(Refused::NotTerminal);
        }
        let released = match self.storage {
            StorageHold::Held { bytes } => bytes,
            StorageHold::None | StorageHold::Reserved { .. } | StorageHold::Released => 0,
        };
        self.storage = StorageHold::Released;
        self.deleted = true;
        self.cleanup_at = Some(now);
        self.cleanup_failures = 0;
        Ok((self, released))
    }

    /// Puts the removal of its objects off because it failed: a minute, doubling to six hours.
    #[must_use]
    pub fn cleanup_failed(mut self, now: Timestamp) -> Self {
        let pause = Duration::from_mins(1 << self.cleanup_failures.min(9));
        self.cleanup_at = Some(now.after(pause.min(Duration::from_hours(6))));
        self.cleanup_failures = self.cleanup_failures.saturating_add(1);
        self
    }

    /// Takes note that its objects are removed.
    #[must_use]
    pub fn cleaned(self) -> Self {
        Self { cleanup_at: None, cleanup_failures: 0, ..self }
    }

    /// Bytes that it has reserved and not yet settled.
    pub fn reserved_bytes(&self) -> u64 {
        match self.storage {
            StorageHold::Reserved { bytes } => bytes,
            StorageHold::None | StorageHold::Held { .. } | StorageHold::Released => 0,
        }
    }

    fn settle_canceled(&mut self, now: Timestamp) {
        self.storage = StorageHold::Released;
        self.state = State::Canceled { at: now };
        self.end(now);
    }

    fn end(&mut self, now: Timestamp) {
        self.expires_at = Self::expiry(now);
        self.progress.phase = Phase::Done;
        self.stop = None;
        self.stop_asked_at = None;
        self.finish = None;
        self.checkpoint = None;
        self.cleanup_at = Some(now);
        self.close_step(StepOutcome::Finished, now);
    }

    fn close_step(&mut self, outcome: StepOutcome, now: Timestamp) {
        let (epoch, records) = (self.epoch, self.progress.records);
        if let Some(step) = self.steps.last_mut().filter(|step| step.epoch == epoch) {
            step.ended_at = Some(now);
            step.records = records;
            step.outcome = outcome;
        }
    }
}

#[cfg(test)]
mod tests;
