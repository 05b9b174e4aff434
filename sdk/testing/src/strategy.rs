//! A strategy, run to the end of its plan.

use std::{ops::Range, sync::atomic::AtomicBool};

use spacetime_conformance::{job, plot};
use spacetime_sdk_loader::{
    Fault, Strategy,
    abi::{BatchStats, Job, Plot, Span},
};

/// Spans that one call of `plan` has room for.
const ROOM: usize = 256;

/// Calls of `plan` in a row that may plan nothing; the miner gives up as well.
const IDLE_CALLS: u32 = 1000;

/// An opened strategy.
pub struct TestedStrategy {
    strategy: Strategy,
    /// Of the plot that was begun last.
    leaf_count: u64,
}

impl TestedStrategy {
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self { strategy, leaf_count: 0 }
    }

    /// The leaves that a whole plan of a plot of this size looks at, in order.
    ///
    /// # Errors
    ///
    /// The strategy's; or a plan that the miner would refuse: leaves outside
    /// the plot, or no leaves in a thousand calls.
    pub fn plan(&mut self, leaf_count: u64) -> Result<Vec<Range<u64>>, Fault> {
        Ok(ranges(&spans(&mut self.strategy, leaf_count)?))
    }

    /// Starts a job with a plot of this size, to be planned step by step.
    ///
    /// # Errors
    ///
    /// The strategy's.
    pub fn begin(&mut self, leaf_count: u64) -> Result<(), Fault> {
        self.leaf_count = leaf_count;
        let cancel = AtomicBool::new(false);
        self.strategy.begin(&job(&cancel), &plot(leaf_count))
    }

    /// The leaves that one call of `plan` adds, and whether that was all.
    ///
    /// # Errors
    ///
    /// The strategy's; or leaves outside the plot.
    pub fn step(&mut self) -> Result<(Vec<Range<u64>>, bool), Fault> {
        let mut buffer = [Span::default(); ROOM];
        let (written, done) =
            self.strategy.plan(&mut buffer, &AtomicBool::new(false), self.leaf_count)?;
        Ok((ranges(&buffer[..written]), done))
    }

    /// Tells it how the scan is going, as the miner does between two steps.
    ///
    /// # Errors
    ///
    /// The strategy's.
    pub fn feedback(&mut self, stats: &BatchStats) -> Result<(), Fault> {
        self.strategy.feedback(stats)
    }

    /// How many leaves it says that such a plan covers.
    ///
    /// # Errors
    ///
    /// The strategy's.
    pub fn estimate(&mut self, leaf_count: u64) -> Result<u64, Fault> {
        self.strategy.estimate(&plot(leaf_count))
    }

    /// Which plots of a job it wants scanned, in which order: their positions
    /// in the list, and the most leaves of each; `None`: all, as listed.
    ///
    /// # Errors
    ///
    /// The strategy's; or turns that the miner would refuse.
    pub fn arrange(
        &mut self,
        job: &Job<'_>,
        plots: &[Plot],
    ) -> Result<Option<Vec<(u64, u64)>>, Fault> {
        let turns = self.strategy.arrange(job, plots)?;
        Ok(turns.map(|turns| turns.iter().map(|turn| (turn.plot, turn.leaves)).collect()))
    }
}

fn ranges(spans: &[Span]) -> Vec<Range<u64>> {
    spans.iter().map(|span| span.start..span.start + span.len).collect()
}

/// The spans of a whole plan of a plot.
///
/// # Errors
///
/// As for [`TestedStrategy::plan`].
pub fn spans(strategy: &mut Strategy, leaf_count: u64) -> Result<Vec<Span>, Fault> {
    let cancel = AtomicBool::new(false);
    strategy.begin(&job(&cancel), &plot(leaf_count))?;
    let mut all = Vec::new();
    let mut buffer = [Span::default(); ROOM];
    let mut idle = 0;
    while idle <= IDLE_CALLS {
        let (written, done) = strategy.plan(&mut buffer, &cancel, leaf_count)?;
        all.extend_from_slice(&buffer[..written]);
        if done {
            return Ok(all);
        }
        idle = if written == 0 { idle + 1 } else { 0 };
    }
    Err(Fault::new(format_args!("it planned nothing in {IDLE_CALLS} calls")))
}
