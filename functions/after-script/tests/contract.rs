//! Threads and processes run scripts alike.

use waybill_sandbox::{ProcessScriptRunner, ThreadScriptRunner};
use waybill_testkit::contracts::script_runner;

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_keeps_the_contract_of_what_runs_scripts() {
    script_runner(&ThreadScriptRunner).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_keeps_the_contract_of_what_runs_scripts() {
    let arguments = [after_script::RUN_SCRIPT.to_owned()];
    script_runner(&ProcessScriptRunner::new(env!("CARGO_BIN_EXE_after-script"), arguments)).await.unwrap();
}
