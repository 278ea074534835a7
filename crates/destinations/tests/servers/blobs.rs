//! Azure Blob Storage: against Azurite.

use crate::azurite::{ACCOUNT, Azurite, KEY};
use crate::canned::{Canned, reply};
use crate::parcels::{Expected, MIB, NOW, bytes, deliver, destinations, open, parcel, stored, try_open};
use async_trait::async_trait;
use serde_json::{Value, json};
use waybill_ports::{ByteRange, DestinationError, OutgoingBody, OutgoingHttp as _, OutgoingLimits, OutgoingRequest};
use waybill_testkit::contracts::{ShownFiles, destination};

const CONTAINER: &str = "feeds";

/// Makes the container, with a signature that may.
async fn server() -> Azurite {
    let server = Azurite::start().await;
    let url = format!("{}/{CONTAINER}?restype=container&{}", server.endpoint(), Azurite::sas("rwdlac"));
    let headers = vec![("x-ms-version".to_owned(), "2020-10-02".to_owned())];
    let request = || OutgoingRequest {
        method: "PUT".to_owned(),
        url: url.clone(),
        headers: headers.clone(),
        body: OutgoingBody::Empty,
        limits: OutgoingLimits::MESSAGE,
    };
    // It takes connections before it answers them.
    let mut made = crate::parcels::loopback().send(request()).await;
    for _ in 0..100 {
        if made.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        made = crate::parcels::loopback().send(request()).await;
    }
    let made = made.unwrap();
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    server
}

fn wire(connection_string: &str) -> Value {
    json!({"container": CONTAINER, "path": "pim/", "connectionString": connection_string})
}

/// What is there, read past the adapter.
async fn read(server: &Azurite, name: &str) -> Option<Vec<u8>> {
    let url = format!("{}/{CONTAINER}/pim/{name}?{}", server.endpoint(), Azurite::sas("r"));
    let limits = OutgoingLimits { reply_bytes: 100 << 20, ..OutgoingLimits::TRANSFER };
    let request =
        OutgoingRequest { method: "GET".to_owned(), url, headers: Vec::new(), body: OutgoingBody::Empty, limits };
    let reply = crate::parcels::loopback().send(request).await.unwrap();
    (reply.status == 200).then(|| reply.body.to_vec())
}

#[async_trait]
impl ShownFiles for Azurite {
    async fn shown(&self, name: &str) -> Option<Vec<u8>> {
        read(self, name).await
    }
}

#[tokio::test]
async fn the_contract_of_a_destination_holds() {
    let server = server().await;
    let to = open(&destinations(), "azure-blob", wire(&server.connection_string(KEY))).await;
    destination(&*to, &server, 20 << 20).await.unwrap();
}

#[tokio::test]
async fn files_arrive_whole_and_a_delivery_goes_on_after_the_server_was_killed() {
    let mut server = server().await;
    let text = server.connection_string(KEY);
    let to = open(&destinations(), "azure-blob", wire(&text)).await;
    for size in [0, 1, 8 * MIB, 8 * MIB + 1] {
        let (parcel, _) = parcel("feed.csv", size);
        let delivered = deliver(&*to, &parcel).await.unwrap();
        assert_eq!(delivered.destination_path, format!("{}/{CONTAINER}/pim/feed.csv", server.endpoint()));
        assert_eq!(delivered.size_bytes, size);
        assert!(read(&server, "feed.csv").await.unwrap() == bytes(ByteRange { start: 0, end: size }), "{size}");
    }
    let probed = to.probe("id", "probe", NOW).await.unwrap();
    assert!(probed.words.starts_with("wrote, read back and removed "), "{}", probed.words);
    assert!(read(&server, "probe").await.is_none());

    let (parcel, pattern) = parcel("long.csv", 60 * MIB + 5);
    let upload = to.open(&parcel).await.unwrap();
    let upload = to.advance(&parcel, upload).await.unwrap();
    // Azurite writes its tables down every few seconds; what a kill takes from it is its own.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    server.kill();
    let error = to.advance(&parcel, upload.clone()).await.unwrap_err();
    assert!(matches!(error, DestinationError::Unavailable(_)), "{error:?}");
    server.restart().await;
    assert!(read(&server, "long.csv").await.is_none(), "half a file");
    let to = open(&destinations(), "azure-blob", wire(&text)).await;
    let mut upload = stored(&upload);
    while !upload.is_sent(parcel.size_bytes) {
        upload = to.advance(&parcel, upload).await.unwrap();
        assert!(read(&server, "long.csv").await.is_none(), "half a file");
    }
    to.finish(&parcel, &upload, NOW).await.unwrap();
    assert!(read(&server, "long.csv").await.unwrap() == bytes(ByteRange { start: 0, end: parcel.size_bytes }));
    assert!(*pattern.longest.lock().unwrap() <= 8 * MIB);
}

