//! How the services are reached: where, as whom, and with how much patience.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Longest wait for a connection.
const CONNECT_SECS: u64 = 3;
/// Longest wait for the answer to one attempt, where an operation does not say otherwise.
const ATTEMPT_SECS: u64 = 10;
/// Longest wait for the answer to one attempt at S3, whose requests carry parts of 8 MiB.
const OBJECT_ATTEMPT_SECS: u64 = 25;
/// Longest wait for such an operation with all its attempts: shorter than the 75 s that a step keeps for its last checkpoint.
const OBJECT_OPERATION_SECS: u64 = 60;
/// Longest wait for an operation with all its attempts, S3 apart: shorter than the 29 s in which an HTTP function answers,
/// and than the 30 s between two renewals of a lease.
const OPERATION_SECS: u64 = 25;
/// Attempts of one operation, the first included.
const ATTEMPTS: u32 = 4;

/// Where the services of an embedded stack listen, each a base URL like `http://127.0.0.1:4566`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `DynamoDB`.
    pub dynamodb: String,
    /// S3; buckets are path segments there.
    pub s3: String,
    /// SQS.
    pub sqs: String,
    /// KMS.
    pub kms: String,
    /// SES.
    pub ses: String,
}

/// Credentials that do not expire, of an embedded stack.
#[derive(Clone, Debug)]
pub struct StaticCredentials {
    /// The id of the access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretString,
}

/// How to reach the services of one region.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The region's name: `eu-central-1`.
    pub region: String,
    /// Where the services listen; `None` for AWS itself.
    pub endpoints: Option<Endpoints>,
    /// Who asks; `None` takes what Lambda puts into the environment.
    pub credentials: Option<StaticCredentials>,
}

/// Fills in the settings that the configurations of all services share.
macro_rules! configured {
    ($sdk:ident, $connection:expr, $timeouts:expr, $endpoint:expr) => {{
        let mut builder = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($connection.region.clone()))
            .credentials_provider($connection.credentials_provider())
            .http_client($connection.http_client())
            .timeout_config($timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        builder.set_endpoint_url($endpoint);
        builder
    }};
}

impl Connection {
    /// A client of `DynamoDB`.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let endpoint = self.endpoints.as_ref().map(|endpoints| endpoints.dynamodb.clone());
        let config = configured!(aws_sdk_dynamodb, self, timeouts(), endpoint).build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// A client of S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
        let endpoint = self.endpoints.as_ref().map(|endpoints| endpoints.s3.clone());
        // Every body is in memory and its SHA-256 is signed, so that a second checksum would protect nothing more.
        let config = configured!(aws_sdk_s3, self, object_timeouts(), endpoint)
            .force_path_style(self.endpoints.is_some())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let endpoint = self.endpoints.as_ref().map(|endpoints| endpoints.sqs.clone());
        aws_sdk_sqs::Client::from_conf(configured!(aws_sdk_sqs, self, timeouts(), endpoint).build())
    }

    /// A client of KMS.
    pub fn kms(&self) -> aws_sdk_kms::Client {
        let endpoint = self.endpoints.as_ref().map(|endpoints| endpoints.kms.clone());
        aws_sdk_kms::Client::from_conf(configured!(aws_sdk_kms, self, timeouts(), endpoint).build())
    }

    /// A client of SES.
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let endpoint = self.endpoints.as_ref().map(|endpoints| endpoints.ses.clone());
        aws_sdk_sesv2::Client::from_conf(configured!(aws_sdk_sesv2, self, timeouts(), endpoint).build())
    }

    /// A client of Secrets Manager, which an embedded stack does not have.
    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let config = configured!(aws_sdk_secretsmanager, self, timeouts(), None).build();
        aws_sdk_secretsmanager::Client::from_conf(config)
    }

    fn credentials_provider(&self) -> SharedCredentialsProvider {
        match &self.credentials {
            Some(fixed) => SharedCredentialsProvider::new(Credentials::from_keys(
                &fixed.access_key_id,
                fixed.secret_access_key.expose_secret(),
                None,
            )),
            None => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
        }
    }

    /// An embedded stack speaks plain HTTP on loopback and needs no root certificates; AWS speaks TLS only. The roots
    /// are read once per process, and every service has its own hosts, so that clients of one's own share no less.
    fn http_client(&self) -> SharedHttpClient {
        let builder = aws_smithy_http_client::Builder::new();
        match &self.endpoints {
            Some(_) => builder.build_http(),
            None => builder.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https(),
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECS))
        .operation_attempt_timeout(Duration::from_secs(ATTEMPT_SECS))
        .operation_timeout(Duration::from_secs(OPERATION_SECS))
        .build()
}

fn object_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECS))
        .operation_attempt_timeout(Duration::from_secs(OBJECT_ATTEMPT_SECS))
        .operation_timeout(Duration::from_secs(OBJECT_OPERATION_SECS))
        .build()
}
