//! Scores batches of leaves: the configured engine, or the host's kernels in
//! its place. What an engine claims is recomputed before it counts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use spacetime_kernels::Kernels;
use spacetime_protocol::{Leaf, Score, Target, score::score};
use spacetime_sdk_loader::{Engine, Fault};

use super::{
    Component, Stop,
    job::{Place, ScanJob, is_under},
};

/// Where the engine comes from: the plugin registry, or nowhere.
pub trait EngineSource: Send + Sync {
    /// The engine in use; `None`: the host's kernels.
    fn engine(&self) -> Option<Arc<Engine>>;
    /// It failed; the source decides whether it is used again.
    fn failed(&self, fault: &Fault);
}

/// Scores batches.
pub struct Hasher {
    kernels: Kernels,
    engine: Option<Arc<dyn EngineSource>>,
    leaves: AtomicU64,
    nanos: AtomicU64,
}

/// A batch: leaves of one plot, gathered in plan order.
pub(super) struct Batch<'a> {
    pub(super) plot: usize,
    /// Its number within the plot's plan.
    pub(super) number: u64,
    pub(super) leaves: &'a [u8],
    /// Which leaves they are: (first leaf, number of leaves) in order.
    pub(super) spans: &'a [(u64, u64)],
}

impl Batch<'_> {
    /// The leaf of the plot at a position of the batch.
    fn leaf_index(&self, position: u64) -> u64 {
        let mut rest = position;
        for (first, len) in self.spans {
            if rest < *len {
                return first + rest;
            }
            rest -= len;
        }
        unreachable!("a position within the batch lies in one of its spans")
    }

    fn leaf(&self, position: u64) -> Leaf {
        let at = position as usize * Leaf::SIZE;
        Leaf::try_from(&self.leaves[at..at + Leaf::SIZE]).expect("the slice is one leaf long")
    }

    fn count(&self) -> u64 {
        (self.leaves.len() / Leaf::SIZE) as u64
    }
}

impl Hasher {
    /// The host's kernels, or an engine in front of them.
    pub fn new(kernels: Kernels, engine: Option<Arc<dyn EngineSource>>) -> Self {
        Self { kernels, engine, leaves: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }

    /// Measured rate of one worker in leaves per second; 0 before the first batch.
    pub fn rate(&self) -> u64 {
        let nanos = self.nanos.load(Ordering::Relaxed).max(1);
        let leaves = u128::from(self.leaves.load(Ordering::Relaxed));
        u64::try_from(leaves * 1_000_000_000 / u128::from(nanos)).unwrap_or(u64::MAX)
    }

    /// Scans a batch and offers what it finds to the job.
    pub(super) fn scan(&self, job: &ScanJob, batch: &Batch<'_>) {
        let started = std::time::Instant::now();
        let bound = job.bound();
        if let Some(position) = self.lowest(job, batch, batch.count(), &bound) {
            let position = match job.spec().stop {
                Stop::FirstUnder(target) => self.first_under(job, batch, position, &target),
                _ => position,
            };
            let (leaf, score) = claim(job, batch, position);
            let place = Place { plot: batch.plot, batch: batch.number, position };
            job.offer(place, batch.leaf_index(position), leaf, score);
        }
        job.add_scanned(batch.plot, batch.count());
        self.leaves.fetch_add(batch.count(), Ordering::Relaxed);
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// If the leaf at `position` is under the target: the first one that is.
    fn first_under(&self, job: &ScanJob, batch: &Batch<'_>, position: u64, target: &Target) -> u64 {
        let mut first = position;
        if !is_under(&claim(job, batch, position).1, target) {
            return position;
        }
        while let Some(earlier) = self.lowest(job, batch, first, target) {
            first = earlier;
        }
        first
    }

    /// Position of the lowest score under the bound among the first `count` leaves.
    fn lowest(&self, job: &ScanJob, batch: &Batch<'_>, count: u64, bound: &Target) -> Option<u64> {
        let leaves = &batch.leaves[..count as usize * Leaf::SIZE];
        let challenge = job.spec().challenge.as_bytes();
        if let Some(source) = &self.engine
            && let Some(engine) = source.engine()
        {
            let claimed = engine
                .scan(challenge, leaves, bound.as_bytes(), job.cancel_flag())
                .and_then(|best| check(job, batch, best));
            match claimed {
                Ok(position) => return position,
                Err(fault) => {
                    source.failed(&fault);
                    job.report().component_failed(job, Component::Engine, &fault);
                }
            }
        }
        self.kernels.scan(challenge, leaves, bound.as_bytes()).map(|best| best.index as u64)
    }
}

/// An engine's claim, recomputed.
fn check(
    job: &ScanJob,
    batch: &Batch<'_>,
    best: Option<spacetime_sdk_loader::abi::BestLeaf>,
) -> Result<Option<u64>, Fault> {
    let Some(best) = best else { return Ok(None) };
    let (_, score) = claim(job, batch, best.index);
    if score.as_bytes() != &best.score {
        return Err(Fault::new(format_args!(
            "it claims score {} for a leaf whose score is {score}",
            Score::new(best.score)
        )));
    }
    Ok(Some(best.index))
}

fn claim(job: &ScanJob, batch: &Batch<'_>, position: u64) -> (Leaf, Score) {
    let leaf = batch.leaf(position);
    let score = score(&job.spec().challenge, &leaf);
    (leaf, score)
}
