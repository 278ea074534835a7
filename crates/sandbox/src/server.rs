//! The program in which one script runs: reads a job, answers with calls and an ending.

use crate::engine::{MemoryProbe, run_in_engine};
use crate::protocol::{Answer, HostChannel, Said, gone};
use std::io::{BufRead, BufReader, Read, Seek as _, SeekFrom, Write};
use waybill_ports::{ScriptCall, ScriptJob};

/// Runs the one job that comes on `input`, and says on `output` what it asks and how it ends. The process gives up the right to open
/// files, to start others and to use more processor time than a script has.
///
/// # Errors
/// When the job cannot be read, or the other side is gone.
pub fn serve(input: impl Read + 'static, output: impl Write + 'static) -> std::io::Result<()> {
    let probe = memory_probe();
    give_up_rights();
    let mut pipe = Pipe { input: BufReader::new(input), output };
    let job: ScriptJob = serde_json::from_str(&pipe.line()?)?;
    let shared = std::rc::Rc::new(std::cell::RefCell::new(pipe));
    let ending = run_in_engine(&job, Box::new(Shared(std::rc::Rc::clone(&shared))), probe);
    shared.borrow_mut().say(&Said::End(ending))
}

struct Pipe<I, O> {
    input: BufReader<I>,
    output: O,
}

impl<I: Read, O: Write> Pipe<I, O> {
    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line)
    }

    fn say(&mut self, said: &Said) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        self.output.write_all(&line)?;
        self.output.flush()
    }
}

struct Shared<I, O>(std::rc::Rc<std::cell::RefCell<Pipe<I, O>>>);

impl<I: Read, O: Write> HostChannel for Shared<I, O> {
    fn ask(&mut self, call: ScriptCall) -> Answer {
        let mut pipe = self.0.borrow_mut();
        let answer = pipe.say(&Said::Call(call)).and_then(|()| pipe.line());
        answer.ok().and_then(|line| serde_json::from_str(&line).ok()).unwrap_or_else(gone)
    }
}

/// Reads the pages in use from a file that is opened while that may be done.
pub(crate) fn memory_probe() -> MemoryProbe {
    const PAGE_BYTES: u64 = 4096;
    let Ok(file) = std::fs::File::open("/proc/self/statm") else { return Box::new(|| 0) };
    let file = std::cell::RefCell::new(file);
    Box::new(move || {
        let (mut file, mut text) = (file.borrow_mut(), String::new());
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        let pages = read.ok().and_then(|_| text.split(' ').nth(1)?.parse::<u64>().ok());
        pages.unwrap_or(0).saturating_mul(PAGE_BYTES)
    })
}

/// Beside the engine's own limits: should it be led astray, there is little that it can do.
#[cfg(target_os = "linux")]
fn give_up_rights() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most) in
        [(Resource::Cpu, 20), (Resource::Nofile, 0), (Resource::Fsize, 0), (Resource::Core, 0), (Resource::As, 1 << 30)]
    {
        // A right that cannot be given up is one that the surroundings did not give.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(target_os = "linux"))]
fn give_up_rights() {}
