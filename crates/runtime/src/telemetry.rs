//! Where log lines go and what they look like.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line on standard output, without a time (the log service stamps it) and without colour.
    Json,
    /// Text for a person on standard error, coloured on a terminal.
    Text,
}

/// Why log output could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not follow the directive syntax (`info`, `info,waybill_app=debug`).
    #[error("the log filter does not parse")]
    Filter(#[source] ParseError),
    /// Log output was set up before in this process.
    #[error("log output is already set up")]
    AlreadySet(#[source] TryInitError),
}

/// Sends the process's log lines that pass `filter` to the place that `format` names. Only a binary's `main` calls it.
///
/// # Errors
/// When `filter` does not parse, or when output was set up before.
pub fn init_telemetry(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt as _;

    let filter = EnvFilter::try_new(filter).map_err(TelemetryError::Filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let done = match format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .without_time()
            .finish()
            .try_init(),
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal();
            builder.with_writer(std::io::stderr).with_ansi(colour).with_target(true).finish().try_init()
        }
    };
    done.map_err(TelemetryError::AlreadySet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let outcome = init_telemetry(LogFormat::Json, "waybill=loudly");
        assert!(matches!(outcome, Err(TelemetryError::Filter(_))));
    }
}
