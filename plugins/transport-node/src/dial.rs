//! Connecting to a node: names, addresses, a time limit, and TLS.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::{config::Tls, peer::Peer};

/// What connecting may take, TLS included (`wire.md` section 3).
const CONNECT: Duration = Duration::from_secs(10);
/// A peer whose machine is gone is found out after about twice this.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("cannot connect to {peer} within {} s", CONNECT.as_secs())]
    Timeout { peer: Peer },
    #[error("cannot find the address of {peer}: {source}")]
    Name { peer: Peer, source: io::Error },
    #[error("cannot connect to {peer}: {source}")]
    Connect { peer: Peer, source: io::Error },
    #[error("cannot agree on TLS with {peer}: {source}")]
    Tls { peer: Peer, source: io::Error },
}

/// Connects to nodes.
#[derive(Clone)]
pub(crate) struct Dialler {
    tls: Option<(TlsConnector, Option<ServerName<'static>>)>,
}

impl Dialler {
    /// # Errors
    /// A sentence on what is wrong with the certificates or the name.
    pub(crate) fn new(tls: Option<&Tls>) -> Result<Self, String> {
        let Some(Tls { ca_file, server_name }) = tls else { return Ok(Self { tls: None }) };
        let name = match &**server_name {
            "" => None,
            name => Some(server_name_of(name)?),
        };
        let roots = if ca_file.as_os_str().is_empty() { system_roots()? } else { roots(ca_file)? };
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: Some((TlsConnector::from(Arc::new(config)), name)) })
    }

    /// Connects.
    ///
    /// # Errors
    /// See [`DialError`].
    pub(crate) async fn connect(&self, peer: &Peer) -> Result<Stream, DialError> {
        let late = || DialError::Timeout { peer: peer.clone() };
        timeout(CONNECT, self.connect_patiently(peer)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn connect_patiently(&self, peer: &Peer) -> Result<Stream, DialError> {
        let addresses = lookup_host((peer.host.as_str(), peer.port)).await;
        let addresses: Vec<SocketAddr> =
            addresses.map_err(|source| DialError::Name { peer: peer.clone(), source })?.collect();
        let stream = first_that_answers(&addresses)
            .await
            .map_err(|source| DialError::Connect { peer: peer.clone(), source })?;
        let Some((connector, name)) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let failed = |source| DialError::Tls { peer: peer.clone(), source };
        let name = match name {
            Some(name) => name.clone(),
            None => server_name_of(&peer.host).map_err(io::Error::other).map_err(failed)?,
        };
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// Tries addresses in turn, so that one that leads nowhere leaves time for
/// the others.
async fn first_that_answers(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let share = CONNECT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Frames are whole when they are written.
                stream.set_nodelay(true)?;
                let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
                SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

fn server_name_of(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("{name:?} is no name that a certificate can have"))
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("the system has no certificates to trust: name a ca_file".to_owned());
    }
    Ok(roots)
}

fn roots(file: &std::path::Path) -> Result<RootCertStore, String> {
    let place = file.display();
    let unreadable = |error: &dyn std::fmt::Display| format!("cannot read {place}: {error}");
    let mut roots = RootCertStore::empty();
    for found in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
        let certificate = found.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| format!("{place}: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{place} holds no certificate in PEM form"));
    }
    Ok(roots)
}

/// A connection's bytes.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
