//! The routes as clients see them: golden replies, and what holds over several of them.

use crate::stage::{EXPORTS, Stage, body, key, wanted};
use serde_json::{Value, json};
use std::time::Duration;
use waybill_domain::{Failure, FailureCode, PropertyKind, RecordCount, Role, State, Timestamp};
use waybill_testkit::samples;

/// A body with everything that a client may ask.
const EVERYTHING: &str = r#"{"name":"Due: invoices/May","resource":"invoices","format":"json-api","fields":["id","billingAddress/country",
    "amount"],"arguments":{"filter":"amount:10..;billingAddress.country:!US","sort":"-amount,createdTime","q":"acme"},
    "dateRange":{"start":"first day of last month midnight","end":"first day of this month midnight"},
    "scheduledTime":"2026-06-01T02:00:00+02:00","emailNotification":["ann@example.com","bob@example.com"],"recurring":null}"#;

#[tokio::test]
async fn an_export_is_shown_in_each_of_its_states() {
    let stage = Stage::new().await;
    insta::assert_snapshot!("pending", stage.member("POST", &format!("{EXPORTS}/?expand=user"), EVERYTHING).await);
    let made = stage.member("POST", EXPORTS, &wanted("all")).await;
    insta::assert_snapshot!("queued", made);
    let id = body(&made)["id"].as_str().unwrap().to_owned();
    let export = crate::names::parse_export(&id).unwrap();
    let one = format!("{EXPORTS}/{id}");
    assert!(made.contains(&format!("location: https://waybill.example{one}\n")), "{made}");
    stage.run(export).await;
    assert_eq!(body(&stage.member("GET", &one, "").await)["status"], "processing");
    stage.ports.clock.advance(Duration::from_mins(1));
    stage.finish(export).await;
    insta::assert_snapshot!("completed_member", stage.member("GET", &one, "").await);
    insta::assert_snapshot!("completed_admin", stage.admin("GET", &format!("{one}?expand=file,user"), "").await);
    let (failed, export) = stage.queue("failing").await;
    stage.run(export).await;
    stage.fail(export, Failure::new(FailureCode::MaxRetriesReached, "it ended unexplained too often")).await;
    insta::assert_snapshot!("failed", stage.admin("GET", &format!("{EXPORTS}/{failed}"), "").await);
}

#[tokio::test]
async fn every_base_path_leads_to_the_same_exports_with_and_without_a_slash() {
    let stage = Stage::new().await;
    let (id, _) = stage.queue("a").await;
    for base in [
        "/experimental/organizations/demo/data-exports",
        "/experimental/data-exports",
        "/organizations/demo/experimental/data-exports",
        "/organizations/demo/data-exports",
        "/data-exports",
    ] {
        for slash in ["", "/"] {
            let list = stage.member("GET", &format!("{base}{slash}"), "").await;
            assert_eq!(body(&list)[0]["id"], id.as_str(), "{base}{slash}");
            let one = stage.member("GET", &format!("{base}/{id}{slash}"), "").await;
            assert_eq!(body(&one)["id"], id.as_str(), "{base}/{id}{slash}");
        }
    }
    for nowhere in
        ["/experimental/organizations/acme/data-exports", "/organizations/nobody/data-exports", "/data-exports/a/b"]
    {
        assert!(stage.member("GET", nowhere, "").await.starts_with("404"), "{nowhere}");
    }
}

