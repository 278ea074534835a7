//! What the product has and this surface does not have yet: refused by name.

use crate::fault::{Fault, Kind};

/// The fault for a part of the product that is not there yet.
pub(super) fn named(what: &str) -> Fault {
    Fault::new(Kind::NotImplemented).because(format!("{what} are not available yet"))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn what_comes_later_is_refused_by_name() {
        let stage = Stage::new().await;
        insta::assert_snapshot!("login", stage.anonymous("POST", "/demo/v2/accounts/login", "{}").await);
    }
}
