//! The gateway, the poller and the ticks, around functions that only tell what they were given.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use lambda_http::{Body, Request, RequestExt as _, Response};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::clients;
use crate::gateway::Surfaces;
use crate::invocations::{Function, event_function, http_function};
use crate::options::{DataFolder, Options, Tuning};
use crate::running::{Functions, Running};

fn options() -> Options {
    let tuning = Tuning {
        http_timeout: Duration::from_secs(3),
        function_timeout: Duration::from_secs(5),
        drain: Duration::from_secs(3),
        tick: Duration::from_mins(1),
        ..Tuning::default()
    };
    Options { tuning, ..Options::ephemeral() }
}

/// Tells what it was given, or misbehaves as the path asks.
async fn echo(request: Request) -> Response<Body> {
    let context = request.lambda_context_ref().unwrap().clone();
    let path = request.raw_http_path().to_owned();
    match path.as_str() {
        "/v1/panic" => panic!("as asked"),
        "/v1/slow" => tokio::time::sleep(Duration::from_mins(1)).await,
        "/v1/huge" => return Response::new(Body::Text("x".repeat(6_300_000))),
        "/v1/binary" => {
            let reply = Response::builder().status(201).header("content-type", "application/zip");
            let reply = reply.header("set-cookie", "a=1; Secure").header("set-cookie", "b=2");
            return reply.body(Body::Binary(vec![0, 159, 146, 150])).unwrap();
        }
        "/v1/empty" => return Response::builder().status(204).body(Body::Empty).unwrap(),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let headers: Vec<(String, String)> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let kind = match &body {
        Body::Empty => "empty",
        Body::Text(_) => "text",
        _ => "binary",
    };
    let told = json!({
        "method": parts.method.as_str(), "uri": parts.uri.to_string(), "path": path, "headers": headers,
        "kind": kind, "bytes": body.len(), "function": context.env_config.function_name,
        "arn": context.invoked_function_arn, "deadline": context.deadline,
    });
    Response::builder().header("content-type", "application/json").body(Body::Text(told.to_string())).unwrap()
}

fn nothing() -> Function {
    event_function(|_: LambdaEvent<Value>| async { Ok(Value::Null) })
}

fn surfaces() -> Surfaces {
    Surfaces {
        admin: http_function(echo),
        cortex: http_function(echo),
        sigma: http_function(echo),
        rebilly: http_function(echo),
    }
}

async fn start(options: &Options, exporter: Function, sweeper: Function) -> Running {
    let functions = Functions {
        surfaces: surfaces(),
        exporter,
        scheduler: nothing(),
        sweeper,
        after_script: nothing(),
        delivery: nothing(),
    };
    Running::start(options, |_| functions).await.unwrap()
}

async fn told(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn header<'a>(told: &'a Value, name: &str) -> Option<&'a str> {
    let headers = told["headers"].as_array().unwrap();
    headers.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str())
}