#[tokio::test]
async fn every_login_works_and_wrong_ones_are_said_to_be() {
    let server = server().await;
    let (parcel, _) = parcel("feed.csv", 100);
    let sas = |permissions| {
        format!(
            "BlobEndpoint={};AccountName={ACCOUNT};SharedAccessSignature={}",
            server.endpoint(),
            Azurite::sas(permissions)
        )
    };
    for text in [server.connection_string(KEY), sas("rwdlac"), sas("cw")] {
        deliver(&*open(&destinations(), "azure-blob", wire(&text)).await, &parcel).await.unwrap();
    }
    let probed = open(&destinations(), "azure-blob", wire(&sas("cw"))).await.probe("i", "probe", NOW).await.unwrap();
    assert!(probed.words.contains("neither read nor remove"), "{}", probed.words);
    let wrong = [server.connection_string("YW5vdGhlcg=="), sas("r"), sas("cw").replace("sig=", "sig=x")];
    for text in wrong {
        let error = deliver(&*open(&destinations(), "azure-blob", wire(&text)).await, &parcel).await.unwrap_err();
        assert!(
            matches!(error, DestinationError::BadCredentials(_) | DestinationError::Refused(_)),
            "{text}: {error:?}"
        );
    }
    let mut missing = wire(&server.connection_string(KEY));
    missing["container"] = json!("not-there");
    let error = deliver(&*open(&destinations(), "azure-blob", missing).await, &parcel).await.unwrap_err();
    assert!(matches!(error, DestinationError::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn answers_mean_what_they_say() {
    let cases: [(&str, &str, Expected); 7] = [
        ("403 x", "AuthorizationPermissionMismatch", |e| matches!(e, DestinationError::Refused(_))),
        ("403 x", "AuthenticationFailed", |e| matches!(e, DestinationError::BadCredentials(_))),
        ("503 x", "ServerBusy", |e| matches!(e, DestinationError::Throttled { .. })),
        ("400 x", "InvalidBlockList", |e| matches!(e, DestinationError::Lost(_))),
        ("408 x", "", |e| matches!(e, DestinationError::Unavailable(_))),
        ("500 x", "OperationTimedOut", |e| matches!(e, DestinationError::Unavailable(_))),
        ("302 x", "", |e| matches!(e, DestinationError::Refused(_))),
    ];
    for (status, code, expected) in cases {
        let headers = format!("x-ms-error-code: {code}\r\nLocation: http://169.254.169.254/\r\n");
        let server = Canned::start(reply(status, &headers, "")).await;
        let text = format!("AccountName=acme;AccountKey={KEY};BlobEndpoint={}", server.url("/acme"));
        let (parcel, _) = parcel("feed.csv", 10);
        let error = deliver(&*open(&destinations(), "azure-blob", wire(&text)).await, &parcel).await.unwrap_err();
        assert!(expected(&error), "{status} {code}: {error:?}");
        assert_eq!(server.asked().len(), 1);
    }
    let inside = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://10.0.0.1/a";
    let (parcel, _) = parcel("feed.csv", 10);
    let error = deliver(&*open(&destinations(), "azure-blob", wire(inside)).await, &parcel).await.unwrap_err();
    assert!(matches!(error, DestinationError::Forbidden(_)), "{error:?}");
    let garbled = try_open(&destinations(), "azure-blob", wire("AccountName=a;AccountKey=%%%")).await.err().unwrap();
    assert!(matches!(garbled, DestinationError::BadCredentials(_)), "{garbled:?}");
}
