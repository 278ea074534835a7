//! The simulated world: services in memory, and what lies between them and the processes that call them.

use super::Scenario;
use super::clock::WorldClock;
use super::history::{Actor, History};
use super::incident::{Incident, Kind, Places};
use super::mutant::Mutant;
use super::oracle::Oracle;
use super::profile::Profile;
use crate::locked::Locked;
use crate::{
    MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryRecordStore, MemoryScriptQueue,
    MemoryStateStore, MemoryWakeQueue,
};
use futures::future::BoxFuture;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use waybill_domain::ExportId;
use waybill_ports::{Clock, DueKind, DueRow, PortError, PortErrorKind};

/// How long a call waits for its answer in a calm world.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How late a call arrives in a calm world: when others have taken over.
const VERY_LATE: Duration = Duration::from_secs(130);

/// A service that calls go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    State,
    Records,
    Archives,
    Queue,
    Destination,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is carried out, and its reply is lost.
    ReplyLost,
    /// It is carried out that much later, when its caller has long been told that there was no answer.
    Late(Duration),
    /// It never arrives.
    Lost,
}

/// What a call does where it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It looks.
    None,
    /// It does something, now or never.
    Now,
    /// It does something, and may arrive late.
    NowOrLater,
}

/// Everything that all actors see.
pub(super) struct World {
    pub(super) clock: WorldClock,
    pub(super) state: MemoryStateStore,
    pub(super) records: MemoryRecordStore,
    pub(super) archives: MemoryArchiveStore,
    pub(super) scripts: MemoryScriptQueue,
    pub(super) wake: MemoryWakeQueue,
    pub(super) deliveries: MemoryDeliveryQueue,
    /// Where files are delivered to.
    pub(super) shelf: MemoryDestinations,
    pub(super) profile: Profile,
    pub(super) mutant: Option<Mutant>,
    pub(super) oracle: Locked<Oracle>,
    pub(super) history: History,
    pub(super) stale_due: Locked<BTreeMap<(DueKind, u8), Vec<DueRow>>>,
    rng: Locked<ChaCha8Rng>,
    faults_on: AtomicBool,
    /// The services that are out, and until when.
    outage: Locked<(Vec<Service>, Duration)>,
    spawned: Locked<Vec<BoxFuture<'static, ()>>>,
    strike: AtomicBool,
    stall_millis: AtomicU64,
    polls: AtomicU64,
    places: Locked<Places>,
    incident: Option<Incident>,
    /// Which export a worker's message is about.
    pub(super) serving: Locked<BTreeMap<u32, ExportId>>,
}

