//! A socket that is read to its end after it was served, so that who still sends what nobody wants hears why.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// How long what comes after the last reply is read and thrown away.
const LINGER: Duration = Duration::from_secs(10);

/// A socket that comes back when whoever serves it lets it go.
///
/// A socket that is closed with bytes unread resets its connection: a reply that was sent before a request was read to its end, as a
/// refusal is, would be lost with it (RFC 9112, 9.6).
#[derive(Debug)]
pub(super) struct Lingering {
    socket: Option<TcpStream>,
    back: Option<oneshot::Sender<TcpStream>>,
}

/// Where a [`Lingering`] comes back to.
#[derive(Debug)]
pub(super) struct Remainder(oneshot::Receiver<TcpStream>);

impl Lingering {
    /// The socket to serve, and what is to be done afterwards.
    pub(super) fn of(socket: TcpStream) -> (Self, Remainder) {
        let (back, comes) = oneshot::channel();
        (Self { socket: Some(socket), back: Some(back) }, Remainder(comes))
    }

    fn socket(self: Pin<&mut Self>) -> Result<Pin<&mut TcpStream>> {
        self.get_mut().socket.as_mut().map(Pin::new).ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some((socket, back)) = self.socket.take().zip(self.back.take()) {
            let _ = back.send(socket);
        }
    }
}

impl Remainder {
    /// Reads and forgets what still comes, until the other side has closed or has had its time.
    pub(super) async fn forget(self) {
        let Ok(mut socket) = self.0.await else { return };
        let mut buffer = vec![0; 64 * 1024];
        let reading = async { while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}

impl AsyncRead for Lingering {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.socket()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.socket()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.socket()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.socket()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.socket()?.poll_shutdown(context)
    }
}
