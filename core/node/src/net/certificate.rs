//! Our own certificate: with it, whoever dials us speaks TLS.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// Our own certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads PEM files: a chain of certificates, ours first, and its key, which
    /// nobody but its owner may read.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificates = read_chain(chain)?;
        let secret = read_key(key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, secret)
            .map_err(|source| TlsError::Unfit {
                certificate: chain.to_owned(),
                key: key.to_owned(),
                source,
            })?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |reason: String| TlsError::Certificate { path: path.to_owned(), reason };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(said(error)))?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(said(error)))?;
    if chain.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let failed = |reason: String| TlsError::Key { path: path.to_owned(), reason };
    check_mode(path).map_err(|error| match error {
        Mode::Exposed(mode) => TlsError::KeyExposed { path: path.to_owned(), mode },
        Mode::Unknown(error) => failed(error.to_string()),
    })?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| failed(said(error)))
}

/// What is wrong with a file; nothing of it is quoted.
fn said(error: PemError) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => "it holds none".to_owned(),
        _ => "it is no PEM file".to_owned(),
    }
}

/// What is wrong with who may read a file.
enum Mode {
    Exposed(u32),
    Unknown(std::io::Error),
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), Mode> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).map_err(Mode::Unknown)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Mode::Exposed(mode)) }
}

#[cfg(not(unix))]
fn check_mode(path: &Path) -> Result<(), Mode> {
    fs::metadata(path).map(drop).map_err(Mode::Unknown)
}