#[tokio::test]
async fn lists_are_windows_that_say_of_how_many() {
    let stage = Stage::new().await;
    for name in ["one", "two", "three"] {
        stage.queue(name).await;
        stage.ports.clock.advance(Duration::from_secs(1));
    }
    insta::assert_snapshot!("list", stage.member("GET", &format!("{EXPORTS}?limit=1&offset=1"), "").await);
    let past = stage.member("GET", &format!("{EXPORTS}?limit=3&offset=3"), "").await;
    assert!(past.contains("pagination-total: 3\npagination-limit: 3\npagination-offset: 3\n"), "{past}");
    assert_eq!(body(&past), json!([]));
    let names = |reply: String| -> Vec<String> {
        let items = body(&reply).as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("", vec!["three", "two", "one"]),
        ("?sort=createdTime", vec!["one", "two", "three"]),
        ("?sort=-name", vec!["two", "three", "one"]),
        ("?sort=-scheduledTime&limit=2", vec!["three", "two"]),
        ("?filter=scheduledTime:..2026-01-01T00:00:01Z&sort=scheduledTime", vec!["one", "two"]),
        ("?filter=name:one,three&sort=name", vec!["one", "three"]),
        ("?filter=status:queued;name:!two&criteria=x", vec!["three", "one"]),
        ("?filter=recordCount:1..", vec![]),
        ("?q=TW", vec!["two"]),
        ("?limit=0", vec![]),
    ] {
        assert_eq!(names(stage.member("GET", &format!("{EXPORTS}{query}"), "").await), expected, "{query}");
    }
    let mut refused = String::new();
    for query in
        ["limit=1001", "offset=-1", "sort=colour", "filter=recordCount:many", "expand=file,owner", "colour=red"]
    {
        let reply = stage.member("GET", &format!("{EXPORTS}?{query}"), "").await;
        refused.push_str(&[query, "\n", &reply, "\n\n"].concat());
    }
    insta::assert_snapshot!("list_refused", refused);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named_field_by_field() {
    let stage = Stage::new().await;
    let mut refused = String::new();
    for wrong in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"name":" ","resource":"invoices","format":"csv"}"#,
        r#"{"name":"x","resource":"customers","format":"csv"}"#,
        r#"{"name":"x","resource":"no name","format":"ndjson","arguments":{"filter":1,"where":"x"},"fields":["a b",2],
            "dateRange":{"start":"now"},"emailNotification":["a@example.com","ann"],"recurring":{"instruction":"FREQ=DAILY"},"colour":1,
            "scheduledTime":"soon"}"#,
        r#"{"name":"x","resource":"invoices","format":"csv","arguments":{"filter":"amount:ten","sort":"-colour","q":"a b c d e f g h i j k"},
            "fields":["colour","billingAddress/planet"],"dateRange":{"start":"never","end":"now","field":"number"}}"#,
        r#"{"name":"x","resource":"invoices","format":"csv","dateRange":{"start":"tomorrow","end":"yesterday"}}"#,
    ] {
        let reply = stage.member("POST", EXPORTS, wrong).await;
        refused.push_str(&[wrong, "\n", &reply, "\n\n"].concat());
    }
    insta::assert_snapshot!("body_refused", refused);
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_changed() {
    let stage = Stage::new().await;
    let made = body(&stage.member("POST", EXPORTS, EVERYTHING).await);
    let one = format!("{EXPORTS}/{}", made["id"].as_str().unwrap());
    let mut read = body(&stage.member("GET", &one, "").await);
    assert_eq!(read, made);
    read["name"] = json!("renamed");
    read["fields"] = json!([]);
    stage.ports.clock.advance(Duration::from_secs(1));
    let put = stage.member("PUT", &one, &read.to_string()).await;
    assert!(put.starts_with("200"), "{put}");
    let put = body(&put);
    read["updatedTime"] = put["updatedTime"].clone();
    assert_eq!(put, read);
    assert_ne!(put["updatedTime"], made["updatedTime"]);
    assert_eq!(body(&stage.member("GET", &one, "").await), put);
    assert!(stage.ports.wake.is_empty());
}

