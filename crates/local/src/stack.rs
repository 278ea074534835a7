//! The embedded stack as its users see it: started, asked for its addresses and keys, stopped.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::api::Api;
use crate::clients::REGION;
use crate::demo::{self, Loading};
use crate::functions;
use crate::gateway::Surfaces;
use crate::info::{AwsInfo, STACK_FILE, StackInfo};
use crate::keys;
use crate::options::Options;
use crate::running::{Functions, Running};

/// A running embedded stack. Several can run side by side in one process.
///
/// Dropping it is a crash: nothing that is under way is brought to its end. What was accepted is safe all the same and
/// goes on at the next start over the same folder.
pub struct Stack {
    running: Running,
    info: StackInfo,
}

impl Stack {
    /// Starts a stack and returns when it is ready: the gateway answers, keys work, records are loaded, `stack.json` is
    /// written.
    ///
    /// # Errors
    /// When the port is in use, or the data folder is in use, belongs to another version or is none; the message says
    /// so. When a service or a function does not start.
    pub async fn start(options: Options) -> Result<Self> {
        Self::start_reporting(options, &|_| {}).await
    }

    /// As [`Stack::start`], telling how far the loading of the demo's records has come (on a first start only).
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn start_reporting(options: Options, report: &(dyn Fn(Loading) + Send + Sync)) -> Result<Self> {
        let operator_key = functions::new_operator_key()?;
        let running = Running::start(&options, |deployment| Functions {
            surfaces: Surfaces {
                admin: functions::admin_api(deployment, &operator_key),
                cortex: functions::cortex_api(deployment),
                sigma: functions::sigma_api(deployment),
                rebilly: functions::rebilly_api(deployment),
            },
            exporter: functions::exporter(deployment),
            scheduler: functions::scheduler(deployment),
            sweeper: functions::sweeper(deployment),
            after_script: functions::after_script(deployment),
            delivery: functions::delivery(deployment),
        })
        .await?;
        match Self::prepare(&running, &options, &operator_key, report).await {
            Ok(info) => Ok(Self { running, info }),
            Err(error) => {
                running.shutdown().await;
                Err(error)
            }
        }
    }

    async fn prepare(
        running: &Running,
        options: &Options,
        operator_key: &str,
        report: &(dyn Fn(Loading) + Send + Sync),
    ) -> Result<StackInfo> {
        let api = Api::new(running.url())?;
        let keys = keys::working_keys(&api, running.folder(), operator_key).await?;
        if options.tuning.demo_records {
            demo::load_once(&api, running.folder(), &keys.org, &keys.admin_key, report).await?;
        }
        let (endpoints, credentials) = (running.endpoints(), running.credentials());
        let info = StackInfo {
            url: running.url().to_owned(),
            org: keys.org,
            admin_key: keys.admin_key,
            member_key: keys.member_key,
            operator_key: operator_key.to_owned(),
            signature: keys.signature,
            aws: AwsInfo {
                dynamodb: endpoints.dynamodb.clone(),
                s3: endpoints.s3.clone(),
                sqs: endpoints.sqs.clone(),
                access_key_id: credentials.access_key_id.clone(),
                secret_access_key: credentials.secret_access_key.clone(),
                region: REGION.to_owned(),
            },
        };
        running.folder().write(STACK_FILE, &info)?;
        Ok(info)
    }

    /// Address of the HTTP gateway, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.info.url
    }

    /// Addresses and keys: the content of `stack.json`.
    pub fn info(&self) -> &StackInfo {
        &self.info
    }

    /// The data folder; a temporary one for an ephemeral stack.
    pub fn data_folder(&self) -> &Path {
        self.running.folder().root()
    }

    /// Lets scheduler and sweeper do now what is due, beside the ticks that come by themselves.
    ///
    /// # Errors
    /// When one of them fails; what failed is tried again at the next tick.
    pub async fn tick(&self) -> Result<()> {
        self.running.tick().await.context("a tick failed")
    }

    /// Stops accepting, brings what is under way to its end within the drain time, and closes everything. An export that
    /// is not ready by then goes on at the next start over the same folder.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack").field("url", &self.info.url).finish_non_exhaustive()
    }
}
