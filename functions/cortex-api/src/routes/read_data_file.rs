//! GET `/{org}/v2/exports/{id}/dataFile`.

use crate::fault::Fault;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::export::Facet;
use waybill_domain::{ExportId, Surface};

/// Reads the facet of an export's archive: what it is, not its bytes. It is there before the archive is, and says so.
///
/// # Errors
/// `kNotFound`.
#[utoipa::path(
    get,
    path = "/{org}/v2/exports/{id}/dataFile",
    tag = "cortex",
    operation_id = "cortexReadDataFile",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
    ),
    responses(
        (status = 200, description = "The facet", body = Facet),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn read_data_file(call: &Call<'_>, id: ExportId) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    let view = waybill_app::read_export(call.context, &call.principal, Some(Surface::Cortex), id).await?;
    Reply::json(&Facet::new(&view.export, None))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use waybill_domain::{Failure, FailureCode};

    #[tokio::test]
    async fn the_facet_says_how_far_the_archive_is() {
        let stage = Stage::new().await;
        let id = stage.create("a").await;
        let target = format!("/demo/v2/exports/{id}/dataFile");
        insta::assert_snapshot!("pending", stage.member("GET", &target, "").await);
        stage.run(id).await;
        assert_eq!(stage.json("GET", &target, "").await["state"], 1);
        stage.finish(id).await;
        insta::assert_snapshot!("ready", stage.member("GET", &target, "").await);
        let id = stage.create("b").await;
        stage.run(id).await;
        stage.fail(id, Failure::new(FailureCode::BadRecord, "record 7 is broken")).await;
        insta::assert_snapshot!("failed", stage.member("GET", &format!("/demo/v2/exports/{id}/dataFile"), "").await);
    }
}
