//! What the oracle demands of each effective commit.

use super::{ExportSeen, Oracle};
use crate::simulator::history::{Actor, Role};
use crate::simulator::profile::Calamity;
use crate::simulator::series::is_series;
use crate::simulator::weaken::{Kind, kind_of};
use serde::de::DeserializeOwned;
use waybill_domain::{CommitId, Export, ExportId, FailureCode, Lane, OrgCode, QueueEntry, State, Timestamp, Usage};
use waybill_ports::{Row, Write};

/// How long an ended export is shown.
const SEVEN_DAYS_MILLIS: i64 = 7 * 24 * 3600 * 1000;

fn parse<T: DeserializeOwned>(row: &Row) -> Option<T> {
    serde_json::from_str(&row.body).ok()
}

fn number_of(sk: &str) -> u64 {
    sk.rsplit_once('#').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

impl Oracle {
    /// Looks at a commit that took effect; gives the exports that became ready by it.
    pub(in crate::simulator) fn committed(
        &mut self,
        actor: Actor,
        asked_at: Timestamp,
        commit: CommitId,
        writes: &[Write],
    ) -> Vec<Export> {
        self.commits.insert(commit);
        self.seen += 1;
        let Some(org) = writes.iter().find_map(|write| write.key().pk.strip_prefix("ORG#")?.parse::<OrgCode>().ok())
        else {
            return Vec::new();
        };
        let mut ready = Vec::new();
        let mut lane = None;
        for write in writes {
            match (kind_of(write.key()), write) {
                (Kind::Lane, Write::Put { row, .. }) => lane = self.lane_written(actor, asked_at, &org, row),
                (Kind::Queue, Write::Put { row, .. }) => {
                    if let (Some(entry), Some(seen)) = (parse::<QueueEntry>(row), self.orgs.get_mut(&org)) {
                        seen.queue.insert(entry.ticket.0, entry.seq.0);
                    }
                }
                (Kind::Queue, Write::Delete { key, .. }) => {
                    if let Some(seen) = self.orgs.get_mut(&org) {
                        seen.queue.remove(&number_of(&key.sk));
                    }
                }
                (Kind::Usage, Write::Put { row, .. }) => {
                    if let (Some(usage), Some(seen)) = (parse::<Usage>(row), self.orgs.get_mut(&org)) {
                        seen.used_bytes = usage.used_bytes;
                        seen.reserved_bytes = usage.reserved_bytes;
                    }
                }
                _ => {}
            }
        }
        let mut exports: Vec<Export> = writes
            .iter()
            .filter_map(|write| match write {
                Write::Put { row, .. } if kind_of(&row.key) == Kind::Export => Some(row),
                _ => None,
            })
            .filter_map(|row| {
                let export = parse::<Export>(row);
                self.demand(export.is_some(), || format!("{} cannot be read", row.key));
                export
            })
            .collect();
        // What follows something in a commit got its number after that.
        let seen = self.orgs.get(&org);
        exports.sort_by_key(|export| seen.is_none_or(|seen| !seen.exports.contains_key(&export.seq.0)));
        self.series_written(actor, asked_at, &org, (writes, &exports));
        let ended: Vec<Export> = exports.iter().filter(|export| self.ends(&org, export)).cloned().collect();
        self.scripts_written(actor, &org, writes, &ended);
        let deleted: Vec<ExportId> = exports.iter().filter(|export| export.deleted).map(|export| export.id).collect();
        self.deliveries_written(actor, asked_at, &org, (writes, &ended, &deleted));
        for export in &exports {
            ready.extend(self.export_written(actor, &org, export.clone(), lane.as_ref()));
        }
        for write in writes {
            if let Write::Delete { key, .. } = write
                && kind_of(key) == Kind::Export
            {
                self.export_removed(&org, number_of(&key.sk));
            }
        }
        self.jobs_written(actor, &org, writes, &exports);
        if writes.iter().any(|write| matches!(kind_of(write.key()), Kind::Export | Kind::Queue | Kind::Usage)) {
            self.org_is_sound(&org);
        }
        ready
    }

    fn lane_written(&mut self, actor: Actor, asked_at: Timestamp, org: &OrgCode, row: &Row) -> Option<Lane> {
        let lane = parse::<Lane>(row)?;
        let seen = self.orgs.get_mut(org)?;
        let (before, holder, stopped_under) = (seen.lane.epoch, seen.lane.holder, seen.lane.stopped_under);
        // Whoever comes to end an export that is to stop waits for the holder so long, and no longer.
        let asked_to_stop = seen.exports.values().filter(|seen| seen.export.stop.is_some());
        let asked_to_stop = asked_to_stop.filter_map(|seen| seen.export.stop_asked_at).min();
        let ended_since = seen.lane.stop_asked_at.filter(|_| stopped_under == before);
        let since = [asked_to_stop, ended_since].into_iter().flatten().min().map(|at| seen.lane.taken_at.max(Some(at)));
        // Clocks may have been set back since it decided.
        let decided_at = lane.lease.as_ref().map_or(asked_at, |lease| lease.taken_at.max(asked_at));
        let had_its_time = since.flatten().is_some_and(|since| decided_at >= since.after(Lane::STOP_GRACE));
        let until = std::mem::replace(&mut seen.lane.until, lane.lease.as_ref().map(|lease| lease.until));
        let taken = lane.epoch.0 > before;
        if taken {
            if until.is_some() {
                // Whoever held it before did not give it back: its attempt ended unexplained.
                self.disturbed.entry(holder).or_default().is_grave = true;
            }
            seen.lane.taken_at = lane.lease.as_ref().map(|lease| lease.taken_at);
            seen.lane.epoch = lane.epoch.0;
            seen.lane.holder = actor.number;
            self.demand(lane.epoch.0 == before + 1, || {
                format!("{org}: the epoch went from {before} to {}", lane.epoch)
            });
            let free = had_its_time || until.is_none_or(|until| until < asked_at);
            self.demand(free, || format!("{org}: #{} took the lane while #{holder} held it", actor.number));
        } else {
            self.demand(lane.epoch.0 == before, || format!("{org}: the epoch fell from {before} to {}", lane.epoch));
            let mine = holder == actor.number;
            self.demand(mine, || format!("{org}: #{} wrote the lane that #{holder} holds", actor.number));
        }
        Some(lane)
    }

    fn export_written(&mut self, actor: Actor, org: &OrgCode, export: Export, lane: Option<&Lane>) -> Option<Export> {
        let seq = export.seq.0;
        let before = self.orgs.get(org)?.exports.get(&seq).map(|seen| (seen.export.clone(), seen.stamped_by));
        let mut stamped_by = before.as_ref().map_or(0, |(_, by)| *by);
        match &before {
            None => self.export_created(org, &export),
            Some((old, _)) => {
                let id = export.id;
                self.demand(old.id == id, || format!("{org}: row {seq} went from {} to {id}", old.id));
                if old.is_terminal() {
                    let same = old.state == export.state && old.expires_at == export.expires_at;
                    self.demand(same, || format!("{id}: a terminal state was changed by #{}", actor.number));
                } else if export.epoch > old.epoch {
                    stamped_by = actor.number;
                    self.export_stamped(actor, org, &export, lane);
                } else {
                    self.demand(old.epoch == export.epoch, || format!("{id}: its epoch fell, by #{}", actor.number));
                    let by = stamped_by;
                    let stale = actor.role == Role::Worker && by != actor.number;
                    self.demand(!stale, || format!("{id}: #{} wrote it while #{by} runs it", actor.number));
                    let sweeper = actor.role == Role::Sweeper;
                    self.demand(!sweeper, || format!("{id}: the sweeper wrote it before it ended"));
                    self.export_admitted(actor, org, old, &export);
                }
                let undeleted = old.deleted && !export.deleted;
                self.demand(!undeleted, || format!("{id}: a deleted export came back"));
                self.export_ended(org, old, &export);
            }
        }
        // An end clears the wish for it, which others may have read before.
        let stopping = export.stop.is_some() || before.as_ref().is_some_and(|(old, _)| old.stop.is_some());
        if stopping && let Some(org) = self.orgs.get_mut(org) {
            let asked_at = export.stop_asked_at.or_else(|| before.as_ref().and_then(|(old, _)| old.stop_asked_at));
            let earlier = org.lane.stop_asked_at.filter(|_| org.lane.stopped_under == org.lane.epoch);
            org.lane.stop_asked_at = earlier.or(asked_at);
            org.lane.stopped_under = org.lane.epoch;
        }
        let wished = export.stop.is_some() && before.as_ref().is_none_or(|(old, _)| old.stop.is_none());
        let asked = self.asked_to_end.contains(&export.id);
        self.demand(!wished || asked, || format!("{} is to stop though nobody asked", export.id));
        let (seen, ended) = (self.seen, export.is_terminal());
        let became_ready = export.archive().is_some() && !before.as_ref().is_some_and(|(old, _)| old.is_terminal());
        let entry = self.orgs.get_mut(org)?.exports.entry(seq);
        let entry = entry.or_insert_with(|| ExportSeen {
            export: export.clone(),
            stamped_by,
            stamps: 0,
            begun_by: Vec::new(),
            ended_at: None,
            gone: false,
        });
        if entry.export.checkpoint != export.checkpoint {
            entry.begun_by.clear();
        }
        if entry.stamped_by != stamped_by {
            entry.begun_by.push(stamped_by);
        }
        entry.export = export.clone();
        entry.stamps += u32::from(entry.stamped_by != stamped_by);
        entry.stamped_by = stamped_by;
        entry.ended_at = entry.ended_at.or(ended.then_some(seen));
        became_ready.then_some(export)
    }

    fn export_created(&mut self, org: &OrgCode, export: &Export) {
        let id = export.id;
        let waits = matches!(export.state, State::Scheduled { .. } | State::Queued { .. });
        self.demand(waits, || format!("{id} began as {:?}", export.state));
        // A slot is a request; whoever runs a job by hand may do so twice.
        let label = if let Some(of) = &export.job {
            let run = if of.slot.is_some() { String::new() } else { id.to_string() };
            format!("{org} {} {:?} {run}", of.job, of.slot)
        } else {
            let label = export.label.clone().unwrap_or_default();
            // All of a series have one.
            if is_series(&label) { id.to_string() } else { label }
        };
        let by_slot = export.job.as_ref().is_some_and(|of| of.slot.is_some());
        let earlier = self.requests.insert(label.clone(), id).filter(|earlier| !self.outlived_its_job(earlier));
        self.demand(earlier.is_none(), || format!("request {label} made two exports: {earlier:?} and {id}"));
        let ticket = export.ticket().map_or(export.seq.0, |ticket| ticket.0);
        let Some(seen) = self.orgs.get_mut(org) else { return };
        let last = seen.last_number;
        seen.last_number = last.max(ticket).max(export.seq.0);
        let queued = |export: &Export| matches!(export.state, State::Queued { .. });
        let ahead = seen.exports.values().filter(|seen| !seen.gone && queued(&seen.export)).count();
        let full = queued(export)
            && seen.traits.max_waiting.is_some_and(|most| usize::try_from(most).is_ok_and(|most| ahead >= most));
        let created_before = seen.created_at.replace(export.created_at);
        self.demand(ticket > last && export.seq.0 > last, || {
            format!("{id} got number {} and ticket {ticket} after {last}", export.seq)
        });
        self.demand(!full || by_slot, || format!("{id} was let in though {ahead} wait already"));
        let later = created_before.is_none_or(|before| before < export.created_at);
        self.demand(later, || format!("{id} was created at {}, after one of {created_before:?}", export.created_at));
    }

    /// A scheduled export enters the lane once, by the scheduler or whoever made it, behind all that is there; the scheduler writes nothing
    /// else.
    fn export_admitted(&mut self, actor: Actor, org: &OrgCode, old: &Export, export: &Export) {
        let id = export.id;
        let entered = old.admission_at().is_some() && export.ticket().is_some();
        // Whoever makes one whose time has come meanwhile lets it in, too.
        let right = match actor.role {
            Role::Scheduler => entered,
            Role::Client => true,
            Role::Worker | Role::Sweeper | Role::Script | Role::Courier => !entered,
        };
        self.demand(right, || format!("{id}: #{} made {:?} of {:?}", actor.number, export.state, old.state));
        if !entered {
            return;
        }
        let ticket = export.ticket().map_or(0, |ticket| ticket.0);
        let Some(seen) = self.orgs.get_mut(org) else { return };
        let last = seen.last_number;
        seen.last_number = last.max(ticket);
        self.demand(ticket > last, || format!("{id} was admitted with ticket {ticket} after {last}"));
    }

    fn export_stamped(&mut self, actor: Actor, org: &OrgCode, export: &Export, lane: Option<&Lane>) {
        let id = export.id;
        let proven = lane.is_some_and(|lane| lane.epoch == export.epoch);
        self.demand(proven, || format!("{id} was stamped with epoch {} without the lane", export.epoch));
        let Some(seen) = self.orgs.get(org) else { return };
        let holder = seen.lane.holder;
        let ticket = export.ticket().map_or(0, |ticket| ticket.0);
        let earlier = seen.exports.values().find(|other| {
            !other.gone && other.export.id != id && other.export.ticket().is_some_and(|other| other.0 < ticket)
        });
        let earlier = earlier.map(|other| other.export.id);
        self.demand(holder == actor.number, || format!("{id}: #{} stamped it, #{holder} has the lane", actor.number));
        self.demand(earlier.is_none(), || format!("{id} began before {earlier:?}, which is ahead of it in the lane"));
    }

    fn export_ended(&mut self, org: &OrgCode, old: &Export, export: &Export) {
        let id = export.id;
        if old.is_terminal() || !export.is_terminal() {
            return;
        }
        let ended = export.finished_at().map_or(0, Timestamp::as_millis);
        let until = export.expires_at.as_millis();
        self.demand(until == ended + SEVEN_DAYS_MILLIS, || format!("{id} ended at {ended} and expires at {until}"));
        match &export.state {
            State::Ready { .. } => {
                self.demand(old.stop.is_none(), || format!("{id} became ready though it was to stop"));
                let asked = self.canceled.contains(&id) || self.deleted.contains(&id);
                self.demand(!asked, || format!("{id} became ready though its end was promised"));
            }
            State::Failed { failure, .. } => {
                let seen = self.orgs.get(org);
                let traits = seen.map(|seen| seen.traits.clone()).unwrap_or_default();
                let begun_by = seen.and_then(|seen| seen.exports.get(&old.seq.0)).map(|seen| seen.begun_by.clone());
                let begun_by = begun_by.unwrap_or_default();
                let unexplained = self.unexplained_ends(&begun_by);
                let due = match failure.code {
                    FailureCode::BadRecord => traits.has(Calamity::BadRecords),
                    FailureCode::MaxRetriesReached => traits.has(Calamity::DeadlyRecords) || unexplained >= 5,
                    FailureCode::QuotaExceeded => traits.has_quota,
                    FailureCode::Unavailable => traits.has(Calamity::DarkDays),
                    FailureCode::CollectionMissing => traits.has(Calamity::CollectionGone),
                    FailureCode::BadDateRange
                    | FailureCode::RecordMissing
                    | FailureCode::LimitExceeded
                    | FailureCode::RecordLimitExceeded
                    | FailureCode::Denied
                    | FailureCode::Internal => false,
                };
                self.demand(due, || {
                    format!("{id} failed for no good reason: {failure:?}, {unexplained} of {begun_by:?} may have ended without a word")
                });
            }
            State::Canceled { .. } => {
                let asked = self.asked_to_end.contains(&id);
                self.demand(asked, || format!("{id} was canceled though nobody asked"));
            }
            State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } => {}
        }
    }

    fn export_removed(&mut self, org: &OrgCode, seq: u64) {
        let Some(seen) = self.orgs.get_mut(org).and_then(|seen| seen.exports.get_mut(&seq)) else { return };
        seen.gone = true;
        let (id, deleted, ended) = (seen.export.id, seen.export.deleted, seen.export.is_terminal());
        self.demand(deleted && ended, || format!("{id} was removed though it was not to go"));
    }

    fn org_is_sound(&mut self, org: &OrgCode) {
        let Some(seen) = self.orgs.get(org) else { return };
        let running = seen.exports.values().filter(|seen| matches!(seen.export.state, State::Running { .. }));
        let running: Vec<_> = running.map(|seen| seen.export.id).collect();
        let waiting: Vec<(u64, u64)> = {
            let there = seen.exports.iter().filter(|(_, seen)| !seen.gone);
            let mut waiting: Vec<_> = there.filter_map(|(seq, seen)| Some((seen.export.ticket()?.0, *seq))).collect();
            waiting.sort_unstable();
            waiting
        };
        let queue: Vec<(u64, u64)> = seen.queue.iter().map(|(ticket, seq)| (*ticket, *seq)).collect();
        let (used, held, reserved, sum) = (seen.used_bytes, seen.held(), seen.reserved_bytes, seen.reserved());
        self.demand(running.len() <= 1, || format!("{org}: {running:?} run at once"));
        self.demand(waiting == queue, || format!("{org}: {waiting:?} wait or run, and {queue:?} are in the lane"));
        self.demand(used == held, || format!("{org}: usage says {used} bytes, archives hold {held}"));
        self.demand(reserved == sum, || format!("{org}: usage says {reserved} bytes reserved, exports {sum}"));
    }
}
