//! Exports of a whole organization: everything that somebody who leaves wants to take along, read back by another program.

use crate::data_exports::{completed as data_export, followed, link};
use crate::harness::{World, outside, story, text, until};
use anyhow::Result;
use serde_json::{Value, json};

/// An export of the whole organization, as it is shown when it is completed.
pub(crate) async fn completed(world: &World, key: &str, body: &Value) -> Result<Value> {
    let (status, made) = world.post("/organization-exports", key, body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{status} {made}");
    let path = format!("/organization-exports/{}", text(&made, "id")?);
    until(&format!("{path} does not end"), async || {
        let (status, shown) = world.get(&path, key).await?;
        anyhow::ensure!(status.is_success() && shown["status"] != "failed", "{status} {shown}");
        Ok((shown["status"] == "completed").then_some(shown))
    })
    .await
}

/// What Python reads of a zip: its entries' names in order, and of those that are JSON what they say.
const READ: &str = "import json, sys, zipfile\n\
    zip = zipfile.ZipFile(sys.argv[1])\n\
    assert zip.testzip() is None\n\
    names = zip.namelist()\n\
    assert len({name.lower() for name in names}) == len(names), names\n\
    print(json.dumps({name: json.loads(zip.read(name)) if name.endswith('.json') else zip.read(name).decode() for name in names}))";

/// The file of an export, as another program reads it.
async fn read(world: &World, shown: &Value, key: &str, folder: &std::path::Path) -> Result<Value> {
    let href = format!("{}/files/{}/download", world.info.url, text(shown, "fileId")?);
    let path = folder.join("whole.zip");
    std::fs::write(&path, followed(world, &href, key).await?)?;
    Ok(serde_json::from_str(&outside("python3", &["-c", READ, &path.to_string_lossy()])?)?)
}

#[test]
fn a_whole_organization_is_taken_along_in_one_archive() {
    story(async |world| {
        let tenant = world.tenant("whole-org").await?;
        let things = world.things(&tenant, 25).await?;
        // Names that some system takes for another's, and a file.
        for (name, properties) in [
            (
                "Things",
                json!({"note": {"type": "string", "optional": true}, "scan": {"type": "file", "optional": true}}),
            ),
            ("manifest", json!({"n": {"type": "number"}})),
            ("empty", json!({"n": {"type": "number"}})),
        ] {
            let body = json!({"singular": format!("one-{name}"), "properties": properties});
            let path = format!("/v1/collections/{name}");
            let request = world.call(reqwest::Method::PUT, &path, &tenant.admin).json(&body).send().await?;
            assert!(request.status().is_success(), "{name}: {}", request.text().await?);
        }
        let id = "00000000000000000000beef";
        let lines = format!("{{\"_id\":\"{id}\",\"note\":\"mine\"}}\n{{\"note\":\"also\"}}\n");
        assert!(world.load(&tenant, "Things", lines).await?.0.is_success());
        assert!(world.load(&tenant, "manifest", "{\"n\":1}\n".to_owned()).await?.0.is_success());
        let upload = json!({"filename": "ä scan.txt", "contentType": "text/plain", "sizeBytes": 5});
        let (status, announced) =
            world.post(&format!("/v1/collections/Things/records/{id}/files/scan"), &tenant.admin, &upload).await?;
        assert!(status.is_success(), "{announced}");
        assert_eq!(crate::files::upload(world, &announced["upload"], b"hello".to_vec()).await?, 200);

        let shown = completed(world, &tenant.admin, &json!({"includeFiles": true})).await?;
        let counts: Vec<(String, u64)> = shown["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| (of["type"].as_str().unwrap().to_owned(), of["recordCount"].as_u64().unwrap()))
            .collect();
        let expected = [("Things", 2), ("empty", 0), ("manifest", 1), ("things", 25), ("accounts", 2)];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)), "{shown}");
        assert!(link(&shown, "signedLink").is_some() && shown["retentionTime"].is_string(), "{shown}");
        let folder = tempfile::tempdir()?;
        let entries = read(world, &shown, &tenant.admin, folder.path()).await?;
        let names: Vec<&String> = entries.as_object().unwrap().keys().collect();
        let file = format!("files/Things/{id}/scan/1-ä scan.txt");
        assert_eq!(
            names,
            ["Things.json", "empty.json", "_manifest.json", "things-2.json", "accounts.json", &file, "manifest.json"]
        );
        assert_eq!((&entries["empty.json"], &entries[&file]), (&json!([]), &json!("hello")));
        assert_eq!(entries["_manifest.json"][0]["n"], 1);
        let mut numbers: Vec<u64> =
            entries["things-2.json"].as_array().unwrap().iter().map(|thing| thing["n"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers.len(), things.len());
        // Optional properties and those that are built in are somebody's data, too.
        let mine = entries["Things.json"].as_array().unwrap().iter().find(|one| one["_id"] == id).unwrap();
        assert!(mine["note"] == "mine" && mine["created"].is_string() && mine["scan"]["filename"] == "ä scan.txt");
        assert_eq!(entries["manifest.json"]["collections"][3]["name"], "things-2.json");
        // Shown by its own surface apart, and by Waybill's with what each collection has.
        let data = data_export(world, &tenant.admin, "all", "things").await?;
        assert_eq!(world.get("/organization-exports", &tenant.admin).await?.1.as_array().unwrap().len(), 1);
        assert_eq!(world.get("/data-exports", &tenant.admin).await?.1[0]["id"], data["id"]);
        let (_, ours) = world.get("/v1/exports", &tenant.admin).await?;
        assert_eq!(
            (&ours["items"][1]["surface"], &ours["items"][1]["perCollection"]),
            (&json!("rebilly"), &json!(true))
        );
        assert_eq!(ours["items"][1]["progress"]["collections"][3], json!({"collection": "things", "records": 25}));
        Ok(())
    });
}

