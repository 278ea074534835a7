//! What every archive store does.

use super::{Broken, Fact, check, equal, fails, is_rejected, noise, that};
use bytes::Bytes;
use std::time::Duration;
use waybill_ports::{ArchiveStore, ByteRange, ObjectHead, ObjectMetadata, PortErrorKind, UploadId};

/// Smallest part but the last.
const PART: usize = 5 * 1024 * 1024;

/// Checks an archive store.
///
/// # Errors
/// The first fact that does not hold.
pub async fn archive_store(store: &dyn ArchiveStore, prefix: &str) -> Result<(), Broken> {
    check!(store, prefix;
        an_absent_object_reads_as_none,
        an_object_reads_back_with_its_metadata,
        a_range_of_an_object_can_be_read,
        an_object_is_never_put_twice,
        an_upload_appears_whole_when_it_is_completed,
        parts_may_come_out_of_order_and_again,
        an_upload_never_replaces_an_object,
        a_completed_upload_cannot_be_completed_into_another_object,
        an_aborted_upload_is_gone_and_aborting_again_succeeds,
        a_part_can_be_a_range_of_another_object,
        a_small_object_can_be_copied_whole_as_the_last_part,
        a_small_part_in_the_middle_is_refused,
        keys_are_listed_by_prefix_in_order,
        removed_objects_are_gone_and_removing_again_succeeds,
        a_link_is_given_out,
        a_link_for_an_upload_names_what_it_takes,
    );
}

fn key(prefix: &str, name: &str) -> String {
    format!("work/{prefix}/{name}")
}

fn metadata(sha256: &str) -> ObjectMetadata {
    ObjectMetadata { content_type: "application/zip".into(), sha256: Some(sha256.into()) }
}

fn body(seed: &str, length: usize) -> Bytes {
    Bytes::from(noise(seed, length))
}

async fn an_absent_object_reads_as_none(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    equal(&store.head(&key(prefix, "a")).await?, &None)?;
    equal(&store.get(&key(prefix, "a")).await?, &None)
}

async fn an_object_reads_back_with_its_metadata(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let (a, b) = (key(prefix, "a"), key(prefix, "b"));
    store.put_new(&a, Bytes::from_static(b"hello"), &metadata("00ff")).await?;
    let head = ObjectHead { size_bytes: 5, metadata: metadata("00ff") };
    equal(&store.head(&a).await?, &Some(head))?;
    equal(&store.get(&a).await?, &Some(Bytes::from_static(b"hello")))?;
    let plain = ObjectMetadata { content_type: "application/json".into(), sha256: None };
    store.put_new(&b, Bytes::new(), &plain).await?;
    equal(&store.head(&b).await?, &Some(ObjectHead { size_bytes: 0, metadata: plain }))?;
    equal(&store.get(&b).await?, &Some(Bytes::new()))
}

async fn a_range_of_an_object_can_be_read(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let range = |start, end| ByteRange { start, end };
    equal(&store.read(&a, range(0, 1)).await?, &None)?;
    store.put_new(&a, Bytes::from_static(b"hello"), &metadata("00ff")).await?;
    equal(&store.read(&a, range(0, 5)).await?, &Some(Bytes::from_static(b"hello")))?;
    equal(&store.read(&a, range(1, 3)).await?, &Some(Bytes::from_static(b"el")))?;
    for (start, end) in [(2, 2), (3, 2), (4, 6), (5, 6), (7, 9)] {
        that(store.read(&a, range(start, end)).await.is_err(), "a range that is not all there is refused")?;
    }
    Ok(())
}

async fn an_object_is_never_put_twice(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    store.put_new(&a, Bytes::from_static(b"first"), &metadata("01")).await?;
    for again in [&b"first"[..], b"second!"] {
        let second = store.put_new(&a, Bytes::copy_from_slice(again), &metadata("02")).await;
        fails(&second, &[PortErrorKind::Conflict])?;
    }
    equal(&store.get(&a).await?, &Some(Bytes::from_static(b"first")))?;
    equal(&store.head(&a).await?, &Some(ObjectHead { size_bytes: 5, metadata: metadata("01") }))
}

