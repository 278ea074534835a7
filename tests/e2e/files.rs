//! Files of records: uploaded past the API by their links, exported beside their records, byte for byte.

use crate::harness::{Tenant, World, outside, reply, story, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads an archive, and a `files.zip` in it, and prints the SHA-256 of every entry but the records' by name.
const READ_FILES: &str = r"
import hashlib, io, json, sys, zipfile
found = {}
def read(source, prefix):
    with zipfile.ZipFile(source) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            body = archive.read(name)
            if name == 'files.zip':
                read(io.BytesIO(body), name + '!')
            elif name.startswith('files/'):
                found[prefix + name] = hashlib.sha256(body).hexdigest()
read(sys.argv[1], '')
json.dump(found, sys.stdout)
";

pub(crate) const FIRST: &str = "00000000000000000000f001";
const SECOND: &str = "00000000000000000000f002";

/// Bytes that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|number| Sha256::digest(number.to_be_bytes()).to_vec());
    blocks.take(length).collect()
}

/// Announces a file and gives what is needed to upload it.
pub(crate) async fn announce(
    world: &World,
    tenant: &Tenant,
    place: &str,
    name: &str,
    mime: &str,
    size: usize,
) -> Result<Value> {
    let path = format!("/v1/collections/patients/records/{place}");
    let body = json!({"filename": name, "contentType": mime, "sizeBytes": size});
    let (status, announced) = world.post(&path, &tenant.admin, &body).await?;
    anyhow::ensure!(status == 201, "{status} {announced}");
    Ok(announced["upload"].clone())
}

/// Uploads as any HTTP client does: the URL, the headers that were given, the bytes.
pub(crate) async fn upload(world: &World, upload: &Value, body: Vec<u8>) -> Result<u16> {
    // Clients know the length of what they send, but some do not say that it is nothing.
    let given = |name: &str| name != "content-length" || body.is_empty();
    let headers = upload["headers"].as_object().into_iter().flatten().filter(|(name, _)| given(name));
    let mut request = world.http.put(text(upload, "url")?);
    for (name, value) in headers {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    Ok(request.body(body).send().await?.status().as_u16())
}

pub(crate) async fn patients(world: &World, code: &str) -> Result<Tenant> {
    let tenant = world.tenant(code).await?;
    let definition = json!({"access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "name": {"type": "string"},
        "photo": {"type": "file"},
        "scans": {"type": "file", "array": true, "optional": true},
    }});
    let put = world.call(Method::PUT, "/v1/collections/patients", &tenant.admin).json(&definition);
    anyhow::ensure!(reply(put).await?.0.is_success());
    let lines = format!("{{\"_id\":\"{FIRST}\",\"name\":\"a\"}}\n{{\"_id\":\"{SECOND}\",\"name\":\"b\"}}");
    anyhow::ensure!(world.load(&tenant, "patients", lines).await?.0 == 200);
    Ok(tenant)
}

fn files(archive: &Path) -> Result<BTreeMap<String, String>> {
    let path = archive.to_string_lossy();
    outside("unzip", &["-tqq", &path])?;
    Ok(serde_json::from_str(&outside("python3", &["-c", READ_FILES, &path])?)?)
}

