//! What can be decoded, and the fields of each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use spacetime_protocol::{
    DecodeError,
    block::Block,
    cache::{CacheError, CacheIndex},
    header::BlockHeader,
    plot::{PlotHeader, PlotHeaderError},
    proof::BlockProof,
    transaction::Transaction,
    wire::{self, FrameError, FrameReader, Handshake, Message, PayloadError},
};

use super::fields::Fields;

/// What bytes are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Frame,
    Message,
    Header,
    Block,
    Transaction,
    BlockProof,
    PlotHeader,
    Cache,
}

/// What is said of all byte strings of a stream, or that each says it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    All(Kind),
    Each,
}

/// Why bytes are not what they should be.
pub(super) struct Wrong {
    pub(super) error: String,
    pub(super) offset: usize,
    pub(super) field: &'static str,
}

/// The fields, and how many bytes were read.
type Read = Result<(Fields, usize), Wrong>;

impl Chosen {
    pub(super) fn default(self) -> Option<Kind> {
        match self {
            Self::All(kind) => Some(kind),
            Self::Each => None,
        }
    }
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" { Ok(Self::Each) } else { text.parse().map(Self::All) }
    }
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Frame,
        Self::Message,
        Self::Header,
        Self::Block,
        Self::Transaction,
        Self::BlockProof,
        Self::PlotHeader,
        Self::Cache,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Header => "header",
            Self::Block => "block",
            Self::Transaction => "transaction",
            Self::BlockProof => "block-proof",
            Self::PlotHeader => "plot-header",
            Self::Cache => "cache",
        }
    }

    /// Reads bytes as the network does: what it ignores behind them is, too.
    pub(super) fn decode(self, bytes: &[u8]) -> Read {
        match self {
            Self::Frame => frame(bytes),
            Self::Message => message(bytes),
            Self::Header => {
                let header = BlockHeader::decode(bytes)?;
                Ok((header_fields(&header), BlockHeader::SIZE))
            }
            Self::Block => {
                let (block, used) = Block::decode_prefix(bytes)?;
                Ok((block_fields(&block), used))
            }
            Self::Transaction => {
                let transaction = Transaction::decode(bytes)?;
                Ok((transaction_fields(&transaction), Transaction::SIZE))
            }
            Self::BlockProof => {
                let (proof, used) = BlockProof::decode(bytes)?;
                Ok((proof_fields(&proof), used))
            }
            Self::PlotHeader => plot_header(bytes),
            Self::Cache => cache(bytes),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is none of {names}")
        })
    }
}

impl Wrong {
    fn new(error: impl fmt::Display, offset: usize, field: &'static str) -> Self {
        Self { error: error.to_string(), offset, field }
    }

    /// The same, of a part that begins there.
    fn after(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }
}

impl From<DecodeError> for Wrong {
    fn from(error: DecodeError) -> Self {
        Self { error: error.problem, offset: error.offset, field: error.field }
    }
}

impl From<PayloadError> for Wrong {
    fn from(error: PayloadError) -> Self {
        error.error.into()
    }
}

/// Where a frame's type lies.
const TYPE_OFFSET: usize = 4;

fn frame(bytes: &[u8]) -> Read {
    let mut reader = FrameReader::default();
    reader.push(bytes);
    let frame = reader.next_frame().map_err(|error| match error {
        FrameError::Type(_) => Wrong::new(error, TYPE_OFFSET, "type"),
        _ => Wrong::new(error, 0, "length"),
    })?;
    let Some(frame) = frame else {
        let error = match reader.end() {
            Ok(()) => "there are no bytes".to_owned(),
            Err(error) => error.to_string(),
        };
        let field = match bytes.len() {
            0..TYPE_OFFSET => "length",
            TYPE_OFFSET => "type",
            _ => "payload",
        };
        return Err(Wrong::new(error, bytes.len(), field));
    };
    let size = frame.payload.len() + 1;
    let message = Message::decode(frame.kind, &frame.payload);
    let message = message.map_err(|error| placed(error, frame.kind, TYPE_OFFSET))?;
    Ok((Fields::default().with("length", size).then(message_fields(&message)), TYPE_OFFSET + size))
}

