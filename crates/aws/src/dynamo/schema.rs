//! The tables, said once: `local` makes them from here, and a structure test compares `infra/data.yaml` with it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification, TimeToLiveStatus,
};
use waybill_ports::PortError;

use crate::errors::{has_code, not_built, port_error};

/// Partition key of every table.
pub(crate) const PK: &str = "pk";
/// Sort key of every table.
pub(crate) const SK: &str = "sk";
/// The sparse index of what is due.
pub(crate) const DUE_INDEX: &str = "due";
/// Its partition key: `<kind>#<shard>`.
pub(crate) const DUE_SHARD: &str = "due_shard";
/// Its sort key: milliseconds of Unix time.
pub(crate) const DUE_AT: &str = "due_at";
/// Seconds of Unix time from which on the service may drop a row.
pub(crate) const TTL: &str = "ttl";

const MAKING: &str = "making tables";

/// The names of the tables. A function that does not reach one of them leaves its name empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    /// Everything that changes.
    pub main: String,
    /// The records of collections.
    pub records: String,
    /// The audit trail.
    pub audit: String,
    /// What after-scripts run with, keep and log.
    pub scripts: String,
}

/// The type of an attribute that is part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// Text, compared bytewise.
    Text,
    /// A number.
    Number,
}

/// An attribute that is part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub key_type: KeyType,
}

/// A global secondary index that projects keys only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Partition key.
    pub partition: KeyAttribute,
    /// Sort key.
    pub sort: KeyAttribute,
}

/// A table, billed on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// The logical name of its resource in the template.
    pub resource: &'static str,
    /// Partition key.
    pub partition: KeyAttribute,
    /// Sort key.
    pub sort: KeyAttribute,
    /// Its index, if it has one.
    pub index: Option<IndexDefinition>,
    /// The attribute that says when the service may drop an item, if there is one.
    pub ttl: Option<&'static str>,
}

const fn text(name: &'static str) -> KeyAttribute {
    KeyAttribute { name, key_type: KeyType::Text }
}

const fn number(name: &'static str) -> KeyAttribute {
    KeyAttribute { name, key_type: KeyType::Number }
}

const fn plain(resource: &'static str) -> TableDefinition {
    TableDefinition { resource, partition: text(PK), sort: text(SK), index: None, ttl: None }
}

const fn watched(resource: &'static str) -> TableDefinition {
    TableDefinition {
        index: Some(IndexDefinition { name: DUE_INDEX, partition: text(DUE_SHARD), sort: number(DUE_AT) }),
        ttl: Some(TTL),
        ..plain(resource)
    }
}

const DEFINITIONS: [TableDefinition; 4] =
    [watched("MainTable"), plain("RecordsTable"), plain("AuditTable"), watched("ScriptTable")];

/// The tables: main, records, audit, scripts.
pub fn definitions() -> &'static [TableDefinition] {
    &DEFINITIONS
}

/// Makes the tables that are not there yet; succeeds when all are. For embedded stacks: on AWS the template makes them.
///
/// # Errors
/// [`PortError`].
pub async fn create_tables(client: &Client, names: &TableNames) -> Result<(), PortError> {
    for (definition, name) in DEFINITIONS.iter().zip([&names.main, &names.records, &names.audit, &names.scripts]) {
        create(client, definition, name).await?;
    }
    Ok(())
}

async fn create(client: &Client, definition: &TableDefinition, name: &str) -> Result<(), PortError> {
    let index_keys = definition.index.iter().flat_map(|index| [index.partition, index.sort]);
    let attributes = [definition.partition, definition.sort].into_iter().chain(index_keys).map(attribute);
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.collect::<Result<_, _>>()?))
        .set_key_schema(Some(key_schema(definition.partition, definition.sort)?));
    if let Some(index) = definition.index {
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .set_key_schema(Some(key_schema(index.partition, index.sort)?))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(not_built(MAKING))?;
        request = request.global_secondary_indexes(index);
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if has_code(&error, &["ResourceInUseException"]) => {}
        Err(error) => return Err(port_error(MAKING, &error)),
    }
    match definition.ttl {
        Some(ttl) => enable_ttl(client, name, ttl).await,
        None => Ok(()),
    }
}

/// Enabling it twice is refused, so it is asked first: an earlier call may have been cut off after the table was there.
async fn enable_ttl(client: &Client, table: &str, attribute: &str) -> Result<(), PortError> {
    let known = client.describe_time_to_live().table_name(table).send().await;
    let known = known.map_err(|error| port_error(MAKING, &error))?;
    let known = known.time_to_live_description().and_then(|ttl| ttl.time_to_live_status());
    if matches!(known, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
    let ttl = ttl.map_err(not_built(MAKING))?;
    let set = client.update_time_to_live().table_name(table).time_to_live_specification(ttl).send().await;
    set.map(drop).map_err(|error| port_error(MAKING, &error))
}

fn attribute(key: KeyAttribute) -> Result<AttributeDefinition, PortError> {
    let scalar = match key.key_type {
        KeyType::Text => ScalarAttributeType::S,
        KeyType::Number => ScalarAttributeType::N,
    };
    AttributeDefinition::builder().attribute_name(key.name).attribute_type(scalar).build().map_err(not_built(MAKING))
}

fn key_schema(partition: KeyAttribute, sort: KeyAttribute) -> Result<Vec<KeySchemaElement>, PortError> {
    use aws_sdk_dynamodb::types::KeyType as Role;
    [(partition, Role::Hash), (sort, Role::Range)]
        .into_iter()
        .map(|(key, role)| KeySchemaElement::builder().attribute_name(key.name).key_type(role).build())
        .collect::<Result<_, _>>()
        .map_err(not_built(MAKING))
}
