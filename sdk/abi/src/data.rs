//! Plain data that crosses the boundary. Layouts are frozen; `reserved` words
//! are zero until a minor version gives them a meaning.

use std::sync::atomic::AtomicBool;

use abi_stable::{
    StableAbi,
    std_types::{ROption, RStr, RString, RVec},
};

use crate::codes::{Builder, FaultCode, StopRule};

/// An error that crosses the boundary.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Fault {
    pub code: FaultCode,
    /// Line in the file that the config came from, counted from 1; 0 = unknown.
    pub line: u32,
    /// Column, counted from 1; 0 = unknown.
    pub column: u32,
    /// One sentence for the user.
    pub message: RString,
    /// The config field at fault (`a.b[2]`), or empty.
    pub field: RString,
    /// More for the log (a backtrace, say), or empty.
    pub detail: RString,
    pub reserved: [u64; 4],
}

/// What a library is told of its host when it is loaded.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct HostInfo<'a> {
    /// The host's version of this interface, `major.minor.patch`.
    pub abi: RStr<'a>,
    /// Bits for what this host fills in of `reserved` words; as in [`OpenArgs`].
    pub features: u64,
    pub reserved: [u64; 8],
}

/// What every factory gets.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct OpenArgs<'a> {
    /// The component's name within the library.
    pub component: RStr<'a>,
    /// The name under which this instance appears in logs and metrics.
    pub instance: RStr<'a>,
    /// The component's config as RON text; `()` when the manifest gives none.
    pub config: RStr<'a>,
    /// Where that text starts in the manifest, lines and columns from 1.
    pub config_line: u32,
    pub config_column: u32,
    /// The RON extensions that the manifest switched on: 1 `unwrap_newtypes`,
    /// 2 `implicit_some`, 4 `unwrap_variant_newtypes`, 8 `explicit_struct_names`.
    pub ron_extensions: u64,
    /// Bits for what this host fills in of `reserved` words, here and elsewhere.
    pub features: u64,
    pub reserved: [u64; 8],
}

/// What a transport gets besides.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct TransportArgs<'a> {
    /// The network, in the JSON form of `spacetime-node genesis --json`.
    pub network: RStr<'a>,
    /// The identity that blocks and proofs will carry.
    pub identity: &'a [u8; 33],
    /// A folder of the host's, existing, for what this component stores.
    pub data_directory: RStr<'a>,
    /// What to call ourselves to peers: name and version of the host.
    pub agent: RStr<'a>,
    /// The manifest's node address and port, empty and 0 if not given; a
    /// transport's own config has priority.
    pub node_address: RStr<'a>,
    pub node_port: u32,
    pub reserved: [u64; 8],
}

/// A challenge to scan for, as strategies see it.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Unique in this run of the host.
    pub id: u64,
    pub challenge: [u8; 32],
    /// A score under this wins a block; zero: no block can be won.
    pub block_target: [u8; 32],
    /// A score under this is worth submitting; zero: only blocks are.
    pub share_target: [u8; 32],
    pub epoch: u64,
    /// Height of the block that a win would make.
    pub height: u64,
    pub stop: StopRule,
    pub builder: Builder,
    /// With [`StopRule::BUDGET`]: leaves to scan, over all plots.
    pub stop_leaves: u64,
    /// Milliseconds since the Unix epoch; 0 = none.
    pub deadline_ms: u64,
    /// Milliseconds since the Unix epoch when the job was made.
    pub started_ms: u64,
    /// The plot set of this job.
    pub plots: u64,
    pub leaves: u64,
    /// For strategies that randomise: the same job gives the same seed.
    pub seed: u64,
    /// Set as soon as the job is over; nothing planned later is used.
    pub cancel: &'a AtomicBool,
    pub reserved: [u64; 16],
}

/// One plot, as strategies see it.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Plot {
    /// The plot's seed.
    pub id: [u8; 32],
    pub leaf_count: u64,
    /// Position in the job's plot set.
    pub index: u64,
    /// The drive it lies on, numbered from 0 by the host.
    pub drive: u64,
    /// Measured reading rate of that drive, leaves per second; 0 = not yet known.
    pub read_rate: u64,
    /// Measured hashing rate of this machine, leaves per second; 0 = not yet known.
    pub scan_rate: u64,
    pub reserved: [u64; 8],
}

/// Leaves `start .. start + len` of a plot.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    pub len: u64,
}

