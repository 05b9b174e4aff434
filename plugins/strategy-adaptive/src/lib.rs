//! The strategy `adaptive`: all that the drives deliver in time, as long as it
//! is worth what it costs.

#![deny(unsafe_code)]

mod config;
mod gain;
mod pace;
mod reach;

use spacetime_sdk::{
    Arrange, BatchStats, Job, Plan, Plot, Result, Spans, StopRule, Strategy, Turns, count,
    protocol::{Target, score::is_under},
    tracing,
};

use config::Config;
use gain::Verdict;
use pace::Pace;
use reach::Reach;

struct Adaptive {
    config: Config,
    /// What was said last.
    said: Verdict,
    pace: Pace,
    next: u64,
    end: u64,
    stop: Stop,
}

/// When this job needs no more leaves.
#[derive(Clone, Copy)]
enum Stop {
    Never,
    /// Once there is a score under this.
    Under(Target),
    /// Once so many leaves are scanned, over all plots.
    Scanned(u64),
}

impl Stop {
    fn of(job: &Job) -> Self {
        match (job.stop, job.share_target.or(job.block_target)) {
            (StopRule::FirstUnderTarget, Some(target)) => Self::Under(target),
            (StopRule::Budget(leaves), _) => Self::Scanned(leaves),
            _ => Self::Never,
        }
    }

    fn is_reached(&self, stats: &BatchStats) -> bool {
        match self {
            Self::Never => false,
            Self::Under(target) => stats.best.is_some_and(|best| is_under(&best, target)),
            Self::Scanned(leaves) => stats.scanned.is_some_and(|scanned| scanned >= *leaves),
        }
    }
}

impl Adaptive {
    /// Says what is done now, if it is something else than before.
    fn say(&mut self, verdict: Verdict) {
        if verdict.is_like(&self.said) {
            return;
        }
        match verdict {
            Verdict::Hopeless { .. } | Verdict::TooCostly { .. } => tracing::warn!("{verdict}"),
            Verdict::Everything => tracing::info!("{verdict} again"),
            Verdict::Limited { .. } => tracing::info!("{verdict}"),
        }
        self.said = verdict;
    }
}

impl Strategy for Adaptive {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        let config = config.checked()?;
        tracing::debug!("Adaptive({config:?})");
        Ok(Self {
            config,
            said: Verdict::Everything,
            pace: Pace::new(None, None),
            next: 0,
            end: 0,
            stop: Stop::Never,
        })
    }

    fn arrange(&mut self, job: &Job, plots: &[Plot], turns: &mut Turns<'_>) -> Result<Arrange> {
        let reach = Reach::of(job, plots);
        let verdict = Verdict::of(job, &reach, &self.config);
        let most = match verdict.is_for_scanning() {
            // A drive that is faster than it was must not break the budget.
            true => self.config.leaves_within(job.time_left).unwrap_or(u64::MAX),
            false => 0,
        };
        let given = reach.give_turns(plots, most, turns);
        if given == 0 {
            count("scans_left_out", 1);
        }
        if verdict != Verdict::Everything {
            count("leaves_left_out", reach.leaves().saturating_sub(given));
        }
        self.say(verdict);
        Ok(Arrange::Chosen)
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.pace = Pace::new(plot.read_rate, job.time_left);
        self.stop = Stop::of(job);
        self.next = 0;
        self.end = match self.stop {
            Stop::Scanned(leaves) => plot.leaf_count.min(leaves),
            _ => plot.leaf_count,
        };
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        if self.next >= self.end {
            return Ok(Plan::Done);
        }
        let (batch, slice) = self.pace.next();
        let len = slice.min(self.end - self.next);
        spans.set_batch(batch);
        if spans.push(self.next, len) {
            self.next += len;
        }
        Ok(if self.next < self.end { Plan::More } else { Plan::Done })
    }

    fn feedback(&mut self, stats: &BatchStats) -> Result<()> {
        self.pace.update(stats);
        if self.stop.is_reached(stats) {
            self.end = self.next;
        }
        Ok(())
    }
}

spacetime_sdk::export_plugin! {
    strategy "adaptive": Adaptive,
        "What the drives deliver in time and is worth it; config (min_win_chance: 1e-9, \
         joules_per_gib: 10, max_watts, max_kwh_per_win)";
}
