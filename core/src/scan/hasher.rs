//! Scores batches of leaves: the configured engine, or the host's kernels in
//! its place. What an engine claims is recomputed before it counts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use spacetime_kernels::Kernels;
use spacetime_maps::Window;
use spacetime_protocol::{
    Leaf, PlotKey, Score, Target,
    score::{is_under, score},
};
use spacetime_sdk_loader::{Engine, Fault, Method, abi::BestLeaf};

use super::{
    Component, ReadError, Stop,
    buffer::Buffer,
    drive::Rate,
    fetch::Fetch,
    job::{Place, ScanJob},
    supply::time_making,
    watch::{Call, Seat},
};

/// Leaves that the kernels score between two looks at the cancel flag: a few
/// milliseconds of the slowest kernel.
pub(super) const STEP: u64 = 4096;

/// What a call of an engine may take: it is given a mebibyte.
const LIMIT: Duration = Duration::from_secs(5);

/// Where the engine comes from: the plugin registry, or nowhere.
pub trait EngineSource: Send + Sync {
    /// The engine in use; `None`: the host's kernels.
    fn engine(&self) -> Option<&Engine>;
    /// It failed; the source decides whether it is used again.
    fn failed(&self, fault: &Fault);
}

/// Scores batches.
pub struct Hasher {
    kernels: Kernels,
    engine: Option<Arc<dyn EngineSource>>,
    rate: Rate,
    making: Rate,
}

/// A batch: leaves of one plot, gathered in plan order.
pub(super) struct Filled {
    pub(super) job: Arc<ScanJob>,
    pub(super) plot: usize,
    /// Which of the plot's plans it belongs to.
    pub(super) plan: u64,
    /// Its number within the plot.
    pub(super) number: u64,
    pub(super) buffer: Buffer,
    /// Where the leaves are instead.
    pub(super) window: Option<Arc<Window>>,
    /// Where in one of the two they begin, in bytes.
    pub(super) begin: usize,
    /// Whether its leaves were made, not read.
    pub(super) made: bool,
    pub(super) leaves: u64,
    /// Those of them that the plan has not had before.
    pub(super) fresh: u64,
    /// Which leaves they are: (first leaf, number of leaves) in order.
    pub(super) spans: Vec<(u64, u64)>,
}

/// What a worker is to do.
pub(super) enum Work {
    /// Make the leaves of a batch, with this key, and score them.
    Make(Filled, PlotKey),
    /// Take the leaves of a batch from the system's memory, and score them.
    Take(Fetch),
    /// Score a batch.
    Scan(Arc<Filled>),
}

impl Work {
    /// The batch that it is about.
    pub(super) fn batch(&self) -> &Filled {
        match self {
            Self::Make(batch, _) => batch,
            Self::Take(fetch) => &fetch.batch,
            Self::Scan(batch) => batch,
        }
    }
}

impl Filled {
    /// The leaf of the plot at a position of the batch.
    fn leaf_index(&self, position: u64) -> u64 {
        let mut rest = position;
        for (first, len) in &self.spans {
            if rest < *len {
                return first + rest;
            }
            rest -= len;
        }
        unreachable!("a position within the batch lies in one of its spans")
    }

    /// How many of its first so many leaves the plan had not had before, at
    /// least.
    fn fresh_of(&self, leaves: u64) -> u64 {
        self.fresh.saturating_sub(self.leaves - leaves)
    }

    fn bytes(&self, from: u64, to: u64) -> &[u8] {
        let bytes = match &self.window {
            Some(window) => window.bytes(),
            None => self.buffer.bytes(),
        };
        let leaves = &bytes[self.begin..];
        &leaves[from as usize * Leaf::SIZE..to as usize * Leaf::SIZE]
    }

    /// A leaf and its score, computed here.
    fn claim(&self, position: u64) -> (Leaf, Score) {
        let bytes = self.bytes(position, position + 1);
        let leaf = Leaf::try_from(bytes).expect("the slice is one leaf long");
        (leaf, score(&self.job.spec().challenge, &leaf))
    }

    /// Whether all that was looked at up to now were the plot's leaves.
    fn is_whole(&self) -> bool {
        self.window.as_ref().is_none_or(|window| window.is_whole())
    }

    /// Why it is not whole.
    fn damage(&self) -> ReadError {
        let path = self.job.plots()[self.plot].path().display();
        let (first, _) = self.spans.first().copied().unwrap_or_default();
        ReadError(format!(
            "{path}: leaf {first} and on ({}) could not be read any more while they were mapped: \
             the file was cut, or its drive fails",
            self.leaves
        ))
    }

    fn offer(&self, position: u64) {
        let (leaf, score) = self.claim(position);
        if !self.is_whole() {
            return;
        }
        let place = Place { plot: self.plot, batch: self.number, position };
        self.job.offer(place, self.leaf_index(position), leaf, score);
    }
}

impl Hasher {
    /// The host's kernels, or an engine in front of them.
    pub fn new(kernels: Kernels, engine: Option<Arc<dyn EngineSource>>) -> Self {
        Self { kernels, engine, rate: Rate::default(), making: Rate::default() }
    }

    /// Measured rate at which one worker makes leaves, per second; 0: not known.
    pub(super) fn making_rate(&self) -> u64 {
        self.making.get()
    }

    /// Makes so many leaves for nobody, to know the rate.
    pub(super) fn try_making(&self, leaves: usize) {
        self.making.add(leaves as u64, time_making(&self.kernels, leaves));
    }

