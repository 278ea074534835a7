//! What a stack tells about itself, in memory and in `stack.json`.

use serde::{Deserialize, Serialize};

/// Name of the file in the data folder.
pub(crate) const STACK_FILE: &str = "stack.json";

/// Addresses and working keys of a stack. It holds secrets; `stack.json` has mode 0600.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackInfo {
    /// Address of the HTTP gateway, `http://127.0.0.1:<port>`, without a slash at its end.
    pub url: String,
    /// Code of the demo org.
    pub org: String,
    /// API key of an administrator of the org.
    pub admin_key: String,
    /// API key of a member of the org.
    pub member_key: String,
    /// Key with which orgs are made; another one at every start.
    pub operator_key: String,
    /// Signature pair that acts as an administrator.
    pub signature: SignaturePair,
    /// The embedded AWS services.
    pub aws: AwsInfo,
}

/// A signature pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignaturePair {
    /// The public half, sent with every request.
    pub api_key: String,
    /// The secret half, with which requests are signed.
    pub api_secret: String,
}

/// Endpoints of the embedded services, and what SDK clients need to call them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsInfo {
    /// Endpoint of `DynamoDB`.
    pub dynamodb: String,
    /// Endpoint of S3; path-style addressing.
    pub s3: String,
    /// Endpoint of SQS.
    pub sqs: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Region.
    pub region: String,
}
