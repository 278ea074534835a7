//! SQS: `rustack` in memory. What is in a queue is lost when the process ends, as a lost message on AWS would be: the
//! sweeper's first tick rings again for what is due.

use std::sync::Arc;

use anyhow::Result;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};

use crate::clients::{ACCOUNT, REGION};
use crate::listener::{self, Listener};

/// Starts an SQS that has no queues yet.
pub(crate) async fn start() -> Result<Listener> {
    let listener = listener::bind(0).await?;
    let address = listener.local_addr()?;
    let config = SqsConfig {
        skip_signature_validation: true,
        default_region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        host: address.ip().to_string(),
        port: address.port(),
    };
    let http = SqsHttpConfig { region: REGION.to_owned(), ..SqsHttpConfig::default() };
    let handler = RustackSqsHandler::new(Arc::new(RustackSqs::new(config)));
    Listener::serve(listener, SqsHttpService::new(Arc::new(handler), http))
}
