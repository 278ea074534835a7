//! One request, one connection, one reply.

use crate::guard::{CONNECT, NO_ANSWER, Outgoing};
use crate::progress::{Progress, Watched};
use crate::target::Target;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use waybill_ports::{
    ByteChunks, OutgoingBody, OutgoingError, OutgoingHttp, OutgoingReply, OutgoingRequest, Patience, PortError,
    PortErrorKind,
};

/// The longest head of a reply.
const HEAD_BYTES: usize = 64 * 1024;
/// Who asks, where the caller does not say.
const USER_AGENT: &str = "Waybill/1";
/// Headers that follow from the request, or would change what a connection means.
const MADE_HERE: [HeaderName; 7] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
];

type Body = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// What went wrong with the caller's bytes, if anything: hyper only says that the body failed.
type SourceFault = Arc<Mutex<Option<PortError>>>;

fn malformed(reason: impl Into<String>) -> OutgoingError {
    OutgoingError::Malformed { reason: reason.into() }
}

#[async_trait]
impl OutgoingHttp for Outgoing {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingReply, OutgoingError> {
        let target = Target::parse(&request.url)?;
        let limits = request.limits;
        let fault = SourceFault::default();
        let request = assemble(request, &target, &fault)?;
        let exchange = self.exchange(&target, request, limits.patience, limits.reply_bytes);
        let outcome = match limits.patience {
            Patience::Progress(_) => exchange.await,
            Patience::Total(longest) => {
                let late = sleep(longest).map(|()| Err(too_late(&target, "no answer within", longest)));
                tokio::select! { outcome = exchange => outcome, late = late => late }
            }
        };
        match fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) if outcome.is_err() => Err(OutgoingError::Source(error)),
            _ => outcome,
        }
    }
}

fn too_late(target: &Target, what: &str, longest: Duration) -> OutgoingError {
    OutgoingError::TimedOut { host: target.host(), limit: format!("{what} {} s", longest.as_secs()) }
}

fn assemble(request: OutgoingRequest, target: &Target, fault: &SourceFault) -> Result<Request<Body>, OutgoingError> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| malformed("the method is none"))?;
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(malformed("the method is not for requests of this kind"));
    }
    let mut built = Request::builder().method(method).uri(&target.path).header(header::HOST, &target.authority);
    let mut has_agent = false;
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().map_err(|_| malformed(format!("{name:?} is no name of a header")))?;
        if MADE_HERE.contains(&name) || name.as_str().starts_with("proxy-") || name == "keep-alive" {
            return Err(malformed(format!("the header {name} cannot be set")));
        }
        has_agent = has_agent || name == header::USER_AGENT;
        let value =
            HeaderValue::from_str(value).map_err(|_| malformed(format!("the header {name} is not plain text")))?;
        built = built.header(name, value);
    }
    if !has_agent {
        built = built.header(header::USER_AGENT, USER_AGENT);
    }
    let body = match request.body {
        OutgoingBody::Empty => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        OutgoingBody::Bytes(bytes) => {
            built = built.header(header::CONTENT_LENGTH, bytes.len());
            Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
        }
        OutgoingBody::Stream { size_bytes, chunks } => {
            built = built.header(header::CONTENT_LENGTH, size_bytes);
            StreamBody::new(frames(size_bytes, chunks, fault.clone())).boxed_unsync()
        }
    };
    built.body(body).map_err(|_| malformed("the request cannot be sent"))
}

