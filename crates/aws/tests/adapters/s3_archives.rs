//! Objects in an embedded S3.

use crate::s3_service::{BUCKET, buckets};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use std::time::Duration;
use waybill_aws::{Encryption, S3ArchiveStore};
use waybill_ports::{ArchiveStore, ByteRange, ObjectMetadata, PortErrorKind, UploadId};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_an_archive_store_holds() -> Result<()> {
    let buckets = buckets().await?;
    for (prefix, encryption) in [
        ("default", Encryption::BucketDefault),
        ("managed", Encryption::S3Managed),
        ("kms", Encryption::Kms { key_id: "key".into() }),
    ] {
        let store = S3ArchiveStore::new(buckets.client.clone(), BUCKET, encryption);
        waybill_testkit::contracts::archive_store(&store, prefix).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_gives_the_bytes_under_the_name_asked_for() -> Result<()> {
    let buckets = buckets().await?;
    let store = S3ArchiveStore::new(buckets.client.clone(), BUCKET, Encryption::BucketDefault);
    store.put_new("archives/demo/1.zip", Bytes::from_static(b"PK"), &ObjectMetadata::default()).await?;
    let link = store.presign("archives/demo/1.zip", Duration::from_mins(5), "ä.zip", "application/zip").await?;
    let reply = reqwest::get(&link.url).await?;
    assert_eq!(reply.status(), 200);
    let header = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(
        header("content-disposition").context("no disposition")?,
        "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%A4.zip"
    );
    assert_eq!(header("cache-control").context("no cache control")?, "no-store");
    assert_eq!(reply.bytes().await?, Bytes::from_static(b"PK"));
    let tampered = link.url.replace("demo/1.zip", "demo/2.zip");
    assert_eq!(reqwest::get(&tampered).await?.status(), 403);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_request_can_say_is_rejected() -> Result<()> {
    let buckets = buckets().await?;
    let store = S3ArchiveStore::new(buckets.client.clone(), BUCKET, Encryption::BucketDefault);
    let upload = UploadId("any".into());
    let rejected = |result: std::result::Result<(), waybill_ports::PortError>| matches!(result, Err(error) if matches!(error.kind, PortErrorKind::Rejected { .. }));
    assert!(rejected(store.upload_part("work/a", &upload, 0, Bytes::new()).await.map(drop)));
    assert!(rejected(store.upload_part("work/a", &upload, 10_001, Bytes::new()).await.map(drop)));
    let empty = ByteRange { start: 5, end: 5 };
    assert!(rejected(store.copy_part("work/a", &upload, 1, "work/b", empty).await.map(drop)));
    for lifetime in [Duration::ZERO, Duration::from_hours(169)] {
        assert!(rejected(store.presign("work/a", lifetime, "a", "b").await.map(drop)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_an_upload_takes_those_bytes_once_and_nothing_else() -> Result<()> {
    let buckets = buckets().await?;
    let store = S3ArchiveStore::new(buckets.client.clone(), BUCKET, Encryption::BucketDefault);
    let key = "files/demo/visits/1/photo/2";
    let link = store.presign_upload(key, Duration::from_mins(5), "text/plain", 5).await?;
    let send = async |body: &'static str, content_type: &'static str, url: &str| {
        let mut request = reqwest::Client::new().put(url).body(body).header("content-type", content_type);
        for (name, value) in
            link.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "content-type" | "content-length" | "host"))
        {
            request = request.header(name, value);
        }
        request.send().await.map(|reply| reply.status().as_u16())
    };
    assert_eq!(send("too long", "text/plain", &link.url).await?, 403);
    assert_eq!(send("hello", "text/html", &link.url).await?, 403);
    assert_eq!(send("hello", "text/plain", &link.url.replace("demo", "else")).await?, 403);
    assert_eq!(send("hello", "text/plain", &link.url).await?, 200);
    assert_eq!(store.get(key).await?, Some(Bytes::from_static(b"hello")));
    assert_eq!(send("again", "text/plain", &link.url).await?, 412);
    assert_eq!(store.get(key).await?, Some(Bytes::from_static(b"hello")));
    Ok(())
}
