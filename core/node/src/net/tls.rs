//! TLS for dialled peers, with the certificate verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file with the authorities' certificates cannot be read.
    #[error("cannot read the certificates in {}: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file with our own certificate cannot be used.
    #[error("cannot read a certificate in {}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file with our certificate's key cannot be used.
    #[error("cannot read a certificate's key in {}: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Others may read that file.
    #[error(
        "the key file {} can be used by others (mode {mode:03o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A certificate and a key that do not belong together, or are of a kind
    /// that is not known.
    #[error(
        "the certificate in {} and the key in {} cannot be used together: {source}",
        certificate.display(), key.display()
    )]
    Unfit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The system has no certificates to verify with.
    #[error("the system has no root certificates: {0}; name a file with an authority's")]
    NoRoots(String),
    /// A name that no certificate can be for.
    #[error("`{name}` cannot be a server's name: {source}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        source: InvalidDnsNameError,
    },
    /// The library refuses its configuration.
    #[error("TLS cannot be configured: {0}")]
    Library(#[from] rustls::Error),
}

/// How a peer is dialled with TLS.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tls {
    /// Trusts the authorities of a PEM file, or else the system's. The
    /// certificate must be for `name`, or else for the host that is dialled.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(authorities: Option<&Path>, name: Option<&str>) -> Result<Self, TlsError> {
        let roots = match authorities {
            Some(path) => roots_of(path)?,
            None => system_roots()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = name.map(server_name).transpose()?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub(super) fn connector(&self) -> &TlsConnector {
        &self.connector
    }

    /// What the certificate of a host must be for.
    pub(super) fn name_for(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        self.name.clone().map_or_else(|| server_name(host), Ok)
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned())
        .map_err(|source| TlsError::Name { name: name.to_owned(), source })
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let failed = |reason: String| TlsError::Authorities { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems keep certificates that the library does not read.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reason = if reasons.is_empty() { "none found".to_owned() } else { reasons.join("; ") };
        return Err(TlsError::NoRoots(reason));
    }
    Ok(roots)
}
