//! Everything that is written for the person at the terminal goes through here.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes a line to standard output. That nobody reads it any more is no reason to stop.
pub(crate) fn line(text: impl Display) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{text}");
    let _ = output.flush();
}

/// Writes a line to standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Progress of one thing: a bar that moves on a terminal, a few plain lines elsewhere.
pub(crate) struct Progress {
    what: String,
    shape: Shape,
}

enum Shape {
    Bar(ProgressBar),
    Lines(Told),
}

/// What was last told in a plain line.
#[derive(PartialEq, Eq)]
enum Told {
    Quarter(u64),
    Phase(String),
}

impl Progress {
    /// Begins to show `what`, on standard error.
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let shape = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style("{spinner} {msg}"));
            bar.set_message(what.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            Shape::Bar(bar)
        } else {
            note(format!("{what} ..."));
            Shape::Lines(Told::Quarter(0))
        };
        Self { what, shape }
    }

    /// `done` of `total` are done; `detail` says it in words.
    pub(crate) fn show(&mut self, done: u64, total: u64, detail: &str) {
        match &mut self.shape {
            Shape::Bar(bar) => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style("{spinner} {msg}  {wide_bar} {percent:>3} %"));
                }
                bar.set_position(done.min(total));
                bar.set_message(format!("{}: {detail}", self.what));
            }
            Shape::Lines(told) => {
                let quarter = done.saturating_mul(4).checked_div(total).unwrap_or(0);
                if quarter > 0 && *told != Told::Quarter(quarter) {
                    *told = Told::Quarter(quarter);
                    note(format!("{}: {detail}", self.what));
                }
            }
        }
    }

    /// It is in `phase`; `detail` says more, and changes too often for plain lines.
    pub(crate) fn phase(&mut self, phase: &str, detail: &str) {
        match &mut self.shape {
            Shape::Bar(bar) => bar.set_message(format!("{}: {detail}", self.what)),
            Shape::Lines(told) => {
                if *told != Told::Phase(phase.to_owned()) {
                    *told = Told::Phase(phase.to_owned());
                    note(format!("{}: {phase}", self.what));
                }
            }
        }
    }

    /// Ends it; the last line stays.
    pub(crate) fn end(self, detail: &str) {
        if let Shape::Bar(bar) = &self.shape {
            bar.finish_and_clear();
        }
        note(format!("{}: {detail}", self.what));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// An error and its causes, in one line.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn an_error_is_one_line() {
        let error = anyhow!("port 1\nis in use").context("the stack cannot start");
        assert_eq!(in_one_line(&error), "the stack cannot start: port 1 is in use");
    }
}
