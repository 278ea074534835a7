//! The limit of requests, over in-memory ports.

use futures::executor::block_on;
use std::time::Duration;
use waybill_app::{Error, RequestLimiter};
use waybill_domain::Role;
use waybill_testkit::{MemoryPorts, samples};

#[test]
fn a_key_that_asks_too_often_waits_and_others_do_not() {
    let (ports, limiter) = (MemoryPorts::new(1), RequestLimiter::new(60));
    let (context, fast) = (ports.context(), samples::principal("demo", Role::Admin).unwrap());
    let admitted = (0..1000).take_while(|_| block_on(limiter.admit(&context, &fast)).is_ok()).count();
    assert!((60..=64).contains(&admitted), "{admitted}");
    let Err(Error::Throttled { retry_after: Some(wait) }) = block_on(limiter.admit(&context, &fast)) else {
        panic!("it is closed");
    };
    for other in [samples::principal("demo", Role::Member).unwrap(), samples::principal("acme", Role::Admin).unwrap()] {
        assert!(block_on(limiter.admit(&context, &other)).is_ok());
    }
    // Another process serves the same bucket, and a restart empties no debts.
    let elsewhere = RequestLimiter::new(60);
    let admitted = (0..1000).take_while(|_| block_on(elsewhere.admit(&context, &fast)).is_ok()).count();
    assert!(admitted < 4, "{admitted}");
    ports.clock.set(context.now().after(wait).after(Duration::from_secs(10)));
    assert!(block_on(limiter.admit(&context, &fast)).is_ok());
}

#[test]
fn who_is_slow_costs_no_writes() {
    let (ports, limiter) = (MemoryPorts::new(1), RequestLimiter::new(6000));
    let (context, slow) = (ports.context(), samples::principal("demo", Role::Admin).unwrap());
    for _ in 0..100 {
        block_on(limiter.admit(&context, &slow)).unwrap();
        ports.clock.set(context.now().after(Duration::from_secs(6)));
    }
    assert!(block_on(ports.rows().request_bucket(&slow.org, slow.key)).unwrap().is_none());
}
