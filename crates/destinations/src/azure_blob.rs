//! Containers of Azure Blob Storage: block blobs, through `object_store`.

use crate::connector::Connector;
use crate::parts::{self, PART_BYTES, part_bytes};
use crate::s3::outcome;
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder, split_sas};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, ObjectStore as _, ObjectStoreExt as _, PutOptions, PutPayload, RetryConfig,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{AzureBlobConfig, AzureLogin, DestinationSecrets, Timestamp};
use waybill_ports::{ByteRange, Delivered, Destination, DestinationError, OutgoingHttp, Parcel, Probed, Upload};

const ADVICE: &str = "writing there needs a key or signature of this very account, and the permissions create and write on blobs of the container";

/// A container.
pub(crate) struct AzureBlobDestination {
    config: AzureBlobConfig,
    store: MicrosoftAzure,
    connector: Connector,
    /// The container's URL, without anything secret.
    base: String,
}

/// Where an account is, and what opens it.
struct Account {
    name: String,
    endpoint: String,
    key: Option<String>,
    sas: Option<String>,
}

impl AzureBlobDestination {
    /// # Errors
    /// `Misconfigured`.
    pub(crate) fn open(
        config: AzureBlobConfig,
        secrets: &DestinationSecrets,
        http: Arc<dyn OutgoingHttp>,
    ) -> Result<Self, DestinationError> {
        let secret = |field: &str| secrets.get(field).unwrap_or_default().to_owned();
        let hosted = |name: &str| format!("https://{name}.blob.core.windows.net");
        let account = match &config.login {
            AzureLogin::ConnectionString => from_connection_string(&secret(AzureBlobConfig::CONNECTION_STRING))?,
            AzureLogin::AccountKey { account_name } => Account {
                name: account_name.clone(),
                endpoint: hosted(account_name),
                key: Some(secret(AzureBlobConfig::ACCOUNT_KEY)),
                sas: None,
            },
            AzureLogin::SasToken { account_name } => Account {
                name: account_name.clone(),
                endpoint: hosted(account_name),
                key: None,
                sas: Some(secret(AzureBlobConfig::SAS_TOKEN)),
            },
        };
        let connector = Connector::new(http);
        // Who repeats requests is whoever holds the delivery.
        let once = RetryConfig { max_retries: 0, retry_timeout: Duration::from_mins(1), ..RetryConfig::default() };
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(&account.name)
            .with_container_name(&config.container)
            .with_endpoint(account.endpoint.clone())
            .with_allow_http(account.endpoint.starts_with("http://"))
            .with_http_connector(connector.clone())
            .with_retry(once);
        if let Some(key) = account.key {
            builder = builder.with_access_key(key.trim());
        }
        if let Some(sas) = account.sas {
            let unreadable =
                |_| DestinationError::BadCredentials("the shared access signature cannot be read".to_owned());
            builder = builder.with_sas_authorization(split_sas(sas.trim()).map_err(unreadable)?);
        }
        let store = builder.build().map_err(|_| {
            DestinationError::BadCredentials(
                "the account's key is not Base64, or the account cannot be reached by its name".to_owned(),
            )
        })?;
        let base = format!("{}/{}", account.endpoint, config.container);
        Ok(Self { config, store, connector, base })
    }

    fn blob(&self, name: &str) -> Result<(Path, String), DestinationError> {
        let key = self.config.key(name);
        let path = Path::parse(&key)
            .map_err(|_| DestinationError::Misconfigured(format!("{key} cannot be the name of a blob")))?;
        let place = format!("{}/{key}", self.base);
        Ok((path, place))
    }

    fn failed(&self, place: &str) -> DestinationError {
        self.connector.failure(place, ADVICE).unwrap_or_else(|| {
            DestinationError::Unavailable(format!("what came back from {place} is not Azure Blob Storage"))
        })
    }

    async fn put(&self, path: &Path, place: &str, content_type: &str, body: Bytes) -> Result<(), DestinationError> {
        let content_type = AttributeValue::from(content_type.to_owned());
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let outcome = self.store.put_opts(path, PutPayload::from_bytes(body), options).await;
        outcome.map(|_| ()).map_err(|_| self.failed(place))
    }

    async fn held_bytes(&self, path: &Path) -> Option<u64> {
        let held = self.store.head(path).await.ok().map(|head| head.size);
        // A refusal to look is no failure of the delivery.
        let _ = self.connector.failure("", "");
        held
    }
}

