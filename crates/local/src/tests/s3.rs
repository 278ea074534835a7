//! S3: conditional writes, multipart with copies and metadata, presigned downloads, deletion that leaves nothing.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier, ServerSideEncryption};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::services;
use crate::clock;
use crate::services::{Services, names};

async fn bucket(services: &Services) -> Client {
    services.make_bucket().await.unwrap();
    services.make_bucket().await.unwrap();
    services.connection().s3()
}

async fn read(client: &Client, key: &str) -> Vec<u8> {
    let got = client.get_object().bucket(names::BUCKET).key(key).send().await.unwrap();
    got.body.collect().await.unwrap().to_vec()
}

async fn create(client: &Client, key: &str) -> String {
    let created = client
        .create_multipart_upload()
        .bucket(names::BUCKET)
        .key(key)
        .content_type("application/zip")
        .metadata("sha256", "abc")
        .metadata("export", "0123")
        .server_side_encryption(ServerSideEncryption::Aes256)
        .send()
        .await
        .unwrap();
    assert_eq!(created.server_side_encryption, Some(ServerSideEncryption::Aes256));
    created.upload_id.unwrap()
}

async fn part(client: &Client, key: &str, upload: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let sent = client
        .upload_part()
        .bucket(names::BUCKET)
        .key(key)
        .upload_id(upload)
        .part_number(number)
        .body(ByteStream::from(body))
        .send()
        .await
        .unwrap();
    CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build()
}

async fn complete(
    client: &Client,
    key: &str,
    upload: &str,
    parts: Vec<CompletedPart>,
) -> Result<(), aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError> {
    client
        .complete_multipart_upload()
        .bucket(names::BUCKET)
        .key(key)
        .upload_id(upload)
        .if_none_match("*")
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .send()
        .await
        .map(drop)
        .map_err(aws_sdk_s3::error::SdkError::into_service_error)
}

#[tokio::test]
async fn a_put_with_if_none_match_happens_once() {
    let (services, _folder) = services().await;
    let client = bucket(&services).await;
    let put = |body: &'static [u8]| {
        client
            .put_object()
            .bucket(names::BUCKET)
            .key("archives/a/1.zip")
            .if_none_match("*")
            .metadata("sha256", "abc")
            .server_side_encryption(ServerSideEncryption::Aes256)
            .body(ByteStream::from_static(body))
            .send()
    };
    let (first, second, third) = tokio::join!(put(b"same"), put(b"same"), put(b"same"));
    let outcomes = [first, second, third];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes {
        match outcome {
            Ok(put) => assert_eq!(put.server_side_encryption, Some(ServerSideEncryption::Aes256)),
            Err(error) => assert_eq!(error.raw_response().unwrap().status().as_u16(), 412),
        }
    }
    let head = client.head_object().bucket(names::BUCKET).key("archives/a/1.zip").send().await.unwrap();
    assert_eq!(head.content_length, Some(4));
    assert_eq!(head.metadata.unwrap()["sha256"], "abc");
    assert_eq!(head.server_side_encryption, Some(ServerSideEncryption::Aes256));
}

