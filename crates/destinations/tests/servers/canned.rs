//! A server that answers as it is told, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request: its head as text, its body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What to do with a request.
#[derive(Clone)]
pub(crate) enum Say {
    /// Answer with these bytes and close.
    This(String),
    /// Read the request and never answer.
    Nothing,
    /// Read so many bytes and close.
    Vanish(usize),
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Say {
    Say::This(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

pub(crate) struct Canned {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    /// The same answer to everything.
    pub(crate) async fn start(say: Say) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, say.clone(), seen.clone()));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, say: Say, seen: Arc<Mutex<Vec<Asked>>>) {
    let mut read = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        if let Say::Vanish(after) = &say
            && read.len() >= *after
        {
            return;
        }
        let end = read.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let body = read[end + 4..].to_vec();
            let asked = Asked { head, body };
            let length = asked.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            if asked.body.len() >= length {
                seen.lock().unwrap().push(asked);
                break;
            }
        }
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
    match say {
        Say::This(text) => {
            let _ = socket.write_all(text.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
        Say::Nothing | Say::Vanish(_) => std::future::pending().await,
    }
}
