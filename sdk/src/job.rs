//! What a scan is for: jobs, plots and when to stop, as authors see them.

use std::time::{Duration, SystemTime};

use spacetime_protocol::{Challenge, PlotSeed, Score, Target};
use spacetime_sdk_abi::{self as abi, features};

/// A challenge to scan for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Unique in this run of the host.
    pub id: u64,
    /// What the leaves are scored against.
    pub challenge: Challenge,
    /// A score under this wins a block; `None`: no block can be won.
    pub block_target: Option<Target>,
    /// A score under this is worth submitting; `None`: only blocks are.
    pub share_target: Option<Target>,
    /// The epoch of the challenge.
    pub epoch: u64,
    /// Height of the block that a win would make.
    pub height: u64,
    /// When the scan may end early.
    pub stop: StopRule,
    /// Who builds the block.
    pub builder: Builder,
    /// When the job ends whatever has been scanned.
    pub deadline: Option<SystemTime>,
    /// When it began.
    pub started: SystemTime,
    /// Number of plots that are scanned for it.
    pub plots: u64,
    /// Number of leaves in them.
    pub leaves: u64,
    /// For strategies that randomise: the same job gives the same seed.
    pub seed: u64,
    /// What was left until the deadline when the host asked; `None` if there is
    /// no deadline, and from hosts of interface 1.0.
    pub time_left: Option<Duration>,
}

/// When a scan may end before its plan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopRule {
    /// Never: the lowest score counts.
    BestOfAll,
    /// At the first score under the target that matters.
    FirstUnderTarget,
    /// After this many leaves, over all plots.
    Budget(u64),
}

/// Who builds the block when a proof wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Builder {
    /// The host, with its block policy.
    Host,
    /// The transport's peer (a pool): the proof is all it wants.
    Transport,
    /// No block can be built on this challenge.
    Nobody,
}

/// One plot of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plot {
    /// The plot's seed.
    pub id: PlotSeed,
    /// Number of its leaves; between 1 and 2^63 - 1.
    pub leaf_count: u64,
    /// Position in the job's plot set, from 0.
    pub index: u64,
    /// The drive that it lies on, numbered from 0 by the host.
    pub drive: u64,
    /// Measured reading rate of that drive in leaves per second, once known.
    pub read_rate: Option<u64>,
    /// Measured hashing rate of this machine in leaves per second, once known.
    pub scan_rate: Option<u64>,
    /// How many plots of its drive are read at once, each at `read_rate`;
    /// `None` from hosts of interface 1.0.
    pub readers: Option<u64>,
}

/// What became of a plan so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Leaves of this plot scanned for this job.
    pub leaves: u64,
    /// Bytes read for them.
    pub bytes_read: u64,
    /// Time spent on them, waiting included.
    pub elapsed: Duration,
    /// The best score so far, over all plots of the job.
    pub best: Option<Score>,
    /// Leaves scanned for this job so far, over all its plots; `None`, like the
    /// rest, from hosts of interface 1.0.
    pub scanned: Option<u64>,
    /// As [`Plot::read_rate`], but by now.
    pub read_rate: Option<u64>,
    /// As [`Plot::scan_rate`], but by now.
    pub scan_rate: Option<u64>,
    /// What is left until the deadline, if there is one.
    pub time_left: Option<Duration>,
}

/// A 32-byte number in which zero stands for "none".
pub(crate) fn target(bytes: [u8; 32]) -> Option<Target> {
    let target = Target::new(bytes);
    (!target.is_zero()).then_some(target)
}

