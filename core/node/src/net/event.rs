//! What a hub tells its owner.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use spacetime_protocol::wire::{End, Lie};
use spacetime_protocol::{BlockHash, TxHash};

use super::Address;

/// A connection; never that of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u64);

impl PeerId {
    pub(super) fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The connection.
    pub id: PeerId,
    /// The other end.
    pub address: SocketAddr,
    /// Whether we dialled it.
    pub dialled: bool,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection is open.
    Connected {
        /// The connection.
        peer: PeerId,
        /// The other end.
        address: SocketAddr,
        /// What was dialled; `None`: the peer dialled us.
        dialled: Option<Address>,
    },
    /// A peer that is kept could not be reached.
    Unreachable {
        /// What was dialled.
        address: Address,
        /// Why.
        reason: String,
        /// How the connection ended; `None`: there was none.
        lost: Option<Lost>,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The peer has no block that we lack.
    Synced {
        /// The peer.
        peer: PeerId,
    },
    /// The peer lacks more blocks of our chain than it can be sent unasked,
    /// and asks for none.
    LeftBehind {
        /// The peer.
        peer: PeerId,
        /// How many blocks.
        missing: u64,
    },
    /// The peer said what cannot be true.
    Lie {
        /// The peer.
        peer: PeerId,
        /// The other end.
        address: SocketAddr,
        /// What.
        reason: String,
    },
    /// The peer says that a block became its tip. Our own chain has taken it
    /// if it is one of ours.
    BlockAccepted {
        /// The peer.
        peer: PeerId,
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: u64,
    },
    /// A transaction of the peer's was taken into the pool.
    TransactionTaken {
        /// The peer.
        peer: PeerId,
        /// The transaction.
        hash: TxHash,
    },
    /// A connection is closed.
    Lost {
        /// The connection.
        peer: PeerId,
        /// The other end.
        address: SocketAddr,
        /// Why.
        reason: Lost,
    },
}

impl Lost {
    /// Whether the peer did what nobody honest does.
    pub fn is_the_peers_fault(&self) -> bool {
        match self {
            Self::Lie(lie) => is_false(lie),
            Self::Misbehaved(_) | Self::End(End::Payloads(_)) => true,
            _ => false,
        }
    }
}

/// Whether this cannot be true, rather than only not be followed.
pub(super) fn is_false(lie: &Lie) -> bool {
    use Lie::{NoAnswer, OtherBlock, OtherNetwork, TooDeep};
    !matches!(lie, NoAnswer { .. } | OtherBlock { .. } | OtherNetwork { .. } | TooDeep { .. })
}

/// Why a connection was closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// By the peer, or for what it sent.
    #[error("{0}")]
    End(#[from] End),
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Socket(String),
    /// The peer's chain cannot be true, or cannot be followed.
    #[error("{0}")]
    Lie(#[from] Lie),
    /// The peer misbehaved otherwise.
    #[error("{0}")]
    Misbehaved(String),
    /// The peer is this very node.
    #[error("it is this node itself")]
    Ourselves,
    /// The hub stops.
    #[error("this node stops")]
    Stopped,
    /// Too many connections.
    #[error("{0}")]
    Full(&'static str),
}
