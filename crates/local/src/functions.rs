//! The functions of Waybill, configured for the embedded services: what the template's environment does on AWS.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;

use crate::invocations::{Function, event_function};
use crate::running::Deployment;
use crate::services::names;

/// The exporter.
pub(crate) fn exporter(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let tuning = deployment.tuning;
    let mut config = exporter::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        records_table: tables.records,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        memory_mb: None,
        settings: exporter::StepSettings::default(),
        reserve: tuning.deadline_reserve,
    };
    let settings = &mut config.settings;
    settings.lease = tuning.lease;
    settings.heartbeat = tuning.lease / 3;
    settings.stale_after = tuning.lease * 2 / 3;
    settings.busy_pause = tuning.busy_pause;
    settings.progress_every = tuning.progress_every;
    settings.checkpoint_every = tuning.checkpoint_every;
    settings.min_budget = tuning.min_budget;
    settings.page_records = tuning.page_records;
    settings.segment_bytes = tuning.segment_bytes;
    let deps = Arc::new(exporter::Deps::new(&config));
    event_function(move |event| {
        let deps = Arc::clone(&deps);
        async move { Ok(exporter::handle(&deps, event).await) }
    })
}

/// The sweeper.
pub(crate) fn sweeper(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let config = sweeper::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        dead_letter_queue_url: deployment.queues.dead_letters_url.clone(),
        look_again: deployment.tuning.look_again,
        reserve: std::time::Duration::from_secs(1),
    };
    let deps = Arc::new(sweeper::Deps::new(&config));
    event_function(move |event: LambdaEvent<serde_json::Value>| {
        let deps = Arc::clone(&deps);
        async move { sweeper::handle(&deps, event).await }
    })
}
