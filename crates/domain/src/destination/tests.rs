//! Configurations read, shown, and read again.

use super::*;
use serde_json::json;

const FINGERPRINT: &str = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLPj9PDyOQ6SAlLUM";

fn parse(
    kind: &str,
    wire: &Value,
    had: Option<&DestinationConfig>,
) -> Result<ParsedDestination, DestinationConfigError> {
    let kind = DestinationType::from_name(kind).unwrap();
    DestinationConfig::parse(kind, wire.as_object().unwrap(), had)
}

fn every_kind() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        ("s3", json!({"bucket": "acme-feeds", "path": "pim/", "region": "eu-north-1"}), vec![]),
        (
            "s3",
            json!({"bucket": "b-1", "region": "auto", "endpoint": "https://minio.example:9000", "forcePathStyle": true,
                "accessKeyId": "AKIA", "secretAccessKey": "s"}),
            vec!["secretAccessKey"],
        ),
        (
            "s3",
            json!({"bucket": "b-1", "region": "eu-north-1", "roleArn": "arn:aws:iam::111122223333:role/in", "externalId": "x",
                "sseAlgorithm": "aws:kms", "kmsKeyId": "k"}),
            vec![],
        ),
        (
            "azure-blob",
            json!({"container": "feeds", "connectionString": "AccountName=a;AccountKey=b"}),
            vec!["connectionString"],
        ),
        ("azure-blob", json!({"container": "feeds", "accountName": "acme", "accountKey": "a2V5"}), vec!["accountKey"]),
        (
            "azure-blob",
            json!({"container": "feeds", "path": "x", "accountName": "acme", "sasToken": "?sv=1"}),
            vec!["sasToken"],
        ),
        (
            "sftp",
            json!({"host": "sftp.example", "port": 22, "username": "u", "password": "p", "path": "/in",
                "hostKeyFingerprint": FINGERPRINT}),
            vec!["password"],
        ),
        (
            "sftp",
            json!({"host": "h", "port": 2222, "username": "u", "privateKey": "-----BEGIN OPENSSH PRIVATE KEY-----", "passphrase": "q"}),
            vec!["passphrase", "privateKey"],
        ),
        (
            "webhook",
            json!({"url": "https://hooks.example/in?a=b", "method": "POST", "headers": {"authorization": "Bearer t", "x-a": "b"},
                "secret": "whsec_c2VjcmV0"}),
            vec!["headers.authorization", "headers.x-a", "secret"],
        ),
    ]
}

#[test]
fn what_is_shown_has_masks_and_keeps_every_secret_when_it_comes_back() {
    for (kind, wire, secrets) in every_kind() {
        let first = parse(kind, &wire, None).unwrap();
        assert!(first.kept.is_empty());
        let shown = Value::Object(first.config.shown());
        let fields: Vec<_> = first.config.secret_fields().into_iter().collect();
        assert_eq!(fields, secrets, "{wire}");
        let printed = format!("{shown} {first:?}");
        for field in &fields {
            let secret = first.given.get(field).unwrap();
            assert!(secret.len() < 4 || !printed.contains(secret), "{field} in {printed}");
        }
        let second = parse(kind, &shown, Some(&first.config)).unwrap();
        assert_eq!(second.config, first.config);
        assert!(second.given.is_empty());
        assert_eq!(second.kept, first.config.secret_fields());
        assert!(second.config.is_at_the_place_of(&first.config));
        let stored: DestinationConfig = serde_json::from_value(serde_json::to_value(&first.config).unwrap()).unwrap();
        assert_eq!(stored, first.config);
        let unmasked = parse(kind, &shown, None);
        assert_eq!(unmasked.is_err(), !secrets.is_empty(), "a mask without a secret: {unmasked:?}");
    }
}

