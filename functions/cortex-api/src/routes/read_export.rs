//! GET `/{org}/v2/exports/{id}`.

use crate::fault::Fault;
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::of_read;
use crate::wire::export::ExportObject;
use waybill_domain::ExportId;

/// Reads an export.
///
/// # Errors
/// `kNotFound`, and faults of the arguments.
#[utoipa::path(
    get,
    path = "/{org}/v2/exports/{id}",
    tag = "cortex",
    operation_id = "cortexReadExport",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
        ("paths[]" = Option<Vec<String>>, Query, description = "Properties to give; all unless said"),
        ("include[]" = Option<Vec<String>>, Query, description = "Properties to add"),
        ("expand[]" = Option<Vec<String>>, Query, description = "References to replace by what they lead to: `creator`, `owner`"),
    ),
    responses(
        (status = 200, description = "The export", body = ExportObject),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn read_export(call: &Call<'_>, id: ExportId) -> Result<Reply, Fault> {
    let parts = of_read(&call.query, &[])?;
    Reply::json(&Objects::exports(call)?.read(call, &id.to_string(), &parts).await?)
}

#[cfg(test)]
mod tests {
    use crate::stage::{Stage, bearer};
    use std::time::Duration;
    use waybill_domain::{Failure, FailureCode, Role};

    #[tokio::test]
    async fn an_export_is_shown_in_each_of_its_states() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}");
        insta::assert_snapshot!("pending", stage.member("GET", &target, "").await);
        stage.run(id).await;
        insta::assert_snapshot!("running", stage.admin("GET", &target, "").await);
        stage.finish(id).await;
        insta::assert_snapshot!("ready", stage.member("GET", &target, "").await);
    }

    #[tokio::test]
    async fn a_failed_export_says_why() {
        let stage = Stage::new().await;
        for (code, expected) in [
            (FailureCode::CollectionMissing, "kInvalidObject"),
            (FailureCode::RecordMissing, "kNotFound"),
            (FailureCode::BadRecord, "kError"),
            (FailureCode::QuotaExceeded, "kRequestTooLarge"),
            (FailureCode::MaxRetriesReached, "kError"),
            (FailureCode::LimitExceeded, "kRequestTooLarge"),
            (FailureCode::Unavailable, "kTooBusy"),
            (FailureCode::Denied, "kAccessDenied"),
            (FailureCode::Internal, "kError"),
        ] {
            let id = stage.create("a").await;
            stage.run(id).await;
            stage.fail(id, Failure::new(code, "why")).await;
            let export = stage.json("GET", &format!("/demo/v2/exports/{id}"), "").await;
            assert_eq!((&export["state"], &export["err"]["code"]), (&"error".into(), &expected.into()));
            if code == FailureCode::QuotaExceeded {
                insta::assert_snapshot!("failed", stage.admin("GET", &format!("/demo/v2/exports/{id}"), "").await);
            }
        }
    }

    #[tokio::test]
    async fn paths_pick_properties() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}?paths[]=state&paths[]=stats.docs.count");
        insta::assert_snapshot!("picked", stage.member("GET", &target, "").await);
        let target = format!("/demo/v2/exports/{id}?paths[]=creator.name.first");
        insta::assert_snapshot!("across_a_reference", stage.member("GET", &target, "").await);
        let target = format!("/demo/v2/exports/{id}?expand[]=creator");
        insta::assert_snapshot!("expand", stage.member("GET", &target, "").await);
    }

    #[tokio::test]
    async fn what_is_absent_foreign_or_no_id_is_refused() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let acme = bearer("acme", Role::Admin);
        let headers = [("authorization", acme.as_str())];
        let absent = stage.admin("GET", "/demo/v2/exports/65aa00000000000000000001", "").await;
        insta::assert_snapshot!("absent", absent);
        let foreign = stage.send("GET", &format!("/acme/v2/exports/{id}"), &headers, "").await;
        assert_eq!(foreign.replace(&id.to_string(), "65aa00000000000000000001"), absent);
        insta::assert_snapshot!(
            "foreign_org",
            stage.send("GET", &format!("/demo/v2/exports/{id}"), &headers, "").await
        );
        let nobody = stage.send("GET", &format!("/nobody/v2/exports/{id}"), &headers, "").await;
        assert_eq!(nobody, stage.send("GET", &format!("/demo/v2/exports/{id}"), &headers, "").await);
        insta::assert_snapshot!("no_id", stage.admin("GET", "/demo/v2/exports/17", "").await);
        insta::assert_snapshot!("no_operation", stage.admin("POST", &format!("/demo/v2/exports/{id}"), "{}").await);
    }

    #[tokio::test]
    async fn an_export_is_gone_to_the_second_at_its_end() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}");
        let week = Duration::from_hours(7 * 24);
        stage.ports.clock.advance(week + week);
        assert!(stage.member("GET", &target, "").await.starts_with("200"), "a waiting one never hides");
        stage.run(id).await;
        stage.finish(id).await;
        stage.ports.clock.advance(week.saturating_sub(Duration::from_millis(1)));
        assert!(stage.member("GET", &target, "").await.starts_with("200"));
        stage.ports.clock.advance(Duration::from_millis(1));
        assert!(stage.member("GET", &target, "").await.starts_with("404"));
        let content = format!("{target}/dataFile/content");
        assert!(stage.admin("GET", &content, "").await.starts_with("404"));
        assert_eq!(stage.json("GET", "/demo/v2/exports", "").await["data"].as_array().unwrap().len(), 0);
    }
}
