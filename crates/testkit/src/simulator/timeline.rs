//! The course of a world: faults and clients first, then calm, then the end of all exports.

use super::clients::{Errand, Request, client};
use super::clock::WorldClock;
use super::deliveries::come_later;
use super::executor::{Executor, Nature};
use super::history::{History, Role};
use super::jobs::JobErrand;
use super::network::{Service, World};
use super::processes::Process;
use super::profile::{Calamity, Profile};
use super::scripts::come_again;
use super::series::SeriesErrand;
use super::setting::{delete_collection, pass_by, settle_in};
use super::{Scenario, Simulated};
use crate::SeededEntropy;
use crate::samples;
use futures::FutureExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Context, read_export};
use waybill_domain::{Export, ExportFormat, FileInclusion, OrgCode, Role as Rights};
use waybill_ports::{Clock, Entropy, WakeMessage};

/// The time of one tick of the last sweeps.
const TICK: Duration = Duration::from_mins(1);
/// How long nothing befalls a world before it is asked whether anything was left alone.
const CALM: Duration = Duration::from_mins(6);
/// How long calm may take until everything has ended, and how much longer for each export: one at which workers die takes five leases.
const PATIENCE: Duration = Duration::from_hours(3);
const FOR_EACH: Duration = Duration::from_mins(15);
/// A choice of a client that wants its export ten seconds later.
const SCHEDULED: u64 = 27;
/// Choices of a client that wants its export sorted, and with its records' files.
const SORTED: u64 = 36 * 600;
const FILES: u64 = 3 * SORTED;
/// And with a script that follows.
const SCRIPT: u64 = 5 * FILES;
/// How long a service is out.
const OUTAGE: Duration = Duration::from_mins(10);
/// And with destinations.
const DELIVERED: u64 = 5 * SCRIPT;
/// In one of so many worlds there are series.
const SERIES_IN: u64 = 24;
/// A day.
const DAY: Duration = Duration::from_hours(24);
/// Time that the platform gives an invocation that runs a script, or delivers.
const SCRIPT_LIMIT: Duration = Duration::from_mins(4);

/// Something that happens to the world at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Client {
        org: usize,
        create: bool,
        choice: u64,
    },
    /// Records that come and go.
    Records {
        org: usize,
        there: bool,
    },
    CollectionGone,
    /// Somebody does something about a job.
    Job {
        org: usize,
        choice: u64,
    },
    /// Somebody does something about a series.
    Series {
        org: usize,
        choice: u64,
    },
    /// Every job is paused and every series ended, so that there is an end.
    Quiet,
    Outage(u64),
    Jump(i64),
    DarkDays(u64),
    Tick,
    FaultsEnd,
}

/// A world with what is to happen in it.
pub(super) struct Timeline {
    seed: u64,
    world: Arc<World>,
    executor: Executor,
    entropy: Arc<SeededEntropy>,
    orgs: Vec<OrgCode>,
    events: BTreeSet<(Duration, Event)>,
    actors: u32,
    /// When all clocks were last set.
    clocks_set: Duration,
}

impl Timeline {
    pub(super) fn new(scenario: Scenario) -> Self {
        let seed = scenario.seed;
        let entropy = Arc::new(SeededEntropy::new(seed));
        let calm = scenario.incident.is_some();
        let part_bytes = if seed.is_multiple_of(2) { 160 } else { 100_000 };
        let profile = if calm { Profile::calm(part_bytes) } else { Profile::draw(&*entropy) };
        let history = if scenario.keep_history { History::kept() } else { History::default() };
        let world = Arc::new(World::new(scenario, profile, history));
        let executor = Executor::new(Arc::clone(&world));
        let (orgs, events) = (Vec::new(), BTreeSet::new());
        let mut timeline = Self { seed, world, executor, entropy, orgs, events, actors: 0, clocks_set: Duration::ZERO };
        timeline.world.note(|| format!("{:?}", timeline.world.profile));
        match settle_in(&timeline.world, &*timeline.entropy) {
            Ok(orgs) => timeline.orgs = orgs,
            Err(error) => timeline.world.violate(format!("the world cannot begin: {error}")),
        }
        if calm {
            timeline.plan_calm();
        } else {
            timeline.plan();
        }
        timeline
    }

