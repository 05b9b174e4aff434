//! The strategy: all leaves in spans of four, or something worse.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use spacetime_sdk::{
    Arrange, BatchStats, Job, Plan, Plot, Result, Schema, Spans, Strategy, Turns, count, tracing,
};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    spans: SpansKind,
    /// The plan never ends and never holds a span.
    endless: bool,
    turns: TurnsKind,
    /// Plans nothing until so many instances have begun at once.
    meet: usize,
}

/// What the planned spans are like.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
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
    /// The first half of the plot comes twice, then the other half.
    Twice,
}

/// Which turns the plots of a job get.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
enum TurnsKind {
    #[default]
    AsListed,
    Backwards,
    HalfOfTheLast,
    None,
    /// The first plot has two.
    Twice,
}

pub(crate) struct Misplanner {
    config: Config,
    next: u64,
    end: u64,
    /// Half of the plot's leaves.
    half: u64,
    /// Among those that are at work.
    at_work: bool,
}

/// Instances between the beginning and the end of their plans.
static AT_WORK: Mutex<usize> = Mutex::new(0);
static ARRIVED: Condvar = Condvar::new();

impl Strategy for Misplanner {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        config.fail.at(Place::Open)?;
        Ok(Self { config, next: 0, end: 0, half: 0, at_work: false })
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        tracing::info!(height = job.height, "begins plot {}", plot.index);
        tracing::debug!("begins with {} leaves", plot.leaf_count);
        tracing::trace!("begins in detail");
        count("plots_begun", 1);
        self.config.fail.in_thread();
        self.config.fail.at(Place::Begin)?;
        (self.next, self.end, self.half) = (0, plot.leaf_count, plot.leaf_count / 2);
        if self.config.spans == SpansKind::Twice {
            self.end += self.half;
        }
        self.set_at_work(true);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.config.fail.at(Place::Plan)?;
        if self.config.endless || !self.have_met() {
            return Ok(Plan::More);
        }
        while self.next < self.end {
            let (start, len) = self.spoil(4.min(self.end - self.next));
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

    fn arrange(&mut self, _: &Job, plots: &[Plot], turns: &mut Turns<'_>) -> Result<Arrange> {
        self.config.fail.at(Place::Arrange)?;
        let mut give = |plot: &Plot| turns.push(plot, plot.leaf_count);
        match self.config.turns {
            TurnsKind::AsListed => return Ok(Arrange::AsListed),
            TurnsKind::Backwards => plots.iter().rev().for_each(give),
            TurnsKind::HalfOfTheLast => {
                plots.last().into_iter().for_each(|plot| turns.push(plot, plot.leaf_count / 2));
            }
            TurnsKind::None => {}
            TurnsKind::Twice => [&plots[0], &plots[0]].into_iter().for_each(&mut give),
        }
        Ok(Arrange::Chosen)
    }
}

impl Misplanner {
    fn set_at_work(&mut self, now: bool) {
        let mut at_work = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
        *at_work = *at_work + usize::from(now) - usize::from(self.at_work);
        self.at_work = now;
        ARRIVED.notify_all();
    }

    /// The next span, of so many leaves if it is a good one.
    fn spoil(&self, len: u64) -> (u64, u64) {
        let start = self.next;
        match self.config.spans {
            SpansKind::Good => (start, len),
            SpansKind::OutOfRange => (start, len + (1 << 40)),
            SpansKind::Overflowing => (u64::MAX - 1, len),
            SpansKind::Empty => (start, 0),
            SpansKind::Twice if start < self.half => (start, len),
            SpansKind::Twice => (start - self.half, len),
        }
    }

    /// Waits a moment for others. Those that met stay at work, so that none
    /// misses the moment.
    fn have_met(&self) -> bool {
        let at_work = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
        let met = |at_work: &mut usize| *at_work < self.config.meet;
        let moment = Duration::from_millis(1);
        let waited = ARRIVED.wait_timeout_while(at_work, moment, met);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= self.config.meet
    }
}

impl Drop for Misplanner {
    fn drop(&mut self) {
        self.set_at_work(false);
        // An error has nowhere to go from here.
        let _ = self.config.fail.at(Place::Drop);
    }
}
