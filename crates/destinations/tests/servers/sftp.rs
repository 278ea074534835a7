//! SFTP: against OpenSSH's server.

use crate::parcels::{MIB, NOW, bytes, deliver, destinations, open, parcel, stored, try_open};
use crate::sshd::{Sshd, kill_below, make_key, user};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use waybill_destinations::Destinations;
use waybill_ports::{ByteConnection, ByteRange, DestinationError, OutgoingError, OutgoingTcp, Upload};
use waybill_testkit::contracts::{ShownFiles, destination};

fn wire(server: &Sshd, path: &str) -> Value {
    let key = std::fs::read_to_string(server.path("user")).unwrap();
    json!({"host": "127.0.0.1", "port": server.port, "username": user(), "privateKey": key,
        "path": server.path(path), "hostKeyFingerprint": server.fingerprint("ed25519")})
}

fn names(server: &Sshd, path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(server.path(path)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[async_trait]
impl ShownFiles for Sshd {
    async fn shown(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path("in").join(name)).ok()
    }
}

#[tokio::test]
async fn the_contract_of_a_destination_holds() {
    let server = Sshd::start(&[]).await;
    let to = open(&destinations(), "sftp", wire(&server, "in")).await;
    destination(&*to, &server, 20 << 20).await.unwrap();
}

#[tokio::test]
async fn files_of_every_length_arrive_whole_in_folders_that_are_made_and_replace_older_ones() {
    let server = Sshd::start(&[]).await;
    let to = open(&destinations(), "sftp", wire(&server, "in/a/b")).await;
    for size in [0, 1, 8 * MIB, 20 * MIB + 5] {
        let (parcel, pattern) = parcel("feed.csv", size);
        let delivered = deliver(&*to, &parcel).await.unwrap();
        let path = server.path("in/a/b/feed.csv");
        assert_eq!(delivered.destination_path, format!("sftp://127.0.0.1:{}{}", server.port, path.display()));
        assert_eq!(delivered.size_bytes, size);
        assert!(std::fs::read(path).unwrap() == bytes(ByteRange { start: 0, end: size }), "{size}");
        assert_eq!(names(&server, "in/a/b"), ["feed.csv"]);
        assert!(*pattern.longest.lock().unwrap() <= 8 * MIB);
    }
    let probed = to.probe("id", "probe", NOW).await.unwrap();
    assert!(probed.words.starts_with("wrote, read back and removed sftp://"), "{}", probed.words);
    assert_eq!(names(&server, "in/a/b"), ["feed.csv"]);
}

#[tokio::test]
async fn a_delivery_goes_on_after_the_server_was_killed_in_the_middle_of_a_piece() {
    let mut server = Sshd::start(&[]).await;
    let to = open(&destinations(), "sftp", wire(&server, "in")).await;
    let (parcel, pattern) = parcel("feed.csv", 40 * MIB + 5);
    let process = server.process();
    // The third piece is read, and the server is gone before it or while it is written.
    pattern.before_reading(move |range| {
        if range.start == 16 * MIB {
            std::thread::spawn(move || kill_below(process));
        }
        Ok(())
    });
    let mut upload = to.open(&parcel).await.unwrap();
    let error = loop {
        match to.advance(&parcel, upload.clone()).await {
            Ok(next) => upload = stored(&next),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, DestinationError::Unavailable(_)), "{error:?}");
    let before = upload.sent_bytes(parcel.size_bytes);
    assert!((16 * MIB..parcel.size_bytes).contains(&before), "{before}");
    assert!(!server.path("in/feed.csv").exists(), "half a file");
    server.kill();
    pattern.before_reading(|range| {
        assert!(range.start >= 16 * MIB, "what has arrived is sent again");
        Ok(())
    });
    server.restart().await;
    let to = open(&destinations(), "sftp", wire(&server, "in")).await;
    while !upload.is_sent(parcel.size_bytes) {
        upload = to.advance(&parcel, stored(&upload)).await.unwrap();
        assert!(!server.path("in/feed.csv").exists(), "half a file");
    }
    let delivered = to.finish(&parcel, &upload, NOW).await.unwrap();
    assert_eq!(delivered.size_bytes, parcel.size_bytes);
    assert!(
        std::fs::read(server.path("in/feed.csv")).unwrap() == bytes(ByteRange { start: 0, end: parcel.size_bytes })
    );
    assert_eq!(names(&server, "in"), ["feed.csv"]);
    // The answer to the finish may have been lost.
    assert_eq!(to.finish(&parcel, &upload, NOW).await.unwrap(), delivered);
}

#[tokio::test]
async fn what_was_sent_and_is_gone_begins_anew_and_what_is_given_up_leaves_nothing() {
    let server = Sshd::start(&[]).await;
    let to = open(&destinations(), "sftp", wire(&server, "in")).await;
    let (parcel, _) = parcel("feed.csv", 20 * MIB);
    let upload = to.open(&parcel).await.unwrap();
    let upload = to.advance(&parcel, upload).await.unwrap();
    let Upload::Temporary { path, .. } = &upload else { unreachable!() };
    std::fs::File::options().write(true).open(path).unwrap().set_len(3 * MIB).unwrap();
    let again = open(&destinations(), "sftp", wire(&server, "in")).await;
    let upload = again.advance(&parcel, upload).await.unwrap();
    assert_eq!(upload.sent_bytes(parcel.size_bytes), 8 * MIB, "a cut file is gone on with where it is whole");
    again.abort(&parcel, &upload).await.unwrap();
    again.abort(&parcel, &upload).await.unwrap();
    assert_eq!(names(&server, "in"), Vec::<String>::new());
    let error = again.advance(&parcel, upload.clone()).await.unwrap_err();
    assert!(matches!(error, DestinationError::Lost(_)), "{error:?}");
    let error = again.finish(&parcel, &upload, NOW).await.unwrap_err();
    assert!(matches!(error, DestinationError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn every_kind_of_host_key_can_be_pinned_and_no_other_is_spoken_to() {
    let server = Sshd::start(&[]).await;
    let (parcel, _) = parcel("feed.csv", 10);
    for kind in ["ed25519", "ecdsa"] {
        let mut wire = wire(&server, kind);
        wire["hostKeyFingerprint"] = json!(server.fingerprint(kind));
        deliver(&*open(&destinations(), "sftp", wire).await, &parcel).await.unwrap();
    }
    let other = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLPj9PDyOQ6SAlLUM";
    for fingerprint in [json!(other), Value::Null] {
        let mut wire = wire(&server, "none");
        wire["hostKeyFingerprint"] = fingerprint;
        let error = deliver(&*open(&destinations(), "sftp", wire).await, &parcel).await.unwrap_err();
        assert!(matches!(error, DestinationError::HostKeyMismatch(_)), "{error:?}");
        assert!(error.to_string().contains(&server.fingerprint("ed25519")), "{error}");
        assert!(!server.path("none").exists());
    }
}

#[tokio::test]
async fn keys_of_every_kind_log_in_and_wrong_credentials_are_said_to_be() {
    let server = Sshd::start(&[]).await;
    let (parcel, _) = parcel("feed.csv", 10);
    for (name, kind, passphrase) in [("locked", "ed25519", "geheim"), ("ec", "ecdsa", "")] {
        make_key(&server.path(name), kind, passphrase);
        server.authorize(&server.path(&format!("{name}.pub")));
        let mut wire = wire(&server, name);
        wire["privateKey"] = json!(std::fs::read_to_string(server.path(name)).unwrap());
        if !passphrase.is_empty() {
            wire["passphrase"] = json!(passphrase);
        }
        wire["path"] = json!(server.path("in"));
        deliver(&*open(&destinations(), "sftp", wire.clone()).await, &parcel).await.unwrap();
        if !passphrase.is_empty() {
            wire["passphrase"] = json!("other");
            let error = deliver(&*open(&destinations(), "sftp", wire).await, &parcel).await.unwrap_err();
            assert!(matches!(error, DestinationError::BadCredentials(_)), "{error:?}");
        }
    }
    make_key(&server.path("old"), "rsa", "");
    let mut old = wire(&server, "in");
    old["privateKey"] = json!(std::fs::read_to_string(server.path("old")).unwrap());
    let error = deliver(&*open(&destinations(), "sftp", old).await, &parcel).await.unwrap_err();
    assert!(matches!(&error, DestinationError::BadCredentials(words) if words.contains("Ed25519")), "{error:?}");
    make_key(&server.path("stranger"), "ed25519", "");
    let mut stranger = wire(&server, "in");
    stranger["privateKey"] = json!(std::fs::read_to_string(server.path("stranger")).unwrap());
    let mut password = wire(&server, "in");
    password.as_object_mut().unwrap().remove("privateKey");
    password["password"] = json!("wrong");
    for wire in [stranger, password] {
        let error = deliver(&*open(&destinations(), "sftp", wire).await, &parcel).await.unwrap_err();
        assert!(matches!(error, DestinationError::BadCredentials(_)), "{error:?}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn servers_that_do_not_take_files_are_told_apart() {
    let (parcel, _) = parcel("feed.csv", 10);
    let read_only = Sshd::start(&["Subsystem=sftp internal-sftp -R"]).await;
    let error = deliver(&*open(&destinations(), "sftp", wire(&read_only, "in")).await, &parcel).await.unwrap_err();
    assert!(matches!(error, DestinationError::Refused(_)), "{error:?}");
    let without = Sshd::start(&["Subsystem=other internal-sftp"]).await;
    let error = deliver(&*open(&destinations(), "sftp", wire(&without, "in")).await, &parcel).await.unwrap_err();
    assert!(error.to_string().contains("offers no SFTP"), "{error:?}");
    std::fs::write(without.path("file"), "x").unwrap();
    let mut nobody = wire(&without, "in");
    nobody["port"] = json!(1);
    let error = deliver(&*open(&destinations(), "sftp", nobody.clone()).await, &parcel).await.unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error:?}");
    for host in ["127.0.0.2", "169.254.169.254", "localhost", "::1"] {
        nobody["host"] = json!(host);
        let error = deliver(&*open(&destinations(), "sftp", nobody.clone()).await, &parcel).await.unwrap_err();
        assert!(matches!(error, DestinationError::Forbidden(_)), "{host}: {error:?}");
    }
    nobody["privateKey"] = json!("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----");
    let error = try_open(&destinations(), "sftp", nobody).await.unwrap().probe("i", "p", NOW).await.unwrap_err();
    assert!(matches!(error, DestinationError::BadCredentials(_)), "{error:?}");
}

/// A server that takes connections and says nothing.
struct Silent;

#[async_trait]
impl OutgoingTcp for Silent {
    async fn connect(&self, _: &str, _: u16) -> Result<Box<dyn ByteConnection>, OutgoingError> {
        let (near, far) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            let _far = far;
            std::future::pending::<()>().await;
        });
        Ok(Box::new(near.compat()))
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let wire = json!({"host": "sftp.example", "username": "u", "password": "p",
        "hostKeyFingerprint": "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLPj9PDyOQ6SAlLUM"});
    let silent = Destinations { tcp: Arc::new(Silent), silence: Duration::from_millis(100), ..destinations() };
    let (parcel, _) = parcel("feed.csv", 10);
    let error = deliver(&*open(&silent, "sftp", wire).await, &parcel).await.unwrap_err();
    assert!(matches!(error, DestinationError::Unavailable(_)), "{error:?}");
}