    /// Two exports at once, one for a little later, a third, a look, a cancel and a delete: the whole way, and nothing beside it.
    fn plan_calm(&mut self) {
        for (at, create, choice) in [
            (0, true, SCRIPT),
            (0, true, 5 + 2 * DELIVERED),
            (2, true, SCHEDULED),
            (5, false, 6),
            (20, false, 8),
            (40, true, 1 + SORTED + FILES),
            (41, false, 0),
            (90, false, 2),
            (95, false, 4),
        ] {
            self.events.insert((Duration::from_secs(at), Event::Client { org: 0, create, choice }));
        }
        // A job is made, due at the next tick, run by hand, changed, paused, and at last deleted.
        for (at, errand) in [(10, 0), (70, 5), (100, 1), (130, 2), (160, 4)] {
            self.events.insert((Duration::from_secs(at), Event::Job { org: 0, choice: errand }));
        }
        // A series is begun, let in at once, changed before its second, and ended.
        for (at, errand) in [(75, 0), (140, 1), (215, 2)] {
            self.events.insert((Duration::from_secs(at), Event::Series { org: 0, choice: errand }));
        }
        self.events.insert((Duration::from_secs(30), Event::Tick));
        self.events.insert((Duration::from_mins(8), Event::FaultsEnd));
    }

    /// Draws what happens when.
    fn plan(&mut self) {
        let entropy = Arc::clone(&self.entropy);
        let millis = |bound: u64| Duration::from_millis(entropy.below(bound));
        let busy = [50, 5000, 60_000, 240_000][usize::try_from(entropy.below(4)).unwrap_or(0)];
        let orgs = self.orgs.len().max(1);
        for _ in 0..=entropy.below(3) {
            let org = usize::try_from(entropy.number()).unwrap_or(0) % orgs;
            let choice = entropy.number();
            self.events.insert((millis(busy), Event::Client { org, create: true, choice }));
        }
        for _ in 0..entropy.below(5) {
            let org = usize::try_from(entropy.number()).unwrap_or(0) % orgs;
            let choice = entropy.number();
            self.events.insert((millis(busy + 120_000), Event::Client { org, create: false, choice }));
        }
        if entropy.below(3) == 0 {
            for index in 0..8_u32 {
                let at = millis(busy + 10_000);
                self.events.insert((at, Event::Records { org: 0, there: index % 2 == 0 }));
            }
        }
        if entropy.below(16) == 0 {
            for number in 0..3 + entropy.below(5) {
                let org = usize::try_from(entropy.number()).unwrap_or(0) % orgs;
                // A job first.
                let errand = if number < 2 { 0 } else { entropy.below(6) };
                let choice = errand + 6 * entropy.below(1000);
                // All before faults end, so that what pauses jobs afterwards is the last.
                self.events.insert((millis(busy.min(60_000) + 25_000 * number), Event::Job { org, choice }));
            }
        }
        if entropy.below(SERIES_IN) == 0 {
            let org = usize::try_from(entropy.number()).unwrap_or(0) % orgs;
            for number in 0..2 + entropy.below(5) {
                // A series first.
                let errand = if number == 0 { 0 } else { entropy.below(4) };
                let choice = errand + 4 * entropy.below(10_000);
                self.events.insert((millis(busy.min(60_000) + 45_000 * number), Event::Series { org, choice }));
            }
        }
        if self.world.profile.has(Calamity::CollectionGone) {
            self.events.insert((millis(busy + 60_000), Event::CollectionGone));
        }
        let mut faults_end = Duration::from_mins(3) + millis(360_000);
        if self.world.profile.has(Calamity::Outage) {
            let at = millis(240_000);
            self.events.insert((at, Event::Outage(entropy.number())));
            faults_end = faults_end.max(at + OUTAGE);
        }
        if self.world.profile.has(Calamity::Jump) {
            let far = i64::try_from(entropy.below(7_200_000)).unwrap_or(0) - 3_600_000;
            self.events.insert((millis(240_000), Event::Jump(far)));
            if entropy.below(2) == 0 {
                self.events.insert((millis(300_000) + Duration::from_mins(4), Event::Jump(0)));
            }
        }
        if self.world.profile.has(Calamity::DarkDays) {
            let at = millis(180_000);
            self.events.insert((at, Event::DarkDays(2 + entropy.below(12))));
            faults_end = faults_end.max(at + Duration::from_mins(1));
        }
        self.events.insert((millis(60_000), Event::Tick));
        self.events.insert((faults_end, Event::FaultsEnd));
    }

