//! One script in one engine: limits set, library loaded, run to its end.

use crate::failure::{Stopped, failure_of};
use crate::library::{self, Library, OUT, PRELUDE};
use crate::limits::{CALL_BYTES, MEMORY_BYTES, OPS, OPS_PER_CALL, OPS_PER_INTERRUPT, STACK_BYTES, TIME};
use crate::natives;
use crate::protocol::{Answer, HostChannel};
use rquickjs::{Context, Ctx, Exception, Function, Module, Promise, Runtime};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use waybill_domain::{ScriptFailure, ScriptFailureCode};
use waybill_ports::{ScriptCall, ScriptChecker, ScriptEnding, ScriptJob};

/// The name under which the tenant's source runs.
pub(crate) const SCRIPT: &str = "script";

/// Tells how much memory is used, in bytes: the engine does not say while it runs.
pub type MemoryProbe = Box<dyn Fn() -> u64>;

/// What is counted while a script runs.
pub(crate) struct Meter {
    began: Instant,
    waited: Cell<Duration>,
    ops: Cell<u64>,
    stopped: Cell<Option<Stopped>>,
    probe: MemoryProbe,
    at_first: u64,
}

impl Meter {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time that a script runs is measured where it runs, by a clock that no port could be faster than"
    )]
    fn new(probe: MemoryProbe) -> Self {
        let at_first = probe();
        Self {
            began: Instant::now(),
            waited: Cell::default(),
            ops: Cell::default(),
            stopped: Cell::default(),
            probe,
            at_first,
        }
    }

    /// About how much memory has come to be used since the script began.
    pub(crate) fn memory(&self) -> u64 {
        (self.probe)().saturating_sub(self.at_first)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.waited.get())
    }

    pub(crate) fn ops(&self) -> u64 {
        self.ops.get()
    }

    fn add_wait(&self, waited: Duration) {
        self.waited.set(self.waited.get().saturating_add(waited));
    }

    /// Counts operations; whether the script is to stop.
    fn count(&self, ops: u64) -> bool {
        self.ops.set(self.ops.get().saturating_add(ops));
        if self.stopped.get().is_none() {
            if self.ops.get() > OPS {
                self.stopped.set(Some(Stopped::Operations));
            } else if self.elapsed() > TIME {
                self.stopped.set(Some(Stopped::Timeout));
            }
        }
        self.stopped.get().is_some()
    }
}

/// Runs a script on this thread, which needs a stack of at least 1 MiB. `channel` answers what it asks of its host.
pub fn run_in_engine(job: &ScriptJob, channel: Box<dyn HostChannel>, probe: MemoryProbe) -> ScriptEnding {
    let meter = Rc::new(Meter::new(probe));
    let failure = run(job, channel, &meter).err();
    let elapsed_ms = u64::try_from(meter.elapsed().as_millis()).unwrap_or(u64::MAX);
    ScriptEnding { failure, ops: meter.ops().min(OPS), elapsed_ms }
}

fn run(job: &ScriptJob, channel: Box<dyn HostChannel>, meter: &Rc<Meter>) -> Result<(), ScriptFailure> {
    let runtime = limited_runtime(false)?;
    let watching = Rc::clone(meter);
    runtime.set_interrupt_handler(Some(Box::new(move || watching.count(OPS_PER_INTERRUPT))));
    let context = Context::full(&runtime).map_err(not_made)?;
    context.with(|ctx| {
        let fail = |error| failure_of(&ctx, error, meter.stopped.get());
        let promise = start(&ctx, job, channel, meter).map_err(fail)?;
        while meter.stopped.get().is_none() && ctx.execute_pending_job() {
            // A job counts even when nothing in it does.
            meter.count(1);
        }
        if meter.stopped.get().is_some() {
            return Err(fail(rquickjs::Error::Exception));
        }
        match promise.result::<rquickjs::Value<'_>>() {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(fail(error)),
            None => {
                let message = "the script waits for something that never comes";
                Err(ScriptFailure::new(ScriptFailureCode::Thrown, message))
            }
        }
    })
}

fn not_made(_: rquickjs::Error) -> ScriptFailure {
    ScriptFailure::new(ScriptFailureCode::Memory, "the engine could not be made")
}

fn limited_runtime(lenient: bool) -> Result<Runtime, ScriptFailure> {
    let runtime = Runtime::new().map_err(not_made)?;
    runtime.set_memory_limit(MEMORY_BYTES);
    runtime.set_max_stack_size(STACK_BYTES);
    runtime.set_loader(Library { lenient }, Library { lenient });
    Ok(runtime)
}

/// Loads the prelude, which makes the globals and keeps the way out to itself, then begins the script.
fn start<'js>(
    ctx: &Ctx<'js>,
    job: &ScriptJob,
    channel: Box<dyn HostChannel>,
    meter: &Rc<Meter>,
) -> rquickjs::Result<Promise<'js>> {
    let (channel, meter) = (RefCell::new(channel), Rc::clone(meter));
    let environment = job.environment.to_string();
    let out = move |ctx: Ctx<'js>, name: String, arguments: String| -> rquickjs::Result<String> {
        if arguments.len() > CALL_BYTES {
            return Err(Exception::throw_range(&ctx, "more than 4 MiB cannot leave the sandbox"));
        }
        if let Some(answer) = natives::answer(&name, &arguments, &meter, &ctx, &environment) {
            return Ok(answer);
        }
        if meter.count(OPS_PER_CALL) {
            return Err(Exception::throw_internal(&ctx, "interrupted"));
        }
        let arguments = serde_json::from_str(&arguments).unwrap_or(Value::Null);
        let call = ScriptCall { name, arguments, ops: meter.ops() };
        let asked = meter.began.elapsed();
        let answer = channel.borrow_mut().ask(call);
        meter.add_wait(meter.began.elapsed().saturating_sub(asked));
        Ok(match answer {
            Answer::Value(value) => json!({"value": value}),
            Answer::Fault(fault) => json!({"fault": fault}),
        }
        .to_string())
    };
    ctx.globals().set(OUT, Function::new(ctx.clone(), out)?)?;
    Module::evaluate(ctx.clone(), PRELUDE, library::source(PRELUDE).unwrap_or_default())?.finish::<()>()?;
    let (_, promise) = Module::declare(ctx.clone(), SCRIPT, job.source.as_str())?.eval()?;
    Ok(promise)
}

/// Parses scripts with the engine that runs them.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuickJsChecker;

impl ScriptChecker for QuickJsChecker {
    fn check(&self, source: &str) -> Result<(), ScriptFailure> {
        let runtime = limited_runtime(true)?;
        let context = Context::full(&runtime).map_err(not_made)?;
        context.with(|ctx| match Module::declare(ctx.clone(), SCRIPT, source) {
            Ok(_) => Ok(()),
            Err(error) => Err(ScriptFailure { code: ScriptFailureCode::Syntax, ..failure_of(&ctx, error, None) }),
        })
    }
}
