//! Every message (`wire.md` sections 2 to 9).

use std::net::{IpAddr, SocketAddr};

use super::{Frame, PayloadError, decode, encode};
use crate::{BlockHash, EncodeError, Identity};

/// Headers in one message at most.
pub const MAX_HEADERS: usize = 2000;
/// Peers, or exclusions of peers, in one message at most.
pub(super) const MAX_PEERS: usize = 1000;
/// Bytes of one header at most, as far as this layer goes.
pub(super) const MAX_HEADER_SIZE: usize = 10 << 20;
/// Bytes of a transaction at most, as far as this layer goes.
pub(super) const MAX_TRANSACTION_SIZE: usize = 1 << 20;
/// Bytes of a proof at most.
pub(super) const MAX_PROOF_SIZE: usize = 1 << 20;
/// Bytes of a block at most; with its type such a one is too long for a frame.
pub(super) const MAX_BLOCK_SIZE: usize = 16 << 20;

/// The types of messages, by their byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Who we are.
    Handshake = 0x01,
    /// The answer to it.
    HandshakeAck = 0x02,
    /// Nothing but a sign of life.
    Heartbeat = 0x03,
    /// A question for a sign of life.
    Ping = 0x04,
    /// The answer to it.
    Pong = 0x05,
    /// A question for peers.
    GetPeers = 0x10,
    /// The answer to it, or gossip.
    Peers = 0x11,
    /// A question for headers.
    GetHeaders = 0x20,
    /// The answer to it.
    Headers = 0x21,
    /// A question for a block.
    GetBlock = 0x22,
    /// The answer to it, or a new block.
    Block = 0x23,
    /// A transaction.
    Transaction = 0x30,
    /// A new block.
    NewBlock = 0x31,
    /// A question for pending transactions.
    TxPoolRequest = 0x32,
    /// A proof for the height that is mined on.
    ProofSubmission = 0x40,
    /// A block became the tip.
    BlockAccepted = 0x41,
    /// Defined, never sent, and not decodable.
    Error = 0xFF,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// 1.
    pub version: i32,
    /// The sender's clock, Unix seconds.
    pub timestamp: i64,
    /// Not blank.
    pub node_id: String,
    /// Name and version; not blank.
    pub user_agent: String,
}

/// A ping, or the pong that repeats its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingPong {
    /// The ping's number.
    pub nonce: i64,
    /// The sender's clock, Unix seconds.
    pub timestamp: i64,
}

/// Where a peer listens: 4 or 16 bytes of address, and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress {
    /// Its address; IPv4-mapped ones stay as they are.
    pub address: IpAddr,
    /// Its port; 0 has a wire form.
    pub port: u16,
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self { address: address.ip(), port: address.port() }
    }
}

/// A message. Blocks, headers and transactions are bytes here: their content
/// is not this layer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who we are.
    Handshake(Handshake),
    /// The answer to it.
    HandshakeAck,
    /// Nothing but a sign of life.
    Heartbeat,
    /// A question for a sign of life.
    Ping(PingPong),
    /// The answer to it.
    Pong(PingPong),
    /// A question for peers.
    GetPeers {
        /// 1 ..= 1000.
        max: i32,
        /// `address:port` of those that are known; at most 1000.
        exclude: Vec<String>,
    },
    /// Known peers; at most 1000.
    Peers(Vec<PeerAddress>),
    /// A question for the headers after a block.
    GetHeaders {
        /// The block; zeros for the beginning of the chain.
        locator: BlockHash,
        /// The last header that is wanted.
        stop: Option<BlockHash>,
        /// How many at most; at least 1.
        max: i32,
    },
    /// Serialised headers; at most [`MAX_HEADERS`].
    Headers(Vec<Vec<u8>>),
    /// A question for a block.
    GetBlock(BlockHash),
    /// A serialised block.
    Block(Vec<u8>),
    /// A serialised transaction.
    Transaction(Vec<u8>),
    /// A serialised block that is new.
    NewBlock(Vec<u8>),
    /// A question for pending transactions.
    TxPoolRequest {
        /// How many at most; at least 1.
        max: i32,
        /// Whether whole transactions are wanted.
        include_data: bool,
    },
    /// A proof for the height that is mined on.
    ProofSubmission {
        /// That height.
        height: u64,
        /// Who mines.
        miner: Identity,
        /// The serialised block proof.
        proof: Vec<u8>,
    },
    /// A block became the tip.
    BlockAccepted {
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: u64,
    },
}

impl Kind {
    /// Every type.
    pub const ALL: [Self; 17] = [
        Self::Handshake,
        Self::HandshakeAck,
        Self::Heartbeat,
        Self::Ping,
        Self::Pong,
        Self::GetPeers,
        Self::Peers,
        Self::GetHeaders,
        Self::Headers,
        Self::GetBlock,
        Self::Block,
        Self::Transaction,
        Self::NewBlock,
        Self::TxPoolRequest,
        Self::ProofSubmission,
        Self::BlockAccepted,
        Self::Error,
    ];

    /// The type with this byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    /// Its byte on the wire.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

impl Message {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Handshake(_) => Kind::Handshake,
            Self::HandshakeAck => Kind::HandshakeAck,
            Self::Heartbeat => Kind::Heartbeat,
            Self::Ping(_) => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::GetPeers { .. } => Kind::GetPeers,
            Self::Peers(_) => Kind::Peers,
            Self::GetHeaders { .. } => Kind::GetHeaders,
            Self::Headers(_) => Kind::Headers,
            Self::GetBlock(_) => Kind::GetBlock,
            Self::Block(_) => Kind::Block,
            Self::Transaction(_) => Kind::Transaction,
            Self::NewBlock(_) => Kind::NewBlock,
            Self::TxPoolRequest { .. } => Kind::TxPoolRequest,
            Self::ProofSubmission { .. } => Kind::ProofSubmission,
            Self::BlockAccepted { .. } => Kind::BlockAccepted,
        }
    }

    /// Its payload.
    ///
    /// # Errors
    /// A value that has no wire form.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        encode::payload(self)
    }

    /// The whole frame.
    ///
    /// # Errors
    /// As [`Message::encode`], or a payload that is too long for a frame.
    pub fn to_frame(&self) -> Result<Vec<u8>, EncodeError> {
        Frame { kind: self.kind(), payload: self.encode()? }.to_bytes()
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// See [`PayloadError`].
    pub fn decode(kind: Kind, payload: &[u8]) -> Result<Self, PayloadError> {
        Self::decode_prefix(kind, payload).map(|(message, _)| message)
    }

    /// The same, and how many bytes of the payload it took: of some types, the
    /// rest is ignored.
    ///
    /// # Errors
    /// As [`Message::decode`].
    pub fn decode_prefix(kind: Kind, payload: &[u8]) -> Result<(Self, usize), PayloadError> {
        decode::payload(kind, payload)
    }
}

/// Refuses a number that its field may not say.
pub(super) fn in_range(
    field: &'static str,
    found: u64,
    least: u64,
    most: u64,
) -> Result<(), EncodeError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(EncodeError::OutOfRange { field, found, least, most })
    }
}
