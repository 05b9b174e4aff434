//! Dialling peers, and keeping them.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use spacetime_protocol::wire::DEFAULT_PORT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::tls::{Tls, TlsError};
use super::{Backoff, Event, Hub, Lost, peer};

/// How long connecting may take, names and TLS included, each.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a success.
const LASTED: Duration = Duration::from_secs(30);
/// When a silent connection is first asked for a sign of life by the system,
/// how often after that, and how many may stay unanswered: without, a peer
/// whose machine is gone would be there for ever.
const ALIVE_AFTER: Duration = Duration::from_secs(30);
const ALIVE_EVERY: Duration = Duration::from_secs(10);
const ALIVE_TRIES: u32 = 3;

/// A connection's bytes, with or without TLS.
pub type Stream = Box<dyn Io>;

/// What a connection's bytes are read from and written to.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not HOST:PORT, with an IPv6 address in brackets: {reason}")]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

/// Why a peer cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Its name cannot be resolved.
    #[error("{host} cannot be found: {source}")]
    Name {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No address of it takes connections.
    #[error("{address} does not take connections: {source}")]
    Connect {
        /// The last address that was tried.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// It is not who it should be, or speaks no TLS.
    #[error("no TLS with {address}: {source}")]
    Handshake {
        /// The peer.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Its name fits no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Address {
    /// A host and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// The host; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError { text: text.to_owned(), reason };
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self::new(text, DEFAULT_PORT));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| fail("no `]`"))?;
                host.parse::<Ipv6Addr>().map_err(|_| fail("no IPv6 address in the brackets"))?;
                let port = if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':').ok_or_else(|| fail("no `:` after `]`"))?)
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(fail("no host"));
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| fail("no port from 0 to 65535"))?,
            None => DEFAULT_PORT,
        };
        Ok(Self::new(host, port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Connects with a host: each of its addresses in turn until one takes it.
///
/// # Errors
/// See [`DialError`]; a refusal, a timeout and a failed verification are all
/// errors.
pub async fn connect(
    address: &Address,
    tls: Option<&Tls>,
) -> Result<(Stream, SocketAddr), DialError> {
    open(address, tls).await.map(|opened| (opened.stream, opened.to))
}

/// A connection that we made.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// The other end.
    pub(super) to: SocketAddr,
    /// Our end.
    pub(super) from: SocketAddr,
}

/// As [`connect`].
pub(super) async fn open(address: &Address, tls: Option<&Tls>) -> Result<Opened, DialError> {
    let unknown = |source| DialError::Name { host: address.host.clone(), source };
    let found = timeout(CONNECT, lookup_host((address.host(), address.port))).await;
    let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(unknown)?;
    let mut last = unknown(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    for to in found {
        match timeout(CONNECT, TcpStream::connect(to)).await {
            Ok(Ok(stream)) => return secure(stream, to, address, tls).await,
            Ok(Err(source)) => last = DialError::Connect { address: to, source },
            Err(_) => {
                last = DialError::Connect { address: to, source: io::ErrorKind::TimedOut.into() };
            }
        }
    }
    Err(last)
}

async fn secure(
    stream: TcpStream,
    to: SocketAddr,
    address: &Address,
    tls: Option<&Tls>,
) -> Result<Opened, DialError> {
    prepare(&stream);
    let from = stream.local_addr().map_err(|source| DialError::Connect { address: to, source })?;
    let Some(tls) = tls else { return Ok(Opened { stream: Box::new(stream), to, from }) };
    let name = tls.name_for(address.host())?;
    let secured = timeout(CONNECT, tls.connector().connect(name, stream)).await;
    let secured = secured.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let secured = secured.map_err(|source| DialError::Handshake { address: to, source })?;
    Ok(Opened { stream: Box::new(secured), to, from })
}

/// Small messages at once, and a sign of life from machines that are gone. A
/// system without these works without them.
pub(super) fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let alive = TcpKeepalive::new().with_time(ALIVE_AFTER);
    #[cfg(unix)]
    let alive = alive.with_interval(ALIVE_EVERY).with_retries(ALIVE_TRIES);
    let _ = SockRef::from(stream).set_tcp_keepalive(&alive);
}

/// A peer that is dialled again whenever it is lost.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Whom.
    pub address: Address,
    /// Whether and how its certificate is verified.
    pub tls: Option<Tls>,
    /// How long to wait in between.
    pub backoff: Backoff,
}

/// Keeps a peer until the hub stops.
pub fn keep(hub: &Hub, keep: Keep) {
    if let Ok(ip) = keep.address.host.parse() {
        hub.addresses().keep(SocketAddr::new(ip, keep.address.port), keep.tls.is_some());
    }
    let dialling = dial_again_and_again(hub.clone(), keep);
    hub.spawn(dialling);
}

async fn dial_again_and_again(hub: Hub, keep: Keep) {
    let Keep { address, tls, mut backoff } = keep;
    loop {
        let begun = tokio::time::Instant::now();
        let (reason, lost) = match open(&address, tls.as_ref()).await {
            Ok(opened) => {
                let lost = meet(&hub, opened, &address, tls.is_some(), &mut backoff).await;
                (lost.to_string(), Some(lost))
            }
            Err(error) => (error.to_string(), None),
        };
        if begun.elapsed() >= LASTED {
            backoff.reset();
        }
        // The host's other ports are none of its business.
        let is_its_fault = lost.as_ref().is_some_and(Lost::is_the_peers_fault);
        let retry_in = if is_its_fault { backoff.longest_wait() } else { backoff.next_wait() };
        let seconds = retry_in.as_secs_f32();
        tracing::warn!(peer = %address, reason, "no connection; next try in {seconds:.1} s");
        hub.emit(Event::Unreachable { address: address.clone(), reason, lost, retry_in }).await;
        hub.clock().pass(retry_in).await;
    }
}

/// Talks to a peer until it is lost; how it was.
async fn meet(
    hub: &Hub,
    opened: Opened,
    address: &Address,
    has_tls: bool,
    backoff: &mut Backoff,
) -> Lost {
    let seat = match hub.join(opened.to, Some(opened.from)) {
        Ok(seat) => seat,
        Err(reason) => return Lost::Full(reason),
    };
    hub.addresses().keep(opened.to, has_tls);
    let ended = peer::run(hub.clone(), seat, opened.stream, Some(address.clone())).await;
    if ended.was_of_use && !matches!(ended.lost, Lost::Lie(_) | Lost::Misbehaved(_)) {
        backoff.reset();
    }
    ended.lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for (text, host, port, shown) in [
            ("127.0.0.1:7", "127.0.0.1", 7, "127.0.0.1:7"),
            ("node.example", "node.example", 8333, "node.example:8333"),
            ("[::1]:0", "::1", 0, "[::1]:0"),
            ("[::1]", "::1", 8333, "[::1]:8333"),
            ("fe80::1", "fe80::1", 8333, "[fe80::1]:8333"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
            assert_eq!(address.to_string(), shown);
        }
        for text in
            ["", ":1", "a:", "a:x", "a:65536", "[::1", "[a]:1", "[::1]1", "a b:1", "http://a:1"]
        {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
