//! The functions of Waybill, configured for the embedded services: what the template's environment does on AWS.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use lambda_runtime::LambdaEvent;
use secrecy::SecretString;

use crate::clients::AwsCredentials;
use crate::clock;
use crate::emulators::kms;
use crate::invocations::{Function, event_function, http_function};
use crate::running::Deployment;
use crate::services::names;

/// What is open to scripts and deliveries although it is not public.
const LOOPBACK: &str = "127.0.0.1,localhost,[::1]";

/// Who mail is from.
const MAIL_FROM: &str = "Waybill <exports@waybill.example>";

/// Time that the functions of a tick keep back of an invocation.
const TICK_RESERVE: Duration = Duration::from_secs(1);

/// How long before it is due the sweeper looks at a lane: as long as an export has from its creation to the first look,
/// because the queue's messages are lost with the process.
const LOOK_AHEAD: Duration = Duration::from_mins(1);

/// A key for the operator, good until the stack stops.
///
/// # Errors
/// When the operating system has no randomness.
pub(crate) fn new_operator_key() -> Result<String> {
    Ok(format!("wbo_{}", hex::encode(clock::random::<32>()?)))
}

/// Waybill's own surface.
pub(crate) fn admin_api(deployment: &Deployment<'_>, operator_key: &str) -> Function {
    let tables = names::tables();
    let config = admin_api::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        records_table: tables.records,
        audit_table: tables.audit,
        script_table: tables.scripts,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        delivery_queue_url: deployment.queues.deliveries_url.clone(),
        allowed_hosts: delivery::AllowList::parse(LOOPBACK).unwrap_or_default(),
        secrets_key_id: kms::key_arn(),
        passwords: deployment.tuning.passwords.clone(),
        requests_per_minute: deployment.tuning.requests_per_minute,
        allowed_origins: deployment.tuning.allowed_origins.clone(),
        operator_key: admin_api::OperatorKeySource::Given(SecretString::from(operator_key.to_owned())),
    };
    let deps = Arc::new(admin_api::Deps::new(&config));
    http_function(move |request| {
        let deps = Arc::clone(&deps);
        async move { admin_api::handle(&deps, request).await }
    })
}

/// The Cortex surface.
pub(crate) fn cortex_api(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let config = cortex_api::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        records_table: tables.records,
        audit_table: tables.audit,
        script_table: tables.scripts,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        secrets_key_id: kms::key_arn(),
        passwords: deployment.tuning.passwords.clone(),
        requests_per_minute: deployment.tuning.requests_per_minute,
        allowed_origins: deployment.tuning.allowed_origins.clone(),
    };
    let deps = Arc::new(cortex_api::Deps::new(&config));
    http_function(move |request| {
        let deps = Arc::clone(&deps);
        async move { cortex_api::handle(&deps, request).await }
    })
}

/// The Sigma surface.
pub(crate) fn sigma_api(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let config = sigma_api::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        audit_table: tables.audit,
        secrets_key_id: kms::key_arn(),
        passwords: deployment.tuning.passwords.clone(),
        requests_per_minute: deployment.tuning.requests_per_minute,
        allowed_origins: deployment.tuning.allowed_origins.clone(),
    };
    let deps = Arc::new(sigma_api::Deps::new(&config));
    http_function(move |request| {
        let deps = Arc::clone(&deps);
        async move { sigma_api::handle(&deps, request).await }
    })
}

/// The Rebilly surface.
pub(crate) fn rebilly_api(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let config = rebilly_api::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        records_table: tables.records,
        audit_table: tables.audit,
        script_table: tables.scripts,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        requests_per_minute: deployment.tuning.requests_per_minute,
        // One limit for all: ten minutes have ten.
        changes_per_ten_minutes: deployment.tuning.requests_per_minute.saturating_mul(10),
        records_per_part: deployment.tuning.records_per_part,
        max_records: deployment.tuning.max_records,
        allowed_origins: deployment.tuning.allowed_origins.clone(),
    };
    let deps = Arc::new(rebilly_api::Deps::new(&config));
    http_function(move |request| {
        let deps = Arc::clone(&deps);
        async move { rebilly_api::handle(&deps, request).await }
    })
}

