//! Sorted exports: in order, whole, and the same wherever runs end and merges are cut.

use crate::{
    Assembly, AssemblyHeader, Filled, Format, Level, Merge, Modified, Plan, PlanSpec, Rows, RunLength, RunPosition,
    Shape, SortError,
};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use waybill_query::{Filter, SortOrder};
use waybill_record::{Chunk, Page, PropertyType, stored};

const BLOCK_BYTES: usize = 60_000;

fn plan(format: Format) -> Plan {
    let spec = PlanSpec {
        filter: Filter::everything(),
        paths: ["_id", "n", "text"].iter().map(|path| path.parse().unwrap()).collect(),
        names: Vec::new(),
        links: Vec::new(),
        format,
        shape: Shape::default(),
        level: Level::Fast,
        raw_cells: false,
    };
    Plan::compile(&spec).unwrap()
}

fn order(text: &str) -> SortOrder {
    SortOrder::parse(&json!(text)).unwrap().resolve(|_| Ok::<_, ()>(PropertyType::Any)).unwrap()
}

fn chunk(records: &[Value]) -> Chunk {
    Page::stored(records.iter().map(|record| Bytes::from(stored::encode(record.to_string().as_bytes()))).collect())
        .whole()
}

/// The chunks as runs; one ends behind each chunk of which `ends` says so.
fn runs(plan: &Plan, order: &SortOrder, chunks: &[Chunk], ends: &[bool]) -> Vec<Vec<u8>> {
    let mut runs = Vec::new();
    let mut rows = Rows::new();
    for (position, chunk) in chunks.iter().enumerate() {
        rows.append(&plan.rows(chunk, order).unwrap());
        if ends.get(position).copied().unwrap_or(false) {
            runs.push(std::mem::take(&mut rows).into_run(BLOCK_BYTES).unwrap().bytes);
        }
    }
    runs.push(rows.into_run(BLOCK_BYTES).unwrap().bytes);
    runs
}

fn begin(make: impl FnOnce(Vec<(RunLength, RunPosition)>) -> Merge, runs: &[Vec<u8>], from: &[RunPosition]) -> Merge {
    let lengths = runs.iter().map(|run| RunLength { size_bytes: u64::try_from(run.len()).unwrap() });
    make(lengths.zip(from.iter().copied()).collect())
}

/// Feeds `merge` with `window` bytes of an input at a time until a chunk is full or all is done (`false`).
fn fill(merge: &mut Merge, runs: &[Vec<u8>], window: usize) -> bool {
    loop {
        match merge.fill().unwrap() {
            Filled::Full => return true,
            Filled::Done => return false,
            Filled::Hungry => {
                for input in merge.hungry().to_vec() {
                    let from = usize::try_from(merge.wanted_from(input).unwrap()).unwrap();
                    let end = runs[input].len().min(from + window);
                    merge.feed(input, &runs[input][from..end]);
                }
            }
        }
    }
}

/// Merges to one run, another process going on after every block where `cut`.
fn merged(runs: &[Vec<u8>], window: usize, cut: bool) -> Vec<u8> {
    let to_run = |from| Merge::to_run(BLOCK_BYTES, from);
    let mut out = Vec::new();
    let mut merge = begin(to_run, runs, &vec![RunPosition::default(); runs.len()]);
    while fill(&mut merge, runs, window) {
        out.extend(merge.take().into_frame().unwrap());
        if cut {
            let text = serde_json::to_string(&merge.positions()).unwrap();
            let positions: Vec<RunPosition> = serde_json::from_str(&text).unwrap();
            merge = begin(to_run, runs, &positions);
        }
    }
    out.extend(merge.take().into_frame().unwrap());
    out
}

/// The whole archive, another process going on after every chunk where `cut`.
fn archive(plan: &Plan, runs: &[Vec<u8>], window: usize, cut: bool) -> Vec<u8> {
    let header = AssemblyHeader {
        collection: "things".to_owned(),
        export: "6920d1f0a1b2c3d4e5f60718".to_owned(),
        org: None,
        request: Value::Null,
        modified: Modified::from_unix_secs(1_795_300_831),
    };
    let mut out = Vec::new();
    let mut assembly = Assembly::start(plan, header, &mut out).unwrap();
    let to_records = |from| Merge::to_records(plan.separator(), 3 * BLOCK_BYTES, from);
    let mut merge = begin(to_records, runs, &vec![RunPosition::default(); runs.len()]);
    while fill(&mut merge, runs, window) {
        assembly.push(&plan.block(merge.take()).unwrap(), &mut out).unwrap();
        if cut {
            let positions = merge.positions();
            merge = begin(to_records, runs, &positions);
        }
    }
    assembly.push(&plan.block(merge.take()).unwrap(), &mut out).unwrap();
    assembly.finish(&mut out).unwrap();
    out
}

fn records_of(archive: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut archive.by_name(name).unwrap(), &mut text).unwrap();
    text
}

