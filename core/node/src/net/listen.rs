//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::dial::{Address, prepare};
use super::member::Seat;
use super::{Certificate, Hub, Stream, peer};

/// How long to wait when nothing can be accepted.
const PAUSE: Duration = Duration::from_secs(1);
/// How long whoever dials us may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl Listener {
    /// Listens on the first of a host's addresses that can be had; port 0 is
    /// any.
    ///
    /// # Errors
    /// The system refuses, or there is no such host.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        let socket = TcpListener::bind((address.host(), address.port())).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, certificate: None })
    }

    /// Speaks TLS, and nothing else, with this certificate.
    #[must_use]
    pub fn with_certificate(self, certificate: Certificate) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Where it listens, its real port included.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until the hub stops.
    pub fn serve(self, hub: &Hub) {
        hub.spawn(accept(self.socket, self.certificate, hub.clone()));
    }
}

async fn accept(socket: TcpListener, certificate: Option<Certificate>, hub: Hub) {
    let tls = certificate.as_ref().map(Certificate::acceptor);
    loop {
        match socket.accept().await {
            Ok((stream, address)) => welcome(&hub, stream, address, tls),
            Err(error) => {
                // Out of descriptors, most likely: they come back.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn welcome(hub: &Hub, stream: TcpStream, address: SocketAddr, tls: Option<&TlsAcceptor>) {
    if hub.is_banned(address.ip()) {
        tracing::debug!(%address, "a banned address is not talked to");
        return;
    }
    match hub.join(address, false) {
        Ok(seat) => {
            prepare(&stream);
            hub.spawn(talk(hub.clone(), seat, stream, tls.cloned()));
        }
        Err(reason) => tracing::warn!(%address, reason, "a connection is refused"),
    }
}

/// Its seat counts from the beginning, so those who never agree on TLS are as
/// bounded as others.
async fn talk(hub: Hub, seat: Seat, stream: TcpStream, tls: Option<TlsAcceptor>) {
    let address = seat.member().address;
    let stream: Stream = match tls {
        None => Box::new(stream),
        Some(tls) => match secure(&hub, stream, &tls).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%address, %error, "no TLS with whoever dialled us");
                return;
            }
        },
    };
    peer::run(hub, seat, stream, None).await;
}

async fn secure(hub: &Hub, stream: TcpStream, tls: &TlsAcceptor) -> io::Result<Stream> {
    tokio::select! {
        accepted = tls.accept(stream) => Ok(Box::new(accepted?)),
        () = hub.clock().pass(HANDSHAKE) => {
            let seconds = HANDSHAKE.as_secs();
            let reason = format!("there was no agreement on it within {seconds} s");
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        }
    }
}
