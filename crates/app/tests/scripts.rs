//! After-scripts over in-memory ports: claimed once and run once, what they keep is counted, and their failure is their own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use waybill_app::{CreateExport, LogFilter, ScriptRunning, create_export, delete_export, list_logs, run_script, sweep};
use waybill_domain::{
    Export, ExportFormat, LogEntry, Principal, Role, ScriptFailure, ScriptFailureCode, ScriptRun, ScriptState, State,
    Surface,
};
use waybill_ports::{
    OutgoingError, OutgoingHttp, OutgoingReply, OutgoingRequest, ScriptCall, ScriptEnding, ScriptFault, ScriptHost,
    ScriptJob, ScriptMessage, ScriptRunner,
};
use waybill_testkit::{MemoryPorts, MemoryScriptQueue, samples};

const FOREVER: Duration = Duration::from_hours(1);
const LEASE: Duration = Duration::from_mins(5);

type Answers = Vec<Result<Value, ScriptFault>>;

/// Makes the calls that it was given, and ends as it was told.
#[derive(Default)]
struct Scripted {
    calls: Vec<(&'static str, Value)>,
    failure: Option<ScriptFailure>,
    jobs: Mutex<Vec<ScriptJob>>,
    answers: Mutex<Answers>,
    /// Never comes back.
    hangs: bool,
}

#[async_trait]
impl ScriptRunner for Scripted {
    async fn run(&self, job: &ScriptJob, host: &dyn ScriptHost) -> ScriptEnding {
        self.jobs.lock().unwrap().push(job.clone());
        for (ops, (name, arguments)) in (0..).zip(&self.calls) {
            let call = ScriptCall { name: (*name).to_owned(), arguments: arguments.clone(), ops };
            let answer = host.answer(call).await;
            self.answers.lock().unwrap().push(answer);
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        ScriptEnding { failure: self.failure.clone(), ops: 42, elapsed_ms: 7 }
    }
}

struct NoWayOut;

#[async_trait]
impl OutgoingHttp for NoWayOut {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingReply, OutgoingError> {
        Err(OutgoingError::NotResolved { host: request.url })
    }
}

struct Fixture {
    ports: MemoryPorts,
    admin: Principal,
}

impl Fixture {
    fn new() -> Self {
        let ports = MemoryPorts::new(5);
        let admin = samples::principal("demo", Role::Admin).unwrap();
        block_on(async {
            ports.insert(&samples::org("demo").unwrap()).await.unwrap();
            ports.insert(&samples::account("demo", Role::Admin).unwrap()).await.unwrap();
            let collection = samples::collection(&admin.org, &"things".parse().unwrap(), Vec::new());
            ports.insert(&collection).await.unwrap();
        });
        Self { ports, admin }
    }

    fn scripts(&self) -> Arc<MemoryScriptQueue> {
        Arc::clone(&self.ports.scripts)
    }

    fn create(&self, script: Option<&str>) -> Export {
        let mut command = CreateExport::new(Surface::Cortex, "things".parse().unwrap(), ExportFormat::Ndjson);
        command.after_script = script.map(str::to_owned);
        block_on(create_export(&self.ports.context(), &*self.ports.wake, &self.admin, &command)).unwrap().export
    }

    /// Lets an export run to its end.
    fn settle(&self, export: &Export) {
        block_on(self.ports.export(&self.admin.org, export.id));
    }

    /// An export with a script, ended, and the message about it.
    fn ended(&self) -> (Export, ScriptMessage) {
        let export = self.create(Some("the source"));
        self.settle(&export);
        let message = self.scripts().take().pop().unwrap();
        (export, message)
    }

    fn running(&self, runner: Arc<Scripted>) -> ScriptRunning {
        ScriptRunning {
            context: self.ports.context(),
            runner,
            outgoing: Arc::new(NoWayOut),
            own_hosts: vec!["api.example.com".to_owned()],
            render: Arc::new(
                |input, request| json!({"export": input.export.id.to_string(), "as": input.principal.id.to_string(), "request": request}),
            ),
            lease: LEASE,
        }
    }

    fn run(&self, runner: Scripted, message: &ScriptMessage) -> Arc<Scripted> {
        let runner = Arc::new(runner);
        block_on(run_script(&self.running(Arc::clone(&runner)), message)).unwrap();
        runner
    }

    fn sweep(&self) {
        block_on(sweep(&self.ports.sweeping(), FOREVER));
    }

    fn later(&self, by: Duration) {
        self.ports.clock.set(self.ports.context().now().after(by));
    }

    fn script(&self, export: &Export) -> ScriptRun {
        block_on(self.ports.rows().script_run(&export.org, export.id)).unwrap().unwrap().value
    }