/// Records enough for several blocks and chunks, with few values of `n`, half of them without an `_id`.
fn things(count: usize, seed: usize) -> Vec<Value> {
    (0..count)
        .map(|at| {
            let n = (at * 7919 + seed) % 97;
            let text = format!("{at:06}").repeat(1 + n * 3);
            if n.is_multiple_of(2) {
                json!({"n": n, "text": text})
            } else {
                json!({"_id": format!("{at:024x}"), "n": n, "text": text})
            }
        })
        .collect()
}

#[test]
fn large_exports_are_sorted_stably_whatever_is_merged_and_cut() {
    let plan = plan(Format::Json);
    let order = order("-n");
    let mut things = things(4000, 5);
    let chunks: Vec<Chunk> = things.chunks(100).map(chunk).collect();
    let uncut = archive(&plan, &runs(&plan, &order, &chunks, &[]), usize::MAX, false);
    let ends: Vec<bool> = (0..40).map(|position| position % 3 == 1).collect();
    let several = runs(&plan, &order, &chunks, &ends);
    assert_eq!(archive(&plan, &several, 700, true), uncut);
    // The later runs are merged to one first, and that with the others.
    for cut in [false, true] {
        let last = merged(&several[6..], 5000, cut);
        assert_eq!(last, merged(&several[6..], 100_000, false));
        let mut two_passes = several[..6].to_vec();
        two_passes.push(last);
        assert_eq!(archive(&plan, &two_passes, 60_000, cut), uncut);
    }
    let text = records_of(&uncut, "things.json");
    assert!(text.len() > 3 << 20, "{} bytes are few chunks", text.len());
    let found: Vec<Value> = serde_json::from_str(&text).unwrap();
    let number = |thing: &Value| std::cmp::Reverse(thing["n"].as_u64());
    let id = |thing: &Value| thing.get("_id").and_then(Value::as_str).map(str::to_owned);
    things.sort_by_key(|thing| (number(thing), id(thing)));
    assert!(found == things, "in another order");
}

#[test]
fn damaged_runs_are_noticed() {
    let plan = plan(Format::Ndjson);
    let good = runs(&plan, &order("n"), &[chunk(&things(2000, 1))], &[]);
    for at in [0, 5, 9, 20, good[0].len() / 2, good[0].len() - 1] {
        let mut damaged = good[0].clone();
        damaged[at] ^= 0x10;
        let length = RunLength { size_bytes: u64::try_from(damaged.len()).unwrap() };
        let mut merge = Merge::to_run(BLOCK_BYTES, vec![(length, RunPosition::default())]);
        merge.feed(0, &damaged);
        let end = loop {
            match merge.fill() {
                Ok(Filled::Full) => drop(merge.take()),
                end => break end,
            }
        };
        assert!(matches!(end, Err(SortError::Damaged { .. })), "{at}: {end:?}");
    }
}

#[test]
fn nothing_to_sort_is_an_archive_without_records() {
    let plan = plan(Format::Json);
    let none = runs(&plan, &order("n"), &[chunk(&[])], &[]);
    assert_eq!(records_of(&archive(&plan, &none, 10, false), "things.json"), "[\n]\n");
    assert_eq!(records_of(&archive(&plan, &[], 10, false), "things.json"), "[\n]\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn where_runs_end_and_merges_are_cut_cannot_be_seen(
        pages in proptest::collection::vec(proptest::collection::vec((0_u8..5, ".{0,6}"), 0..6), 1..8),
        ends in proptest::collection::vec(any::<bool>(), 8),
        split in 0_usize..8,
        window in 1_usize..200,
        format in prop::sample::select(vec![Format::Ndjson, Format::Json, Format::Csv, Format::Xml, Format::JsonApi]),
    ) {
        let plan = plan(format);
        let order = order("text,-n");
        let chunks: Vec<Chunk> = pages.iter().map(|page| {
            let records: Vec<Value> = page.iter().map(|(n, text)| json!({"n": n, "text": text})).collect();
            chunk(&records)
        }).collect();
        let uncut = archive(&plan, &runs(&plan, &order, &chunks, &[]), usize::MAX, false);
        let several = runs(&plan, &order, &chunks, &ends);
        prop_assert_eq!(&archive(&plan, &several, window, true), &uncut);
        let split = split.min(several.len());
        let two = [merged(&several[..split], window, true), merged(&several[split..], window, false)];
        prop_assert_eq!(&archive(&plan, &two, window, true), &uncut);

        let mut expected: Vec<&(u8, String)> = pages.iter().flatten().collect();
        expected.sort_by_key(|(n, text)| (text, std::cmp::Reverse(*n)));
        if format == Format::Ndjson {
            let text = records_of(&uncut, "things.ndjson");
            let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let expected: Vec<Value> = expected.iter().map(|(n, text)| json!({"n": n, "text": text})).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
