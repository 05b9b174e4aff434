//! Scanning strategies: which leaves of a plot, in which order, until when?

use std::sync::atomic::{AtomicBool, Ordering};

use abi::abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{
        RResult::{self, RErr, ROk},
        RSliceMut,
    },
};
use serde::de::DeserializeOwned;
use spacetime_sdk_abi::{
    self as abi, Fault, FaultCode, OpenArgs, PlanOutcome, Span, StrategyObject,
};

use crate::{
    config,
    error::{Result, fault},
    instance::Instance,
    job::{BatchStats, Job, Plot},
};

/// Decides where to look; the host reads, hashes and checks.
///
/// The host opens one instance per plot that it scans at a time, and calls
/// [`begin`](Self::begin) for each (job, plot), then [`plan`](Self::plan)
/// until the plan is done or the job is over. Calls should take milliseconds
/// at most: a strategy has no clock and no thread of the host's to keep.
pub trait Strategy: Sized + Send + 'static {
    /// The component's config in the manifest; `()` when it takes none.
    type Config: DeserializeOwned;

    /// Makes an instance; check the config's values here.
    ///
    /// # Errors
    ///
    /// A sentence for the user, naming the field and its allowed values.
    fn open(config: Self::Config) -> Result<Self>;

    /// Starts over with a job and a plot, whatever was going on before.
    ///
    /// # Errors
    ///
    /// The host scans this plot by its own plan then, all leaves in order.
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()>;

    /// Pushes the next leaves to look at, and says whether there are more.
    ///
    /// # Errors
    ///
    /// The host scans this plot by its own plan then, all leaves in order.
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan>;

    /// How many leaves a whole plan of this plot would cover; all of them if
    /// not overridden. For progress and estimates only.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Self::plan).
    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        Ok(plot.leaf_count)
    }

    /// Tells how the scan is going; called between plans, now and then.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Self::plan).
    fn feedback(&mut self, stats: &BatchStats) -> Result<()> {
        let _ = stats;
        Ok(())
    }
}

/// Whether a plan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Call again for more spans. A call that pushed none may say this too,
    /// but not for ever: the host gives up on a plan that makes no progress.
    More,
    /// That was all.
    Done,
}

/// The host's buffer for the spans of one call of [`Strategy::plan`].
pub struct Spans<'a> {
    buffer: &'a mut [Span],
    written: usize,
    cancel: &'a AtomicBool,
}

impl Spans<'_> {
    /// Adds leaves `start .. start + len`. Returns `false`, adding nothing,
    /// when the buffer is full: return [`Plan::More`] and push it next time.
    /// The host refuses spans that are empty or reach outside the plot.
    #[must_use = "a span that did not fit must be pushed again"]
    pub fn push(&mut self, start: u64, len: u64) -> bool {
        let Some(slot) = self.buffer.get_mut(self.written) else { return false };
        *slot = Span { start, len };
        self.written += 1;
        true
    }

    /// How many more spans fit; 256 to 4,096 at the start of a call.
    pub fn remaining(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Whether the job is over, so that nothing planned now will be used.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Reads a plot, whose size authors need not doubt.
fn read_plot(plot: &abi::Plot) -> Result<Plot, Fault> {
    if plot.leaf_count == 0 || plot.leaf_count > i64::MAX as u64 {
        let mut fault = fault(
            FaultCode::FAILED,
            format_args!("a plot has between 1 and 2^63 - 1 leaves, not {}", plot.leaf_count),
        );
        fault.field = "leaf_count".into();
        return Err(fault);
    }
    Ok(Plot::from_abi(plot))
}

struct Adapter<T>(Instance<T>);

impl<T: Strategy> abi::Strategy for Adapter<T> {
    fn begin(&mut self, job: &abi::Job<'_>, plot: &abi::Plot) -> RResult<(), Fault> {
        let job = Job::from_abi(job);
        read_plot(plot)
            .and_then(|plot| self.0.call_mut("begin", |strategy| strategy.begin(&job, &plot)))
            .into()
    }

    fn plan(
        &mut self,
        spans: RSliceMut<'_, Span>,
        cancel: &AtomicBool,
    ) -> RResult<PlanOutcome, Fault> {
        let mut spans = Spans { buffer: spans.into_mut_slice(), written: 0, cancel };
        match self.0.call_mut("plan", |strategy| strategy.plan(&mut spans)) {
            Ok(plan) => ROk(PlanOutcome {
                written: spans.written as u64,
                done: plan == Plan::Done,
                reserved: [0; 2],
            }),
            Err(fault) => RErr(fault),
        }
    }

    fn estimate(&mut self, plot: &abi::Plot) -> RResult<u64, Fault> {
        read_plot(plot)
            .and_then(|plot| self.0.call_mut("estimate", |strategy| strategy.estimate(&plot)))
            .into()
    }

    fn feedback(&mut self, stats: &abi::BatchStats) -> RResult<(), Fault> {
        let stats = BatchStats::from_abi(stats);
        self.0.call_mut("feedback", |strategy| strategy.feedback(&stats)).into()
    }
}

/// The factory of a strategy, as a plugin module holds it.
#[doc(hidden)]
pub fn open<T: Strategy>(args: &OpenArgs<'_>) -> Result<StrategyObject, Fault> {
    let config = crate::guard_config(args, config::parse::<T::Config>)?;
    let instance = Instance::open(args, || T::open(config))?;
    Ok(StrategyObject::from_value(Adapter(instance), TD_Opaque))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_does_not_fit_is_not_taken() {
        let (mut buffer, cancel) = ([Span::default(); 2], AtomicBool::new(false));
        let mut spans = Spans { buffer: &mut buffer, written: 0, cancel: &cancel };
        assert!(spans.push(1, 2));
        assert_eq!(spans.remaining(), 1);
        assert!(spans.push(3, 4));
        assert!(!spans.push(5, 6));
        assert_eq!((spans.written, spans.remaining()), (2, 0));
        assert!(!spans.is_cancelled());
        cancel.store(true, Ordering::Relaxed);
        assert!(spans.is_cancelled());
        assert_eq!(buffer, [Span { start: 1, len: 2 }, Span { start: 3, len: 4 }]);
    }

    #[test]
    fn authors_get_only_plots_that_can_be() {
        let plot = |leaf_count| {
            let plot = abi::Plot {
                id: [0; 32],
                leaf_count,
                index: 0,
                drive: 0,
                read_rate: 0,
                scan_rate: 7,
                reserved: [0; 8],
            };
            read_plot(&plot)
        };
        let read = plot(i64::MAX as u64).unwrap();
        assert_eq!((read.read_rate, read.scan_rate), (None, Some(7)));
        for impossible in [0, 1 << 63, u64::MAX] {
            assert_eq!(plot(impossible).unwrap_err().field, "leaf_count");
        }
    }
}
