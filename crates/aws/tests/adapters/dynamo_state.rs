//! Rows of state in an embedded `DynamoDB`.

use crate::listener::{Served, bind, connection, run};
use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::types::AttributeValue;
use waybill_aws::{DynamoStateStore, TableNames, create_tables};
use waybill_domain::CommitId;
use waybill_ports::{Expect, PortError, PortErrorKind, Row, RowKey, RowRange, StateStore, Table, Write};

/// An embedded `DynamoDB` with our tables.
pub(crate) struct Database {
    pub(crate) client: aws_sdk_dynamodb::Client,
    _served: Served,
}

/// The names of the tables in it.
pub(crate) fn names() -> TableNames {
    TableNames { main: "main".into(), records: "records".into(), audit: "audit".into(), scripts: "scripts".into() }
}

/// Starts one, empty but for its tables.
pub(crate) async fn database() -> Result<Database> {
    let database = dynoxide::Database::memory().map_err(|error| anyhow!("{error}"))?;
    let served = run(bind().await?, |listener| tokio::spawn(dynoxide::server::serve_on(listener, database)))?;
    let client = connection(&served.url).dynamodb();
    create_tables(&client, &names()).await?;
    Ok(Database { client, _served: served })
}

fn key(sk: &str) -> RowKey {
    RowKey { table: Table::Main, pk: "P".into(), sk: sk.into() }
}

fn row(sk: &str, commit: u128) -> Row {
    Row { key: key(sk), version: CommitId(commit), body: "{}".into(), due: None, drop_after: None }
}

fn insert(sk: &str, commit: u128) -> Write {
    Write::Put { row: row(sk, commit), expect: Expect::Absent }
}

fn kind(result: Result<impl std::fmt::Debug, PortError>) -> Option<PortErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_state_store_holds() -> Result<()> {
    let database = database().await?;
    let store = DynamoStateStore::new(database.client.clone(), names());
    waybill_testkit::contracts::state_store(&store, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn making_the_tables_again_changes_nothing() -> Result<()> {
    let database = database().await?;
    create_tables(&database.client, &names()).await?;
    let ttl = database.client.describe_time_to_live().table_name("main").send().await?;
    let attribute = ttl.time_to_live_description().and_then(|ttl| ttl.attribute_name().map(str::to_owned));
    assert_eq!(attribute.as_deref(), Some("ttl"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_delete_is_made_and_repeated_like_any_commit() -> Result<()> {
    let database = database().await?;
    let store = DynamoStateStore::new(database.client.clone(), names());
    store.commit(CommitId(1), &[insert("A", 1)]).await?;
    let stale = Write::Delete { key: key("A"), version: CommitId(9) };
    assert_eq!(kind(store.commit(CommitId(2), &[stale]).await), Some(PortErrorKind::Conflict));
    let delete = [Write::Delete { key: key("A"), version: CommitId(1) }];
    store.commit(CommitId(3), &delete).await?;
    store.commit(CommitId(3), &delete).await?;
    assert_eq!(store.get(&key("A")).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_insert_at_once_one_succeeds() -> Result<()> {
    let database = database().await?;
    let store = DynamoStateStore::new(database.client.clone(), names());
    let attempts =
        (1..=16).map(|commit| {
            let store = &store;
            async move {
                store.commit(CommitId(commit), &[insert("A", commit), insert(&format!("B{commit}"), commit)]).await
            }
        });
    let outcomes = futures::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.into_iter().filter_map(kind).all(|kind| kind == PortErrorKind::Conflict));
    let range = RowRange {
        table: Table::Main,
        pk: "P".into(),
        prefix: String::new(),
        after: None,
        descending: false,
        limit: 99,
    };
    assert_eq!(store.query(&range).await?.rows.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_no_row_is_corrupt() -> Result<()> {
    let database = database().await?;
    let store = DynamoStateStore::new(database.client.clone(), names());
    let put = database.client.put_item().table_name("main");
    let put = put.item("pk", AttributeValue::S("P".into())).item("sk", AttributeValue::S("A".into()));
    put.send().await?;
    let Some(PortErrorKind::Corrupt { table, key, .. }) = kind(store.get(&key("A")).await) else {
        return Err(anyhow!("it was read"));
    };
    assert_eq!((table.as_str(), key.as_str()), ("main", "P A"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_not_found_and_no_server_is_unavailable() -> Result<()> {
    let database = database().await?;
    let elsewhere = TableNames { main: "other".into(), ..names() };
    let store = DynamoStateStore::new(database.client.clone(), elsewhere);
    assert_eq!(kind(store.get(&key("A")).await), Some(PortErrorKind::NotFound));
    let nobody = format!("http://{}", bind().await?.local_addr()?);
    let store = DynamoStateStore::new(connection(&nobody).dynamodb(), names());
    assert_eq!(kind(store.get(&key("A")).await), Some(PortErrorKind::Unavailable));
    Ok(())
}
