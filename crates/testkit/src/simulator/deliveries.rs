//! Deliveries: their queue as a process reaches it, and destinations that are as far away as everything else.

use super::history::Actor;
use super::mutant::Mutant;
use super::network::{Effect, Fate, Service, World};
use super::processes::Process;
use crate::MemoryVault;
use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Delivering, DeliverySettings, DestinationRequest, advance_delivery};
use waybill_domain::{Backoff, Delivered, DestinationConfig, DestinationSecrets, DestinationType, Timestamp, Upload};
use waybill_ports::{
    DeliveryMessage, DeliveryQueue, Destination, DestinationError, DestinationOpener, Parcel, PortError, Probed,
};

/// The bucket that takes nothing.
pub(super) const REFUSING: &str = "takes-nothing";
/// When a message comes again that was not handled.
const AGAIN: Duration = Duration::from_mins(4);
/// For how long an invocation begins pieces: a few of them.
const BUDGET: Duration = Duration::from_secs(2);

/// `count` destinations: one that takes everything, then one that takes nothing.
pub(super) fn destinations(count: usize) -> Vec<DestinationRequest> {
    let bucket = |name: &str| {
        let config = Map::from_iter([
            ("bucket".to_owned(), Value::from(name)),
            ("region".to_owned(), Value::from("eu-north-1")),
        ]);
        DestinationRequest { kind: DestinationType::S3, config }
    };
    ["takes-all", REFUSING].into_iter().map(bucket).take(count).collect()
}

/// When what failed is tried again: as in production, with a shorter day.
pub(super) fn backoff() -> Backoff {
    Backoff {
        first: [10, 60].map(Duration::from_secs).to_vec(),
        then: Duration::from_mins(5),
        give_up_after: Duration::from_hours(1),
    }
}

/// The queue of one process.
pub(super) struct FaultyDeliveries {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
}

#[async_trait]
impl DeliveryQueue for FaultyDeliveries {
    async fn ring(&self, message: &DeliveryMessage, after: Duration) -> Result<(), PortError> {
        let world = &self.world;
        let fate = world.travel(self.actor, Service::Queue, Effect::NowOrLater).await?;
        let profile = &world.profile;
        if world.fault(profile.ring_lost) {
            world.note(|| format!("#{}: a message about a delivery is lost", self.actor.number));
            return world.reply(fate, Ok(())).await;
        }
        if world.fault(profile.ring_doubled) {
            come_later(world, message.clone(), after + world.millis(0, 90_000));
        }
        let late = if world.fault(profile.ring_late) { world.millis(1000, 200_000) } else { Duration::ZERO };
        let Fate::Late(later) = fate else {
            come_later(world, message.clone(), after + late);
            return world.reply(fate, Ok(())).await;
        };
        come_later(world, message.clone(), after + late + later);
        Err(world.no_answer().await)
    }
}

/// Lets a message arrive that much later.
pub(super) fn come_later(world: &Arc<World>, message: DeliveryMessage, after: Duration) {
    let later = Arc::clone(world);
    world.spawn(Box::pin(async move {
        later.sleep(after).await;
        drop(later.deliveries.ring(&message, Duration::ZERO).await);
    }));
}

/// The destinations of one process: one shelf, with the network before it.
#[derive(Clone)]
struct FaultyDestinations {
    world: Arc<World>,
    actor: Actor,
    refuses: bool,
}

impl FaultyDestinations {
    /// One call, which may be lost, be carried out and not answered, or be carried out when nobody waits for it any more.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(Self) -> BoxFuture<'static, Result<T, DestinationError>> + Send,
    ) -> Result<T, DestinationError> {
        let world = &self.world;
        let unavailable = |_| DestinationError::Unavailable("no answer".to_owned());
        let fate = match world.travel(self.actor, Service::Destination, Effect::NowOrLater).await {
            Ok(fate) => fate,
            Err(error) => return Err(refusal(&error)),
        };
        if self.refuses {
            return Err(DestinationError::NotFound("there is no such bucket".to_owned()));
        }
        let call = call(self.clone());
        if let Fate::Late(late) = fate {
            let later = Arc::clone(world);
            world.spawn(Box::pin(async move {
                later.sleep(late).await;
                // Nobody waits for the answer any more.
                drop(call.await);
            }));
            return Err(unavailable(world.no_answer().await));
        }
        let result = call.await;
        world.reply(fate, Ok(())).await.map_err(unavailable)?;
        result
    }
}