#[tokio::test]
async fn of_a_series_one_is_pending_which_is_changed_and_sent_back_and_ends_it() {
    let stage = Stage::new().await;
    let asked = |rule: &str| json!({"name": "Nightly", "resource": "invoices", "format": "csv", "recurring": {"instruction": rule}});
    let made = stage.member("POST", EXPORTS, &asked("RRULE:FREQ=DAILY;COUNT=9").to_string()).await;
    insta::assert_snapshot!("series", made);
    let made = body(&made);
    let pending = async || {
        let list = body(&stage.member("GET", &format!("{EXPORTS}?filter=status:pending"), "").await);
        list.as_array().unwrap().clone()
    };
    let next = pending().await;
    assert_eq!((next.len(), &next[0]["scheduledTime"]), (1, &json!("2026-01-02T00:00:00.000Z")));
    assert_eq!((&next[0]["recurring"], &next[0]["name"]), (&made["recurring"], &made["name"]));
    assert_ne!(next[0]["id"], made["id"]);
    let one = format!("{EXPORTS}/{}", next[0]["id"].as_str().unwrap());
    stage.ports.clock.advance(Duration::from_secs(1));
    let mut back = body(&stage.member("PUT", &one, &next[0].to_string()).await);
    back["updatedTime"] = next[0]["updatedTime"].clone();
    assert_eq!(back, next[0], "sent back, nothing changes");
    let mut changed = next[0].clone();
    changed["recurring"]["instruction"] = json!("FREQ=MONTHLY;BYMONTHDAY=-1");
    let changed = body(&stage.member("PUT", &one, &changed.to_string()).await);
    assert_eq!(
        (&changed["status"], &changed["scheduledTime"]),
        (&json!("pending"), &json!("2026-01-31T00:00:00.000Z"))
    );
    assert_eq!(changed["recurring"]["start"], made["recurring"]["start"]);
    let history = format!("{EXPORTS}/{}", made["id"].as_str().unwrap());
    assert!(stage.member("PUT", &history, &asked("FREQ=DAILY").to_string()).await.starts_with("422"));
    // It was pending a moment ago: who deletes it may mean the series.
    let refused = stage.member("DELETE", &history, "").await;
    assert!(refused.starts_with("409") && refused.contains("its series goes on"), "{refused}");
    assert!(stage.member("DELETE", &one, "").await.starts_with("204"));
    assert!(stage.member("DELETE", &one, "").await.starts_with("404"));
    assert!(pending().await.is_empty());
    assert_eq!(body(&stage.member("GET", &history, "").await)["status"], "queued");
    assert!(stage.member("DELETE", &history, "").await.starts_with("204"));
    let mut refused = String::new();
    for wrong in [
        r#"{"instruction":"FREQ=DAILY;BYEASTER=0"}"#,
        r#"{"instruction":"FREQ=SECONDLY"}"#,
        r#"{"start":"2026-01-01T00:00:00Z"}"#,
        r#"{"instruction":7,"start":"soon","end":"never"}"#,
        r#""FREQ=DAILY""#,
    ] {
        let wrong =
            format!(r#"{{"name":"x","resource":"invoices","format":"csv","fields":["nothing"],"recurring":{wrong}}}"#);
        refused.push_str(&[&wrong, "\n", &stage.member("POST", EXPORTS, &wrong).await, "\n\n"].concat());
    }
    insta::assert_snapshot!("series_refused", refused);
}

/// Whether a value is of a type that a schema names.
fn is_of(value: &Value, schema: &Value, schemas: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        return is_of(value, &schemas[name.rsplit('/').next().unwrap()], schemas);
    }
    for (all, key) in [(true, "allOf"), (false, "oneOf")] {
        if let Some(parts) = schema[key].as_array() {
            let mut parts = parts.iter().map(|part| is_of(value, part, schemas));
            return if all { parts.all(|is| is) } else { parts.any(|is| is) };
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let named = |named: &Value| named == kind || (named == "number" && kind == "integer");
    let is = named(&schema["type"]) || schema["type"].as_array().is_some_and(|types| types.iter().any(named));
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|name| value.is_null() || value.get(name.as_str().unwrap()).is_some());
    let mut members = schema["properties"].as_object().into_iter().flatten();
    let of_members = members.all(|(name, of)| value.get(name).is_none_or(|member| is_of(member, of, schemas)));
    let mut items = value.as_array().into_iter().flatten();
    is && required
        && of_members
        && (schema["items"].is_null() || items.all(|item| is_of(item, &schema["items"], schemas)))
}

/// The names of a schema's members.
fn members(schema: &Value, schemas: &Value) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return members(&schemas[name.rsplit('/').next().unwrap()], schemas);
    }
    let mut names: Vec<String> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(members(part, schemas));
    }
    names
}

