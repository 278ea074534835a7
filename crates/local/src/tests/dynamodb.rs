//! `DynamoDB`: conditions, transactions with what they refuse, the sparse index, survival of the process.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, Put, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TransactWriteItem, Update,
};

use super::services;
use crate::data_folder::OpenFolder;
use crate::options::DataFolder;
use crate::services::Services;

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

async fn table(client: &Client) {
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_shard", KeyType::Hash))
        .key_schema(key("due_at", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name("main")
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_shard", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(due)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(client: &Client, sk: &str, version: &str) {
    let put = client.put_item().table_name("main").item("pk", text("ORG#a")).item("sk", text(sk));
    put.item("version", text(version)).send().await.unwrap();
}

async fn get(client: &Client, sk: &str) -> Option<String> {
    let got = client
        .get_item()
        .table_name("main")
        .key("pk", text("ORG#a"))
        .key("sk", text(sk))
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    Some(got.item?["version"].as_s().unwrap().clone())
}

#[tokio::test]
async fn a_refused_put_shows_what_is_there() {
    let (services, _folder) = services().await;
    let client = services.connection().dynamodb();
    table(&client).await;
    put(&client, "LANE", "v1").await;
    let refused = client
        .put_item()
        .table_name("main")
        .item("pk", text("ORG#a"))
        .item("sk", text("LANE"))
        .item("version", text("v2"))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refused.item().unwrap()["version"], text("v1"));
    assert_eq!(get(&client, "LANE").await.unwrap(), "v1");
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_says_which_row_refused() {
    let (services, _folder) = services().await;
    let client = services.connection().dynamodb();
    table(&client).await;
    put(&client, "SEQ", "v1").await;
    let write = |sk: &str, expected: Option<&str>| {
        let put = Put::builder()
            .table_name("main")
            .item("pk", text("ORG#a"))
            .item("sk", text(sk))
            .item("version", text("v2"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match expected {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put.condition_expression("version = :v").expression_attribute_values(":v", text(version)),
        };
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let refused = client
        .transact_write_items()
        .transact_items(write("EXPORT#1", None))
        .transact_items(write("SEQ", Some("v0")))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        canceled,
    ) = refused
    else {
        panic!("{refused:?}")
    };
    let reasons = canceled.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item().unwrap()["version"], text("v1"));
    assert_eq!(get(&client, "EXPORT#1").await, None);

    let accepted = client.transact_write_items();
    let accepted = accepted.transact_items(write("EXPORT#1", None)).transact_items(write("SEQ", Some("v1")));
    accepted.client_request_token("once").send().await.unwrap();
    assert_eq!(get(&client, "EXPORT#1").await.unwrap(), "v2");
    assert_eq!(get(&client, "SEQ").await.unwrap(), "v2");
}

#[tokio::test]
async fn the_due_index_is_sparse_and_ordered() {
    let (services, _folder) = services().await;
    let client = services.connection().dynamodb();
    table(&client).await;
    put(&client, "no due", "v").await;
    for (sk, due) in [("late", "30"), ("early", "9"), ("middle", "10")] {
        let put = client.put_item().table_name("main").item("pk", text("ORG#a")).item("sk", text(sk));
        let put = put.item("due_shard", text("lane#3")).item("due_at", AttributeValue::N(due.to_owned()));
        put.send().await.unwrap();
    }
    let due = client
        .query()
        .table_name("main")
        .index_name("due")
        .key_condition_expression("due_shard = :s AND due_at <= :now")
        .expression_attribute_values(":s", text("lane#3"))
        .expression_attribute_values(":now", AttributeValue::N("10".to_owned()))
        .send()
        .await
        .unwrap();
    let keys: Vec<&str> = due.items().iter().map(|item| item["sk"].as_s().unwrap().as_str()).collect();
    assert_eq!(keys, ["early", "middle"]);
}

#[tokio::test]
async fn numbers_flags_and_bytes_come_back_as_they_were_written() {
    let (services, _folder) = services().await;
    let client = services.connection().dynamodb();
    table(&client).await;
    let blob = AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(vec![0, 255, 7]));
    put(&client, "x", "v").await;
    let update = Update::builder()
        .table_name("main")
        .key("pk", text("ORG#a"))
        .key("sk", text("x"))
        .update_expression("SET n = :n, f = :f, b = :b, m = :m ADD c :one")
        .expression_attribute_values(":n", AttributeValue::N("12345678901234567890.125".to_owned()))
        .expression_attribute_values(":f", AttributeValue::Bool(true))
        .expression_attribute_values(":b", blob.clone())
        .expression_attribute_values(":m", AttributeValue::M([("k".to_owned(), AttributeValue::Null(true))].into()))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .build()
        .unwrap();
    client.transact_write_items().transact_items(TransactWriteItem::builder().update(update).build());
    let update = client
        .update_item()
        .table_name("main")
        .key("pk", text("ORG#a"))
        .key("sk", text("x"))
        .update_expression("SET n = :n, f = :f, b = :b ADD c :one")
        .expression_attribute_values(":n", AttributeValue::N("12345678901234567890.125".to_owned()))
        .expression_attribute_values(":f", AttributeValue::Bool(true))
        .expression_attribute_values(":b", blob.clone())
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
    let new = update.send().await.unwrap().attributes.unwrap();
    assert_eq!(new["n"], AttributeValue::N("12345678901234567890.125".to_owned()));
    assert_eq!(new["f"], AttributeValue::Bool(true));
    assert_eq!(new["b"], blob);
    assert_eq!(new["c"], AttributeValue::N("1".to_owned()));
}

#[tokio::test]
async fn rows_survive_a_stop_and_a_crash() {
    let root = tempfile::tempdir().unwrap();
    let data = DataFolder::Persistent(root.path().join("data"));
    let folder = OpenFolder::open(&data).unwrap();
    let services = Services::start(&folder).await.unwrap();
    let client = services.connection().dynamodb();
    table(&client).await;
    put(&client, "a", "v1").await;
    drop(client);
    services.stop().await;

    let services = Services::start(&folder).await.unwrap();
    let client = services.connection().dynamodb();
    assert_eq!(get(&client, "a").await.unwrap(), "v1");
    put(&client, "b", "v2").await;
    // A copy taken while the database is open is what a killed process leaves behind.
    let copy = root.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(folder.root()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let folder = OpenFolder::open(&DataFolder::Persistent(copy)).unwrap();
    let services = Services::start(&folder).await.unwrap();
    let client = services.connection().dynamodb();
    assert_eq!(get(&client, "a").await.unwrap(), "v1");
    assert_eq!(get(&client, "b").await.unwrap(), "v2");
}
