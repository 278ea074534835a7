//! What the oracle demands of series: each instant of the rule once, one export that waits while there is one to come, none after the end
//! was answered, and every instant that made none on record with the reason.

use super::Oracle;
use crate::simulator::history::Actor;
use crate::simulator::profile::Calamity;
use crate::simulator::series::is_series;
use crate::simulator::weaken::{Kind, kind_of};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waybill_domain::{Export, ExportId, ExportSpec, OrgCode, SkippedInstants, SkippedReason, State, Timestamp};
use waybill_ports::Write;
use waybill_schedule::{Recurrence, Rule, Schedule, Zone, next_after};

/// How late an instant may make an export.
const CATCH_UP: Duration = Duration::from_hours(1);
/// How long it may take from that decision to the commit.
const SLACK: Duration = Duration::from_mins(15);
/// How long after faults have ended nobody may leave an instant alone.
const LOOKED_AFTER: Duration = Duration::from_mins(3);
/// Most instants that are counted one by one.
const MOST: usize = 3000;

/// Series by the labels of their exports.
#[derive(Debug, Default)]
pub(super) struct AllSeries(BTreeMap<String, SeriesSeen>);

/// What has been seen of a series.
#[derive(Debug, Default)]
struct SeriesSeen {
    org: Option<OrgCode>,
    /// Every rule that a client has asked for; `None` = that it be made once.
    asked: BTreeSet<Option<String>>,
    /// The rule that goes, and where the series begins.
    rule: Option<(String, Timestamp)>,
    /// Who changed it, to what.
    changed: BTreeSet<(u32, Option<String>)>,
    /// The export that waits, and for which instant.
    pending: Option<(ExportId, Timestamp)>,
    /// The last instant that entered the lane.
    entered: Option<Timestamp>,
    /// The latest time at which anybody wrote it, by any clock.
    written: Option<Timestamp>,
    /// Somebody ended it.
    over: bool,
}

/// An export of a series in a commit: as it was, as it is, and its frozen request, if that is written, too.
type Turned = (Option<Export>, Export, Option<ExportSpec>);

/// When a commit was asked for.
struct Moment {
    actor: u32,
    asked_at: Timestamp,
    /// Clocks are set in this world: times say little.
    odd: bool,
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// What is newly on record says the truth.
fn is_true(spec: &ExportSpec, from: Timestamp, at: &Moment) -> Result<(), String> {
    for range in spec.series.iter().flat_map(|series| &series.skipped).filter(|range| range.at >= from) {
        let right = match range.reason {
            SkippedReason::Late => at.odd || at.asked_at.since(range.through) > CATCH_UP,
            SkippedReason::Superseded => spec.scheduled_at.is_some_and(|fired| range.through < fired),
            // In these worlds nobody is.
            SkippedReason::Locked => false,
        };
        ensure(right, || format!("{range:?} is on record at {}", at.asked_at))?;
    }
    Ok(())
}

impl SeriesSeen {
    /// The first instant of the rule strictly after another one, told by nobody but the schedule.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let (rule, start) = self.rule.as_ref()?;
        let calendar = |at: Timestamp| jiff::Timestamp::from_millisecond(at.as_millis()).ok();
        let schedule = Schedule::from(Recurrence::new(rule.parse::<Rule>().ok()?, calendar(*start)?));
        let next = next_after(&schedule, calendar(after)?, &"UTC".parse::<Zone>().ok()?)?;
        Some(Timestamp::from_millis(next.as_millisecond()))
    }

    fn is_instant(&self, at: Timestamp) -> bool {
        self.next(at.before(Duration::from_millis(1))) == Some(at)
    }

    /// Every instant from `from` on and before `until`, or without an end all of them, is `but` or on record.
    fn all_are_told(
        &self,
        (from, until, but): (Timestamp, Option<Timestamp>, Option<Timestamp>),
        skipped: &[SkippedInstants],
    ) -> Result<(), String> {
        let mut due = Some(from).filter(|from| self.is_instant(*from)).or_else(|| self.next(from));
        for _ in 0..MOST {
            let Some(at) = due.filter(|at| until.is_none_or(|until| *at < until)) else { return Ok(()) };
            let told = Some(at) == but || skipped.iter().any(|range| range.at <= at && at <= range.through);
            ensure(told, || format!("nobody says what became of {at}"))?;
            due = self.next(at);
        }
        Ok(())
    }

