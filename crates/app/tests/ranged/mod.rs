//! Ranges of dates: understood when the export starts, the same for every step after.

use super::*;
use waybill_app::{DateRangeRequest, FieldError, RetryExport, cancel_export, retry_export};
use waybill_domain::{DateSpan, Timestamp};
use waybill_ports::Clock as _;

const HOUR: Duration = Duration::from_hours(1);

impl Fixture {
    /// The same with a collection `visits`, one record an hour from 48 hours ago to 48 hours from now; and when the first was.
    fn with_visits() -> (Self, Timestamp) {
        let fixture = Self::new(0);
        let properties = vec![
            samples::property("at", PropertyKind::Date),
            samples::property("n", PropertyKind::Number),
            waybill_domain::Property { array: true, ..samples::property("all", PropertyKind::Date) },
        ];
        let collection = samples::collection(&fixture.admin.org, &"visits".parse().unwrap(), properties);
        block_on(fixture.ports.insert(&collection)).unwrap();
        let begin = fixture.now().before(48 * HOUR);
        let patches: Vec<RecordPatch> = (0..=96)
            .map(|n: u32| {
                let id = format!("{:024x}", n * 7919 + 1).parse().unwrap();
                let at = begin.after(n * HOUR);
                RecordPatch { id, json: format!(r#"{{"_id":"{id}","at":"{at}","n":{n}}}"#).into() }
            })
            .collect();
        block_on(fixture.ports.records.put(&fixture.admin.org, &"visits".parse().unwrap(), &patches)).unwrap();
        (fixture, begin)
    }

    fn now(&self) -> Timestamp {
        self.ports.context().now()
    }

    fn wait(&self, time: Duration) {
        block_on(self.ports.clock.sleep(time));
    }

    fn ranged(&self, (start, end, field): (&str, &str, Option<&str>)) -> Result<ExportView, Error> {
        let command = CreateExport {
            date_range: Some(DateRangeRequest {
                start: start.to_owned(),
                end: end.to_owned(),
                field: field.map(|field| field.parse().unwrap()),
            }),
            paths: vec!["n".parse().unwrap()],
            ..CreateExport::new(Surface::Admin, "visits".parse().unwrap(), ExportFormat::Ndjson)
        };
        block_on(create_export(&self.ports.context(), &*self.ports.wake, &self.admin, &command))
    }

    /// The numbers of the visits in the archive.
    fn visits(&self, view: &ExportView) -> Vec<u64> {
        let text = entry(&self.archive(view), "visits.ndjson");
        let number = |line: &str| line.trim_start_matches("{\"n\":").trim_end_matches('}').parse().unwrap();
        let mut numbers: Vec<u64> = text.lines().map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}

#[test]
fn a_range_is_understood_when_the_export_starts_and_every_step_uses_that() {
    let (fixture, begin) = Fixture::with_visits();
    let view = fixture.ranged(("-2 hours", "now +3 hours", Some("at"))).unwrap();
    assert_eq!(view.export.date_span, None);
    // It waits, and then it takes its time.
    fixture.wait(5 * HOUR);
    let started = fixture.now();
    let mut steps = 0;
    while fixture.step(&view, Duration::ZERO) == Verdict::Retry {
        fixture.wait(HOUR);
        steps += 1;
    }
    assert!(steps > 3, "{steps} steps");
    let export = fixture.read(&view).export;
    assert_eq!(export.started_at, Some(started));
    assert_eq!(export.date_span, Some(DateSpan { start: started.before(2 * HOUR), end: started.after(3 * HOUR) }));
    // The clock moves between calls: what was on the hour lies just before the start.
    let first = (started.before(2 * HOUR).since(begin).as_millis()).div_ceil(HOUR.as_millis());
    let first = u64::try_from(first).unwrap();
    assert_eq!(fixture.visits(&view), (first..first + 5).collect::<Vec<_>>());
}

#[test]
fn a_range_holds_its_start_and_not_its_end() {
    let (fixture, begin) = Fixture::with_visits();
    let (start, end) = (begin.after(10 * HOUR).to_string(), begin.after(13 * HOUR).to_string());
    let view = fixture.ranged((&start, &end, Some("at"))).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(fixture.visits(&view), [10, 11, 12]);
    let view = fixture.ranged((&start, &start, Some("at"))).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert!(fixture.visits(&view).is_empty(), "an empty range");
}

#[test]
fn what_is_wrong_with_a_range_is_named() {
    let (fixture, _) = Fixture::with_visits();
    let refused = |range| match fixture.ranged(range) {
        Err(Error::Invalid(errors)) => {
            errors.into_iter().map(|FieldError { field, message }| format!("{field}: {message}")).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let soon = "`soon` (character 1) is no word of dates and times, nor a time zone that is the same everywhere";
    assert_eq!(
        refused(("soon", "10:00 11:00", Some("n"))),
        [
            format!("dateRange.start: {soon}"),
            "dateRange.end: `11:00` (character 7) is a second time of day".to_owned(),
            "dateRange.field: `n` is no date".to_owned()
        ]
    );
    assert_eq!(refused(("now", "now", Some("gone"))), ["dateRange.field: `gone` is no property of `visits`"]);
    assert_eq!(refused(("now", "now", Some("all"))), ["dateRange.field: `all` is in an array"]);
    let reversed = refused(("2026-02-01", "2026-01-01", None));
    assert_eq!(reversed, ["dateRange: ends at 2026-01-01T00:00:00.000Z, before it begins at 2026-02-01T00:00:00.000Z"]);
}

#[test]
fn a_range_that_means_nothing_any_more_fails_its_export() {
    let (fixture, _) = Fixture::with_visits();
    let end = fixture.now().after(HOUR).to_string();
    let view = fixture.ranged(("now", &end, Some("at"))).unwrap();
    fixture.wait(2 * HOUR);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let export = fixture.read(&view).export;
    let State::Failed { failure, .. } = export.state else { panic!("{:?}", export.state) };
    assert_eq!(failure.code, FailureCode::BadDateRange);
    assert!(failure.message.starts_with("the range of dates `now` to `"), "{failure}");
    assert!(fixture.uses_nothing());
}

#[test]
fn a_retry_holds_what_the_first_would_have_held() {
    let (fixture, _) = Fixture::with_visits();
    let view = fixture.ranged(("-2 hours", "now", Some("at"))).unwrap();
    assert_eq!(fixture.step(&view, Duration::ZERO), Verdict::Retry);
    let span = fixture.read(&view).export.date_span;
    assert!(span.is_some());
    let context = fixture.ports.context();
    block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.admin, None, view.export.id)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    fixture.wait(30 * HOUR);
    let command = RetryExport { surface: Surface::Admin, export: view.export.id, idempotency: None };
    let again = block_on(retry_export(&context, &*fixture.ports.wake, &fixture.admin, &command)).unwrap();
    assert_eq!(again.export.date_span, span);
    assert_eq!(fixture.step(&again, FOREVER), Verdict::Done);
    assert_eq!(fixture.visits(&again).len(), 2);
}
