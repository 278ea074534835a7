//! Whether an archive that appeared is whole, and holds what it should.

use super::network::World;
use quick_xml::events::Event;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use waybill_domain::{Archive, Export, ExportFormat};

/// Holds the archive of an export that became ready against the records.
pub(super) fn check(world: &World, export: &Export) {
    let Some(archive) = export.archive() else { return };
    if let Err(why) = read(world, export, archive) {
        world.violate(format!("{}: the archive {} is not whole: {why}", export.id, archive.key));
    }
}

fn read(world: &World, export: &Export, archive: &Archive) -> Result<(), String> {
    let body = world.archives.body(&archive.key).ok_or("it is not there")?;
    let size = u64::try_from(body.len()).unwrap_or(0);
    if size != archive.size_bytes {
        return Err(format!("{size} bytes instead of {}", archive.size_bytes));
    }
    if hex::encode(Sha256::digest(&body)) != archive.sha256 {
        return Err("its SHA-256 is another".into());
    }
    let mut entries = unzip(&body)?;
    let manifest = entries.remove("manifest.json").ok_or("no manifest")?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&manifest).map_err(|error| error.to_string())?;
    let inner = entries.remove("files.zip").map(|inner| unzip(&inner)).transpose()?;
    let (files, records): (BTreeMap<_, _>, BTreeMap<_, _>) =
        entries.into_iter().partition(|(name, _)| name.starts_with("files/"));
    let files = inner.unwrap_or(files).into_iter();
    let files: BTreeMap<String, String> =
        files.map(|(name, body)| (name, String::from_utf8_lossy(&body).into_owned())).collect();
    let label = export.label.clone().unwrap_or_default();
    let no_files = label.ends_with("files:None") && files.is_empty();
    if !no_files && !world.oracle.with(|oracle| oracle.are_files_of(&export.org, &files)) {
        return Err(format!("it holds the files {files:?}"));
    }
    let [text] = &*records.into_values().collect::<Vec<_>>() else { return Err("not one file of records".into()) };
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut found = lines(export.format, text)?;
    if label.contains("sorted:true") && !found.is_sorted_by(|a, b| number(a) >= number(b)) {
        return Err(format!("it is not in order: {found:?}"));
    }
    found.sort_unstable();
    let sorted: Vec<&str> = found.iter().map(String::as_str).collect();
    if world.oracle.with(|oracle| oracle.are_lines_of(&export.org, &sorted)) {
        Ok(())
    } else {
        Err(format!("it holds {found:?}"))
    }
}

/// The records of a file in its order, each as the line of NDJSON that it is.
fn lines(format: ExportFormat, text: &str) -> Result<Vec<String>, String> {
    match format {
        ExportFormat::Ndjson => Ok(text.lines().map(str::to_owned).collect()),
        ExportFormat::Json => {
            let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or("no array")?;
            let records = inside.split_inclusive('}').map(|record| record.trim_matches([',', '\n', ' ']));
            Ok(records.filter(|record| !record.is_empty()).map(str::to_owned).collect())
        }
        ExportFormat::Csv | ExportFormat::DetailedCsv => {
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            rows.deserialize().map(|row| Ok(line(&row.map_err(|error| error.to_string())?))).collect()
        }
        ExportFormat::JsonApi => {
            let resources: Vec<Resource> = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let resources = resources.into_iter();
            Ok(resources
                .map(|Resource { id, attributes: Attributes { n, s } }| line(&Fields { id, n: n.to_string(), s }))
                .collect())
        }
        ExportFormat::Xml => xml_lines(text),
        ExportFormat::Pdf => Err("the simulator makes no PDF".into()),
    }
}

/// What every record has.
#[derive(Default, Deserialize)]
struct Fields {
    #[serde(rename = "_id")]
    id: String,
    n: String,
    s: String,
}

fn line(Fields { id, n, s }: &Fields) -> String {
    format!("{{\"_id\":\"{id}\",\"n\":{n},\"s\":\"{s}\"}}")
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    n: serde_json::Number,
    s: String,
}

/// The records below the root, read to its end.
fn xml_lines(text: &str) -> Result<Vec<String>, String> {
    let (mut reader, mut open, mut found) = (quick_xml::Reader::from_str(text), Vec::new(), Vec::new());
    let (mut fields, mut has_ended) = (Fields::default(), false);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => open.push(start.name().as_ref().to_vec()),
            Event::Text(content) if open.len() == 3 => {
                let content = content.decode().map_err(|error| error.to_string())?.into_owned();
                match open.last().map(Vec::as_slice) {
                    Some(b"_id") => fields.id = content,
                    Some(b"n") => fields.n = content,
                    Some(b"s") => fields.s = content,
                    _ => {}
                }
            }
            Event::End(_) => {
                open.pop();
                match open.len() {
                    1 => found.push(line(&std::mem::take(&mut fields))),
                    0 => has_ended = true,
                    _ => {}
                }
            }
            Event::Eof if has_ended => return Ok(found),
            Event::Eof => return Err("the document does not end".into()),
            _ => {}
        }
    }
}

/// What a record is sorted by.
fn number(record: &str) -> i64 {
    let number = record.split_once("\"n\":").map(|(_, rest)| rest);
    number.and_then(|rest| rest.split_once(['.', ',', '}'])?.0.parse().ok()).unwrap_or(-1)
}

/// The entries of an archive, each read to its end, which checks its CRC.
fn unzip(body: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(body)).map_err(|error| error.to_string())?;
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?.into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| error.to_string())?;
        if entries.insert(name.clone(), content).is_some() {
            return Err(format!("`{name}` is in it twice"));
        }
    }
    Ok(entries)
}
