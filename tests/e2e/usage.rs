//! Storage: what is counted is the sum of what exists, whatever comes and goes; and over the quota an export says why it ended.

use crate::files::{FIRST, announce, noise, patients, upload};
use crate::harness::{Tenant, World, hasten, reply, story, text, until};
use crate::platform_table::dynamodb;
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use waybill_aws::{Connection, Endpoints, StaticCredentials};

/// What the rows of an org say at one moment: counted as used and reserved, and held and reserved by each row itself.
async fn rows(world: &World, tenant: &Tenant) -> Result<((u64, u64), (u64, u64))> {
    let tables = dynamodb(world, "ListTables", &json!({})).await?;
    let names = tables["TableNames"].as_array().context("tables")?;
    let table = names.iter().find(|name| name.as_str().is_some_and(|name| name.contains("main"))).context("main")?;
    let query = json!({
        "TableName": table, "ConsistentRead": true, "KeyConditionExpression": "pk = :org",
        "ExpressionAttributeValues": {":org": {"S": format!("ORG#{}", tenant.org)}}});
    let page = dynamodb(world, "Query", &query).await?;
    ensure!(page["LastEvaluatedKey"].is_null(), "one page");
    let (mut counted, mut sum) = ((0, 0), (0, 0));
    for item in page["Items"].as_array().context("items")? {
        let body: Value = serde_json::from_str(item["body"]["S"].as_str().unwrap_or("null")).unwrap_or_default();
        if item["sk"]["S"] == "USAGE" {
            counted =
                (body["used_bytes"].as_u64().context("used")?, body["reserved_bytes"].as_u64().context("reserved")?);
        }
        match body["storage"]["is"].as_str() {
            Some("held") => sum.0 += body["storage"]["bytes"].as_u64().context("held")?,
            Some("reserved") => sum.1 += body["storage"]["bytes"].as_u64().context("reserved")?,
            _ => {}
        }
    }
    Ok((counted, sum))
}

/// Bytes of the objects of an org's archives and files that lie in the bucket.
async fn objects(world: &World, tenant: &Tenant) -> Result<u64> {
    let aws = &world.info.aws;
    let endpoint = |url: &str| url.to_owned();
    let connection = Connection {
        region: aws.region.clone(),
        endpoints: Some(Endpoints {
            dynamodb: endpoint(&aws.dynamodb),
            s3: endpoint(&aws.s3),
            sqs: endpoint(&aws.sqs),
            kms: endpoint(&aws.s3),
            ses: endpoint(&aws.s3),
        }),
        credentials: Some(StaticCredentials {
            access_key_id: aws.access_key_id.clone(),
            secret_access_key: aws.secret_access_key.clone().into(),
        }),
    };
    let s3 = connection.s3();
    let mut sum = 0;
    for bucket in s3.list_buckets().send().await?.buckets() {
        for folder in ["archives", "files"] {
            let prefix = format!("{folder}/{}/", tenant.org);
            let page = s3.list_objects_v2().set_bucket(bucket.name().map(str::to_owned)).prefix(prefix).send().await?;
            ensure!(page.next_continuation_token().is_none(), "one page");
            sum += page.contents().iter().filter_map(|object| u64::try_from(object.size()?).ok()).sum::<u64>();
        }
    }
    Ok(sum)
}

async fn usage(world: &World, tenant: &Tenant) -> Result<Value> {
    let (status, usage) = world.get("/v1/usage", &tenant.admin).await?;
    ensure!(status == 200, "{status} {usage}");
    Ok(usage)
}

/// Waits until what is counted is what lies in the bucket; gives how much that is. A file that was uploaded is reserved room until the
/// time for its upload is over, and used room from then on.
async fn agrees(world: &World, tenant: &Tenant) -> Result<u64> {
    let mut last = String::new();
    let agreed = until("what is counted does not become what is there", async || {
        let found = (usage(world, tenant).await?, objects(world, tenant).await?);
        let ((used, reserved), sum) = rows(world, tenant).await?;
        ensure!((used, reserved) == sum, "counted {used} and {reserved}, held and reserved {sum:?}");
        if found.0["usedBytes"].as_u64().zip(found.0["reservedBytes"].as_u64()).map(|(a, b)| a + b) == Some(found.1) {
            let today = found.0["days"].as_array().and_then(|days| days.last()).context("today")?;
            ensure!(["usedBytes", "reservedBytes"].iter().all(|name| today[name] == found.0[name]), "{}", found.0);
            ensure!(today["mostBytes"].as_u64() >= Some(found.1), "{}", found.0);
            return Ok(Some(found.1));
        }
        last = format!("{} counted, {} bytes in the bucket", found.0, found.1);
        Ok(None)
    })
    .await;
    agreed.context(last)
}

