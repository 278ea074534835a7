//! Destinations that are slow, want others' credentials, have no such place, or want nothing any more: what their runs say, and what arrives.

use crate::deliveries::{Hook, deliveries, header, long_things, put_job, run, run_that, unzipped};
use crate::harness::{World, outside, quick, story, text, until};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use waybill_local::{Options, Stack, Tuning};

const AZURITE: &str = "3.35.0";
const ACCOUNT: &str = "acmefeeds";
const KEY: &str = "Z2VoZWltLWdlaGVpbS1nZWhlaW0tZ2VoZWltLWdlaGVpbQ==";
const OTHER_KEY: &str = "YW5kZXJzLWFuZGVycy1hbmRlcnMtYW5kZXJzLWFuZGVycw==";

/// Microsoft's stand-in for Azure Blob Storage, with a container `feeds`.
struct Azurite {
    endpoint: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Azurite {
    /// Installed once, below the folder that Cargo builds into by default.
    fn installed() -> Result<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/azurite");
        let program = folder.join("node_modules/azurite/dist/src/blob/main.js");
        if !program.exists() {
            std::fs::create_dir_all(&folder)?;
            let (folder, package) = (folder.display().to_string(), format!("azurite@{AZURITE}"));
            let how = ["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix", &folder, &package];
            outside("npm", &how)?;
        }
        Ok(program)
    }

    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut node = Command::new("node");
        node.arg(Self::installed()?).arg("--location").arg(folder.path());
        node.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        node.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
        node.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}")).stdout(Stdio::null());
        let server =
            Self { endpoint: format!("http://127.0.0.1:{port}/{ACCOUNT}"), child: node.spawn()?, _folder: folder };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server.ask("PUT", "-")?;
        Ok(server)
    }

    /// The SHA-256 of what is there, or a status.
    fn ask(&self, method: &str, blob: &str) -> Result<String> {
        let script = include_str!("azurite.py");
        outside("python3", &["-c", script, method, &self.endpoint, ACCOUNT, KEY, "feeds", blob])
    }

    fn config(&self, key: &str, container: &str) -> Value {
        let text = format!("AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={}", self.endpoint);
        json!({"container": container, "path": "pim", "connectionString": text})
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stack of the story's own.
async fn own_world(tuning: Tuning) -> Result<World> {
    World::of(Stack::start(Options { tuning, ..Options::ephemeral() }).await?)
}

#[test]
fn a_container_gets_a_file_that_takes_longer_than_an_invocation() {
    story(async |_| {
        // All of an invocation is kept back: each sends one piece, four parts of 8 MiB, and hands on.
        let tuning = Tuning { delivery_reserve: Tuning::default().function_timeout, ..quick() };
        let world = own_world(tuning).await?;
        let tenant = world.tenant("azure-long").await?;
        long_things(&world, &tenant).await?;
        let azurite = Azurite::start().await?;
        let job = put_job(&world, &tenant, "azure-blob", &azurite.config(KEY, "feeds"), &json!({})).await?;
        let export = run(&world, &tenant, &job).await?;
        let ended = run_that(&world, &tenant, &job, |run| run["status"] != "running").await?;
        let place = format!("{}/feeds/pim/feed-{export}.csv", azurite.endpoint);
        assert_eq!((&ended["status"], &ended["destinationPath"]), (&json!("success"), &json!(place)), "{ended}");
        let scratch = tempfile::tempdir()?;
        let file = unzipped(&world, &tenant, &export, scratch.path()).await?;
        assert_eq!(ended["fileSize"], json!(file.len()));
        assert_eq!(azurite.ask("GET", &format!("pim/feed-{export}.csv"))?, hex::encode(Sha256::digest(&file)));
        let told = deliveries(&world, &tenant, &export).await?[0].clone();
        assert_eq!(told["attempts"], 1, "{told}");
        assert!(told["invocations"].as_u64() > Some(1) && file.len() > 32 << 20, "{told}");
        Ok(())
    });
}

#[test]
fn wrong_credentials_and_places_that_are_not_there_are_told_at_once_in_words_that_help() {
    story(async |world| {
        let tenant = world.tenant("wrong-door").await?;
        world.things(&tenant, 5).await?;
        let (azurite, aws) = (Azurite::start().await?, &world.info.aws);
        let bucket = |bucket: &str, secret: &str| {
            json!({"bucket": bucket, "region": aws.region, "endpoint": aws.s3, "forcePathStyle": true,
                "accessKeyId": aws.access_key_id, "secretAccessKey": secret})
        };
        let cases = [
            ("azure-blob", azurite.config(OTHER_KEY, "feeds"), "a key or signature of this very account"),
            ("azure-blob", azurite.config(KEY, "nowhere"), "ContainerNotFound"),
            ("s3", bucket("waybill", "matrixsecret"), "the credentials are wrong"),
            ("s3", bucket("nowhere-at-all", &aws.secret_access_key), "NoSuchBucket"),
        ];
        for (kind, config, words) in cases {
            let job = put_job(world, &tenant, kind, &config, &json!({})).await?;
            let export = run(world, &tenant, &job).await?;
            let ended = run_that(world, &tenant, &job, |run| run["status"] != "running").await?;
            let error = text(&ended, "error")?;
            assert!(ended["status"] == "failed" && error.contains(words), "{kind} {ended}");
            assert_eq!((&ended["destinationPath"], &ended["fileSize"]), (&Value::Null, &Value::Null));
            assert!(!error.contains("matrixsecret") && !error.contains(OTHER_KEY), "{error}");
            let told = deliveries(world, &tenant, &export).await?;
            assert_eq!(told[0]["attempts"], 1, "what no other attempt changes is given up: {told}");
            let (_, tried) =
                world.post("/v1/destinations/test", &tenant.member, &json!({"type": kind, "config": config})).await?;
            assert!(tried["ok"] == false && text(&tried, "message")?.contains(words), "{tried}");
        }
        Ok(())
    });
}

#[test]
fn an_address_that_is_only_slow_gets_the_file_once_and_holds_up_no_other_export() {
    story(async |world| {
        let tenant = world.tenant("hook-slow").await?;
        world.things(&tenant, 5).await?;
        let (gate, closed) = watch::channel(false);
        let hook = Hook::gated(&["200 OK"], closed).await?;
        let job = put_job(world, &tenant, "webhook", &json!({"url": hook.url}), &json!({})).await?;
        let export = run(world, &tenant, &job).await?;
        until("nothing was sent", async || Ok(hook.taken().pop())).await?;
        let other = world.settled(&tenant, &json!({"collection": "things"})).await?;
        assert_eq!(other["state"], "ready");
        let told = deliveries(world, &tenant, &export).await?;
        assert_eq!(told[0]["state"], "sending", "the other export waited for it: {told}");
        // Longer than the lease, which is renewed meanwhile, and shorter than a silence that is taken for an end, 30 s.
        tokio::time::sleep(quick().lease * 4 / 3).await;
        gate.send(true)?;
        run_that(world, &tenant, &job, |run| run["status"] == "success").await?;
        let told = deliveries(world, &tenant, &export).await?;
        assert_eq!((&told[0]["attempts"], hook.taken().len()), (&json!(1), 1), "{told}");
        Ok(())
    });
}

#[test]
fn a_file_that_is_too_long_to_post_is_told_of_with_a_link_that_is_on_record() {
    story(async |_| {
        let world = own_world(Tuning { longest_posted_bytes: 1000, ..quick() }).await?;
        let tenant = world.tenant("hook-long").await?;
        world.things(&tenant, 100).await?;
        let hook = Hook::start(&["500 No", "200 OK"]).await?;
        let config = json!({"url": hook.url, "secret": "hush"});
        let job = put_job(&world, &tenant, "webhook", &config, &json!({"compress": true})).await?;
        let export = run(&world, &tenant, &job).await?;
        run_that(&world, &tenant, &job, |run| run["status"] == "success").await?;
        let taken = hook.taken();
        let (head, body) = taken.last().context("a notification")?;
        assert_eq!((header(head, "content-type"), taken.len()), (Some("application/json"), 2));
        assert!(header(head, "webhook-signature").is_some() && header(head, "x-sigma-signature").is_some(), "{head}");
        let notice: Value = serde_json::from_slice(body)?;
        let data = &notice["data"];
        assert_eq!((&notice["type"], &data["export"]), (&json!("export.ready"), &json!(export)), "{notice}");
        // The link alone opens the file, and that for five minutes.
        let url = text(data, "url")?;
        assert!(url.contains("X-Amz-Expires=300"), "{url}");
        let file = world.http.get(&url).send().await?.error_for_status()?.bytes().await?;
        assert_eq!(
            (data["sizeBytes"].as_u64(), text(data, "sha256")?),
            (u64::try_from(file.len()).ok(), hex::encode(Sha256::digest(&file)))
        );
        let ended = run_that(&world, &tenant, &job, |run| run["status"] == "success").await?;
        assert_eq!((&ended["fileSize"], &ended["recordCount"]), (&data["sizeBytes"], &json!(100)), "{ended}");
        let scratch = tempfile::tempdir()?;
        let gzip = scratch.path().join("feed.csv.gz");
        std::fs::write(&gzip, &file)?;
        let plain = outside("gzip", &["-dc", gzip.to_str().unwrap()])?;
        assert!(plain.as_bytes() == unzipped(&world, &tenant, &export, scratch.path()).await?);
        let (_, trail) = world.get("/v1/audit?limit=100", &tenant.admin).await?;
        let target = json!(format!("{export}-0"));
        let linked = trail["items"].as_array().context("a trail")?.iter();
        let linked: Vec<_> = linked.filter(|entry| entry["action"] == "delivery-linked").collect();
        ensure!(linked.len() == 2 && linked.iter().all(|entry| entry["target"] == target), "{trail}");
        Ok(())
    });
}

#[test]
fn an_address_that_is_gone_is_sent_nothing_more_until_its_job_is_put_again() {
    story(async |world| {
        let tenant = world.tenant("hook-gone").await?;
        world.things(&tenant, 5).await?;
        let hook = Hook::start(&["410 Gone", "200 OK"]).await?;
        let job = put_job(world, &tenant, "webhook", &json!({"url": hook.url, "secret": "hush"}), &json!({})).await?;
        let path = format!("/v1/jobs/{job}");
        run(world, &tenant, &job).await?;
        let ended = run_that(world, &tenant, &job, |run| run["status"] == "failed").await?;
        assert!(text(&ended, "error")?.contains("410"), "{ended}");
        let (_, shown) = world.get(&path, &tenant.member).await?;
        assert!(text(&shown["destinations"][0]["switchedOff"], "reason")?.contains("410"), "{shown}");

        // The next run makes its archive and sends nothing.
        let second = run(world, &tenant, &job).await?;
        let ended =
            run_that(world, &tenant, &job, |run| run["id"] == json!(second) && run["status"] == "failed").await?;
        assert!(text(&ended, "error")?.contains("switched off since"), "{ended}");
        // What a run counts is what lies at its destination.
        assert_eq!((hook.taken().len(), &ended["recordCount"]), (1, &json!(0)), "{ended}");
        let scratch = tempfile::tempdir()?;
        let file = unzipped(world, &tenant, &second, scratch.path()).await?;

        // What was read is put as it is, the secret masked: that switches it on.
        let (status, put) =
            crate::harness::reply(world.call(reqwest::Method::PUT, &path, &tenant.member).json(&shown)).await?;
        assert_eq!((status.as_u16(), &put["destinations"][0]["switchedOff"]), (200, &Value::Null), "{put}");
        let again = format!("/v1/exports/{second}/deliveries/0/redeliver");
        let (status, delivery) = world.post(&again, &tenant.member, &Value::Null).await?;
        assert_eq!(status.as_u16(), 200, "{delivery}");
        run_that(world, &tenant, &job, |run| run["id"] == json!(second) && run["status"] == "success").await?;
        assert!(hook.taken()[1].1 == file);
        let (_, trail) = world.get("/v1/audit?limit=100", &tenant.admin).await?;
        let off = |entry: &&Value| entry["action"] == "destination-switched-off" && entry["target"] == json!(job);
        assert_eq!(trail["items"].as_array().context("a trail")?.iter().filter(off).count(), 1, "{trail}");
        Ok(())
    });
}