fn refusal(error: &PortError) -> DestinationError {
    match error.kind {
        waybill_ports::PortErrorKind::Throttled { retry_after } => {
            DestinationError::Throttled { words: "slow down".to_owned(), retry_after }
        }
        _ => DestinationError::Unavailable(error.to_string()),
    }
}

/// On the shelf things stand under what names the delivery, so that each can be told from every other.
fn named(parcel: &Parcel) -> Parcel {
    Parcel { name: parcel.id.clone(), ..parcel.clone() }
}

/// Shows the oracle what stands under the final name.
fn look(world: &World, parcel: &Parcel) {
    let file = world.shelf.files().remove(&parcel.name);
    world.oracle.with(|oracle| oracle.stands_there(&parcel.name, file.as_deref()));
}

#[async_trait]
impl DestinationOpener for FaultyDestinations {
    async fn open(
        &self,
        config: &DestinationConfig,
        _secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let refuses = matches!(config, DestinationConfig::S3(config) if config.bucket == REFUSING);
        Ok(Box::new(Self { refuses, ..self.clone() }))
    }
}

#[async_trait]
impl Destination for FaultyDestinations {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        let parcel = named(parcel);
        self.call(|way| async move { Destination::open(&way.world.shelf, &parcel).await }.boxed()).await
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        let parcel = named(parcel);
        let advance = |way: Self| {
            async move {
                let world = &way.world;
                let advanced = world.shelf.advance(&parcel, upload).await;
                if world.is(Mutant::HalfDelivered) {
                    world.shelf.take_as_whole(&parcel.name);
                    look(world, &parcel);
                }
                advanced
            }
            .boxed()
        };
        self.call(advance).await
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, now: Timestamp) -> Result<Delivered, DestinationError> {
        let (parcel, upload) = (named(parcel), upload.clone());
        let finish = |way: Self| {
            async move {
                let world = &way.world;
                let finished = world.shelf.finish(&parcel, &upload, now).await;
                look(world, &parcel);
                finished
            }
            .boxed()
        };
        self.call(finish).await
    }

    async fn abort(&self, parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError> {
        let (parcel, upload) = (named(parcel), upload.clone());
        self.call(|way| async move { way.world.shelf.abort(&parcel, &upload).await }.boxed()).await
    }

    async fn probe(&self, id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        self.world.shelf.probe(id, name, now).await
    }
}

impl Process {
    /// One invocation of what delivers.
    pub(super) fn deliver(self, message: DeliveryMessage) -> BoxFuture<'static, ()> {
        let (world, actor) = (Arc::clone(&self.world), self.actor);
        let delivering = Delivering {
            context: self.context.clone(),
            archives: self.archives(),
            vault: Arc::new(MemoryVault),
            destinations: Arc::new(FaultyDestinations { world, actor, refuses: false }),
            queue: self.deliveries(),
            settings: DeliverySettings { backoff: backoff(), ..DeliverySettings::default() },
        };
        Box::pin(async move {
            let (world, number) = (&self.world, self.actor.number);
            let deadline = self.context.clock.monotonic() + BUDGET;
            let advanced = advance_delivery(&delivering, &message, deadline).await;
            world.note(|| format!("#{number} is done with a delivery: {advanced:?}"));
            if advanced.is_err() || world.fault(world.profile.ack_lost) {
                come_later(world, message, AGAIN);
            }
        })
    }
}