    /// Lives through it.
    pub(super) fn run(mut self) -> Simulated {
        let mut calm_since = None;
        while !self.world.is_violated() {
            self.executor.run_ready();
            self.deliver();
            self.deliver_scripts();
            self.deliver_files();
            self.executor.run_ready();
            let now = self.world.clock.elapsed();
            if !self.world.are_faults_on() {
                let since = *calm_since.get_or_insert(now);
                let over = self.world.oracle.with(|oracle| {
                    oracle.is_everything_terminal()
                        && oracle.is_everything_clean()
                        && oracle.are_jobs_quiet()
                        && oracle.are_scripts_over()
                        && oracle.are_deliveries_over()
                });
                let (exports, _) = self.world.oracle.with(|oracle| oracle.counts());
                let exports = u32::try_from(exports).unwrap_or(u32::MAX);
                if (over && !self.executor.is_busy()) || now > since + PATIENCE + FOR_EACH.saturating_mul(exports) {
                    break;
                }
            }
            self.move_on(now);
        }
        if !self.world.is_violated() {
            self.world.oracle.with(super::oracle::Oracle::settled);
        }
        if !self.world.is_violated() {
            self.expire();
        }
        let violation = self.world.oracle.with(|oracle| oracle.violation().map(str::to_owned));
        let (exports, ready) = self.world.oracle.with(|oracle| oracle.counts());
        let history = self.world.history.lines();
        let resumed = self.world.oracle.with(|oracle| oracle.resumed());
        let (polls, places) = (self.world.polls(), self.world.places());
        Simulated { seed: self.seed, violation, history, exports, ready, resumed, polls, places }
    }

    /// Gives messages to workers.
    fn deliver(&mut self) {
        for delivery in self.world.wake.receive(10) {
            let WakeMessage::ExportV1 { org, export } = &delivery.message;
            let process = self.process(Role::Worker);
            let number = process.actor.number;
            self.world.note(|| format!("#{number} receives {export} of {org}, time {}", delivery.receives));
            self.world.oracle.with(|oracle| oracle.serves(number, org));
            self.world.serving.with(|serving| serving.insert(number, *export));
            let limit = self.world.profile.worker_limit;
            self.start(process, limit, |process| process.work(delivery));
        }
    }

    /// Gives messages about scripts to what runs them.
    fn deliver_scripts(&mut self) {
        for message in self.world.scripts.take() {
            let process = self.process(Role::Script);
            let number = process.actor.number;
            self.world.note(|| format!("#{number} receives {message:?}"));
            if self.world.fault(self.world.profile.ack_lost) {
                come_again(&self.world, message.clone(), self.world.millis(0, 300_000));
            }
            self.start(process, SCRIPT_LIMIT, |process| process.run_script(message));
        }
    }

    /// Gives messages about deliveries to what delivers.
    fn deliver_files(&mut self) {
        for (message, _) in self.world.deliveries.take() {
            let process = self.process(Role::Courier);
            let number = process.actor.number;
            self.world.note(|| format!("#{number} receives {message:?}"));
            if self.world.fault(self.world.profile.ack_lost) {
                come_later(&self.world, message.clone(), self.world.millis(0, 300_000));
            }
            self.start(process, SCRIPT_LIMIT, |process| process.deliver(message));
        }
    }

    fn process(&mut self, role: Role) -> Process {
        self.actors += 1;
        Process::new(&self.world, self.actors, role, &self.entropy)
    }

    fn start(
        &mut self,
        process: Process,
        limit: Duration,
        run: impl FnOnce(Process) -> futures::future::BoxFuture<'static, ()>,
    ) {
        let until = self.world.clock.elapsed() + limit;
        let nature = Nature::Mortal { actor: process.actor.number, until };
        self.executor.spawn(nature, run(process));
    }

