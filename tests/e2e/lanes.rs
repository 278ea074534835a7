//! One export at a time per org, in creation order, orgs side by side.

use crate::harness::{story, text};
use anyhow::Result;
use futures::future::try_join_all;
use serde_json::{Value, json};

struct Span {
    created: String,
    started: String,
    finished: String,
}

#[test]
fn thirty_exports_of_ten_clients_run_one_at_a_time_per_org_in_creation_order() {
    story(async |world| {
        let codes = ["lane-a", "lane-b", "lane-c"];
        let mut tenants = Vec::new();
        for code in codes {
            let tenant = world.tenant(code).await?;
            world.things(&tenant, 3000).await?;
            tenants.push(tenant);
        }
        let body = json!({"objects": "things", "format": "application/json"});
        let clients = (0..10).map(|_| async {
            let mut made = Vec::new();
            for tenant in &tenants {
                made.push((tenant, world.create(tenant, &body).await?));
            }
            Ok::<_, anyhow::Error>(made)
        });
        let made: Vec<_> = try_join_all(clients).await?.into_iter().flatten().collect();
        assert_eq!(made.len(), 30);
        try_join_all(made.iter().map(|(tenant, id)| world.ended(tenant, id))).await?;

        let mut all = Vec::new();
        for tenant in &tenants {
            let (_, page) = world.get("/v1/exports?limit=100", &tenant.admin).await?;
            let mut spans = page["items"].as_array().unwrap().iter().map(span).collect::<Result<Vec<_>>>()?;
            assert_eq!(spans.len(), 10);
            spans.sort_by(|a, b| a.started.cmp(&b.started));
            for pair in spans.windows(2) {
                assert!(pair[0].created <= pair[1].created, "begun in creation order");
                assert!(pair[0].finished <= pair[1].started, "one at a time");
            }
            all.push(spans);
        }
        let overlaps = |a: &Span, b: &Span| a.started < b.finished && b.started < a.finished;
        let side_by_side = all[0].iter().any(|a| all[1].iter().chain(&all[2]).any(|b| overlaps(a, b)));
        assert!(side_by_side, "orgs run side by side");
        Ok(())
    });
}

fn span(export: &Value) -> Result<Span> {
    anyhow::ensure!(export["state"] == "ready", "{export}");
    Ok(Span {
        created: text(export, "createdAt")?,
        started: text(export, "startedAt")?,
        finished: text(export, "finishedAt")?,
    })
}

#[test]
fn stats_move_while_an_export_runs() {
    story(async |world| {
        let tenant = world.tenant("lane-stats").await?;
        world.things(&tenant, 20_000).await?;
        // An export may run to its end between two looks; that twenty do is no chance.
        let mut all = Vec::new();
        for _ in 0..20 {
            let id = world.create(&tenant, &json!({"objects": "things", "format": "text/csv"})).await?;
            let mut seen = Vec::new();
            while seen.last().is_none_or(|(state, _)| state != "ready") {
                let (_, export) = world.get(&format!("/{}/v2/exports/{id}", tenant.org), &tenant.member).await?;
                anyhow::ensure!(export["state"] != "error", "{export}");
                seen.push((text(&export, "state")?, export["stats"]["docs"]["count"].as_u64().unwrap()));
            }
            assert_eq!(seen.last().unwrap().1, 20_000);
            if seen.iter().any(|(state, count)| state == "running" && (1..20_000).contains(count)) {
                return Ok(());
            }
            all.push(seen);
        }
        anyhow::bail!("none was seen to move: {all:?}")
    });
}