#[test]
fn uploaded_files_come_out_byte_for_byte_and_missing_ones_are_named() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let tenant = patients(world, "with-files").await?;
        let photo = format!("{FIRST}/files/photo");
        let scans = format!("{FIRST}/files/scans");
        let other = format!("{SECOND}/files/photo");
        let mut expected = BTreeMap::new();
        for (place, entry, name, mime, body) in [
            (&photo, "photo/1-Foto ü.png", "Foto ü.png", "image/png", noise(1_500_000)),
            (&scans, "scans/1-.._x.txt", "../x.txt", "text/plain; charset=utf-8", b"line\n".repeat(300_000)),
            (&scans, "scans/2-empty", "empty", "application/octet-stream", Vec::new()),
        ] {
            let link = announce(world, &tenant, place, name, mime, body.len()).await?;
            expected.insert(format!("files/{FIRST}/{entry}"), hex::encode(Sha256::digest(&body)));
            anyhow::ensure!(
                upload(world, &link, [&body[..], b"!"].concat()).await? == 403,
                "a byte more than announced"
            );
            let status = upload(world, &link, body.clone()).await?;
            anyhow::ensure!(status == 200, "{status} {link}");
            anyhow::ensure!(upload(world, &link, body).await? == 412, "a second upload");
        }
        announce(world, &tenant, &other, "never.pdf", "application/pdf", 99).await?;
        let (status, _) = world
            .post(
                &format!("/v1/collections/patients/records/{photo}"),
                &tenant.member,
                &json!({"filename": "a", "sizeBytes": 1}),
            )
            .await?;
        assert_eq!(status, 403);

        let size = 1_500_000 + 1_500_000;
        for (zip, prefix) in [(false, ""), (true, "files.zip!")] {
            let body = json!({"objects": "patients", "exportFiles": true, "zipFiles": zip});
            let id = world.create(&tenant, &body).await?;
            let export = world.ended(&tenant, &id).await?;
            assert_eq!(export["stats"]["files"], json!({"count": 3, "size": size}), "{export}");
            let path = folder.path().join(format!("{id}.zip"));
            std::fs::write(&path, world.download(&tenant, &id).await?)?;
            let prefixed = |(name, sum): (&String, &String)| (format!("{prefix}{name}"), sum.clone());
            assert_eq!(files(&path)?, expected.iter().map(prefixed).collect());
            let manifest: Value =
                serde_json::from_str(&outside("unzip", &["-p", &path.to_string_lossy(), "manifest.json"])?)?;
            assert_eq!(manifest["counts"]["missingFiles"], 1);
            let missing: Vec<&Value> =
                manifest["files"].as_array().unwrap().iter().filter(|line| !line["missing"].is_null()).collect();
            assert_eq!(
                (missing.len(), &missing[0]["record"], &missing[0]["filename"]),
                (1, &json!(SECOND), &json!("never.pdf"))
            );
            let rows = outside("unzip", &["-p", &path.to_string_lossy(), "patients.ndjson"])?;
            assert!(rows.contains(r#""filename":"Foto ü.png""#), "{rows}");
        }
        let body = json!({"collection": "patients", "files": {"include": true}, "where": {"name": "b"}});
        let (export, _) = world.exported(&tenant, &body, folder.path()).await?;
        assert_eq!((&export["progress"]["filesDone"], &export["progress"]["filesMissing"]), (&json!(0), &json!(1)));
        assert_eq!(export["files"], json!({"include": true, "zip": false}));
        Ok(())
    });
}

#[test]
fn files_count_against_the_storage_until_their_record_goes() {
    story(async |world| {
        let tenant = patients(world, "files-usage").await?;
        let photo = format!("{FIRST}/files/photo");
        let link = announce(world, &tenant, &photo, "a", "text/plain", 1000).await?;
        anyhow::ensure!(upload(world, &link, vec![b'x'; 1000]).await? == 200);
        let usage = async || world.get("/v1/usage", &tenant.admin).await.map(|(_, usage)| usage);
        assert_eq!(usage().await?["reservedBytes"], 1000);
        let quota = json!({"quotaBytes": 1500});
        let operator = &world.info.operator_key;
        let change = world.call(Method::PATCH, "/v1/orgs/files-usage", operator).json(&quota);
        anyhow::ensure!(reply(change).await?.0 == 200);
        let body = json!({"filename": "b", "sizeBytes": 600});
        let (status, problem) =
            world.post(&format!("/v1/collections/patients/records/{SECOND}/files/photo"), &tenant.admin, &body).await?;
        assert_eq!(status, 409, "{problem}");
        let record = format!("/v1/collections/patients/records/{FIRST}");
        assert_eq!(world.delete(&record, &tenant.admin).await?.0, 204);
        let usage = usage().await?;
        assert_eq!((&usage["usedBytes"], &usage["reservedBytes"]), (&json!(0), &json!(0)));
        Ok(())
    });
}
