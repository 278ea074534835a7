//! A resolver with a script, a dialer that records, and a server that says what it is told.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use waybill_outgoing::{AllowList, Dialer, Outgoing, Resolver};
use waybill_ports::{OutgoingBody, OutgoingLimits, OutgoingRequest};

/// Answers each name with its answers in turn, the last one again and again.
#[derive(Default)]
pub(crate) struct Script {
    answers: BTreeMap<String, Vec<Vec<IpAddr>>>,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Script {
    pub(crate) fn of(answers: &[(&str, &[&[&str]])]) -> Self {
        let parsed = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let answers = answers.iter().map(|(name, turns)| ((*name).to_owned(), turns.iter().map(parsed).collect()));
        Self { answers: answers.collect(), asked: Mutex::default() }
    }

    pub(crate) fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

#[async_trait]
impl Resolver for Script {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let turns = self.answers.get(name).ok_or_else(|| io::Error::other("no such name"))?;
        let mut asked = self.asked.lock().unwrap();
        let count = asked.entry(name.to_owned()).or_default();
        *count += 1;
        Ok(turns[(*count - 1).min(turns.len() - 1)].clone())
    }
}

/// Records what is dialled, and leads it to a listener of the test, or nowhere.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) leads_to: Option<SocketAddr>,
    pub(crate) dialled: Mutex<Vec<SocketAddr>>,
}

impl Recorder {
    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().unwrap().clone()
    }
}

#[async_trait]
impl Dialer for Recorder {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().unwrap().push(address);
        match self.leads_to {
            Some(listener) => TcpStream::connect(listener).await,
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// A guard over a script and a recorder.
pub(crate) fn guarded(allowed: &str, script: &Arc<Script>, recorder: &Arc<Recorder>) -> Outgoing {
    Outgoing::new(AllowList::parse(allowed).unwrap()).with_resolver(script.clone()).with_dialer(recorder.clone())
}

/// A plain `GET`.
pub(crate) fn get(url: &str) -> OutgoingRequest {
    OutgoingRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: OutgoingBody::Empty,
        limits: OutgoingLimits::MESSAGE,
    }
}

/// What a server does with a connection.
#[derive(Clone)]
pub(crate) enum Act {
    /// Reads a request, answers with these bytes, closes.
    Answer(Vec<u8>),
    /// Reads a request, answers with these bytes, then never again.
    AnswerAndHang(Vec<u8>),
    /// Closes at once.
    Close,
}

/// A server on loopback, and the requests it has read.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, act.clone(), seen.clone()));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    let bytes = match &act {
        Act::Close => return,
        Act::Answer(bytes) | Act::AnswerAndHang(bytes) => bytes.clone(),
    };
    let request = read_request(&mut socket).await;
    seen.lock().unwrap().push(request);
    let _ = socket.write_all(&bytes).await;
    if matches!(act, Act::AnswerAndHang(_)) {
        std::future::pending::<()>().await;
    }
    let _ = socket.shutdown().await;
}

/// Head and body of a request, as text; what breaks off is given as far as it came.
pub(crate) async fn read_request<S: tokio::io::AsyncRead + Unpin>(socket: &mut S) -> String {
    let mut text = String::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
}
