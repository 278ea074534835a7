//! Batches of reads and writes, repeated until nothing of them is left undone.

use super::item::Item;
use crate::backoff::{BATCH_ATTEMPTS, wait};
use crate::errors::{not_built, port_error};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, WriteRequest};
use std::collections::HashMap;
use waybill_ports::{PortError, PortErrorKind};

/// Most keys of one `BatchGetItem`.
pub(crate) const READS: usize = 100;
/// Most writes of one `BatchWriteItem`.
pub(crate) const WRITES: usize = 25;
/// Batches of one call under way side by side.
pub(crate) const IN_FLIGHT: usize = 4;

/// The items of `table` at `keys`, in any order: at most [`READS`] keys, all different. `projection` names attributes.
///
/// # Errors
/// `Throttled` when the service leaves some undone again and again.
pub(crate) async fn read(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    projection: Option<&str>,
    during: &'static str,
) -> Result<Vec<Item>, PortError> {
    let mut items = Vec::with_capacity(keys.len());
    let mut left = Some(keys).filter(|keys| !keys.is_empty());
    for attempt in 0..BATCH_ATTEMPTS {
        let Some(keys) = left.take() else { return Ok(items) };
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .set_projection_expression(projection.map(str::to_owned))
            .build()
            .map_err(not_built(during))?;
        let reply = client.batch_get_item().request_items(table, asked).send().await;
        let mut reply = reply.map_err(|error| port_error(during, &error))?;
        items.extend(reply.responses.as_mut().and_then(|tables| tables.remove(table)).unwrap_or_default());
        left = reply.unprocessed_keys.as_mut().and_then(|tables| tables.remove(table)).map(|left| left.keys);
        left = left.filter(|keys| !keys.is_empty());
        if left.is_some() {
            wait(attempt).await;
        }
    }
    if left.is_none() { Ok(items) } else { Err(throttled(during)) }
}

/// Makes at most [`WRITES`] writes, each to another item of `table`.
///
/// # Errors
/// `Throttled` when the service leaves some undone again and again.
pub(crate) async fn write(
    client: &Client,
    table: &str,
    writes: Vec<WriteRequest>,
    during: &'static str,
) -> Result<(), PortError> {
    let mut left = writes;
    for attempt in 0..BATCH_ATTEMPTS {
        if left.is_empty() {
            return Ok(());
        }
        let asked = HashMap::from([(table.to_owned(), left)]);
        let reply = client.batch_write_item().set_request_items(Some(asked)).send().await;
        let mut reply = reply.map_err(|error| port_error(during, &error))?;
        left = reply.unprocessed_items.as_mut().and_then(|tables| tables.remove(table)).unwrap_or_default();
        if !left.is_empty() {
            wait(attempt).await;
        }
    }
    if left.is_empty() { Ok(()) } else { Err(throttled(during)) }
}

fn throttled(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Throttled { retry_after: None }, during)
}