#[tokio::test]
async fn every_member_that_is_described_is_there_and_of_its_type_in_each_state() {
    let stage = Stage::new().await;
    let document: Value = serde_json::from_str(&crate::openapi().unwrap()).unwrap();
    let schemas = &document["components"]["schemas"];
    let described = members(&schemas["DataExport"], schemas);
    let vendors = [
        "id",
        "name",
        "resource",
        "format",
        "arguments",
        "fields",
        "emailNotification",
        "recurring",
        "dateRange",
        "userId",
        "fileId",
        "recordCount",
        "scheduledTime",
        "createdTime",
        "updatedTime",
        "status",
        "failureReason",
        "_links",
        "_embedded",
    ];
    assert!(vendors.iter().all(|name| described.iter().any(|described| described == name)), "{described:?}");
    let mut shown = vec![body(&stage.member("POST", &format!("{EXPORTS}?expand=user"), EVERYTHING).await)];
    let (id, export) = stage.queue("done").await;
    let one = format!("{EXPORTS}/{id}?expand=file,user");
    shown.push(body(&stage.admin("GET", &one, "").await));
    stage.run(export).await;
    stage.finish(export).await;
    shown.push(body(&stage.admin("GET", &one, "").await));
    let series = r#"{"name":"x","resource":"invoices","format":"csv","recurring":{"instruction":"FREQ=DAILY"}}"#;
    shown.push(body(&stage.admin("POST", &format!("{EXPORTS}?expand=file"), series).await));
    for export in &shown {
        assert!(is_of(export, &schemas["DataExport"], schemas), "{export}");
        for name in &described {
            assert!(export.get(name).is_some(), "{name}: {export}");
        }
    }
    let file = &shown[2]["_embedded"]["file"];
    assert!(is_of(file, &schemas["File"], schemas) && !is_of(&json!({}), &schemas["File"], schemas), "{file}");
    let user = &shown[2]["_embedded"]["user"];
    assert!(is_of(user, &schemas["User"], schemas) && !is_of(file, &schemas["User"], schemas), "{user}");
}

#[tokio::test]
async fn a_pending_export_that_has_nothing_to_wait_for_is_queued() {
    let stage = Stage::new().await;
    let one = format!("{EXPORTS}/mine.1");
    let created = stage.member("PUT", &one, EVERYTHING).await;
    assert!(created.starts_with("201"), "{created}");
    assert!(created.contains(&format!("location: https://waybill.example{one}\n")), "{created}");
    assert_eq!((&body(&created)["id"], &body(&created)["status"]), (&json!("mine.1"), &json!("pending")));
    let queued = stage.member("PUT", &one, &wanted("now")).await;
    assert!(queued.starts_with("200"), "{queued}");
    assert_eq!((&body(&queued)["id"], &body(&queued)["status"]), (&json!("mine.1"), &json!("queued")));
    assert_eq!(stage.ports.wake.len(), 1);
    let refused = stage.member("PUT", &one, &wanted("again")).await;
    assert_eq!(body(&refused)["invalidFields"], json!([]));
    insta::assert_snapshot!("not_pending", refused);
    // An id is free again once what it named is gone.
    assert!(stage.member("DELETE", &one, "").await.starts_with("204"));
    assert!(stage.member("GET", &one, "").await.starts_with("404"));
    let again = stage.member("PUT", &one, &wanted("again")).await;
    assert!(again.starts_with("201"), "{again}");
    assert_eq!(body(&stage.member("GET", EXPORTS, "").await).as_array().unwrap().len(), 1);
    for wrong in ["a b", &"x".repeat(51), "ä"] {
        let reply = stage.member("PUT", &format!("{EXPORTS}/{wrong}"), &wanted("x")).await;
        assert!(reply.starts_with('4'), "{wrong}: {reply}");
    }
}

