//! Records in an embedded `DynamoDB`.

use crate::dynamo_state::{database, names};
use anyhow::Result;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use base64::Engine as _;
use bytes::Bytes;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use waybill_aws::DynamoRecordStore;
use waybill_domain::{CollectionName, OrgCode, RecordId, Timestamp};
use waybill_ports::{RecordPatch, RecordStore};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_record_store_holds() -> Result<()> {
    let database = database().await?;
    let store = DynamoRecordStore::new(database.client.clone(), names().records);
    waybill_testkit::contracts::record_store(&store, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_larger_than_a_page_of_the_service_is_read_whole() -> Result<()> {
    let database = database().await?;
    let store = DynamoRecordStore::new(database.client.clone(), names().records);
    let (org, collection): (OrgCode, CollectionName) = ("demo".parse()?, "things".parse()?);
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:08x}", state >> 32)
    };
    let records: Vec<RecordPatch> = (0..400_u64)
        .map(|number| {
            let id = RecordId::new(Timestamp::from_millis(0), number.to_be_bytes());
            let text: String = (0..12_500).map(|_| noise()).collect();
            RecordPatch { id, json: Bytes::from(format!("{{\"text\":\"{text}\"}}")) }
        })
        .collect();
    store.put(&org, &collection, &records).await?;
    let (mut ids, mut pages) = (BTreeSet::new(), 0_u16);
    for partition in 0..store.partitions() {
        let mut cursor = None;
        loop {
            let page = store.read_page(&org, &collection, partition, cursor.as_ref(), None).await?;
            pages += 1;
            let of_page = store.ids(&org, &collection, partition, cursor.as_ref(), None).await?.ids;
            assert!(of_page.len() >= page.page.len());
            for id in of_page.into_iter().take(page.page.len()) {
                assert!(ids.insert(id), "{id} twice");
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    assert_eq!(ids, records.iter().map(|record| record.id).collect());
    assert!(pages > store.partitions(), "{pages} pages");
    Ok(())
}

/// A value as the SDK takes it, from how the wire writes it.
fn attribute(value: &Value) -> Option<AttributeValue> {
    let (tag, value) = value.as_object()?.iter().next()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let blob = |value: &Value| Some(Blob::new(base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()?));
    let list = || value.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    Some(match tag.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(blob(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(list().filter_map(text).collect()),
        "NS" => AttributeValue::Ns(list().filter_map(text).collect()),
        "BS" => AttributeValue::Bs(list().filter_map(blob).collect()),
        "L" => AttributeValue::L(list().filter_map(attribute).collect()),
        "M" => AttributeValue::M(item(value)),
        _ => return None,
    })
}

fn item(value: &Value) -> HashMap<String, AttributeValue> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), attribute(value)?))).collect()
}

async fn make_platform_table(client: &aws_sdk_dynamodb::Client) -> Result<()> {
    let mut request = client.create_table().table_name("platform").billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        request = request.attribute_definitions(text.build()?).key_schema(key.build()?);
    }
    request.send().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_record_source_holds() -> Result<()> {
    let database = database().await?;
    make_platform_table(&database.client).await?;
    for value in waybill_testkit::contracts::source_items() {
        database.client.put_item().table_name("platform").set_item(Some(item(&value))).send().await?;
    }
    let store = DynamoRecordStore::new(database.client.clone(), names().records);
    waybill_testkit::contracts::record_source(&store, "aws").await?;
    Ok(())
}
