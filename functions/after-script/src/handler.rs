//! From an SQS event to one script, and back to what becomes of the message.

use crate::wire::environment;
use crate::{Config, Isolation};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Context, ScriptRunning, run_script};
use waybill_aws::{DynamoStateStore, SystemClock, SystemEntropy, TableNames};
use waybill_outgoing::Outgoing;
use waybill_ports::{ScriptMessage, ScriptRunner};
use waybill_sandbox::{ProcessScriptRunner, ThreadScriptRunner};

/// How long a claim is good: longer than an invocation, whose time-out the template sets.
const LEASE: Duration = Duration::from_mins(5);

/// What the function works with; made once per process.
pub struct Deps {
    running: ScriptRunning,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let tables = TableNames {
            // The function's role reaches no other table.
            main: String::new(),
            records: String::new(),
            audit: String::new(),
            scripts: config.script_table.clone(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(config.connection.dynamodb(), tables)),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        let runner: Arc<dyn ScriptRunner> = match &config.isolation {
            Isolation::Process { program, arguments } => {
                Arc::new(ProcessScriptRunner::new(program, arguments.iter().cloned()))
            }
            Isolation::Thread => Arc::new(ThreadScriptRunner),
        };
        let (url, own_host) = (config.api_url.clone(), host(&config.api_url));
        Self {
            running: ScriptRunning {
                context,
                runner,
                outgoing: Arc::new(Outgoing::new(config.allowed_hosts.clone())),
                own_hosts: vec![own_host],
                render: Arc::new(move |input, request| environment::environment(input, request, &url)),
                lease: LEASE,
            },
        }
    }
}

/// The host of a URL, with its port if it names one.
fn host(url: &str) -> String {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.split('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// Runs the script of every message; one that could not be begun, or that does not parse, is reported as failed.
pub async fn handle(deps: &Deps, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        if !take(deps, &message, &event.context.request_id).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn take(deps: &Deps, message: &SqsMessage, request: &str) -> bool {
    let script: ScriptMessage = match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
        Ok(script) => script,
        Err(error) => {
            tracing::error!(message = message.message_id, %error, "not about a script; it ends in the dead-letter queue");
            return false;
        }
    };
    let running = ScriptRunning { context: deps.running.context.for_request(request), ..deps.running.clone() };
    match Box::pin(run_script(&running, &script)).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = ?error, "a script was not begun; its message comes again");
            false
        }
    }
}
