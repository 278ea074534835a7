//! S3: `s3s` over plain files, behind a wrapper that adds what the service does and the files do not.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

use super::file_buckets::FileBuckets;
use crate::clients::AwsCredentials;
use crate::listener::{self, Listener};

/// Starts an S3 whose buckets are folders in `root`; only requests signed with `credentials` pass.
pub(crate) async fn start(root: &Path, credentials: &AwsCredentials) -> Result<(Listener, FileBuckets)> {
    std::fs::create_dir_all(root).with_context(|| format!("{} cannot be made", root.display()))?;
    let buckets = FileBuckets::open(root).map_err(|error| anyhow!("{}: {error:?}", root.display()))?;
    let mut builder = S3ServiceBuilder::new(buckets.clone());
    let secret = credentials.secret_access_key.clone();
    builder.set_auth(SimpleAuth::from_single(credentials.access_key_id.clone(), secret));
    let listener = Listener::serve(listener::bind(0).await?, builder.build())?;
    Ok((listener, buckets))
}
