//! S3: against a server of files, and against answers that such a server does not give.

use crate::canned::{Canned, Say, reply};
use crate::parcels::{
    Expected, Hurried, MIB, NOW, bytes, deliver, destinations, loopback, open, parcel, stored, try_open,
};
use crate::servers_of_s3::{ACCESS_KEY_ID, S3Server, SECRET_ACCESS_KEY};
use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use waybill_destinations::{Destinations, OwnCredentials};
use waybill_ports::{ByteRange, DestinationError};
use waybill_testkit::contracts::{ShownFiles, destination};

async fn server() -> (S3Server, TempDir) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("acme-feeds")).unwrap();
    (S3Server::start(root.path()).await, root)
}

fn wire(endpoint: &str) -> Value {
    json!({"bucket": "acme-feeds", "region": "eu-north-1", "path": "pim/", "endpoint": endpoint, "forcePathStyle": true,
        "accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY})
}

fn read(root: &Path, name: &str) -> Option<Vec<u8>> {
    std::fs::read(root.join("acme-feeds/pim").join(name)).ok()
}

/// The folder that the server keeps.
struct Folder(TempDir);

#[async_trait]
impl ShownFiles for Folder {
    async fn shown(&self, name: &str) -> Option<Vec<u8>> {
        read(self.0.path(), name)
    }
}

#[tokio::test]
async fn the_contract_of_a_destination_holds() {
    let (server, root) = server().await;
    let to = open(&destinations(), "s3", wire(&server.url())).await;
    destination(&*to, &Folder(root), 20 << 20).await.unwrap();
}

#[tokio::test]
async fn files_of_every_length_arrive_whole() {
    let (server, root) = server().await;
    let to = open(&destinations(), "s3", wire(&server.url())).await;
    for size in [0, 1, 8 * MIB, 8 * MIB + 1, 42 * MIB + 5] {
        let (parcel, pattern) = parcel("feed.csv", size);
        let delivered = deliver(&*to, &parcel).await.unwrap();
        assert_eq!((delivered.destination_path.as_str(), delivered.size_bytes), ("s3://acme-feeds/pim/feed.csv", size));
        assert!(read(root.path(), "feed.csv").unwrap() == bytes(ByteRange { start: 0, end: size }), "{size}");
        assert!(*pattern.longest.lock().unwrap() <= 8 * MIB);
    }
}

#[tokio::test]
async fn a_delivery_is_gone_on_with_after_the_server_vanished_half_way() {
    let (first, root) = server().await;
    let to = open(&destinations(), "s3", wire(&first.url())).await;
    let (parcel, _) = parcel("feed.csv", 60 * MIB + 5);
    let upload = to.open(&parcel).await.unwrap();
    let upload = to.advance(&parcel, upload).await.unwrap();
    assert_eq!(upload.sent_bytes(parcel.size_bytes), 32 * MIB);
    first.stop();
    let error = to.advance(&parcel, upload.clone()).await.unwrap_err();
    assert!(matches!(error, DestinationError::Unavailable(_)), "{error:?}");
    assert!(read(root.path(), "feed.csv").is_none(), "half a file");

    let second = S3Server::start(root.path()).await;
    let to = open(&destinations(), "s3", wire(&second.url())).await;
    let mut upload = stored(&upload);
    while !upload.is_sent(parcel.size_bytes) {
        assert!(read(root.path(), "feed.csv").is_none(), "half a file");
        upload = to.advance(&parcel, upload).await.unwrap();
    }
    to.finish(&parcel, &upload, NOW).await.unwrap();
    assert!(read(root.path(), "feed.csv").unwrap() == bytes(ByteRange { start: 0, end: parcel.size_bytes }));
}

#[tokio::test]
async fn a_delivery_that_is_given_up_leaves_nothing() {
    let (server, root) = server().await;
    let to = open(&destinations(), "s3", wire(&server.url())).await;
    let (parcel, _) = parcel("feed.csv", 60 * MIB);
    let upload = to.open(&parcel).await.unwrap();
    let upload = to.advance(&parcel, upload).await.unwrap();
    to.abort(&parcel, &upload).await.unwrap();
    let left = std::fs::read_dir(root.path())
        .unwrap()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains("part")));
    assert_eq!(left.count(), 0);
    assert!(read(root.path(), "feed.csv").is_none());
    assert!(to.advance(&parcel, upload).await.is_err());
}

