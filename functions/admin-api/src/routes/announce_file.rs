//! Announces a file of a record and gives out a link for its upload.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::file::{AnnounceFileBody, AnnouncedFileWire};
use waybill_domain::Principal;

/// Announces a file of a record and gives out a link for its upload, good for 15 minutes.
///
/// The record names the file from then on; a property that is no array loses the file that it named before. The file counts
/// against the org's storage from then on too, and no longer when nothing was uploaded.
#[utoipa::path(
    post,
    path = "/v1/collections/{name}/records/{id}/files/{property}",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The record's `_id`"),
        ("property" = String, Path, description = "A property of the type `file`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = AnnounceFileBody,
    responses(
        (status = 201, description = "The file and where its bytes go", body = AnnouncedFileWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn announce_file(
    call: &Call<'_>,
    principal: &Principal,
    name: &str,
    id: &str,
    property: &str,
) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (name, record) = (part("name", name)?, part("id", id)?);
    let location = format!("/v1/collections/{name}/records/{record}");
    let body = AnnounceFileBody::read(&call.json()?)?;
    let command = body.command(name, record, property, call.idempotency("admin:announce-file")?);
    let (records, archives) = (&*call.deps.records, &*call.deps.archives);
    let announced = waybill_app::announce_file(call.context, records, archives, principal, &command).await?;
    Reply::created(location, &AnnouncedFileWire::from(announced))
}

#[cfg(test)]
mod tests {
    use crate::stage::{OPERATOR, Stage};
    use serde_json::{Value, json};

    const RECORDS: &str = "/v1/collections/patients/records";
    const RECORD: &str = "/v1/collections/patients/records/aaaaaaaaaaaaaaaaaaaaaa01";
    const PHOTO: &str = "/v1/collections/patients/records/aaaaaaaaaaaaaaaaaaaaaa01/files/photo";
    const SCANS: &str = "/v1/collections/patients/records/aaaaaaaaaaaaaaaaaaaaaa01/files/scans";
    const BODY: &str = r#"{"filename":"Foto ü.png","contentType":"image/png","sizeBytes":5}"#;

    async fn stage() -> Stage {
        let stage = Stage::new().await;
        let definition =
            r#"{"properties":{"name":{"type":"string"},"photo":{"type":"file"},"scans":{"type":"file","array":true}}}"#;
        stage.send("PUT", "/v1/collections/patients", &stage.admin, definition).await;
        let line = r#"{"_id":"aaaaaaaaaaaaaaaaaaaaaa01","name":"a"}"#;
        assert_eq!(stage.send("POST", RECORDS, &stage.admin, line).await.status, 200);
        stage
    }

    async fn used(stage: &Stage) -> (Value, Value) {
        let usage = stage.send("GET", "/v1/usage", &stage.admin, "").await.json();
        (usage["usedBytes"].clone(), usage["reservedBytes"].clone())
    }

    #[tokio::test]
    async fn a_file_is_announced_and_its_record_names_it() {
        let stage = stage().await;
        insta::assert_snapshot!(stage.send("POST", PHOTO, &stage.admin, BODY).await.shown());
        for _ in 0..2 {
            assert_eq!(stage.send("POST", SCANS, &stage.admin, r#"{"filename":"s","sizeBytes":7}"#).await.status, 201);
        }
        let record = stage.send("GET", RECORD, &stage.admin, "").await.json();
        assert_eq!(record["photo"]["filename"], "Foto ü.png");
        assert_eq!(record["scans"].as_array().unwrap().len(), 2);
        assert_eq!(used(&stage).await, (json!(0), json!(19)));
        // Loaded again, it keeps its files; they cannot be loaded.
        let lines = format!("{{\"_id\":\"aaaaaaaaaaaaaaaaaaaaaa01\",\"name\":\"b\",\"photo\":null}}\n{record}");
        let loaded = stage.send("POST", RECORDS, &stage.admin, &lines).await.json();
        assert_eq!(loaded["rejected"][0]["reason"], "`photo` must be left out: files are set by uploading them");
        let again = stage.send("GET", RECORD, &stage.admin, "").await.json();
        assert_eq!(
            (&again["photo"], &again["scans"], &again["name"]),
            (&record["photo"], &record["scans"], &json!("b"))
        );
    }

    #[tokio::test]
    async fn replaced_and_deleted_files_give_their_storage_back() {
        let stage = stage().await;
        for _ in 0..2 {
            stage.send("POST", PHOTO, &stage.admin, BODY).await;
            stage.send("POST", SCANS, &stage.admin, BODY).await;
        }
        assert_eq!(used(&stage).await, (json!(0), json!(15)));
        assert_eq!(stage.send("DELETE", RECORD, &stage.admin, "").await.status, 204);
        assert_eq!(used(&stage).await, (json!(0), json!(0)));
        assert_eq!(stage.send("POST", PHOTO, &stage.admin, BODY).await.status, 404);
        for path in ["/v1/collections/patients/records?all=true", "/v1/collections/patients?records=true"] {
            stage.send("POST", RECORDS, &stage.admin, r#"{"_id":"aaaaaaaaaaaaaaaaaaaaaa01"}"#).await;
            assert_eq!(stage.send("POST", PHOTO, &stage.admin, BODY).await.status, 201);
            assert!(stage.send("DELETE", path, &stage.admin, "").await.status < 300);
            assert_eq!(used(&stage).await, (json!(0), json!(0)));
        }
    }

    #[tokio::test]
    async fn sent_again_with_one_idempotency_key_it_is_the_same_file() {
        let stage = stage().await;
        let key = [("idempotency-key", "photo-1")];
        let first = stage.send_with("POST", SCANS, &stage.admin, &key, BODY).await;
        let again = stage.send_with("POST", SCANS, &stage.admin, &key, BODY).await;
        assert_eq!((again.status, first.text_at("/id")), (201, again.text_at("/id")));
        assert_eq!(used(&stage).await, (json!(0), json!(5)));
        let record = stage.send("GET", RECORD, &stage.admin, "").await.json();
        assert_eq!(record["scans"].as_array().unwrap().len(), 1);
        let other = BODY.replace('5', "6");
        assert_eq!(stage.send_with("POST", SCANS, &stage.admin, &key, &other).await.status, 422);
        stage.ports.clock.advance(std::time::Duration::from_mins(16));
        assert_eq!(stage.send_with("POST", SCANS, &stage.admin, &key, BODY).await.status, 409);
    }

    #[tokio::test]
    async fn what_cannot_be_announced_is_refused() {
        let stage = stage().await;
        let record = "/v1/collections/patients/records/aaaaaaaaaaaaaaaaaaaaaa01/files";
        for path in [
            format!("{record}/name"),
            format!("{record}/none"),
            format!("{RECORDS}/aaaaaaaaaaaaaaaaaaaaaa09/files/photo"),
            "/v1/collections/none/records/aaaaaaaaaaaaaaaaaaaaaa01/files/photo".to_owned(),
        ] {
            assert_eq!(stage.send("POST", &path, &stage.admin, BODY).await.status, 404, "{path}");
        }
        assert_eq!(stage.send("POST", PHOTO, &stage.member, BODY).await.status, 403);
        assert_eq!(stage.send("GET", PHOTO, &stage.admin, "").await.status, 405);
        let bad = [
            r#"{"filename":"","sizeBytes":1}"#,
            r#"{"filename":"a","sizeBytes":-1,"contentType":"png"}"#,
            r#"{"filename":"a","sizeBytes":5368709121}"#,
            r#"{"filename":"a","sizeBytes":1,"contentType":"a/b\r\nx: y"}"#,
            r#"{"size":1}"#,
        ];
        let mut answers = Vec::new();
        for body in bad {
            answers.push(stage.send("POST", PHOTO, &stage.admin, body).await.shown());
        }
        insta::assert_snapshot!(answers.join("\n\n"));
    }

    #[tokio::test]
    async fn files_over_the_quota_are_refused() {
        let stage = stage().await;
        assert_eq!(stage.send("PATCH", "/v1/orgs/demo", OPERATOR, r#"{"quotaBytes":9}"#).await.status, 200);
        assert_eq!(stage.send("POST", SCANS, &stage.admin, BODY).await.status, 201);
        insta::assert_snapshot!(stage.send("POST", SCANS, &stage.admin, BODY).await.shown());
        let record = stage.send("GET", RECORD, &stage.admin, "").await.json();
        assert_eq!(record["scans"].as_array().unwrap().len(), 1);
    }
}