#[test]
fn a_new_secret_takes_the_place_of_the_old_one_and_a_new_kind_of_login_drops_it() {
    let old = parse("sftp", &json!({"host": "h", "username": "u", "password": "old"}), None).unwrap();
    let new = json!({"host": "h", "username": "u", "password": "new"});
    let new = parse("sftp", &new, Some(&old.config)).unwrap();
    assert_eq!((new.given.get("password"), new.kept.len()), (Some("new"), 0));
    let key = json!({"host": "h", "username": "u", "privateKey": "-----BEGIN PRIVATE KEY-----"});
    let key = parse("sftp", &key, Some(&old.config)).unwrap();
    assert_eq!((key.given.get("password"), key.kept.len()), (None, 0));
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("s3", json!({"bucket": "b-1", "region": "r", "buckett": 1}), "buckett"),
        ("s3", json!({"region": "r"}), "bucket"),
        ("s3", json!({"bucket": "b-1"}), "region"),
        ("s3", json!({"bucket": "../x", "region": "r"}), "bucket"),
        ("s3", json!({"bucket": "b-1", "region": "r@x"}), "region"),
        ("s3", json!({"bucket": 7, "region": "r"}), "bucket"),
        ("s3", json!({"bucket": "b-1", "region": "r", "path": "a/../b"}), "path"),
        ("s3", json!({"bucket": "b-1", "region": "r", "endpoint": "minio:9000"}), "endpoint"),
        ("s3", json!({"bucket": "b-1", "region": "r", "endpoint": "http://a"}), "accessKeyId"),
        ("s3", json!({"bucket": "b-1", "region": "r", "accessKeyId": "a"}), "secretAccessKey"),
        ("s3", json!({"bucket": "b-1", "region": "r", "secretAccessKey": "a"}), "accessKeyId"),
        (
            "s3",
            json!({"bucket": "b-1", "region": "r", "accessKeyId": "a", "secretAccessKey": "a", "roleArn": "x"}),
            "roleArn",
        ),
        ("s3", json!({"bucket": "b-1", "region": "r", "roleArn": "x"}), "roleArn"),
        ("s3", json!({"bucket": "b-1", "region": "r", "externalId": "x"}), "externalId"),
        ("s3", json!({"bucket": "b-1", "region": "r", "sseAlgorithm": "DES"}), "sseAlgorithm"),
        ("s3", json!({"bucket": "b-1", "region": "r", "kmsKeyId": "x"}), "kmsKeyId"),
        ("s3", json!({"bucket": "b-1", "region": "r", "forcePathStyle": "yes"}), "forcePathStyle"),
        ("azure-blob", json!({"container": "Feeds", "connectionString": "x"}), "container"),
        ("azure-blob", json!({"container": "feeds"}), "connectionString"),
        ("azure-blob", json!({"container": "feeds", "accountName": "acme"}), "accountKey"),
        ("azure-blob", json!({"container": "feeds", "accountName": "acme.evil/", "accountKey": "x"}), "accountName"),
        ("azure-blob", json!({"container": "feeds", "accountKey": "x"}), "accountName"),
        (
            "azure-blob",
            json!({"container": "feeds", "accountName": "acme", "accountKey": "x", "sasToken": "y"}),
            "sasToken",
        ),
        (
            "azure-blob",
            json!({"container": "feeds", "accountName": "acme", "connectionString": "x"}),
            "connectionString",
        ),
        ("sftp", json!({"host": "sftp://h", "username": "u", "password": "p"}), "host"),
        ("sftp", json!({"host": "h", "password": "p"}), "username"),
        ("sftp", json!({"host": "h", "username": "u"}), "password"),
        ("sftp", json!({"host": "h", "username": "u", "password": "p", "privateKey": "x"}), "privateKey"),
        ("sftp", json!({"host": "h", "username": "u", "privateKey": "x"}), "privateKey"),
        ("sftp", json!({"host": "h", "username": "u", "password": "p", "passphrase": "x"}), "passphrase"),
        ("sftp", json!({"host": "h", "username": "u", "password": "p", "port": 0}), "port"),
        (
            "sftp",
            json!({"host": "h", "username": "u", "password": "p", "hostKeyFingerprint": "MD5:aa"}),
            "hostKeyFingerprint",
        ),
        ("webhook", json!({}), "url"),
        ("webhook", json!({"url": "ftp://a"}), "url"),
        ("webhook", json!({"url": "https://u:p@a/"}), "url"),
        ("webhook", json!({"url": "https://a/", "method": "PUT"}), "method"),
        ("webhook", json!({"url": "https://a/", "headers": []}), "headers"),
        ("webhook", json!({"url": "https://a/", "headers": {"Host": "x"}}), "headers.host"),
        ("webhook", json!({"url": "https://a/", "headers": {"a b": "x"}}), "headers.a b"),
        ("webhook", json!({"url": "https://a/", "headers": {"a": "x\r\ny"}}), "headers.a"),
        ("webhook", json!({"url": "https://a/", "headers": {"a": "x", "A": "y"}}), "headers.a"),
        ("webhook", json!({"url": "https://a/", "secret": "••••••••"}), "secret"),
    ];
    for (kind, wire, field) in cases {
        let error = parse(kind, &wire, None).unwrap_err();
        assert_eq!(error.field, field, "{wire}: {error}");
    }
}