#[tokio::test]
async fn requests_arrive_as_api_gateway_gives_them() {
    let running = start(&options(), nothing(), nothing()).await;
    let client = reqwest::Client::new();
    let url = running.url().to_owned();

    let sent = client
        .get(format!("{url}/acme/v2/exports/a%20b?where=%7B%22a%22%3A1%7D&sort=-created&sort=name"))
        .header("X-Many", "1")
        .header("X-Many", "2")
        .header("Cookie", "md=1; x=2");
    let got = told(sent.send().await.unwrap()).await;
    assert_eq!(got["function"], "cortex-api");
    assert_eq!(got["arn"], "arn:aws:lambda:us-east-1:000000000000:function:cortex-api");
    assert_eq!(got["method"], "GET");
    assert_eq!(got["path"], "/acme/v2/exports/a b");
    let uri = got["uri"].as_str().unwrap();
    assert_eq!(
        uri.strip_prefix(&url).unwrap(),
        "/acme/v2/exports/a%20b?where=%7B%22a%22%3A1%7D&sort=-created&sort=name"
    );
    assert_eq!(got["kind"], "empty");
    assert_eq!(header(&got, "x-many"), Some("1,2"));
    assert_eq!(header(&got, "cookie"), Some("md=1; x=2"));
    assert_eq!(header(&got, "x-forwarded-for"), Some("127.0.0.1"));
    assert!(header(&got, "host").unwrap().starts_with("127.0.0.1:"));

    for (media_type, kind) in [
        (Some("application/json; charset=utf-8"), "text"),
        (Some("text/csv"), "text"),
        (Some("application/x-ndjson"), "binary"),
        (Some("application/x-www-form-urlencoded"), "binary"),
        (None, "binary"),
    ] {
        let mut post = client.post(format!("{url}/v1/orgs")).body("{\"a\":1}");
        if let Some(media_type) = media_type {
            post = post.header("content-type", media_type);
        }
        let got = told(post.send().await.unwrap()).await;
        assert_eq!((got["kind"].as_str(), got["bytes"].as_u64()), (Some(kind), Some(7)), "{media_type:?}");
        assert_eq!(got["function"], "admin-api");
    }
    for path in ["/", "/nothing", "/healthz", "/acme/v2", "/acme/v3/exports", "//x"] {
        let got = told(client.get(format!("{url}{path}")).send().await.unwrap()).await;
        assert_eq!(got["function"], "admin-api", "{path}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn replies_leave_as_api_gateway_sends_them() {
    let running = start(&options(), nothing(), nothing()).await;
    let reply = reqwest::get(format!("{}/v1/binary", running.url())).await.unwrap();
    assert_eq!(reply.status(), 201);
    assert_eq!(reply.headers()["content-type"], "application/zip");
    let cookies: Vec<_> = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1; Secure", "b=2"]);
    assert!(reply.headers().contains_key("apigw-requestid"));
    assert_eq!(reply.bytes().await.unwrap().as_ref(), [0, 159, 146, 150]);
    let empty = reqwest::get(format!("{}/v1/empty", running.url())).await.unwrap();
    assert_eq!(empty.status(), 204);
    assert!(!empty.headers().contains_key("content-type"));
    running.shutdown().await;
}

#[tokio::test]
async fn the_limits_of_the_gateway_and_of_lambda_hold() {
    let running = start(&options(), nothing(), nothing()).await;
    let client = reqwest::Client::new();
    let post = async |path: &str, bytes: usize| {
        let url = format!("{}{path}", running.url());
        let reply = client.post(url).header("content-type", "application/x-ndjson").body(vec![b'x'; bytes]);
        let reply = reply.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    assert_eq!(post("/v1/ok", 4 * 1024 * 1024).await.0, 200);
    let too_large = (413, r#"{"message":"Request Entity Too Large"}"#.to_owned());
    // 5 MB are 6.7 MB in base64.
    assert_eq!(post("/v1/ok", 5_000_000).await, too_large);
    assert_eq!(post("/v1/ok", 10 * 1024 * 1024 + 1).await, too_large);
    let broken = (500, r#"{"message":"Internal Server Error"}"#.to_owned());
    assert_eq!(post("/v1/huge", 1).await, broken);
    assert_eq!(post("/v1/panic", 1).await, broken);
    assert_eq!(post("/v1/slow", 1).await, (503, r#"{"message":"Service Unavailable"}"#.to_owned()));
    assert_eq!(post("/v1/ok", 1).await.0, 200);
    running.shutdown().await;
}

#[tokio::test]
async fn messages_are_handed_out_with_partial_batch_semantics() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let exporter = event_function(move |event: LambdaEvent<SqsEvent>| {
        let log = Arc::clone(&log);
        async move {
            let record = &event.payload.records[0];
            let body = record.body.clone().unwrap();
            let count = record.attributes["ApproximateReceiveCount"].clone();
            log.lock().unwrap().push((body.clone(), count.clone()));
            let mut reply = SqsBatchResponse::default();
            match (body.as_str(), count.as_str()) {
                ("panics", "1") => panic!("as asked"),
                ("again", "1") => {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = record.message_id.clone().unwrap();
                    reply.batch_item_failures.push(failure);
                }
                _ => {}
            }
            Ok(reply)
        }
    });
    let mut options = options();
    // A message that is not deleted comes back after this long.
    options.tuning.function_timeout = Duration::from_secs(3);
    let running = start(&options, exporter, nothing()).await;
    let client = clients::sqs(&running.endpoints().sqs, running.credentials());
    let queue = client.get_queue_url().queue_name("wake-ups.fifo").send().await.unwrap().queue_url.unwrap();
    for (group, body) in [("a", "again"), ("a", "after"), ("b", "panics"), ("c", "plain")] {
        let send = client.send_message().queue_url(&queue).message_group_id(group).message_deduplication_id(body);
        send.message_body(body).send().await.unwrap();
    }
    let expected = [("after", "1"), ("again", "1"), ("again", "2"), ("panics", "1"), ("panics", "2"), ("plain", "1")];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(body, count)| ((*body).to_owned(), (*count).to_owned())).collect();
    let all = async {
        while seen.lock().unwrap().len() < expected.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), all).await.unwrap();
    let order = seen.lock().unwrap().clone();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    let place = |body: &str, count: &str| order.iter().position(|seen| seen.0 == body && seen.1 == count);
    assert!(place("again", "2") < place("after", "1"), "the group waits for the message that failed");
    running.shutdown().await;
}

#[derive(Default)]
struct Counters {
    now: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

impl Counters {
    async fn until(&self, now: usize, done: usize) {
        while (self.now.load(Ordering::SeqCst), self.done.load(Ordering::SeqCst)) != (now, done) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn groups_run_side_by_side_up_to_the_limit_and_a_stop_lets_them_end() {
    let (counters, gate) = (Arc::new(Counters::default()), Arc::new(Semaphore::new(0)));
    let inside = (Arc::clone(&counters), Arc::clone(&gate));
    let exporter = event_function(move |_: LambdaEvent<SqsEvent>| {
        let (counters, gate) = inside.clone();
        async move {
            let now = counters.now.fetch_add(1, Ordering::SeqCst) + 1;
            counters.most.fetch_max(now, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            counters.now.fetch_sub(1, Ordering::SeqCst);
            counters.done.fetch_add(1, Ordering::SeqCst);
            Ok(SqsBatchResponse::default())
        }
    });
    let mut options = options();
    options.tuning.worker_concurrency = 3;
    options.tuning.function_timeout = Duration::from_mins(1);
    options.tuning.drain = Duration::from_secs(30);
    let running = start(&options, exporter, nothing()).await;
    let client = clients::sqs(&running.endpoints().sqs, running.credentials());
    let queue = client.get_queue_url().queue_name("wake-ups.fifo").send().await.unwrap().queue_url.unwrap();
    for group in ["a", "b", "c", "d", "e", "f"] {
        let send = client.send_message().queue_url(&queue).message_group_id(group).message_deduplication_id(group);
        send.message_body("{}").send().await.unwrap();
    }
    counters.until(3, 0).await;
    gate.add_permits(3);
    counters.until(3, 3).await;
    let open = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        gate.add_permits(3);
    };
    tokio::join!(running.shutdown(), open);
    counters.until(0, 6).await;
    assert_eq!(counters.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn ticks_come_at_once_and_then_regularly() {
    let ticks: Arc<Mutex<Vec<Value>>> = Arc::default();
    let log = Arc::clone(&ticks);
    let sweeper = event_function(move |event: LambdaEvent<Value>| {
        log.lock().unwrap().push(event.payload);
        async { Ok(Value::Null) }
    });
    let mut options = options();
    options.tuning.tick = Duration::from_millis(100);
    let running = start(&options, nothing(), sweeper).await;
    let three = async {
        while ticks.lock().unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), three).await.unwrap();
    let before = ticks.lock().unwrap().len();
    running.tick().await.unwrap();
    running.shutdown().await;
    let ticks = ticks.lock().unwrap();
    assert!(ticks.len() > before, "{}", ticks.len());
    assert_eq!(ticks[0]["detail-type"], "Scheduled Event");
    assert_eq!(ticks[0]["source"], "aws.events");
    assert!(ticks[0]["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let running = start(&options(), nothing(), nothing()).await;
    let port: u16 = running.url().rsplit(':').next().unwrap().parse().unwrap();
    let second = Options { port, ..options() };
    let functions = Functions {
        surfaces: surfaces(),
        exporter: nothing(),
        scheduler: nothing(),
        sweeper: nothing(),
        after_script: nothing(),
        delivery: nothing(),
    };
    let error = Running::start(&second, |_| functions).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("port {port} on 127.0.0.1 is in use by another program; choose another port, or 0 for a free one")
    );
    running.shutdown().await;
}

#[tokio::test]
async fn a_folder_is_free_again_after_a_shutdown_and_after_a_crash() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { data: DataFolder::Persistent(root.path().join("data")), ..options() };
    let running = start(&options, nothing(), nothing()).await;
    let credentials = running.credentials().clone();
    assert_eq!(running.folder().root(), root.path().join("data"));
    running.shutdown().await;
    let running = start(&options, nothing(), nothing()).await;
    assert_eq!(running.credentials(), &credentials);
    drop(running);
    let running = start(&options, nothing(), nothing()).await;
    assert_eq!(running.credentials(), &credentials);
    running.shutdown().await;
}