#[tokio::test]
async fn only_the_owner_and_administrators_change_an_export() {
    let stage = Stage::new().await;
    let made = body(&stage.admin("POST", EXPORTS, EVERYTHING).await);
    let one = format!("{EXPORTS}/{}", made["id"].as_str().unwrap());
    assert!(stage.member("PUT", &one, &wanted("x")).await.starts_with("403"));
    insta::assert_snapshot!("forbidden", stage.member("DELETE", &one, "").await);
    assert!(stage.admin("DELETE", &one, "").await.starts_with("204"));
    assert!(stage.admin("DELETE", &one, "").await.starts_with("404"));
}

#[tokio::test]
async fn files_are_shown_to_all_and_given_to_administrators() {
    let stage = Stage::new().await;
    let (_, export) = stage.queue("All: <invoices>").await;
    let file = crate::names::file_name(export);
    for path in [format!("/files/{file}"), format!("/files/{file}/download")] {
        assert!(stage.admin("GET", &path, "").await.starts_with("404"), "{path}");
    }
    stage.run(export).await;
    stage.finish(export).await;
    let path = format!("/organizations/demo/files/{file}");
    insta::assert_snapshot!("file", stage.admin("GET", &path, "").await);
    assert_eq!(body(&stage.member("GET", &path, "").await)["_links"].as_array().unwrap().len(), 3);
    assert!(stage.member("GET", &format!("{path}/download"), "").await.starts_with("403"));
    insta::assert_snapshot!("download", stage.admin("GET", &format!("/files/{file}/download/"), "").await);
    assert!(stage.admin("POST", &path, "").await.starts_with("405"));
}

#[tokio::test]
async fn members_know_the_names_of_those_who_asked_for_what_they_may_read() {
    let stage = Stage::new().await;
    let (_, export) = stage.queue("a").await;
    let user = crate::names::user_name(stage.row(export).await.unwrap().creator);
    let path = format!("/users/{user}");
    insta::assert_snapshot!("user", stage.member("GET", &path, "").await);
    let of_admin = stage.admin("POST", &format!("{EXPORTS}?expand=user"), &wanted("b")).await;
    let other = body(&of_admin)["userId"].as_str().unwrap().to_owned();
    assert_eq!(body(&of_admin)["_embedded"]["user"]["id"], other.as_str());
    assert!(stage.admin("GET", &path, "").await.starts_with("200"));
    let seen = stage.member("GET", &format!("/users/{other}"), "").await;
    insta::assert_snapshot!("other_user", seen);
    let list = body(&stage.member("GET", &format!("{EXPORTS}?expand=user"), "").await);
    assert_eq!(list[0]["_embedded"]["user"], body(&seen));
    assert_eq!(list[1]["_embedded"]["user"]["id"], user.as_str());
    // Of somebody who asked for nothing that is there nobody learns.
    assert!(stage.member("GET", "/users/usr_00000000000000000000000000", "").await.starts_with("404"));
    let export = list[0]["id"].as_str().unwrap();
    assert!(stage.admin("DELETE", &format!("{EXPORTS}/{export}"), "").await.starts_with("204"));
    assert!(stage.member("GET", &format!("/users/{other}"), "").await.starts_with("404"));
}

