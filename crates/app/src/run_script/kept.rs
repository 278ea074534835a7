//! What an org's scripts keep: values with a time to live, and counters.

use super::host::{Host, invalid, unavailable};
use crate::Context;
use crate::retry::Attempts;
use serde_json::{Map, Value, json};
use std::time::Duration;
use waybill_domain::{ScriptCounter, ScriptValue};
use waybill_ports::{PortError, ScriptFault, Stored};

/// Most values, and most counters, of an org.
const MAX_KEYS: usize = 256;
/// Longest key, in characters.
const MAX_KEY_CHARS: usize = 200;
/// Largest value, in bytes of JSON.
const MAX_VALUE_BYTES: usize = 8 * 1024;
/// Longest time to live: 30 days, and where none is given.
const MAX_LIFETIME_SECS: u64 = 30 * 24 * 3600;

fn key(arguments: &Value) -> Result<&str, ScriptFault> {
    let key = arguments.get(0).and_then(Value::as_str).unwrap_or_default();
    let length = key.chars().count();
    if (1..=MAX_KEY_CHARS).contains(&length) {
        Ok(key)
    } else {
        Err(invalid(format!("a key is a text of 1 to {MAX_KEY_CHARS} characters")))
    }
}

/// The value of a key, unless its time is over.
async fn live(context: &Context, host: &Host<'_>, key: &str) -> Result<Option<Stored<ScriptValue>>, ScriptFault> {
    let found = context.rows().script_value(&host.run.org, key).await.map_err(|error| unavailable(&error))?;
    Ok(found.filter(|stored| is_live(context, &stored.value)))
}

fn is_live(context: &Context, value: &ScriptValue) -> bool {
    value.expires_at.is_none_or(|at| context.now() < at)
}

pub(super) async fn get(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let found = live(&host.running.context, host, key(arguments)?).await?;
    Ok(found.map_or(Value::Null, |stored| json!({"value": stored.value.value})))
}

pub(super) async fn set(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    put(host, arguments, None, arguments.get(1), arguments.get(2)).await
}

/// Sets a value where it is as it is believed to be, `null` for none; tells whether it did.
pub(super) async fn compare_and_set(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let believed = arguments.get(1).cloned().unwrap_or_default();
    put(host, arguments, Some(believed), arguments.get(2), arguments.get(3)).await
}

async fn put(
    host: &Host<'_>,
    arguments: &Value,
    believed: Option<Value>,
    value: Option<&Value>,
    ttl: Option<&Value>,
) -> Result<Value, ScriptFault> {
    let (context, org) = (&host.running.context, &host.run.org);
    let (key, value) = (key(arguments)?, value.cloned().unwrap_or_default());
    if value.to_string().len() > MAX_VALUE_BYTES {
        let reason = format!("a value has at most {MAX_VALUE_BYTES} bytes as JSON");
        return Err(ScriptFault::new("kRequestTooLarge", 413, reason));
    }
    let secs = match ttl.filter(|ttl| !ttl.is_null()) {
        None => MAX_LIFETIME_SECS,
        Some(ttl) => ttl.as_u64().filter(|secs| (1..=MAX_LIFETIME_SECS).contains(secs)).ok_or_else(|| {
            invalid(format!("a time to live is a whole number of seconds, at most {MAX_LIFETIME_SECS}"))
        })?,
    };
    let mut attempts = Attempts::new(context);
    loop {
        let found = context.rows().script_value(org, key).await.map_err(|error| unavailable(&error))?;
        let held = found.as_ref().filter(|stored| is_live(context, &stored.value));
        if believed.as_ref().is_some_and(|believed| held.map_or(&Value::Null, |held| &held.value.value) != believed) {
            return Ok(Value::Bool(false));
        }
        if found.is_none() {
            let (kept, more) =
                context.rows().script_values(org, None, MAX_KEYS).await.map_err(|error| unavailable(&error))?;
            assert_room(kept.len(), more)?;
        }
        let expires_at = Some(context.now().after(Duration::from_secs(secs)));
        let entity = ScriptValue { org: org.clone(), key: key.to_owned(), value: value.clone(), expires_at };
        let mut transaction = context.transaction();
        let written = transaction.upsert(found.map(|stored| stored.version), &entity).map(drop);
        written.map_err(|error| unavailable(&error))?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(Value::Bool(true)),
            Err(error) => again(&mut attempts, error).await?,
        }
    }
}

