//! `CloudFormation`'s YAML as JSON values: a short form (`!Ref Api`) becomes an object with that tag as its only key.

use anyhow::{Context as _, Result, bail};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

/// Parses one document; mappings keep the order of their keys.
pub(crate) fn parse(text: &str) -> Result<Value> {
    let documents = Yaml::load_from_str(text)?;
    match documents.as_slice() {
        [document] => value(document),
        _ => bail!("{} documents instead of one", documents.len()),
    }
}

fn value(node: &Yaml<'_>) -> Result<Value> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => Value::from(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, entry) in entries {
                object.insert(key.as_str().context("a key that is no text")?.to_owned(), value(entry)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tag, inner) => Value::Object(Map::from_iter([(format!("!{}", tag.suffix), value(inner)?)])),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => bail!("not a plain node: {node:?}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_become_objects() -> Result<()> {
        let parsed = parse("a: !Ref B\nc: [!Sub '${D}/x', 1, true, \"true\"]\ne: !If [F, {g: ~}, \"2012-10-17\"]\n")?;
        let expected = json!({
            "a": {"!Ref": "B"},
            "c": [{"!Sub": "${D}/x"}, 1, true, "true"],
            "e": {"!If": ["F", {"g": null}, "2012-10-17"]},
        });
        assert_eq!(parsed, expected);
        Ok(())
    }

    #[test]
    fn two_documents_are_refused() {
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
    }
}
