//! The requests of a script: few, short, and never to this service itself.

use super::host::{Host, invalid};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;
use waybill_ports::{OutgoingBody, OutgoingError, OutgoingLimits, OutgoingRequest, Patience, ScriptFault};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes each way.
const BODY_BYTES: usize = 524_288;
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<String>,
}

/// Sends a request.
///
/// # Errors
/// What the script is told.
pub(super) async fn send(host: &Host<'_>, arguments: Value) -> Result<Value, ScriptFault> {
    let asked = arguments.get(0).cloned().unwrap_or_default();
    let asked: Asked = serde_json::from_value(asked).map_err(|_| invalid("a request has a method and a URL"))?;
    let method = asked.method.to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(invalid(format!("the method must be one of {}", METHODS.join(", "))));
    }
    if asked.body.as_ref().is_some_and(|body| body.len() > BODY_BYTES) {
        let reason = format!("a request has at most {BODY_BYTES} bytes");
        return Err(ScriptFault::new("kRequestTooLarge", 413, reason));
    }
    if is_own(&host.running.own_hosts, &asked.url) {
        return Err(ScriptFault::new("kAccessDenied", 403, "a script does not call the service that runs it"));
    }
    let headers = asked.headers.into_iter().filter_map(|(name, value)| match value {
        Value::String(value) => Some((name, value)),
        Value::Number(_) | Value::Bool(_) => Some((name, value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    let request = OutgoingRequest {
        method,
        url: asked.url,
        headers: headers.collect(),
        body: asked.body.map_or(OutgoingBody::Empty, |body| OutgoingBody::Bytes(body.into_bytes().into())),
        limits: OutgoingLimits { patience: Patience::Total(PATIENCE), reply_bytes: BODY_BYTES },
    };
    host.take_callout()?;
    let clock = &host.running.context.clock;
    let began = clock.monotonic();
    let reply = host.running.outgoing.send(request).await;
    host.add_callout_time(clock.monotonic().saturating_sub(began));
    let reply = reply.map_err(|error| refused(&error))?;
    if reply.is_cut {
        let reason = format!("the reply has more than {BODY_BYTES} bytes");
        return Err(ScriptFault::new("kRequestTooLarge", 413, reason));
    }
    let headers: Map<String, Value> = reply.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(json!({"status": reply.status, "headers": headers, "body": String::from_utf8_lossy(&reply.body)}))
}

/// Whether the host of a URL is one of ours. The guard reads the URL strictly; what this reads otherwise it refuses.
fn is_own(own_hosts: &[String], url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let name = host.trim_end_matches('.');
    own_hosts.iter().any(|own| {
        let bare = own.split(':').next().unwrap_or_default();
        name == own
            || name.strip_suffix(":443") == Some(own.as_str())
            || name.split(':').next() == Some(bare) && !own.contains(':')
    })
}

fn refused(error: &OutgoingError) -> ScriptFault {
    let reason = error.to_string();
    match error {
        OutgoingError::Malformed { .. } => invalid(reason),
        OutgoingError::Forbidden { .. } => ScriptFault::new("kAccessDenied", 403, reason),
        OutgoingError::TimedOut { .. } => ScriptFault::new("kTimeout", 408, reason),
        OutgoingError::NotResolved { .. }
        | OutgoingError::NotConnected { .. }
        | OutgoingError::NotTrusted { .. }
        | OutgoingError::Broken { .. }
        | OutgoingError::Source(_) => ScriptFault::new("kError", 502, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn own_hosts_are_seen_through_their_spellings() {
        let own = ["api.example.com".to_owned(), "127.0.0.1:4000".to_owned()];
        for url in [
            "https://api.example.com/x",
            "https://API.example.com:443/",
            "https://api.example.com./v1",
            "http://a@api.example.com/",
            "https://api.example.com:8443",
            "http://127.0.0.1:4000/v1",
        ] {
            assert!(is_own(&own, url), "{url}");
        }
        for url in ["https://example.com/api.example.com", "https://xapi.example.com", "http://127.0.0.1:4001/"] {
            assert!(!is_own(&own, url), "{url}");
        }
    }
}