#[tokio::test]
async fn either_credential_is_enough_and_the_bearer_goes_first() {
    let stage = Stage::new().await;
    let (member, admin) = (key("demo", Role::Member), key("demo", Role::Admin));
    let (good, bad) = (format!("Bearer {admin}"), "Bearer abc.def.ghi");
    let who = async |headers: &[(&str, &str)]| {
        let reply = stage.send("POST", "/data-exports", headers, &wanted("x")).await;
        let status = reply.split(' ').next().unwrap().to_owned();
        (status, body(&reply)["userId"].clone())
    };
    let by_key = who(&[("reb-apikey", &member)]).await;
    let by_bearer = who(&[("authorization", &good)]).await;
    assert_eq!((by_key.0.as_str(), by_bearer.0.as_str()), ("201", "201"));
    assert_ne!(by_key.1, by_bearer.1);
    assert_eq!(who(&[("reb-apikey", &member), ("authorization", &good)]).await, by_bearer);
    assert_eq!(who(&[("reb-apikey", "nonsense"), ("authorization", &good)]).await, by_bearer);
    assert_eq!(who(&[("reb-apikey", &member), ("authorization", bad)]).await, by_key);
    assert_eq!(who(&[("reb-apikey", &member), ("authorization", "publishable")]).await, by_key);
    for headers in [
        vec![],
        vec![("reb-apikey", "nonsense")],
        vec![("authorization", bad)],
        vec![("reb-apikey", "x"), ("authorization", bad)],
    ] {
        assert_eq!(who(&headers).await, ("401".to_owned(), Value::Null), "{headers:?}");
    }
    insta::assert_snapshot!("no_credential", stage.send("GET", "/data-exports", &[], "").await);
}

#[tokio::test]
async fn changes_of_an_org_are_limited_and_counted_in_every_reply() {
    let mut stage = Stage::new().await;
    stage.deps.changes = 2;
    let first = stage.member("POST", EXPORTS, &wanted("a")).await;
    assert!(first.contains("x-ratelimit-limit: 2\nx-ratelimit-remaining: 1\n"), "{first}");
    let second = stage.admin("POST", EXPORTS, "{}").await;
    assert!(second.starts_with("422") && second.contains("x-ratelimit-remaining: 0\n"), "{second}");
    stage.ports.clock.advance(Duration::from_secs(100));
    insta::assert_snapshot!("too_many_changes", stage.member("DELETE", &format!("{EXPORTS}/x"), "").await);
    assert!(stage.member("GET", EXPORTS, "").await.starts_with("200"));
    let acme = stage.send("POST", "/data-exports", &[("reb-apikey", &key("acme", Role::Admin))], &wanted("a")).await;
    assert!(acme.starts_with("201"), "{acme}");
    stage.ports.clock.advance(Duration::from_secs(500));
    assert!(stage.member("POST", EXPORTS, &wanted("b")).await.starts_with("201"));
}

#[tokio::test]
async fn arguments_are_frozen_in_the_words_of_the_engine() {
    let stage = Stage::new().await;
    let made = body(&stage.member("POST", EXPORTS, EVERYTHING).await);
    let export = stage.row(crate::names::parse_export(made["id"].as_str().unwrap()).unwrap()).await.unwrap();
    let spec = stage.ports.rows().spec(&export.org, export.seq).await.unwrap().unwrap().value;
    let columns: Vec<String> = spec.selection.columns.iter().map(ToString::to_string).collect();
    assert_eq!(columns, ["_id", "billingAddress.country", "amount"]);
    assert_eq!(spec.sort.unwrap().to_string(), "-amount,created");
    // Where an invoice is asked for by a date, it is the one on it.
    assert_eq!(spec.date_range.unwrap().field.to_string(), "issuedTime");
    insta::assert_json_snapshot!("filter", spec.filter);
    assert!(matches!(export.state, State::Scheduled { .. }));
}