#[tokio::test]
async fn a_multipart_object_keeps_its_metadata_and_is_completed_once() {
    let (services, _folder) = services().await;
    let client = bucket(&services).await;
    let key = "archives/acme/65a1f2.zip";
    let upload = create(&client, key).await;
    let big = vec![b'x'; 5 * 1024 * 1024];
    let parts =
        vec![part(&client, key, &upload, 1, big.clone()).await, part(&client, key, &upload, 2, b"tail".to_vec()).await];
    complete(&client, key, &upload, parts).await.unwrap();
    let head = client.head_object().bucket(names::BUCKET).key(key).send().await.unwrap();
    let metadata = head.metadata.unwrap();
    assert_eq!((metadata["sha256"].as_str(), metadata["export"].as_str()), ("abc", "0123"));
    assert_eq!(head.content_type.as_deref(), Some("application/zip"));
    assert_eq!(head.content_length, Some(5 * 1024 * 1024 + 4));
    assert_eq!(read(&client, key).await.len(), big.len() + 4);

    let again = create(&client, key).await;
    let parts = vec![part(&client, key, &again, 1, b"other".to_vec()).await];
    let refused = complete(&client, key, &again, parts).await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    assert_eq!(read(&client, key).await.len(), big.len() + 4);

    let aborted = client.abort_multipart_upload().bucket(names::BUCKET).key(key).upload_id(&again).send().await;
    aborted.unwrap();
    let late = client.upload_part().bucket(names::BUCKET).key(key).upload_id(&again).part_number(1);
    let late = late.body(ByteStream::from_static(b"late")).send().await.unwrap_err();
    assert_eq!(late.into_service_error().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn parts_are_copied_from_ranges_of_other_objects() {
    let (services, _folder) = services().await;
    let client = bucket(&services).await;
    let segment: Vec<u8> = (0..6 * 1024 * 1024_u32).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    let put = client.put_object().bucket(names::BUCKET).key("work/acme/1/2-3");
    put.body(ByteStream::from(segment.clone())).send().await.unwrap();
    let key = "archives/acme/2.zip";
    let upload = create(&client, key).await;
    let copied = client
        .upload_part_copy()
        .bucket(names::BUCKET)
        .key(key)
        .upload_id(&upload)
        .part_number(1)
        .copy_source(format!("{}/work/acme/1/2-3", names::BUCKET))
        .copy_source_range("bytes=10-5242899")
        .send()
        .await
        .unwrap();
    let etag = copied.copy_part_result.unwrap().e_tag;
    let first = CompletedPart::builder().part_number(1).set_e_tag(etag).build();
    let parts = vec![first, part(&client, key, &upload, 2, b"end".to_vec()).await];
    complete(&client, key, &upload, parts).await.unwrap();
    let whole = read(&client, key).await;
    assert_eq!(whole[..5_242_890], segment[10..5_242_900]);
    assert_eq!(&whole[5_242_890..], b"end");
    let ranged = client.get_object().bucket(names::BUCKET).key(key).range("bytes=5242889-5242891").send().await;
    let ranged = ranged.unwrap();
    assert_eq!(ranged.content_range.as_deref(), Some("bytes 5242889-5242891/5242893"));
    assert_eq!(ranged.body.collect().await.unwrap().to_vec().len(), 3);
}

#[tokio::test]
async fn a_presigned_download_says_what_was_signed_and_nothing_else() {
    let (services, _folder) = services().await;
    let client = bucket(&services).await;
    let put = client.put_object().bucket(names::BUCKET).key("archives/a b/ü.zip");
    put.body(ByteStream::from_static(b"zip")).send().await.unwrap();
    let presign = |lifetime: u64| {
        client
            .get_object()
            .bucket(names::BUCKET)
            .key("archives/a b/ü.zip")
            .response_content_disposition("attachment; filename=\"airports.zip\"")
            .response_cache_control("no-store")
            .response_content_type("application/zip")
            .presigned(PresigningConfig::expires_in(Duration::from_secs(lifetime)).unwrap())
    };
    let url = presign(300).await.unwrap().uri().to_owned();
    let reply = reqwest::get(&url).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-disposition"], "attachment; filename=\"airports.zip\"");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    assert_eq!(reply.headers()["content-type"], "application/zip");
    assert_eq!(reply.bytes().await.unwrap(), "zip");
    assert_eq!(reqwest::get(url.replace("airports.zip", "b.zip")).await.unwrap().status(), 403);
    assert_eq!(reqwest::get(url.split('?').next().unwrap()).await.unwrap().status(), 403);
    let short = presign(1).await.unwrap().uri().to_owned();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(reqwest::get(&short).await.unwrap().status(), 403);
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing_behind() {
    let (services, folder) = services().await;
    let client = bucket(&services).await;
    for key in ["work/a/1", "work/a/2", "work/b/1"] {
        let put = client.put_object().bucket(names::BUCKET).key(key).metadata("k", "v");
        put.body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let listed = client.list_objects_v2().bucket(names::BUCKET).prefix("work/a/").send().await.unwrap();
    let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["work/a/1", "work/a/2"]);
    let objects = ["work/a/1", "work/a/2", "never"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(objects.to_vec())).quiet(true).build().unwrap();
    client.delete_objects().bucket(names::BUCKET).delete(delete).send().await.unwrap();
    client.delete_object().bucket(names::BUCKET).key("work/b/1").send().await.unwrap();
    client.delete_object().bucket(names::BUCKET).key("work/b/1").send().await.unwrap();
    let listed = client.list_objects_v2().bucket(names::BUCKET).send().await.unwrap();
    assert_eq!(listed.key_count, Some(0));
    let missing = client.head_object().bucket(names::BUCKET).key("work/a/1").send().await.unwrap_err();
    assert!(missing.into_service_error().is_not_found());
    let left = std::fs::read_dir(folder.buckets()).unwrap().count();
    assert_eq!(left, 1, "the bucket itself and nothing beside it");
}

#[tokio::test]
async fn the_lifecycle_removes_old_objects_and_uploads_that_nobody_completes() {
    let (services, folder) = services().await;
    let client = bucket(&services).await;
    let upload = create(&client, "archives/x").await;
    part(&client, "archives/x", &upload, 1, b"x".to_vec()).await;
    for key in ["archives/a/1.zip", "work/a/1/2-3", "files/a/1"] {
        let put = client.put_object().bucket(names::BUCKET).key(key).metadata("k", "v");
        put.body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let buckets = crate::emulators::file_buckets::FileBuckets::open(&folder.buckets()).unwrap();
    let files = || std::fs::read_dir(folder.buckets()).unwrap().count();
    let keys = async || {
        let listed = client.list_objects_v2().bucket(names::BUCKET).send().await.unwrap();
        listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect::<Vec<_>>()
    };
    let after = async |hours: u64| {
        let then = clock::now() + Duration::from_hours(hours);
        buckets.apply_lifecycle(names::BUCKET, then).await.unwrap();
        (keys().await, files())
    };
    let all = ["archives/a/1.zip", "files/a/1", "work/a/1/2-3"].map(str::to_owned).to_vec();
    let everything = files();
    assert_eq!(after(0).await, (all.clone(), everything));
    assert_eq!(after(25).await, (all.clone(), everything - 3), "the upload: its owner, its metadata, its part");
    assert_eq!(after(193).await.0, all[1..]);
    assert_eq!(after(721).await, (vec!["files/a/1".to_owned()], 3), "the bucket, one object's two companions");
}

#[tokio::test]
async fn who_is_refused_while_it_still_sends_hears_why() {
    let (services, _folder) = services().await;
    let url = services.connection().endpoints.unwrap().s3;
    let mut socket = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let length = 32 << 20;
    let head = format!("PUT /{}/a HTTP/1.1\r\nhost: s3\r\ncontent-length: {length}\r\n\r\n", names::BUCKET);
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..32 {
        socket.write_all(&vec![b'x'; 1 << 20]).await.unwrap();
    }
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).await.unwrap();
    let reply = String::from_utf8_lossy(&reply);
    assert!(reply.starts_with("HTTP/1.1 403 ") && reply.contains("AccessDenied"), "{reply}");
}
