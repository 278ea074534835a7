//! What everything that runs scripts does.

use super::{Broken, Fact, Found, check, equal, that};
use crate::locked::Locked;
use async_trait::async_trait;
use futures::future::join_all;
use serde_json::{Value, json};
use waybill_domain::{ScriptFailure, ScriptFailureCode};
use waybill_ports::{ScriptCall, ScriptEnding, ScriptFault, ScriptHost, ScriptJob, ScriptRunner};

/// Checks what runs scripts.
///
/// # Errors
/// The first fact that does not hold.
pub async fn script_runner(runner: &dyn ScriptRunner) -> Result<(), Broken> {
    check!(runner, "";
        a_script_that_ends_well_says_what_it_used,
        what_a_script_asks_is_answered_in_its_order,
        what_its_host_refuses_it_can_catch,
        what_it_does_not_catch_is_its_failure_with_its_place,
        what_does_not_parse_is_refused_with_its_place,
        a_module_that_is_not_there_is_named,
        an_endless_script_ends,
        scripts_see_nothing_of_each_other,
    );
}

/// Counts calls, keeps what is logged, and refuses requests.
#[derive(Default)]
struct Host(Locked<Vec<ScriptCall>>);

#[async_trait]
impl ScriptHost for Host {
    async fn answer(&self, call: ScriptCall) -> Result<Value, ScriptFault> {
        let number = self.0.with(|calls| {
            calls.push(call.clone());
            calls.len()
        });
        match call.name.as_str() {
            "logger.log" => Ok(Value::Null),
            "counters.next" => Ok(json!(number)),
            _ => Err(ScriptFault::new("kAccessDenied", 403, "not here")),
        }
    }
}

impl Host {
    /// What was logged, each line's values.
    fn lines(&self) -> Vec<Value> {
        let calls = self.0.with(|calls| calls.clone());
        let logged = calls.into_iter().filter(|call| call.name == "logger.log");
        logged.map(|call| call.arguments.get(1).cloned().unwrap_or_default()).collect()
    }
}

async fn run(runner: &dyn ScriptRunner, source: &str) -> (ScriptEnding, Host) {
    let environment = json!({"script": {"arguments": {"export": {"_id": "e1"}}}, "schemas": [], "limits": {}});
    let host = Host::default();
    let ending = runner.run(&ScriptJob { source: source.to_owned(), environment }, &host).await;
    (ending, host)
}

async fn failure(runner: &dyn ScriptRunner, source: &str) -> Result<ScriptFailure, Found> {
    let (ending, _) = run(runner, source).await;
    ending.failure.ok_or_else(|| Found(format!("`{source}` ended well")))
}

async fn a_script_that_ends_well_says_what_it_used(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let (ending, host) = run(runner, "let n = 0; for (let i = 0; i < 50000; i++) n += i;").await;
    equal(&ending.failure, &None)?;
    that((1..=1_000_000).contains(&ending.ops), format!("{} operations", ending.ops))?;
    equal(&host.lines(), &Vec::new())
}

async fn what_a_script_asks_is_answered_in_its_order(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let source = "import counters from 'counters'; import logger from 'logger';\n\
        for (let i = 0; i < 3; i++) logger.info(script.arguments.export._id, i, counters.next('n'));";
    let (ending, host) = run(runner, source).await;
    equal(&ending.failure, &None)?;
    equal(&host.lines(), &vec![json!(["e1", 0, 1]), json!(["e1", 1, 3]), json!(["e1", 2, 5])])?;
    let ops: Vec<u64> = host.0.with(|calls| calls.iter().map(|call| call.ops).collect());
    that(ops.is_sorted() && ops.last() <= Some(&ending.ops), format!("operations {ops:?}, then {}", ending.ops))
}

async fn what_its_host_refuses_it_can_catch(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let source = "import http from 'http'; import logger from 'logger';\n\
        try { http.get('https://example.com') } catch (error) { logger.warn(error.code, error.reason ?? error.message) }";
    let (ending, host) = run(runner, source).await;
    equal(&ending.failure, &None)?;
    equal(&host.lines(), &vec![json!(["kAccessDenied", "not here"])])
}

async fn what_it_does_not_catch_is_its_failure_with_its_place(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let failure = failure(runner, "const a = 1;\n\nthrow new TypeError('no');").await?;
    equal(&(failure.code, failure.line), &(ScriptFailureCode::Thrown, Some(3)))?;
    that(failure.message.contains("no"), failure.message)
}

async fn what_does_not_parse_is_refused_with_its_place(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let failure = failure(runner, "const a = 1;\n  const = 2;").await?;
    equal(&(failure.code, failure.line, failure.column.is_some()), &(ScriptFailureCode::Syntax, Some(2), true))
}

async fn a_module_that_is_not_there_is_named(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let failure = failure(runner, "import sftp from 'sftp';").await?;
    equal(&failure.code, &ScriptFailureCode::Import)?;
    that(failure.message.contains("`sftp`"), failure.message)
}

async fn an_endless_script_ends(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let failure = failure(runner, "for (;;) ;").await?;
    // On a slow machine its time is over before its operations are.
    let codes = [ScriptFailureCode::Operations, ScriptFailureCode::Timeout];
    that(codes.contains(&failure.code), format!("{failure:?}"))
}

async fn scripts_see_nothing_of_each_other(runner: &dyn ScriptRunner, _prefix: &str) -> Fact {
    let source = "import logger from 'logger';\n\
        logger.info(globalThis.mine ?? 'none', [].mine ?? 'none');\n\
        globalThis.mine = 'seen'; Array.prototype.mine = 'seen';";
    let expected = vec![json!(["none", "none"])];
    for (_, host) in join_all((0..3).map(|_| run(runner, source))).await {
        equal(&host.lines(), &expected)?;
    }
    equal(&run(runner, source).await.1.lines(), &expected)
}