    /// A commit wrote exports of it.
    fn turn(&mut self, rows: &[Turned], at: &Moment) -> Result<(), String> {
        let (mut entered, mut made) = (None, None);
        for (old, new, spec) in rows {
            let id = new.id;
            let Some(old) = old else {
                let State::Scheduled { at } = new.state else { return Err(format!("{id} began as {:?}", new.state)) };
                ensure(made.replace((id, at, spec)).is_none(), || format!("{id} is not the only one that was made"))?;
                continue;
            };
            // Those that have entered the lane are history.
            let Some(waited) = old.admission_at() else { continue };
            ensure(self.pending == Some((id, waited)), || format!("{id} waited beside {:?}", self.pending))?;
            let changed = new.changed_at != old.changed_at;
            match (&new.state, spec) {
                (State::Scheduled { at: next }, Some(spec)) if changed => self.change(spec, (id, waited, *next), at)?,
                (State::Scheduled { at: next }, Some(spec)) => {
                    let skipped = spec.series.as_ref().map(|series| series.skipped.clone()).unwrap_or_default();
                    ensure(self.is_instant(*next), || format!("{id} waits for {next}, which is no instant"))?;
                    self.all_are_told((waited, Some(*next), None), &skipped)?;
                    is_true(spec, waited, at)?;
                    self.pending = Some((id, *next));
                }
                (State::Scheduled { at: next }, None) => {
                    ensure(*next == waited, || format!("{id} waits for {next} instead of {waited}"))?;
                }
                (State::Canceled { .. }, _) => (self.over, self.pending) = (true, None),
                (State::Queued { .. }, Some(spec)) if changed => {
                    ensure(spec.series.is_none() && self.asked.contains(&None), || {
                        format!("{id} is made once, which nobody asked for")
                    })?;
                    self.changed.insert((at.actor, None));
                    (self.over, self.pending) = (true, None);
                }
                (State::Queued { .. }, Some(spec)) => {
                    entered = Some((new, waited, spec));
                    self.pending = None;
                }
                (state, _) => return Err(format!("{id}, which waited, is {state:?}")),
            }
        }
        ensure(!self.over || (entered.is_none() && made.is_none()), || "goes on though it was ended".to_owned())?;
        if let Some((export, waited, spec)) = entered {
            self.enter(export, (waited, made.as_ref().map(|made| made.1)), spec, at)?;
        } else if let Some((id, first, spec)) = made {
            ensure(self.rule.is_none(), || format!("{id} was made though none of it entered the lane"))?;
            let series = spec.as_ref().and_then(|spec| spec.series.clone()).ok_or("its first one has no rule")?;
            let asked = self.asked.contains(&Some(series.instruction.clone()));
            ensure(asked, || format!("nobody asked for {}", series.instruction))?;
            self.rule = Some((series.instruction, series.start));
            ensure(self.is_instant(first), || format!("{first} is no instant"))?;
        }
        if let Some((id, at, _)) = made {
            ensure(self.pending.is_none(), || format!("{id} waits beside {:?}", self.pending))?;
            self.pending = Some((id, at));
        }
        self.written = self.written.max(Some(at.asked_at));
        Ok(())
    }

    /// One entered the lane that had waited for `waited`; `next` was made.
    fn enter(
        &mut self,
        export: &Export,
        (waited, next): (Timestamp, Option<Timestamp>),
        spec: &ExportSpec,
        at: &Moment,
    ) -> Result<(), String> {
        let (id, fired) = (export.id, export.scheduled_at.ok_or("what entered stands for no instant")?);
        ensure(self.is_instant(fired), || format!("{id} stands for {fired}, which is no instant of the rule"))?;
        let before = self.entered.replace(fired);
        ensure(before.is_none_or(|before| before < fired), || format!("{id} stands for {fired}, after {before:?}"))?;
        ensure(at.odd || fired <= at.asked_at, || format!("{id} entered at {}, before {fired}", at.asked_at))?;
        let late = at.asked_at.since(fired) > CATCH_UP + SLACK;
        ensure(at.odd || !late || next.is_none(), || format!("{id} entered at {}, long after {fired}", at.asked_at))?;
        if let Some(next) = next {
            ensure(next > fired && self.is_instant(next), || format!("{next} is not to come after {fired}"))?;
        }
        let skipped = spec.series.as_ref().map(|series| series.skipped.clone()).unwrap_or_default();
        self.all_are_told((waited, next, Some(fired)), &skipped)?;
        is_true(spec, waited, at)
    }

    /// Something else was asked of the one that waits.
    fn change(
        &mut self,
        spec: &ExportSpec,
        (id, waited, next): (ExportId, Timestamp, Timestamp),
        at: &Moment,
    ) -> Result<(), String> {
        let series = spec.series.clone().ok_or_else(|| format!("{id} waits without a rule"))?;
        let rule = Some(series.instruction.clone());
        ensure(self.asked.contains(&rule), || format!("nobody asked for {rule:?}"))?;
        let start = self.rule.as_ref().map(|(_, start)| *start);
        ensure(start == Some(series.start), || format!("it begins at {} instead of {start:?}", series.start))?;
        self.changed.insert((at.actor, rule));
        self.rule = Some((series.instruction, series.start));
        ensure(self.is_instant(next), || format!("{id} waits for {next}, which is no instant of the new rule"))?;
        let again = self.entered.is_some_and(|entered| next <= entered);
        ensure(!again, || format!("{id} waits for {next}, and {:?} has entered", self.entered))?;
        let due = waited <= at.asked_at && self.is_instant(waited);
        ensure(at.odd || !due || next <= waited, || format!("{waited} was due, and {id} waits for {next}"))?;
        let latest = self.next(at.asked_at.max(self.written.unwrap_or(at.asked_at)));
        let soon = latest.is_none_or(|latest| next <= latest);
        ensure(at.odd || soon, || format!("{id} waits for {next}, and {latest:?} is before"))?;
        self.pending = Some((id, next));
        Ok(())
    }
}

