//! Buckets of S3, and of services that speak like it.

use crate::connector::Connector;
use crate::open::OwnCredentials;
use crate::parts::{self, PART_BYTES, part_bytes};
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use futures::FutureExt as _;
use std::sync::Arc;
use waybill_domain::{DestinationSecrets, S3Config, S3Encryption, S3Login, Timestamp};
use waybill_ports::{ByteRange, Delivered, Destination, DestinationError, OutgoingHttp, Parcel, Probed, Upload};

const ADVICE: &str = "writing there needs s3:PutObject and s3:AbortMultipartUpload, and with a KMS key kms:GenerateDataKey and kms:Decrypt";
const ROLE_ADVICE: &str = "its trust policy must let this deployment's delivery role assume it, with this externalId";
/// How long a role is assumed for; longer ones cannot be had from within another role.
const ROLE_SECS: i32 = 3600;

/// A bucket.
pub(crate) struct S3Destination {
    config: S3Config,
    client: Client,
    connector: Connector,
}

impl S3Destination {
    /// # Errors
    /// `Misconfigured`, and whatever keeps a role from being assumed.
    pub(crate) async fn open(
        config: S3Config,
        secrets: &DestinationSecrets,
        http: Arc<dyn OutgoingHttp>,
        own: &OwnCredentials,
    ) -> Result<Self, DestinationError> {
        let connector = Connector::new(http);
        let credentials = match &config.login {
            S3Login::Keys { access_key_id } => {
                let secret = secrets.get(S3Config::SECRET_ACCESS_KEY).unwrap_or_default();
                SharedCredentialsProvider::new(Credentials::from_keys(access_key_id, secret, None))
            }
            S3Login::Role { role_arn, external_id } => {
                let assumed = assume(&config, role_arn, external_id.as_deref(), &connector, own).await?;
                SharedCredentialsProvider::new(assumed)
            }
            S3Login::Deployment => own.provider()?,
        };
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .http_client(connector.clone())
            // Time is limited where requests are sent; who repeats them is whoever holds the delivery.
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .force_path_style(config.force_path_style)
            // Services that only speak like S3 do not know its newer checksums; bodies are signed with their SHA-256.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        builder.set_endpoint_url(config.endpoint.clone());
        Ok(Self { client: Client::from_conf(builder.build()), config, connector })
    }

    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.config.bucket)
    }

    fn failed<E, R>(&self, key: &str, error: &SdkError<E, R>) -> DestinationError {
        let place = self.place(key);
        match self.connector.failure(&place, ADVICE) {
            Some(failure) => failure,
            None if matches!(error, SdkError::ConstructionFailure(_)) => DestinationError::Misconfigured(format!(
                "no request to {place} can be made of bucket, region and endpoint"
            )),
            None => DestinationError::Unavailable(format!("what came back from {place} is not S3")),
        }
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.config.encryption {
            None => (None, None),
            Some(S3Encryption::Aes256) => (Some(ServerSideEncryption::Aes256), None),
            Some(S3Encryption::Kms { key_id }) => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
        }
    }

    async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), DestinationError> {
        let (encryption, kms_key) = self.encryption();
        let request = self.client.put_object().bucket(&self.config.bucket).key(key).content_type(content_type);
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        let outcome = request.body(ByteStream::from(body)).send().await;
        outcome.map(|_| ()).map_err(|error| self.failed(key, &error))
    }

    /// How long the object is; `None` where we may write but not look.
    async fn held_bytes(&self, key: &str) -> Option<u64> {
        let outcome = self.client.head_object().bucket(&self.config.bucket).key(key).send().await;
        let held = outcome.ok().and_then(|head| u64::try_from(head.content_length()?).ok());
        // A refusal to look is no failure of the delivery.
        let _ = self.connector.failure("", "");
        held
    }

    async fn complete(&self, key: &str, id: &str, parts: &[String], size_bytes: u64) -> Result<(), DestinationError> {
        let numbered =
            parts.iter().zip(1..).map(|(tag, number)| CompletedPart::builder().part_number(number).e_tag(tag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(numbered.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.config.bucket).key(key).upload_id(id);
        match request.multipart_upload(parts).send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.failed(key, &error) {
                // An earlier completion whose answer was lost has taken the upload with it.
                lost @ DestinationError::Lost(_) => match self.held_bytes(key).await {
                    Some(held) if held == size_bytes => Ok(()),
                    _ => Err(lost),
                },
                other => Err(other),
            },
        }
    }
}

