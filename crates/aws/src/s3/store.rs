//! The store of objects in one bucket.

use super::disposition::{attachment, copy_source};
use crate::errors::{has_code, not_built, port_error, rejected};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier, ServerSideEncryption};
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use std::time::Duration;
use waybill_ports::{
    ArchiveStore, ByteRange, Download, ObjectHead, ObjectMetadata, PartTag, PortError, PortErrorKind, UploadId,
    UploadLink,
};

/// Longest wait for one attempt at what the service does with many bytes of its own: copying and completing.
const SLOW_ATTEMPT_SECS: u64 = 180;
/// Longest wait for such an operation with all its attempts.
const SLOW_OPERATION_SECS: u64 = 400;
/// Objects up to this size cannot be copied by range: 5 MB, as the service says, or 5 MiB, as it may mean.
const NO_RANGE_BYTES: u64 = 5 << 20;
/// User metadata: SHA-256 of the whole object, hex.
const SHA256: &str = "sha256";
/// Longest life of a link.
const MOST_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Most bytes that one `PUT` takes.
const MOST_UPLOAD_BYTES: u64 = 5 << 30;
/// Most keys of one listing or removal.
const MOST_KEYS: i32 = 1000;

/// How objects are encrypted at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket says, which encrypts by default whatever it says.
    BucketDefault,
    /// With keys of S3 (`AES256`).
    S3Managed,
    /// With a key of KMS (`aws:kms`), through a bucket key.
    Kms {
        /// Its id or ARN.
        key_id: String,
    },
}

impl Encryption {
    fn algorithm(&self) -> Option<ServerSideEncryption> {
        match self {
            Self::BucketDefault => None,
            Self::S3Managed => Some(ServerSideEncryption::Aes256),
            Self::Kms { .. } => Some(ServerSideEncryption::AwsKms),
        }
    }

    fn key_id(&self) -> Option<String> {
        match self {
            Self::BucketDefault | Self::S3Managed => None,
            Self::Kms { key_id } => Some(key_id.clone()),
        }
    }

    fn bucket_key(&self) -> Option<bool> {
        matches!(self, Self::Kms { .. }).then_some(true)
    }
}

/// Keeps objects in one bucket.
#[derive(Clone, Debug)]
pub struct S3ArchiveStore {
    client: Client,
    bucket: String,
    encryption: Encryption,
}

impl S3ArchiveStore {
    /// Objects of this bucket; new ones are encrypted so.
    pub fn new(client: Client, bucket: impl Into<String>, encryption: Encryption) -> Self {
        Self { client, bucket: bucket.into(), encryption }
    }
}

fn slow() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(SLOW_ATTEMPT_SECS))
        .operation_timeout(Duration::from_secs(SLOW_OPERATION_SECS))
        .build();
    aws_sdk_s3::Config::builder().timeout_config(timeouts)
}

fn part_number(number: u32, during: &'static str) -> Result<i32, PortError> {
    i32::try_from(number)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| rejected("part numbers are 1 to 10000", during))
}

fn tag(tag: Option<String>, during: &'static str) -> Result<PartTag, PortError> {
    tag.map(PartTag).ok_or_else(|| PortError::new(PortErrorKind::Unavailable, during))
}

fn signing(lifetime: Duration, during: &'static str) -> Result<PresigningConfig, PortError> {
    if lifetime.is_zero() || lifetime > MOST_LIFETIME {
        return Err(rejected("a link lives from one second to seven days", during));
    }
    PresigningConfig::expires_in(lifetime).map_err(|error| {
        PortError::caused_by(PortErrorKind::Rejected { reason: "no such lifetime".into() }, during, error)
    })
}

/// The last byte of a range, as the service counts.
fn last_byte(range: ByteRange, during: &'static str) -> Result<u64, PortError> {
    let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
    last.ok_or_else(|| rejected("an empty range", during))
}

impl S3ArchiveStore {
    /// The bytes of an object, or of a range of it; `None` when there is no object.
    async fn fetch(&self, key: &str, range: Option<String>, during: &'static str) -> Result<Option<Bytes>, PortError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_range(range);
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error(during, &error)),
        };
        let body = reply.body.collect().await;
        let body = body.map_err(|error| PortError::caused_by(PortErrorKind::Unavailable, during, error))?;
        Ok(Some(body.into_bytes()))
    }
}

#[async_trait]
impl ArchiveStore for S3ArchiveStore {
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError> {
        const DURING: &str = "writing an object";
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .if_none_match("*")
            .content_type(&metadata.content_type)
            .set_metadata(metadata.sha256.clone().map(|sha256| [(SHA256.to_owned(), sha256)].into()))
            .set_server_side_encryption(self.encryption.algorithm())
            .set_ssekms_key_id(self.encryption.key_id())
            .set_bucket_key_enabled(self.encryption.bucket_key())
            .body(ByteStream::from(body));
        request.send().await.map(drop).map_err(|error| port_error(DURING, &error))
    }

    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError> {
        const DURING: &str = "beginning an upload";
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .content_type(&metadata.content_type)
            .set_metadata(metadata.sha256.clone().map(|sha256| [(SHA256.to_owned(), sha256)].into()))
            .set_server_side_encryption(self.encryption.algorithm())
            .set_ssekms_key_id(self.encryption.key_id())
            .set_bucket_key_enabled(self.encryption.bucket_key());
        let reply = request.send().await.map_err(|error| port_error(DURING, &error))?;
        reply.upload_id.map(UploadId).ok_or_else(|| PortError::new(PortErrorKind::Unavailable, DURING))
    }

