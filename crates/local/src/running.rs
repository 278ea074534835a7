//! A deployment at work: services, gateway, poller and ticks around its functions, whichever they are.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::clients::AwsCredentials;
use crate::data_folder::OpenFolder;
use crate::gateway::{self, Surfaces};
use crate::invocations::{Function, Invocations, InvokeError};
use crate::listener::{self, Listener};
use crate::options::{Options, Tuning};
use crate::poller::Poller;
use crate::services::{Queues, Services};
use crate::ticks::Rule;

/// How often the services do what they do in their own time.
const TIDY: Duration = Duration::from_mins(1);

/// What the functions of a deployment are configured with.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    pub(crate) services: &'a Services,
    pub(crate) queues: &'a Queues,
    pub(crate) tuning: &'a Tuning,
    /// Address of the gateway.
    pub(crate) url: &'a str,
    /// What runs scripts.
    pub(crate) script_program: Option<&'a [String]>,
}

/// The functions of a deployment.
pub(crate) struct Functions {
    pub(crate) surfaces: Surfaces,
    pub(crate) exporter: Function,
    pub(crate) scheduler: Function,
    pub(crate) sweeper: Function,
    pub(crate) after_script: Function,
    pub(crate) delivery: Function,
}

/// A deployment at work. Dropping it is a crash: nothing that is under way is brought to its end.
pub(crate) struct Running {
    url: String,
    gateway: Listener,
    rules: [Rule; 2],
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
    invocations: Arc<Invocations>,
    services: Arc<Services>,
    drain: Duration,
    // Last, so that the folder is let go when nothing writes to it any more.
    folder: OpenFolder,
}

impl Running {
    /// Starts a deployment of the functions that `deploy` makes.
    pub(crate) async fn start(options: &Options, deploy: impl FnOnce(&Deployment<'_>) -> Functions) -> Result<Self> {
        let tuning = &options.tuning;
        let folder = OpenFolder::open(&options.data)?;
        let port = listener::bind(options.port).await?;
        let url = format!("http://{}", port.local_addr()?);
        let services = Services::start(&folder).await?;
        services.make_tables().await?;
        services.make_bucket().await?;
        let queues = services.make_queues(tuning).await?;
        let functions = deploy(&Deployment {
            services: &services,
            queues: &queues,
            tuning,
            url: &url,
            script_program: options.script_program.as_deref(),
        });

        let invocations = Arc::new(Invocations::default());
        let gateway = gateway::serve(port, functions.surfaces, Arc::clone(&invocations), tuning.http_timeout)?;
        let (stop, stopped) = watch::channel(false);
        let scripts = Poller {
            client: queues.client.clone(),
            queue_url: queues.scripts_url,
            queue_arn: queues.scripts_arn,
            name: "after-script",
            function: functions.after_script,
            invocations: Arc::clone(&invocations),
            timeout: tuning.script_timeout,
            concurrency: tuning.worker_concurrency.max(1),
        };
        let deliveries = Poller {
            client: queues.client.clone(),
            queue_url: queues.deliveries_url,
            queue_arn: queues.deliveries_arn,
            name: "delivery",
            function: functions.delivery,
            invocations: Arc::clone(&invocations),
            timeout: tuning.function_timeout,
            concurrency: tuning.worker_concurrency.max(1),
        };
        let poller = Poller {
            client: queues.client,
            queue_url: queues.url,
            queue_arn: queues.arn,
            name: "exporter",
            function: functions.exporter,
            invocations: Arc::clone(&invocations),
            timeout: tuning.function_timeout,
            concurrency: tuning.worker_concurrency.max(1),
        };
        // What was admitted is in its lane when the sweeper looks.
        let rules = [("scheduler", functions.scheduler), ("sweeper", functions.sweeper)].map(|(name, function)| Rule {
            name,
            function,
            invocations: Arc::clone(&invocations),
            timeout: tuning.function_timeout,
        });
        let services = Arc::new(services);
        let mut workers = JoinSet::new();
        workers.spawn(poller.run(stopped.clone()));
        workers.spawn(scripts.run(stopped.clone()));
        workers.spawn(deliveries.run(stopped.clone()));
        for rule in &rules {
            workers.spawn(rule.clone().run(tuning.tick, stopped.clone()));
        }
        workers.spawn(tidy(Arc::clone(&services), stopped));
        let drain = tuning.drain;
        Ok(Self { url, gateway, rules, stop, workers, invocations, services, drain, folder })
    }

    /// Address of the gateway.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where the services listen.
    pub(crate) fn endpoints(&self) -> &waybill_aws::Endpoints {
        &self.services.endpoints
    }

    /// What SDK clients sign with.
    pub(crate) fn credentials(&self) -> &AwsCredentials {
        &self.services.credentials
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &OpenFolder {
        &self.folder
    }

    /// One tick of every rule, now, one after the other, beside those that come by themselves.
    pub(crate) async fn tick(&self) -> Result<(), InvokeError> {
        for rule in &self.rules {
            rule.fire().await?;
        }
        Ok(())
    }

    /// Takes no more work, brings what is under way to its end (within the drain time) and closes everything.
    pub(crate) async fn shutdown(self) {
        let Self { gateway, rules, stop, mut workers, invocations, services, drain, folder, .. } = self;
        let _ = stop.send(true);
        let workers_end = async { while workers.join_next().await.is_some() {} };
        let ends = async { tokio::join!(gateway.stop(drain), invocations.drain(drain), workers_end) };
        // The poller waits for what it handed out, which the invocations' drain brings to an end in time.
        let _ = tokio::time::timeout(drain + Duration::from_secs(1), ends).await;
        workers.shutdown().await;
        drop((rules, invocations));
        match Arc::try_unwrap(services) {
            Ok(services) => services.stop().await,
            Err(services) => drop(services),
        }
        drop(folder);
    }
}

async fn tidy(services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TIDY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        services.tidy().await;
    }
}
