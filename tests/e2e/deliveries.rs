//! Files that are handed to destinations: whole, under their final name, and with a run that says so or says why not.

use crate::harness::{PATIENCE, Tenant, World, outside, story, text, until};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The head of a request, in lower case, and its body.
pub(crate) type Taken = (String, Vec<u8>);

/// An address that answers one after the other what it is told, the last for ever, and keeps what it was sent.
pub(crate) struct Hook {
    pub(crate) url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Hook {
    pub(crate) async fn start(answers: &[&'static str]) -> Result<Self> {
        Self::gated(answers, watch::channel(true).1).await
    }

    /// One that answers nothing until `gate` is open.
    pub(crate) async fn gated(answers: &[&'static str], gate: watch::Receiver<bool>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/in?key=hush", listener.local_addr()?);
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let (seen, answers) = (Arc::clone(&taken), answers.to_vec());
        tokio::spawn(async move {
            let mut next = 0;
            while let Ok((socket, _)) = listener.accept().await {
                let answer = answers[next.min(answers.len() - 1)];
                next += 1;
                let seen = Arc::clone(&seen);
                let gate = gate.clone();
                tokio::spawn(async move { hook(socket, (answer, gate), &seen).await });
            }
        });
        Ok(Self { url, taken })
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn hook(
    mut socket: TcpStream,
    (answer, mut gate): (&str, watch::Receiver<bool>),
    seen: &Mutex<Vec<Taken>>,
) -> Option<()> {
    let (mut read, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let count = socket.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length: usize = header(&head, "content-length")?.parse().ok()?;
        if read.len() - end - 4 >= length {
            seen.lock().unwrap().push((head, read[end + 4..].to_vec()));
            break;
        }
    }
    gate.wait_for(|open| *open).await.ok()?;
    let reply = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    socket.write_all(reply.as_bytes()).await.ok()
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// OpenSSH's server, with a key for its host and one for its user.
pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Sshd {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["host", "user"] {
            let path = folder.path().join(name);
            outside("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path.to_str().unwrap()])?;
        }
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut server = Self { folder, port, child: None };
        server.restart().await?;
        Ok(server)
    }

    async fn restart(&mut self) -> Result<()> {
        let _ = std::fs::create_dir_all("/run/sshd");
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &self.port.to_string(), "-h", &at("host")]);
        let keys = format!("AuthorizedKeysFile={}", at("user.pub"));
        for option in [
            "ListenAddress=127.0.0.1",
            "StrictModes=no",
            "UsePAM=no",
            "PidFile=none",
            "PermitRootLogin=yes",
            "Subsystem=sftp internal-sftp",
            &keys,
        ] {
            command.args(["-o", option]);
        }
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends the server and every connection that it serves, at once.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("pkill").args(["-9", "-P", &child.id().to_string()]).status();
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn config(&self, path: &Path) -> Result<Value> {
        let printed = outside("ssh-keygen", &["-l", "-f", &self.folder.path().join("host.pub").display().to_string()])?;
        let fingerprint = printed.split(' ').nth(1).context("a fingerprint")?;
        Ok(json!({
            "host": "127.0.0.1", "port": self.port, "username": outside("id", &["-un"])?.trim(), "path": path,
            "privateKey": std::fs::read_to_string(self.folder.path().join("user"))?, "hostKeyFingerprint": fingerprint,
        }))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) async fn put_job(
    world: &World,
    tenant: &Tenant,
    kind: &str,
    config: &Value,
    more: &Value,
) -> Result<String> {
    let mut job = json!({
        "name": "Feed", "collection": "things", "format": "csv", "schedule": {"cron": "0 2 1 1 *"},
        "filenameTemplate": "feed-{runId}.csv", "destinations": [{"type": kind, "config": config}],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        job[name] = value.clone();
    }
    let (status, made) = world.post("/v1/jobs", &tenant.member, &job).await?;
    ensure!(status == 201, "{status} {made}");
    text(&made, "id")
}

pub(crate) async fn run(world: &World, tenant: &Tenant, job: &str) -> Result<String> {
    let (status, export) = world.post(&format!("/v1/jobs/{job}/run"), &tenant.member, &Value::Null).await?;
    ensure!(status.is_success(), "{status} {export}");
    text(&export, "id")
}

/// Waits until the job's last run is as `is` wants it.
pub(crate) async fn run_that(world: &World, tenant: &Tenant, job: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut last = Value::Null;
    let outcome = until("the last run is not what was waited for", async || {
        let (_, page) = world.get(&format!("/v1/jobs/{job}/runs"), &tenant.member).await?;
        last = page["items"][0].clone();
        Ok(is(&last).then_some(()))
    })
    .await;
    outcome.with_context(|| last.to_string())?;
    Ok(last)
}

pub(crate) async fn deliveries(world: &World, tenant: &Tenant, export: &str) -> Result<Value> {
    let (status, page) = world.get(&format!("/v1/exports/{export}/deliveries"), &tenant.member).await?;
    ensure!(status == 200, "{status} {page}");
    Ok(page["items"].clone())
}

/// Makes a collection whose file is long enough for several pieces of 8 MiB.
pub(crate) async fn long_things(world: &World, tenant: &Tenant) -> Result<()> {
    let filler = "0123456789abcdef".repeat(2048);
    let definition = json!({"name": "things", "singular": "thing", "source": {"type": "records"},
        "access": {"default": [{"type": "role", "target": "member", "allow": 4}]},
        "properties": {"name": {"type": "string"}}});
    let put = world.call(reqwest::Method::PUT, "/v1/collections/things", &tenant.admin).json(&definition);
    crate::harness::reply(put).await?;
    for chunk in 0..12 {
        let lines: Vec<String> =
            (0..100).map(|n| json!({"_id": format!("{:024x}", chunk * 100 + n), "name": filler}).to_string()).collect();
        let (status, loaded) = world.load(tenant, "things", lines.join("\n")).await?;
        ensure!(status == 200 && loaded["accepted"] == 100, "{status} {loaded}");
    }
    Ok(())
}

/// The plain file of the zip that the export keeps besides.
pub(crate) async fn unzipped(world: &World, tenant: &Tenant, export: &str, folder: &Path) -> Result<Vec<u8>> {
    let response = world.call(reqwest::Method::GET, &format!("/v1/exports/{export}/download"), &tenant.admin);
    let response = response.send().await?;
    let link = crate::harness::header(&response, "location")?;
    let zip = folder.join(format!("{export}.zip"));
    std::fs::write(&zip, world.http.get(link).send().await?.error_for_status()?.bytes().await?)?;
    outside("unzip", &["-q", "-o", zip.to_str().unwrap(), "-d", folder.to_str().unwrap()])?;
    Ok(std::fs::read(folder.join("things.csv"))?)
}

#[test]
fn a_webhook_gets_the_file_and_the_run_says_what_it_holds() {
    story(async |world| {
        let tenant = world.tenant("hook-well").await?;
        world.things(&tenant, 40).await?;
        let hook = Hook::start(&["200 OK"]).await?;
        let config = json!({"url": hook.url, "secret": "hush", "headers": {"x-mine": "yes"}});
        let job = put_job(world, &tenant, "webhook", &config, &json!({})).await?;
        let (_, shown) = world.get(&format!("/v1/jobs/{job}"), &tenant.member).await?;
        assert_eq!(shown["destinations"][0]["config"]["secret"], "••••••••");
        let export = run(world, &tenant, &job).await?;
        let run = run_that(world, &tenant, &job, |run| run["status"] == "success").await?;
        let folder = tempfile::tempdir()?;
        let file = unzipped(world, &tenant, &export, folder.path()).await?;
        let taken = hook.taken();
        assert_eq!(taken.len(), 1);
        let (head, body) = &taken[0];
        assert!(*body == file, "{} bytes and not {}", body.len(), file.len());
        assert_eq!(header(head, "webhook-id"), Some(format!("{export}-0").as_str()));
        assert_eq!(header(head, "x-mine"), Some("yes"));
        assert!(header(head, "webhook-signature").is_some() && header(head, "x-sigma-signature").is_some(), "{head}");
        let disposition = format!("attachment; filename=\"feed-{export}.csv\"");
        assert_eq!(header(head, "content-disposition"), Some(disposition.as_str()));
        let place = hook.url.split('?').next().unwrap();
        assert_eq!((&run["destinationPath"], &run["fileSize"]), (&json!(place), &json!(body.len())), "{run}");
        assert_eq!(run["recordCount"], 40);
        let all = deliveries(world, &tenant, &export).await?;
        assert_eq!(
            (&all[0]["state"], &all[0]["attempts"], &all[0]["path"]),
            (&json!("delivered"), &json!(1), &json!(place))
        );
        Ok(())
    });
}

#[test]
fn what_fails_is_tried_again_and_what_is_gone_is_given_up_at_once() {
    story(async |world| {
        let tenant = world.tenant("hook-ill").await?;
        world.things(&tenant, 5).await?;
        let slow =
            Hook::start(&["500 No", "429 Later\r\nretry-after: 1", "302 Found\r\nlocation: http://x/", "200 OK"])
                .await?;
        let job = put_job(world, &tenant, "webhook", &json!({"url": slow.url}), &json!({})).await?;
        let export = run(world, &tenant, &job).await?;
        run_that(world, &tenant, &job, |run| run["status"] == "success").await?;
        let log = deliveries(world, &tenant, &export).await?[0]["log"].clone();
        let errors: Vec<_> = log.as_array().unwrap().iter().map(|one| one["error"].as_str().unwrap_or("")).collect();
        assert!(errors[0].contains("500") && errors[1].contains("patience") && errors[2].contains("redirect"), "{log}");
        assert_eq!((errors.len(), errors[3]), (4, ""));
        let ids: Vec<_> = slow.taken().iter().map(|(head, _)| header(head, "webhook-id").unwrap().to_owned()).collect();
        assert_eq!(ids, vec![format!("{export}-0"); 4]);

        let gone = Hook::start(&["410 Gone"]).await?;
        let job = put_job(world, &tenant, "webhook", &json!({"url": gone.url}), &json!({})).await?;
        let export = run(world, &tenant, &job).await?;
        let run = run_that(world, &tenant, &job, |run| run["status"] == "failed").await?;
        assert!(text(&run, "error")?.contains("410"), "{run}");
        assert_eq!((&run["destinationPath"], gone.taken().len()), (&Value::Null, 1));
        // The export itself is well, and the lane is free.
        let (_, shown) = world.get(&format!("/v1/exports/{export}"), &tenant.member).await?;
        assert_eq!((&shown["state"], &shown["deliveries"][0]["state"]), (&json!("ready"), &json!("failed")));
        let next = world.settled(&tenant, &json!({"collection": "things"})).await?;
        assert_eq!(next["state"], "ready");
        Ok(())
    });
}

#[test]
fn a_folder_gets_the_file_as_gzip_and_one_that_cannot_be_is_put_right_by_hand() {
    story(async |world| {
        let tenant = world.tenant("sftp-well").await?;
        world.things(&tenant, 40).await?;
        let (server, folder) = (Sshd::start().await?, tempfile::tempdir()?);
        let config = server.config(&folder.path().join("in/deep"))?;
        let (status, tried) =
            world.post("/v1/destinations/test", &tenant.member, &json!({"type": "sftp", "config": config})).await?;
        assert_eq!((status.as_u16(), &tried["ok"]), (200, &json!(true)), "{tried}");
        let mut wrong = config.clone();
        wrong["hostKeyFingerprint"] = json!("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLPj9PDyOQ6SAlLUM");
        let (_, tried) =
            world.post("/v1/destinations/test", &tenant.member, &json!({"type": "sftp", "config": wrong})).await?;
        assert_eq!(tried["ok"], false, "{tried}");

        let more = json!({"compress": true});
        let job = put_job(world, &tenant, "sftp", &wrong, &more).await?;
        let export = run(world, &tenant, &job).await?;
        let failed = run_that(world, &tenant, &job, |run| run["status"] == "failed").await?;
        assert!(text(&failed, "error")?.to_lowercase().contains("key"), "{failed}");
        let found = || std::fs::read_dir(folder.path().join("in/deep")).map_or(0, Iterator::count);
        assert_eq!(found(), 0);

        // Put right in the job, and delivered again.
        let path = format!("/v1/jobs/{job}");
        let (_, mut shown) = world.get(&path, &tenant.member).await?;
        shown["destinations"][0]["config"] = config;
        let (status, put) =
            crate::harness::reply(world.call(reqwest::Method::PUT, &path, &tenant.member).json(&shown)).await?;
        assert_eq!(status.as_u16(), 200, "{put}");
        let again = format!("/v1/exports/{export}/deliveries/0/redeliver");
        let (status, delivery) = world.post(&again, &tenant.member, &Value::Null).await?;
        assert_eq!(status.as_u16(), 200, "{delivery}");
        let run = run_that(world, &tenant, &job, |run| run["status"] == "success").await?;
        let file = folder.path().join(format!("in/deep/feed-{export}.csv.gz"));
        let plain = outside("gzip", &["-dc", file.to_str().unwrap()])?;
        let scratch = tempfile::tempdir()?;
        assert!(plain.as_bytes() == unzipped(world, &tenant, &export, scratch.path()).await?);
        assert_eq!(run["fileSize"], std::fs::metadata(&file)?.len());
        assert!(text(&run, "destinationPath")?.starts_with("sftp://127.0.0.1"), "{run}");
        assert_eq!((found(), &run["error"]), (1, &Value::Null));
        Ok(())
    });
}

#[test]
fn a_server_that_is_killed_in_the_middle_gets_the_rest_and_never_half_a_file() {
    story(async |world| {
        let tenant = world.tenant("sftp-killed").await?;
        let (mut server, folder) = (Sshd::start().await?, tempfile::tempdir()?);
        long_things(world, &tenant).await?;
        let job = put_job(world, &tenant, "sftp", &server.config(folder.path())?, &json!({})).await?;
        let export = run(world, &tenant, &job).await?;
        let wait = async {
            while !deliveries(world, &tenant, &export).await.is_ok_and(|all| all[0]["sentBytes"].as_u64() > Some(0)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await?;
        server.kill();
        let name = folder.path().join(format!("feed-{export}.csv"));
        let was_sent = name.exists();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.restart().await?;
        run_that(world, &tenant, &job, |run| run["status"] == "success").await?;
        let scratch = tempfile::tempdir()?;
        assert!(std::fs::read(&name)? == unzipped(world, &tenant, &export, scratch.path()).await?);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "a temporary file is left");
        let attempts = deliveries(world, &tenant, &export).await?[0]["attempts"].as_u64();
        assert!(was_sent || attempts >= Some(2), "it was killed and nothing failed");
        Ok(())
    });
}

#[test]
fn a_bucket_gets_the_file_of_an_export_made_by_hand_and_one_that_is_not_there_is_told() {
    story(async |world| {
        let tenant = world.tenant("s3-hand").await?;
        world.things(&tenant, 12).await?;
        let aws = &world.info.aws;
        let config = |bucket: &str| {
            json!({"bucket": bucket, "region": aws.region, "path": "out", "endpoint": aws.s3, "forcePathStyle": true,
                "accessKeyId": aws.access_key_id, "secretAccessKey": aws.secret_access_key})
        };
        let body = json!({"collection": "things", "format": "ndjson", "filenameTemplate": "x-{date}.jsonl",
            "destinations": [{"type": "s3", "config": config("waybill")}, {"type": "s3", "config": config("nowhere-at-all")}]});
        let export = text(&world.settled(&tenant, &body).await?, "id")?;
        let all = until("not every delivery ends", async || {
            let all = deliveries(world, &tenant, &export).await?;
            Ok(all.as_array().unwrap().iter().all(|one| !one["finishedAt"].is_null()).then_some(all))
        })
        .await?;
        assert_eq!(all[0]["state"], "delivered", "{all}");
        assert!(text(&all[0], "path")?.starts_with("s3://waybill/out/x-20"), "{all}");
        assert_eq!(all[1]["state"], "failed", "{all}");
        assert!(text(&all[1], "error")?.contains("nowhere-at-all"), "{all}");
        Ok(())
    });
}
