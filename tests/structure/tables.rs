//! The tables of `infra/data.yaml` are those that the adapter knows and the embedded stack makes.

use anyhow::Result;
use serde_json::{Value, json};
use waybill_aws::{KeyAttribute, KeyType, TableDefinition};

use crate::repository::read;
use crate::template::resources;
use crate::yaml;

fn attribute(key: KeyAttribute) -> Value {
    let kind = match key.key_type {
        KeyType::Text => "S",
        KeyType::Number => "N",
    };
    json!({"AttributeName": key.name, "AttributeType": kind})
}

fn schema(partition: KeyAttribute, sort: KeyAttribute) -> Value {
    json!([
        {"AttributeName": partition.name, "KeyType": "HASH"},
        {"AttributeName": sort.name, "KeyType": "RANGE"},
    ])
}

fn violations(data: &Value, definitions: &[TableDefinition]) -> Vec<String> {
    let mut found = Vec::new();
    let listed: Vec<_> = resources(data, "AWS::DynamoDB::Table").into_iter().map(|(id, _)| id.as_str()).collect();
    let known: Vec<_> = definitions.iter().map(|definition| definition.resource).collect();
    if listed != known {
        found.push(format!("the template has {listed:?}, the schema {known:?}"));
    }
    for definition in definitions {
        let table = &data["Resources"][definition.resource]["Properties"];
        let index_keys = definition.index.iter().flat_map(|index| [index.partition, index.sort]);
        let attributes: Vec<_> =
            [definition.partition, definition.sort].into_iter().chain(index_keys).map(attribute).collect();
        let wanted_indexes = definition.index.map_or(Value::Null, |index| {
            json!([{
                "IndexName": index.name,
                "KeySchema": schema(index.partition, index.sort),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }])
        });
        let ttl = definition.ttl.map_or(Value::Null, |name| json!({"AttributeName": name, "Enabled": true}));
        let rules = [
            ("AttributeDefinitions", json!(attributes)),
            ("KeySchema", schema(definition.partition, definition.sort)),
            ("GlobalSecondaryIndexes", wanted_indexes),
            ("TimeToLiveSpecification", ttl),
            ("BillingMode", json!("PAY_PER_REQUEST")),
            ("PointInTimeRecoverySpecification", json!({"PointInTimeRecoveryEnabled": true})),
            ("SSESpecification", json!({"SSEEnabled": true})),
        ];
        let wrong = rules.iter().filter(|(property, wanted)| table[*property] != *wanted);
        found.extend(wrong.map(|(property, wanted)| format!("{}: {property} is not {wanted}", definition.resource)));
    }
    found
}

#[test]
fn tables_are_those_of_the_schema() -> Result<()> {
    let data = yaml::parse(&read("infra/data.yaml")?)?;
    assert_eq!(violations(&data, waybill_aws::definitions()), Vec::<String>::new());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_differs_is_found() -> Result<()> {
        let mut data = yaml::parse(&read("infra/data.yaml")?)?;
        data["Resources"]["MainTable"]["Properties"]["TimeToLiveSpecification"]["AttributeName"] = json!("expires");
        data["Resources"]["RecordsTable"]["Properties"]["KeySchema"][1]["AttributeName"] = json!("id");
        assert_eq!(violations(&data, waybill_aws::definitions()).len(), 2);
        data["Resources"].as_object_mut().expect("resources").remove("AuditTable");
        assert!(violations(&data, waybill_aws::definitions())[0].starts_with("the template has"));
        Ok(())
    }
}
