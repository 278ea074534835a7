//! Writes the `OpenAPI` document of this surface to where it is checked in.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/openapi/rebilly.json");
    std::fs::write(path, rebilly_api::openapi()?).with_context(|| format!("writing {path}"))
}
