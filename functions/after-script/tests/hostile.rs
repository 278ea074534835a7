//! Hostile scripts end within their limits, each in its own way, and their host goes on.
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod corpus;

use async_trait::async_trait;
use corpus::{CORPUS, Ending};
use serde_json::{Value, json};
use std::sync::Mutex;
use waybill_domain::ScriptFailureCode;
use waybill_ports::{ScriptCall, ScriptEnding, ScriptFault, ScriptHost, ScriptJob, ScriptRunner as _};
use waybill_sandbox::ProcessScriptRunner;

/// Answers everything, and remembers what was logged.
#[derive(Default)]
struct Listening(Mutex<Vec<Value>>);

#[async_trait]
impl ScriptHost for Listening {
    async fn answer(&self, call: ScriptCall) -> Result<Value, ScriptFault> {
        match call.name.as_str() {
            "logger.log" => {
                self.0.lock().unwrap().push(call.arguments);
                Ok(Value::Null)
            }
            "cache.get" => Ok(json!({"value": "kept"})),
            "script.left" => Ok(json!({"callouts": 5, "notifications": 100})),
            name => Err(ScriptFault::new("kAccessDenied", 403, format!("no {name} here"))),
        }
    }
}

fn runner() -> ProcessScriptRunner {
    ProcessScriptRunner::new(env!("CARGO_BIN_EXE_after-script"), [after_script::RUN_SCRIPT.to_owned()])
}

fn job(source: &str) -> ScriptJob {
    let principal = json!({"_id": "65aa00000000000000000001", "email": "a@example.com"});
    let environment = json!({
        "script": {"_id": "1", "depth": 1, "arguments": {"export": {"_id": "e1"}}, "principal": principal, "org": {"code": "demo"}},
        "schemas": [{"name": "visit", "pluralName": "visits"}],
        "limits": {},
    });
    ScriptJob { source: source.to_owned(), environment }
}

async fn run(source: &str) -> (ScriptEnding, Vec<Value>) {
    let host = Listening::default();
    let ending = runner().run(&job(source), &host).await;
    (ending, host.0.into_inner().unwrap())
}

fn kind(ending: &ScriptEnding) -> Ending {
    match ending.failure.as_ref().map(|failure| failure.code) {
        None => Ending::Well,
        Some(ScriptFailureCode::Syntax) => Ending::Syntax,
        Some(ScriptFailureCode::Import) => Ending::Import,
        Some(ScriptFailureCode::Thrown) => Ending::Thrown,
        Some(ScriptFailureCode::Timeout) => Ending::Timeout,
        Some(ScriptFailureCode::Operations) => Ending::Operations,
        Some(ScriptFailureCode::Memory) => Ending::Memory,
        Some(ScriptFailureCode::Crashed | ScriptFailureCode::NotStarted) => Ending::Crashed,
    }
}

