//! DELETE `/{org}/v2/exports/{id}`.

use crate::fault::Fault;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::envelope::ResultBody;
use serde_json::Value;
use waybill_domain::{ExportId, Surface};

/// Deletes an export and its archive. For administrators and the owner.
///
/// # Errors
/// `kNotFound`, `kAccessDenied`.
#[utoipa::path(
    delete,
    path = "/{org}/v2/exports/{id}",
    tag = "cortex",
    operation_id = "cortexDeleteExport",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
    ),
    responses(
        (status = 200, description = "`true`", body = ResultBody),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn delete_export(call: &Call<'_>, id: ExportId) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    waybill_app::delete_export(call.context, &*call.deps.wake, &call.principal, Some(Surface::Cortex), id).await?;
    Reply::json(&ResultBody::new(Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use waybill_domain::{State, Stop, StorageHold};

    #[tokio::test]
    async fn a_waiting_export_leaves_its_lane_at_once() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}");
        insta::assert_snapshot!("deleted", stage.member("DELETE", &target, "").await);
        assert!(stage.member("GET", &target, "").await.starts_with("404"));
        assert!(stage.member("DELETE", &target, "").await.starts_with("404"));
        let row = stage.row(id).await.unwrap();
        assert!(row.deleted && matches!(row.state, State::Canceled { .. }));
        assert_eq!(stage.ports.rows().queue_head(&row.org).await.unwrap(), None);
        assert_eq!(stage.trail().await[0], format!("ExportDeleted {id}"));
    }

    #[tokio::test]
    async fn a_running_export_is_marked_and_invisible_at_once() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        stage.run(id).await;
        let target = format!("/demo/v2/exports/{id}");
        assert!(stage.admin("DELETE", &target, "").await.starts_with("200"));
        assert!(stage.admin("GET", &target, "").await.starts_with("404"));
        let row = stage.row(id).await.unwrap();
        assert!(matches!(row.state, State::Running { .. }));
        assert_eq!(row.stop, Some(Stop::Delete));
    }

    #[tokio::test]
    async fn a_ready_export_gives_its_storage_back_once() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        stage.run(id).await;
        stage.finish(id).await;
        let org = stage.row(id).await.unwrap().org;
        let target = format!("/demo/v2/exports/{id}");
        assert!(stage.admin("DELETE", &target, "").await.starts_with("200"));
        assert!(stage.admin("DELETE", &target, "").await.starts_with("404"));
        assert_eq!(stage.ports.rows().usage(&org).await.unwrap().unwrap().value.used_bytes, 0);
        assert_eq!(stage.row(id).await.unwrap().storage, StorageHold::Released);
    }

    #[tokio::test]
    async fn only_administrators_and_the_owner_may_delete_an_export() {
        let stage = Stage::new().await;
        let id = stage.json("POST", "/demo/v2/exports", r#"{"objects":"airports"}"#).await["_id"].clone();
        let target = format!("/demo/v2/exports/{}", id.as_str().unwrap());
        insta::assert_snapshot!("of_another", stage.member("DELETE", &target, "").await);
        assert!(stage.member("GET", &target, "").await.starts_with("200"));
    }
}