/// `AccountName=…;AccountKey=…;EndpointSuffix=…`, or `BlobEndpoint=…;SharedAccessSignature=…`, in any order.
fn from_connection_string(text: &str) -> Result<Account, DestinationError> {
    let misconfigured = |words: &str| DestinationError::Misconfigured(format!("the connection string {words}"));
    let pairs = text.trim().split(';').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(|| misconfigured("is not made of name=value pairs"))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    let mut pairs: BTreeMap<_, _> = pairs.collect::<Result<_, DestinationError>>()?;
    let (key, sas) = (pairs.remove("accountkey"), pairs.remove("sharedaccesssignature"));
    if key.is_none() && sas.is_none() {
        return Err(misconfigured("holds neither AccountKey nor SharedAccessSignature"));
    }
    let endpoint = pairs.remove("blobendpoint").map(|url| url.trim_end_matches('/').to_owned());
    let name = pairs.remove("accountname").or_else(|| account_of(endpoint.as_deref()?));
    let name = name.ok_or_else(|| misconfigured("names no account"))?;
    let endpoint = endpoint.unwrap_or_else(|| {
        let scheme = pairs.remove("defaultendpointsprotocol").unwrap_or_else(|| "https".to_owned());
        let suffix = pairs.remove("endpointsuffix").unwrap_or_else(|| "core.windows.net".to_owned());
        format!("{scheme}://{name}.blob.{suffix}")
    });
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        return Err(misconfigured("has an endpoint that is no URL"));
    }
    let sas = if key.is_some() { None } else { sas };
    Ok(Account { name, endpoint, key, sas })
}

/// The first part of the host's name.
fn account_of(endpoint: &str) -> Option<String> {
    let host = endpoint.split_once("://")?.1;
    host.split(['.', '/', ':']).next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[async_trait]
impl Destination for AzureBlobDestination {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        self.blob(&parcel.name)?;
        if parcel.size_bytes <= PART_BYTES {
            return Ok(Upload::Single);
        }
        // Blocks belong to the blob's name; the service has no upload to name.
        Ok(Upload::Parts { id: String::new(), part_bytes: part_bytes(parcel.size_bytes), parts: Vec::new() })
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        let (path, place) = self.blob(&parcel.name)?;
        parts::advance(parcel, upload, |index, bytes| {
            let (path, place) = (path.clone(), place.clone());
            async move {
                let sent = self.store.put_part(&path, &String::new(), index, PutPayload::from_bytes(bytes)).await;
                sent.map(|part| part.content_id).map_err(|_| self.failed(&place))
            }
            .boxed()
        })
        .await
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, _now: Timestamp) -> Result<Delivered, DestinationError> {
        let (path, place) = self.blob(&parcel.name)?;
        if let Upload::Parts { parts, .. } = upload {
            let blocks = parts.iter().map(|content_id| PartId { content_id: content_id.clone() }).collect();
            if self.store.complete_multipart(&path, &String::new(), blocks).await.is_err() {
                return Err(self.failed(&place));
            }
        } else {
            let body = parts::read(parcel, ByteRange { start: 0, end: parcel.size_bytes }).await?;
            self.put(&path, &place, &parcel.content_type, body).await?;
        }
        let size_bytes = self.held_bytes(&path).await.unwrap_or(parcel.size_bytes);
        if size_bytes != parcel.size_bytes {
            return Err(DestinationError::Lost(format!("{place} holds {size_bytes} bytes of {}", parcel.size_bytes)));
        }
        Ok(Delivered { destination_path: place, size_bytes })
    }

    /// Blocks that became no blob are removed by the service itself, after a week.
    async fn abort(&self, _parcel: &Parcel, _upload: &Upload) -> Result<(), DestinationError> {
        Ok(())
    }

    async fn probe(&self, _id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        let (path, place) = self.blob(name)?;
        let body = Bytes::from(format!("waybill {now}\n"));
        self.put(&path, &place, "text/plain", body.clone()).await?;
        let read = match self.store.get(&path).await {
            Ok(found) => found.bytes().await.ok(),
            Err(_) => None,
        };
        let removed = self.store.delete(&path).await.is_ok();
        let _ = self.connector.failure("", "");
        match read {
            Some(read) if read != body => {
                Err(DestinationError::Refused(format!("{place} was written, but something else was read back")))
            }
            read => Ok(Probed { words: outcome(&place, read.is_some(), removed) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_read_in_every_form() {
        let forms = [
            (
                "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
                "https://acme.blob.core.windows.net",
            ),
            ("AccountName=acme;AccountKey=a2V5==", "https://acme.blob.core.windows.net"),
            (
                "AccountKey=a2V5==;AccountName=acme;BlobEndpoint=http://127.0.0.1:10000/acme/;",
                "http://127.0.0.1:10000/acme",
            ),
            (
                "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=x%3D",
                "https://acme.blob.core.windows.net",
            ),
        ];
        for (text, endpoint) in forms {
            let account = from_connection_string(text).unwrap();
            assert_eq!((account.name.as_str(), account.endpoint.as_str()), ("acme", endpoint), "{text}");
            assert_eq!(account.key.is_some(), text.contains("AccountKey"));
            assert_eq!(account.key.unwrap_or("a2V5==".to_owned()), "a2V5==");
        }
        for text in ["", "x", "AccountName=acme", "AccountKey=a2V5", "BlobEndpoint=ftp://a;AccountKey=x"] {
            assert!(from_connection_string(text).is_err(), "{text}");
        }
    }
}
