//! POST `/{org}/v2/exports`.

use crate::fault::Fault;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::body;
use crate::wire::create::{CreateBody, command, refused};
use crate::wire::export::ExportObject;
use waybill_app::{CreateExport, ExportView, create_export_within};
use waybill_http::idempotent_request;

/// Creates an export. An `Idempotency-Key` makes it safe to send again.
///
/// # Errors
/// `kInvalidObject` for an unknown collection, `kNotFound` for the record of a prefix, `kValidationError` with everything that is wrong.
#[utoipa::path(
    post,
    path = "/{org}/v2/exports",
    tag = "cortex",
    operation_id = "cortexCreateExport",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the same request again for 24 hours"),
    ),
    request_body = CreateBody,
    responses(
        (status = 200, description = "The export", body = ExportObject),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn create_export(call: &Call<'_>) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    let (members, bytes) = body::object(call.request)?;
    let idempotency = idempotent_request(call.request, "cortex:create-export", bytes)?;
    let command = command(members, idempotency)?;
    let view = create(call, &command).await?;
    Reply::json(&ExportObject::new(&view, &call.principal))
}

/// Makes the export that is asked for.
///
/// # Errors
/// As [`create_export`].
pub(crate) async fn create(call: &Call<'_>, command: &CreateExport) -> Result<ExportView, Fault> {
    let (records, wake) = (&*call.deps.records, &*call.deps.wake);
    let made = create_export_within(call.context, records, wake, &call.principal, command).await;
    made.map_err(refused)
}

#[cfg(test)]
mod tests {
    use crate::stage::{Stage, bearer};
    use waybill_domain::Role;

    const TARGET: &str = "/demo/v2/exports";

    #[tokio::test]
    async fn an_export_is_pending_and_shows_what_was_asked() {
        let stage = Stage::new().await;
        let body = r#"{"label":"Nightly","description":"for the auditors","format":"text/csv","objects":"airports",
            "paths":["_id","icao"],"include":["notes"],"where":"{\"icao\": \"EKCH\"}",
            "exportFiles":false,"zipFiles":false,"expand":[],"afterScript":"","principal":null}"#;
        insta::assert_snapshot!("whole", stage.member("POST", TARGET, body).await);
        insta::assert_snapshot!("least", stage.admin("POST", TARGET, r#"{"objects":"airports"}"#).await);
        let condition = r#"{"objects":"airports","where":{"icao":"EKCH"}}"#;
        assert_eq!(stage.json("POST", TARGET, condition).await["where"], r#"{"icao":"EKCH"}"#);
        assert!(stage.trail().await.iter().all(|entry| entry.starts_with("ExportCreated")));
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_named_at_once() {
        let stage = Stage::new().await;
        let body = r#"{"format":"text/xml","label":7,"paths":["a..b",3],"include":"notes","where":"{icao}",
            "state":"ready","colour":"red"}"#;
        insta::assert_snapshot!("invalid_shape", stage.member("POST", TARGET, body).await);
        let body =
            r#"{"objects":"airports","paths":["icao","height"],"include":["country.code"],"where":{"height":3}}"#;
        insta::assert_snapshot!("invalid_for_the_collection", stage.member("POST", TARGET, body).await);
        let long = format!(r#"{{"objects":"airports","label":"{}"}}"#, "x".repeat(513));
        insta::assert_snapshot!("long_label", stage.member("POST", TARGET, &long).await);
        assert!(stage.trail().await.is_empty());
    }

    #[tokio::test]
    async fn however_much_is_wrong_the_reply_stays_small() {
        let stage = Stage::new().await;
        let members: Vec<String> = (0..10_000).map(|number| format!("\"x{number}\":1")).collect();
        let body = format!(r#"{{"objects":"airports",{}}}"#, members.join(","));
        let fault = stage.json("POST", TARGET, &body).await;
        assert_eq!(fault["faults"].as_array().unwrap().len(), 100);
        assert_eq!(fault["reason"], "9900 more values are wrong than `faults` tells");
        let numbers = format!(r#"{{"objects":"airports","paths":[{}]}}"#, vec!["1"; 100_000].join(","));
        insta::assert_snapshot!("many_paths", stage.member("POST", TARGET, &numbers).await);
        assert!(stage.trail().await.is_empty());
    }

    #[tokio::test]
    async fn objects_that_are_no_text_are_told_once() {
        let stage = Stage::new().await;
        let fault = stage.json("POST", TARGET, r#"{"objects":7}"#).await;
        let told: Vec<_> = fault["faults"].as_array().unwrap().iter().map(|fault| &fault["code"]).collect();
        assert_eq!(told, ["kInvalidValue"]);
    }

    #[tokio::test]
    async fn unknown_objects_are_named() {
        let stage = Stage::new().await;
        insta::assert_snapshot!("unknown_object", stage.member("POST", TARGET, r#"{"objects":"c_nothing"}"#).await);
        insta::assert_snapshot!("no_name", stage.member("POST", TARGET, r#"{"objects":"no name"}"#).await);
    }

    #[tokio::test]
    async fn files_come_along_when_they_are_asked_for() {
        let stage = Stage::new().await;
        for (asked, export_files, zip_files) in [
            (r#""exportFiles":true"#, true, false),
            (r#""exportFiles":true,"zipFiles":true"#, true, true),
            // Only meaningful with `exportFiles`.
            (r#""zipFiles":true"#, false, false),
        ] {
            let made = stage.json("POST", TARGET, &format!(r#"{{"objects":"airports",{asked}}}"#)).await;
            assert_eq!((&made["exportFiles"], &made["zipFiles"]), (&export_files.into(), &zip_files.into()));
        }
        let wrong = stage.json("POST", TARGET, r#"{"objects":"airports","exportFiles":1}"#).await;
        assert_eq!(wrong["faults"][0]["path"], "export.exportFiles");
    }

    #[tokio::test]
    async fn a_pipeline_comes_as_an_array_or_as_text_and_is_shown_as_it_came() {
        let stage = Stage::new().await;
        let stages = r#"[{"$match":{"icao":"EKCH"}},{"$group":{"_id":"$icao","n":{"$sum":1}}}]"#;
        let made = stage.json("POST", TARGET, &format!(r#"{{"objects":"airports","pipeline":{stages}}}"#)).await;
        assert_eq!(made["pipeline"].to_string(), stages);
        let text = serde_json::Value::from(stages);
        let made = stage.json("POST", TARGET, &format!(r#"{{"objects":"airports","pipeline":{text}}}"#)).await;
        assert_eq!(made["pipeline"], text);
        for none in ["[]", "\"\"", "\"[]\"", "null"] {
            let made = stage.json("POST", TARGET, &format!(r#"{{"objects":"airports","pipeline":{none}}}"#)).await;
            assert_eq!((&made["state"], made.get("pipeline")), (&"pending".into(), None), "{none}");
        }
        for (wrong, expected) in [
            (r#"{"$match":{}}"#, "must be an array of stages, or a string holding one as JSON"),
            (
                r#""[{""#,
                "must be a string holding JSON; the text is not JSON: EOF while parsing an object at line 1, column 2",
            ),
            (
                r#"[{"$unwind":"$tags"}]"#,
                "0.$unwind: is no stage here; there are $match, $project, $sort, $skip, $limit and $group",
            ),
            (r#"[{"$match":{"height":1}}]"#, "0.$match: unknown property `height`"),
            (
                r#"[{"$limit":1}],"exportFiles":true"#,
                "makes rows of records, and rows have no files: leave the files or the pipeline out",
            ),
            (
                r#"[{"$project":{"icao":1}}],"paths":["icao"]"#,
                "says in `$project` and `$group` what goes out: leave `paths` and `include` out",
            ),
        ] {
            let reply = stage.json("POST", TARGET, &format!(r#"{{"objects":"airports","pipeline":{wrong}}}"#)).await;
            assert_eq!(
                (&reply["faults"][0]["path"], &reply["faults"][0]["reason"]),
                (&"export.pipeline".into(), &expected.into())
            );
        }
    }

    #[tokio::test]
    async fn a_prefix_limits_an_export_to_what_belongs_to_a_record() {
        let stage = Stage::with_records().await;
        let body = |objects: &str, prefix: &str| format!(r#"{{"objects":"{objects}","prefix":"{prefix}"}}"#);
        let denmark = "countries/0000000000000000000000d1";
        let of_list = body("airports", &format!("{denmark}/airports"));
        insta::assert_snapshot!("prefix_list", stage.admin("POST", TARGET, &of_list).await);
        for objects in ["countries", "airports"] {
            let made = stage.json("POST", TARGET, &body(objects, &format!("/{denmark}/airports"))).await;
            assert_eq!((&made["objects"], &made["state"]), (&"airports".into(), &"pending".into()));
        }
        let elements = body("countries", &format!("{denmark}/cities"));
        assert_eq!(stage.json("POST", TARGET, &elements).await["prefix"], format!("{denmark}/cities"));
        insta::assert_snapshot!(
            "prefix_record",
            stage.admin("POST", TARGET, &body("airports", "countries/0000000000000000000000d9/airports")).await
        );
        // Whether it is there is none of a member's business.
        let as_absent =
            stage.admin("POST", TARGET, &body("airports", "countries/0000000000000000000000d9/airports")).await;
        let unseen = stage.member("POST", TARGET, &of_list).await;
        assert_eq!(unseen.lines().next(), as_absent.lines().next());
        assert!(unseen.contains("kNotFound"), "{unseen}");
        insta::assert_snapshot!(
            "prefix_object",
            stage.admin("POST", TARGET, &body("airports", "c_none/0000000000000000000000d1/x")).await
        );
        insta::assert_snapshot!(
            "prefix_property",
            stage.admin("POST", TARGET, &body("countries", &format!("{denmark}/name"))).await
        );
        insta::assert_snapshot!(
            "prefix_form",
            stage.admin("POST", TARGET, &body("airports", "c_sites/1/c_list")).await
        );
        insta::assert_snapshot!("accounts", stage.member("POST", TARGET, r#"{"objects":"accounts"}"#).await);
    }

    #[tokio::test]
    async fn only_administrators_export_as_another_account_and_only_one_of_their_org() {
        let stage = Stage::new().await;
        let member = stage.row(stage.create("own").await).await.unwrap().creator;
        let body = |id: &str| format!(r#"{{"objects":"airports","principal":"{id}"}}"#);
        let own = stage.member("POST", TARGET, &body(&member.to_string())).await;
        assert!(own.starts_with("200"), "{own}");
        let other = stage.member("POST", TARGET, &body("65aa00000000000000000001")).await;
        assert!(other.starts_with("403") && other.contains("kAccessDenied"), "{other}");
        assert_eq!(stage.json("POST", TARGET, &body(&member.to_string())).await["state"], "pending");
        for wrong in ["65aa00000000000000000001", "nobody"] {
            let refused = stage.json("POST", TARGET, &body(wrong)).await;
            assert_eq!(
                (&refused["code"], &refused["faults"][0]["path"]),
                (&"kValidationError".into(), &"export.principal".into())
            );
        }
    }

    #[tokio::test]
    async fn bodies_that_are_none_are_refused() {
        let stage = Stage::new().await;
        insta::assert_snapshot!("no_body", stage.member("POST", TARGET, "").await);
        insta::assert_snapshot!("broken_json", stage.member("POST", TARGET, "{\"objects\":\n airports}").await);
        insta::assert_snapshot!("no_object", stage.member("POST", TARGET, "[]").await);
        let key = bearer("demo", Role::Member);
        let form =
            [("authorization", key.as_str()), ("content-type", "Application/X-WWW-Form-URLencoded; charset=utf-8")];
        insta::assert_snapshot!("form", stage.send("POST", TARGET, &form, "objects=airports").await);
        insta::assert_snapshot!("too_large", stage.member("POST", TARGET, &" ".repeat(256 * 1024 + 1)).await);
    }

    #[tokio::test]
    async fn an_idempotency_key_makes_one_export_of_two_requests() {
        let stage = Stage::new().await;
        let key = bearer("demo", Role::Member);
        let headers = [("authorization", key.as_str()), ("idempotency-key", "k1")];
        let body = r#"{"objects":"airports"}"#;
        let first = stage.send("POST", TARGET, &headers, body).await;
        assert_eq!(stage.send("POST", TARGET, &headers, body).await, first);
        let other = stage.send("POST", TARGET, &headers, r#"{"objects":"airports","label":"b"}"#).await;
        insta::assert_snapshot!("key_of_another_body", other);
        let headers = [("authorization", key.as_str()), ("idempotency-key", "k 1")];
        insta::assert_snapshot!("bad_key", stage.send("POST", TARGET, &headers, body).await);
        assert_eq!(stage.trail().await.len(), 1);
    }
}
