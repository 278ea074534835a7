//! Errands through their states.

use super::*;

const LEASE: Duration = Duration::from_secs(90);
const DAY: i64 = 24 * 3600;

/// Something to bring.
#[derive(Clone, Debug, PartialEq)]
struct Word;

impl Carried for Word {
    const MARK: &'static str = "w";
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + secs * 1000)
}

fn errand() -> Errand<Word> {
    let of = ("demo".parse().unwrap(), ExportId::new(at(0), [1; 8]), Seq(1), 0);
    Errand::new(of, Word, (at(0), at(7 * DAY)))
}

fn miss(is_final: bool) -> Miss {
    Miss { message: "no".to_owned(), is_final, ..Miss::default() }
}

fn claimed(errand: Errand<Word>, now: Timestamp) -> Errand<Word> {
    errand.claim(WorkerId(1), now, LEASE).unwrap()
}

#[test]
fn one_worker_at_a_time_runs_it_and_a_later_lease_shuts_out_an_earlier_one() {
    let one = claimed(errand(), at(0));
    assert_eq!(one.clone().claim(WorkerId(2), at(89), LEASE), Err(ErrandRefused::Busy));
    assert_eq!(one.clone().abandoned(at(89), &Backoff::default()), Err(ErrandRefused::Busy));
    let left = one.clone().abandoned(at(90), &Backoff::default()).unwrap();
    assert_eq!(left.state, ErrandState::Waiting { at: at(100) });
    assert_eq!(left.clone().claim(WorkerId(2), at(99), LEASE), Err(ErrandRefused::NotYet));
    assert_eq!(left.clone().renewed(one.epoch, at(99), LEASE), Err(ErrandRefused::NotYet));
    let two = claimed(left, at(100));
    assert_eq!(two.clone().done(one.epoch, at(101)), Err(ErrandRefused::StaleEpoch));
    assert_eq!(two.clone().missed(one.epoch, miss(true), at(101), &Backoff::default()), Err(ErrandRefused::StaleEpoch));
    let over = two.clone().done(two.epoch, at(101)).unwrap();
    assert_eq!(over.clone().claim(WorkerId(3), at(200), LEASE), Err(ErrandRefused::Ended));
    assert_eq!((over.attempts.len(), over.attempt_count, over.due_at()), (2, 2, None));
}

#[test]
fn one_whose_worker_is_gone_counts_as_one_that_failed() {
    let one = claimed(errand(), at(0));
    assert_eq!(one.clone().claim(WorkerId(2), at(90), LEASE), Err(ErrandRefused::Busy));
    let next = claimed(one.abandoned(at(90), &Backoff::default()).unwrap(), at(100));
    assert_eq!(next.clone().done(Epoch(1), at(101)), Err(ErrandRefused::StaleEpoch));
    assert_eq!((next.attempt_count, next.failures, next.failing_since), (2, 1, Some(at(90))));
    assert_eq!(next.last_error(), Some(UNEXPLAINED));
    let waits = next.missed(Epoch(2), miss(false), at(101), &Backoff::default()).unwrap();
    assert_eq!(waits.state, ErrandState::Waiting { at: at(161) }, "after the second failure");
}

#[test]
fn what_fails_is_tried_again_for_a_day_with_pauses_as_they_are_set() {
    let (mut errand, mut now, mut begun) = (errand(), at(0), Vec::new());
    while !errand.is_ended() {
        begun.push(now.since(at(0)).as_secs());
        let taken = claimed(errand, now);
        errand = taken.clone().missed(taken.epoch, miss(false), now, &Backoff::default()).unwrap();
        if let ErrandState::Waiting { at } = errand.state {
            now = at;
        }
    }
    assert_eq!(begun[..5], [0, 10, 70, 370, 3970]);
    assert_eq!((begun.len(), begun.last()), (3 + 23 + 1, Some(&83_170)));
    assert_eq!(errand.last_error(), Some("no"));
}

#[test]
fn an_invocation_that_ran_out_of_time_is_no_attempt_of_its_own() {
    let first = claimed(errand(), at(0));
    let paused = first.clone().paused(first.epoch, at(60)).unwrap();
    let second = claimed(paused, at(60));
    assert_eq!((second.attempt_count, second.epoch.0), (1, 2));
}

#[test]
fn what_nobody_comes_for_is_rung_for_once_a_minute() {
    assert_eq!(errand().rung(at(14)), None);
    let rung = errand().rung(at(15)).unwrap();
    assert_eq!((rung.due_at(), rung.clone().rung(at(74))), (Some(at(75)), None));
    let sending = claimed(rung, at(20));
    assert_eq!(sending.due_at(), Some(at(110)));
    let kept = sending.renewed(Epoch(1), at(50), LEASE).unwrap();
    assert_eq!(kept.rung(at(140)).unwrap().due_at(), Some(at(200)));
}

#[test]
fn patience_that_is_asked_for_is_had_and_a_final_miss_ends_it() {
    let taken = claimed(errand(), at(0));
    let asked = Miss { retry_after: Some(Duration::from_mins(2)), ..miss(false) };
    let waits = taken.clone().missed(taken.epoch, asked, at(0), &Backoff::default()).unwrap();
    assert_eq!(waits.state, ErrandState::Waiting { at: at(120) });
    let over = taken.clone().missed(taken.epoch, miss(true), at(0), &Backoff::default()).unwrap();
    assert_eq!(over.state, ErrandState::Failed { at: at(0), message: "no".to_owned(), gone: false });
    let gone = taken.clone().missed(taken.epoch, Miss { is_gone: true, ..miss(true) }, at(1), &Backoff::default());
    assert_eq!(gone.unwrap().state, ErrandState::Failed { at: at(1), message: "no".to_owned(), gone: true });
    let patient = Miss { retry_after: Some(Duration::from_hours(8 * 24)), ..miss(false) };
    let late = Backoff { give_up_after: Duration::from_hours(30 * 24), ..Backoff::default() };
    assert!(taken.clone().missed(taken.epoch, patient, at(0), &late).unwrap().is_ended(), "the export is gone by then");
}