/// What is wrong with a payload, or with the type right before it.
fn placed(error: PayloadError, kind: wire::Kind, type_offset: usize) -> Wrong {
    match kind {
        // It is defined, but for no message: what follows is not looked at.
        wire::Kind::Error => Wrong { offset: type_offset, ..error.into() },
        _ => Wrong::from(error).after(type_offset + 1),
    }
}

/// A frame without its length.
fn message(bytes: &[u8]) -> Read {
    let Some((byte, payload)) = bytes.split_first() else {
        return Err(Wrong::new("there are no bytes", 0, "type"));
    };
    let Some(kind) = wire::Kind::from_byte(*byte) else {
        return Err(Wrong::new(format_args!("{byte:#04x} is no type"), 0, "type"));
    };
    let message = Message::decode_prefix(kind, payload);
    let (message, used) = message.map_err(|error| placed(error, kind, 0))?;
    Ok((message_fields(&message), 1 + used))
}

fn message_fields(message: &Message) -> Fields {
    let kind = message.kind();
    let fields = Fields::default().with("type", format!("{kind:?}")).with("type_byte", kind.byte());
    match message {
        Message::Handshake(Handshake { version, timestamp, node_id, user_agent }) => fields
            .with("protocol_version", *version)
            .with("timestamp", *timestamp)
            .with("node_id", node_id.as_str())
            .with("user_agent", user_agent.as_str()),
        Message::HandshakeAck | Message::Heartbeat => fields,
        Message::Ping(ping) | Message::Pong(ping) => {
            fields.with("nonce", ping.nonce).with("timestamp", ping.timestamp)
        }
        Message::GetPeers { max, exclude } => {
            fields.with("max_count", *max).with("exclude", exclude.clone())
        }
        Message::Peers(peers) => {
            let peer = |peer: &wire::PeerAddress| {
                Fields::default().with("address", peer.address.to_string()).with("port", peer.port)
            };
            fields.with_parts("peers", peers.iter().map(peer).collect())
        }
        Message::GetHeaders { locator, stop, max } => fields
            .with_hex("locator_hash", locator)
            .with("stop_hash", stop.map(|stop| stop.to_string()))
            .with("max_headers", *max),
        Message::Headers(headers) => {
            let headers: Vec<String> = headers.iter().map(const_hex::encode).collect();
            fields.with("headers", headers)
        }
        Message::GetBlock(hash) => fields.with_hex("block_hash", hash),
        Message::Block(block) | Message::NewBlock(block) => fields.with_hex("block_data", block),
        Message::Transaction(transaction) => fields.with_hex("transaction_data", transaction),
        Message::TxPoolRequest { max, include_data } => {
            fields.with("max_transactions", *max).with("include_transaction_data", *include_data)
        }
        Message::ProofSubmission { height, miner, proof } => fields
            .with("block_height", *height)
            .with_hex("miner_id", miner)
            .with_hex("proof_data", proof),
        Message::BlockAccepted { hash, height } => {
            fields.with_hex("block_hash", hash).with("block_height", *height)
        }
    }
}

fn header_fields(header: &BlockHeader) -> Fields {
    Fields::default()
        .with("version", header.version)
        .with_hex("parent_hash", header.parent)
        .with("height", header.height)
        .with("timestamp", header.timestamp)
        .with("difficulty", header.difficulty)
        .with("epoch", header.epoch)
        .with_hex("challenge", header.challenge)
        .with_hex("plot_root", header.plot_root)
        .with_hex("proof_score", header.score)
        .with_hex("tx_root", header.tx_root)
        .with_hex("miner_id", header.miner)
        .with("signature", header.signature.map(|signature| signature.to_string()))
        .with_hex("hash", header.hash())
}

fn transaction_fields(transaction: &Transaction) -> Fields {
    Fields::default()
        .with("version", transaction.version)
        .with_hex("sender", transaction.sender)
        .with_hex("recipient", transaction.recipient)
        .with("amount", transaction.amount)
        .with("nonce", transaction.nonce)
        .with("fee", transaction.fee)
        .with("signature", transaction.signature.map(|signature| signature.to_string()))
        .with_hex("hash", transaction.hash())
}

