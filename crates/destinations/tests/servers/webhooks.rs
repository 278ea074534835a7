//! Webhooks: what is posted and signed, and what answers mean.

use crate::canned::{Canned, Say, reply};
use crate::parcels::{Expected, Hurried, MIB, NOW, bytes, deliver, destinations, loopback, open, parcel};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use waybill_destinations::{Destinations, sigma_signature, standard_signature};
use waybill_ports::{ByteRange, Delivered, DestinationError, Notice, PortError, PortErrorKind};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_file_is_posted_whole_and_signed_over_all_its_bytes() {
    let server = Canned::start(reply("204 No Content", "", "")).await;
    let wire = json!({"url": server.url("/in?token=t"), "secret": SECRET, "headers": {"X-Mine": "yes"}});
    let to = open(&destinations(), "webhook", wire).await;
    let (parcel, pattern) = parcel("feed-2026-11-21.csv", 20 * MIB + 7);
    let delivered = deliver(&*to, &parcel).await.unwrap();
    assert_eq!(delivered, Delivered { destination_path: server.url("/in"), size_bytes: 20 * MIB + 7 });
    let asked = server.asked().remove(0);
    let whole = bytes(ByteRange { start: 0, end: 20 * MIB + 7 });
    assert!(asked.body == whole);
    assert!(asked.head.starts_with("POST /in?token=t HTTP/1.1"), "{}", asked.head);
    let expected = [
        ("webhook-id", parcel.id.clone()),
        ("webhook-timestamp", NOW.as_secs().to_string()),
        ("webhook-signature", standard_signature(SECRET, &parcel.id, NOW.as_secs(), &whole)),
        ("x-sigma-signature", sigma_signature(SECRET, &whole)),
        ("x-sigma-delivery", parcel.id.clone()),
        ("x-mine", "yes".to_owned()),
        ("content-type", "text/csv".to_owned()),
        ("content-disposition", "attachment; filename=\"feed-2026-11-21.csv\"".to_owned()),
        ("content-length", whole.len().to_string()),
    ];
    for (name, value) in expected {
        assert_eq!(asked.header(name), Some(value.as_str()), "{name}");
    }
    assert!(*pattern.longest.lock().unwrap() <= 8 * MIB, "the file was read at once");
}

