//! A stack that a command starts, shows and stops.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use waybill_local::{Loading, Options, Stack, StackInfo};

use crate::signals::Signals;
use crate::terminal::Progress;
use crate::{amount, terminal};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, or by a signal that it was waiting for.
    Orderly,
    /// By a signal, in the middle; with this exit code.
    Interrupted(u8),
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Orderly => Self::SUCCESS,
            Ended::Interrupted(code) => Self::from(code),
        }
    }
}

/// Starts a stack, showing how far the loading of records has come; the exit code when a signal comes first.
///
/// # Errors
/// As [`Stack::start`].
pub(crate) async fn start(options: Options, signals: &mut Signals) -> Result<Result<Stack, u8>> {
    let options = Options { script_program: this_program(), ..options };
    let loading = Mutex::new(Loads::default());
    let report = |told| loading.lock().unwrap_or_else(PoisonError::into_inner).show(&told);
    tokio::select! {
        stack = Stack::start_reporting(options, &report) => stack.map(Ok),
        code = signals.next() => {
            terminal::note("Stopped before it was ready; the next start goes on.");
            Ok(Err(code))
        }
    }
}

/// Loadings under way, one bar or a few lines each.
#[derive(Default)]
struct Loads {
    current: Option<(&'static str, Progress)>,
}

impl Loads {
    fn show(&mut self, told: &Loading) {
        let &Loading { collection, loaded, total } = told;
        let (_, mut progress) = self
            .current
            .take()
            .filter(|(name, _)| *name == collection)
            .unwrap_or_else(|| (collection, Progress::begin(format!("Loading {collection}"))));
        if loaded >= total {
            progress.end(&format!("{} records", amount::grouped_integer(total)));
            return;
        }
        let detail = format!("{} of {} records", amount::grouped_integer(loaded), amount::grouped_integer(total));
        progress.show(loaded, total, &detail);
        self.current = Some((collection, progress));
    }
}

/// Stops a stack; a signal meanwhile ends the waiting.
pub(crate) async fn stop(stack: Stack, signals: &mut Signals) -> Ended {
    tokio::select! {
        () = stack.shutdown() => Ended::Orderly,
        code = signals.next() => {
            terminal::note("Stopped at once; what was accepted goes on at the next start.");
            Ended::Interrupted(code)
        }
    }
}

/// Waits for a signal, then stops the stack.
pub(crate) async fn serve(stack: Stack, signals: &mut Signals) -> Ended {
    signals.next().await;
    terminal::note("Stopping; once more to stop at once.");
    stop(stack, signals).await
}

/// What a person needs to know of a running stack.
pub(crate) fn introduction(info: &StackInfo, stack_file: &str) -> String {
    let StackInfo { url, org, admin_key, member_key, operator_key, signature, .. } = info;
    let (api_key, api_secret) = (&signature.api_key, &signature.api_secret);
    format!(
        "\
Waybill is running at {url}

  org                {org}
  administrator key  {admin_key}
  member key         {member_key}
  operator key       {operator_key}
  signature key      {api_key}
  signature secret   {api_secret}

All of it, and the addresses of the services inside, are in {stack_file}.
Try:

  curl -s {url}/{org}/v2/exports -H 'Authorization: Bearer {admin_key}' \\
    -H 'Content-Type: application/json' -d '{{\"objects\":\"airports\",\"format\":\"text/csv\"}}'

Ctrl-C stops it."
    )
}

/// This very program, to be started for each script; nothing when it cannot be told where it is.
fn this_program() -> Option<Vec<String>> {
    let program = std::env::current_exe().ok()?.into_os_string().into_string().ok()?;
    Some(vec![program, "run-script".to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_local::{AwsInfo, SignaturePair};

    #[test]
    fn the_introduction_names_address_keys_and_a_line_to_try() {
        let text = |name: &str| name.to_owned();
        let info = StackInfo {
            url: text("http://127.0.0.1:8080"),
            org: text("demo"),
            admin_key: text("the-admin-key"),
            member_key: text("the-member-key"),
            operator_key: text("the-operator-key"),
            signature: SignaturePair { api_key: text("public"), api_secret: text("secret") },
            aws: AwsInfo {
                dynamodb: text("d"),
                s3: text("s"),
                sqs: text("q"),
                access_key_id: text("a"),
                secret_access_key: text("b"),
                region: text("r"),
            },
        };
        let shown = introduction(&info, ".waybill/stack.json");
        for part in ["http://127.0.0.1:8080", "the-admin-key", "the-member-key", "the-operator-key", "public", "secret"]
        {
            assert!(shown.contains(part), "{part}");
        }
        assert!(
            shown.contains("curl -s http://127.0.0.1:8080/demo/v2/exports -H 'Authorization: Bearer the-admin-key'")
        );
        assert!(shown.contains("-d '{\"objects\":\"airports\",\"format\":\"text/csv\"}'"));
    }
}
