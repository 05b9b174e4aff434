//! Plans which leaves of a plot are scanned: by the configured strategy, or
//! by the host's one built-in plan, all leaves in order.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{
    Fault, Strategy,
    abi::{BatchStats, FaultCode, Plot, Span, Turn, features},
};

use super::{Component, hasher::Hasher, job::ScanJob, watch::Seat};
use crate::foreign::{Foreign, OPEN_LIMIT, drop_aside};

/// Spans asked for in one call of a strategy.
const SPANS: usize = 1024;

/// What a call of a strategy may take.
const CALL_LIMIT: Duration = Duration::from_secs(1);

/// Calls in a row that plan nothing before the strategy is given up on, and
/// what they may take together.
const IDLE_CALLS: u32 = 1000;
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// How often over a plan may go through a plot before it counts as endless.
const ROUNDS: u64 = 16;

/// Leaves per span of the built-in plan.
const FALLBACK_SPAN: u64 = 1 << 20;

/// Where strategies come from: the plugin registry, or nowhere.
pub trait StrategySource: Send + Sync {
    /// A new instance; `None`: the host's own plan.
    fn open(&self) -> Option<Result<Strategy, Fault>>;
    /// Whether there are instances, and those opened before may still be called.
    fn is_in_use(&self) -> bool {
        true
    }
    /// One failed; the source decides whether it is opened again.
    fn failed(&self, fault: &Fault);
}

/// No strategy: the host's own plan.
#[derive(Debug)]
pub struct BuiltIn;

impl StrategySource for BuiltIn {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        None
    }

    fn is_in_use(&self) -> bool {
        false
    }

    fn failed(&self, _: &Fault) {}
}

/// Hands out strategy instances, one per plot under scan, and takes them back.
pub struct Planner {
    source: Arc<dyn StrategySource>,
    idle: Mutex<Foreign<Vec<Strategy>>>,
    /// The instance that arranges plots, and remembers how it did.
    arranger: Mutex<Foreign<Option<Strategy>>>,
}

/// What strategies are told of the machine that they plan for.
#[derive(Clone, Copy)]
pub(super) struct Machine<'a> {
    pub(super) hasher: &'a Hasher,
    /// Hashing workers.
    pub(super) workers: usize,
    /// Plots that are read at once per drive.
    pub(super) per_drive: usize,
}

impl Machine<'_> {
    /// Measured hashing rate, all workers together, in leaves per second; 0
    /// before the first batch.
    fn scan_rate(&self) -> u64 {
        self.hasher.rate().saturating_mul(self.workers as u64)
    }
}

/// Who follows a plan.
pub(super) trait Visitor {
    /// So many leaves at a time are wanted from now on at the most, if it matters.
    fn set_batch(&mut self, leaves: Option<u64>);
    /// Takes a span; whether the plan shall go on.
    fn visit(&mut self, span: Span) -> bool;
    /// The plan begins anew: what was visited does not count.
    fn start_over(&mut self);
}

/// Whether a plan was followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It was, or the visitor wanted no more.
    Done,
    /// A call of the strategy took too long; another thread has taken over.
    Abandoned,
}

/// A call of a strategy took too long; another thread has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

impl Planner {
    /// A planner over a source.
    pub fn new(source: Arc<dyn StrategySource>) -> Self {
        Self {
            source,
            idle: Mutex::new(Foreign::new(Vec::new())),
            arranger: Mutex::new(Foreign::new(None)),
        }
    }