#[tokio::test]
async fn a_probe_leaves_nothing() {
    let (server, root) = server().await;
    let to = open(&destinations(), "s3", wire(&server.url())).await;
    let probed = to.probe("id", ".waybill-test", NOW).await.unwrap();
    assert_eq!(probed.words, "wrote, read back and removed s3://acme-feeds/pim/.waybill-test");
    assert!(read(root.path(), ".waybill-test").is_none());
}

#[tokio::test]
async fn wrong_keys_are_said_to_be() {
    let (server, _root) = server().await;
    let (parcel, _) = parcel("feed.csv", 10);
    for (field, value) in [("accessKeyId", "AKIAOTHER"), ("secretAccessKey", "other")] {
        let mut wrong = wire(&server.url());
        wrong[field] = json!(value);
        let error = deliver(&*open(&destinations(), "s3", wrong).await, &parcel).await.unwrap_err();
        assert!(
            matches!(error, DestinationError::BadCredentials(_) | DestinationError::Refused(_)),
            "{field}: {error:?}"
        );
    }
}

fn fault(status: &str, headers: &str, code: &str) -> Say {
    reply(
        status,
        headers,
        &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>geheim</Message></Error>"),
    )
}

#[tokio::test]
async fn answers_mean_what_they_say() {
    let cases: [(&str, &str, &str, Expected); 17] = [
        ("403 Forbidden", "", "AccessDenied", |e| matches!(e, DestinationError::Refused(_))),
        ("403 Forbidden", "", "InvalidAccessKeyId", |e| matches!(e, DestinationError::BadCredentials(_))),
        ("403 Forbidden", "", "SignatureDoesNotMatch", |e| matches!(e, DestinationError::BadCredentials(_))),
        ("400 Bad Request", "", "ExpiredToken", |e| matches!(e, DestinationError::BadCredentials(_))),
        ("404 Not Found", "", "NoSuchBucket", |e| matches!(e, DestinationError::NotFound(_))),
        ("301 Moved", "Location: http://169.254.169.254/\r\n", "PermanentRedirect", |e| {
            matches!(e, DestinationError::Misconfigured(_))
        }),
        ("400 Bad Request", "", "AuthorizationHeaderMalformed", |e| matches!(e, DestinationError::Misconfigured(_))),
        (
            "503 Slow Down",
            "Retry-After: 9\r\n",
            "SlowDown",
            |e| matches!(e, DestinationError::Throttled { retry_after, .. } if *retry_after == Some(Duration::from_secs(9))),
        ),
        ("500 Internal", "", "InternalError", |e| matches!(e, DestinationError::Unavailable(_))),
        ("404 Not Found", "", "NoSuchUpload", |e| matches!(e, DestinationError::Lost(_))),
        ("400 Bad Request", "", "RequestTimeout", |e| matches!(e, DestinationError::Unavailable(_))),
        ("409 Conflict", "", "OperationAborted", |e| matches!(e, DestinationError::Unavailable(_))),
        ("403 Forbidden", "", "RequestTimeTooSkewed", |e| matches!(e, DestinationError::Unavailable(_))),
        ("408 Request Timeout", "", "", |e| matches!(e, DestinationError::Unavailable(_))),
        ("425 Too Early", "", "", |e| matches!(e, DestinationError::Unavailable(_))),
        ("409 Conflict", "", "geheim", |e| matches!(e, DestinationError::Refused(_))),
        ("400 Bad Request", "", "geheim", |e| matches!(e, DestinationError::Refused(_))),
    ];
    let (parcel, _) = parcel("feed.csv", 10);
    for (status, headers, code, expected) in cases {
        let server = Canned::start(fault(status, headers, code)).await;
        let to = open(&destinations(), "s3", wire(&server.url(""))).await;
        let error = deliver(&*to, &parcel).await.unwrap_err();
        assert!(expected(&error), "{code}: {error:?}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    let server = Canned::start(fault("403 Forbidden", "", "AccessDenied")).await;
    let error = deliver(&*open(&destinations(), "s3", wire(&server.url(""))).await, &parcel).await.unwrap_err();
    assert!(error.to_string().starts_with("AccessDenied on s3://acme-feeds/pim/feed.csv: "), "{error}");
}

#[tokio::test]
async fn silence_closed_ports_and_addresses_that_are_not_public_are_told_apart() {
    let (parcel, _) = parcel("feed.csv", 10);
    let server = Canned::start(Say::Nothing).await;
    let hurried = Destinations { http: Arc::new(Hurried(loopback())), ..destinations() };
    let error = deliver(&*open(&hurried, "s3", wire(&server.url(""))).await, &parcel).await.unwrap_err();
    assert!(error.to_string().contains("too long"), "{error:?}");
    let error = deliver(&*open(&destinations(), "s3", wire("http://127.0.0.1:1")).await, &parcel).await.unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error:?}");
    for endpoint in ["http://169.254.169.254", "http://127.0.0.2:9000", "http://[::1]:9000"] {
        let error = deliver(&*open(&destinations(), "s3", wire(endpoint)).await, &parcel).await.unwrap_err();
        assert!(matches!(error, DestinationError::Forbidden(_)), "{endpoint}: {error:?}");
    }
}

#[tokio::test]
async fn encryption_is_asked_for_as_configured() {
    let cases = [
        (json!({"sseAlgorithm": "AES256"}), Some("AES256"), None),
        (json!({"sseAlgorithm": "aws:kms", "kmsKeyId": "key-1"}), Some("aws:kms"), Some("key-1")),
        (json!({}), None, None),
    ];
    for (extra, algorithm, key) in cases {
        let server = Canned::start(reply("200 OK", "ETag: \"x\"\r\n", "")).await;
        let mut wire = wire(&server.url(""));
        wire.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (parcel, _) = parcel("feed.csv", 0);
        deliver(&*open(&destinations(), "s3", wire).await, &parcel).await.unwrap();
        let asked = server.asked().remove(0);
        assert!(asked.head.starts_with("PUT /acme-feeds/pim/feed.csv"), "{}", asked.head);
        assert_eq!(asked.header("x-amz-server-side-encryption"), algorithm);
        assert_eq!(asked.header("x-amz-server-side-encryption-aws-kms-key-id"), key);
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let credentials = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token-1</SessionToken>\
        <Expiration>2036-11-21T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let sts = Canned::start(reply("200 OK", "Content-Type: text/xml\r\n", credentials)).await;
    let own = OwnCredentials::fixed("AKIAOWN", SecretString::from("own"), Some(sts.url("")));
    let with_role = Destinations { own, ..destinations() };
    let bucket = Canned::start(reply("200 OK", "ETag: \"x\"\r\n", "")).await;
    let wire = json!({"bucket": "acme-feeds", "region": "eu-north-1", "endpoint": bucket.url(""), "forcePathStyle": true,
        "roleArn": "arn:aws:iam::111122223333:role/feeds", "externalId": "acme-7"});
    let (parcel, _) = parcel("feed.csv", 0);
    deliver(&*open(&with_role, "s3", wire.clone()).await, &parcel).await.unwrap();
    let asked = String::from_utf8(sts.asked().remove(0).body).unwrap();
    assert!(asked.contains("Action=AssumeRole") && asked.contains("ExternalId=acme-7"), "{asked}");
    let put = bucket.asked().remove(0);
    assert!(put.header("authorization").unwrap().contains("Credential=ASIAROLE/"));
    assert_eq!(put.header("x-amz-security-token"), Some("token-1"));

    let denied = Canned::start(fault("403 Forbidden", "", "AccessDenied")).await;
    let own = OwnCredentials::fixed("AKIAOWN", SecretString::from("own"), Some(denied.url("")));
    let with_role = Destinations { own, ..destinations() };
    let error = try_open(&with_role, "s3", wire.clone()).await.err().unwrap();
    assert!(matches!(error, DestinationError::Refused(_)) && error.to_string().contains("trust policy"), "{error:?}");
    let error = try_open(&destinations(), "s3", wire).await.err().unwrap();
    assert!(matches!(error, DestinationError::Misconfigured(_)), "{error:?}");
}
