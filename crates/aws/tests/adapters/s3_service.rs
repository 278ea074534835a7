//! An embedded S3: files, and the errors that the service gives where the files alone give others.

use crate::listener::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Served, bind, connection, serve};
use anyhow::{Result, anyhow};
use async_trait::async_trait;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, dto, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;

/// The bucket that is there.
pub(crate) const BUCKET: &str = "archives";

/// An embedded S3 with a bucket.
pub(crate) struct Buckets {
    pub(crate) client: aws_sdk_s3::Client,
    _served: Served,
    _root: TempDir,
}

/// Starts one.
pub(crate) async fn buckets() -> Result<Buckets> {
    let root = tempfile::tempdir()?;
    let files = FileSystem::new(root.path()).map_err(|error| anyhow!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(Files(files));
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
    let served = serve(bind().await?, builder.build())?;
    let client = connection(&served.url).s3();
    client.create_bucket().bucket(BUCKET).send().await?;
    Ok(Buckets { client, _served: served, _root: root })
}

struct Files(FileSystem);

/// An upload that is gone is "access denied" to the files.
fn lost_upload<T>(outcome: S3Result<T>) -> S3Result<T> {
    outcome.map_err(|error| match error.code() {
        S3ErrorCode::AccessDenied => s3_error!(NoSuchUpload),
        _ => error,
    })
}

macro_rules! delegated {
    ($($name:ident: $input:ident => $output:ident $(, $through:ident)?;)*) => {
        #[async_trait]
        impl S3 for Files {
            $(
                async fn $name(&self, call: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                    let outcome = self.0.$name(call).await;
                    $(let outcome = $through(outcome);)?
                    outcome
                }
            )*

            async fn get_object(
                &self,
                call: S3Request<dto::GetObjectInput>,
            ) -> S3Result<S3Response<dto::GetObjectOutput>> {
                let disposition = call.input.response_content_disposition.clone();
                let cache_control = call.input.response_cache_control.clone();
                let mut reply = self.0.get_object(call).await?;
                reply.output.content_disposition = disposition;
                reply.output.cache_control = cache_control;
                Ok(reply)
            }
        }
    };
}

delegated! {
    create_bucket: CreateBucketInput => CreateBucketOutput;
    put_object: PutObjectInput => PutObjectOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    upload_part: UploadPartInput => UploadPartOutput, lost_upload;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput, lost_upload;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput, lost_upload;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput, lost_upload;
}
