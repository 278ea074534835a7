//! Records in an embedded `DynamoDB`.

use crate::dynamo_state::{database, names};
use anyhow::Result;
use bytes::Bytes;
use std::collections::BTreeSet;
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
