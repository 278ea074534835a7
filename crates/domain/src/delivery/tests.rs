//! Deliveries through their states.

use super::*;
use crate::{DestinationConfig, DestinationType, SwitchedOff};
use std::collections::BTreeMap;

const LEASE: Duration = Duration::from_secs(90);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + secs * 1000)
}

fn delivery() -> Delivery {
    let wire = serde_json::json!({"url": "https://a.example/in"});
    let config = DestinationConfig::parse(DestinationType::Webhook, wire.as_object().unwrap(), None).unwrap().config;
    let destination =
        SealedDestination { config, secrets: BTreeMap::new(), sealed_for: "destination:x".to_owned(), off: None };
    let file = DeliveredFile {
        key: "archives/demo/x".to_owned(),
        name: "x.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size_bytes: 100,
        sha256: String::new(),
        records: 3,
    };
    let id = ExportId::new(at(0), [1; 8]);
    let of = ("demo".parse().unwrap(), id, Seq(1), 0);
    Delivery::new(of, None, destination, file, (at(0), at(7 * 24 * 3600)))
}

fn miss(is_final: bool) -> Miss {
    Miss { message: "no".to_owned(), is_final, retry_after: None, is_lost: false, is_gone: false }
}

fn claimed(delivery: Delivery, now: Timestamp) -> Delivery {
    delivery.claim(WorkerId(1), now, LEASE).unwrap()
}

#[test]
fn one_worker_sends_and_a_later_lease_shuts_out_an_earlier_one() {
    let one = claimed(delivery(), at(0));
    assert_eq!(one.clone().claim(WorkerId(2), at(1), LEASE), Err(DeliveryRefused::Busy));
    assert_eq!(one.clone().abandoned(at(89), &Backoff::default()), Err(DeliveryRefused::Busy));
    let left = one.clone().abandoned(at(90), &Backoff::default()).unwrap();
    assert_eq!(left.state, DeliveryState::Waiting { at: at(100) });
    assert_eq!(left.clone().claim(WorkerId(2), at(99), LEASE), Err(DeliveryRefused::NotYet));
    let two = claimed(left, at(100));
    assert_eq!(two.clone().arrived(one.epoch, held(), at(101)), Err(DeliveryRefused::StaleEpoch));
    assert_eq!(
        two.clone().missed(one.epoch, miss(true), at(101), &Backoff::default()),
        Err(DeliveryRefused::StaleEpoch)
    );
    let over = two.clone().arrived(two.epoch, held(), at(101)).unwrap();
    assert_eq!(over.clone().claim(WorkerId(3), at(200), LEASE), Err(DeliveryRefused::Ended));
    assert_eq!(over.attempts.len(), 2);
    assert_eq!(over.due_at(), None);
}

fn held() -> Delivered {
    Delivered { destination_path: "https://a.example/in".to_owned(), size_bytes: 100 }
}

#[test]
fn pauses_grow_as_they_are_set_and_end_after_a_day() {
    let backoff = Backoff::default();
    let (mut delivery, mut now, mut pauses) = (delivery(), at(0), Vec::new());
    loop {
        let taken = claimed(delivery, now);
        delivery = taken.clone().missed(taken.epoch, miss(false), now, &backoff).unwrap();
        let DeliveryState::Waiting { at } = delivery.state else { break };
        pauses.push(at.since(now).as_secs());
        now = at;
    }
    assert_eq!(pauses[..5], [10, 60, 300, 3600, 3600]);
    assert_eq!(pauses.len(), 3 + 23);
    assert_eq!(delivery.last_error(), Some("no"));
    assert!(delivery.is_ended());
    let again = delivery.clone().again(delivery.destination.clone(), now).unwrap();
    assert_eq!(again.state, DeliveryState::Waiting { at: now });
    assert_eq!(claimed(again, now).attempt_count, 28);
}

#[test]
fn what_gets_further_than_ever_begins_the_pauses_anew_and_what_is_lost_does_not() {
    let backoff = Backoff::default();
    let upload = |sent_bytes| Upload::Temporary { path: "p".to_owned(), sent_bytes };
    let mut delivery = delivery();
    let mut now = at(0);
    let mut failures = Vec::new();
    for sent in [40, 60, 60, 30] {
        let taken = claimed(delivery, now);
        let sent = taken.clone().advanced(taken.epoch, upload(sent), now, LEASE).unwrap();
        delivery = sent.missed(taken.epoch, Miss { is_lost: true, ..miss(false) }, now, &backoff).unwrap();
        assert_eq!(delivery.upload, None);
        failures.push(delivery.failures);
        now = now.after(Duration::from_hours(1));
    }
    assert_eq!(failures, [1, 1, 2, 3]);
}

#[test]
fn an_invocation_that_ran_out_of_time_is_no_attempt_of_its_own() {
    let first = claimed(delivery(), at(0));
    let paused = first.clone().paused(first.epoch, at(60)).unwrap();
    let second = claimed(paused, at(60));
    assert_eq!((second.attempt_count, second.epoch.0), (1, 2));
}

#[test]
fn what_nobody_comes_for_is_rung_for_once_a_minute() {
    assert_eq!(delivery().rung(at(14)), None);
    let rung = delivery().rung(at(15)).unwrap();
    assert_eq!((rung.due_at(), rung.clone().rung(at(74))), (Some(at(75)), None));
    let sending = claimed(rung, at(20));
    assert_eq!(sending.due_at(), Some(at(110)));
}

#[test]
fn patience_that_is_asked_for_is_had_and_a_final_miss_ends_it() {
    let taken = claimed(delivery(), at(0));
    let asked = Miss { retry_after: Some(Duration::from_mins(2)), ..miss(false) };
    let waits = taken.clone().missed(taken.epoch, asked, at(0), &Backoff::default()).unwrap();
    assert_eq!(waits.state, DeliveryState::Waiting { at: at(120) });
    let over = taken.clone().missed(taken.epoch, miss(true), at(0), &Backoff::default()).unwrap();
    assert_eq!(over.state, DeliveryState::Failed { at: at(0), message: "no".to_owned(), gone: false });
}

#[test]
fn a_destination_that_is_switched_off_gets_nothing_and_says_why() {
    let (now, mut destination) = (at(5), delivery().destination);
    destination.off = Some(SwitchedOff { at: at(0), reason: "it answered 410".to_owned() });
    let Delivery { org, export, seq, number, file, .. } = delivery();
    let dead = Delivery::new((org, export, seq, number), None, destination, file, (now, at(100)));
    assert!(dead.is_ended() && dead.due_at().is_none());
    let words = dead.last_error().unwrap();
    assert!(words.contains("switched off since 2026-01-01T00:00:00.000Z") && words.contains("410"), "{words}");
    // By hand it is tried all the same.
    let again = dead.clone().again(dead.destination.clone(), now).unwrap();
    assert_eq!(claimed(again, now).attempt_count, 1);
}
