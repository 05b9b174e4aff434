//! What the miner tells about itself, as data. `docs/events.md` explains the
//! fields to users of the JSON lines.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use spacetime_protocol::{BlockHash, Challenge, Identity, Leaf, Score, Target};

use super::shadow::{ShadowScan, ShadowTotals};

/// Something that happened, when, and on which challenge or block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Record")]
pub struct Event {
    /// Unix milliseconds.
    pub unix_ms: u64,
    /// The epoch that it belongs to, if to one.
    pub epoch: Option<u64>,
    /// The height of the block that it belongs to, if to one.
    pub height: Option<u64>,
    /// What happened.
    pub detail: Detail,
}

/// The JSON form.
#[derive(Serialize)]
struct Record {
    event: &'static str,
    time: String,
    epoch: Option<u64>,
    height: Option<u64>,
    #[serde(flatten)]
    detail: Detail,
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        Self {
            event: event.detail.name(),
            time: rfc3339(event.unix_ms),
            epoch: event.epoch,
            height: event.height,
            detail: event.detail,
        }
    }
}

/// Unix milliseconds as RFC 3339 in UTC, with milliseconds.
pub fn rfc3339(unix_ms: u64) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    // Years beyond 9999 have no such form; no clock shows them.
    time.ok().and_then(|time| time.format(format).ok()).unwrap_or_default()
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    /// The miner runs.
    Started(Started),
    /// A scan for a challenge begins.
    Challenge(NewChallenge),
    /// A scan has ended; its best leaf.
    Proof(BestLeaf),
    /// A block of ours is complete, valid and under its target.
    Won(Won),
    /// A block or proof was handed to a transport.
    Submitted(Submitted),
    /// A block of ours was taken by the network.
    Accepted(Answered),
    /// A block of ours was not.
    Rejected(Answered),
    /// An accepted block of ours is no longer in the best chain.
    Lost(Replaced),
    /// A lost one is in it again.
    Regained {
        /// Its hash.
        hash: BlockHash,
    },
    /// The best chain has another last block.
    Tip(Tip),
    /// A shadow has dealt with a challenge.
    Shadow(ShadowScan),
    /// Something went wrong; mining goes on where it can.
    Fault(Fault),
    /// A plugin says something.
    Log(PluginLog),
    /// What plugins did so far, now and then.
    Plugins(PluginsUsed),
    /// The miner has stopped.
    Stopped(Stopped),
}

impl Detail {
    /// The value of the field `event`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Challenge(_) => "challenge",
            Self::Proof(_) => "proof",
            Self::Won(_) => "won",
            Self::Submitted(_) => "submitted",
            Self::Accepted(_) => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Lost(_) => "lost",
            Self::Regained { .. } => "regained",
            Self::Tip(_) => "tip",
            Self::Shadow(_) => "shadow",
            Self::Fault(_) => "fault",
            Self::Log(_) => "log",
            Self::Plugins(_) => "plugins",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// What is mined with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Started {
    /// Version of the miner.
    pub version: &'static str,
    /// Id of the network.
    pub network: String,
    /// Who gets the fees.
    pub identity: Identity,
    /// Usable plots.
    pub plots: u64,
    /// Their leaves.
    pub leaves: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The strategy's name; none: the host's own plan, all leaves in order.
    pub strategy: Option<String>,
    /// The engine's name; none: the host's own kernels.
    pub engine: Option<String>,
    /// The kernels that this processor runs.
    pub kernels: &'static str,
    /// The block policy's name; none: blocks carry no transactions.
    pub policy: Option<String>,
    /// Names of the transports.
    pub transports: Vec<String>,
    /// Whether it is in safe mode.
    pub safe_mode: bool,
}

