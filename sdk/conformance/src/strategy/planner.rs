//! A strategy under test, called as the host calls it.

use std::{sync::atomic::AtomicBool, time::Duration};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::{
    Fault, Strategy,
    abi::{BatchStats, Job, Plot, Span, Turn},
};

use super::inputs::stats;
use crate::{
    any::Instance,
    probe::{Blame, Judged, Probe, Stop},
};

/// What a call may take; the host's limit.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(1);

/// Calls in a row that may plan nothing; the host gives up as well.
const IDLE_CALLS: u32 = 1000;

/// How often over a plan may go through a plot; likewise.
const ROUNDS: u64 = 16;

/// Ordinary jobs and plots.
pub(super) const ORDINARY: Blame =
    Blame { breach: "STR-001", failure: "STR-002", panic: "ANY-004" };

/// Unusual ones, of which a rule says that they are survived.
pub(super) const fn survived(rule: &'static str) -> Blame {
    Blame { breach: "STR-001", failure: rule, panic: rule }
}

/// How a plan is followed.
#[derive(Clone, Copy)]
pub(super) struct Follow {
    /// Spans that the buffer takes.
    pub(super) room: usize,
    /// Whether it is told how the scan goes.
    pub(super) is_told: bool,
}

/// As the host follows plans.
pub(super) const TOLD: Follow = Follow { room: 1024, is_told: true };

/// Without a word of how it goes, on which what is planned may depend.
pub(super) const UNTOLD: Follow = Follow { room: 1024, is_told: false };

pub(super) struct Planner<'p> {
    pub(super) probe: &'p Probe,
    strategy: Option<Strategy>,
    blame: Blame,
}

impl<'p> Planner<'p> {
    /// Opens the strategy.
    pub(super) fn open(probe: &'p Probe, blame: Blame) -> Result<Self, Stop> {
        match Instance::must_open(probe, Blame::OPENING)? {
            Instance::Strategy(strategy) => Ok(Self { probe, strategy: Some(strategy), blame }),
            _ => Err(Stop::NotJudged("it is no strategy".to_owned())),
        }
    }

    fn call<R>(
        &mut self,
        method: &'static str,
        blame: Blame,
        call: impl FnOnce(&mut Strategy) -> Result<R, Fault>,
    ) -> Result<R, Stop> {
        let strategy = self.strategy.as_mut().expect("only drop takes it");
        let result = self.probe.call(method, CALL_LIMIT, || call(strategy));
        result.map_err(|fault| self.probe.fault(&fault, blame))
    }

    pub(super) fn begin(&mut self, job: &Job<'_>, plot: &Plot) -> Judged {
        self.call("begin", self.blame, |strategy| strategy.begin(job, plot))
    }

    /// The next spans: how many, and whether those were all.
    pub(super) fn plan(
        &mut self,
        spans: &mut [Span],
        cancel: &AtomicBool,
        plot: &Plot,
    ) -> Result<(usize, bool), Stop> {
        self.call("plan", self.blame, |strategy| strategy.plan(spans, cancel, plot.leaf_count))
    }

    pub(super) fn estimate(&mut self, plot: &Plot) -> Result<u64, Stop> {
        self.call("estimate", self.blame, |strategy| strategy.estimate(plot))
    }

    pub(super) fn feedback(&mut self, stats: &BatchStats) -> Judged {
        self.call("feedback", self.blame, |strategy| strategy.feedback(stats))
    }

    pub(super) fn arrange(
        &mut self,
        job: &Job<'_>,
        plots: &[Plot],
    ) -> Result<Option<Vec<Turn>>, Stop> {
        self.call("arrange", Blame { breach: "STR-010", ..self.blame }, |strategy| {
            strategy.arrange(job, plots)
        })
    }

    /// Whether it has declared that leaves may be planned more than once; known
    /// after the first call of `plan`.
    pub(super) fn may_repeat(&self) -> bool {
        self.strategy.as_ref().is_some_and(Strategy::may_repeat)
    }

    /// The spans of a whole plan.
    pub(super) fn whole(
        &mut self,
        job: &Job<'_>,
        plot: &Plot,
        follow: Follow,
    ) -> Result<Vec<Span>, Stop> {
        let (leaves, seed) = (plot.leaf_count, job.seed);
        let leaves = count(leaves, "leaf");
        self.probe.given(format_args!("a plot of {leaves}, job seed {seed}"));
        self.begin(job, plot)?;
        self.rest(job.cancel, plot, follow, &mut |planned| stats(planned))
    }

    /// The spans of a plan from here to its end, with this feedback.
    pub(super) fn rest(
        &mut self,
        cancel: &AtomicBool,
        plot: &Plot,
        follow: Follow,
        tell: &mut dyn FnMut(u64) -> BatchStats,
    ) -> Result<Vec<Span>, Stop> {
        let (mut buffer, mut all) = (vec![Span::default(); follow.room], Vec::new());
        let (mut idle, mut planned) = (0, 0_u64);
        loop {
            let (written, is_done) = self.plan(&mut buffer, cancel, plot)?;
            all.extend_from_slice(&buffer[..written]);
            if is_done {
                return Ok(all);
            }
            idle = if written == 0 { idle + 1 } else { 0 };
            let now = buffer[..written].iter().map(|span| span.len);
            planned = now.fold(planned, u64::saturating_add);
            if idle > IDLE_CALLS {
                let seen = format_args!("it planned nothing in {idle} calls, and was not done");
                return Err(self.probe.broken("STR-004", seen));
            }
            if planned / ROUNDS > plot.leaf_count {
                let leaves = plot.leaf_count;
                let seen = format_args!("it planned {planned} leaves of {leaves}, and no end");
                return Err(self.probe.broken("STR-004", seen));
            }
            if follow.is_told {
                self.feedback(&tell(planned))?;
            }
        }
    }
}

impl Drop for Planner<'_> {
    fn drop(&mut self) {
        self.probe.drop(self.strategy.take());
    }
}
