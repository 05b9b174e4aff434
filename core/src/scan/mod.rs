//! Scans plots for the lowest score: one reader per plot under scan, shared
//! hashing workers, one bound and one stop flag.
//!
//! A scan is *anytime*: it has a best-so-far at every moment, nothing waits
//! for a slow or stuck reader, and it stops within one buffer of a cancel. It
//! knows nothing of epochs, windows and blocks.

mod buffer;
mod course;
mod distinct;
mod drive;
mod fetch;
mod gather;
mod hasher;
mod job;
mod limits;
mod notes;
mod once;
mod planner;
mod pool;
mod reader;
mod rest;
mod simulate;
mod supply;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use spacetime_protocol::{Challenge, Leaf, Score, Target};

pub use drive::Io;
pub use hasher::{EngineSource, Hasher};
pub use job::{Coverage, ScanJob};
pub use limits::{LimitError, Limits};
pub use notes::{Arranged, Call, Digest, Noted, Planned, Read, Reads, Told};
pub use once::{Outcome, scan_once};
pub use planner::{BuiltIn, Planner, StrategySource};
pub use pool::Scanner;
pub use simulate::{DriveModel, Replanned, Scene, ScenePlot, Simulated, Simulator, Unfinished};
pub use supply::Supply;

pub use crate::plots::{BLOCK, LeafOrigin, LeafSource, ReadError};

/// What a scan is for.
#[derive(Clone, Debug)]
pub struct ScanSpec {
    /// Unique in this run of the host.
    pub id: u64,
    /// What leaves are scored against.
    pub challenge: Challenge,
    /// A score under this wins a block, if one can be won.
    pub block_target: Option<Target>,
    /// A score under this is worth submitting, if proofs are wanted.
    pub share_target: Option<Target>,
    /// Its epoch.
    pub epoch: u64,
    /// Height of the block that a win would make.
    pub height: u64,
    /// Its difficulty; 0: not known.
    pub difficulty: u64,
    /// When it may end early.
    pub stop: Stop,
    /// Who builds the block, for strategies to know.
    pub builder: spacetime_sdk::Builder,
    /// For strategies: when the scan ends, Unix milliseconds; 0 = open.
    pub deadline_ms: u64,
    /// For strategies: when it began, Unix milliseconds.
    pub started_ms: u64,
    /// Only so many leaves of each plot's plan are scanned.
    pub leaves_per_plot: Option<u64>,
}

impl ScanSpec {
    /// A scan for no block, of all leaves that are planned: only the lowest
    /// score counts.
    pub fn lone(id: u64, challenge: Challenge) -> Self {
        Self {
            id,
            challenge,
            block_target: None,
            share_target: None,
            epoch: 0,
            height: 0,
            difficulty: 0,
            stop: Stop::BestOfAll,
            builder: spacetime_sdk::Builder::Nobody,
            deadline_ms: 0,
            started_ms: 0,
            leaves_per_plot: None,
        }
    }
}

/// When a scan may end before its plans do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Never: the lowest score counts.
    BestOfAll,
    /// At the first score under this, in plan order.
    FirstUnder(Target),
    /// After this many leaves, over all plots.
    Budget(u64),
}

/// A leaf and its score, computed by the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Position in the job's plot list.
    pub plot: usize,
    /// Its position in the plot.
    pub leaf_index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// `H(challenge, leaf)`.
    pub score: Score,
}

/// What a running scan reports, from its own threads. Must not block.
pub trait Report: Send + Sync {
    /// A new best leaf.
    fn best(&self, job: &ScanJob, found: &Found);
    /// A plot failed; the others go on.
    fn plot_failed(&self, job: &ScanJob, plot: usize, error: &ReadError);
    /// A strategy or engine failed; the host's own took its place.
    fn component_failed(
        &self,
        job: &ScanJob,
        component: Component,
        fault: &spacetime_sdk_loader::Fault,
    );
    /// Every plot has been dealt with, or the scan was cancelled.
    fn finished(&self, job: &ScanJob);
}

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The scanning strategy.
    Strategy,
    /// The scan engine.
    Engine,
}

/// A plot set, shared between jobs.
pub type Plots = Arc<[Arc<dyn LeafSource>]>;