async fn an_upload_appears_whole_when_it_is_completed(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let (first, last) = (body("first", PART), body("last", 1234));
    let upload = store.begin_upload(&a, &metadata("0a")).await?;
    let one = store.upload_part(&a, &upload, 1, first.clone()).await?;
    let two = store.upload_part(&a, &upload, 2, last.clone()).await?;
    equal(&store.head(&a).await?, &None)?;
    equal(&store.list(&key(prefix, "")).await?, &Vec::new())?;
    store.complete_upload(&a, &upload, &[one, two]).await?;
    let size_bytes = u64::try_from(first.len() + last.len()).unwrap_or(0);
    equal(&store.head(&a).await?, &Some(ObjectHead { size_bytes, metadata: metadata("0a") }))?;
    let whole = [first, last].concat();
    that(store.get(&a).await?.is_some_and(|found| found == whole), "the object is not its parts")
}

async fn parts_may_come_out_of_order_and_again(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let upload = store.begin_upload(&a, &metadata("0b")).await?;
    let two = store.upload_part(&a, &upload, 2, body("two", 10)).await?;
    store.upload_part(&a, &upload, 1, body("thrown away", PART)).await?;
    let one = store.upload_part(&a, &upload, 1, body("one", PART)).await?;
    store.complete_upload(&a, &upload, &[one, two]).await?;
    let whole = [body("one", PART), body("two", 10)].concat();
    that(store.get(&a).await?.is_some_and(|found| found == whole), "the object is not its last parts in order")
}

async fn an_upload_never_replaces_an_object(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let upload = store.begin_upload(&a, &metadata("0c")).await?;
    let one = store.upload_part(&a, &upload, 1, body("late", 100)).await?;
    store.put_new(&a, Bytes::from_static(b"early"), &metadata("0d")).await?;
    let late = store.complete_upload(&a, &upload, &[one]).await;
    fails(&late, &[PortErrorKind::Conflict])?;
    equal(&store.get(&a).await?, &Some(Bytes::from_static(b"early")))?;
    Ok(store.abort_upload(&a, &upload).await?)
}

async fn a_completed_upload_cannot_be_completed_into_another_object(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let upload = store.begin_upload(&a, &metadata("0e")).await?;
    let one = store.upload_part(&a, &upload, 1, body("once", 100)).await?;
    store.complete_upload(&a, &upload, std::slice::from_ref(&one)).await?;
    let again = store.complete_upload(&a, &upload, &[one]).await;
    // Which of the two a service notices first is its own affair; both lead to a look at the object.
    fails(&again, &[PortErrorKind::Conflict, PortErrorKind::NotFound])?;
    equal(&store.get(&a).await?, &Some(body("once", 100)))
}

async fn an_aborted_upload_is_gone_and_aborting_again_succeeds(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let upload = store.begin_upload(&a, &metadata("0f")).await?;
    let one = store.upload_part(&a, &upload, 1, body("gone", 100)).await?;
    store.abort_upload(&a, &upload).await?;
    store.abort_upload(&a, &upload).await?;
    fails(&store.upload_part(&a, &upload, 2, body("gone", 100)).await, &[PortErrorKind::NotFound])?;
    fails(&store.complete_upload(&a, &upload, &[one]).await, &[PortErrorKind::NotFound])?;
    equal(&store.head(&a).await?, &None)
}

async fn a_part_can_be_a_range_of_another_object(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let (a, source) = (key(prefix, "a"), key(prefix, "source"));
    let bytes = body("source", PART + 500);
    store.put_new(&source, bytes.clone(), &metadata("10")).await?;
    let upload = store.begin_upload(&a, &metadata("11")).await?;
    let part = u64::try_from(PART).unwrap_or(0);
    let one = store.copy_part(&a, &upload, 1, &source, ByteRange { start: 100, end: part + 100 }).await?;
    let two = store.copy_part(&a, &upload, 2, &source, ByteRange { start: 0, end: 7 }).await?;
    store.complete_upload(&a, &upload, &[one, two]).await?;
    let whole = [&bytes[100..PART + 100], &bytes[..7]].concat();
    that(store.get(&a).await?.is_some_and(|found| found == whole), "the object is not those ranges")?;
    let lost = UploadId("no-such-upload".into());
    let range = ByteRange { start: 0, end: 7 };
    that(store.copy_part(&a, &lost, 1, &source, range).await.is_err(), "a part was copied into no upload")
}

