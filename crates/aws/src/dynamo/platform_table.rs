//! Pages of the platform's own table: by key, or all of it in segments side by side.

use super::raw;
use crate::errors::{corrupt, rejected};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use waybill_domain::{KeyCondition, OrgCode, TableSource, with_org};
use waybill_ports::{PageCursor, PortError, RecordPage};
use waybill_record::{AttributeForm, ItemForm, Reply};

const DURING: &str = "reading a table of the platform";
/// Segments of a scan.
const SEGMENTS: u16 = 16;

type Item = HashMap<String, AttributeValue>;

/// A cursor as it is kept: of which section, and the last key as the service wrote it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    section: u16,
    key: Map<String, Value>,
}

/// How many parts the table is read in: values of the partition key, or segments.
pub(super) fn sections(table: &TableSource) -> u16 {
    match &table.key_condition {
        Some(condition) => u16::try_from(condition.values.len()).unwrap_or(u16::MAX),
        None => SEGMENTS,
    }
}

/// The next page of the items that are the org's.
///
/// What the service is asked to leave out is left out once more by whoever reads the page. Not consistent: that would
/// cost twice as much, and nobody promises when the platform writes.
pub(super) async fn read_page(
    client: &Client,
    table: &TableSource,
    org: &OrgCode,
    section: u16,
    from: Option<&PageCursor>,
    limit: Option<u32>,
) -> Result<RecordPage, PortError> {
    if section >= sections(table) {
        return Err(rejected("no such section", DURING));
    }
    let start = |of| start_key(from, section, of);
    let limit = limit.map(|limit| i32::try_from(limit.max(1)).unwrap_or(i32::MAX));
    let reply = if let Some(condition) = &table.key_condition {
        let value = condition.values.get(usize::from(section)).map(|value| with_org(value, org));
        let value = value.ok_or_else(|| rejected("no such section", DURING))?;
        let (expression, names, values) = key_expression(condition, &value, org);
        let mut request = client
            .query()
            .table_name(&table.table)
            .set_limit(limit)
            .set_exclusive_start_key(start(Some((&condition.attribute, &value)))?)
            .key_condition_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        // The service takes no condition on a key in a filter.
        if let Some(name) = table.org_attribute.as_ref().filter(|name| !is_key(condition, name)) {
            request = request
                .filter_expression("#org = :org")
                .expression_attribute_names("#org", name)
                .expression_attribute_values(":org", AttributeValue::S(org.to_string()));
        }
        let form = form(table, org, Some((condition.attribute.clone(), value)));
        raw::reply(&form, DURING, |take| request.clone().customize().interceptor(take).send()).await?
    } else {
        let Some(name) = &table.org_attribute else {
            return Err(rejected("a scan that does not keep orgs apart", DURING));
        };
        let request = client
            .scan()
            .table_name(&table.table)
            .set_limit(limit)
            .set_exclusive_start_key(start(None)?)
            .segment(i32::from(section))
            .total_segments(i32::from(SEGMENTS))
            .filter_expression("#org = :org")
            .expression_attribute_names("#org", name)
            .expression_attribute_values(":org", AttributeValue::S(org.to_string()));
        raw::reply(&form(table, org, None), DURING, |take| request.clone().customize().interceptor(take).send()).await?
    };
    page_of(reply, &table.table, section)
}

/// How items become records: those alone that are the org's, in the partition that was asked for.
fn form(table: &TableSource, org: &OrgCode, partition: Option<(String, String)>) -> Arc<ItemForm> {
    let org = table.org_attribute.iter().map(|name| (name.clone(), org.to_string()));
    let only = org.chain(partition).collect();
    Arc::new(ItemForm::Attributes(AttributeForm { id: table.id_attribute.clone(), only }))
}

fn page_of(Reply { page, last_key }: Reply, table: &str, section: u16) -> Result<RecordPage, PortError> {
    let next = last_key.map(|key| {
        let key = serde_json::from_slice(&key).and_then(|key| serde_json::to_string(&Cursor { section, key }));
        key.map(PageCursor).map_err(|_| corrupt(table, "", "the key of the last item of a page", DURING))
    });
    Ok(RecordPage { page, next: next.transpose()? })
}

fn is_key(condition: &KeyCondition, name: &str) -> bool {
    condition.attribute == name || condition.sort.as_ref().is_some_and(|sort| sort.attribute == name)
}

fn key_expression(
    condition: &KeyCondition,
    value: &str,
    org: &OrgCode,
) -> (&'static str, HashMap<String, String>, Item) {
    let mut names = HashMap::from([("#pk".to_owned(), condition.attribute.clone())]);
    let mut values = HashMap::from([(":pk".to_owned(), AttributeValue::S(value.to_owned()))]);
    let Some(sort) = &condition.sort else { return ("#pk = :pk", names, values) };
    names.insert("#sk".to_owned(), sort.attribute.clone());
    values.insert(":sk".to_owned(), AttributeValue::S(with_org(&sort.prefix, org)));
    ("#pk = :pk AND begins_with(#sk, :sk)", names, values)
}

/// The key behind which a page begins; `of` is what its partition key must be.
fn start_key(from: Option<&PageCursor>, section: u16, of: Option<(&str, &str)>) -> Result<Option<Item>, PortError> {
    let Some(PageCursor(text)) = from else { return Ok(None) };
    let foreign = || rejected("a cursor of another section", DURING);
    let cursor: Cursor = serde_json::from_str(text).map_err(|_| rejected("not a cursor", DURING))?;
    let expected = of.is_none_or(|(name, value)| cursor.key.get(name).is_some_and(|found| found["S"] == *value));
    if cursor.section != section || !expected {
        return Err(foreign());
    }
    let key: Option<Item> = cursor.key.iter().map(|(name, value)| Some((name.clone(), scalar(value)?))).collect();
    key.filter(|key| !key.is_empty()).map(Some).ok_or_else(foreign)
}

/// A value of a key as the wire writes it.
fn scalar(value: &Value) -> Option<AttributeValue> {
    let mut members = value.as_object()?.iter();
    let (tag, value) = members.next().filter(|_| members.len() == 0)?;
    let text = value.as_str()?.to_owned();
    match tag.as_str() {
        "S" => Some(AttributeValue::S(text)),
        "N" => Some(AttributeValue::N(text)),
        "B" => Some(AttributeValue::B(Blob::new(STANDARD.decode(text).ok()?))),
        _ => None,
    }
}