impl World {
    pub(super) fn new(scenario: Scenario, profile: Profile, history: History) -> Self {
        let Scenario { seed, mutant, incident, .. } = scenario;
        let clock = WorldClock::new();
        let wake = MemoryWakeQueue::new(Arc::new(clock.true_time()), profile.queue);
        Self {
            state: MemoryStateStore::new(),
            records: MemoryRecordStore::with_pages(profile.partitions, usize::MAX),
            archives: MemoryArchiveStore::with_smallest_part(profile.part_bytes / 8 * 5),
            scripts: MemoryScriptQueue::default(),
            deliveries: MemoryDeliveryQueue::default(),
            shelf: MemoryDestinations::default(),
            wake,
            clock,
            profile,
            mutant,
            oracle: Locked::new(Oracle::default()),
            history,
            stale_due: Locked::default(),
            rng: Locked::new(ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_5eed)),
            faults_on: AtomicBool::new(true),
            outage: Locked::default(),
            spawned: Locked::default(),
            strike: AtomicBool::new(false),
            stall_millis: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            places: Locked::default(),
            incident,
            serving: Locked::default(),
        }
    }

    /// A number in `0..bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.rng.with(Rng::next_u64).checked_rem(bound).unwrap_or(0)
    }

    /// An index below `count`.
    pub(super) fn pick(&self, count: usize) -> usize {
        if count < 2 {
            return 0;
        }
        usize::try_from(self.below(u64::try_from(count).unwrap_or(1))).unwrap_or(0)
    }

    /// True about `per_10k` times of ten thousand while faults are on, never afterwards.
    pub(super) fn fault(&self, per_10k: u32) -> bool {
        per_10k > 0 && self.are_faults_on() && self.below(10_000) < u64::from(per_10k)
    }

    /// A length of time between `from` and `to` milliseconds.
    pub(super) fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from).max(1)))
    }

    pub(super) fn are_faults_on(&self) -> bool {
        self.faults_on.load(Ordering::Relaxed)
    }

    pub(super) fn end_faults(&self) {
        self.faults_on.store(false, Ordering::Relaxed);
        self.outage.with(|outage| outage.0.clear());
    }

    pub(super) fn begin_outage(&self, services: Vec<Service>, length: Duration) {
        let until = self.clock.elapsed() + length;
        self.note(|| format!("outage of {services:?} for {length:?}"));
        self.outage.with(|outage| *outage = (services, until));
    }

    /// Whether the mutant is the one under test.
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Writes a line into the history, with the time.
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        self.history.note(|| format!("{:>12.3} {}", self.clock.elapsed().as_secs_f64(), line()));
    }

    pub(super) fn violate(&self, what: String) {
        self.oracle.with(|oracle| oracle.violate(what));
    }

    pub(super) fn is_violated(&self) -> bool {
        self.oracle.with(|oracle| oracle.violation().is_some())
    }

    pub(super) fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.spawned.with(|spawned| spawned.push(future));
    }

    pub(super) fn take_spawned(&self) -> Vec<BoxFuture<'static, ()>> {
        self.spawned.with(std::mem::take)
    }

    pub(super) fn count_poll(&self) {
        let polls = self.polls.fetch_add(1, Ordering::Relaxed);
        if polls > self.profile.max_polls {
            self.violate(format!("nothing comes to an end after {polls} polls"));
        }
    }

    /// Where something could have gone wrong so far.
    pub(super) fn places(&self) -> Places {
        self.places.with(|places| *places)
    }

    /// Counts one more place of a kind; whether this is where something goes wrong.
    fn strikes(&self, kind: Kind, count: impl FnOnce(&mut Places) -> &mut u64) -> bool {
        let at = self.places.with(|places| {
            let place = count(places);
            *place += 1;
            *place - 1
        });
        self.incident == Some(Incident { kind, at })
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Whether the process that is about to go on is cut off here.
    pub(super) fn crashes(&self) -> bool {
        self.strikes(Kind::Crash, |places| &mut places.awaits) || self.fault(self.profile.crash)
    }

    /// Whether it stands still here, and for how long.
    pub(super) fn freezes(&self) -> Option<Duration> {
        self.fault(self.profile.freeze).then(|| self.millis(500, 400_000))
    }

    /// Ends the process that is being polled once it waits.
    pub(super) fn strike(&self) {
        self.strike.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_strike(&self) -> bool {
        self.strike.swap(false, Ordering::Relaxed)
    }

    /// Lets the process that is being polled stand still for a while once it waits.
    pub(super) fn stall(&self, length: Duration) {
        self.stall_millis.store(u64::try_from(length.as_millis()).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn take_stall(&self) -> Option<Duration> {
        let millis = self.stall_millis.swap(0, Ordering::Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    pub(super) fn died(&self, actor: u32) {
        self.note(|| format!("#{actor} is cut off"));
        self.oracle.with(|oracle| oracle.gravely_disturbed(actor));
    }

    pub(super) fn stood_still(&self, actor: u32, length: Duration) {
        self.note(|| format!("#{actor} stands still for {length:?}"));
        self.oracle.with(|oracle| oracle.gravely_disturbed(actor));
    }

    /// Lets the call travel to its service: time goes by, or it never arrives.
    pub(super) async fn travel(&self, actor: Actor, service: Service, effect: Effect) -> Result<Fate, PortError> {
        self.pause().await;
        let profile = &self.profile;
        if let Some(fate) = self.struck(actor, service, effect) {
            if fate == Fate::Lost {
                self.sleep(CALL_TIMEOUT).await;
                return Err(PortError::new(PortErrorKind::Unavailable, "a lost call"));
            }
            return Ok(fate);
        }
        let out = self.outage.with(|(services, until)| services.contains(&service) && self.clock.elapsed() < *until);
        if out {
            self.disturb(actor, || format!("{service:?} is out"));
            self.sleep(self.millis(200, 10_000)).await;
            return Err(PortError::new(PortErrorKind::Unavailable, "an outage"));
        }
        if self.fault(profile.throttle) {
            self.disturb(actor, || format!("throttled by {service:?}"));
            let retry_after = (self.below(4) == 0).then(|| self.millis(100, 20_000));
            return Err(PortError::new(PortErrorKind::Throttled { retry_after }, "a throttle"));
        }
        if self.fault(profile.unavailable) {
            self.disturb(actor, || format!("a call to {service:?} is lost"));
            self.sleep(self.millis(0, 10_000)).await;
            return Err(PortError::new(PortErrorKind::Unavailable, "a lost call"));
        }
        if effect != Effect::None && self.fault(profile.reply_lost) {
            self.disturb(actor, || format!("a reply of {service:?} is lost"));
            return Ok(Fate::ReplyLost);
        }
        if effect == Effect::NowOrLater && self.fault(profile.late) {
            let late = self.millis(10, if self.below(3) == 0 { 300_000 } else { 15_000 });
            self.disturb(actor, || format!("a call to {service:?} lands {late:?} late"));
            return Ok(Fate::Late(late));
        }
        Ok(Fate::Answered)
    }

    /// What the incident of a calm world does to a call, if it is this one.
    fn struck(&self, actor: Actor, service: Service, effect: Effect) -> Option<Fate> {
        let lost = self.strikes(Kind::LostCall, |places| &mut places.calls);
        let unanswered = effect != Effect::None && self.strikes(Kind::LostReply, |places| &mut places.effects);
        let late = effect == Effect::NowOrLater && self.strikes(Kind::LateCall, |places| &mut places.late);
        let fate = match (lost, unanswered, late) {
            (true, _, _) => Fate::Lost,
            (_, true, _) => Fate::ReplyLost,
            (_, _, true) => Fate::Late(VERY_LATE),
            (false, false, false) => return None,
        };
        self.disturb(actor, || format!("a call to {service:?}: {fate:?}"));
        Some(fate)
    }

    /// Lets the reply travel back.
    pub(super) async fn reply<T>(&self, fate: Fate, result: Result<T, PortError>) -> Result<T, PortError> {
        self.pause().await;
        if fate == Fate::ReplyLost {
            self.sleep(self.millis(0, 10_000)).await;
            return Err(PortError::new(PortErrorKind::Unavailable, "a lost reply"));
        }
        result
    }

    /// What the caller of a late call sees.
    pub(super) async fn no_answer(&self) -> PortError {
        self.sleep(self.millis(0, 10_000)).await;
        PortError::new(PortErrorKind::Unavailable, "no answer in time")
    }

    /// An await: others may go on, and some time may go by.
    pub(super) async fn pause(&self) {
        if self.fault(self.profile.slow) {
            self.sleep(self.millis(10, 45_000)).await;
        } else if self.below(8) == 0 {
            self.sleep(self.millis(1, 80)).await;
        } else {
            yield_now().await;
        }
    }

    pub(super) async fn sleep(&self, length: Duration) {
        self.clock.true_time().sleep(length).await;
    }

    fn disturb(&self, actor: Actor, what: impl FnOnce() -> String) {
        self.note(|| format!("#{}: {}", actor.number, what()));
        self.oracle.with(|oracle| oracle.disturbed(actor.number));
    }
}

/// Lets every other task that is ready go first, maybe.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
