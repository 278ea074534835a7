//! Scripts on threads of this process.

use crate::engine::run_in_engine;
use crate::failure::timed_out;
use crate::limits::{GRACE, TIME};
use crate::protocol::{Answer, HostChannel, Said, gone};
use crate::server::memory_probe;
use async_trait::async_trait;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use waybill_domain::{ScriptFailure, ScriptFailureCode};
use waybill_ports::{ScriptCall, ScriptEnding, ScriptHost, ScriptJob, ScriptRunner};

/// Stack of a thread that runs a script: the engine's own, and much more for what its functions in C take.
const STACK_BYTES: usize = 4 << 20;

/// Runs each script on a thread. A script that the engine cannot interrupt is given up when its time is over, and its thread with it:
/// where tenants' scripts run for earnest, [`crate::ProcessScriptRunner`] ends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadScriptRunner;

struct Threaded {
    said: UnboundedSender<Said>,
    answers: Receiver<Answer>,
}

impl HostChannel for Threaded {
    fn ask(&mut self, call: ScriptCall) -> Answer {
        if self.said.send(Said::Call(call)).is_err() {
            return gone();
        }
        self.answers.recv().unwrap_or_else(|_| gone())
    }
}

#[async_trait]
impl ScriptRunner for ThreadScriptRunner {
    async fn run(&self, job: &ScriptJob, host: &dyn ScriptHost) -> ScriptEnding {
        let (said, mut heard) = unbounded_channel();
        let (answer, answers): (Sender<Answer>, Receiver<Answer>) = channel();
        let job = job.clone();
        let thread = std::thread::Builder::new().name("script".to_owned()).stack_size(STACK_BYTES).spawn(move || {
            let ending = run_in_engine(&job, Box::new(Threaded { said: said.clone(), answers }), memory_probe());
            let _ = said.send(Said::End(ending));
        });
        if thread.is_err() {
            return crashed("no thread could be made for the script", 0);
        }
        let mut left = TIME + GRACE;
        let mut ops = 0;
        loop {
            let asked = tokio::time::Instant::now();
            let Ok(heard) = tokio::time::timeout(left, heard.recv()).await else {
                return ScriptEnding { failure: Some(timed_out()), ops, elapsed_ms: millis(TIME) };
            };
            left = left.saturating_sub(asked.elapsed());
            match heard {
                None => return crashed("what ran the script ended without a word", ops),
                Some(Said::End(ending)) => return ending,
                Some(Said::Call(call)) => {
                    ops = call.ops;
                    let _ = answer.send(host.answer(call).await.into());
                }
            }
        }
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn crashed(message: &str, ops: u64) -> ScriptEnding {
    let failure = ScriptFailure::new(ScriptFailureCode::Crashed, message);
    ScriptEnding { failure: Some(failure), ops, elapsed_ms: 0 }
}
