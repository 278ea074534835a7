//! Scripts of exports: their queue as a process reaches it, and something that runs them as badly as any engine may.

use super::history::Actor;
use super::network::{Effect, Fate, Service, World};
use super::processes::Process;
use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{ScriptRunning, run_script};
use waybill_domain::{ExportId, ScriptFailure, ScriptFailureCode};
use waybill_ports::{
    OutgoingError, OutgoingHttp, OutgoingReply, OutgoingRequest, PortError, ScriptCall, ScriptEnding, ScriptHost,
    ScriptJob, ScriptMessage, ScriptQueue, ScriptRunner,
};

/// How long a claim is good, as in production.
const LEASE: Duration = Duration::from_mins(5);
/// When a message comes again that was not handled.
const AGAIN: Duration = Duration::from_mins(4);

/// The queue of one process.
pub(super) struct FaultyScripts {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
}

#[async_trait]
impl ScriptQueue for FaultyScripts {
    async fn ring(&self, message: &ScriptMessage, deduplication: &str) -> Result<(), PortError> {
        let world = &self.world;
        let fate = world.travel(self.actor, Service::Queue, Effect::NowOrLater).await?;
        let profile = &world.profile;
        if world.fault(profile.ring_lost) {
            world.note(|| format!("#{}: a message about a script is lost", self.actor.number));
            return world.reply(fate, Ok(())).await;
        }
        if world.fault(profile.ring_doubled) {
            come_again(world, message.clone(), world.millis(0, 90_000));
        }
        let delayed = world.fault(profile.ring_late).then(|| world.millis(1000, 200_000));
        if let Some(late) = delayed.or(if let Fate::Late(late) = fate { Some(late) } else { None }) {
            come_again(world, message.clone(), late);
            return if delayed.is_some() { world.reply(fate, Ok(())).await } else { Err(world.no_answer().await) };
        }
        let result = world.scripts.ring(message, deduplication).await;
        world.reply(fate, result).await
    }
}

/// Lets a message arrive that much later, whatever came before.
pub(super) fn come_again(world: &Arc<World>, message: ScriptMessage, after: Duration) {
    let later = Arc::clone(world);
    world.spawn(Box::pin(async move {
        later.sleep(after).await;
        let deduplication = format!("again-{}", later.below(u64::MAX));
        drop(later.scripts.ring(&message, &deduplication).await);
    }));
}

/// Asks its host for some things, and then ends one way or the other.
struct Runner {
    world: Arc<World>,
    actor: Actor,
}

#[async_trait]
impl ScriptRunner for Runner {
    async fn run(&self, job: &ScriptJob, host: &dyn ScriptHost) -> ScriptEnding {
        let (world, number) = (&self.world, self.actor.number);
        let id = job.environment.get("export").and_then(|id| id.as_str()?.parse::<ExportId>().ok());
        let Some(id) = id else {
            world.violate(format!("#{number} runs a script that knows no export"));
            return ScriptEnding::default();
        };
        world.note(|| format!("#{number} begins the script of {id}"));
        world.oracle.with(|oracle| oracle.script_begins(number, id));
        for ops in 0..world.below(4) {
            world.pause().await;
            let (name, arguments) = match world.below(3) {
                0 => ("logger.log", json!(["info", [ops]])),
                1 => ("cache.set", json!(["last", ops])),
                _ => ("counters.next", json!(["runs"])),
            };
            let answer = host.answer(ScriptCall { name: name.to_owned(), arguments, ops }).await;
            if let (Ok(value), "counters.next") = (answer, name) {
                world.oracle.with(|oracle| oracle.script_counted(id, value.as_u64()));
            }
        }
        world.pause().await;
        let failure = (world.below(3) == 0).then(|| ScriptFailure::new(ScriptFailureCode::Thrown, "simulated"));
        world.oracle.with(|oracle| oracle.script_ends(id, failure.clone()));
        ScriptEnding { failure, ops: 9, elapsed_ms: 1 }
    }
}

/// No script of a simulated world calls anybody.
struct NoWayOut;

#[async_trait]
impl OutgoingHttp for NoWayOut {
    async fn send(&self, _request: OutgoingRequest) -> Result<OutgoingReply, OutgoingError> {
        Err(OutgoingError::NotResolved { host: "nobody".to_owned() })
    }
}

impl Process {
    /// One invocation of what runs scripts.
    pub(super) fn run_script(self, message: ScriptMessage) -> BoxFuture<'static, ()> {
        let running = ScriptRunning {
            context: self.context.clone(),
            runner: Arc::new(Runner { world: Arc::clone(&self.world), actor: self.actor }),
            outgoing: Arc::new(NoWayOut),
            own_hosts: Vec::new(),
            render: Arc::new(|input, _| json!({"export": input.export.id.to_string()})),
            lease: LEASE,
        };
        Box::pin(async move {
            let (world, number) = (&self.world, self.actor.number);
            let ran = run_script(&running, &message).await;
            world.note(|| format!("#{number} is done with a script: {ran:?}"));
            if ran.is_err() || world.fault(world.profile.ack_lost) {
                come_again(world, message, AGAIN);
            }
        })
    }
}
