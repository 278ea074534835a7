//! The processes of the world: each an invocation of ours, with its own clock and its own way to the services.

use super::deliveries::FaultyDeliveries;
use super::faulty_archives::FaultyArchives;
use super::faulty_services::{FaultyRecords, FaultyWake};
use super::faulty_state::FaultyState;
use super::history::{Actor, Role};
use super::network::World;
use super::profile::Profile;
use super::scripts::FaultyScripts;
use crate::{Delivery, InlineCompute, SeededEntropy};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{
    Admitting, Context, Exporting, FileSettings, SortSettings, StepSettings, Sweeping, Verdict, admit_exports,
    advance_lane, sweep, tick_schedules,
};
use waybill_ports::{Clock, DeliveryQueue, ScriptQueue, WakeQueue};

/// What a platform keeps back of an invocation's time, so that a step can end by itself.
const RESERVE: Duration = Duration::from_secs(75);

/// What every process of ours is made of.
pub(super) struct Process {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
    pub(super) context: Context,
}

impl Process {
    pub(super) fn new(world: &Arc<World>, number: u32, role: Role, entropy: &Arc<SeededEntropy>) -> Self {
        let actor = Actor { number, role };
        let bound = if world.are_faults_on() { world.profile.skew_millis } else { 0 };
        let skew = i64::try_from(world.below(2 * bound + 1)).unwrap_or(0) - i64::try_from(bound).unwrap_or(0);
        let clock: Arc<dyn Clock> = Arc::new(world.clock.of_process(skew));
        let context = Context {
            state: Arc::new(FaultyState { world: Arc::clone(world), actor, clock: Arc::clone(&clock) }),
            clock,
            entropy: Arc::<SeededEntropy>::clone(entropy),
            request_id: None,
        };
        Self { world: Arc::clone(world), actor, context }
    }

    pub(super) fn wake(&self) -> Arc<dyn WakeQueue> {
        Arc::new(FaultyWake { world: Arc::clone(&self.world), actor: self.actor })
    }

    pub(super) fn deliveries(&self) -> Arc<dyn DeliveryQueue> {
        Arc::new(FaultyDeliveries { world: Arc::clone(&self.world), actor: self.actor })
    }

    fn scripts(&self) -> Arc<dyn ScriptQueue> {
        Arc::new(FaultyScripts { world: Arc::clone(&self.world), actor: self.actor })
    }

    pub(super) fn archives(&self) -> Arc<FaultyArchives> {
        Arc::new(FaultyArchives { world: Arc::clone(&self.world), actor: self.actor })
    }

    /// One invocation of the exporter.
    pub(super) fn work(self, delivery: Delivery) -> BoxFuture<'static, ()> {
        let exporting = Exporting {
            context: self.context.clone(),
            records: Arc::new(FaultyRecords { world: Arc::clone(&self.world), actor: self.actor }),
            archives: self.archives(),
            wake: self.wake(),
            scripts: self.scripts(),
            deliveries: self.deliveries(),
            compute: Arc::new(InlineCompute { parallelism: self.world.profile.parallelism }),
            settings: settings(&self.world.profile),
        };
        let budget = self.world.profile.worker_limit.saturating_sub(RESERVE);
        Box::pin(async move {
            let (world, number) = (&self.world, self.actor.number);
            let verdict = advance_lane(&exporting, &delivery.message, &delivery.receipt, budget).await;
            world.note(|| format!("#{number} ends with {verdict:?}"));
            if verdict == Verdict::Done {
                world.pause().await;
                if !world.fault(world.profile.ack_lost) {
                    world.wake.acknowledge(&delivery.receipt);
                }
            }
        })
    }

    /// One invocation of the scheduler.
    pub(super) fn admit(self, budget: Duration) -> BoxFuture<'static, ()> {
        let admitting = Admitting { context: self.context.clone(), wake: self.wake() };
        Box::pin(async move {
            let both = futures::join!(admit_exports(&admitting, budget), tick_schedules(&admitting, budget));
            self.world.note(|| format!("#{} admitted and ticked: {both:?}", self.actor.number));
        })
    }

    /// One invocation of the sweeper.
    pub(super) fn sweep(self, budget: Duration) -> BoxFuture<'static, ()> {
        let (scripts, deliveries) = (self.scripts(), self.deliveries());
        let sweeping = Sweeping::new(self.context.clone(), self.archives(), self.wake(), scripts, deliveries);
        Box::pin(async move {
            let swept = sweep(&sweeping, budget).await;
            self.world.note(|| format!("#{} swept: {swept:?}", self.actor.number));
        })
    }
}

/// Production's lengths of time, and sizes that make a few small records fill parts, segments and steps.
fn settings(profile: &Profile) -> StepSettings {
    StepSettings {
        hold_bytes: Some(profile.part_bytes / 2),
        part_bytes: profile.part_bytes,
        segment_bytes: 320,
        copy_bytes: 500,
        merge_beyond: 2,
        merge_fan: 2,
        uploads: 2,
        reserve_bytes: profile.reserve_bytes,
        page_records: Some(2),
        sort: SortSettings {
            run_bytes: 200,
            fan_in: 2,
            block_bytes: 64,
            chunk_bytes: 150,
            piece_bytes: 200,
            read_bytes: 400,
        },
        files: FileSettings { piece_bytes: 64, ahead: 2, spill_bytes: 150 },
        ..StepSettings::default()
    }
}