    fn take(&self) -> Option<Result<Strategy, Fault>> {
        if !self.source.is_in_use() {
            self.drop_idle();
        }
        let idle = self.lock().pop();
        match idle {
            Some(strategy) => Some(Ok(strategy)),
            None => self.source.open(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Foreign<Vec<Strategy>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is not at work.
    fn drop_idle(&self) {
        let mut idle = std::mem::take(&mut **self.lock());
        idle.extend(self.lock_arranger().take());
        if !idle.is_empty() {
            drop_aside(idle);
        }
    }

    fn lock_arranger(&self) -> MutexGuard<'_, Foreign<Option<Strategy>>> {
        self.arranger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a strategy that may have something to say about the
    /// order of plots.
    pub(super) fn arranges(&self) -> bool {
        self.source.is_in_use()
    }

    /// The turns of a job's plots; `None`: all of them, as they are listed. A
    /// strategy that fails at it may still plan.
    ///
    /// # Errors
    ///
    /// A call took too long; another thread has taken over.
    pub(super) fn arrange(
        &self,
        job: &ScanJob,
        machine: Machine<'_>,
        seat: &Seat,
    ) -> Result<Option<Vec<Turn>>, Abandoned> {
        let taken = self.lock_arranger().take();
        let open = || taken.map(Ok).or_else(|| self.source.open());
        // Why it cannot be opened is told when the first plot needs one.
        let Some(Ok(mut strategy)) = seat.call(OPEN_LIMIT, open).ok_or(Abandoned)? else {
            return Ok(None);
        };
        let plots: Vec<Plot> =
            (0..job.plots().len()).map(|index| describe(job, index, machine)).collect();
        let arranged = seat.call(CALL_LIMIT, || strategy.arrange(&job.to_abi(), &plots));
        match arranged.ok_or(Abandoned)? {
            Ok(turns) => {
                **self.lock_arranger() = Some(strategy);
                Ok(turns)
            }
            Err(fault) => {
                self.failed(job, &fault);
                drop_aside(strategy);
                Ok(None)
            }
        }
    }

    fn put_back(&self, strategy: Strategy) {
        self.lock().push(strategy);
    }

    fn failed(&self, job: &ScanJob, fault: &Fault) {
        // Before the destructors, whose panics must not hide it.
        self.source.failed(fault);
        // Whether there shall be instances of it is the source's to say now.
        self.drop_idle();
        job.report().component_failed(job, Component::Strategy, fault);
    }

    /// A call of a strategy did not return in time.
    pub(super) fn hung(&self, job: &ScanJob, limit: Duration) {
        let message = format!("a call of it did not return within {} ms", limit.as_millis());
        self.failed(job, &Fault { code: FaultCode::POISONED, ..Fault::new(message) });
    }

    /// Gives the plan of one plot, span by span, to `visitor`, until that says
    /// no more. A strategy that fails on the way is replaced by the built-in
    /// plan, from the beginning.
    pub(super) fn follow(
        &self,
        job: &ScanJob,
        index: usize,
        machine: Machine<'_>,
        seat: &Seat,
        visitor: &mut impl Visitor,
    ) -> Followed {
        let plot = describe(job, index, machine);
        let Some(taken) = seat.call(OPEN_LIMIT, || self.take()) else { return Followed::Abandoned };
        let outcome = match taken {
            None => Ok(None),
            Some(Err(fault)) => Err((fault, None)),
            Some(Ok(mut strategy)) => {
                let run = Run { strategy: &mut strategy, job, index, machine, plot: &plot, seat };
                match run.follow(visitor) {
                    Ok(Followed::Done) => Ok(Some(strategy)),
                    Ok(Followed::Abandoned) => return Followed::Abandoned,
                    Err(fault) => Err((fault, Some(strategy))),
                }
            }
        };
        match outcome {
            Ok(Some(strategy)) => self.put_back(strategy),
            Ok(None) => all_in_order(plot.leaf_count, visitor),
            Err((fault, strategy)) => {
                self.failed(job, &fault);
                drop_aside(strategy);
                visitor.start_over();
                all_in_order(plot.leaf_count, visitor);
            }
        }
        Followed::Done
    }
}

fn describe(job: &ScanJob, index: usize, machine: Machine<'_>) -> Plot {
    let mut reserved = [0; 8];
    reserved[features::PLOT_READERS] = machine.per_drive as u64;
    let (source, drive) = (&job.plots()[index], job.drive(index));
    Plot {
        id: source.id().to_bytes(),
        leaf_count: source.leaf_count(),
        index: index as u64,
        drive: drive.number,
        read_rate: drive.rate.get(),
        scan_rate: machine.scan_rate(),
        reserved,
    }
}

/// One strategy on one plot.
struct Run<'a> {
    strategy: &'a mut Strategy,
    job: &'a ScanJob,
    index: usize,
    machine: Machine<'a>,
    plot: &'a Plot,
    seat: &'a Seat,
}

impl Run<'_> {
    fn follow(self, visitor: &mut impl Visitor) -> Result<Followed, Fault> {
        let started = Instant::now();
        let begin =
            self.seat.call(CALL_LIMIT, || self.strategy.begin(&self.job.to_abi(), self.plot));
        let Some(begun) = begin else { return Ok(Followed::Abandoned) };
        begun?;
        let mut spans = [Span::default(); SPANS];
        let (mut idle, mut planned, mut last_planned) = (0, 0_u64, started);
        let leaves = self.plot.leaf_count;
        while !self.job.is_over() {
            let plan = self.seat.call(CALL_LIMIT, || {
                self.strategy.plan(&mut spans, self.job.cancel_flag(), leaves)
            });
            let Some(plan) = plan else { return Ok(Followed::Abandoned) };
            let (written, done) = plan?;
            idle += 1;
            if written > 0 {
                (idle, last_planned) = (0, Instant::now());
            }
            if idle > IDLE_CALLS || (idle > 0 && last_planned.elapsed() > IDLE_LIMIT) {
                return Err(Fault::new(format_args!("it planned nothing in {idle} calls")));
            }
            let batch = spans[..written].iter().map(|span| span.len).sum::<u64>();
            planned = planned.saturating_add(batch);
            visitor.set_batch(self.strategy.batch());
            if !spans[..written].iter().all(|span| visitor.visit(*span)) || done {
                return Ok(Followed::Done);
            }
            if planned / ROUNDS > leaves {
                return Err(Fault::new(format_args!(
                    "it planned {planned} leaves of a plot with {leaves}, and no end"
                )));
            }
            let stats = stats(self.job, self.index, self.machine, started);
            let Some(fed) = self.seat.call(CALL_LIMIT, || self.strategy.feedback(&stats)) else {
                return Ok(Followed::Abandoned);
            };
            fed?;
        }
        Ok(Followed::Done)
    }
}

fn stats(job: &ScanJob, index: usize, machine: Machine<'_>, started: Instant) -> BatchStats {
    let mut reserved = [0; 8];
    reserved[features::STATS_READ_RATE] = job.drive(index).rate.get();
    reserved[features::STATS_SCAN_RATE] = machine.scan_rate();
    reserved[features::STATS_SCANNED] = job.scanned_in_all();
    reserved[features::STATS_TIME_LEFT_MS] = job.time_left_ms();
    let leaves = job.scanned(index);
    BatchStats {
        leaves,
        bytes_read: leaves.saturating_mul(32),
        elapsed_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        best: job.best().map_or([0xFF; 32], |best| best.score.to_bytes()),
        reserved,
    }
}

/// The built-in plan.
pub(super) fn all_in_order(leaf_count: u64, visitor: &mut impl Visitor) {
    let mut start = 0;
    while start < leaf_count {
        let len = FALLBACK_SPAN.min(leaf_count - start);
        if !visitor.visit(Span { start, len }) {
            return;
        }
        start += len;
    }
}
