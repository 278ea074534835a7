//! Tests of runs.

use super::*;
use crate::{
    Backoff, Delivered, DeliveredFile, DestinationConfig, DestinationType, Epoch, ExportId, Miss, SealedDestination,
    WorkerId,
};
use std::collections::BTreeMap;

const LEASE: Duration = Duration::from_secs(90);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn run() -> Run {
    Run {
        org: "demo".parse().unwrap(),
        job: "feed".parse().unwrap(),
        id: RunId::new(at(0), [1; 8]),
        started_at: at(0),
        status: RunStatus::Running,
        completed_at: None,
        record_count: None,
        file_size: None,
        destination_path: None,
        error: None,
        slot: None,
        export: Some(Seq(1)),
        deliveries_open: 2,
    }
}

/// The delivery `number`, claimed.
fn taken(number: u16) -> Delivery {
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
    let of = ("demo".parse().unwrap(), ExportId::new(at(0), [1; 8]), Seq(1), number);
    Delivery::queued(of, None, destination, file, (at(0), at(7 * 24 * 3600))).claim(WorkerId(1), at(0), LEASE).unwrap()
}

fn missed(delivery: Delivery, is_final: bool, now: Timestamp) -> Delivery {
    let miss = Miss { message: "it answered 404".to_owned(), is_final, ..Miss::default() };
    let epoch = delivery.epoch;
    delivery.missed(epoch, miss, now, &Backoff::default()).unwrap()
}

fn arrived(delivery: Delivery, now: Timestamp) -> Delivery {
    let held = Delivered { destination_path: "https://a.example/in".to_owned(), size_bytes: 100 };
    delivery.arrived(Epoch(1), held, now).unwrap()
}

#[test]
fn while_it_is_tried_again_a_run_says_why_and_when_and_no_longer_once_it_has_arrived() {
    let waiting = missed(taken(0), false, at(1));
    let told = run().delivered(&[&waiting]);
    assert_eq!((told.status, told.completed_at, told.record_count), (RunStatus::Running, None, None));
    assert_eq!(
        told.error.as_deref(),
        Some("it answered 404; the next attempt is due at 1970-01-01T00:00:11.000Z"),
        "{told:?}"
    );
    let again = waiting.claim(WorkerId(2), at(11), LEASE).unwrap();
    let held = Delivered { destination_path: "https://a.example/in".to_owned(), size_bytes: 100 };
    let told = told.delivered(&[&again.arrived(Epoch(2), held, at(12)).unwrap()]);
    assert_eq!((told.status, told.error, told.record_count), (RunStatus::Success, None, Some(3)));
}

#[test]
fn a_run_that_failed_everywhere_holds_nothing_and_one_that_failed_somewhere_says_what_is_elsewhere() {
    let (failed, there) = (missed(taken(0), true, at(1)), arrived(taken(1), at(2)));
    let told = run().delivered(&[&failed]);
    assert_eq!((told.status, told.record_count, told.file_size), (RunStatus::Failed, Some(0), None));
    assert_eq!((told.destination_path, told.error.as_deref()), (None, Some("it answered 404")));

    let told = run().delivered(&[&failed, &taken(1)]);
    assert_eq!((told.status, told.error.as_deref()), (RunStatus::Running, Some("it answered 404")));
    let told = told.delivered(&[&failed, &there]);
    assert_eq!((told.status, told.record_count, told.file_size), (RunStatus::Failed, Some(3), Some(100)));
    assert_eq!((told.destination_path.as_deref(), told.completed_at), (Some("https://a.example/in"), Some(at(2))));
}

#[test]
fn one_that_is_begun_anew_by_hand_has_no_error_until_it_fails_again() {
    let failed = missed(taken(0), true, at(1));
    let destination = failed.what.destination.clone();
    let told = run().delivered(&[&failed.again(destination, at(5)).unwrap()]);
    assert_eq!((told.status, told.error, told.record_count), (RunStatus::Running, None, None));
}

#[test]
fn whoever_asks_to_be_left_alone_for_too_long_is_given_up_for_that() {
    let delivery = taken(0);
    let miss =
        Miss { message: "it answered 429".to_owned(), retry_after: Some(Duration::from_hours(25)), ..Miss::default() };
    let failed = delivery.missed(Epoch(1), miss, at(1), &Backoff::default()).unwrap();
    let words = failed.last_error().unwrap();
    assert_eq!(words, "it answered 429; it asks to be left alone for 90000 s, longer than there is to try");
}