#[test]
fn a_member_takes_what_it_may_read_along_and_downloads_nothing() {
    story(async |world| {
        let tenant = world.tenant("whole-member").await?;
        world.things(&tenant, 3).await?;
        let hidden = json!({"singular": "secret", "properties": {"n": {"type": "number"}}});
        world.call(reqwest::Method::PUT, "/v1/collections/secrets", &tenant.admin).json(&hidden).send().await?;
        assert!(world.load(&tenant, "secrets", "{\"n\":1}\n".to_owned()).await?.0.is_success());
        let shown = completed(world, &tenant.member, &json!({})).await?;
        assert_eq!(link(&shown, "signedLink"), None);
        let counts: Vec<&Value> =
            shown["resources"].as_array().unwrap().iter().map(|of| &of["recordCount"]).take(2).collect();
        assert_eq!(counts, [&json!(0), &json!(3)], "secrets are nobody's but administrators': {shown}");
        let path = format!("/files/{}/download", text(&shown, "fileId")?);
        assert_eq!(world.get(&path, &tenant.member).await?.0.as_u16(), 403);
        let folder = tempfile::tempdir()?;
        let entries = read(world, &shown, &tenant.admin, folder.path()).await?;
        assert_eq!(entries["secrets.json"], json!([]));
        Ok(())
    });
}

#[test]
fn each_collection_has_a_table_of_its_own_on_our_surface() {
    story(async |world| {
        let tenant = world.tenant("whole-csv").await?;
        world.things(&tenant, 4).await?;
        let other = json!({"singular": "other", "properties": {"colour": {"type": "string"}}});
        world.call(reqwest::Method::PUT, "/v1/collections/others", &tenant.admin).json(&other).send().await?;
        assert!(world.load(&tenant, "others", "{\"colour\":\"red\"}\n".to_owned()).await?.0.is_success());
        let body = json!({"collection": "everything", "perCollection": true, "format": "csv"});
        let folder = tempfile::tempdir()?;
        let (shown, path) = world.exported(&tenant, &body, folder.path()).await?;
        assert_eq!(shown["progress"]["collections"][2], json!({"collection": "accounts", "records": 1}));
        let entries: Value = serde_json::from_str(&outside("python3", &["-c", READ, &path.to_string_lossy()])?)?;
        let header = |name: &str| entries[name].as_str().unwrap().split("\r\n").next().unwrap().to_owned();
        assert_eq!(header("others.csv"), "_id,created,updated,creator,owner,colour");
        assert!(header("accounts.csv").contains(",email,"), "{}", header("accounts.csv"));
        assert!(header("things.csv").contains("note"), "optional ones come along: {}", header("things.csv"));
        // A member's: of things it may read all.
        assert_eq!(shown["progress"]["collections"][1], json!({"collection": "things", "records": 4}));
        let (status, refused) =
            world.post("/v1/exports", &tenant.admin, &json!({"collection": "things", "perCollection": true})).await?;
        assert_eq!(status.as_u16(), 400, "{refused}");
        assert!(refused.to_string().contains("perCollection"), "{refused}");
        Ok(())
    });
}
