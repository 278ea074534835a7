//! TLS with the certificate of the host that was named.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::target::Host;

/// Whom to trust.
#[derive(Clone)]
pub(crate) struct Roots {
    /// Certificates to trust instead of the system's.
    given: Option<Vec<CertificateDer<'static>>>,
    /// Made at the first need: the system's certificates are many.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Roots {
    pub(crate) fn system() -> Self {
        Self { given: None, config: Arc::default() }
    }

    pub(crate) fn given(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self { given: Some(certificates), config: Arc::default() }
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(config(self.given.clone().unwrap_or_else(system_roots)).map_err(io::Error::other)?);
        Ok(self.config.get_or_init(|| config).clone())
    }

    /// The handshake, for the host as it was named.
    pub(crate) async fn connect<S>(&self, host: &Host, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
        };
        TlsConnector::from(self.config()?).connect(name, socket).await
    }
}

fn system_roots() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "root certificates that cannot be read");
    }
    found.certs
}

fn config(certificates: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
