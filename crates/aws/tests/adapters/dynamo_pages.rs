//! Replies whose bodies do not come as they were sent, and refusals in their place.

use crate::listener::{Served, bind, connection, serve};
use anyhow::Result;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use waybill_aws::DynamoRecordStore;
use waybill_ports::{PortError, PortErrorKind, RecordPage, RecordStore};

/// A page with one record of our own, `{}`, and no next one.
const PAGE: &[u8] = br#"{"Count":1,"Items":[{"doc":{"B":"AHt9"}}],"ScannedCount":1}"#;

/// Serves the replies, one request each, the last one again and again; tells how many requests there were.
async fn replaying(replies: Vec<Response<Full<Bytes>>>) -> Result<(Served, Arc<AtomicUsize>)> {
    let asked = Arc::new(AtomicUsize::new(0));
    let (replies, counted) = (Arc::new(replies), Arc::clone(&asked));
    let service = service_fn(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed).min(replies.len() - 1);
        let reply = replies[number].clone();
        async move { Ok::<_, Infallible>(reply) }
    });
    Ok((serve(bind().await?, service)?, asked))
}

fn reply(status: u16, body: &'static [u8], crc32: Option<&str>) -> Result<Response<Full<Bytes>>> {
    let mut reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    if let Some(crc32) = crc32 {
        reply = reply.header("x-amz-crc32", crc32);
    }
    Ok(reply.body(Full::new(Bytes::from_static(body)))?)
}

/// What becomes of reading a page, its error told apart.
async fn read(served: &Served) -> Result<Result<RecordPage, PortErrorKind>> {
    let store = DynamoRecordStore::new(connection(&served.url).dynamodb(), "records");
    let page = store.read_page(&"demo".parse()?, &"things".parse()?, 0, None, None).await;
    Ok(page.map_err(|error: PortError| error.kind))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_changed_or_broke_on_its_way_is_asked_for_again() -> Result<()> {
    let changed = reply(200, PAGE, Some("1"))?;
    let (served, asked) = replaying(vec![changed, reply(200, &PAGE[..40], None)?, reply(200, PAGE, None)?]).await?;
    let page = read(&served).await?.map(|page| (page.page.len(), page.next));
    assert_eq!((page, asked.load(Ordering::Relaxed)), (Ok((1, None)), 3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_of_no_use_again_and_again_makes_the_service_unavailable() -> Result<()> {
    let (served, asked) = replaying(vec![reply(200, PAGE, Some("1"))?]).await?;
    assert_eq!(read(&served).await?, Err(PortErrorKind::Unavailable));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_read_by_the_sdk_and_throttles_waited_out() -> Result<()> {
    let throttle =
        reply(400, br#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#, None);
    let throttle = throttle?;
    let (served, _) = replaying(vec![throttle.clone(), reply(200, PAGE, None)?]).await?;
    assert_eq!(read(&served).await?.map(|page| page.page.len()), Ok(1));
    let (served, _) = replaying(vec![throttle]).await?;
    assert_eq!(read(&served).await?, Err(PortErrorKind::Throttled { retry_after: None }));
    let denied = reply(400, br#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#, None)?;
    let (served, asked) = replaying(vec![denied]).await?;
    assert_eq!(read(&served).await?, Err(PortErrorKind::Denied));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    Ok(())
}
