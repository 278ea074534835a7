//! P5: values of dimensions, flattened on the way out, beside the same records as plain ones: one thread, by processor time.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waybill_engine::{Format, Scope, ScopedProperty};
use waybill_query::Filter;
use waybill_record::{Page, PageReader, Tape, stored};

use super::job::{Effort, Job, StepsJob};
use super::launcher::Launcher;
use super::lines::plan;
use super::report::{Cell, Section};
use super::statistics::Spread;
use super::steps::{pages, plain_blocks, processor_secs, scan, transform};
use super::{Asked, data};
use crate::amount;
use crate::terminal;

/// The properties that have a value for each language.
const SCOPED: [&str; 3] = ["name", "notes", "tags"];

/// What records cost in one form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FormCost {
    /// JSON that is read, in bytes.
    json_bytes: u64,
    /// Processor seconds of each round: scan, flattening, columns, CSV, checksum, deflate.
    secs: Vec<f64>,
}

/// Both forms of the same records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scopes {
    records: u64,
    /// Plain, without a scope.
    plain: FormCost,
    /// With a value for each of two languages and one for all, under a scope that names one.
    scoped: FormCost,
}

/// The same records with values of dimensions: the one that the plain record has is the second of three.
fn scoped(plain: &Page) -> Result<Page> {
    let (mut reader, mut tape) = (PageReader::new(), Tape::new());
    let chunk = plain.whole();
    let (mut records, mut texts) = (Vec::new(), reader.read(&chunk));
    while let Some(text) = texts.next_text() {
        let record = tape.scan(text?)?;
        let mut out = vec![stored::PLAIN, b'{'];
        for (key, value) in record.root().members() {
            if out.len() > 2 {
                out.push(b',');
            }
            out.extend_from_slice(key.source());
            out.push(b':');
            if SCOPED.iter().any(|name| key.key_is(name)) {
                out.extend_from_slice(br#"[{"scope":{},"value":"of all languages"},{"scope":{"lang":"da"},"value":"#);
                out.extend_from_slice(value.source());
                out.extend_from_slice(br#"},{"scope":{"lang":"en"},"value":"of another language"}]"#);
            } else {
                out.extend_from_slice(value.source());
            }
        }
        out.push(b'}');
        records.push(Bytes::from(out));
    }
    Ok(Page::stored(records))
}

fn scope() -> Scope {
    let properties =
        SCOPED.iter().map(|name| ScopedProperty { name: (*name).to_owned(), dimensional: true, inheritable: false });
    let asked = BTreeMap::from([("lang".to_owned(), "da".to_owned())]);
    Scope::compile(properties.collect(), (asked, BTreeMap::new()), false, None)
}

/// Measures both, in turn; they write the same bytes, or there is nothing to compare.
pub(super) fn run(job: &StepsJob) -> Result<Scopes> {
    let of_plain = pages(job)?;
    let of_scoped: Vec<Page> = of_plain.iter().map(scoped).collect::<Result<_>>()?;
    let plain = plan(Format::Csv, Effort::Default.of_engine(), Filter::everything())?;
    let flat = plan(Format::Csv, Effort::Default.of_engine(), Filter::everything())?.within(Some(scope()));
    if plain_blocks(&plain, &of_plain)? != plain_blocks(&flat, &of_scoped)? {
        bail!("flattened records are not written as the plain ones are");
    }
    let cost = |pages: &[Page]| scan(pages).map(|json_bytes| FormCost { json_bytes, secs: Vec::new() });
    let records = of_plain.iter().map(|page| u64::try_from(page.len()).unwrap_or(u64::MAX)).sum();
    let mut scopes = Scopes { records, plain: cost(&of_plain)?, scoped: cost(&of_scoped)? };
    for _ in 0..job.rounds {
        scopes.plain.secs.push(processor_secs(|| transform(&plain, &of_plain, |_| Ok(())))?.0);
        scopes.scoped.secs.push(processor_secs(|| transform(&flat, &of_scoped, |_| Ok(())))?.0);
    }
    Ok(scopes)
}

/// What flattening costs beside not having to.
pub(super) fn section(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    terminal::note("values of dimensions ...");
    let job =
        StepsJob { lines: data::lines(asked.folder.path()), most_bytes: asked.step_bytes(), rounds: asked.rounds };
    let scopes: Scopes = launcher.run(&Job::Scopes(job), 1)?;
    let columns = ["records", "JSON bytes each", "processor ns a record", "ns a byte of JSON", "beside plain, a byte"];
    let title = "values of dimensions flattened, one thread, CSV, level default, 3 properties of three values each";
    let mut section = Section::new("P5", title, &columns);
    let records = amount::float(scopes.records.max(1));
    let per_byte = |cost: &FormCost| -> Vec<f64> {
        cost.secs.iter().map(|secs| secs * 1e9 / amount::float(cost.json_bytes.max(1))).collect()
    };
    let beside = per_byte(&scopes.plain);
    for (name, cost) in [("plain", &scopes.plain), ("of dimensions", &scopes.scoped)] {
        section.row(vec![
            Cell::text(name),
            Cell::of(Spread::of([amount::float(cost.json_bytes) / records]), 0, ""),
            Cell::of(Spread::of(cost.secs.iter().map(|secs| secs * 1e9 / records)), 0, ""),
            Cell::of(Spread::of(per_byte(cost)), 2, ""),
            Cell::of(Spread::of_ratios(&per_byte(cost), &beside), 2, "×"),
        ]);
    }
    section.notes.push("Both write the same bytes, which is checked before anything is measured.".to_owned());
    Ok(section)
}
