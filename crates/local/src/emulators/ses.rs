//! SES: `SendEmail` at the wire (REST, JSON); each mail lands as one `.eml` file in the data folder.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use lettre::Message;
use lettre::message::MultiPart;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock;
use crate::listener::{self, Listener};

/// Largest request body.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Starts an SES that writes mail into `folder`.
pub(crate) async fn start(folder: &Path) -> Result<Listener> {
    std::fs::create_dir_all(folder).context("the folder of mail cannot be made")?;
    let listener = listener::bind(0).await?;
    let folder = Arc::new(folder.to_owned());
    Listener::serve(
        listener,
        service_fn(move |request| {
            let folder = Arc::clone(&folder);
            async move { Ok::<_, Infallible>(answer(&folder, request).await) }
        }),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Text,
    html: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

/// A refusal: the status, the service's error type and a sentence.
struct Fault(StatusCode, &'static str, String);

async fn answer(folder: &Path, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_send = request.method() == Method::POST && request.uri().path() == "/v2/email/outbound-emails";
    let body = Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await;
    let outcome = match body {
        Ok(body) if is_send => send(folder, &body.to_bytes()),
        Ok(_) => Err(Fault(StatusCode::NOT_FOUND, "NotFoundException", "Only SendEmail is played here.".to_owned())),
        Err(_) => Err(bad("The body does not arrive whole.")),
    };
    let (status, kind, body) = match outcome {
        Ok(body) => (StatusCode::OK, None, body),
        Err(Fault(status, kind, message)) => (status, Some(kind), json!({"message": message})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    if let Some(kind) = kind {
        headers.insert("x-amzn-errortype", http::HeaderValue::from_static(kind));
    }
    response
}

fn bad(message: impl std::fmt::Display) -> Fault {
    Fault(StatusCode::BAD_REQUEST, "BadRequestException", message.to_string())
}

fn send(folder: &Path, body: &[u8]) -> Result<Value, Fault> {
    let call: SendEmail = serde_json::from_slice(body).map_err(bad)?;
    let simple = call.content.simple;
    let mut message = Message::builder().from(call.from_email_address.parse().map_err(bad)?);
    for to in &call.destination.to_addresses {
        message = message.to(to.parse().map_err(bad)?);
    }
    let parts = MultiPart::alternative_plain_html(simple.body.text.data, simple.body.html.data);
    let message = message.subject(simple.subject.data).multipart(parts).map_err(bad)?;
    let failed = |error: std::io::Error| {
        Fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException", error.to_string())
    };
    let randomness = clock::random::<6>().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    // Sorted by name they are in the order in which they were sent.
    let at = clock::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:015}-{}", at.as_millis(), hex::encode(randomness));
    let (path, made) = (folder.join(format!("{id}.eml")), folder.join(format!("{id}.part")));
    std::fs::write(&made, message.formatted()).and_then(|()| std::fs::rename(&made, &path)).map_err(failed)?;
    tracing::info!(file = %path.display(), "a mail was put into the data folder");
    Ok(json!({"MessageId": id}))
}