#[tokio::test]
async fn a_notice_takes_the_place_of_a_long_file() {
    let server = Canned::start(reply("200 OK", "", "thanks")).await;
    let to = open(&destinations(), "webhook", json!({"url": server.url("/"), "secret": "plain"})).await;
    let (mut parcel, _) = parcel("feed.csv", 1 << 40);
    let body = Bytes::from_static(br#"{"type":"export.ready","url":"https://short.lived/"}"#);
    parcel.notice = Some(Notice { body: body.clone() });
    let delivered = deliver(&*to, &parcel).await.unwrap();
    assert_eq!(delivered.size_bytes, parcel.size_bytes, "what the link leads to");
    let asked = server.asked().remove(0);
    assert_eq!((asked.body.as_slice(), asked.header("content-type")), (&*body, Some("application/json")));
    assert_eq!(asked.header("x-sigma-signature"), Some(sigma_signature("plain", &body).as_str()));
}

fn asks_for(error: &DestinationError, secs: u64) -> bool {
    matches!(error, DestinationError::Throttled { retry_after, .. } if *retry_after == Some(Duration::from_secs(secs)))
}

#[tokio::test]
async fn answers_mean_what_they_say() {
    let cases: [(&str, &str, Expected); 14] = [
        ("301 Moved Permanently", "Location: http://169.254.169.254/\r\n", |e| {
            matches!(e, DestinationError::Refused(_))
        }),
        ("304 Not Modified", "", |e| matches!(e, DestinationError::Refused(_))),
        ("400 Bad Request", "", |e| matches!(e, DestinationError::Refused(_))),
        ("401 Unauthorized", "", |e| matches!(e, DestinationError::BadCredentials(_))),
        ("403 Forbidden", "", |e| matches!(e, DestinationError::Refused(_))),
        ("404 Not Found", "", |e| matches!(e, DestinationError::NotFound(_))),
        ("408 Request Timeout", "", |e| matches!(e, DestinationError::Unavailable(_))),
        ("410 Gone", "", |e| matches!(e, DestinationError::Gone(_))),
        ("413 Too Large", "", |e| matches!(e, DestinationError::Refused(_))),
        ("429 Too Many Requests", "Retry-After: 17\r\n", |e| asks_for(e, 17)),
        ("429 Too Many Requests", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", |e| {
            matches!(e, DestinationError::Throttled { retry_after: None, .. })
        }),
        (
            "429 Too Many Requests",
            "Date: Fri, 31 Dec 1999 23:59:00 GMT\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n",
            |e| asks_for(e, 59),
        ),
        ("503 Service Unavailable", "Retry-After: 3\r\n", |e| asks_for(e, 3)),
        ("500 Internal Server Error", "", |e| matches!(e, DestinationError::Unavailable(_))),
    ];
    for (status, headers, expected) in cases {
        let server = Canned::start(reply(status, headers, "geheim")).await;
        let to = open(&destinations(), "webhook", json!({"url": server.url("/in?token=geheim")})).await;
        let (parcel, _) = parcel("feed.csv", 100);
        let error = deliver(&*to, &parcel).await.unwrap_err();
        assert!(expected(&error), "{status}: {error:?}");
        assert!(!error.to_string().contains("geheim") && error.to_string().contains(&status[..3]), "{error}");
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn servers_that_vanish_or_say_nothing_are_unavailable() {
    let hurried = Destinations { http: Arc::new(Hurried(loopback())), ..destinations() };
    for say in [Say::Nothing, Say::Vanish(0), Say::Vanish(3 * 1024 * 1024), Say::This("SSH-2.0-x\r\n".to_owned())] {
        let server = Canned::start(say).await;
        let to = open(&hurried, "webhook", json!({"url": server.url("/")})).await;
        let (parcel, _) = parcel("feed.csv", 9 * MIB);
        let error = deliver(&*to, &parcel).await.unwrap_err();
        assert!(matches!(error, DestinationError::Unavailable(_)) && error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn addresses_that_are_not_public_and_archives_that_cannot_be_read_are_told_apart() {
    let to = open(&destinations(), "webhook", json!({"url": "http://169.254.169.254/latest"})).await;
    let (first, _) = parcel("feed.csv", 10);
    let error = deliver(&*to, &first).await.unwrap_err();
    assert!(matches!(error, DestinationError::Forbidden(_)) && !error.is_transient(), "{error:?}");

    let server = Canned::start(reply("200 OK", "", "")).await;
    let to = open(&destinations(), "webhook", json!({"url": server.url("/")})).await;
    let (second, pattern) = parcel("feed.csv", 20 * MIB);
    pattern.before_reading(|range| match range.start {
        0 => Ok(()),
        _ => Err(PortError::new(PortErrorKind::Unavailable, "reading")),
    });
    let error = deliver(&*to, &second).await.unwrap_err();
    assert!(matches!(error, DestinationError::Source(_)), "{error:?}");
}

#[tokio::test]
async fn a_probe_posts_a_test_message() {
    let server = Canned::start(reply("200 OK", "", "")).await;
    let to = open(&destinations(), "webhook", json!({"url": server.url("/x"), "secret": SECRET})).await;
    let probed = to.probe("abc", "n", NOW).await.unwrap();
    assert_eq!(probed.words, format!("posted a test message to {}, which took it", server.url("/x")));
    let asked = server.asked().remove(0);
    let signature = standard_signature(SECRET, "abc", NOW.as_secs(), &asked.body);
    assert_eq!(asked.header("webhook-signature"), Some(signature.as_str()));
    let message: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(message["type"], "destination.test");
}