/// The caller's chunks, exactly as many bytes as announced.
fn frames(
    size_bytes: u64,
    chunks: ByteChunks,
    fault: SourceFault,
) -> impl futures::Stream<Item = Result<Frame<Bytes>, Box<dyn StdError + Send + Sync>>> + Send {
    let wrong_size = || {
        let reason = "not as many bytes came as were announced".to_owned();
        PortError::new(PortErrorKind::Rejected { reason }, "reading what is sent")
    };
    let ended = futures::stream::once(async { None });
    chunks.map(Some).chain(ended).scan(Some(size_bytes), move |left, chunk| {
        let remaining = left.take();
        let step = match (remaining, chunk) {
            (None, _) | (Some(0), None) => None,
            (Some(_), Some(Err(error))) => Some(Err(error)),
            (Some(remaining), Some(Ok(bytes))) => {
                match u64::try_from(bytes.len()).ok().and_then(|length| remaining.checked_sub(length)) {
                    Some(rest) => {
                        *left = Some(rest);
                        Some(Ok(bytes))
                    }
                    None => Some(Err(wrong_size())),
                }
            }
            (Some(_), None) => Some(Err(wrong_size())),
        };
        let step = step.map(|step| {
            step.map(Frame::data).map_err(|error| {
                let said = error.to_string();
                *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                said.into()
            })
        });
        futures::future::ready(step)
    })
}

/// A connection that hyper speaks over: the socket, or TLS over it.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Outgoing {
    async fn exchange(
        &self,
        target: &Target,
        request: Request<Body>,
        patience: Patience,
        reply_bytes: usize,
    ) -> Result<OutgoingReply, OutgoingError> {
        let (wire, progress) = self.wire(target).await?;
        let talk: BoxFuture<'_, _> = Box::pin(talk(target, wire, request, reply_bytes));
        match patience {
            Patience::Total(_) => talk.await,
            Patience::Progress(longest) => tokio::select! {
                outcome = talk => outcome,
                () = progress.stalled(longest) => Err(too_late(target, "no progress for", longest)),
            },
        }
    }

    async fn wire(&self, target: &Target) -> Result<(Box<dyn Wire>, Progress), OutgoingError> {
        let deadline = Instant::now() + CONNECT;
        let socket = self.socket(&target.host, target.port, deadline).await?;
        let (socket, progress) = Watched::new(socket);
        if !target.is_secure {
            return Ok((Box::new(socket), progress));
        }
        match timeout_at(deadline, self.roots.connect(&target.host, socket)).await {
            Ok(Ok(stream)) => Ok((Box::new(stream), progress)),
            Ok(Err(error)) => Err(OutgoingError::NotTrusted { host: target.host(), reason: tls_words(&error) }),
            Err(_) => {
                let reason = NO_ANSWER.to_owned();
                Err(OutgoingError::NotConnected { host: target.host(), port: target.port, reason })
            }
        }
    }
}

fn tls_words(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => error.to_string(),
        None => "the connection was closed during the handshake".to_owned(),
    }
}

async fn talk(
    target: &Target,
    wire: Box<dyn Wire>,
    request: Request<Body>,
    reply_bytes: usize,
) -> Result<OutgoingReply, OutgoingError> {
    let broken = |error: &hyper::Error| OutgoingError::Broken { host: target.host(), reason: words(error).to_owned() };
    let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(wire)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    // Dropped, and the connection with it, as soon as enough of the reply is read.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let (head, body) = Response::into_parts(response);
    let (body, is_cut) = read(body, reply_bytes).await.map_err(|error| broken(&error))?;
    let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
    let headers = head.headers.iter().filter_map(text).collect();
    Ok(OutgoingReply { status: head.status.as_u16(), headers, body, is_cut })
}

/// The beginning of a body, and whether there is more.
async fn read(mut body: Incoming, most: usize) -> Result<(Bytes, bool), hyper::Error> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = most - read.len();
        if data.len() > room {
            read.extend_from_slice(data.get(..room).unwrap_or_default());
            return Ok((read.freeze(), true));
        }
        read.extend_from_slice(&data);
    }
    Ok((read.freeze(), false))
}

fn words(error: &hyper::Error) -> &'static str {
    if error.is_parse() {
        return "what came back is not HTTP";
    }
    let io = std::iter::successors(error.source(), |error| (*error).source())
        .find_map(|error| error.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted) => {
            "it was closed by the other side"
        }
        _ if error.is_incomplete_message() || error.is_canceled() => "it was closed before the answer was complete",
        _ => "the exchange failed",
    }
}
