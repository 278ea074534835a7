//! The records of the demo org: airports of the world and the countries that they refer to, loaded through the HTTP API.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::data_folder::OpenFolder;

/// File of the data folder that says that everything was loaded.
const LOADED_FILE: &str = "loaded.json";

/// Bytes of records in one call; the API takes 4 MiB.
const CALL_BYTES: usize = 512 * 1024;

/// Calls under way side by side.
const CALLS: usize = 3;

const AIRPORTS: &[u8] = include_bytes!("../data/airports.ndjson.gz");
const COUNTRIES: &[u8] = include_bytes!("../data/countries.ndjson.gz");

/// How far the loading of the demo's records has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loading {
    /// The collection.
    pub collection: &'static str,
    /// Records of it that are loaded.
    pub loaded: u64,
    /// Records of it in all.
    pub total: u64,
}

#[derive(Serialize, Deserialize)]
struct Loaded {
    org: String,
}

#[derive(Deserialize)]
struct LoadReply {
    accepted: u64,
    #[serde(default)]
    rejected: Vec<Value>,
}

struct Collection {
    name: &'static str,
    packed: &'static [u8],
    definition: Value,
}

/// Loads the records into `org` unless that was done before. A loading that was cut short is done again: records are
/// told apart by their ids, so none is there twice.
///
/// # Errors
/// When the API refuses a collection or a record.
pub(crate) async fn load_once(
    api: &Api,
    folder: &OpenFolder,
    org: &str,
    admin_key: &str,
    report: &(dyn Fn(Loading) + Send + Sync),
) -> Result<()> {
    if folder.read::<Loaded>(LOADED_FILE)?.is_some_and(|loaded| loaded.org == org) {
        return Ok(());
    }
    for collection in [countries(), airports()] {
        load(api, admin_key, &collection, report)
            .await
            .with_context(|| format!("{} cannot be loaded", collection.name))?;
    }
    folder.write(LOADED_FILE, &Loaded { org: org.to_owned() })
}

async fn load(
    api: &Api,
    admin_key: &str,
    collection: &Collection,
    report: &(dyn Fn(Loading) + Send + Sync),
) -> Result<()> {
    let path = format!("/v1/collections/{}", collection.name);
    api.send::<Value>(Method::PUT, &path, admin_key, &collection.definition).await?;
    let path = format!("{path}/records");
    let mut text = String::new();
    GzDecoder::new(collection.packed).read_to_string(&mut text).context("the shipped records are damaged")?;
    let total = u64::try_from(text.lines().count())?;
    let mut loaded = 0;
    report(Loading { collection: collection.name, loaded, total });
    let calls = stream::iter(calls(&text)).map(|lines| {
        let path = &path;
        async move { api.send_lines::<LoadReply>(path, admin_key, lines.as_bytes().to_vec()).await }
    });
    let mut replies = calls.buffer_unordered(CALLS);
    while let Some(reply) = replies.try_next().await? {
        if let Some(rejected) = reply.rejected.first() {
            bail!("a shipped record is refused: {rejected}");
        }
        loaded += reply.accepted;
        report(Loading { collection: collection.name, loaded, total });
    }
    if loaded != total {
        bail!("{loaded} of {total} records were accepted");
    }
    Ok(())
}

/// The text in pieces of whole lines, each at most [`CALL_BYTES`] long (or one line, if that is longer).
fn calls(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = if rest.len() <= CALL_BYTES {
            rest.len()
        } else {
            let last = rest.as_bytes()[..CALL_BYTES].iter().rposition(|byte| *byte == b'\n');
            let line_end = last.or_else(|| rest.find('\n'));
            line_end.map_or(rest.len(), |newline| newline + 1)
        };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn airports() -> Collection {
    let definition = json!({
        "name": "airports",
        "singular": "airport",
        "source": {"type": "records"},
        "access": {"default": [{"type": "role", "target": "member", "allow": 4}]},
        "properties": {
            "icao": {"type": "string"},
            "iata": {"type": "string"},
            "name": {"type": "string"},
            "city": {"type": "string"},
            "subd": {"type": "string"},
            "tz": {"type": "string"},
            "lid": {"type": "string"},
            "elevation": {"type": "number"},
            "location": {"type": "document", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
            "country": {"type": "reference", "collection": "countries"},
        },
    });
    Collection { name: "airports", packed: AIRPORTS, definition }
}

fn countries() -> Collection {
    let definition = json!({
        "name": "countries",
        "singular": "country",
        "source": {"type": "records"},
        "access": {"default": [{"type": "role", "target": "member", "allow": 4}]},
        "properties": {
            "code": {"type": "string"},
            "name": {"type": "string"},
            "native": {"type": "string"},
            "continent": {"type": "string"},
            "capital": {"type": "string"},
            "phone": {"type": "number", "array": true},
            "currency": {"type": "string", "array": true},
            "languages": {"type": "string", "array": true},
            "continents": {"type": "string", "array": true, "optional": true},
            "alias": {"type": "string", "array": true, "optional": true},
            "partOf": {"type": "string", "optional": true},
            "userAssigned": {"type": "boolean", "optional": true},
        },
    });
    Collection { name: "countries", packed: COUNTRIES, definition }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_records_are_whole() {
        for (collection, expected) in [(airports(), 28_298), (countries(), 252)] {
            let mut text = String::new();
            GzDecoder::new(collection.packed).read_to_string(&mut text).unwrap();
            let ids: std::collections::BTreeSet<String> = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["_id"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(ids.len(), expected);
        }
    }

    #[test]
    fn calls_are_whole_lines_and_together_the_text() {
        let lines: Vec<String> = (0..200_000).map(|line| format!("{{\"line\":{line}}}\n")).collect();
        let text = lines.concat();
        let pieces = calls(&text);
        assert!(pieces.len() > 4);
        assert!(pieces.iter().all(|piece| piece.len() <= CALL_BYTES && piece.ends_with('\n')));
        assert_eq!(pieces.concat(), text);
        let long = "x".repeat(CALL_BYTES * 2);
        assert_eq!(calls(&long), [long.as_str()]);
        let lines = format!("{long}\na\nb");
        assert_eq!(calls(&lines).concat(), lines);
        assert!(calls("").is_empty());
    }
}
