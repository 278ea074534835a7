//! As whom and how the stack itself calls its services.

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use std::time::Duration;

/// The region that every embedded service answers for.
pub(crate) const REGION: &str = "us-east-1";

/// The account that every embedded resource belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The pair with which SDK clients sign.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AwsCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl AwsCredentials {
    fn provider(&self) -> Credentials {
        Credentials::from_keys(&self.access_key_id, &self.secret_access_key, None)
    }
}

/// A client of the SQS at `endpoint`, patient enough for a long poll.
pub(crate) fn sqs(endpoint: &str, credentials: &AwsCredentials) -> aws_sdk_sqs::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(40)).build();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials.provider())
        .timeout_config(timeouts)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
