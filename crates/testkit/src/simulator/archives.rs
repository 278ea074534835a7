//! Whether an archive that appeared is whole, and holds what it should.

use super::network::World;
use sha2::{Digest, Sha256};
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
    let mut zip = zip::ZipArchive::new(Cursor::new(body)).map_err(|error| error.to_string())?;
    let mut text = None;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| error.to_string())?;
        let mut content = String::new();
        // Reads to the end, which checks the CRC.
        entry.read_to_string(&mut content).map_err(|error| error.to_string())?;
        if entry.name().map_err(|error| error.to_string())? == "manifest.json" {
            serde_json::from_str::<serde::de::IgnoredAny>(&content).map_err(|error| error.to_string())?;
        } else if text.replace(content).is_some() {
            return Err("more than one file of records".into());
        }
    }
    let text = text.ok_or("no file of records")?;
    let mut found: Vec<&str> = match export.format {
        ExportFormat::Ndjson => text.lines().collect(),
        ExportFormat::Json => {
            let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or("no array")?;
            inside
                .split_inclusive('}')
                .map(|record| record.trim_matches([',', '\n', ' ']))
                .filter(|r| !r.is_empty())
                .collect()
        }
        format @ (ExportFormat::Csv | ExportFormat::DetailedCsv | ExportFormat::Xml | ExportFormat::JsonApi) => {
            return Err(format!("the simulator makes no {format:?}"));
        }
    };
    found.sort_unstable();
    if world.oracle.with(|oracle| oracle.are_lines_of(&export.org, &found)) {
        Ok(())
    } else {
        Err(format!("it holds {found:?}"))
    }
}
