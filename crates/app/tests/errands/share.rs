//! An org's share of the workers: one whose addresses never answer holds as many as that, and nobody else's.

use crate::cut::Cut;
use crate::deliveries::World;
use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Delivering, advance_delivery};
use waybill_domain::{Delivery, DestinationConfig, DestinationSecrets, ErrandState, OrgCode};
use waybill_ports::{Clock as _, DeliveryMessage, Destination, DestinationError, DestinationOpener};

/// What never answers.
struct Silent;

#[async_trait]
impl DestinationOpener for Silent {
    async fn open(
        &self,
        _config: &DestinationConfig,
        _secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        pending().await
    }
}

/// One invocation for that delivery, with what its end leaves behind; `None` when it goes on for ever.
fn invoke(world: &World, org: &OrgCode, number: u16) -> Option<()> {
    let delivering = Delivering { destinations: Arc::new(Silent), ..world.delivering(&Cut::never()) };
    let deadline = world.ports.clock.monotonic() + Duration::from_hours(1);
    let message = DeliveryMessage::AdvanceV1 { org: org.clone(), export: world.export, number };
    advance_delivery(&delivering, &message, deadline).now_or_never().map(Result::unwrap)
}

fn read(world: &World, org: &OrgCode, number: u16) -> Delivery {
    let context = world.ports.context();
    block_on(context.rows().errand(org, world.export, number)).unwrap().unwrap().value
}

#[test]
fn an_org_whose_addresses_hang_holds_its_share_of_the_workers_and_no_more() {
    let world = World::new();
    let (org, other): (OrgCode, OrgCode) = (world.admin.org.clone(), "other".parse().unwrap());
    let first = read(&world, &org, 0);
    for number in 1..8 {
        block_on(world.ports.insert(&Delivery { number, ..first.clone() })).unwrap();
    }
    block_on(world.ports.insert(&Delivery { org: other.clone(), ..first })).unwrap();
    let hanging = (0..8).filter(|number| invoke(&world, &org, *number).is_none()).count();
    assert_eq!(hanging, world.settings.share);
    let put_off = read(&world, &org, 7);
    let ErrandState::Waiting { at } = put_off.state else { panic!("{put_off:?}") };
    assert!(at > world.ports.clock.now() && put_off.attempt_count == 0, "{put_off:?}");
    let rung = world.ports.deliveries.take();
    assert!(rung.iter().any(|(message, _)| *message == DeliveryMessage::about(&put_off)), "{rung:?}");
    // One that comes twice does not wait twice.
    assert!(invoke(&world, &org, 7).is_some() && world.ports.deliveries.take().is_empty());

    assert_eq!((invoke(&world, &other, 0), read(&world, &other, 0).attempt_count), (Some(()), 1));

    // Workers that are gone hold no place.
    world.ports.clock.advance(world.settings.lease + Duration::from_secs(1));
    assert_eq!((invoke(&world, &org, 7), read(&world, &org, 7).attempt_count), (None, 1));
}

#[test]
fn whoever_waits_for_its_own_org_looks_again_within_seconds_and_later_less_often() {
    let world = World::new();
    let mut delivery = read(&world, &world.admin.org, 0);
    let (mut now, mut pauses) = (world.ports.clock.now(), Vec::new());
    for _ in 0..12 {
        delivery = delivery.put_off(now, 500);
        let ErrandState::Waiting { at } = delivery.state else { panic!("{delivery:?}") };
        pauses.push(at.since(now).as_secs());
        now = at;
    }
    assert_eq!((pauses[0], pauses[11]), (2, 30), "{pauses:?}");
    assert!(pauses.is_sorted(), "{pauses:?}");
}