impl Oracle {
    /// Looks at what a commit says of series, before anything else of it is taken note of.
    pub(super) fn series_written(
        &mut self,
        actor: Actor,
        asked_at: Timestamp,
        org: &OrgCode,
        of: (&[Write], &[Export]),
    ) {
        let (writes, exports) = of;
        let labels: BTreeSet<&String> =
            exports.iter().filter_map(|export| export.label.as_ref()).filter(|label| is_series(label)).collect();
        for label in labels {
            let specs = writes.iter().filter_map(|write| match write {
                Write::Put { row, .. } if kind_of(&row.key) == Kind::Spec => Some(row),
                _ => None,
            });
            let mut specs: BTreeMap<u64, ExportSpec> = specs
                .filter_map(|row| serde_json::from_str::<ExportSpec>(&row.body).ok())
                .map(|spec| (spec.seq.0, spec))
                .collect();
            let Some(seen) = self.orgs.get(org) else { return };
            let rows: Vec<Turned> = exports
                .iter()
                .filter(|export| export.label.as_ref() == Some(label))
                .map(|export| {
                    let seq = export.seq.0;
                    (seen.exports.get(&seq).map(|seen| seen.export.clone()), export.clone(), specs.remove(&seq))
                })
                .collect();
            let at = Moment { actor: actor.number, asked_at, odd: seen.traits.has(Calamity::Jump) };
            let series = self.series.0.entry(label.clone()).or_default();
            series.org = Some(org.clone());
            if let Err(what) = series.turn(&rows, &at) {
                self.violate(format!("{org} {label}: by #{} {:?}: {what}", actor.number, actor.role));
            }
        }
    }

    /// A client asks for a rule.
    pub(in crate::simulator) fn rule_asked(&mut self, label: &str, rule: Option<&str>) {
        self.series.0.entry(label.to_owned()).or_default().asked.insert(rule.map(str::to_owned));
    }

    /// A client knows an export of a series.
    pub(in crate::simulator) fn series_accepted(&mut self, export: &Export) {
        self.accepted.insert(export.id, export.org.clone());
        let begun =
            export.label.as_ref().and_then(|label| self.series.0.get(label)).is_some_and(|seen| seen.rule.is_some());
        self.demand(begun, || format!("{} is of a series that never began", export.id));
    }

    /// A change was answered with success.
    pub(in crate::simulator) fn series_changed(&mut self, client: u32, label: &str, rule: Option<&str>) {
        let change = (client, rule.map(str::to_owned));
        let done = self.series.0.get(label).is_some_and(|seen| seen.changed.contains(&change));
        self.demand(done, || format!("{label}: #{client} was answered that its rule is {rule:?}, which it never was"));
    }

    /// The delete of an export that its client saw waiting a moment ago was answered with success.
    pub(in crate::simulator) fn series_stopped(&mut self, label: &str, id: ExportId) {
        let pending = self.series.0.get(label).and_then(|seen| seen.pending);
        self.demand(pending.is_none(), || {
            format!("{label}: {id}, which was seen pending, is deleted, and the series goes on with {pending:?}")
        });
    }

    /// Whether an export is one of a series.
    pub(in crate::simulator) fn is_of_series(&self, org: &OrgCode, id: ExportId) -> bool {
        let mut exports = self.orgs.get(org).into_iter().flat_map(|org| org.exports.values());
        exports.any(|seen| seen.export.id == id && seen.export.label.as_deref().is_some_and(is_series))
    }

    /// Whether an org has one that goes on.
    pub(in crate::simulator) fn has_series(&self, org: &OrgCode) -> bool {
        self.series.0.values().any(|seen| seen.org.as_ref() == Some(org) && seen.pending.is_some())
    }

    /// Without faults no instant waits for long.
    pub(in crate::simulator) fn are_series_looked_after(&mut self, now: Timestamp) {
        let late = |seen: &&SeriesSeen| seen.pending.is_some_and(|(_, at)| now.since(at) > LOOKED_AFTER);
        let forgotten = self.series.0.values().find(late).map(|seen| format!("{:?} {:?}", seen.org, seen.pending));
        self.demand(forgotten.is_none(), || format!("nobody looks after the series {forgotten:?}"));
    }
}
