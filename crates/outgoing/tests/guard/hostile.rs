//! Hostile targets: each is refused, and nothing is ever dialled for it.

use crate::world::{Recorder, Script, get, guarded};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use waybill_ports::{OutgoingError, OutgoingHttp as _, OutgoingTcp as _};

/// First and last of every special network, and what listens there in the clouds.
const SPECIAL_4: &str = "0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.100.100.200 \
    100.127.255.255 127.0.0.0 127.0.0.1 127.0.0.2 127.1.1.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 \
    169.254.170.2 169.254.169.123 169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.9 \
    192.0.0.10 192.0.0.170 192.0.0.171 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255 192.31.196.0 192.31.196.255 \
    192.52.193.0 192.52.193.255 192.88.99.0 192.88.99.1 192.88.99.255 192.168.0.0 192.168.1.1 192.168.255.255 \
    192.175.48.0 192.175.48.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 \
    224.0.0.0 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255";

const SPECIAL_6: &str = ":: ::1 ::2 ::ffff ::ffff:0:0 0:0:0:0:0:0:0:1 64:ff9b:: 64:ff9b::1 64:ff9b:1:: \
    64:ff9b:1:ffff::1 100:: 100::ffff:ffff:ffff:ffff 100:0:0:1::1 1fff:ffff:: 2001:: 2001:1::1 2001:1::2 2001:1::3 \
    2001:2:: 2001:2:0:ffff::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:2f:ffff::1 2001:30::1 2001:3f:ffff::1 \
    2001:1ff:ffff:: 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002:: 2002:ffff:: 2620:4f:8000::1 \
    2620:4f:8000:ffff::1 3ffe::1 3fff:: 3fff:fff:ffff::1 4000::1 5f00::1 8000::1 c000::1 e000::1 fc00:: fc00::1 fd00::1 \
    fd00:ec2::254 fd00:ec2::23 fdff:ffff::1 fe80:: fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 feff::1 ff00:: ff01::1 \
    ff02::1 ff05::2 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2600:1f18::5efe:7f00:1 2600:1f18::200:5efe:a9fe:a9fe";

/// Addresses to disguise.
const INSIDE: [&str; 8] =
    ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "168.63.129.16"];

/// An IPv4 address within IPv6 addresses: mapped, compatible, translated, NAT64 (both prefixes), 6to4, Teredo (server
/// and client, which is inverted), ISATAP.
fn embedded(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let (high, low) = (format!("{a:02x}{b:02x}"), format!("{c:02x}{d:02x}"));
    let inverted = (format!("{:02x}{:02x}", !a, !b), format!("{:02x}{:02x}", !c, !d));
    vec![
        format!("::ffff:{address}"),
        format!("::ffff:{high}:{low}"),
        format!("0:0:0:0:0:FFFF:{high}:{low}"),
        format!("::{address}"),
        format!("::ffff:0:{address}"),
        format!("64:ff9b::{address}"),
        format!("64:ff9b::{high}:{low}"),
        format!("64:ff9b:1::{address}"),
        format!("2002:{high}:{low}::1"),
        format!("2001:0:{high}:{low}::1"),
        format!("2001:0:102:304:0:0:{}:{}", inverted.0, inverted.1),
        format!("fe80::5efe:{address}"),
    ]
}

/// Spellings that resolvers of the C kind take for this address.
fn misspelt(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets().map(u32::from);
    let number = address.to_bits();
    vec![
        format!("{number}"),
        format!("0x{number:x}"),
        format!("0X{number:08X}"),
        format!("0{number:o}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.{b}.{c}.{d}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:x}.{b}.0{c:o}.{d}"),
        format!("{a}.{}", b << 16 | c << 8 | d),
        format!("{a}.{b}.{}", c << 8 | d),
        format!("{a}.0x{:x}", b << 16 | c << 8 | d),
        format!("{a}.{b}.{c}.0x{d:x}"),
        format!("{a:03}.{b:03}.{c:03}.{d:03}x.0x{d:x}"),
        format!("{a}.{b}.{c}.{}", d + 256),
        format!("{a}.{b}.{c}.{d}.0"),
        format!("{a}.{b}.{c}.00{d}"),
    ]
}

