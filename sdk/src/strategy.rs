//! Scanning strategies: which leaves of a plot, in which order, until when?

use std::sync::atomic::{AtomicBool, Ordering};

use abi::abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{
        RResult::{self, RErr, ROk},
        RSlice, RSliceMut,
    },
};
use serde::de::DeserializeOwned;
use spacetime_sdk_abi::{
    self as abi, Fault, FaultCode, OpenArgs, PlanOutcome, Span, StrategyObject, features,
};

use crate::{
    config,
    error::{Result, fault},
    instance::Instance,
    job::{BatchStats, Job, Plot},
    schema::Schema,
    turns::{Arrange, Turns},
};

/// Decides where to look; the host reads, hashes and checks.
///
/// The host opens one instance per plot that it scans at a time, and calls
/// [`begin`](Self::begin) for each (job, plot), then [`plan`](Self::plan)
/// until the plan is done or the job is over. Calls should take milliseconds
/// at most: a strategy has no clock and no thread of the host's to keep.
pub trait Strategy: Sized + Send + 'static {
    /// The component's config in the manifest; `()` when it takes none.
    type Config: DeserializeOwned + Schema;

    /// Whether a plan may hold a leaf more than once, as a sample with
    /// replacement does. Unless this is declared, a leaf that is planned twice
    /// is a mistake, which the conformance kit finds.
    const MAY_REPEAT: bool = false;

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

    /// Chooses which plots of a job are scanned, in which order, and how much
    /// of each; all of them as they are listed if not overridden.
    ///
    /// Called once per job, before any of its plots begins. The host keeps an
    /// instance for this and begins no plot on it, so what it remembers it
    /// remembers from job to job. Drives are read side by side: the order of
    /// turns decides between plots of one drive only. Hosts of interface 1.0
    /// do not call it.
    ///
    /// ```
    /// # use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy};
    /// use spacetime_sdk::{Arrange, Turns};
    ///
    /// /// Leaves the smallest plots out.
    /// struct LargePlots;
    ///
    /// impl Strategy for LargePlots {
    /// #   type Config = ();
    /// #   fn open((): ()) -> Result<Self> { Ok(Self) }
    /// #   fn begin(&mut self, _: &Job, _: &Plot) -> Result<()> { Ok(()) }
    /// #   fn plan(&mut self, _: &mut Spans<'_>) -> Result<Plan> { Ok(Plan::Done) }
    ///     fn arrange(
    ///         &mut self,
    ///         _job: &Job,
    ///         plots: &[Plot],
    ///         turns: &mut Turns<'_>,
    ///     ) -> Result<Arrange> {
    ///         for plot in plots.iter().filter(|plot| plot.leaf_count >= 1 << 20) {
    ///             turns.push(plot, plot.leaf_count);
    ///         }
    ///         Ok(Arrange::Chosen)
    ///     }
    ///     // …
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The host scans all plots as they are listed then.
    fn arrange(&mut self, job: &Job, plots: &[Plot], turns: &mut Turns<'_>) -> Result<Arrange> {
        let _ = (job, plots, turns);
        Ok(Arrange::AsListed)
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
    batch: u64,
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

    /// Lets the host read and score at most so many leaves at a time, from
    /// these spans on; 0, at first: as many as it likes, which is best for
    /// drives that read a mebibyte in no time. What a slow drive has not
    /// delivered when the job ends has been read in vain. Hosts of interface
    /// 1.0 do as they like.
    ///
    /// ```
    /// # use spacetime_sdk::Spans;
    /// # fn plan(spans: &mut Spans<'_>, read_rate: u64) {
    /// // A fortieth of a second's leaves.
    /// spans.set_batch(read_rate / 40);
    /// # }
    /// ```
    pub fn set_batch(&mut self, leaves: u64) {
        self.batch = leaves;
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

struct Adapter<T> {
    instance: Instance<T>,
    /// What the host fills in and heeds.
    features: u64,
    /// Leaves per batch that the author asked for last.
    batch: u64,
}

impl<T: Strategy> abi::Strategy for Adapter<T> {
    fn begin(&mut self, job: &abi::Job<'_>, plot: &abi::Plot) -> RResult<(), Fault> {
        self.batch = 0;
        let job = Job::from_abi(job);
        read_plot(plot)
            .and_then(|plot| {
                self.instance.call_mut("begin", |strategy| strategy.begin(&job, &plot))
            })
            .into()
    }

    fn plan(
        &mut self,
        spans: RSliceMut<'_, Span>,
        cancel: &AtomicBool,
    ) -> RResult<PlanOutcome, Fault> {
        let buffer = spans.into_mut_slice();
        let mut spans = Spans { buffer, written: 0, batch: self.batch, cancel };
        match self.instance.call_mut("plan", |strategy| strategy.plan(&mut spans)) {
            Ok(plan) => {
                self.batch = spans.batch;
                let mut outcome = PlanOutcome {
                    written: spans.written as u64,
                    done: plan == Plan::Done,
                    reserved: [0; 2],
                };
                if self.features & features::BATCH != 0 {
                    outcome.reserved[features::OUTCOME_BATCH] = self.batch;
                }
                if self.features & features::MAY_REPEAT != 0 {
                    outcome.reserved[features::OUTCOME_MAY_REPEAT] = u64::from(T::MAY_REPEAT);
                }
                ROk(outcome)
            }
            Err(fault) => RErr(fault),
        }
    }

    fn estimate(&mut self, plot: &abi::Plot) -> RResult<u64, Fault> {
        read_plot(plot)
            .and_then(|plot| {
                self.instance.call_mut("estimate", |strategy| strategy.estimate(&plot))
            })
            .into()
    }

    fn feedback(&mut self, stats: &abi::BatchStats) -> RResult<(), Fault> {
        let stats = BatchStats::from_abi(stats, self.features);
        self.instance.call_mut("feedback", |strategy| strategy.feedback(&stats)).into()
    }

    fn arrange(
        &mut self,
        job: &abi::Job<'_>,
        plots: RSlice<'_, abi::Plot>,
        turns: RSliceMut<'_, abi::Turn>,
    ) -> RResult<abi::Arrangement, Fault> {
        let job = Job::from_abi(job);
        let plots: Result<Vec<Plot>, Fault> = plots.iter().map(read_plot).collect();
        let mut turns = Turns::new(turns.into_mut_slice());
        plots
            .and_then(|plots| {
                self.instance
                    .call_mut("arrange", |strategy| strategy.arrange(&job, &plots, &mut turns))
            })
            .map(|arrange| turns.arrangement(arrange))
            .into()
    }
}

/// The factory of a strategy, as a plugin module holds it.
#[doc(hidden)]
pub fn open<T: Strategy>(args: &OpenArgs<'_>) -> Result<StrategyObject, Fault> {
    let config = crate::guard_config(args, config::parse::<T::Config>)?;
    let instance = Instance::open(args, || T::open(config))?;
    let adapter = Adapter { instance, features: args.features, batch: 0 };
    Ok(StrategyObject::from_value(adapter, TD_Opaque))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_does_not_fit_is_not_taken() {
        let (mut buffer, cancel) = ([Span::default(); 2], AtomicBool::new(false));
        let mut spans = Spans { buffer: &mut buffer, written: 0, batch: 0, cancel: &cancel };
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
    fn turns_are_given_once_per_plot_and_never_without_leaves() {
        let plot = |index| {
            let plot = abi::Plot {
                id: [0; 32],
                leaf_count: 9,
                index,
                drive: 0,
                read_rate: 0,
                scan_rate: 0,
                reserved: [0; 8],
            };
            read_plot(&plot).unwrap()
        };
        let mut buffer = [abi::Turn::default(); 2];
        let mut turns = Turns::new(&mut buffer);
        for (index, leaves) in [(1, 0), (1, 9), (0, 3), (2, 5)] {
            turns.push(&plot(index), leaves);
        }
        assert_eq!(turns.arrangement(Arrange::AsListed), abi::Arrangement::default());
        let chosen = turns.arrangement(Arrange::Chosen);
        assert!(chosen.chosen && chosen.written == 2);
        assert_eq!(buffer.map(|turn| (turn.plot, turn.leaves)), [(1, 9), (0, 3)]);
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