#[test]
fn files_are_named_below_the_folder() {
    for (path, key) in [(None, "f"), (Some("pim/"), "pim/f"), (Some("/a//b"), "a/b/f"), (Some("/"), "f")] {
        let mut wire = json!({"bucket": "b-1", "region": "r"});
        if let Some(path) = path {
            wire["path"] = json!(path);
        }
        let DestinationConfig::S3(config) = parse("s3", &wire, None).unwrap().config else { unreachable!() };
        assert_eq!(config.key("f"), key);
    }
    for (path, file) in [(None, "f"), (Some("in/"), "in/f"), (Some("/in"), "/in/f"), (Some("/"), "/f")] {
        let mut wire = json!({"host": "h", "username": "u", "password": "p"});
        if let Some(path) = path {
            wire["path"] = json!(path);
        }
        let DestinationConfig::Sftp(config) = parse("sftp", &wire, None).unwrap().config else { unreachable!() };
        assert_eq!(config.file("f"), file);
    }
}

#[test]
fn fingerprints_are_read_with_and_without_their_frills() {
    let bare = FINGERPRINT.strip_prefix("SHA256:").unwrap();
    for text in [FINGERPRINT.to_owned(), bare.to_owned(), format!("{bare}="), format!(" {FINGERPRINT} ")] {
        assert_eq!(HostKeyFingerprint::parse(&text).unwrap().to_string(), FINGERPRINT);
    }
    assert_eq!(HostKeyFingerprint::parse("SHA256:short"), None);
}

#[test]
fn a_secret_stays_where_whoever_would_get_it_is_the_same_one() {
    let aws = json!({"bucket": "one", "region": "eu-north-1", "accessKeyId": "a", "secretAccessKey": "s"});
    let own = |endpoint: &str| json!({"bucket": "one", "region": "x", "endpoint": endpoint, "accessKeyId": "a", "secretAccessKey": "s"});
    let sftp = |host: &str, port: u16| json!({"host": host, "port": port, "username": "u", "password": "p"});
    let hook = |url: &str| json!({"url": url, "secret": "hush"});
    let with = |mut wire: Value, field: &str, value: &str| {
        wire[field] = json!(value);
        wire
    };
    let print = format!("SHA256:{}", "a".repeat(43));
    for (kind, one, two, stays) in [
        ("webhook", hook("https://a.example/in"), hook("https://A.example:443/other?x=1"), true),
        ("webhook", hook("https://a.example/in"), hook("http://a.example/in"), false),
        ("webhook", hook("https://a.example/in"), hook("https://a.example.evil/in"), false),
        ("webhook", hook("https://a.example/in"), hook("https://a.example:8443/in"), false),
        ("webhook", hook("https://[::1]/in"), hook("https://[::1]:443/"), true),
        ("s3", aws.clone(), with(aws.clone(), "bucket", "two"), true),
        ("s3", aws.clone(), own("https://minio.example"), false),
        ("s3", own("https://minio.example"), with(own("https://minio.example/"), "bucket", "two"), true),
        ("s3", own("https://minio.example"), own("https://minio.example:9000"), false),
        ("sftp", sftp("h", 22), with(with(sftp("h", 22), "path", "in"), "hostKeyFingerprint", &print), true),
        ("sftp", sftp("h", 22), sftp("h", 2222), false),
        ("sftp", sftp("h", 22), sftp("i", 22), false),
    ] {
        let [before, after] = [&one, &two].map(|wire| parse(kind, wire, None).unwrap().config);
        assert_eq!(after.is_at_the_place_of(&before), stays, "{one} {two}");
    }
}