#[tokio::test]
async fn a_range_that_names_no_date_is_about_the_one_that_is_shown_and_stays_so_when_it_is_sent_back() {
    for (name, declared, shown, filtered) in [
        ("customers", None, "createdTime", "created"),
        ("customers", Some(("createdTime", PropertyKind::Date)), "createdTime", "createdTime"),
        ("customers", Some(("createdTime", PropertyKind::String)), "created", "created"),
        ("transactions", Some(("processedTime", PropertyKind::Date)), "processedTime", "processedTime"),
        ("transactions", None, "createdTime", "created"),
        ("transactions", Some(("createdTime", PropertyKind::Any)), "createdTime", "createdTime"),
        ("invoiceItems", Some(("issuedTime", PropertyKind::String)), "createdTime", "created"),
    ] {
        let properties = declared.into_iter().map(|(name, kind)| samples::property(name, kind)).collect();
        let mut collection = samples::collection(&"demo".parse().unwrap(), &name.parse().unwrap(), properties);
        for open in [false, true] {
            collection.open = open;
            let stage = Stage::new().await;
            stage.ports.insert(&collection).await.unwrap();
            let wanted = json!({"name": "x", "resource": name, "format": "csv", "scheduledTime": "2027-01-01T00:00:00Z",
                "dateRange": {"start": "2026-01-03", "end": "2026-01-05"}});
            let made = body(&stage.member("POST", EXPORTS, &wanted.to_string()).await);
            assert_eq!(made["dateRange"]["field"], shown, "{name} {open} {made}");
            let id = made["id"].as_str().unwrap();
            let filters = async || {
                let export = stage.row(crate::names::parse_export(id).unwrap()).await.unwrap();
                let spec = stage.ports.rows().spec(&export.org, export.seq).await.unwrap().unwrap().value;
                spec.date_range.unwrap().field.to_string()
            };
            assert_eq!(filters().await, filtered, "{name} {open}");
            let put = stage.member("PUT", &format!("{EXPORTS}/{id}"), &made.to_string()).await;
            assert_eq!(body(&put)["dateRange"], made["dateRange"], "{put}");
            assert_eq!(filters().await, filtered, "{name} {open}, sent back");
        }
    }
}

#[tokio::test]
async fn what_goes_out_is_called_as_it_was_asked_for() {
    let stage = Stage::new().await;
    let written = async |format: &str, fields: Value| {
        let wanted = json!({"name": "x", "resource": "invoices", "format": format, "fields": fields});
        let made = body(&stage.member("POST", EXPORTS, &wanted.to_string()).await);
        let export = stage.row(crate::names::parse_export(made["id"].as_str().unwrap()).unwrap()).await.unwrap();
        let selection = stage.ports.rows().spec(&export.org, export.seq).await.unwrap().unwrap().value.selection;
        let columns: Vec<String> = selection.columns.iter().map(ToString::to_string).collect();
        (columns.join(" "), selection.names.join(" "))
    };
    let pair = |columns: &str, names: &str| (columns.to_owned(), names.to_owned());
    let whole = pair("_id number amount billingAddress issuedTime", "id number amount billingAddress issuedTime");
    for format in ["csv", "json", "json-api", "xml", "pdf"] {
        assert_eq!(written(format, json!([])).await, whole, "{format}");
        let asked = json!(["updatedTime", "billingAddress/country", "created", "_id", "billingAddress", "_id"]);
        let expected = pair(
            "updated billingAddress.country created _id billingAddress",
            "updatedTime billingAddress/country created _id billingAddress",
        );
        assert_eq!(written(format, asked).await, expected, "{format}");
    }
    let detailed = pair(
        "_id number amount billingAddress.country issuedTime",
        "id number amount billingAddress/country issuedTime",
    );
    assert_eq!(written("detailed-csv", json!([])).await, detailed);
    let asked = json!(["billingAddress", "id"]);
    assert_eq!(written("detailed-csv", asked).await, pair("billingAddress.country _id", "billingAddress/country id"));
    let twice = r#"{"name":"x","resource":"invoices","format":"csv","fields":["a b","id","colour","_id","billingAddress.country",
        "billingAddress/country"]}"#;
    insta::assert_snapshot!("fields_refused", stage.member("POST", EXPORTS, twice).await);
}

