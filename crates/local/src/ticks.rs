//! The `EventBridge` rules: each invokes its function with a scheduled event, at once and then at every tick.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::clients::{ACCOUNT, REGION};
use crate::clock;
use crate::invocations::{Function, Invocations, InvokeError};

/// What one rule works with.
#[derive(Clone)]
pub(crate) struct Rule {
    /// The function's name, for its context and for logs.
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    pub(crate) invocations: Arc<Invocations>,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
}

impl Rule {
    /// Ticks until `stop` is true. A tick that comes while the last one is at work is skipped.
    pub(crate) async fn run(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.fire().await {
                tracing::error!(function = self.name, %error, "a tick failed");
            }
        }
    }

    /// One tick, now.
    ///
    /// # Errors
    /// When the function crashes, fails, or takes too long.
    pub(crate) async fn fire(&self) -> Result<(), InvokeError> {
        let id = clock::request_id().map_err(|error| InvokeError::Failed(error.into()))?;
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": clock::timestamp(clock::now()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", self.name)],
            "detail": {},
        });
        self.invocations.invoke(&self.function, self.name, event.to_string(), self.timeout).await.map(drop)
    }
}
