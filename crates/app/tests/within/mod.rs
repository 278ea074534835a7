//! Exports that are limited to one record: the records of its lists, the documents of its arrays, and nobody's who may not read it.

use super::seen::{account, exported, hospital, load, paths, visits};
use super::{FOREVER, Fixture};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;
use waybill_app::{CreateExport, Error, FilterRequest, create_export, create_export_within};
use waybill_domain::{ExportFormat, FailureCode, State, Surface};
use waybill_ports::RecordStore as _;
use waybill_query::SortOrder;

const SITE: &str = "000000000000000000000065";

/// Site 1 has visits 1, 4 and 5, and three lines.
fn stocked() -> Fixture {
    let fixture = hospital();
    let visit = |n: u32| format!(r#"{{"_id":"{n:024x}","n":{n},"secret":{n},"site":"{SITE}","place":{{}}}}"#);
    load(&fixture, "visits", &[visit(4), visit(5)].join("\n"));
    let (owner, seen) = (account(13), format!("{:024x}", 1));
    let site = format!(
        r#"{{"_id":"{SITE}","code":"s1","vault":1,"owner":"{owner}","notes":[{{"by":"Ann"}}],"lines":[
        {{"sku":"b","cost":2.50,"visit":"{seen}"}},{{"sku":"a","cost":10}},{{"sku":"c","cost":7,"visit":"{seen}"}}]}}"#
    );
    load(&fixture, "sites", &site.replace('\n', ""));
    fixture
}

fn within(property: &str, format: ExportFormat) -> CreateExport {
    let objects = if property == "visits" { "visits" } else { "sites" };
    let prefix = format!("sites/{SITE}/{property}").parse().ok();
    CreateExport { prefix, ..CreateExport::new(Surface::Cortex, objects.parse().unwrap(), format) }
}

fn filter(condition: Value) -> FilterRequest {
    FilterRequest::CortexWhere { text: condition.to_string(), condition }
}

fn sort(by: &str) -> Option<SortOrder> {
    SortOrder::parse(&json!(by)).ok()
}

#[test]
fn a_list_gives_the_records_that_lead_back_and_of_those_what_is_asked_for() {
    let fixture = stocked();
    let of_list =
        CreateExport { sort: sort("-n"), paths: paths(["n", "secret"]), ..within("visits", ExportFormat::Csv) };
    let rows = |who: &str, command: &CreateExport| exported(&fixture, who, command.clone()).replace("\r\n", " ");
    assert_eq!(rows("admin", &of_list), "n,secret 5,5 4,4 1,8 ");
    assert_eq!(rows("doctor", &of_list), "n,secret 5,5 4,4 1,8 ");
    // Of their own site, they see their own visit.
    assert_eq!(rows("owner", &of_list), "n,secret 1,8 ");
    let some = CreateExport { filter: Some(filter(json!({"$or":[{"n":{"$lt":5}},{"n":2}]}))), ..of_list.clone() };
    assert_eq!(rows("admin", &some), "n,secret 4,4 1,8 ");
    let across = CreateExport { paths: paths(["n", "site.code"]), ..of_list.clone() };
    assert_eq!(rows("admin", &across), "n,site.code 5,s1 4,s1 1,s1 ");
    let total = json!([{"$group":{"_id":"$site","n":{"$sum":"$n"}}}]);
    let summed = CreateExport { pipeline: Some(total), paths: Vec::new(), sort: None, ..of_list };
    assert_eq!(rows("admin", &summed), format!("_id,n {SITE},10 "));
}

