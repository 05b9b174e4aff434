//! The lines of a record. Fields may be added; those that are there mean for
//! ever what they mean.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use spacetime_protocol::{Challenge, PlotSeed, Score, Target, score::is_under};
use spacetime_sdk::Builder;

use crate::{
    observe::Ended,
    scan::{Noted, ScanJob, ScanSpec, ScenePlot, Stop},
};

/// The format that is written, and the newest one that is read.
pub const FORMAT: u32 = 1;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// Begins a run of the miner, or a file: what holds for the lines after it.
    Run(Run),
    /// The plots of the challenges after it.
    Plots {
        /// Seed, leaves, and drive, as numbered in this run.
        plots: Vec<(PlotSeed, u64, u64)>,
    },
    /// A challenge that was scanned for.
    Challenge(Box<Entry>),
}

/// A run of the miner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The format's number, [`FORMAT`].
    pub record: u32,
    /// Unique for the run.
    pub run: String,
    /// The miner's version.
    pub miner: String,
    /// The network's id.
    pub network: String,
    /// The strategy; none: the host's own plan, all leaves in order.
    pub strategy: Option<StrategyId>,
    /// Hashing workers.
    pub workers: usize,
    /// Plots that are read at once per drive.
    pub readers: usize,
}

/// A strategy of a plugin, with its config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyId {
    /// The component's name.
    pub name: String,
    /// The plugin's id.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The config as the manifest has it, in RON.
    pub config: String,
    /// The RON extensions that the manifest switched on, as `ron`'s bits.
    #[serde(default)]
    pub ron_extensions: u64,
}

/// A list of plots, shared by the challenges that were scanned for with it.
pub type PlotList = Arc<[ScenePlot]>;

/// A challenge that was scanned for, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The scan's number within the run.
    pub job: u64,
    /// Whether the same challenge was scanned for before, with other plots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What leaves are scored against.
    pub challenge: Challenge,
    /// A score under this wins a block; none: no block can be won.
    pub block_target: Option<Target>,
    /// A score under this is submitted as a proof; none: proofs are not wanted.
    pub share_target: Option<Target>,
    /// Difficulty of the block; 0: not known.
    pub difficulty: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Height of the block that a win would make.
    pub height: u64,
    /// When a scan may end early.
    pub stop: StopRule,
    /// Who builds the block: `host`, `transport` or `nobody`.
    pub builder: BuilderName,
    /// When the scan began, Unix ms.
    pub started_ms: u64,
    /// When it had to end at the latest, Unix ms; 0: open.
    pub deadline_ms: u64,
    /// For how long there was time: until the deadline, or until something took
    /// the challenge's place, since the scan began.
    pub open_ms: u64,
    /// What the scan took, microseconds.
    pub took_us: u64,
    /// How it ended.
    pub ended: Ended,
    /// Leaves scanned.
    pub scanned: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// Hashing rate by then, all workers, leaves per second; 0: not known.
    pub scan_rate: u64,
    /// The best leaf; none: none was scanned.
    pub best: Option<Best>,
    /// Whether that wins: see [`ScanSpec::goal`].
    pub wins: bool,
    /// What was planned and read.
    pub noted: Noted,
}

/// A best leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Best {
    /// The plot's position in the list.
    pub plot: usize,
    /// The leaf's in the plot.
    pub leaf_index: u64,
    /// Its score.
    pub score: Score,
}

/// When a scan may end before its plans do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopRule {
    /// Never.
    BestOfAll,
    /// At the first score under this.
    FirstUnder(Target),
    /// After so many leaves.
    Budget(u64),
}

/// Who builds a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuilderName {
    /// The miner.
    Host,
    /// The transport's peer.
    Transport,
    /// Nobody.
    Nobody,
}

impl ScanSpec {
    /// The target that a strategy's wins are counted by: that of whatever is
    /// worth submitting, block or proof. None if every score is, or none.
    pub fn goal(&self) -> Option<Target> {
        let block = self.block_target.filter(|_| self.builder == Builder::Host);
        let share = self.share_target.filter(|target| *target != Target::new([0xFF; 32]));
        block.max(share)
    }
}

impl Entry {
    /// A scan that has ended. `scan_rate`: the machine's by now.
    pub(crate) fn of(job: &ScanJob, ended: Ended, scan_rate: u64) -> Self {
        let (spec, covered) = (job.spec(), job.coverage());
        let best = job.best().map(|found| Best {
            plot: found.plot,
            leaf_index: found.leaf_index,
            score: found.score,
        });
        let goal = spec.goal();
        let took = covered.elapsed;
        let window = match spec.deadline_ms {
            0 => u64::MAX,
            deadline => deadline.saturating_sub(spec.started_ms),
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self {
            job: spec.id,
            again: false,
            challenge: spec.challenge,
            block_target: spec.block_target,
            share_target: spec.share_target,
            difficulty: spec.difficulty,
            epoch: spec.epoch,
            height: spec.height,
            stop: match spec.stop {
                Stop::BestOfAll => StopRule::BestOfAll,
                Stop::FirstUnder(target) => StopRule::FirstUnder(target),
                Stop::Budget(leaves) => StopRule::Budget(leaves),
            },
            builder: match spec.builder {
                Builder::Host => BuilderName::Host,
                Builder::Transport => BuilderName::Transport,
                _ => BuilderName::Nobody,
            },
            started_ms: spec.started_ms,
            deadline_ms: spec.deadline_ms,
            open_ms: if ended == Ended::Complete { window } else { window.min(took_ms.max(1)) },
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            ended,
            scanned: covered.scanned,
            leaves: covered.leaves,
            scan_rate,
            wins: goal.zip(best).is_some_and(|(goal, best)| is_under(&best.score, &goal)),
            best,
            noted: job.noted(),
        }
    }

    /// What it was for.
    pub fn spec(&self) -> ScanSpec {
        ScanSpec {
            id: self.job,
            block_target: self.block_target,
            share_target: self.share_target,
            epoch: self.epoch,
            height: self.height,
            difficulty: self.difficulty,
            stop: match self.stop {
                StopRule::BestOfAll => Stop::BestOfAll,
                StopRule::FirstUnder(target) => Stop::FirstUnder(target),
                StopRule::Budget(leaves) => Stop::Budget(leaves),
            },
            builder: match self.builder {
                BuilderName::Host => Builder::Host,
                BuilderName::Transport => Builder::Transport,
                BuilderName::Nobody => Builder::Nobody,
            },
            deadline_ms: self.deadline_ms,
            started_ms: self.started_ms,
            ..ScanSpec::lone(self.job, self.challenge)
        }
    }

    /// For how long there was time.
    pub fn open(&self) -> Duration {
        Duration::from_millis(self.open_ms)
    }

    /// Whether the time was over before the plans were complete.
    pub fn missed(&self) -> bool {
        matches!(self.ended, Ended::Deadline | Ended::Preempted)
    }
}

/// The plots of a scan, as a record has them.
pub(crate) fn plots(job: &ScanJob) -> PlotList {
    let plots = job.plots().iter().zip(job.drive_numbers());
    plots
        .map(|(plot, drive)| ScenePlot { id: plot.id(), leaf_count: plot.leaf_count(), drive })
        .collect()
}
