//! Exports of every collection of an org: each after the other, with the columns of all, whatever is cut.

mod apart;

use super::*;
use std::collections::BTreeMap;
use waybill_domain::{CollectionName, ScopeRequest};

impl Fixture {
    /// The same with `count` shoes besides, whose names have a language, some of them variants of others.
    fn with_shoes(count: usize) -> Self {
        let fixture = Self::new(40);
        let name = waybill_domain::Property {
            dimensions: vec!["lang".to_owned()],
            inheritable: true,
            ..samples::property("name", PropertyKind::String)
        };
        let properties = vec![samples::property("size", PropertyKind::Number), name];
        let collection: Collection = samples::collection(&fixture.admin.org, &"shoes".parse().unwrap(), properties);
        block_on(fixture.ports.insert(&collection)).unwrap();
        let id = |n: usize| format!("{:024x}", n * 104_729 + 7);
        let patches: Vec<RecordPatch> = (0..count)
            .map(|n| {
                let parent =
                    if n % 3 == 2 { format!(r#","_parent":"{}","_level":1"#, id(n - 1)) } else { String::new() };
                let name =
                    if n % 3 == 2 { "[]".to_owned() } else { format!(r#"[{{"scope":{{}},"value":"shoe {n}"}}]"#) };
                let json = format!(r#"{{"_id":"{}","size":{n},"name":{name}{parent}}}"#, id(n));
                RecordPatch { id: id(n).parse().unwrap(), json: json.into() }
            })
            .collect();
        block_on(fixture.ports.records.put(&fixture.admin.org, &"shoes".parse().unwrap(), &patches)).unwrap();
        fixture
    }

    fn everything(&self, format: ExportFormat, variants: bool) -> Result<ExportView, Error> {
        let scope = ScopeRequest { segments: BTreeMap::new(), variants, catalog: None };
        let command = CreateExport {
            scope: Some(scope),
            ..CreateExport::new(Surface::Sigma, CollectionName::everything(), format)
        };
        block_on(create_export(&self.ports.context(), &*self.ports.wake, &self.admin, &command))
    }
}

#[test]
fn variants_inherit_from_sixteen_records_above_them_and_an_export_of_more_or_of_a_circle_fails_and_says_so() {
    let exported = |parents: &[(usize, usize)], count: usize, catalog: Option<&str>| {
        let fixture = Fixture::with_shoes(0);
        let id = |n: usize| format!("{:024x}", n * 104_729 + 7);
        let shoe = |n: usize| {
            let parent = parents.iter().find(|(of, _)| *of == n);
            let parent = parent.map(|(_, parent)| format!(r#","_parent":"{}""#, id(*parent))).unwrap_or_default();
            let top = if n == 0 { r#","name":"top","_catalogs":["spring"]"# } else { "" };
            RecordPatch {
                id: id(n).parse().unwrap(),
                json: format!(r#"{{"_id":"{}","size":{n}{top}{parent}}}"#, id(n)).into(),
            }
        };
        let patches: Vec<RecordPatch> = (0..count).map(shoe).collect();
        block_on(fixture.ports.records.put(&fixture.admin.org, &"shoes".parse().unwrap(), &patches)).unwrap();
        let scope = ScopeRequest { segments: BTreeMap::new(), variants: true, catalog: catalog.map(str::to_owned) };
        let command = CreateExport {
            scope: Some(scope),
            ..CreateExport::new(Surface::Sigma, "shoes".parse().unwrap(), ExportFormat::Csv)
        };
        let view = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
        let view = view.unwrap();
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        match fixture.read(&view).export.state {
            State::Failed { failure, .. } => Err(failure.message),
            _ => Ok(entry(&fixture.archive(&view), "shoes.csv")),
        }
    };
    let chain = |count: usize| (1..count).map(|n| (n, n - 1)).collect::<Vec<_>>();
    for catalog in [None, Some("spring")] {
        let text = exported(&chain(17), 17, catalog).unwrap();
        assert_eq!(text.lines().skip(1).filter(|line| line.ends_with(",top")).count(), 17, "{text}");
    }
    for (parents, count) in [(chain(18), 18), (vec![(1, 2), (2, 1)], 3), (vec![(1, 1)], 2)] {
        let message = exported(&parents, count, None).unwrap_err();
        assert!(message.contains("more than 16 records above it, or is above itself"), "{message}");
    }
}

#[test]
fn an_export_of_every_collection_has_the_columns_of_all_and_one_collection_after_the_other() {
    let fixture = Fixture::with_shoes(60);
    let view = fixture.everything(ExportFormat::Csv, true).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let text = entry(&fixture.archive(&view), "everything.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("_id,_parentId,_level,size,name,n"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), fixture.read(&view).export.progress.records), (100, 100));
    // Shoes first, all of them, then things.
    assert!(rows[..60].iter().all(|row| row[4].starts_with("shoe ") && row[5].is_empty()), "{text}");
    assert!(rows[60..].iter().all(|row| row[4].starts_with("thing ") && row[3].is_empty()), "{text}");
    let variants = rows.iter().filter(|row| row[2] == "1");
    let inherits = |row: &&Vec<&str>| row[4] == format!("shoe {}", row[3].parse::<usize>().unwrap() - 1);
    assert_eq!(variants.filter(inherits).count(), 20, "{text}");
    let plain = fixture.everything(ExportFormat::Ndjson, false).unwrap();
    assert_eq!(fixture.step(&plain, FOREVER), Verdict::Done);
    assert_eq!(fixture.read(&plain).export.progress.records, 80, "variants were not asked for");
}

#[test]
fn an_export_of_every_collection_cut_after_every_page_is_that_of_an_uncut_one() {
    for format in [ExportFormat::Csv, ExportFormat::Json, ExportFormat::Xml] {
        let (uncut, cut) = (Fixture::with_shoes(60), Fixture::with_shoes(60));
        let (view, same) = (uncut.everything(format, true).unwrap(), cut.everything(format, true).unwrap());
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let mut steps = 0;
        while cut.step(&same, Duration::ZERO) == Verdict::Retry {
            steps += 1;
            assert!(steps < 500, "does not end");
        }
        assert!(steps > 20, "{steps} steps");
        assert_eq!(uncut.archive(&view), cut.archive(&same), "{format:?}");
    }
}

#[test]
fn what_is_said_of_one_collection_is_refused_by_name_and_the_collections_are_those_of_the_org() {
    let fixture = Fixture::with_shoes(3);
    let command = CreateExport {
        paths: vec!["n".parse().unwrap()],
        sort: Some(waybill_query::SortOrder::parse(&serde_json::json!({"n": 1})).unwrap()),
        ..CreateExport::new(Surface::Admin, CollectionName::everything(), ExportFormat::Csv)
    };
    let create = |command: &CreateExport| {
        block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, command))
    };
    match create(&command) {
        Err(Error::Invalid(errors)) => {
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["paths", "sort"]);
        }
        other => panic!("{other:?}"),
    }
    let elsewhere = CreateExport::new(Surface::Cortex, CollectionName::everything(), ExportFormat::Csv);
    assert!(matches!(create(&elsewhere), Err(Error::UnknownCollection { .. })));
    // One that is deleted while it waits fails it, as that of an export of one does.
    let view = fixture.everything(ExportFormat::Csv, false).unwrap();
    let row =
        block_on(fixture.ports.rows().collection(&fixture.admin.org, &"shoes".parse().unwrap())).unwrap().unwrap();
    let mut transaction = fixture.ports.context().transaction();
    transaction.delete(&row);
    block_on(transaction.commit(&*fixture.ports.context().state)).unwrap();
    fixture.step(&view, FOREVER);
    match fixture.read(&view).export.state {
        State::Failed { failure, .. } => {
            assert_eq!(failure.code, FailureCode::CollectionMissing, "{failure:?}");
            assert!(failure.message.contains("`shoes`"), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn members_are_seen_as_each_collection_says() {
    let fixture = Fixture::with_shoes(3);
    let member = samples::principal("demo", Role::Member).unwrap();
    let command = CreateExport::new(Surface::Admin, CollectionName::everything(), ExportFormat::Ndjson);
    let view = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &member, &command)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(fixture.read(&view).export.progress.records, 0, "nobody granted members anything");
}