async fn a_small_object_can_be_copied_whole_as_the_last_part(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let (a, source) = (key(prefix, "a"), key(prefix, "small"));
    store.put_new(&source, body("small", 300), &metadata("20")).await?;
    let upload = store.begin_upload(&a, &metadata("21")).await?;
    let one = store.upload_part(&a, &upload, 1, body("one", PART)).await?;
    let two = store.copy_part(&a, &upload, 2, &source, ByteRange { start: 0, end: 300 }).await?;
    store.complete_upload(&a, &upload, &[one, two]).await?;
    let whole = [body("one", PART), body("small", 300)].concat();
    that(store.get(&a).await?.is_some_and(|found| found == whole), "the object is not those parts")
}

async fn a_small_part_in_the_middle_is_refused(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let (a, source) = (key(prefix, "a"), key(prefix, "small"));
    store.put_new(&source, body("small", PART - 1), &metadata("22")).await?;
    let upload = store.begin_upload(&a, &metadata("23")).await?;
    let size = u64::try_from(PART - 1).unwrap_or(0);
    let one = store.copy_part(&a, &upload, 1, &source, ByteRange { start: 0, end: size }).await?;
    let two = store.upload_part(&a, &upload, 2, body("two", 10)).await?;
    that(store.complete_upload(&a, &upload, &[one, two]).await.is_err(), "a small part was taken in the middle")?;
    equal(&store.head(&a).await?, &None)?;
    Ok(store.abort_upload(&a, &upload).await?)
}

async fn keys_are_listed_by_prefix_in_order(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    for name in ["b/2", "b/10", "a/1", "b"] {
        store.put_new(&key(prefix, &format!("list-{name}.x")), Bytes::from_static(b"x"), &metadata("12")).await?;
    }
    let expected: Vec<String> = ["list-b/10.x", "list-b/2.x"].into_iter().map(|name| key(prefix, name)).collect();
    equal(&store.list(&key(prefix, "list-b/")).await?, &expected)?;
    equal(&store.list(&key(prefix, "list-c")).await?, &Vec::new())
}

async fn removed_objects_are_gone_and_removing_again_succeeds(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let (a, b, c) = (key(prefix, "a"), key(prefix, "b"), key(prefix, "c"));
    for name in [&a, &b] {
        store.put_new(name, Bytes::from_static(b"x"), &metadata("13")).await?;
    }
    for _ in 0..2 {
        store.delete(&[a.clone(), c.clone()]).await?;
        equal(&store.head(&a).await?, &None)?;
        that(store.head(&b).await?.is_some(), "another object was removed")?;
    }
    store.delete(&[]).await?;
    // A key is free again once its object is removed.
    Ok(store.put_new(&a, Bytes::from_static(b"y"), &metadata("14")).await?)
}

async fn a_link_is_given_out(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    store.put_new(&a, Bytes::from_static(b"x"), &metadata("15")).await?;
    let link = store.presign(&a, Duration::from_mins(1), "export-ä.zip", "application/zip").await?;
    that(link.url.contains("://") && link.url.contains(prefix), "no absolute address of the object")
}

async fn a_link_for_an_upload_names_what_it_takes(store: &dyn ArchiveStore, prefix: &str) -> Fact {
    let a = key(prefix, "a");
    let link = store.presign_upload(&a, Duration::from_mins(1), "image/png", 5).await?;
    that(link.url.contains("://") && link.url.contains(prefix), "no absolute address of the object")?;
    for (name, value) in [("content-length", "5"), ("content-type", "image/png"), ("if-none-match", "*")] {
        let sent = link.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        equal(&sent, &Some(value))?;
    }
    is_rejected(&store.presign_upload(&a, Duration::from_mins(1), "image/png", (5 << 30) + 1).await.map(drop))?;
    equal(&store.head(&a).await?, &None)
}