const GOOD: &str = "import logger from 'logger'; logger.info('still here', script.arguments.export._id);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_script_is_contained_and_the_host_goes_on() {
    assert!(CORPUS.len() >= 100, "only {} scripts", CORPUS.len());
    let mut wrong = Vec::new();
    for chunk in CORPUS.chunks(3) {
        let mut running = tokio::task::JoinSet::new();
        for (name, allowed, source) in chunk {
            running.spawn(async move {
                let (ending, _) = run(source).await;
                (*name, *allowed, ending)
            });
        }
        while let Some(ended) = running.join_next().await {
            let (name, allowed, ending) = ended.unwrap();
            // On a slow machine time is over before operations or memory are.
            let endless = allowed.iter().any(|ending| matches!(ending, Ending::Operations | Ending::Memory));
            let ended = kind(&ending);
            let is_allowed = allowed.contains(&ended) || (ended == Ending::Timeout && endless);
            if !is_allowed {
                wrong.push(format!("{name}: {:?}, not {allowed:?}: {:?}", kind(&ending), ending.failure));
            }
            if ending.ops > 1_000_000 {
                wrong.push(format!("{name}: {} operations", ending.ops));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let (ending, logged) = run(GOOD).await;
    assert_eq!(ending.failure, None);
    assert_eq!(logged, [json!(["info", ["still here", "e1"]])]);
}

#[tokio::test]
async fn what_a_script_sees_of_its_process_is_nothing() {
    let source = r"
        import logger from 'logger';
        const names = ['process', 'require', 'module', 'os', 'std', 'fetch', 'XMLHttpRequest', 'Deno', 'Bun', 'WebAssembly',
            'navigator', 'window', 'self', 'print', 'scriptArgs', 'setTimeout', '__waybill_out', 'Worker', 'performance'];
        logger.info(names.filter((name) => name in globalThis && name !== 'performance'));
    ";
    let (ending, logged) = run(source).await;
    assert_eq!(ending.failure, None);
    assert_eq!(logged, [json!(["info", [[]]])]);
}

#[tokio::test]
async fn a_failure_names_its_place() {
    let (ending, _) = run("const a = 1;\n\nfunction f() { throw new TypeError('no'); }\n  f();").await;
    let failure = ending.failure.unwrap();
    assert_eq!((failure.line, failure.message.as_str()), (Some(3), "TypeError: no"));
    let (ending, _) = run("import saml from 'saml';").await;
    let failure = ending.failure.unwrap();
    assert_eq!(failure.message, "the module `saml` is not available to the script of an export");
}

#[tokio::test]
async fn the_library_works() {
    let source = r"
        import logger from 'logger';
        import base64 from 'base64';
        import crypto, { sha256 } from 'crypto';
        import ids, { equalIds } from 'util.id';
        import { id } from 'util';
        import schemas from 'schemas';
        import config from 'config';
        import cache from 'cache';
        import request from 'request';
        import response from 'response';
        import console2 from 'console';
        import self from 'script';
        logger.info(base64.decode(base64.encode('h\u00e9llo \u{1f600}')), base64.encode('any carnal pleas'));
        logger.info(sha256('abc'), crypto.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog'));
        logger.info(crypto.randomBytes(4).length, crypto.randomUUID().length, ids.isId(id.generateId()));
        logger.info(equalIds('65AA00000000000000000001', { _id: '65aa00000000000000000001' }), schemas.read('visits').name);
        logger.info(config.get('org.code'), cache.get('x'), request.origin, self === script, console2 === console);
        logger.info(script.as(script.principal._id, {}, () => script.depth), script.depth, script.getOpsUsed() > 0);
        logger.info(script.getTimeLeft() > 0, script.getMemoryUsed() > 0, script.getMemoryFree() > 0, script.getCalloutsRemaining());
        try { response.write('x') } catch (error) { logger.warn(error.code) }
        try { script.as('someone', {}, () => 1) } catch (error) { logger.error(error) }
        await Promise.resolve();
        logger.trace(undefined, 1n, () => 1);
    ";
    let (ending, logged) = run(source).await;
    assert_eq!(ending.failure, None);
    let lines: Vec<String> = logged.iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], r#"["info",["héllo 😀","YW55IGNhcm5hbCBwbGVhcw=="]]"#);
    assert!(lines[1].contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{}", lines[1]);
    assert!(lines[1].contains("f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"), "{}", lines[1]);
    assert_eq!(lines[2], r#"["info",[8,36,true]]"#);
    assert_eq!(lines[3], r#"["info",[true,"visit"]]"#);
    assert_eq!(lines[4], r#"["info",["demo","kept","export",true,true]]"#);
    assert_eq!(lines[5], r#"["info",[2,1,true]]"#);
    assert_eq!(lines[6], r#"["info",[true,true,true,5]]"#);
    assert_eq!(lines[7], r#"["warn",["kUnsupportedOperation"]]"#);
    assert!(lines[8].contains("kAccessDenied"), "{}", lines[8]);
    assert_eq!(lines.len(), 10);
}

#[tokio::test]
async fn a_program_that_is_none_is_a_failure_of_the_script_alone() {
    let host = Listening::default();
    let runner = ProcessScriptRunner::new("/nowhere/at/all", []);
    assert_eq!(runner.run(&job(GOOD), &host).await.failure.unwrap().code, ScriptFailureCode::Crashed);
}