fn assert_room(kept: usize, more: bool) -> Result<(), ScriptFault> {
    if kept < MAX_KEYS && !more {
        return Ok(());
    }
    Err(ScriptFault::new(
        "kRequestTooLarge",
        413,
        format!("an org's scripts keep at most {MAX_KEYS} keys; remove one first"),
    ))
}

async fn again(attempts: &mut Attempts<'_>, error: PortError) -> Result<(), ScriptFault> {
    attempts.after(error).await.map_err(|error| unavailable(&error))
}

pub(super) async fn delete(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let (context, key) = (&host.running.context, key(arguments)?);
    let mut attempts = Attempts::new(context);
    loop {
        let Some(found) = live(context, host, key).await? else { return Ok(Value::Bool(false)) };
        let mut transaction = context.transaction();
        match transaction.delete(&found).commit(&*context.state).await {
            Ok(_) => return Ok(Value::Bool(true)),
            Err(error) => again(&mut attempts, error).await?,
        }
    }
}

pub(super) async fn list(host: &Host<'_>) -> Result<Value, ScriptFault> {
    let context = &host.running.context;
    let (kept, _) =
        context.rows().script_values(&host.run.org, None, MAX_KEYS).await.map_err(|error| unavailable(&error))?;
    let live = kept.into_iter().map(|stored| stored.value).filter(|value| is_live(context, value));
    Ok(live.map(|value| Value::String(value.key)).collect())
}

/// The next number of a counter, from 1.
pub(super) async fn count(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let (context, org, key) = (&host.running.context, &host.run.org, key(arguments)?);
    let mut attempts = Attempts::new(context);
    loop {
        let found = context.rows().script_counter(org, key).await.map_err(|error| unavailable(&error))?;
        if found.is_none() {
            let (kept, more) =
                context.rows().script_counters(org, None, MAX_KEYS).await.map_err(|error| unavailable(&error))?;
            assert_room(kept.len(), more)?;
        }
        let value = found.as_ref().map_or(0, |stored| stored.value.value).saturating_add(1);
        let counter = ScriptCounter { org: org.clone(), key: key.to_owned(), value };
        let mut transaction = context.transaction();
        let written = transaction.upsert(found.map(|stored| stored.version), &counter).map(drop);
        written.map_err(|error| unavailable(&error))?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(json!(value)),
            Err(error) => again(&mut attempts, error).await?,
        }
    }
}

pub(super) async fn counter(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let found = host.running.context.rows().script_counter(&host.run.org, key(arguments)?).await;
    let found = found.map_err(|error| unavailable(&error))?;
    Ok(found.map_or(Value::Null, |stored| json!(stored.value.value)))
}

pub(super) async fn delete_counter(host: &Host<'_>, arguments: &Value) -> Result<Value, ScriptFault> {
    let (context, key) = (&host.running.context, key(arguments)?);
    let mut attempts = Attempts::new(context);
    loop {
        let found = context.rows().script_counter(&host.run.org, key).await.map_err(|error| unavailable(&error))?;
        let Some(found) = found else { return Ok(Value::Bool(false)) };
        let mut transaction = context.transaction();
        match transaction.delete(&found).commit(&*context.state).await {
            Ok(_) => return Ok(Value::Bool(true)),
            Err(error) => again(&mut attempts, error).await?,
        }
    }
}

pub(super) async fn counters(host: &Host<'_>) -> Result<Value, ScriptFault> {
    let kept = host.running.context.rows().script_counters(&host.run.org, None, MAX_KEYS).await;
    let (kept, _) = kept.map_err(|error| unavailable(&error))?;
    let kept = kept.into_iter().map(|stored| (stored.value.key, json!(stored.value.value)));
    Ok(Value::Object(kept.collect::<Map<_, _>>()))
}