#[test]
fn what_is_counted_is_what_exists_from_creation_to_expiry() {
    story(async |world| {
        let tenant = patients(world, "usage-sum").await?;
        world.things(&tenant, 8000).await?;
        ensure!(agrees(world, &tenant).await? == 0);
        let photo = format!("{FIRST}/files/photo");
        let link = announce(world, &tenant, &photo, "a.png", "image/png", 70_000).await?;
        ensure!(upload(world, &link, noise(70_000)).await? == 200);
        ensure!(agrees(world, &tenant).await? == 70_000);

        let (mut made, mut most_reserved) = (Vec::new(), 0);
        let bodies = [
            json!({"collection": "things"}),
            json!({"collection": "things", "format": "csv", "packaging": "gzip", "sort": "-n"}),
            json!({"collection": "patients", "files": {"include": true, "zip": true}}),
            json!({"collection": "things", "where": {"n": {"$lt": 9}}}),
        ];
        for body in &bodies {
            let (status, export) = world.post("/v1/exports", &tenant.member, body).await?;
            ensure!(status == 201, "{status} {export}");
            made.push(text(&export, "id")?);
        }
        let mut at = 0;
        while at < made.len() {
            let ((used, reserved), sum) = rows(world, &tenant).await?;
            ensure!((used, reserved) == sum, "counted {used} and {reserved}, held and reserved {sum:?}");
            most_reserved = most_reserved.max(reserved);
            let (_, export) = world.get(&format!("/v1/exports/{}", made[at]), &tenant.member).await?;
            if export["finishedAt"].is_null() {
                continue;
            }
            ensure!(export["state"] == "ready", "{export}");
            at += 1;
            // Each may have run between two looks.
            if at == made.len() && most_reserved == 0 && at < 20 {
                made.push(text(&world.post("/v1/exports", &tenant.member, &bodies[0]).await?.1, "id")?);
            }
        }
        ensure!(most_reserved > 0, "none was seen while it ran");
        let all = agrees(world, &tenant).await?;
        let today = usage(world, &tenant).await?["days"].as_array().unwrap().last().cloned().unwrap();
        ensure!(today["mostBytes"].as_u64() >= Some(most_reserved), "{today}");

        ensure!(world.delete(&format!("/v1/exports/{}", made[0]), &tenant.admin).await?.0 == 204);
        let fewer = agrees(world, &tenant).await?;
        ensure!(fewer < all && fewer > 70_000);
        hasten(world, &tenant, &made[1], 0)?;
        let fewest = agrees_below(world, &tenant, fewer).await?;
        ensure!(world.delete(&format!("/v1/collections/patients/records/{FIRST}"), &tenant.admin).await?.0 == 204);
        ensure!(agrees(world, &tenant).await? == fewest - 70_000);
        for id in &made[2..] {
            ensure!(world.delete(&format!("/v1/exports/{id}"), &tenant.admin).await?.0 == 204);
        }
        ensure!(agrees(world, &tenant).await? == 0, "nothing is left, and nothing is counted");
        Ok(())
    });
}

/// Waits until less than `before` exists, and the count agrees.
async fn agrees_below(world: &World, tenant: &Tenant, before: u64) -> Result<u64> {
    until(&format!("{before} bytes stay"), async || Ok(Some(agrees(world, tenant).await?).filter(|now| *now < before)))
        .await
}

async fn change_quota(world: &World, tenant: &Tenant, quota: &Value) -> Result<()> {
    let path = format!("/v1/orgs/{}", tenant.org);
    let change = world.call(Method::PATCH, &path, &world.info.operator_key).json(&json!({"quotaBytes": quota}));
    ensure!(reply(change).await?.0 == 200);
    Ok(())
}

#[test]
fn over_the_quota_an_export_ends_and_says_used_needed_and_limit() {
    story(async |world| {
        let tenant = world.tenant("usage-quota").await?;
        world.things(&tenant, 100).await?;
        let first = world.create(&tenant, &json!({"objects": "things"})).await?;
        world.ended(&tenant, &first).await?;
        let used = agrees(world, &tenant).await?;
        change_quota(world, &tenant, &json!(used + 1000)).await?;
        let second = world.create(&tenant, &json!({"objects": "things"})).await?;
        let export = world.ended(&tenant, &second).await?;
        let needed = 64 << 20;
        let reason = format!(
            "storage quota exceeded: {used} bytes used, {needed} more needed, {} allowed; delete exports or ask the operator for more",
            used + 1000
        );
        let expected = json!({
            "object": "fault", "name": "error", "code": "kRequestTooLarge", "errCode": "cortex.tooLarge.storageQuota",
            "status": 413, "message": "The file storage is full", "reason": reason});
        assert_eq!((&export["state"], &export["err"]), (&json!("error"), &expected), "{export}");
        assert!(export["dataFile"].is_null());
        let (_, shown) = world.get(&format!("/v1/exports/{second}"), &tenant.member).await?;
        assert_eq!((&shown["state"], &shown["failure"]["code"]), (&json!("failed"), &json!("quota-exceeded")));
        assert_eq!(shown["failure"]["message"], reason);
        assert_eq!(agrees(world, &tenant).await?, used, "what failed takes nothing");
        let (_, usage) = world.get("/v1/usage", &tenant.admin).await?;
        assert_eq!(usage["quotaBytes"], used + 1000);

        change_quota(world, &tenant, &Value::Null).await?;
        let third = world.create(&tenant, &json!({"objects": "things"})).await?;
        assert_eq!(world.ended(&tenant, &third).await?["state"], "ready");
        Ok(())
    });
}
