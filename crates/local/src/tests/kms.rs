//! KMS: data keys open again only under the context they were made with.

use aws_credential_types::Credentials;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use super::services;
use crate::clients::REGION;
use crate::emulators::kms::key_arn;
use crate::services::Services;

fn client(services: &Services) -> Client {
    let keys = &services.credentials;
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
        .region(aws_sdk_kms::config::Region::from_static(REGION))
        .endpoint_url(&services.endpoints.kms)
        .credentials_provider(Credentials::from_keys(&keys.access_key_id, &keys.secret_access_key, None))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_data_key_opens_under_its_own_context_only() {
    let (services, _folder) = services().await;
    let client = client(&services);
    let made = client
        .generate_data_key()
        .key_id(key_arn())
        .key_spec(DataKeySpec::Aes256)
        .encryption_context("org", "acme")
        .encryption_context("purpose", "signature")
        .send()
        .await
        .unwrap();
    let plain = made.plaintext.unwrap();
    let sealed = made.ciphertext_blob.unwrap();
    assert_eq!(plain.as_ref().len(), 32);
    assert_eq!(made.key_id.unwrap(), key_arn());

    let opened = client
        .decrypt()
        .ciphertext_blob(sealed.clone())
        .encryption_context("purpose", "signature")
        .encryption_context("org", "acme")
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext.unwrap(), plain);

    for (org, blob) in [("other", sealed.clone()), ("acme", Blob::new(vec![1; 60])), ("acme", Blob::new(vec![1]))] {
        let refused = client
            .decrypt()
            .ciphertext_blob(blob)
            .encryption_context("org", org)
            .encryption_context("purpose", "signature")
            .send()
            .await
            .unwrap_err();
        assert!(refused.into_service_error().is_invalid_ciphertext_exception());
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_found() {
    let (services, _folder) = services().await;
    let refused = client(&services).generate_data_key().key_id("other").number_of_bytes(16).send().await.unwrap_err();
    assert!(refused.into_service_error().is_not_found_exception());
}