/// A number in which zero stands for "not known".
fn known(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn time_left(ms: u64) -> Option<Duration> {
    known(ms).map(Duration::from_millis)
}

fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

impl StopRule {
    pub(crate) fn from_abi(code: abi::StopRule, leaves: u64) -> Self {
        match code {
            abi::StopRule::FIRST_UNDER_TARGET => Self::FirstUnderTarget,
            abi::StopRule::BUDGET => Self::Budget(leaves),
            _ => Self::BestOfAll,
        }
    }

    #[cfg(feature = "transport")]
    pub(crate) fn to_abi(self) -> (abi::StopRule, u64) {
        match self {
            Self::BestOfAll => (abi::StopRule::BEST_OF_ALL, 0),
            Self::FirstUnderTarget => (abi::StopRule::FIRST_UNDER_TARGET, 0),
            Self::Budget(leaves) => (abi::StopRule::BUDGET, leaves),
        }
    }
}

impl Builder {
    pub(crate) fn from_abi(code: abi::Builder) -> Self {
        match code {
            abi::Builder::HOST => Self::Host,
            abi::Builder::TRANSPORT => Self::Transport,
            _ => Self::Nobody,
        }
    }

    #[cfg(feature = "transport")]
    pub(crate) fn to_abi(self) -> abi::Builder {
        match self {
            Self::Host => abi::Builder::HOST,
            Self::Transport => abi::Builder::TRANSPORT,
            Self::Nobody => abi::Builder::NOBODY,
        }
    }
}

impl Job {
    pub(crate) fn from_abi(job: &abi::Job<'_>) -> Self {
        Self {
            id: job.id,
            challenge: Challenge::new(job.challenge),
            block_target: target(job.block_target),
            share_target: target(job.share_target),
            epoch: job.epoch,
            height: job.height,
            stop: StopRule::from_abi(job.stop, job.stop_leaves),
            builder: Builder::from_abi(job.builder),
            deadline: (job.deadline_ms > 0).then(|| time(job.deadline_ms)),
            started: time(job.started_ms),
            plots: job.plots,
            leaves: job.leaves,
            seed: job.seed,
            time_left: time_left(job.reserved[features::JOB_TIME_LEFT_MS]),
        }
    }
}

impl Plot {
    pub(crate) fn from_abi(plot: &abi::Plot) -> Self {
        Self {
            id: PlotSeed::new(plot.id),
            leaf_count: plot.leaf_count,
            index: plot.index,
            drive: plot.drive,
            read_rate: known(plot.read_rate),
            scan_rate: known(plot.scan_rate),
            readers: known(plot.reserved[features::PLOT_READERS]),
        }
    }
}

impl BatchStats {
    pub(crate) fn from_abi(stats: &abi::BatchStats, features: u64) -> Self {
        let has_state = features & features::SCAN_STATE != 0;
        Self {
            leaves: stats.leaves,
            bytes_read: stats.bytes_read,
            elapsed: Duration::from_nanos(stats.elapsed_ns),
            best: (stats.best != [0xFF; 32]).then(|| Score::new(stats.best)),
            scanned: has_state.then_some(stats.reserved[features::STATS_SCANNED]),
            read_rate: known(stats.reserved[features::STATS_READ_RATE]),
            scan_rate: known(stats.reserved[features::STATS_SCAN_RATE]),
            time_left: time_left(stats.reserved[features::STATS_TIME_LEFT_MS]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_count_as_their_documented_defaults() {
        let stop = |code| StopRule::from_abi(abi::StopRule(code), 5);
        assert_eq!(
            [0, 1, 2].map(stop),
            [StopRule::BestOfAll, StopRule::FirstUnderTarget, StopRule::Budget(5)]
        );
        assert_eq!(stop(99), StopRule::BestOfAll);
        let builder = |code| Builder::from_abi(abi::Builder(code));
        assert_eq!([0, 1, 2].map(builder), [Builder::Host, Builder::Transport, Builder::Nobody]);
        assert_eq!(builder(99), Builder::Nobody);
    }

    #[test]
    fn absent_numbers_are_none() {
        assert_eq!(target([0; 32]), None);
        assert_eq!(target([1; 32]), Some(Target::new([1; 32])));
        let words = |best, features, reserved| {
            let elapsed_ns = 1_500_000_000;
            let stats = abi::BatchStats { leaves: 2, bytes_read: 64, elapsed_ns, best, reserved };
            BatchStats::from_abi(&stats, features)
        };
        let stats = |best| words(best, 0, [0; 8]);
        assert_eq!(stats([0xFF; 32]).best, None);
        assert_eq!(stats([3; 32]).best, Some(Score::new([3; 32])));
        assert_eq!(stats([3; 32]).elapsed, Duration::from_millis(1500));
        // What an older host does not fill in.
        let (none, old) = ((None, None, None, None), stats([3; 32]));
        assert_eq!((old.scanned, old.read_rate, old.scan_rate, old.time_left), none);
        let first = words([3; 32], features::SCAN_STATE, [0; 8]);
        assert_eq!((first.scanned, first.time_left), (Some(0), None));
        let new = words([3; 32], features::ALL, [5, 6, 7, 8, 0, 0, 0, 0]);
        let left = Some(Duration::from_millis(8));
        let all = (new.read_rate, new.scan_rate, new.scanned, new.time_left);
        assert_eq!(all, (Some(5), Some(6), Some(7), left));
    }
}
