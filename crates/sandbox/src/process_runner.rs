//! Scripts in processes of their own.

use crate::failure::timed_out;
use crate::limits::{GRACE, TIME};
use crate::protocol::{Answer, LINE_BYTES, Said};
use crate::thread_runner::{crashed, millis};
use async_trait::async_trait;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use waybill_ports::{ScriptEnding, ScriptHost, ScriptJob, ScriptRunner};

/// How long a process may take to start.
const START: Duration = Duration::from_secs(5);

/// Runs each script in a process that is started for it, with an empty environment, and killed when the script's time is over.
#[derive(Clone, Debug)]
pub struct ProcessScriptRunner {
    program: PathBuf,
    arguments: Vec<String>,
}

impl ProcessScriptRunner {
    /// With a program that calls [`crate::serve`] on its standard streams when it is started with `arguments`.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = String>) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().collect() }
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

#[async_trait]
impl ScriptRunner for ProcessScriptRunner {
    async fn run(&self, job: &ScriptJob, host: &dyn ScriptHost) -> ScriptEnding {
        let mut child = match self.start() {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "the process of a script cannot be started");
                return crashed("the process of the script could not be started", 0);
            }
        };
        let ending = match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => converse(job, host, input, BufReader::new(output)).await,
            _ => crashed("the process of the script has no streams", 0),
        };
        // It has nothing more to do, whatever it thinks.
        if let Err(error) = child.kill().await {
            tracing::warn!(%error, "the process of a script could not be killed");
        }
        ending
    }
}

async fn converse(
    job: &ScriptJob,
    host: &dyn ScriptHost,
    mut input: ChildStdin,
    mut output: BufReader<ChildStdout>,
) -> ScriptEnding {
    let Ok(job) = serde_json::to_vec(job) else { return crashed("the job does not serialise", 0) };
    let (mut left, mut ops) = (START + TIME + GRACE, 0);
    let mut to_say = job;
    loop {
        let asked = tokio::time::Instant::now();
        let exchanged = tokio::time::timeout(left, exchange(&mut input, &mut output, to_say)).await;
        left = left.saturating_sub(asked.elapsed());
        match exchanged {
            Err(_) => return ScriptEnding { failure: Some(timed_out()), ops, elapsed_ms: millis(TIME) },
            Ok(None) => return crashed("what ran the script ended without a word", ops),
            Ok(Some(Said::End(ending))) => return ending,
            Ok(Some(Said::Call(call))) => {
                ops = call.ops;
                let answer: Answer = host.answer(call).await.into();
                to_say = serde_json::to_vec(&answer).unwrap_or_default();
            }
        }
    }
}

/// Says a line and hears one; `None` when the other side is gone or makes no sense.
async fn exchange(input: &mut ChildStdin, output: &mut BufReader<ChildStdout>, mut line: Vec<u8>) -> Option<Said> {
    line.push(b'\n');
    // It may end without having heard everything; what it said before is still there to be heard.
    let _ = input.write_all(&line).await;
    let _ = input.flush().await;
    let mut heard = Vec::new();
    let most = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
    output.take(most).read_until(b'\n', &mut heard).await.ok()?;
    serde_json::from_slice(&heard).ok()
}