/// The exporter.
pub(crate) fn exporter(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let tuning = deployment.tuning;
    let mut config = exporter::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        script_table: tables.scripts,
        records_table: tables.records,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        script_queue_url: deployment.queues.scripts_url.clone(),
        delivery_queue_url: deployment.queues.deliveries_url.clone(),
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

/// The scheduler.
pub(crate) fn scheduler(deployment: &Deployment<'_>) -> Function {
    let config = scheduler::Config {
        connection: deployment.services.connection(),
        main_table: names::tables().main,
        wake_queue_url: deployment.queues.url.clone(),
        reserve: TICK_RESERVE,
    };
    let deps = Arc::new(scheduler::Deps::new(&config));
    event_function(move |event: LambdaEvent<serde_json::Value>| {
        let deps = Arc::clone(&deps);
        async move { scheduler::handle(&deps, event).await }
    })
}

/// The sweeper.
pub(crate) fn sweeper(deployment: &Deployment<'_>) -> Function {
    let tables = names::tables();
    let config = sweeper::Config {
        connection: deployment.services.connection(),
        main_table: tables.main,
        script_table: tables.scripts,
        archive_bucket: names::BUCKET.to_owned(),
        wake_queue_url: deployment.queues.url.clone(),
        script_queue_url: deployment.queues.scripts_url.clone(),
        delivery_queue_url: deployment.queues.deliveries_url.clone(),
        dead_letter_queue_url: deployment.queues.dead_letters_url.clone(),
        look_again: deployment.tuning.look_again,
        look_ahead: LOOK_AHEAD,
        reserve: TICK_RESERVE,
    };
    let deps = Arc::new(sweeper::Deps::new(&config));
    event_function(move |event: LambdaEvent<serde_json::Value>| {
        let deps = Arc::clone(&deps);
        async move { sweeper::handle(&deps, event).await }
    })
}

/// The function that runs scripts. The embedded stack opens loopback to them, the stack itself apart.
pub(crate) fn after_script(deployment: &Deployment<'_>) -> Function {
    let config = after_script::Config {
        connection: deployment.services.connection(),
        script_table: names::tables().scripts,
        api_url: deployment.url.to_owned(),
        allowed_hosts: after_script::AllowList::parse(LOOPBACK).unwrap_or_default(),
        isolation: match deployment.script_program {
            Some([program, arguments @ ..]) => {
                after_script::Isolation::Process { program: program.into(), arguments: arguments.to_vec() }
            }
            _ => after_script::Isolation::Thread,
        },
    };
    let deps = Arc::new(after_script::Deps::new(&config));
    event_function(move |event| {
        let deps = Arc::clone(&deps);
        async move { Ok(after_script::handle(&deps, event).await) }
    })
}

/// The function that delivers. The embedded stack opens loopback to it, and writes to its own buckets as itself.
pub(crate) fn delivery(deployment: &Deployment<'_>) -> Function {
    let (services, tuning, tables) = (deployment.services, deployment.tuning, names::tables());
    let AwsCredentials { access_key_id, secret_access_key, .. } = &services.credentials;
    let config = delivery::Config {
        connection: services.connection(),
        main_table: tables.main,
        audit_table: tables.audit,
        archive_bucket: names::BUCKET.to_owned(),
        delivery_queue_url: deployment.queues.deliveries_url.clone(),
        secrets_key_id: kms::key_arn(),
        allowed_hosts: delivery::AllowList::parse(LOOPBACK).unwrap_or_default(),
        api_url: deployment.url.to_owned(),
        mail: delivery::MailService::Ses { from: MAIL_FROM.to_owned() },
        own: delivery::OwnCredentials::fixed(access_key_id, SecretString::from(secret_access_key.clone()), None),
        settings: delivery::DeliverySettings {
            lease: tuning.lease,
            heartbeat: tuning.lease / 3,
            share: (tuning.worker_concurrency / 4).max(1),
            backoff: tuning.delivery_backoff.clone(),
            longest_posted_bytes: tuning.longest_posted_bytes,
            ..delivery::DeliverySettings::default()
        },
        reserve: tuning.delivery_reserve,
    };
    let deps = Arc::new(delivery::Deps::new(&config));
    event_function(move |event| {
        let deps = Arc::clone(&deps);
        async move { Ok(delivery::handle(&deps, event).await) }
    })
}
