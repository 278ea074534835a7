//! What the product has and this surface does not have yet: refused by name.

use crate::fault::{Fault, Kind};
use crate::reply::Reply;
use crate::routes::Call;
use waybill_domain::CollectionName;

/// The fault for a part of the product that is not there yet.
pub(super) fn named(what: &str) -> Fault {
    Fault::new(Kind::NotImplemented).because(format!("{what} are not available yet"))
}

/// Answers requests for objects other than exports.
///
/// # Errors
/// Always: `kNotImplemented` for what there is, `kInvalidObject` for what there is not.
pub(super) async fn other_object(call: &Call<'_>, object: &str) -> Result<Reply, Fault> {
    if matches!(object, "accounts" | "logs" | "export") {
        return Err(named(&format!("the routes of `{object}`")).at(object));
    }
    let known = match object.parse::<CollectionName>() {
        Ok(name) => {
            call.context.rows().collection(&call.principal.org, &name).await.map_err(waybill_app::Error::from)?
        }
        Err(_) => None,
    };
    match known {
        Some(_) => Err(named(&format!("the records of `{object}`")).at(object)),
        None => Err(Fault::new(Kind::InvalidObject).because(format!("object `{object}` does not exist")).at(object)),
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn what_comes_later_is_refused_by_name() {
        let stage = Stage::new().await;
        insta::assert_snapshot!("login", stage.anonymous("POST", "/demo/v2/accounts/login", "{}").await);
        insta::assert_snapshot!("account", stage.member("GET", "/demo/v2/accounts/me", "").await);
        insta::assert_snapshot!("driver", stage.member("POST", "/demo/v2/export/db/cursor", "{}").await);
        insta::assert_snapshot!("records", stage.member("GET", "/demo/v2/airports", "").await);
        insta::assert_snapshot!("unknown_object", stage.member("GET", "/demo/v2/c_nothing/1", "").await);
    }
}
