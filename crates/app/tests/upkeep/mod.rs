//! What the sweeper puts right, and what keeps a lane moving whatever is wrong with its rows.

use super::{FOREVER, Fixture};
use futures::executor::block_on;
use std::time::Duration;
use waybill_app::{ChangeOrg, Error, Swept, Verdict, WaitingChange, cancel_export, change_org, list_exports, sweep};
use waybill_domain::{Export, ExportFormat, FailureCode, State, Usage};
use waybill_ports::{Row, Table, Transaction};

const DAY: Duration = Duration::from_hours(24);

fn swept(fixture: &Fixture) -> Swept {
    block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)))
}

fn commit(fixture: &Fixture, change: impl Fn(&mut Transaction) -> &mut Transaction) {
    let mut transaction = fixture.ports.context().transaction();
    change(&mut transaction);
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
}

fn row(fixture: &Fixture, seq: waybill_domain::Seq) -> Export {
    block_on(fixture.ports.rows().export(&fixture.admin.org, seq)).unwrap().unwrap().value
}

fn failure(export: &Export) -> FailureCode {
    let State::Failed { failure, .. } = &export.state else { panic!("{:?}", export.state) };
    failure.code
}

#[test]
fn a_clean_up_that_fails_keeps_no_storage_counted_and_is_tried_again_later_and_later() {
    let fixture = Fixture::new(200);
    let view = fixture.create(ExportFormat::Json);
    fixture.step(&view, FOREVER);
    fixture.ports.archives.keep_all(true);
    let mut failed = 0;
    for _ in 0..7 * 24 * 2 {
        failed += swept(&fixture).failed;
        fixture.ports.clock.advance(Duration::from_mins(30));
    }
    assert!((10..60).contains(&failed), "{failed} clean-ups failed in seven days");
    swept(&fixture);
    let Usage { used_bytes, reserved_bytes, .. } = fixture.usage();
    assert_eq!((used_bytes, reserved_bytes), (0, 0));
    fixture.ports.archives.keep_all(false);
    fixture.ports.clock.advance(DAY);
    assert_eq!(swept(&fixture).cleaned, 1);
    assert!(fixture.ports.archives.keys().is_empty(), "{:?}", fixture.ports.archives.keys());
}

#[test]
fn a_sweep_counts_what_it_did() {
    let fixture = Fixture::new(20);
    let view = fixture.create(ExportFormat::Json);
    fixture.step(&view, FOREVER);
    assert_eq!(swept(&fixture), Swept { cleaned: 1, ..Swept::default() });
    fixture.ports.clock.advance(Duration::from_secs(16));
    assert_eq!(swept(&fixture), Swept { lanes: 1, ..Swept::default() });
    assert_eq!(swept(&fixture), Swept::default());
    fixture.ports.clock.advance(7 * DAY);
    assert_eq!(swept(&fixture), Swept { expired: 1, recounted: 1, ..Swept::default() });
    assert_eq!(swept(&fixture), Swept::default());
}

#[test]
fn storage_that_was_counted_wrong_is_put_right_within_a_day() {
    let fixture = Fixture::new(20);
    let view = fixture.create(ExportFormat::Json);
    fixture.step(&view, FOREVER);
    let held = fixture.usage().used_bytes;
    let stored = block_on(fixture.ports.rows().usage(&fixture.admin.org)).unwrap().unwrap();
    let wrong = Usage { used_bytes: held * 3, reserved_bytes: 77, ..stored.value };
    commit(&fixture, |transaction| transaction.update(stored.version, &wrong).unwrap());
    swept(&fixture);
    assert_eq!(fixture.usage().used_bytes, held * 3, "not due yet");
    fixture.ports.clock.advance(DAY);
    assert_eq!(swept(&fixture).recounted, 1);
    let Usage { used_bytes, reserved_bytes, recount_at, .. } = fixture.usage();
    assert_eq!((used_bytes, reserved_bytes, recount_at), (held, 0, None), "and rests until something changes");
}

/// Makes a row unreadable.
fn spoil(fixture: &Fixture, kind: &str, seq: waybill_domain::Seq, body: &str) {
    let rows = fixture.ports.state.rows(Table::Main);
    let row = rows.into_iter().find(|row| row.key.sk == format!("{kind}#{:020}", seq.0)).unwrap();
    fixture.ports.state.overwrite(Row { body: body.to_owned(), ..row });
}

#[test]
fn an_export_whose_row_cannot_be_read_fails_with_what_is_known_of_it_and_the_next_one_runs() {
    let fixture = Fixture::new(5);
    let views: Vec<_> = (0..3).map(|_| fixture.create(ExportFormat::Csv)).collect();
    let [first, second, third] = [0, 1, 2].map(|index| views[index].export.seq);
    spoil(&fixture, "EXPORT", first, r#"{"label":"mine","surface":"cortex","storage":{"is":"reserved"}}"#);
    spoil(&fixture, "EXPORT", second, "no JSON");
    spoil(&fixture, "SPEC", second, "no JSON");
    assert_eq!(fixture.step(&views[2], FOREVER), Verdict::Done);
    assert!(matches!(row(&fixture, third).state, State::Ready { .. }));
    let first = row(&fixture, first);
    assert_eq!((failure(&first), first.label.as_deref()), (FailureCode::Internal, Some("mine")));
    assert_eq!((first.format, first.creator), (ExportFormat::Csv, fixture.admin.account));
    assert_eq!(failure(&row(&fixture, second)), FailureCode::Internal);
    assert_eq!(swept(&fixture).recounted, 1, "what they had reserved is not known any more");
}

#[test]
fn an_export_of_a_collection_that_was_deleted_fails_and_says_so() {
    let fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    let collection = block_on(fixture.ports.rows().collection(&fixture.admin.org, &view.export.collection));
    let collection = collection.unwrap().unwrap();
    commit(&fixture, |transaction| transaction.delete(&collection));
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(failure(&row(&fixture, view.export.seq)), FailureCode::CollectionMissing);
    assert_eq!(fixture.usage().reserved_bytes, 0);
}

#[test]
fn no_more_exports_wait_than_the_operator_lets() {
    let fixture = Fixture::new(5);
    let context = fixture.ports.context();
    let cap = |waiting| {
        let change = ChangeOrg { waiting, ..ChangeOrg::default() };
        block_on(change_org(&context, &fixture.admin.org, &change)).unwrap();
    };
    cap(WaitingChange::Exports(2));
    let (first, second) = (fixture.create(ExportFormat::Csv), fixture.create(ExportFormat::Csv));
    let refused = fixture.try_create(ExportFormat::Csv);
    assert!(matches!(refused, Err(Error::TooManyWaiting { limit: 2 })), "{refused:?}");
    block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.admin, None, second.export.id)).unwrap();
    let third = fixture.create(ExportFormat::Csv);
    assert!(fixture.try_create(ExportFormat::Csv).is_err());
    fixture.step(&first, Duration::ZERO);
    assert!(matches!(row(&fixture, first.export.seq).state, State::Running { .. }));
    fixture.create(ExportFormat::Csv);
    assert!(fixture.try_create(ExportFormat::Csv).is_err(), "one that runs does not wait");
    cap(WaitingChange::Exports(0));
    fixture.step(&third, FOREVER);
    assert!(fixture.try_create(ExportFormat::Csv).is_err(), "none may wait");
    cap(WaitingChange::Unlimited);
    fixture.create(ExportFormat::Csv);
    let page = block_on(list_exports(&context, &fixture.admin, None, None, false, 100)).unwrap();
    assert_eq!(page.items.len(), 5, "what was refused left nothing behind");
}
