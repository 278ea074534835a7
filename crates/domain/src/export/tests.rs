//! Facts about the states of an export.

use super::*;
use crate::{ArchiveEntry, FailureCode, Segment};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn queued() -> Export {
    Export {
        org: "demo".parse().unwrap(),
        id: ExportId::new(at(0), [1; 8]),
        seq: Seq(1),
        surface: Surface::Cortex,
        collection: "airports".parse().unwrap(),
        format: ExportFormat::Csv,
        label: None,
        description: None,
        creator: AccountId::new(at(0), [2; 8]),
        created_at: at(0),
        expires_at: Export::expiry(at(0)),
        state: State::Queued { ticket: Ticket(1) },
        after_script: false,
        deliveries: 0,
        notified: 0,
        retry_of: None,
        job: None,
        scheduled_at: None,
        succession: None,
        started_at: None,
        epoch: Epoch(0),
        attempts: 0,
        stop: None,
        stop_asked_at: None,
        deleted: false,
        progress: Progress::default(),
        checkpoint: None,
        finish: None,
        storage: StorageHold::None,
        cleanup_at: None,
        cleanup_failures: 0,
        date_span: None,
        steps: vec![],
        alias: None,
        changed_at: None,
    }
}

fn finish() -> FinishRecord {
    FinishRecord {
        by_collection: Vec::new(),
        archive: Archive {
            key: "archives/demo/1.zip".into(),
            size_bytes: 10,
            sha256: "00".into(),
            entries: vec![ArchiveEntry {
                name: "airports.csv".into(),
                offset: 0,
                size_bytes: 3,
                compressed_bytes: 5,
                crc32: 0,
                sha256: "00".into(),
            }],
            packaged: None,
        },
        segments: vec![Segment { key: "work/demo/1/1-0".into(), size_bytes: 10 }],
        records: 3,
        files: 2,
        file_bytes: 7,
        missing_files: 1,
        packaging: None,
    }
}

#[test]
fn seven_days_begin_again_when_the_archive_is_ready() {
    let export = queued().start(Epoch(1), at(100)).unwrap().finishing(Epoch(1), finish()).unwrap();
    let ready = export.ready(Epoch(1), at(200)).unwrap();
    let week = 7 * 24 * 3600;
    assert_eq!(ready.expires_at, at(200 + week));
    assert!(ready.is_visible(at(199 + week)) && !ready.is_visible(at(200 + week)));
    assert_eq!(ready.storage, StorageHold::Held { bytes: 10 });
}

#[test]
fn waiting_exports_never_hide() {
    assert!(queued().is_visible(at(400 * 24 * 3600)));
}

#[test]
fn no_write_of_a_stale_lease_takes_effect() {
    let export = queued().start(Epoch(1), at(1)).unwrap().start(Epoch(2), at(100)).unwrap();
    assert_eq!(export.attempts, 2);
    assert_eq!(export.clone().start(Epoch(2), at(101)), Err(Refused::StaleEpoch));
    assert_eq!(export.clone().finishing(Epoch(1), finish()), Err(Refused::StaleEpoch));
    let failure = Failure::new(FailureCode::Internal, "x");
    assert_eq!(export.failed(Epoch(1), failure, at(101)), Err(Refused::StaleEpoch));
}

#[test]
fn a_terminal_state_is_final() {
    let export = queued().start(Epoch(1), at(1)).unwrap();
    let failed = export.failed(Epoch(1), Failure::new(FailureCode::Internal, "x"), at(2)).unwrap();
    assert_eq!(failed.clone().start(Epoch(2), at(3)), Err(Refused::Terminal));
    assert_eq!(failed.request_stop(Stop::Cancel, at(3)), Err(Refused::Terminal));
}

#[test]
fn a_running_export_is_marked_and_a_queued_one_settled() {
    let (settled, at_once) = queued().request_stop(Stop::Delete, at(1)).unwrap();
    assert!(at_once && settled.is_terminal() && !settled.is_visible(at(1)));
    let running = queued().start(Epoch(1), at(1)).unwrap();
    let (marked, at_once) = running.request_stop(Stop::Cancel, at(2)).unwrap();
    assert!(!at_once && marked.is_visible(at(2)));
    assert_eq!(marked.clone().finishing(Epoch(1), finish()), Err(Refused::Stopped));
    assert!(matches!(marked.stopped(Epoch(1), at(3)).unwrap().state, State::Canceled { .. }));
}

#[test]
fn storage_is_released_once() {
    let export = queued().start(Epoch(1), at(1)).unwrap().finishing(Epoch(1), finish()).unwrap();
    let (gone, bytes) = export.ready(Epoch(1), at(2)).unwrap().delete(at(3)).unwrap();
    assert_eq!(bytes, 10);
    assert_eq!(gone.delete(at(4)).unwrap().1, 0);
}

fn scheduled() -> Export {
    Export { state: State::Scheduled { at: at(60) }, ..queued() }
}

#[test]
fn a_scheduled_export_is_outside_the_lane_until_it_is_admitted_once() {
    assert_eq!((scheduled().ticket(), scheduled().admission_at()), (None, Some(at(60))));
    assert!(!scheduled().is_terminal() && scheduled().is_visible(at(400 * 24 * 3600)));
    assert_eq!(scheduled().start(Epoch(1), at(61)), Err(Refused::Scheduled));
    let admitted = scheduled().admit(Ticket(7)).unwrap();
    assert_eq!((admitted.ticket(), admitted.admission_at()), (Some(Ticket(7)), None));
    assert_eq!(admitted.clone().admit(Ticket(8)), Err(Refused::Admitted));
    assert!(admitted.start(Epoch(1), at(61)).is_ok());
}

#[test]
fn a_scheduled_export_that_is_to_stop_ends_at_once_and_is_never_admitted() {
    for stop in [Stop::Cancel, Stop::Delete] {
        let (ended, at_once) = scheduled().request_stop(stop, at(5)).unwrap();
        assert!(at_once && ended.is_terminal());
        assert_eq!(ended.is_visible(at(5)), stop == Stop::Cancel);
        assert_eq!(ended.admit(Ticket(7)), Err(Refused::Terminal));
    }
}

#[test]
fn rows_from_before_retries_still_parse() {
    let mut row = serde_json::to_value(queued()).unwrap();
    assert!(row.as_object_mut().unwrap().remove("retry_of").is_some());
    assert_eq!(serde_json::from_value::<Export>(row).unwrap(), queued());
}
