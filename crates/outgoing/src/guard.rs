//! The way to a host: read, resolved once, every address checked, one of the checked ones connected to.

use crate::address::is_public;
use crate::allow_list::AllowList;
use crate::target::Host;
use crate::tls::Roots;
use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use waybill_ports::{ByteConnection, OutgoingError, OutgoingTcp};

/// Longest wait for a connection, its name's resolution and TLS included.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// How many of a host's addresses are tried.
const TRIED: usize = 4;

/// Turns names into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name.
    ///
    /// # Errors
    /// When it has none, or nobody answers.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Connects to an address.
#[async_trait]
pub trait Dialer: Send + Sync {
    /// A connection to exactly this address.
    ///
    /// # Errors
    /// The system's.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The system's resolver and sockets.
struct System;

#[async_trait]
impl Resolver for System {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

#[async_trait]
impl Dialer for System {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// The guard, and what stands behind it.
#[derive(Clone)]
pub struct Outgoing {
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dialer>,
    allowed: AllowList,
    pub(crate) roots: Roots,
}

impl Outgoing {
    /// A guard that opens what the operator's list names, over the system's resolver, sockets and root certificates.
    pub fn new(allowed: AllowList) -> Self {
        Self { resolver: Arc::new(System), dialer: Arc::new(System), allowed, roots: Roots::system() }
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, ..self }
    }

    /// The same with another way to an address that was checked.
    #[must_use]
    pub fn with_dialer(self, dialer: Arc<dyn Dialer>) -> Self {
        Self { dialer, ..self }
    }

    /// The same, trusting these certificates (DER) and none of the system's.
    #[must_use]
    pub fn trusting(self, certificates: Vec<Vec<u8>>) -> Self {
        let certificates = certificates.into_iter().map(CertificateDer::from).collect();
        Self { roots: Roots::given(certificates), ..self }
    }

    /// The addresses of a host, all of them checked; nothing is connected to.
    async fn addresses(&self, host: &Host, port: u16) -> Result<Vec<IpAddr>, OutgoingError> {
        let found = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => match self.resolver.resolve(name).await {
                Ok(found) if !found.is_empty() => found,
                _ => return Err(OutgoingError::NotResolved { host: name.clone() }),
            },
        };
        if !self.allowed.opens(host, port) && !found.iter().copied().all(is_public) {
            tracing::warn!(host = host.as_text(), "a host whose addresses are not public was refused");
            return Err(OutgoingError::Forbidden { host: host.as_text() });
        }
        Ok(found)
    }

    /// A socket of a host that was checked, before `deadline`.
    pub(crate) async fn socket(&self, host: &Host, port: u16, deadline: Instant) -> Result<TcpStream, OutgoingError> {
        let failed =
            |reason: &str| OutgoingError::NotConnected { host: host.as_text(), port, reason: reason.to_owned() };
        let resolving = timeout_at(deadline, self.addresses(host, port)).await;
        let mut addresses = resolving.map_err(|_| OutgoingError::NotResolved { host: host.as_text() })??;
        // Version 6 is missing from many networks; where it is, an attempt fails only after its time is up.
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.dedup();
        addresses.truncate(TRIED);
        let share = deadline.duration_since(Instant::now()) / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut last = failed(NO_ANSWER);
        for address in addresses {
            match timeout(share, self.dialer.dial(SocketAddr::new(address, port))).await {
                Ok(Ok(socket)) => {
                    // Small messages of a protocol (SSH) go out at once; failing that they are late, not lost.
                    let _ = socket.set_nodelay(true);
                    return Ok(socket);
                }
                Ok(Err(error)) => last = failed(connect_words(&error)),
                Err(_) => last = failed(NO_ANSWER),
            }
        }
        Err(last)
    }
}

pub(crate) const NO_ANSWER: &str = "no answer within 10 s";

fn connect_words(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => "there is no way to it",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "connection closed at once",
        io::ErrorKind::TimedOut => NO_ANSWER,
        _ => "connection failed",
    }
}

#[async_trait]
impl OutgoingTcp for Outgoing {
    async fn connect(&self, host: &str, port: u16) -> Result<Box<dyn ByteConnection>, OutgoingError> {
        if port == 0 {
            return Err(OutgoingError::Malformed { reason: "the port is not a number from 1 to 65535".to_owned() });
        }
        let host = Host::parse(host)?;
        let socket = self.socket(&host, port, Instant::now() + CONNECT).await?;
        Ok(Box::new(socket.compat()))
    }
}