/// A challenge that is scanned for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewChallenge {
    /// What leaves are scored against.
    pub challenge: Challenge,
    /// Hash of the block to build on.
    pub parent: BlockHash,
    /// Difficulty of the block to build; none: unknown.
    pub difficulty: Option<u64>,
    /// A score under this wins a block; none: no block can be won.
    pub block_target: Option<Target>,
    /// A score under this is submitted as a proof; none: proofs are not wanted.
    pub share_target: Option<Target>,
    /// When the scan ends at the latest, RFC 3339; none: with its last leaf.
    pub deadline: Option<String>,
    /// The transport that brought it; none: it follows from the chain.
    pub transport: Option<String>,
    /// Plots that are scanned.
    pub plots: u64,
    /// Leaves in them.
    pub leaves: u64,
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its plans are complete, or its stop rule is fulfilled.
    Complete,
    /// Its time was over.
    Deadline,
    /// A newer challenge took its place.
    Preempted,
    /// The miner is stopping.
    Stopped,
}

/// The best leaf of a scan, and how far the scan came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BestLeaf {
    /// What it was scored against.
    pub challenge: Challenge,
    /// Its score.
    pub score: Score,
    /// The target of the block; none: no block could be won.
    pub block_target: Option<Target>,
    /// Whether it wins the block.
    pub wins: bool,
    /// The plot file that it lies in.
    pub plot: PathBuf,
    /// Its position there.
    pub leaf_index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// Why the scan ended.
    pub ended: Ended,
    /// Leaves scanned, each counted once.
    pub scanned: u64,
    /// Leaves that were scanned again, or may have been: a plan that has leaves
    /// more than once is counted with bounded memory.
    pub again: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// Scanned of owned, 0 to 1.
    pub coverage: f64,
    /// With performance monitoring.
    #[serde(flatten)]
    pub performance: Option<ScanPerformance>,
}

/// How fast a scan was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanPerformance {
    /// From its beginning to its end, milliseconds.
    pub scan_ms: u64,
    /// Bytes of leaves scanned per second.
    pub bytes_per_second: u64,
    /// Per drive, numbered from 0 by the miner.
    pub drives: Vec<DriveCoverage>,
}

/// How much of a drive a scan covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriveCoverage {
    /// The drive's number.
    pub drive: u64,
    /// Leaves scanned.
    pub scanned: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// Leaves that were made again from the key instead of read.
    pub regenerated: u64,
}

/// A block that we won.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Won {
    /// Its hash.
    pub hash: BlockHash,
    /// What it builds on.
    pub parent: BlockHash,
    /// Its difficulty.
    pub difficulty: u64,
    /// The score of its proof.
    pub score: Score,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Their fees.
    pub fees: u64,
    /// Its size.
    pub bytes: u64,
    /// With performance monitoring.
    #[serde(flatten)]
    pub performance: Option<BuildPerformance>,
}

/// How long the stages after a scan took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BuildPerformance {
    /// The Merkle path, milliseconds.
    pub prove_ms: u64,
    /// Choosing, building, signing and checking, milliseconds.
    pub build_ms: u64,
    /// From the moment it could be published to its publication, milliseconds.
    pub late_ms: u64,
}

/// What was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Submittable {
    /// A block.
    Block,
    /// A proof.
    Proof,
}

/// A block or proof on its way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Submitted {
    /// What it is.
    pub what: Submittable,
    /// The block's hash.
    pub hash: Option<BlockHash>,
    /// The score of its proof.
    pub score: Score,
    /// The transport that it was handed to.
    pub transport: String,
    /// How often that transport has been given it before.
    pub attempt: u32,
}

/// The answer to a block of ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// Its hash.
    pub hash: BlockHash,
    /// `accepted`, `rejected`, `stale` or `undelivered`.
    pub verdict: &'static str,
    /// For people; may be empty.
    pub reason: String,
    /// The transport that answered, if one did.
    pub transport: Option<String>,
    /// From its publication to the answer, milliseconds.
    pub answer_ms: u64,
}

/// A block of ours whose place another one has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// Its hash.
    pub hash: BlockHash,
    /// The other one's.
    pub by: BlockHash,
}