async fn assume(
    config: &S3Config,
    role_arn: &str,
    external_id: Option<&str>,
    connector: &Connector,
    own: &OwnCredentials,
) -> Result<Credentials, DestinationError> {
    let mut builder = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new(config.region.clone()))
        .credentials_provider(own.provider()?)
        .http_client(connector.clone())
        .timeout_config(TimeoutConfig::disabled())
        .retry_config(RetryConfig::disabled());
    builder.set_endpoint_url(own.sts_endpoint.clone());
    let client = aws_sdk_sts::Client::from_conf(builder.build());
    let request = client.assume_role().role_arn(role_arn).role_session_name("waybill").duration_seconds(ROLE_SECS);
    let unreadable = || DestinationError::Unavailable("what came back from STS cannot be read".to_owned());
    let reply = request
        .set_external_id(external_id.map(str::to_owned))
        .send()
        .await
        .map_err(|_| connector.failure(&format!("the role {role_arn}"), ROLE_ADVICE).unwrap_or_else(unreadable))?;
    let found = reply.credentials().ok_or_else(unreadable)?;
    let token = Some(found.session_token().to_owned());
    Ok(Credentials::from_keys(found.access_key_id(), found.secret_access_key(), token))
}

#[async_trait]
impl Destination for S3Destination {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        if parcel.size_bytes <= PART_BYTES {
            return Ok(Upload::Single);
        }
        let key = self.config.key(&parcel.name);
        let (encryption, kms_key) = self.encryption();
        let request = self.client.create_multipart_upload().bucket(&self.config.bucket).key(&key);
        let request = request.content_type(&parcel.content_type);
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        let reply = request.send().await.map_err(|error| self.failed(&key, &error))?;
        let unreadable =
            || DestinationError::Unavailable(format!("what came back from {} is not S3", self.place(&key)));
        let id = reply.upload_id().ok_or_else(unreadable)?.to_owned();
        Ok(Upload::Parts { id, part_bytes: part_bytes(parcel.size_bytes), parts: Vec::new() })
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        let id = match &upload {
            Upload::Parts { id, .. } => id.clone(),
            _ => return Ok(upload),
        };
        let key = self.config.key(&parcel.name);
        parts::advance(parcel, upload, |index, bytes| {
            let (key, id) = (key.clone(), id.clone());
            async move {
                let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
                let request = self.client.upload_part().bucket(&self.config.bucket).key(&key).upload_id(&id);
                let outcome = request.part_number(number).body(ByteStream::from(bytes)).send().await;
                let reply = outcome.map_err(|error| self.failed(&key, &error))?;
                let unreadable = || DestinationError::Unavailable(format!("{} names no part", self.place(&key)));
                Ok(reply.e_tag().ok_or_else(unreadable)?.to_owned())
            }
            .boxed()
        })
        .await
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, _now: Timestamp) -> Result<Delivered, DestinationError> {
        let key = self.config.key(&parcel.name);
        if let Upload::Parts { id, parts, .. } = upload {
            self.complete(&key, id, parts, parcel.size_bytes).await?;
        } else {
            let body = parts::read(parcel, ByteRange { start: 0, end: parcel.size_bytes }).await?;
            self.put(&key, &parcel.content_type, body).await?;
        }
        let size_bytes = self.held_bytes(&key).await.unwrap_or(parcel.size_bytes);
        if size_bytes != parcel.size_bytes {
            let place = self.place(&key);
            return Err(DestinationError::Lost(format!("{place} holds {size_bytes} bytes of {}", parcel.size_bytes)));
        }
        Ok(Delivered { destination_path: self.place(&key), size_bytes })
    }

    async fn abort(&self, parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError> {
        let Upload::Parts { id, .. } = upload else { return Ok(()) };
        let key = self.config.key(&parcel.name);
        let request = self.client.abort_multipart_upload().bucket(&self.config.bucket).key(&key).upload_id(id);
        match request.send().await.map_err(|error| self.failed(&key, &error)) {
            Ok(_) | Err(DestinationError::Lost(_) | DestinationError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn probe(&self, _id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        let key = self.config.key(name);
        let place = self.place(&key);
        let body = Bytes::from(format!("waybill {now}\n"));
        self.put(&key, "text/plain", body.clone()).await?;
        let got = self.client.get_object().bucket(&self.config.bucket).key(&key).send().await;
        let read = match got {
            Ok(reply) => reply.body.collect().await.ok().map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes),
            Err(_) => None,
        };
        let _ = self.connector.failure("", "");
        let removed = self.client.delete_object().bucket(&self.config.bucket).key(&key).send().await.is_ok();
        let _ = self.connector.failure("", "");
        match read {
            Some(read) if read != body => {
                Err(DestinationError::Refused(format!("{place} was written, but something else was read back")))
            }
            read => Ok(Probed { words: outcome(&place, read.is_some(), removed) }),
        }
    }
}

/// What a probe did, in words; only writing is needed for deliveries.
pub(crate) fn outcome(place: &str, was_read: bool, was_removed: bool) -> String {
    match (was_read, was_removed) {
        (true, true) => format!("wrote, read back and removed {place}"),
        (true, false) => format!("wrote and read back {place}, but may not remove it"),
        (false, true) => format!("wrote and removed {place}, but may not read there, which deliveries do not need"),
        (false, false) => format!("wrote {place}, but may neither read nor remove it; deliveries need neither"),
    }
}
