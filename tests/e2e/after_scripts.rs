//! The script that follows an export: it sees the export as the surface shows it, logs, counts and fails, and touches nothing.

use crate::harness::{Tenant, World, story, text, until};
use anyhow::Result;
use serde_json::{Value, json};

/// Waits until the script of an export is over and gives the export as the Cortex surface shows it.
async fn over(world: &World, tenant: &Tenant, id: &str) -> Result<Value> {
    let path = format!("/{}/v2/exports/{id}", tenant.org);
    until(&format!("the script of {id} does not end"), async || {
        let (_, export) = world.get(&path, &tenant.member).await?;
        let is_over = ["ready", "error"].iter().any(|state| export["afterScriptResult"]["state"] == *state);
        Ok(is_over.then_some(export))
    })
    .await
}

async fn logged(world: &World, tenant: &Tenant, id: &str) -> Result<Vec<Value>> {
    let (status, page) = world.get(&format!("/v1/logs?export={id}"), &tenant.admin).await?;
    anyhow::ensure!(status.as_u16() == 200, "{status} {page}");
    let mut lines = page["items"].as_array().cloned().unwrap_or_default();
    lines.reverse();
    Ok(lines)
}

#[test]
fn a_script_sees_its_export_as_it_is_shown_and_counts_and_logs() {
    story(async |world| {
        let tenant = world.tenant("script-well").await?;
        world.things(&tenant, 7).await?;
        let script = "import logger from 'logger'; import counters from 'counters'; import cache from 'cache';\n\
            logger.info(script.arguments.export);\n\
            logger.warn(counters.next('runs'), cache.get('last') ?? null, script.arguments.err ?? 'no err');\n\
            cache.set('last', { id: script.arguments.export._id }, 60);";
        let body = json!({"objects": "things", "label": "Nightly", "paths": ["_id", "n"], "where": "{\"n\":{\"$gte\":2}}",
            "afterScript": script});
        let first = world.create(&tenant, &body).await?;
        let mut shown = over(world, &tenant, &first).await?;
        assert_eq!(shown["state"], "ready");
        let result = shown.as_object_mut().unwrap().remove("afterScriptResult").unwrap();
        assert_eq!((&result["state"], result["ops"].as_u64() > Some(0)), (&json!("ready"), true), "{result}");
        let lines = logged(world, &tenant, &first).await?;
        assert_eq!(lines[0]["dat"], shown);
        assert_eq!((&lines[0]["lvl"], &lines[0]["src"], &lines[0]["sid"]), (&json!(2), &json!(6), &json!(first)));
        assert_eq!(lines[1]["dat"], json!([1, null, "no err"]));
        let second = world.create(&tenant, &body).await?;
        over(world, &tenant, &second).await?;
        assert_eq!(logged(world, &tenant, &second).await?[1]["dat"], json!([2, {"id": first}, "no err"]));
        Ok(())
    });
}

#[test]
fn a_script_that_fails_leaves_its_export_alone_and_says_where() {
    story(async |world| {
        let tenant = world.tenant("script-ill").await?;
        world.things(&tenant, 3).await?;
        for (script, reason) in [
            ("import logger from 'logger';\nlogger.debug('before');\nnull.nothing;", "TypeError"),
            ("import db from 'db';", "the module `db` is not available"),
            ("for (;;) ;", "operations"),
        ] {
            let made = world.create(&tenant, &json!({"objects": "things", "afterScript": script})).await?;
            let shown = over(world, &tenant, &made).await?;
            assert_eq!((&shown["state"], shown["err"].is_null()), (&json!("ready"), true));
            let err = &shown["afterScriptResult"]["err"];
            assert!(text(err, "reason")?.contains(reason), "{err}");
            let lines = logged(world, &tenant, &made).await?;
            let last = lines.last().unwrap();
            assert_eq!((&last["lvl"], last["err"].is_object()), (&json!(0), true), "{last}");
            world.download(&tenant, &made).await?;
        }
        Ok(())
    });
}

#[test]
fn a_script_that_does_not_parse_is_refused_with_its_place() {
    story(async |world| {
        let tenant = world.tenant("script-syntax").await?;
        world.things(&tenant, 1).await?;
        let script = "const a = 1;\n  const = 2;";
        let body = json!({"objects": "things", "afterScript": script});
        let (status, fault) = world.post(&format!("/{}/v2/exports", tenant.org), &tenant.member, &body).await?;
        assert_eq!((status.as_u16(), &fault["faults"][0]["path"]), (400, &json!("export.afterScript")), "{fault}");
        assert!(text(&fault["faults"][0], "reason")?.starts_with("line 2, column "), "{fault}");
        let body = json!({"collection": "things", "afterScript": script});
        let (status, problem) = world.post("/v1/exports", &tenant.member, &body).await?;
        assert_eq!((status.as_u16(), &problem["errors"][0]["pointer"]), (400, &json!("/afterScript")), "{problem}");
        Ok(())
    });
}

#[test]
fn a_script_cannot_call_the_service_back() {
    story(async |world| {
        let tenant = world.tenant("script-http").await?;
        world.things(&tenant, 1).await?;
        let script = "import http from 'http'; import logger from 'logger';\n\
            try { http.get(`${script.env.url}/exports`) } catch (error) { logger.info(error.code, script.getCalloutsRemaining()) }\n\
            try { http.get('http://169.254.169.254/latest/meta-data') } catch (error) { logger.info(error.code, script.getCalloutsRemaining()) }";
        let made = world.create(&tenant, &json!({"objects": "things", "afterScript": script})).await?;
        over(world, &tenant, &made).await?;
        let lines = logged(world, &tenant, &made).await?;
        assert_eq!(lines[0]["dat"], json!(["kAccessDenied", 5]));
        assert_eq!(lines[1]["dat"], json!(["kAccessDenied", 4]));
        Ok(())
    });
}
