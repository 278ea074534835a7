//! Limits: who asks too often, and who has too much waiting, is told when to come back, by each surface in its words.

use crate::harness::{World, header, quick, reply, story};
use anyhow::{Result, ensure};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use waybill_local::{Options, Stack, Tuning};

/// Sends a request that is refused; gives its status, `Retry-After` and body.
async fn refused(request: RequestBuilder) -> Result<(u16, u64, Value)> {
    told(request.send().await?).await
}

async fn told(response: Response) -> Result<(u16, u64, Value)> {
    let (status, after) = (response.status().as_u16(), header(&response, "retry-after")?.parse()?);
    Ok((status, after, response.json().await?))
}

#[test]
fn what_waits_beyond_the_operators_cap_is_refused_until_there_is_room() {
    story(async |world| {
        let tenant = world.tenant("limits-cap").await?;
        world.things(&tenant, 3).await?;
        let cap = async |most: Value| {
            let path = format!("/v1/orgs/{}", tenant.org);
            let change = world.call(Method::PATCH, &path, &world.info.operator_key).json(&json!({"maxWaiting": most}));
            reply(change).await.map(|(status, _)| assert_eq!(status, 200))
        };
        cap(json!(0)).await?;
        let cortex = format!("/{}/v2/exports", tenant.org);
        let post = |path: &str, body: Value| world.call(Method::POST, path, &tenant.member).json(&body);
        let (status, after, fault) = refused(post(&cortex, json!({"objects": "things"}))).await?;
        assert_eq!((status, after, &fault["object"]), (429, 60, &json!("fault")), "{fault}");
        let told = (&fault["code"], &fault["errCode"], &fault["status"]);
        assert_eq!(told, (&json!("kThrottled"), &json!("cortex.throttled.unspecified"), &json!(429)), "{fault}");
        let (status, after, problem) = refused(post("/v1/exports", json!({"collection": "things"}))).await?;
        assert_eq!((status, after, &problem["status"]), (429, 60, &json!(429)), "{problem}");
        assert_eq!(problem["type"], "urn:waybill:problem:throttled");
        let (_, list) = world.get("/v1/exports", &tenant.admin).await?;
        assert_eq!(list["items"], json!([]), "nothing was made");
        cap(Value::Null).await?;
        let made = world.create(&tenant, &json!({"objects": "things"})).await?;
        assert_eq!(world.ended(&tenant, &made).await?["state"], "ready");
        Ok(())
    });
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() {
    story(async |_| {
        let tuning = Tuning { requests_per_minute: 15, ..quick() };
        let world = World::of(Stack::start(Options { tuning, ..Options::ephemeral() }).await?)?;
        let (busy, calm) = (world.tenant("limits-busy").await?, world.tenant("limits-calm").await?);
        for (path, code) in [(format!("/{}/v2/exports", busy.org), "code"), ("/v1/exports".to_owned(), "type")] {
            let mut response = world.call(Method::GET, &path, &busy.member).send().await?;
            for _ in 0..100 {
                if response.status() == 429 {
                    break;
                }
                response = world.call(Method::GET, &path, &busy.member).send().await?;
            }
            let (status, after, body) = told(response).await?;
            let names = ["kThrottled", "urn:waybill:problem:throttled"];
            ensure!(status == 429 && (1..=60).contains(&after), "{path}: {status} {after}");
            ensure!(names.iter().any(|name| body[code] == *name), "{path}: {body}");
        }
        let body = json!({"email": "busy@example.com", "password": "correct horse", "name": {"first": "Bea"}});
        let (status, account) = world.post("/v1/accounts", &busy.admin, &body).await?;
        ensure!(status == 201, "{status} {account}");
        let path = format!("{}/{}/v2/exports", world.info.url, busy.org);
        let basic = || world.http.get(&path).basic_auth("busy@example.com", Some("correct horse")).send();
        let mut answers = vec![basic().await?.status().as_u16()];
        while answers.last() == Some(&200) && answers.len() < 100 {
            answers.push(basic().await?.status().as_u16());
        }
        ensure!(answers.len() > 10 && answers.last() == Some(&429), "by password: {answers:?}");
        let (status, list) = world.get(&format!("/{}/v2/exports", calm.org), &calm.member).await?;
        ensure!(status == 200, "another org's key: {status} {list}");
        let (status, list) = world.get(&format!("/{}/v2/exports", busy.org), &busy.admin).await?;
        ensure!(status == 200, "another key of the same org: {status} {list}");
        Ok(())
    });
}
