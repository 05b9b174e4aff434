//! What a hub does beside following its peers.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Clock, Event};

/// What a hub does beside following its peers.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and version, for handshakes.
    pub user_agent: String,
    /// Whether every new tip is told to every peer.
    pub announces: bool,
    /// Whether questions for headers, blocks, transactions and peers are
    /// answered.
    pub serves: bool,
    /// Whether what one peer sends is passed on to the others.
    pub relays: bool,
    /// Whether a peer whose chain is left behind ours is sent what it lacks.
    pub helps: bool,
    /// Whether peers on this machine are exempt from limits, from being
    /// disconnected for what they send, and from bans. Peers that were dialled
    /// are disconnected all the same.
    pub forgives_loopback: bool,
    /// Connections at most, both ways together.
    pub max_connections: usize,
    /// Connections from one address at most, as far as it is not exempt.
    pub max_per_address: usize,
    /// How long a peer's socket may take nothing before it is given up.
    pub stuck_after: Duration,
    /// Whether peers that others told of are dialled while there are few.
    pub discovers: bool,
    /// The file that known peers are kept in.
    pub addresses: Option<PathBuf>,
    /// What the time is.
    pub clock: Clock,
    /// Who is told what happens; must be read from.
    pub events: Option<mpsc::Sender<Event>>,
}

impl Options {
    /// What `spacetime-node` does.
    pub fn node() -> Self {
        Self {
            user_agent: concat!("spacetime-node/", env!("CARGO_PKG_VERSION")).to_owned(),
            announces: true,
            serves: true,
            relays: true,
            helps: false,
            forgives_loopback: true,
            max_connections: 50,
            max_per_address: 8,
            stuck_after: Duration::from_secs(30),
            discovers: true,
            addresses: None,
            clock: Clock::system(),
            events: None,
        }
    }

    /// What a miner does: it follows, sends its own blocks, and has its chain
    /// for nodes that have lost theirs; otherwise it is nobody's node.
    pub fn miner(user_agent: impl Into<String>, events: mpsc::Sender<Event>) -> Self {
        Self {
            user_agent: user_agent.into(),
            announces: false,
            relays: false,
            helps: true,
            discovers: false,
            forgives_loopback: false,
            events: Some(events),
            ..Self::node()
        }
    }
}
