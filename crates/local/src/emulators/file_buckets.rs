//! Buckets on plain files with what S3 does and the files alone do not: encryption that is said back, conditional
//! writes that exclude each other, overridden reply headers, the right error for a lost upload, and tidiness.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    PutObjectInput, PutObjectOutput, ServerSideEncryption, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::{Mutex, MutexGuard};

/// How many writes with a condition can go on side by side; those of one key never do.
const LOCKS: usize = 64;

/// Age at which an upload that was never completed is removed, as the bucket's lifecycle says (`infra/data.yaml`).
const INCOMPLETE_UPLOAD_AGE: Duration = Duration::from_hours(24);

/// Prefixes of keys and the age at which their objects expire, as the bucket's lifecycle says (`infra/data.yaml`).
const EXPIRY: [(&str, Duration); 2] =
    [("archives", Duration::from_hours(8 * 24)), ("work", Duration::from_hours(30 * 24))];

/// The buckets of one stack. Clones are the same buckets.
#[derive(Debug, Clone)]
pub(crate) struct FileBuckets {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    files: FileSystem,
    root: PathBuf,
    locks: [Mutex<()>; LOCKS],
}

impl FileBuckets {
    /// Opens the buckets in `root`, which exists.
    pub(crate) fn open(root: &Path) -> Result<Self, s3s_fs::Error> {
        let files = FileSystem::new(root)?;
        let locks = std::array::from_fn(|_| Mutex::new(()));
        Ok(Self { inner: Arc::new(Inner { files, root: root.to_owned(), locks }) })
    }

    /// Removes what the lifecycle of `bucket` lets go at `now`: objects past their age, and uploads that were begun more
    /// than a day ago and never completed.
    pub(crate) async fn apply_lifecycle(&self, bucket: &str, now: SystemTime) -> std::io::Result<()> {
        self.abort_old_uploads(now).await?;
        for (prefix, age) in EXPIRY {
            self.expire_objects(bucket, prefix, age, now).await?;
        }
        Ok(())
    }

    async fn expire_objects(&self, bucket: &str, prefix: &str, age: Duration, now: SystemTime) -> std::io::Result<()> {
        let root = self.inner.root.join(bucket);
        let mut folders = vec![root.join(prefix)];
        while let Some(folder) = folders.pop() {
            let mut entries = match tokio::fs::read_dir(&folder).await {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            while let Some(entry) = entries.next_entry().await? {
                let found = entry.metadata().await?;
                if found.is_dir() {
                    folders.push(entry.path());
                } else if now.duration_since(found.modified()?).is_ok_and(|old| old > age) {
                    tokio::fs::remove_file(entry.path()).await?;
                    if let Some(key) = entry.path().strip_prefix(&root).ok().and_then(Path::to_str) {
                        self.forget(bucket, key).await;
                    }
                }
            }
        }
        Ok(())
    }

    async fn abort_old_uploads(&self, now: SystemTime) -> std::io::Result<()> {
        let mut entries = tokio::fs::read_dir(&self.inner.root).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let of_an_upload = name.to_str().is_some_and(|name| {
                name.starts_with(".upload-") || name.starts_with(".upload_id-") || name.contains(".upload-")
            });
            let modified = entry.metadata().await?.modified()?;
            if of_an_upload && now.duration_since(modified).is_ok_and(|age| age > INCOMPLETE_UPLOAD_AGE) {
                tokio::fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }

    fn files(&self) -> &FileSystem {
        &self.inner.files
    }

    async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % 64).unwrap_or_default();
        self.inner.locks[index].lock().await
    }

    /// Removes what the files keep beside an object, which they leave behind when the object goes.
    async fn forget(&self, bucket: &str, key: &str) {
        let stem = format!(".bucket-{}.object-{}", URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key));
        for kind in ["metadata", "internal"] {
            let _ = tokio::fs::remove_file(self.inner.root.join(format!("{stem}.{kind}.json"))).await;
        }
    }

    async fn bucket_exists(&self, bucket: &str) -> S3Result<()> {
        match tokio::fs::metadata(self.inner.root.join(bucket)).await {
            Ok(found) if found.is_dir() => Ok(()),
            _ => Err(s3_error!(NoSuchBucket)),
        }
    }
}

fn encrypted() -> ServerSideEncryption {
    ServerSideEncryption::from_static(ServerSideEncryption::AES256)
}

/// The files answer "access denied" for an upload that is not there (any more).
fn lost_upload<T>(outcome: S3Result<T>) -> S3Result<T> {
    outcome.map_err(|error| {
        if *error.code() == S3ErrorCode::AccessDenied {
            s3_error!(NoSuchUpload, "The specified multipart upload does not exist.")
        } else {
            error
        }
    })
}