/// Names that lead to addresses that are not public, alone or among public ones.
const NAMES: [(&str, &[&[&str]]); 24] = [
    ("localhost", &[&["127.0.0.1", "::1"]]),
    ("localhost.localdomain", &[&["127.0.0.1"]]),
    ("a.localhost", &[&["::1"]]),
    ("ip6-localhost", &[&["::1"]]),
    ("127.0.0.1.nip.example", &[&["127.0.0.1"]]),
    ("metadata.google.internal", &[&["169.254.169.254"]]),
    ("metadata", &[&["169.254.169.254"]]),
    ("instance-data", &[&["169.254.169.254"]]),
    ("db.internal", &[&["10.1.2.3"]]),
    ("router.example", &[&["192.168.0.1"]]),
    ("mapped.example", &[&["::ffff:10.0.0.1"]]),
    ("nat64.example", &[&["64:ff9b::a9fe:a9fe"]]),
    ("6to4.example", &[&["2002:a9fe:a9fe::1"]]),
    ("teredo.example", &[&["2001:0:4136:e378:8000:63bf:3fff:fdd2"]]),
    ("zero.example", &[&["0.0.0.0"]]),
    ("unspecified.example", &[&["::"]]),
    ("mixed-last.example", &[&["93.184.216.34", "10.0.0.1"]]),
    ("mixed-first.example", &[&["10.0.0.1", "93.184.216.34"]]),
    ("mixed-families.example", &[&["93.184.216.34", "fd00::1"]]),
    ("mixed-mapped.example", &[&["2606:2800:220:1:248:1893:25c8:1946", "::ffff:127.0.0.1"]]),
    ("one-of-many.example", &[&["1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "127.0.0.1"]]),
    ("rebinds-back.example", &[&["127.0.0.1"], &["93.184.216.34"]]),
    ("carrier.example", &[&["100.64.0.1"]]),
    ("broadcast.example", &[&["255.255.255.255"]]),
];

/// URLs that are none, or none of ours.
const MALFORMED: [&str; 62] = [
    "",
    " ",
    "/",
    "//example.com/",
    "example.com",
    "example.com/x",
    "http:",
    "http:/",
    "http://",
    "http:///x",
    "https://:443/",
    "http://?x",
    "http://#x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/",
    "tftp://127.0.0.1/x",
    "jar:http://127.0.0.1!/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "ws://example.com/",
    "http://user@example.com/",
    "http://user:pass@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://a@b@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http://exam ple.com/",
    "http://example.com\t/",
    "http://example.com\r\nHost: x/",
    "http://example.com\0.evil.example/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://%6cocalhost/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]extra/",
    "http://[127.0.0.1]/",
    "http://[localhost]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.x]/",
    "http://[]/",
    "http://example..com/",
    "http://.example.com/",
    "http://./",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:80:80/",
    "http://example.com:8o/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://localhoſt/",
    "http://127。0。0。1/",
];

#[derive(Debug, PartialEq)]
enum Refusal {
    Forbidden,
    Malformed,
}

/// Every target: a URL, and why it is refused.
fn corpus() -> Vec<(String, Refusal)> {
    let mut corpus: Vec<(String, Refusal)> = Vec::new();
    let mut add = |url: String, refusal| corpus.push((url, refusal));
    for address in SPECIAL_4.split_whitespace() {
        add(format!("https://{address}/"), Refusal::Forbidden);
        add(format!("http://{address}.:8080/latest/meta-data/"), Refusal::Forbidden);
    }
    for address in SPECIAL_6.split_whitespace() {
        add(format!("https://[{address}]/"), Refusal::Forbidden);
    }
    for address in INSIDE.map(|text| text.parse().unwrap()) {
        for inner in embedded(address) {
            add(format!("http://[{inner}]:80/"), Refusal::Forbidden);
        }
        for spelling in misspelt(address) {
            // A zero has no other spelling in some of the kinds.
            let refusal = if spelling == address.to_string() { Refusal::Forbidden } else { Refusal::Malformed };
            add(format!("http://{spelling}/"), refusal);
        }
    }
    for (name, _) in NAMES {
        add(format!("https://{name}/hook"), Refusal::Forbidden);
        add(format!("http://{}.:8443/", name.to_uppercase()), Refusal::Forbidden);
    }
    for url in MALFORMED {
        add(url.to_owned(), Refusal::Malformed);
    }
    add(format!("http://{}.example/", "a".repeat(64)), Refusal::Malformed);
    add(format!("http://{}example/", "a.".repeat(130)), Refusal::Malformed);
    add(format!("http://example.com/{}", "a".repeat(9000)), Refusal::Malformed);
    corpus
}

fn kind(error: &OutgoingError) -> Option<Refusal> {
    match error {
        OutgoingError::Forbidden { .. } => Some(Refusal::Forbidden),
        OutgoingError::Malformed { .. } => Some(Refusal::Malformed),
        _ => None,
    }
}

#[tokio::test]
async fn no_hostile_target_is_ever_dialled() {
    let corpus = corpus();
    assert!(corpus.len() >= 300, "only {} targets", corpus.len());
    let mut wrong = String::new();
    for (url, refusal) in &corpus {
        let (script, recorder) = (Arc::new(Script::of(&NAMES)), Arc::new(Recorder::default()));
        let outcome = guarded("", &script, &recorder).send(get(url)).await;
        let seen = outcome.as_ref().err().and_then(kind);
        if seen.as_ref() != Some(refusal) || !recorder.dialled().is_empty() {
            writeln!(wrong, "{url:?}: {refusal:?} expected, {outcome:?}, dialled {:?}", recorder.dialled()).unwrap();
        }
    }
    assert_eq!(wrong, "");
}

#[tokio::test]
async fn no_hostile_host_is_dialled_for_another_protocol_either() {
    let (script, recorder) = (Arc::new(Script::of(&NAMES)), Arc::new(Recorder::default()));
    let guard = guarded("", &script, &recorder);
    let names = NAMES.iter().map(|(name, _)| (*name).to_owned());
    let literals = SPECIAL_4.split_whitespace().chain(SPECIAL_6.split_whitespace()).map(str::to_owned);
    let disguised = INSIDE.into_iter().map(|text| text.parse().unwrap());
    let disguised = disguised.flat_map(|address| embedded(address).into_iter().chain(misspelt(address)));
    let malformed = ["", "[::1]", "a b", "a/b", "a:22", "user@a", "fe80::1%1", "-\u{ff0e}", "a..b"].map(str::to_owned);
    let mut count = 0;
    for host in names.chain(literals).chain(disguised).chain(malformed) {
        let error = guard.connect(&host, 22).await.err().unwrap();
        assert!(kind(&error).is_some(), "{host}: {error}");
        assert_eq!(recorder.dialled(), [], "{host}");
        count += 1;
    }
    assert!(count >= 300, "only {count} hosts");
    assert!(guard.connect("example.com", 0).await.is_err_and(|error| kind(&error) == Some(Refusal::Malformed)));
}

#[tokio::test]
async fn what_is_public_or_opened_is_dialled_at_the_address_that_was_checked() {
    let names: [(&str, &[&[&str]]); 4] = [
        ("example.com", &[&["93.184.216.34"], &["127.0.0.1"]]),
        ("six.example.com", &[&["2606:2800:220:1:248:1893:25c8:1946"]]),
        ("minio.internal", &[&["10.0.0.5"]]),
        ("sftp.internal", &[&["10.0.0.6"]]),
    ];
    let allowed = [
        ("https://example.com/", "93.184.216.34:443"),
        ("http://EXAMPLE.com.:8080/x?y", "93.184.216.34:8080"),
        ("https://six.example.com/", "[2606:2800:220:1:248:1893:25c8:1946]:443"),
        ("http://8.8.8.8/", "8.8.8.8:80"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443"),
        ("http://minio.internal:9000/", "10.0.0.5:9000"),
        ("http://minio.internal/", "10.0.0.5:80"),
        ("http://sftp.internal:2222/", "10.0.0.6:2222"),
        ("http://127.0.0.1:4566/", "127.0.0.1:4566"),
    ];
    for (url, address) in allowed {
        let (script, recorder) = (Arc::new(Script::of(&names)), Arc::new(Recorder::default()));
        let guard = guarded("minio.internal,sftp.internal:2222,127.0.0.1", &script, &recorder);
        let error = guard.send(get(url)).await.unwrap_err();
        assert!(matches!(error, OutgoingError::NotConnected { .. }), "{url}: {error}");
        assert_eq!(recorder.dialled(), [address.parse::<SocketAddr>().unwrap()], "{url}");
    }
    for url in ["http://sftp.internal:22/", "http://10.0.0.5:9000/", "http://127.0.0.2:4566/", "http://[::1]:4566/"] {
        let (script, recorder) = (Arc::new(Script::of(&names)), Arc::new(Recorder::default()));
        let guard = guarded("minio.internal,sftp.internal:2222,127.0.0.1", &script, &recorder);
        let error = guard.send(get(url)).await.unwrap_err();
        assert_eq!(kind(&error), Some(Refusal::Forbidden), "{url}: {error}");
        assert_eq!(recorder.dialled(), [], "{url}");
    }
}

#[tokio::test]
async fn a_name_that_rebinds_is_resolved_once_and_refused_at_the_next_request() {
    let script = Arc::new(Script::of(&[("rebinds.example", &[&["93.184.216.34"], &["127.0.0.1"]])]));
    let recorder = Arc::new(Recorder::default());
    let guard = guarded("", &script, &recorder);
    let error = guard.send(get("http://rebinds.example/")).await.unwrap_err();
    assert!(matches!(error, OutgoingError::NotConnected { .. }), "{error}");
    assert_eq!(script.asked("rebinds.example"), 1);
    let error = guard.send(get("http://rebinds.example/")).await.unwrap_err();
    assert_eq!(kind(&error), Some(Refusal::Forbidden));
    assert_eq!(recorder.dialled(), ["93.184.216.34:80".parse::<SocketAddr>().unwrap()]);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_said_to() {
    let (script, recorder) = (Arc::new(Script::of(&[("empty.example", &[&[]])])), Arc::new(Recorder::default()));
    let guard = guarded("", &script, &recorder);
    for url in ["http://unknown.example/", "http://empty.example/"] {
        let error = guard.send(get(url)).await.unwrap_err();
        assert!(matches!(error, OutgoingError::NotResolved { .. }), "{error}");
    }
}
