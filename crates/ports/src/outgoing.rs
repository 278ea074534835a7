//! Requests and connections to hosts that a tenant or a script named, through the one guard.
//!
//! Whoever fills these roles resolves a name once, refuses it if any of its addresses is not a public one, and connects
//! to an address that was checked; follows no redirect and uses no proxy. An operator's allow-list can open named hosts.

use crate::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use futures::io::{AsyncRead, AsyncWrite};
use futures::stream::BoxStream;
use std::time::Duration;

/// Bytes of a request, chunk by chunk, from a store of ours.
pub type ByteChunks = BoxStream<'static, Result<Bytes, PortError>>;

/// How long an exchange may take once it is connected; to connect may take 10 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// From the first step to the last byte that is read.
    Total(Duration),
    /// Without a byte going either way, however long it takes as a whole.
    Progress(Duration),
}

impl Patience {
    /// For notifications, key sets and scripts: 20 s in total.
    pub const MESSAGE: Self = Self::Total(Duration::from_secs(20));
    /// For files: 30 s without progress.
    pub const TRANSFER: Self = Self::Progress(Duration::from_secs(30));
}

/// What an exchange may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingLimits {
    /// How long it may take.
    pub patience: Patience,
    /// How many bytes of the reply's body are read; the rest is not.
    pub reply_bytes: usize,
}

impl OutgoingLimits {
    /// How much of a reply is read where nothing else is asked for: 64 KiB.
    pub const REPLY_BYTES: usize = 64 * 1024;
    /// For notifications, key sets and scripts.
    pub const MESSAGE: Self = Self { patience: Patience::MESSAGE, reply_bytes: Self::REPLY_BYTES };
    /// For files.
    pub const TRANSFER: Self = Self { patience: Patience::TRANSFER, reply_bytes: Self::REPLY_BYTES };
}

/// The body of a request.
pub enum OutgoingBody {
    /// None, and no `Content-Length`.
    Empty,
    /// In memory; none at all has the length 0.
    Bytes(Bytes),
    /// Streamed. As many bytes as announced must come: more or fewer end the exchange with `Source`.
    Stream {
        /// How many bytes come.
        size_bytes: u64,
        /// They themselves.
        chunks: ByteChunks,
    },
}

/// A request to a host that somebody else named. Not for the log: URL and headers may hold secrets.
pub struct OutgoingRequest {
    /// In upper case: `GET`, `POST`, `PUT`, …
    pub method: String,
    /// Absolute, `https://` or `http://`, without user information.
    pub url: String,
    /// Names in any case. `Host`, `Content-Length` and what concerns the connection are made, not taken: naming them is
    /// `Malformed`.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: OutgoingBody,
    /// What it may cost.
    pub limits: OutgoingLimits,
}

/// What came back, whatever its status. Not for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingReply {
    /// HTTP status: 100 to 599; a 3xx is not followed.
    pub status: u16,
    /// Names in lower case; what is no text of visible ASCII is left out.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether the body is longer than was read.
    pub is_cut: bool,
}

impl OutgoingReply {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no reply. The words are for whoever named the host; they tell neither addresses nor what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The request cannot be sent: URL, method or a header.
    #[error("{reason}")]
    Malformed {
        /// What is wrong, as a clause.
        reason: String,
    },
    /// The host is, or its name leads to, an address that is not a public one, and the operator has not opened it. No
    /// connection was made.
    #[error("{host} is, or leads to, an address that is not public, and such hosts are not connected to")]
    Forbidden {
        /// As it was named.
        host: String,
    },
    /// The name leads nowhere.
    #[error("the name {host} cannot be resolved")]
    NotResolved {
        /// As it was named.
        host: String,
    },
    /// Nobody answers there, or not in time.
    #[error("{host} cannot be connected to on port {port}: {reason}")]
    NotConnected {
        /// As it was named.
        host: String,
        /// Where.
        port: u16,
        /// `connection refused`, `no answer within 10 s`, …
        reason: String,
    },
    /// The server does not prove that it is the one named.
    #[error("no secure connection to {host}: {reason}")]
    NotTrusted {
        /// As it was named.
        host: String,
        /// What TLS says.
        reason: String,
    },
    /// It took too long. **The request may have taken effect.**
    #[error("{host} took too long: {limit}")]
    TimedOut {
        /// As it was named.
        host: String,
        /// `no answer within 20 s`, `no progress for 30 s`.
        limit: String,
    },
    /// The connection broke, or what came back is not HTTP. **The request may have taken effect.**
    #[error("the connection to {host} broke: {reason}")]
    Broken {
        /// As it was named.
        host: String,
        /// What was seen.
        reason: String,
    },
    /// The bytes to send could not be read.
    #[error(transparent)]
    Source(PortError),
}

/// Sends requests through the guard.
#[async_trait]
pub trait OutgoingHttp: Send + Sync {
    /// One request, one connection, one reply. Checks the host anew each time.
    ///
    /// # Errors
    /// [`OutgoingError`]; a reply of any status is no error.
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingReply, OutgoingError>;
}

/// A connection.
pub trait ByteConnection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteConnection for T {}

/// Makes connections through the guard, for protocols other than HTTP.
#[async_trait]
pub trait OutgoingTcp: Send + Sync {
    /// A connection to `host`, a name or an address without brackets, made within 10 s.
    ///
    /// # Errors
    /// `Malformed`, `Forbidden`, `NotResolved`, `NotConnected`.
    async fn connect(&self, host: &str, port: u16) -> Result<Box<dyn ByteConnection>, OutgoingError>;
}