/// A new last block of the best chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Who mined it.
    pub miner: Identity,
    /// Whether that is us.
    pub ours: bool,
    /// Its difficulty.
    pub difficulty: u64,
    /// The score of its proof.
    pub score: Score,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The culprit: a plugin's component, a plot's path, a transport.
    pub culprit: String,
    /// What is wrong.
    pub message: String,
    /// What the miner does about it, or what the user can do.
    pub next: String,
    /// How often the same thing was left unsaid since it was last said.
    pub repeated: u64,
    /// More for whoever mends it, such as a panic's backtrace; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Fault {
    /// A fault.
    pub fn new(
        culprit: impl Into<String>,
        message: impl ToString,
        next: impl Into<String>,
    ) -> Self {
        Self {
            culprit: culprit.into(),
            message: message.to_string(),
            next: next.into(),
            repeated: 0,
            detail: String::new(),
        }
    }
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Challenges that were scanned for.
    pub challenges: u64,
    /// Scans that ended with a best leaf.
    pub proofs: u64,
    /// Blocks and proofs handed to transports, repetitions not counted.
    pub submitted: u64,
    /// Blocks of ours that were published.
    pub won: u64,
    /// Those that were accepted.
    pub accepted: u64,
    /// Accepted ones that are in the best chain no longer.
    pub lost: u64,
    /// Those that were not.
    pub rejected: u64,
    /// Faults, repeated ones included.
    pub faults: u64,
    /// Events of transports that this miner does not know.
    pub unknown_events: u64,
}

/// The end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stopped {
    /// Why: `signal`, `blocks`, `time` or `failure`.
    pub reason: &'static str,
    /// Since the start.
    pub seconds: u64,
    /// What was counted.
    #[serde(flatten)]
    pub counters: Counters,
    /// What plugins did.
    pub plugins: Vec<PluginUse>,
    /// Plugins that the manifest lists and that were not loaded.
    pub plugins_not_loaded: u64,
    /// Faults that were left unsaid and are not in any `repeated` yet.
    pub untold: Vec<Untold>,
    /// What the shadows did.
    pub shadows: Vec<ShadowTotals>,
}

/// Faults that were not told, as they came too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Untold {
    /// The culprit, as in [`Fault`].
    pub culprit: String,
    /// What was wrong; where several things were, the last one.
    pub message: String,
    /// How many there were.
    pub times: u64,
}

/// A log line of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginLog {
    /// The component and its plugin.
    pub component: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Where in the plugin's code it comes from.
    pub target: String,
    /// The line.
    pub message: String,
}

/// What plugins did so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PluginsUsed {
    /// Each of their components that is used.
    pub plugins: Vec<PluginUse>,
}

/// What a component did since the start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PluginUse {
    /// The component and its plugin.
    pub component: String,
    /// The name of its instance, which no other one has.
    pub instance: String,
    /// Its faults, untold ones included.
    pub faults: u64,
    /// Its log lines.
    pub log_lines: u64,
    /// Those that were not told, as they came too fast.
    pub log_lines_left_out: u64,
    /// The calls of it, by method.
    pub calls: BTreeMap<&'static str, CallTimes>,
    /// What it counts.
    pub counters: BTreeMap<String, u64>,
}

/// How long calls took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CallTimes {
    /// Calls that returned.
    pub count: u64,
    /// Those that returned an error or panicked.
    pub errors: u64,
    /// Those that the miner gave up, as they did not return in time. One that
    /// returned later is counted among those that returned, too.
    pub given_up: u64,
    /// All together, nanoseconds.
    pub total_ns: u64,
    /// The longest, nanoseconds.
    pub max_ns: u64,
    /// Ninety-nine of a hundred took no longer, nanoseconds.
    pub p99_ns: u64,
}

impl From<spacetime_sdk_loader::CallTimes> for CallTimes {
    fn from(times: spacetime_sdk_loader::CallTimes) -> Self {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            count: times.calls,
            errors: times.errors,
            given_up: times.given_up,
            total_ns: nanos(times.total),
            max_ns: nanos(times.max),
            p99_ns: nanos(times.p99),
        }
    }
}
