//! GET `/{org}/v2/exports/{id}/{property.path}`.

use crate::fault::Fault;
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::routes::read_object_property::property_of;
use crate::wire::envelope::ResultBody;
use waybill_domain::ExportId;

/// Reads one property of an export; an array comes as a list. What there could be and is not is `null`.
///
/// # Errors
/// `kNotFound` for an export or a property that is none.
#[utoipa::path(
    get,
    path = "/{org}/v2/exports/{id}/{property}",
    tag = "cortex",
    operation_id = "cortexReadProperty",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
        ("property" = String, Path, description = "A property, nested ones with dots: `stats.docs.count`"),
        ("skip" = Option<usize>, Query, description = "Elements of an array to leave out at the beginning"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Most elements of an array to give; 100 unless said"),
    ),
    responses(
        (status = 200, description = "The value, or a list", body = ResultBody),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn read_property(call: &Call<'_>, id: ExportId, property: &str) -> Result<Reply, Fault> {
    property_of(call, &Objects::exports(call)?, &id.to_string(), property).await
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn a_property_is_a_result_and_an_array_a_list() {
        let stage = Stage::new().await;
        let body = r#"{"objects":"airports","paths":["_id","icao","country"]}"#;
        let id = stage.json("POST", "/demo/v2/exports", body).await["_id"].clone();
        let target = |property: &str| format!("/demo/v2/exports/{}/{property}", id.as_str().unwrap());
        insta::assert_snapshot!("value", stage.member("GET", &target("stats.docs.count"), "").await);
        insta::assert_snapshot!("document", stage.member("GET", &target("stats"), "").await);
        insta::assert_snapshot!("array", stage.member("GET", &target("paths?skip=1&limit=1"), "").await);
        insta::assert_snapshot!("nothing", stage.member("GET", &target("description"), "").await);
        insta::assert_snapshot!("unknown", stage.member("GET", &target("colour"), "").await);
        insta::assert_snapshot!("across_a_reference", stage.member("GET", &target("creator.name.first"), "").await);
        assert!(stage.member("GET", &target("stats/docs/count"), "").await.starts_with("200"));
    }
}