fn proof_fields(proof: &BlockProof) -> Fields {
    let siblings: Vec<String> = proof.path.siblings.iter().map(ToString::to_string).collect();
    let plot = Fields::default()
        .with("leaf_count", proof.plot.leaf_count)
        .with_hex("plot_id", proof.plot.plot_id)
        .with_hex("plot_header_hash", proof.plot.header_hash)
        .with("version", proof.plot.version);
    Fields::default()
        .with_hex("leaf_value", proof.leaf)
        .with("leaf_index", proof.leaf_index)
        .with("siblings", siblings)
        .with("sibling_is_right", proof.path.sibling_is_right.clone())
        .with_part("plot_metadata", plot)
}

fn block_fields(block: &Block) -> Fields {
    Fields::default()
        .with_part("header", header_fields(&block.header))
        .with_parts("transactions", block.transactions.iter().map(transaction_fields).collect())
        .with_part("proof", proof_fields(&block.proof))
}

fn plot_header(bytes: &[u8]) -> Read {
    let header = PlotHeader::decode(bytes).map_err(|error| {
        let (offset, field) = match error {
            PlotHeaderError::HeaderTooShort { actual } => (actual, "header"),
            PlotHeaderError::BadMagic => (0, "magic"),
            PlotHeaderError::UnsupportedVersion { .. } => (4, "version"),
            PlotHeaderError::BadLeafCount { .. } => (37, "leaf count"),
            PlotHeaderError::BadLeafSize { .. } => (45, "leaf size"),
            PlotHeaderError::ChecksumMismatch => (89, "checksum"),
            // Only a whole file is too short for its leaves.
            PlotHeaderError::Truncated { .. } => (PlotHeader::SIZE, "leaves"),
        };
        Wrong::new(error, offset, field)
    })?;
    let fields = Fields::default()
        .with_hex("plot_seed", header.seed)
        .with("leaf_count", header.leaf_count)
        .with("leaf_size", header.leaf_size)
        .with("tree_height", header.tree_height)
        .with_hex("merkle_root", header.root)
        .with_hex("plot_header_hash", header.hash());
    Ok((fields, PlotHeader::SIZE))
}

fn cache(bytes: &[u8]) -> Read {
    let index = CacheIndex::parse_located(bytes).map_err(|(error, offset)| {
        // It lies within the bytes, and they lie in memory.
        let offset = usize::try_from(offset).unwrap_or(bytes.len());
        Wrong::new(error, offset, cache_field(error))
    })?;
    let level = |(level, nodes, offset): &(u32, u64, u64)| {
        Fields::default()
            .with("level", *level)
            .with("node_count", *nodes)
            .with("nodes_offset", *offset)
    };
    let level_at = |place: Option<&(u32, u64, u64)>| place.map(|(level, ..)| *level);
    let fields = Fields::default()
        .with("tree_height", index.tree_height)
        .with("hash_name", index.hash_name.as_str())
        .with("hash_size", index.hash_size)
        .with("start_level", level_at(index.levels.first()))
        .with("end_level", level_at(index.levels.last()))
        .with_parts("levels", index.levels.iter().map(level).collect());
    Ok((fields, bytes.len()))
}

fn cache_field(error: CacheError) -> &'static str {
    match error {
        CacheError::TooShort | CacheError::BadMagic => "magic",
        CacheError::UnsupportedVersion => "version",
        CacheError::TooShortForHeader | CacheError::TooShortForHeaderTail => "header",
        CacheError::BadTreeHeight => "tree height",
        CacheError::BadNameLength => "hash name's length",
        CacheError::TooShortForName | CacheError::BlankName => "hash name",
        CacheError::BadHashSize => "node size",
        CacheError::BadStartLevel => "start level",
        CacheError::BadEndLevel | CacheError::EndLevelNotBelowHeight => "end level",
        CacheError::LevelCountMismatch => "count of levels",
        CacheError::TooShortForLevelHeader | CacheError::LevelOutOfRange => "level",
        CacheError::BadNodeCount => "count of nodes",
        CacheError::TooShortForNodes => "nodes",
        CacheError::TrailingBytes | CacheError::MissingLevel => "levels",
    }
}
