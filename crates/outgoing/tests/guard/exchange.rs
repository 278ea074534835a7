//! What becomes of replies: redirects, long and endless ones, silence, broken connections, certificates.

use crate::world::{Act, Recorder, Script, Server, get, guarded, read_request};
use bytes::Bytes;
use futures::StreamExt as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use waybill_outgoing::Outgoing;
use waybill_ports::{
    OutgoingBody, OutgoingError, OutgoingHttp as _, OutgoingLimits, OutgoingRequest, Patience, PortError, PortErrorKind,
};

const SHORT: Duration = Duration::from_millis(50);

fn to(address: SocketAddr) -> (Outgoing, Arc<Recorder>) {
    let script = Arc::new(Script::of(&[("hooks.example", &[&["93.184.216.34"]]), ("other.example", &[&["1.1.1.1"]])]));
    let recorder = Arc::new(Recorder { leads_to: Some(address), ..Recorder::default() });
    (guarded("", &script, &recorder), recorder)
}

fn post(body: OutgoingBody, patience: Patience) -> OutgoingRequest {
    let limits = OutgoingLimits { patience, reply_bytes: 10 };
    OutgoingRequest { method: "POST".to_owned(), body, limits, ..get("http://hooks.example/in?x=%20y") }
}

fn chunks(parts: &[&'static str]) -> waybill_ports::ByteChunks {
    let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect();
    futures::stream::iter(parts).boxed()
}

#[tokio::test]
async fn a_redirect_is_a_reply_and_is_not_followed() {
    let reply = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(Act::Answer(reply.to_vec())).await;
    let (guard, recorder) = to(server.address);
    let reply = guard.send(get("http://hooks.example/")).await.unwrap();
    assert_eq!((reply.status, reply.header("location")), (302, Some("http://169.254.169.254/")));
    assert_eq!(recorder.dialled().len(), 1);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given() {
    let server = Server::start(Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())).await;
    let (guard, _) = to(server.address);
    let body = OutgoingBody::Stream { size_bytes: 11, chunks: chunks(&["hello ", "", "world"]) };
    let mut request = post(body, Patience::TRANSFER);
    request.headers = vec![("X-Mine".to_owned(), "1".to_owned())];
    let reply = guard.send(request).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref(), reply.is_cut), (200, b"ok".as_slice(), false));
    let seen = server.requests().remove(0).to_lowercase();
    assert!(seen.starts_with("post /in?x=%20y http/1.1\r\n") && seen.ends_with("\r\n\r\nhello world"), "{seen}");
    for header in ["host: hooks.example\r\n", "content-length: 11\r\n", "x-mine: 1\r\n", "user-agent: waybill/1\r\n"] {
        assert!(seen.contains(header), "{header} is missing in {seen}");
    }
}

#[tokio::test]
async fn a_long_reply_is_cut_and_the_rest_never_waited_for() {
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n89abcdef\r\n";
    let server = Server::start(Act::AnswerAndHang(endless.to_vec())).await;
    let (guard, _) = to(server.address);
    let reply = guard.send(post(OutgoingBody::Empty, Patience::MESSAGE)).await.unwrap();
    assert_eq!((reply.body.as_ref(), reply.is_cut), (b"0123456789".as_slice(), true));
}

#[tokio::test]
async fn silence_and_a_trickle_that_stops_end_when_the_patience_does() {
    for said in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"] {
        let server = Server::start(Act::AnswerAndHang(said.as_bytes().to_vec())).await;
        let (guard, _) = to(server.address);
        for patience in [Patience::Total(SHORT), Patience::Progress(SHORT)] {
            let error = guard.send(post(OutgoingBody::Empty, patience)).await.unwrap_err();
            assert!(matches!(error, OutgoingError::TimedOut { .. }), "{said:?}: {error}");
        }
    }
}

#[tokio::test]
async fn connections_that_break_and_replies_that_are_none_are_told_apart_from_refusals() {
    let acts = [
        Act::Close,
        Act::Answer(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab".to_vec()),
        Act::Answer(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(200_000)).into_bytes()),
    ];
    for act in acts {
        let server = Server::start(act).await;
        let (guard, _) = to(server.address);
        let error = guard.send(post(OutgoingBody::Empty, Patience::MESSAGE)).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Broken { .. }), "{error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let error = to(address).0.send(get("http://hooks.example/")).await.unwrap_err();
    assert_eq!(error.to_string(), "hooks.example cannot be connected to on port 80: connection refused");
}

#[tokio::test]
async fn bytes_of_ours_that_fail_or_do_not_add_up_are_no_fault_of_the_host() {
    let server = Server::start(Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    let (guard, _) = to(server.address);
    let failing = || PortError::new(PortErrorKind::Unavailable, "reading an archive");
    let broken = futures::stream::iter(vec![Ok(Bytes::from_static(b"abc")), Err(failing())]).boxed();
    for chunks in [chunks(&["abc"]), chunks(&["abc", "defg"]), broken] {
        let body = OutgoingBody::Stream { size_bytes: 5, chunks };
        let error = guard.send(post(body, Patience::TRANSFER)).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Source(_)), "{error}");
    }
}

#[tokio::test]
async fn headers_that_are_made_here_cannot_be_set() {
    let (guard, recorder) = to("127.0.0.1:9".parse().unwrap());
    let bad = [
        ("Host", "x"),
        ("content-length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Proxy-Authorization", "x"),
        ("Upgrade", "x"),
        ("a b", "x"),
        ("a", "x\r\ny: z"),
    ];
    for (name, value) in bad {
        let mut request = get("http://hooks.example/");
        request.headers = vec![(name.to_owned(), value.to_owned())];
        let error = guard.send(request).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Malformed { .. }), "{name}: {error}");
    }
    assert_eq!(recorder.dialled(), []);
}

#[tokio::test]
async fn the_certificate_must_be_that_of_the_name() {
    let made = rcgen::generate_simple_self_signed(vec!["hooks.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let _ = stream.shutdown().await;
        }
    });
    let (guard, _) = to(address);
    let trusting = guard.clone().trusting(vec![certificate.to_vec()]);
    assert_eq!(trusting.send(get("https://hooks.example/")).await.unwrap().status, 200);
    for (guard, url) in [(&trusting, "https://other.example/"), (&guard, "https://hooks.example/")] {
        let error = guard.send(get(url)).await.unwrap_err();
        assert!(matches!(error, OutgoingError::NotTrusted { .. }), "{url}: {error}");
    }
    assert!(matches!(
        trusting.send(get("http://hooks.example/")).await,
        Err(OutgoingError::Broken { .. } | OutgoingError::TimedOut { .. })
    ));
}