/// A plot's turn in a scan (1.1).
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Position in the list of plots.
    pub plot: u64,
    /// The most leaves of it that are scanned, whatever its plan says.
    pub leaves: u64,
    pub reserved: [u64; 2],
}

/// How a call of `arrange` ended (1.1).
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Whether the strategy chose; if not, all plots are scanned as listed.
    pub chosen: bool,
    /// Turns written to the front of the buffer; the other plots are left out.
    pub written: u64,
    pub reserved: [u64; 4],
}

/// How a call of `plan` ended.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct PlanOutcome {
    /// Spans written to the front of the buffer.
    pub written: u64,
    /// Whether the plan is complete.
    pub done: bool,
    pub reserved: [u64; 2],
}

/// What became of the spans of a plan.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct BatchStats {
    /// Leaves scanned of this plot for this job so far.
    pub leaves: u64,
    pub bytes_read: u64,
    /// Nanoseconds spent reading and hashing them, waiting included.
    pub elapsed_ns: u64,
    /// The best score so far, over all plots of the job; all ones: none yet.
    pub best: [u8; 32],
    pub reserved: [u64; 8],
}

/// The best leaf of a batch.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestLeaf {
    /// Position in the batch, counted in leaves from 0.
    pub index: u64,
    pub score: [u8; 32],
    pub reserved: [u64; 2],
}

/// A challenge that a transport brings ready-made: it builds on the view that
/// the transport's peer has of the chain, not on headers that the host checked.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Challenge {
    /// The transport's own number for it; proofs come back with it.
    pub id: u64,
    pub challenge: [u8; 32],
    /// Hash of the block to build on.
    pub parent: [u8; 32],
    pub epoch: u64,
    pub height: u64,
    /// Difficulty of the block to build; 0 = unknown.
    pub difficulty: u64,
    /// As in [`Job`].
    pub block_target: [u8; 32],
    pub share_target: [u8; 32],
    pub stop: StopRule,
    pub builder: Builder,
    pub stop_leaves: u64,
    pub deadline_ms: u64,
    /// A block may not be published before this, milliseconds; 0 = at once.
    pub publish_at_ms: u64,
    /// Lowest valid timestamp of the block, Unix seconds.
    pub min_timestamp: u64,
    pub reserved: [u64; 16],
}

/// An account's state at a tip.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Account {
    pub identity: [u8; 33],
    pub balance: u64,
    pub nonce: u64,
    pub reserved: [u64; 2],
}

/// A pending transaction, as block policies see it.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Candidate {
    pub hash: [u8; 32],
    pub sender: [u8; 33],
    pub recipient: [u8; 33],
    pub amount: u64,
    pub fee: u64,
    pub nonce: u64,
    /// Bytes that it takes in a block.
    pub size: u64,
    /// The sender's account at the tip that the block builds on.
    pub sender_balance: u64,
    pub sender_nonce: u64,
    pub reserved: [u64; 2],
}

/// The block that a policy chooses for.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct PolicyContext {
    pub parent: [u8; 32],
    pub height: u64,
    pub epoch: u64,
    pub difficulty: u64,
    pub score: [u8; 32],
    /// Who mines the block and gets the fees.
    pub miner: [u8; 33],
    /// The most transactions that the host will put into the block.
    pub max_transactions: u64,
    pub reserved: [u64; 8],
}

/// A policy's answer.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Selection {
    /// Positions in the candidate list, in block order.
    pub candidates: RVec<u32>,
    /// A reason not to publish this block at all.
    pub veto: ROption<RString>,
    pub reserved: [u64; 4],
}

/// A finished proof.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct ProofClaim {
    /// The transport's number for the challenge, 0 for one of the host's own.
    pub challenge_id: u64,
    pub challenge: [u8; 32],
    pub epoch: u64,
    pub height: u64,
    pub score: [u8; 32],
    pub plot_root: [u8; 32],
    pub miner: [u8; 33],
    /// The encoded block proof (`blocks.md` section 5 of the protocol).
    pub proof: RVec<u8>,
    pub reserved: [u64; 16],
}

/// A log line of a plugin.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u32,
    /// The instance it came from; empty when unknown.
    pub instance: RStr<'a>,
    pub target: RStr<'a>,
    /// The message and its fields, formatted.
    pub message: RStr<'a>,
    pub reserved: [u64; 4],
}