    async fn upload_part(&self, key: &str, upload: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        const DURING: &str = "sending a part";
        let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&upload.0);
        let request = request.part_number(part_number(number, DURING)?).body(ByteStream::from(body));
        tag(request.send().await.map_err(|error| port_error(DURING, &error))?.e_tag, DURING)
    }

    async fn copy_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        source: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError> {
        const DURING: &str = "copying a part";
        let last = last_byte(range, DURING)?;
        let request = self.client.upload_part_copy().bucket(&self.bucket).key(key).upload_id(&upload.0);
        // A small object is copied whole or not at all.
        let small = range.start == 0 && range.end <= NO_RANGE_BYTES;
        let whole = small && self.head(source).await?.is_some_and(|head| head.size_bytes == range.end);
        let request = request
            .part_number(part_number(number, DURING)?)
            .copy_source(copy_source(&self.bucket, source))
            .set_copy_source_range((!whole).then(|| format!("bytes={}-{last}", range.start)));
        let reply = request.customize().config_override(slow()).send().await;
        let reply = reply.map_err(|error| port_error(DURING, &error))?;
        tag(reply.copy_part_result.and_then(|result| result.e_tag), DURING)
    }

    async fn complete_upload(&self, key: &str, upload: &UploadId, parts: &[PartTag]) -> Result<(), PortError> {
        const DURING: &str = "completing an upload";
        let numbered = (1_i32..).zip(parts);
        let parts = numbered.map(|(number, tag)| CompletedPart::builder().part_number(number).e_tag(&tag.0).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(&upload.0);
        let request = request.if_none_match("*").multipart_upload(parts);
        let reply = request.customize().config_override(slow()).send().await;
        reply.map(drop).map_err(|error| port_error(DURING, &error))
    }

    async fn abort_upload(&self, key: &str, upload: &UploadId) -> Result<(), PortError> {
        const DURING: &str = "giving an upload up";
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(&upload.0);
        match request.send().await {
            Err(error) if !has_code(&error, &["NoSuchUpload"]) => Err(port_error(DURING, &error)),
            _ => Ok(()),
        }
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError> {
        const DURING: &str = "looking at an object";
        let reply = match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(reply) => reply,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_s3::operation::head_object::HeadObjectError::is_not_found) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error(DURING, &error)),
        };
        let size = reply.content_length.and_then(|length| u64::try_from(length).ok());
        let size_bytes = size.ok_or_else(|| PortError::new(PortErrorKind::Unavailable, DURING))?;
        let sha256 = reply.metadata.and_then(|mut metadata| metadata.remove(SHA256));
        let metadata = ObjectMetadata { content_type: reply.content_type.unwrap_or_default(), sha256 };
        Ok(Some(ObjectHead { size_bytes, metadata }))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        self.fetch(key, None, "reading an object").await
    }

    async fn read(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>, PortError> {
        const DURING: &str = "reading a part of an object";
        let last = last_byte(range, DURING)?;
        let read = self.fetch(key, Some(format!("bytes={}-{last}", range.start)), DURING).await?;
        match read {
            // S3 gives less where the object ends within the range.
            Some(bytes) if u64::try_from(bytes.len()).ok() != Some(range.end - range.start) => {
                Err(rejected("a range that ends behind the object", DURING))
            }
            read => Ok(read),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        const DURING: &str = "listing objects";
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(MOST_KEYS);
        let reply = request.send().await.map_err(|error| port_error(DURING, &error))?;
        Ok(reply.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        const DURING: &str = "removing objects";
        if keys.is_empty() {
            return Ok(());
        }
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let objects = objects.collect::<Result<Vec<_>, _>>().map_err(not_built(DURING))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(not_built(DURING))?;
        let reply = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
        let reply = reply.map_err(|error| port_error(DURING, &error))?;
        match reply.errors().iter().find(|error| error.code() != Some("NoSuchKey")) {
            Some(left) => Err(PortError::new(crate::errors::kind_of(500, left.code().unwrap_or(""), None), DURING)),
            None => Ok(()),
        }
    }

    async fn presign(
        &self,
        key: &str,
        lifetime: Duration,
        filename: &str,
        content_type: &str,
    ) -> Result<Download, PortError> {
        const DURING: &str = "making a link";
        let signing = signing(lifetime, DURING)?;
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_disposition(attachment(filename))
            .response_content_type(content_type)
            .response_cache_control("no-store");
        let link = request.presigned(signing).await.map_err(|error| port_error(DURING, &error))?;
        Ok(Download { url: link.uri().to_owned() })
    }

    async fn presign_upload(
        &self,
        key: &str,
        lifetime: Duration,
        content_type: &str,
        size_bytes: u64,
    ) -> Result<UploadLink, PortError> {
        const DURING: &str = "making a link for an upload";
        let signing = signing(lifetime, DURING)?;
        let length = i64::try_from(size_bytes).ok().filter(|_| size_bytes <= MOST_UPLOAD_BYTES);
        let length = length.ok_or_else(|| rejected("an upload of more than 5 GiB", DURING))?;
        // What is signed must be sent: so neither the length nor the type nor the condition is left to whoever uploads.
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .content_length(length)
            .if_none_match("*");
        let link = request.presigned(signing).await.map_err(|error| port_error(DURING, &error))?;
        let headers = link.headers().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Ok(UploadLink { url: link.uri().to_owned(), headers })
    }
}