#[test]
fn an_array_gives_its_documents_as_far_as_they_are_seen() {
    let fixture = stocked();
    let lines = within("lines", ExportFormat::Ndjson);
    let rows = |who: &str, command: &CreateExport| exported(&fixture, who, command.clone()).replace('\n', " ");
    let seen = format!("{:024x}", 1);
    let all = format!(
        r#"{{"sku":"b","cost":2.50,"visit":"{seen}"}} {{"sku":"a","cost":10}} {{"sku":"c","cost":7,"visit":"{seen}"}} "#
    );
    assert_eq!(rows("admin", &lines), all);
    assert_eq!(rows("owner", &lines), all);
    let without = [r#","cost":2.50"#, r#","cost":10"#, r#","cost":7"#];
    assert_eq!(rows("doctor", &lines), without.iter().fold(all, |text, cost| text.replace(cost, "")));
    let dear = CreateExport { filter: Some(filter(json!({"cost":{"$gt":3}}))), sort: sort("-cost"), ..lines.clone() };
    assert_eq!(rows("admin", &CreateExport { paths: paths(["sku"]), ..dear.clone() }), r#"{"sku":"a"} {"sku":"c"} "#);
    assert_eq!(rows("doctor", &dear), "", "a condition tells what is hidden");
    let visited = CreateExport { paths: paths(["sku", "visit.n"]), format: ExportFormat::Csv, ..lines.clone() };
    assert_eq!(rows("admin", &visited), "sku,visit.n\r b,1\r a,\r c,1\r ");
    let dearest = json!([{"$sort":{"cost":-1}},{"$limit":1},{"$project":{"sku":1}}]);
    assert_eq!(rows("admin", &CreateExport { pipeline: Some(dearest), ..lines }), "{\"sku\":\"a\"} ");
    let notes = CreateExport { paths: paths(["by"]), ..within("notes", ExportFormat::Ndjson) };
    assert_eq!(rows("admin", &notes), "{\"by\":\"Ann\"} ");
}

#[test]
fn whoever_may_not_read_the_record_gets_nothing_of_it() {
    let fixture = stocked();
    let (context, records, wake) = (fixture.ports.context(), &*fixture.ports.records, &*fixture.ports.wake);
    // Nurses read all visits, and no site.
    for (property, principal) in [("visits", 11), ("lines", 11), ("visits", 15)] {
        let command = CreateExport { principal: Some(account(principal)), ..within(property, ExportFormat::Csv) };
        let refused = block_on(create_export_within(&context, records, wake, &fixture.admin, &command));
        let Err(Error::NotFound { kind: "record", id }) = refused else { panic!("{refused:?}") };
        assert_eq!(id, format!("sites/{SITE}/{property}"));
        let view = block_on(create_export(&context, wake, &fixture.admin, &command)).unwrap();
        fixture.step(&view, FOREVER);
        assert_eq!(failure(&fixture, &view), FailureCode::RecordMissing);
    }
    let command = within("visits", ExportFormat::Csv);
    assert!(block_on(create_export_within(&context, records, wake, &fixture.admin, &command)).is_ok());
}

fn failure(fixture: &Fixture, view: &waybill_app::ExportView) -> FailureCode {
    let State::Failed { failure, .. } = fixture.read(view).export.state else { panic!("it did not fail") };
    assert!(failure.message.contains(SITE), "{failure}");
    failure.code
}

#[test]
fn an_export_fails_when_its_record_goes_between_its_steps() {
    let fixture = stocked();
    let (context, wake) = (fixture.ports.context(), &*fixture.ports.wake);
    let command = within("visits", ExportFormat::Ndjson);
    let view = block_on(create_export(&context, wake, &fixture.admin, &command)).unwrap();
    fixture.step(&view, Duration::ZERO);
    assert!(matches!(fixture.read(&view).export.state, State::Running { .. }));
    let sites = "sites".parse().unwrap();
    block_on(fixture.ports.records.delete(&fixture.admin.org, &sites, &[SITE.parse().unwrap()])).unwrap();
    fixture.ports.clock.advance(Duration::from_secs(2));
    fixture.step(&view, FOREVER);
    assert_eq!(failure(&fixture, &view), FailureCode::RecordMissing);
}

#[test]
fn what_leads_nowhere_is_refused_with_the_reason() {
    let fixture = stocked();
    let refused = |command: CreateExport| {
        let made = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
        made.map(|_| ()).unwrap_err().to_string()
    };
    let of = |property: &str| refused(within(property, ExportFormat::Csv));
    assert_eq!(of("height"), "prefix: names `height`, which is no property of `sites`");
    let neither = "which is neither a list nor an array of documents";
    assert_eq!(of("code"), format!("prefix: names `code`, {neither}"));
    assert_eq!(of("lines.sku"), format!("prefix: names `lines.sku`, {neither}"));
    assert_eq!(of("notes"), "paths: must be given: the documents that `prefix` leads to declare no properties");
    let id = CreateExport { paths: paths(["_id"]), ..within("lines", ExportFormat::Csv) };
    assert_eq!(refused(id), "paths.0: `_id` is no property of `sites`");
    let parent = CreateExport { collection: "things".parse().unwrap(), ..within("visits", ExportFormat::Csv) };
    assert_eq!(refused(parent), "prefix: leads to records of `visits`, which `objects` has to name");
    let elements = CreateExport { collection: "visits".parse().unwrap(), ..within("lines", ExportFormat::Csv) };
    assert_eq!(refused(elements), "prefix: leads to documents in `sites`, which `objects` has to name");
    let accounts = format!("accounts/{SITE}/roles").parse().ok();
    assert!(refused(CreateExport { prefix: accounts, ..visits(ExportFormat::Csv) }).contains("`accounts`"));
    let nothing = format!("nothing/{SITE}/visits").parse().ok();
    assert_eq!(
        refused(CreateExport { prefix: nothing, ..visits(ExportFormat::Csv) }),
        "collection `nothing` does not exist"
    );
    for (path, reason) in [
        ("site.code", "reference `site`: a condition sees records as they are stored, where a reference is an id"),
        ("owner.email", "reference `owner`: a condition sees records as they are stored, where a reference is an id"),
    ] {
        let across = CreateExport { filter: Some(filter(json!({path: 1}))), ..visits(ExportFormat::Csv) };
        assert_eq!(refused(across), format!("where: `{path}` goes through the {reason}"));
    }
    let whole = CreateExport {
        paths: paths(["visits"]),
        ..CreateExport::new(Surface::Cortex, "sites".parse().unwrap(), ExportFormat::Csv)
    };
    assert_eq!(refused(whole), "paths.0: `visits` goes through the list `visits`, whose records are none of its parts");
}
