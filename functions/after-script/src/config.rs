//! What the function is told about its surroundings.

use std::path::PathBuf;
use waybill_aws::Connection;
use waybill_outgoing::AllowList;
use waybill_runtime::EnvReader;

use crate::RUN_SCRIPT;

/// The function's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// The table of scripts.
    pub script_table: String,
    /// Where the HTTP surfaces answer, `https://host`: shown to scripts, which may not call it.
    pub api_url: String,
    /// Hosts that are not public and may be called all the same; never the surfaces' own.
    pub allowed_hosts: AllowList,
    /// What a script runs in.
    pub isolation: Isolation,
}

/// What a script runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A process of this program, started with these arguments, which calls [`crate::serve_script`].
    Process {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// A thread: for an embedded stack in a process that cannot be started again for a script.
    Thread,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            script_table: env.text("WAYBILL_SCRIPT_TABLE"),
            api_url: env.text("WAYBILL_API_URL"),
            allowed_hosts: env.optional("WAYBILL_ALLOWED_HOSTS").unwrap_or_default(),
            // On Linux, where Lambda runs, always this very program, whatever has become of its name.
            isolation: Isolation::Process {
                program: PathBuf::from("/proc/self/exe"),
                arguments: vec![RUN_SCRIPT.to_owned()],
            },
        }
    }
}