#[async_trait]
impl S3 for FileBuckets {
    async fn create_bucket(&self, call: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files().create_bucket(call).await
    }

    async fn head_bucket(&self, call: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files().head_bucket(call).await
    }

    async fn list_buckets(&self, call: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files().list_buckets(call).await
    }

    async fn list_objects_v2(&self, call: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.files().list_objects_v2(call).await
    }

    async fn put_object(&self, call: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (call.input.bucket.clone(), call.input.key.clone());
        self.bucket_exists(&bucket).await?;
        let encryption = call.input.server_side_encryption.clone().unwrap_or_else(encrypted);
        let key_id = call.input.ssekms_key_id.clone();
        let _alone = self.lock(&bucket, &key).await;
        let mut reply = self.files().put_object(call).await?;
        reply.output.server_side_encryption = Some(encryption);
        reply.output.ssekms_key_id = key_id;
        Ok(reply)
    }

    async fn get_object(&self, call: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.bucket_exists(&call.input.bucket).await?;
        let asked = (
            call.input.response_content_disposition.clone(),
            call.input.response_content_type.clone(),
            call.input.response_cache_control.clone(),
        );
        let mut reply = self.files().get_object(call).await?;
        let output = &mut reply.output;
        output.server_side_encryption = Some(encrypted());
        output.accept_ranges = Some("bytes".to_owned());
        output.content_disposition = asked.0.or_else(|| output.content_disposition.take());
        output.content_type = asked.1.or_else(|| output.content_type.take());
        output.cache_control = asked.2.or_else(|| output.cache_control.take());
        Ok(reply)
    }

    async fn head_object(&self, call: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let mut reply = self.files().head_object(call).await?;
        reply.output.server_side_encryption = Some(encrypted());
        reply.output.accept_ranges = Some("bytes".to_owned());
        Ok(reply)
    }

    async fn copy_object(&self, call: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let _alone = self.lock(&call.input.bucket.clone(), &call.input.key.clone()).await;
        let mut reply = self.files().copy_object(call).await?;
        reply.output.server_side_encryption = Some(encrypted());
        Ok(reply)
    }

    async fn delete_object(&self, call: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let (bucket, key) = (call.input.bucket.clone(), call.input.key.clone());
        let _alone = self.lock(&bucket, &key).await;
        let reply = self.files().delete_object(call).await?;
        self.forget(&bucket, &key).await;
        Ok(reply)
    }

    async fn delete_objects(&self, call: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let bucket = call.input.bucket.clone();
        self.bucket_exists(&bucket).await?;
        let quiet = call.input.delete.quiet.unwrap_or(false);
        let keys: Vec<String> = call.input.delete.objects.iter().map(|object| object.key.clone()).collect();
        let mut reply = self.files().delete_objects(call).await?;
        for key in &keys {
            self.forget(&bucket, key).await;
        }
        if quiet {
            reply.output.deleted = None;
        }
        Ok(reply)
    }

    async fn create_multipart_upload(
        &self,
        call: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.bucket_exists(&call.input.bucket).await?;
        let encryption = call.input.server_side_encryption.clone().unwrap_or_else(encrypted);
        let key_id = call.input.ssekms_key_id.clone();
        let mut reply = self.files().create_multipart_upload(call).await?;
        reply.output.server_side_encryption = Some(encryption);
        reply.output.ssekms_key_id = key_id;
        Ok(reply)
    }

    async fn upload_part(&self, call: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let mut reply = lost_upload(self.files().upload_part(call).await)?;
        reply.output.server_side_encryption = Some(encrypted());
        Ok(reply)
    }

    async fn upload_part_copy(
        &self,
        call: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let mut reply = lost_upload(self.files().upload_part_copy(call).await)?;
        reply.output.server_side_encryption = Some(encrypted());
        Ok(reply)
    }

    async fn list_parts(&self, call: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.files().list_parts(call).await
    }

    async fn complete_multipart_upload(
        &self,
        call: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (bucket, key) = (call.input.bucket.clone(), call.input.key.clone());
        let _alone = self.lock(&bucket, &key).await;
        let mut reply = lost_upload(self.files().complete_multipart_upload(call).await)?;
        reply.output.server_side_encryption = Some(encrypted());
        Ok(reply)
    }

    async fn abort_multipart_upload(
        &self,
        call: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        lost_upload(self.files().abort_multipart_upload(call).await)
    }
}
