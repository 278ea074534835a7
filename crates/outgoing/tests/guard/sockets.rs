//! The system's own resolver and sockets: a listener on loopback hears nothing until the operator opens it.

use crate::world::{Act, Server, get};
use waybill_outgoing::{AllowList, Outgoing};
use waybill_ports::OutgoingHttp as _;

const HOSTS: [&str; 24] = [
    "127.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "2130706433",
    "127.0.0.01",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "127.255.255.254",
    "x@127.0.0.1",
];

#[tokio::test]
async fn loopback_hears_nothing_in_any_spelling_unless_it_is_opened() {
    let server = Server::start(Act::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).await;
    let port = server.address.port();
    let guard = Outgoing::new(AllowList::none());
    for host in HOSTS {
        let outcome = guard.send(get(&format!("http://{host}:{port}/"))).await;
        assert!(outcome.is_err(), "{host}: {outcome:?}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());

    let opened = Outgoing::new(AllowList::parse("127.0.0.1").unwrap());
    let reply = opened.send(get(&format!("http://127.0.0.1:{port}/now"))).await.unwrap();
    assert_eq!(reply.status, 204);
    assert_eq!(server.requests().len(), 1);
    assert!(opened.send(get(&format!("http://localhost:{port}/"))).await.is_err());
    assert_eq!(server.requests().len(), 1);
}
