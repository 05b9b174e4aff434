//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::dial::{Address, prepare};
use super::{Hub, peer};

/// How long to wait when nothing can be accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// A socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
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
        Ok(Self { socket, address })
    }

    /// Where it listens, its real port included.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until the hub stops.
    pub fn serve(self, hub: &Hub) {
        hub.spawn(accept(self.socket, hub.clone()));
    }
}

async fn accept(socket: TcpListener, hub: Hub) {
    loop {
        match socket.accept().await {
            Ok((stream, address)) => welcome(&hub, stream, address),
            Err(error) => {
                // Out of descriptors, most likely: they come back.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn welcome(hub: &Hub, stream: TcpStream, address: SocketAddr) {
    if hub.is_banned(address.ip()) {
        tracing::debug!(%address, "a banned address is not talked to");
        return;
    }
    match hub.join(address, false) {
        Ok(seat) => {
            prepare(&stream);
            let task = peer::run(hub.clone(), seat, Box::new(stream), None);
            hub.spawn(async move {
                task.await;
            });
        }
        Err(reason) => tracing::warn!(%address, reason, "a connection is refused"),
    }
}