    /// Moves time to the next instant at which something happens, and lets it happen.
    fn move_on(&mut self, now: Duration) {
        let clock = &self.world.clock;
        let visible = self.world.wake.next_visible().map(|at| WorldClock::elapsed_at(at).max(now));
        let event = self.events.first().map(|(at, _)| *at);
        let next = [clock.next_sleeper(), visible, event, self.executor.next_event(now)].into_iter().flatten().min();
        // There is always the next tick.
        let next = next.unwrap_or(now + TICK);
        clock.advance(next.saturating_sub(now));
        self.executor.time_has_moved(next);
        while let Some((at, _)) = self.events.first()
            && *at <= next
        {
            if let Some((_, event)) = self.events.pop_first() {
                self.happen(event, next);
            }
        }
    }

    fn happen(&mut self, event: Event, now: Duration) {
        match event {
            Event::Tick => {
                let world = Arc::clone(&self.world);
                let times = if world.fault(world.profile.tick) { 2 * world.below(2) } else { 1 };
                for _ in 0..times {
                    let process = self.process(Role::Scheduler);
                    self.start(process, Duration::from_secs(110), |process| process.admit(Duration::from_secs(50)));
                    let process = self.process(Role::Sweeper);
                    self.start(process, Duration::from_secs(110), |process| process.sweep(Duration::from_secs(50)));
                }
                self.events.insert((now + self.world.profile.between_ticks, Event::Tick));
            }
            Event::Client { org, create, choice } => {
                let Some(org) = self.orgs.get(org).cloned() else { return };
                let errand = errand(create, choice);
                let process = self.process(Role::Client);
                self.start(process, Duration::from_mins(5), |process| client(process, org, errand));
            }
            Event::Records { org, there } => {
                if let Some(org) = self.orgs.get(org) {
                    self.world.note(|| format!("passing records of {org} there: {there}"));
                    pass_by(&self.world, org, there);
                }
            }
            Event::CollectionGone => {
                if let Some(org) = self.orgs.first() {
                    self.world.note(|| format!("the collection of {org} is deleted"));
                    delete_collection(&self.world, &*self.entropy, org);
                }
            }
            Event::Job { org, choice } => {
                let Some(org) = self.orgs.get(org).cloned() else { return };
                let errand = Errand::Job(JobErrand::of(choice));
                let process = self.process(Role::Client);
                self.start(process, Duration::from_mins(5), |process| client(process, org, errand));
            }
            Event::Series { org, choice } => {
                let Some(org) = self.orgs.get(org).cloned() else { return };
                let process = self.process(Role::Client);
                let errand = Errand::Series(SeriesErrand::of(choice));
                self.start(process, Duration::from_mins(5), |process| client(process, org, errand));
            }
            // What a set clock makes due is looked at by the ticks that follow.
            Event::Quiet if now < self.clocks_set + CALM => {
                self.events.insert((self.clocks_set + CALM, Event::Quiet));
            }
            Event::Quiet => {
                let at = self.world.clock.of_process(0).now();
                self.world.oracle.with(|oracle| oracle.are_jobs_looked_after(at));
                self.world.oracle.with(|oracle| oracle.are_series_looked_after(at));
                for org in self.orgs.clone() {
                    if self.world.oracle.with(|oracle| oracle.has_series(&org)) {
                        let process = self.process(Role::Client);
                        let (org, errand) = (org.clone(), Errand::Series(SeriesErrand::StopAll));
                        self.start(process, Duration::from_mins(5), |process| client(process, org, errand));
                    }
                    let process = self.process(Role::Client);
                    let errand = Errand::Job(JobErrand::PauseAll);
                    self.start(process, Duration::from_mins(5), |process| client(process, org, errand));
                }
            }
            Event::Outage(choice) => {
                let all = [Service::State, Service::Records, Service::Archives, Service::Queue, Service::Destination];
                let one = usize::try_from(choice % 6).ok().and_then(|index| all.get(index));
                let services = one.map_or(all.to_vec(), |service| vec![*service]);
                self.world.begin_outage(services, OUTAGE);
            }
            Event::Jump(millis) => {
                self.world.note(|| format!("all clocks are off by {millis} ms"));
                self.world.clock.set_jump(millis);
                self.clocks_set = now;
            }
            Event::DarkDays(days) => {
                self.executor.kill_all();
                let lost =
                    self.world.wake.lose_all() + self.world.scripts.take().len() + self.world.deliveries.take().len();
                self.world.note(|| format!("nobody runs for {days} days; {lost} messages are too old"));
                let length = DAY * u32::try_from(days).unwrap_or(1);
                // What was to happen meanwhile happens afterwards.
                let later = std::mem::take(&mut self.events);
                self.events = later.into_iter().map(|(at, event)| (at + length, event)).collect();
                self.world.clock.advance(length);
                self.executor.time_has_moved(self.world.clock.elapsed());
            }
            Event::FaultsEnd => {
                self.world.note(|| "faults end".to_owned());
                self.world.end_faults();
                self.events.insert((now + CALM, Event::Quiet));
            }
        }
    }

