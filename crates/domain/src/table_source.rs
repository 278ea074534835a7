//! The platform's own table as the source of a collection: which of its items are an org's records.

use crate::{DefinitionError, OrgCode};
use serde::{Deserialize, Serialize};

/// What stands for the org's code in the value of a key.
const ORG: &str = "{org}";
/// Most values of a partition key.
const MAX_VALUES: usize = 64;
/// Longest name of an attribute, and longest value of a key, in bytes.
const MAX_ATTRIBUTE_BYTES: usize = 255;
const MAX_VALUE_BYTES: usize = 1024;

/// Items of a table that are the records of a collection. Only the operator, whose table it is, may say so.
///
/// An org reaches its own items alone: its code is in every value of the partition key, or the attribute
/// `org_attribute` of each item says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSource {
    /// The table's name.
    pub table: String,
    /// Where in the table; `None` = anywhere.
    pub key_condition: Option<KeyCondition>,
    /// The attribute that is a record's `_id`: any text or number.
    pub id_attribute: String,
    /// The attribute that holds the org's code; items in which it does not are nobody's here.
    pub org_attribute: Option<String>,
}

/// Partitions of a table, and perhaps a part of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCondition {
    /// The table's partition key.
    pub attribute: String,
    /// Its values, `{org}` in them for the org's code.
    pub values: Vec<String>,
    /// The table's sort key and how its value begins, `{org}` in it for the org's code.
    pub sort: Option<SortCondition>,
}

/// Items whose sort key begins in some way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortCondition {
    /// The table's sort key.
    pub attribute: String,
    /// What its value begins with.
    pub prefix: String,
}

/// A template with the org's code put in.
pub fn with_org(template: &str, org: &OrgCode) -> String {
    template.replace(ORG, org.as_str())
}

impl TableSource {
    /// Checks names and limits, and that orgs are kept apart.
    ///
    /// # Errors
    /// [`DefinitionError::Source`] with a pointer to the first member that is wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        let wrong = |at: &str, reason| Err(DefinitionError::Source { pointer: format!("/source/{at}"), reason });
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(3..=255).contains(&self.table.len()) || !self.table.bytes().all(known) {
            return wrong("table", "must be the name of a table: ^[A-Za-z0-9_.-]{3,255}$");
        }
        let attributes = [("idAttribute", Some(&self.id_attribute)), ("orgAttribute", self.org_attribute.as_ref())];
        for (at, name) in attributes {
            if name.is_some_and(|name| !is_attribute(name)) {
                return wrong(at, NO_ATTRIBUTE);
            }
        }
        let Some(condition) = &self.key_condition else {
            if self.org_attribute.is_none() {
                return wrong("orgAttribute", "is needed without `keyCondition`: it tells whose an item is");
            }
            return Ok(());
        };
        if !is_attribute(&condition.attribute) {
            return wrong("keyCondition/attribute", NO_ATTRIBUTE);
        }
        let mut seen = std::collections::HashSet::new();
        if condition.values.is_empty() || condition.values.len() > MAX_VALUES {
            return wrong("keyCondition/values", "must be 1 to 64 texts");
        }
        for (position, value) in condition.values.iter().enumerate() {
            let at = format!("keyCondition/values/{position}");
            if value.is_empty() || value.len() > MAX_VALUE_BYTES {
                return wrong(&at, "must be a text of 1 to 1024 bytes");
            }
            if !seen.insert(value) {
                return wrong(&at, "is there twice");
            }
            if self.org_attribute.is_none() && !names_org(value) {
                return wrong(
                    &at,
                    "must hold `{org}` apart from letters, digits, `_` and `-`, unless `orgAttribute` tells whose an item is",
                );
            }
        }
        if let Some(sort) = &condition.sort {
            if !is_attribute(&sort.attribute) || sort.attribute == condition.attribute {
                return wrong("keyCondition/sortAttribute", NO_ATTRIBUTE);
            }
            if sort.prefix.is_empty() || sort.prefix.len() > MAX_VALUE_BYTES {
                return wrong("keyCondition/sortPrefix", "must be a text of 1 to 1024 bytes");
            }
        }
        Ok(())
    }
}

const NO_ATTRIBUTE: &str = "must be the name of an attribute, at most 255 bytes, and no other one's";

fn is_attribute(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_ATTRIBUTE_BYTES && !name.chars().any(char::is_control)
}

/// Whether the org's code stands in a template where no other org's code can begin with it or end in it.
fn names_org(template: &str) -> bool {
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-{}".contains(byte));
    template.match_indices(ORG).any(|(at, _)| {
        let (before, behind) = (&template.as_bytes()[..at], &template.as_bytes()[at + ORG.len()..]);
        !joins(before.last()) && !joins(behind.first())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(values: &[&str], org_attribute: Option<&str>) -> TableSource {
        TableSource {
            table: "platform".to_owned(),
            key_condition: Some(KeyCondition {
                attribute: "pk".to_owned(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                sort: Some(SortCondition { attribute: "sk".to_owned(), prefix: "VISIT#".to_owned() }),
            }),
            id_attribute: "id".to_owned(),
            org_attribute: org_attribute.map(str::to_owned),
        }
    }

    fn pointer(source: &TableSource) -> Option<String> {
        match source.check() {
            Ok(()) => None,
            Err(DefinitionError::Source { pointer, .. }) => Some(pointer),
            Err(other) => Some(other.to_string()),
        }
    }

    #[test]
    fn a_key_that_another_org_could_have_is_refused() {
        for value in ["{org}", "ORG#{org}", "{org}#1", "a.{org}.b", "{org}x#{org}"] {
            assert_eq!(pointer(&source(&[value], None)), None, "{value}");
        }
        for value in ["all", "{org}2", "x{org}", "{org}-eu", "{org}{org}", "_{org}", "{ORG}"] {
            assert_eq!(pointer(&source(&[value], None)).as_deref(), Some("/source/keyCondition/values/0"), "{value}");
            assert_eq!(pointer(&source(&[value], Some("tenant"))), None, "{value}");
        }
        let everywhere = TableSource { key_condition: None, ..source(&[], None) };
        assert_eq!(pointer(&everywhere).as_deref(), Some("/source/orgAttribute"));
        assert_eq!(pointer(&TableSource { org_attribute: Some("tenant".to_owned()), ..everywhere }), None);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let good = || source(&["{org}"], None);
        let condition = |change: fn(&mut KeyCondition)| {
            let mut source = good();
            if let Some(condition) = &mut source.key_condition {
                change(condition);
            }
            pointer(&source)
        };
        assert_eq!(pointer(&TableSource { table: "a b".to_owned(), ..good() }).as_deref(), Some("/source/table"));
        assert_eq!(
            pointer(&TableSource { id_attribute: String::new(), ..good() }).as_deref(),
            Some("/source/idAttribute")
        );
        assert_eq!(condition(|condition| condition.values.clear()).as_deref(), Some("/source/keyCondition/values"));
        let twice = |condition: &mut KeyCondition| condition.values.push("{org}".to_owned());
        assert_eq!(condition(twice).as_deref(), Some("/source/keyCondition/values/1"));
        let same = |condition: &mut KeyCondition| condition.attribute = "sk".to_owned();
        assert_eq!(condition(same).as_deref(), Some("/source/keyCondition/sortAttribute"));
    }

    #[test]
    fn the_code_of_the_org_is_put_in_everywhere() {
        assert_eq!(with_org("{org}#{org}", &"demo".parse().unwrap()), "demo#demo");
    }
}