#[tokio::test]
async fn the_same_request_with_its_key_makes_one_export() {
    let stage = Stage::new().await;
    let headers = [("reb-apikey", key("demo", Role::Member)), ("idempotency-key", "k".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let first = stage.send("POST", "/data-exports", &headers, &wanted("a")).await;
    let again = stage.send("POST", "/data-exports", &headers, &wanted("a")).await;
    assert_eq!(body(&first), body(&again));
    assert!(stage.send("POST", "/data-exports", &headers, &wanted("b")).await.starts_with("422"));
}

#[tokio::test]
async fn more_records_than_an_export_may_have_are_told_in_numbers() {
    let stage = Stage::new().await;
    let count =
        RecordCount::new("demo".parse().unwrap(), "invoices".parse().unwrap(), Some(12_000), Timestamp::from_millis(0));
    stage.ports.insert(&count).await.unwrap();
    insta::assert_snapshot!("over_the_limit", stage.admin("POST", EXPORTS, &wanted("all")).await);
}

#[tokio::test]
async fn what_a_path_does_not_take_is_said() {
    let stage = Stage::new().await;
    insta::assert_snapshot!("not_allowed", stage.member("PATCH", EXPORTS, "{}").await);
    insta::assert_snapshot!("not_found", stage.member("GET", &format!("{EXPORTS}/none"), "").await);
}

#[tokio::test]
async fn lists_give_administrators_the_links_of_what_is_completed_each_on_record() {
    let stage = Stage::new().await;
    for name in ["one", "two"] {
        let (_, export) = stage.queue(name).await;
        stage.run(export).await;
        stage.finish(export).await;
    }
    stage.queue("waiting").await;
    let links = |reply: &str| -> Vec<(usize, usize)> {
        let of = |value: &Value| {
            let links = value["_links"].as_array().cloned().unwrap_or_default();
            links.iter().filter(|link| link["rel"] == "signedLink").count()
        };
        body(reply).as_array().unwrap().iter().map(|item| (of(item), of(&item["_embedded"]["file"]))).collect()
    };
    let list = stage.admin("GET", &format!("{EXPORTS}?expand=file&sort=createdTime"), "").await;
    assert_eq!(links(&list), [(1, 1), (1, 1), (0, 0)], "{list}");
    let downloads = stage.downloads().await;
    assert_eq!(downloads.len(), 2);
    assert_ne!(downloads[0], downloads[1]);
    let list = stage.member("GET", &format!("{EXPORTS}?expand=file"), "").await;
    assert_eq!(links(&list), [(0, 0); 3], "{list}");
    assert_eq!(stage.downloads().await.len(), 2);
}

#[tokio::test]
async fn a_key_with_too_many_requests_is_told_in_every_header_that_clients_read() {
    let mut stage = Stage::new().await;
    stage.deps.limiter = waybill_app::RequestLimiter::new(2);
    let mut last = String::new();
    for _ in 0..4 {
        last = stage.member("GET", EXPORTS, "").await;
    }
    insta::assert_snapshot!("too_many_requests", last);
}

#[tokio::test]
async fn a_series_without_a_start_begins_at_the_time_it_is_scheduled_for() {
    let stage = Stage::new().await;
    let asked = |recurring: Value| json!({"name": "x", "resource": "invoices", "format": "csv", "scheduledTime": "2026-03-01T05:00:00Z", "recurring": recurring});
    let made = body(&stage.member("POST", EXPORTS, &asked(json!({"instruction": "FREQ=DAILY"})).to_string()).await);
    assert_eq!(
        (&made["status"], &made["scheduledTime"], &made["recurring"]["start"]),
        (&json!("pending"), &json!("2026-03-01T05:00:00.000Z"), &json!("2026-03-01T05:00:00.000Z"))
    );
    let both = asked(json!({"instruction": "FREQ=DAILY", "start": "2026-02-01T00:00:00Z"}));
    let made = body(&stage.member("POST", EXPORTS, &both.to_string()).await);
    assert_eq!(made["scheduledTime"], "2026-02-01T00:00:00.000Z");
    let late = json!({"name": "x", "resource": "invoices", "format": "csv", "scheduledTime": "9999-12-31T23:59:59Z"});
    let late = body(&stage.member("POST", EXPORTS, &late.to_string()).await);
    let says = "must be an RFC 3339 date and time, at the latest `9999-12-30T22:00:00Z`";
    assert_eq!(late["invalidFields"], json!([{"field": "scheduledTime", "message": says}]));
}