    /// Lets the seven days of every export go by, to the millisecond for one of them.
    fn expire(&mut self) {
        let remaining = self.world.oracle.with(|oracle| oracle.remaining());
        let clock = self.world.clock.of_process(0);
        if let Some(export) = remaining.iter().min_by_key(|export| export.expires_at) {
            let left = export.expires_at.since(clock.now());
            if left > Duration::from_secs(1) {
                self.world.clock.advance(left.saturating_sub(Duration::from_millis(1)));
                self.sees(export, true);
                self.world.clock.advance(Duration::from_millis(1));
                self.sees(export, false);
            }
        }
        let last = remaining.iter().map(|export| export.expires_at).max();
        let wait = last.map_or(Duration::ZERO, |last| last.since(clock.now())) + TICK;
        let now = self.world.clock.elapsed();
        self.world.clock.advance(wait);
        self.executor.time_has_moved(now + wait);
        for _ in 0..4 {
            let now = self.world.clock.elapsed();
            let process = self.process(Role::Sweeper);
            self.start(process, TICK, |process| process.sweep(Duration::from_secs(50)));
            while self.world.clock.elapsed() < now + TICK && !self.world.is_violated() {
                self.executor.run_ready();
                let now = self.world.clock.elapsed();
                let next = self.world.clock.next_sleeper().unwrap_or(now + TICK);
                self.world.clock.advance(next.saturating_sub(now));
                self.executor.time_has_moved(next);
            }
        }
        if !self.world.is_violated() {
            self.world.oracle.with(super::oracle::Oracle::expired);
        }
    }

    /// Demands that an export can, or cannot, be seen right now.
    fn sees(&self, export: &Export, visible: bool) {
        let Ok(principal) = samples::principal(export.org.as_str(), Rights::Admin) else { return };
        let context = Context {
            state: Arc::new(super::faulty_state::Direct(Arc::clone(&self.world))),
            clock: Arc::new(self.world.clock.of_process(0)),
            entropy: Arc::<SeededEntropy>::clone(&self.entropy),
            request_id: None,
        };
        let read = read_export(&context, &principal, None, export.id).now_or_never();
        if read.is_some_and(|read| read.is_ok()) != visible {
            let at = if visible { "a millisecond before" } else { "when" };
            self.world.violate(format!(
                "{}: it was {}to be seen {at} its seven days were over",
                export.id,
                if visible { "not " } else { "" }
            ));
        }
    }
}

/// What a client of that choice does.
fn errand(create: bool, choice: u64) -> Errand {
    // A quarter of what is created is to wait, up to ten minutes.
    let wait = (choice / 9 % 4 == SCHEDULED / 9).then(|| Duration::from_secs(10 + choice / 36 % 600));
    match (create, choice % 9) {
        (true, kind) => Errand::Create(Request {
            idempotent: kind < 5,
            format: match (kind + choice / FILES) % 6 {
                0 => ExportFormat::Json,
                1 => ExportFormat::Csv,
                2 => ExportFormat::DetailedCsv,
                3 => ExportFormat::JsonApi,
                4 => ExportFormat::Xml,
                _ => ExportFormat::Ndjson,
            },
            sorted: choice / SORTED % 3 == 1,
            files: match choice / FILES % 5 {
                1 => FileInclusion::Entries,
                2 => FileInclusion::Zipped,
                _ => FileInclusion::None,
            },
            script: choice / SCRIPT % 5 == 1,
            destinations: match choice / DELIVERED % 12 {
                1 => 1,
                2 => 2,
                _ => 0,
            },
            wait,
        }),
        (false, 0 | 1) => Errand::Cancel,
        (false, 2 | 3) => Errand::Delete,
        (false, 4 | 5) => Errand::Look,
        (false, 6) if (choice / 9).is_multiple_of(2) => Errand::Describe,
        (false, 6) => Errand::Redeliver,
        (false, _) => Errand::Download,
    }
}
