//! Deliveries through their states, as far as they are more than errands.

use super::*;
use crate::{Backoff, DestinationConfig, DestinationType, Miss, SwitchedOff, WorkerId};
use std::collections::BTreeMap;

const LEASE: Duration = Duration::from_secs(90);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + secs * 1000)
}

fn delivery(off: Option<SwitchedOff>) -> Delivery {
    let wire = serde_json::json!({"url": "https://a.example/in"});
    let config = DestinationConfig::parse(DestinationType::Webhook, wire.as_object().unwrap(), None).unwrap().config;
    let destination =
        SealedDestination { config, secrets: BTreeMap::new(), sealed_for: "destination:x".to_owned(), off };
    let file = DeliveredFile {
        key: "archives/demo/x".to_owned(),
        name: "x.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size_bytes: 100,
        sha256: String::new(),
        records: 3,
    };
    let of = ("demo".parse().unwrap(), ExportId::new(at(0), [1; 8]), Seq(1), 0);
    Delivery::queued(of, None, destination, file, (at(0), at(7 * 24 * 3600)))
}

fn claimed(delivery: Delivery, now: Timestamp) -> Delivery {
    delivery.claim(WorkerId(1), now, LEASE).unwrap()
}

#[test]
fn one_that_arrived_says_where_it_is_until_it_begins_anew() {
    let held = Delivered { destination_path: "https://a.example/in".to_owned(), size_bytes: 100 };
    let taken = claimed(delivery(None), at(0));
    assert_eq!(taken.clone().arrived(Epoch(0), held.clone(), at(1)), Err(ErrandRefused::StaleEpoch));
    let destination = taken.what.destination.clone();
    assert_eq!(taken.clone().again(destination.clone(), at(1)), Err(ErrandRefused::NotEnded));
    let over = taken.arrived(Epoch(1), held.clone(), at(1)).unwrap();
    assert_eq!((over.what.held.as_ref(), over.attempts[0].sent_bytes), (Some(&held), 100));
    let again = over.again(destination, at(2)).unwrap();
    assert_eq!((&again.state, &again.what.held), (&ErrandState::Waiting { at: at(2) }, &None));
    assert_eq!(claimed(again, at(2)).attempt_count, 2);
}

#[test]
fn what_gets_further_than_ever_begins_the_pauses_anew_and_what_is_lost_does_not() {
    let upload = |sent_bytes| Upload::Temporary { path: "p".to_owned(), sent_bytes };
    let mut delivery = delivery(None);
    let mut now = at(0);
    let mut failures = Vec::new();
    for sent in [40, 60, 60, 30] {
        let taken = claimed(delivery, now);
        let sent = taken.clone().advanced(taken.epoch, upload(sent), now, LEASE).unwrap();
        let lost = Miss { message: "no".to_owned(), is_lost: true, ..Miss::default() };
        delivery = sent.missed(taken.epoch, lost, now, &Backoff::default()).unwrap();
        assert_eq!(delivery.what.upload, None);
        failures.push(delivery.failures);
        now = now.after(Duration::from_hours(1));
    }
    assert_eq!(failures, [1, 1, 2, 3]);
}

#[test]
fn a_destination_that_is_switched_off_gets_nothing_and_says_why() {
    let dead = delivery(Some(SwitchedOff { at: at(0), reason: "it answered 410".to_owned() }));
    assert!(dead.is_ended() && dead.due_at().is_none());
    let words = dead.last_error().unwrap();
    assert!(words.contains("switched off since 2026-01-01T00:00:00.000Z") && words.contains("410"), "{words}");
    // By hand it is tried all the same.
    let again = dead.clone().again(dead.what.destination.clone(), at(5)).unwrap();
    assert_eq!(claimed(again, at(5)).attempt_count, 1);
}
