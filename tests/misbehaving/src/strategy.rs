//! The strategy: all leaves in spans of four, or something worse.

use serde::Deserialize;
use spacetime_sdk::{BatchStats, Job, Plan, Plot, Result, Spans, Strategy, count, tracing};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    spans: SpansKind,
    /// The plan never ends and never holds a span.
    endless: bool,
}

/// What the planned spans are like.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SpansKind {
    #[default]
    Good,
    /// The last one reaches beyond the plot.
    OutOfRange,
    /// Start and length overflow a 64-bit number.
    Overflowing,
    /// They hold no leaves.
    Empty,
}

pub(crate) struct Misplanner {
    config: Config,
    next: u64,
    end: u64,
}

impl Strategy for Misplanner {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        config.fail.at(Place::Open)?;
        Ok(Self { config, next: 0, end: 0 })
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        tracing::info!(height = job.height, "begins plot {}", plot.index);
        tracing::trace!("begins in detail");
        count("plots_begun", 1);
        start_failing_thread(&self.config.fail);
        self.config.fail.at(Place::Begin)?;
        (self.next, self.end) = (0, plot.leaf_count);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.config.fail.at(Place::Plan)?;
        if self.config.endless {
            return Ok(Plan::More);
        }
        while self.next < self.end {
            let (start, len) = spoil(self.config.spans, self.next, 4.min(self.end - self.next));
            if !spans.push(start, len) {
                return Ok(Plan::More);
            }
            self.next += 4;
        }
        Ok(Plan::Done)
    }

    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        self.config.fail.at(Place::Estimate)?;
        Ok(plot.leaf_count)
    }

    fn feedback(&mut self, _stats: &BatchStats) -> Result<()> {
        count("feedbacks", 1);
        self.config.fail.at(Place::Feedback)
    }
}

fn spoil(kind: SpansKind, start: u64, len: u64) -> (u64, u64) {
    match kind {
        SpansKind::Good => (start, len),
        SpansKind::OutOfRange => (start, len + (1 << 40)),
        SpansKind::Overflowing => (u64::MAX - 1, len),
        SpansKind::Empty => (start, 0),
    }
}

/// Waits for the thread, so that its panic has happened when this returns.
fn start_failing_thread(fail: &Failures) {
    std::thread::scope(|scope| {
        // Its panic is what is wanted; the join's result says no more.
        let _ = scope.spawn(|| fail.at(Place::Thread)).join();
    });
}

impl Drop for Misplanner {
    fn drop(&mut self) {
        // An error has nowhere to go from here.
        let _ = self.config.fail.at(Place::Drop);
    }
}