    fn export(&self, export: &Export) -> Export {
        block_on(self.ports.rows().export(&export.org, export.seq)).unwrap().unwrap().value
    }

    /// What a script's calls were answered.
    fn answers(&self, calls: Vec<(&'static str, Value)>) -> Answers {
        let (_, message) = self.ended();
        let runner = self.run(Scripted { calls, ..Scripted::default() }, &message);
        std::mem::take(&mut *runner.answers.lock().unwrap())
    }

    fn lines(&self) -> Vec<LogEntry> {
        let principal = &self.admin;
        block_on(list_logs(&self.ports.context(), principal, LogFilter::default(), None, 100)).unwrap().items
    }
}

fn code(answer: &Result<Value, ScriptFault>) -> &str {
    answer.as_ref().err().map_or("", |fault| fault.code.as_str())
}

#[test]
fn a_script_runs_once_however_often_its_message_comes() {
    let fixture = Fixture::new();
    let (export, message) = fixture.ended();
    let before = fixture.export(&export);
    let first = fixture.run(Scripted::default(), &message);
    assert_eq!(first.jobs.lock().unwrap().len(), 1);
    let job = first.jobs.lock().unwrap().remove(0);
    assert_eq!(job.source, "the source");
    assert_eq!(job.environment["export"], export.id.to_string());
    assert_eq!(job.environment["as"], fixture.admin.account.to_string());
    for _ in 0..2 {
        let again = fixture.run(Scripted::default(), &message);
        assert!(again.jobs.lock().unwrap().is_empty());
    }
    let ScriptState::Ended { failure: None, used, .. } = fixture.script(&export).state else { unreachable!() };
    assert_eq!((used.ops, used.elapsed_ms), (42, 7));
    assert_eq!(fixture.export(&export), before, "the export is as it was");
    fixture.later(FOREVER);
    fixture.sweep();
    assert!(fixture.scripts().take().is_empty(), "nobody rings for what is over");
}

#[test]
fn a_failure_is_the_scripts_own_and_in_the_log() {
    let fixture = Fixture::new();
    let (export, message) = fixture.ended();
    let before = fixture.export(&export);
    assert!(matches!(before.state, State::Ready { .. }));
    let failure = ScriptFailure { line: Some(3), ..ScriptFailure::new(ScriptFailureCode::Thrown, "no") };
    let calls = vec![("logger.log", json!(["warn", ["before", 1]]))];
    fixture.run(Scripted { calls, failure: Some(failure.clone()), ..Scripted::default() }, &message);
    assert_eq!(fixture.script(&export).failure(), Some(&failure));
    assert_eq!(fixture.export(&export), before);
    let lines = fixture.lines();
    let logged: Vec<_> = lines.iter().map(|line| (line.data.clone(), line.failure.clone())).collect();
    assert!(
        logged.contains(&(Some(json!(["before", 1])), None)) && logged.contains(&(None, Some(failure))),
        "{lines:?}"
    );
}

#[test]
fn a_claim_that_ends_unexplained_is_the_scripts_failure_and_it_is_not_begun_again() {
    let fixture = Fixture::new();
    let (export, message) = fixture.ended();
    let runner = Arc::new(Scripted { hangs: true, ..Scripted::default() });
    let running = fixture.running(Arc::clone(&runner));
    // Polled once, and dropped: cut off while the script runs.
    assert!(run_script(&running, &message).now_or_never().is_none());
    assert_eq!(runner.jobs.lock().unwrap().len(), 1);
    let again = fixture.run(Scripted::default(), &message);
    assert!(again.jobs.lock().unwrap().is_empty(), "it is claimed");
    fixture.later(LEASE);
    fixture.sweep();
    let failure = fixture.script(&export).failure().cloned().unwrap();
    assert_eq!(failure.code, ScriptFailureCode::Crashed);
    assert_eq!(fixture.lines()[0].failure, Some(failure));
    let late = fixture.run(Scripted::default(), &message);
    assert!(late.jobs.lock().unwrap().is_empty(), "what it did nobody knows");
    assert!(matches!(fixture.export(&export).state, State::Ready { .. }));
}

#[test]
fn a_message_that_never_came_is_rung_for_again_and_given_up_after_a_day() {
    let fixture = Fixture::new();
    let (export, _) = fixture.ended();
    fixture.sweep();
    assert!(fixture.scripts().take().is_empty(), "not yet");
    fixture.later(ScriptRun::LOOK_AFTER);
    fixture.sweep();
    let expected = ScriptMessage::RunV1 { org: export.org.clone(), export: export.id };
    assert_eq!(fixture.scripts().take(), [expected]);
    fixture.later(ScriptRun::GIVE_UP_AFTER);
    fixture.sweep();
    let failure = fixture.script(&export).failure().cloned().unwrap();
    assert_eq!(failure.code, ScriptFailureCode::NotStarted);
    assert_eq!(fixture.lines()[0].failure, Some(failure));
}

#[test]
fn what_was_canceled_or_deleted_is_followed_by_nothing() {
    let fixture = Fixture::new();
    let waiting = fixture.create(Some("the source"));
    block_on(delete_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, None, waiting.id)).unwrap();
    let without = fixture.create(None);
    fixture.settle(&without);
    assert!(fixture.scripts().take().is_empty());
    for export in [waiting, without] {
        assert!(block_on(fixture.ports.rows().script_run(&export.org, export.id)).unwrap().is_none());
    }
}

#[test]
fn values_last_as_long_as_asked_and_change_only_where_they_are_as_believed() {
    let fixture = Fixture::new();
    let answers = fixture.answers(vec![
        ("cache.get", json!(["a"])),
        ("cache.set", json!(["a", {"n": 1}, 60])),
        ("cache.get", json!(["a"])),
        ("cache.cas", json!(["a", {"n": 2}, "x"])),
        ("cache.cas", json!(["a", {"n": 1}, "x", 60])),
        ("cache.cas", json!(["b", null, 1])),
        ("cache.list", json!([])),
        ("cache.del", json!(["b"])),
        ("cache.del", json!(["b"])),
        ("cache.set", json!(["", 1])),
        ("cache.set", json!(["a", 1, 0])),
        ("cache.set", json!(["a", "x".repeat(9000)])),
    ]);
    let good: Vec<Value> = answers.iter().take(9).map(|answer| answer.clone().unwrap()).collect();
    let kept = json!({"value": {"n": 1}});
    assert_eq!(json!(good), json!([null, true, kept, false, true, true, ["a", "b"], true, false]));
    let refused: Vec<&str> = answers.iter().skip(9).map(code).collect();
    assert_eq!(refused, ["kInvalidArgument", "kInvalidArgument", "kRequestTooLarge"]);
    fixture.later(Duration::from_secs(59));
    assert_eq!(fixture.answers(vec![("cache.get", json!(["a"]))]), [Ok(json!({"value": "x"}))]);
    fixture.later(Duration::from_mins(2));
    assert_eq!(
        fixture.answers(vec![("cache.get", json!(["a"])), ("cache.list", json!([]))]),
        [Ok(json!(null)), Ok(json!([]))]
    );
}

#[test]
fn counters_count_from_one_over_scripts_and_an_org_has_so_many() {
    let fixture = Fixture::new();
    let next = ("counters.next", json!(["runs"]));
    assert_eq!(fixture.answers(vec![next.clone(), next.clone()]), [Ok(json!(1)), Ok(json!(2))]);
    let answers = fixture.answers(vec![
        next.clone(),
        ("counters.get", json!(["runs"])),
        ("counters.get", json!(["other"])),
        ("counters.list", json!([])),
        ("counters.del", json!(["runs"])),
        next,
    ]);
    let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(json!(answers), json!([3, 3, null, {"runs": 3}, true, 1]));
    let many = (0..256).map(|n| ("counters.next", json!([format!("c{n}")]))).collect();
    let answers = fixture.answers(many);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 255, "one was there already");
    assert_eq!(answers.last().map(code), Some("kRequestTooLarge"));
}

#[test]
fn requests_and_notifications_are_counted_and_calls_back_refused() {
    let fixture = Fixture::new();
    let own = ("http.request", json!([{"url": "https://api.example.com/demo/v2/exports", "method": "GET"}]));
    let other = ("http.request", json!([{"url": "https://example.org/", "method": "GET"}]));
    let mut calls = vec![own];
    calls.extend(std::iter::repeat_n(other, 6));
    calls.push(("script.left", json!([])));
    let answers = fixture.answers(calls);
    assert_eq!(code(&answers[0]), "kAccessDenied");
    assert_eq!(answers[7].as_ref().unwrap()["callouts"], 0);
    assert!(answers[6].as_ref().unwrap_err().reason.contains("5 requests"), "{:?}", answers[6]);
    let sent = std::iter::repeat_n(("notifications.send", json!(["done", {}])), 101).collect();
    let answers = fixture.answers(sent);
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(json!(true))).count(), 100);
    let by_mail = ("notifications.send", json!(["done", {}, {"endpoints": {"email": {}}}]));
    assert_eq!(fixture.answers(vec![by_mail]).first().map(code), Some("kNotImplemented"));
}