    /// Makes the leaves of a batch, as far as it is wanted.
    pub(super) fn make(&self, batch: &mut Filled, key: &PlotKey) {
        let started = Instant::now();
        let seed = batch.job.plots()[batch.plot].id();
        let mut at = 0;
        for (first, len) in &batch.spans {
            let mut done = 0;
            while done < *len && batch.job.wants(batch.plot, batch.number) {
                let step = STEP.min(len - done);
                let from = (at + done) as usize * Leaf::SIZE;
                let out = &mut batch.buffer.bytes_mut()[from..from + step as usize * Leaf::SIZE];
                self.kernels.generate(key.as_bytes(), seed.as_bytes(), first + done, out);
                done += step;
            }
            if done < *len {
                return;
            }
            at += len;
        }
        self.making.add(batch.leaves, started.elapsed());
    }

    /// Measured rate of one worker in leaves per second; 0 before the first batch.
    pub fn rate(&self) -> u64 {
        self.rate.get()
    }

    /// Scans a batch and offers what it finds to its job. `false`: the engine
    /// took too long, and another worker has the batch now.
    pub(super) fn scan(&self, batch: &Filled, seat: &Seat) -> bool {
        let started = Instant::now();
        let scanned = match self.by_engine(batch, seat) {
            Some(ByEngine::Done) => batch.leaves,
            Some(ByEngine::Abandoned) => return false,
            None => self.by_kernels(batch),
        };
        if !batch.is_whole() {
            batch.job.fail(batch.plot, &batch.damage());
            return true;
        }
        batch.job.add_scanned(batch.plot, batch.plan, scanned, batch.fresh_of(scanned));
        if batch.made {
            batch.job.add_made(batch.plot, scanned);
        }
        self.rate.add(scanned, started.elapsed());
        true
    }

    /// An engine's call did not return in time.
    pub(super) fn hung(&self, job: &ScanJob, call: Call) {
        self.failed(job, &call.as_fault());
    }

    fn failed(&self, job: &ScanJob, fault: &Fault) {
        if let Some(source) = &self.engine {
            source.failed(fault);
        }
        job.report().component_failed(job, Component::Engine, fault);
    }

    fn by_engine(&self, batch: &Filled, seat: &Seat) -> Option<ByEngine> {
        let engine = self.engine.as_ref()?.engine()?;
        let job = &batch.job;
        let lowest = |count: u64, bound: &Target| {
            let (challenge, leaves) = (job.spec().challenge, batch.bytes(0, count));
            let scanned = seat.call(Method::Scan, LIMIT, || {
                engine.scan(challenge.as_bytes(), leaves, bound.as_bytes(), job.cancel_flag())
            });
            scanned.map(|best| check(batch, best?))
        };
        let outcome = best_of(batch, 0..batch.leaves, |to, bound| lowest(to, bound));
        match outcome {
            None => Some(ByEngine::Abandoned),
            Some(Ok(position)) => {
                if let Some(position) = position {
                    batch.offer(position);
                }
                Some(ByEngine::Done)
            }
            Some(Err(fault)) => {
                self.failed(job, &fault);
                None
            }
        }
    }

    /// How many leaves of the batch were scanned.
    fn by_kernels(&self, batch: &Filled) -> u64 {
        let mut from = 0;
        while from < batch.leaves && batch.job.wants(batch.plot, batch.number) {
            let to = batch.leaves.min(from + STEP);
            let lowest = |to: u64, bound: &Target| {
                let (challenge, leaves) = (batch.job.spec().challenge, batch.bytes(from, to));
                let best = self.kernels.scan(challenge.as_bytes(), leaves, bound.as_bytes());
                Some(Ok(best.map(|best| from + best.index as u64)))
            };
            if let Some(Ok(Some(position))) = best_of(batch, from..to, lowest) {
                batch.offer(position);
            }
            from = to;
        }
        from
    }
}

enum ByEngine {
    Done,
    Abandoned,
}

/// What a search says: nothing if it was given up, else the position of the
/// lowest score under its bound, or what went wrong.
type Search = Option<Result<Option<u64>, Fault>>;

/// The position in a range that counts: of the lowest score, or of the first
/// one under the target if that is the rule. `lowest` searches the range up to
/// a position.
fn best_of(
    batch: &Filled,
    range: std::ops::Range<u64>,
    lowest: impl Fn(u64, &Target) -> Search,
) -> Search {
    let mut best = match lowest(range.end, &batch.job.bound())? {
        Ok(Some(position)) => position,
        other => return Some(other),
    };
    if let Stop::FirstUnder(target) = batch.job.spec().stop
        && is_under(&batch.claim(best).1, &target)
    {
        while best > range.start {
            match lowest(best, &target)? {
                Ok(Some(earlier)) => best = earlier,
                Ok(None) => break,
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
    Some(Ok(Some(best)))
}

/// An engine's claim, recomputed.
fn check(batch: &Filled, best: Option<BestLeaf>) -> Result<Option<u64>, Fault> {
    let Some(best) = best else { return Ok(None) };
    let (_, score) = batch.claim(best.index);
    if !batch.is_whole() {
        return Ok(None);
    }
    if score.as_bytes() != &best.score {
        return Err(Fault::new(format_args!(
            "it claims score {} for a leaf whose score is {score}",
            Score::new(best.score)
        )));
    }
    Ok(Some(best.index))
}
