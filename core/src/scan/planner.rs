//! Plans which leaves of a plot are scanned: by the configured strategy, or
//! by the host's one built-in plan, all leaves in order.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use spacetime_sdk_loader::{
    Fault, Strategy,
    abi::{BatchStats, Plot, Span},
};

use super::{Component, LeafSource, job::ScanJob};

/// Spans asked for in one call of a strategy.
const SPANS: usize = 1024;

/// Calls in a row that plan nothing before the strategy is given up on.
const IDLE_CALLS: u32 = 1000;

/// Leaves per span of the built-in plan.
const FALLBACK_SPAN: u64 = 1 << 20;

/// Where strategies come from: the plugin registry, or nowhere.
pub trait StrategySource: Send + Sync {
    /// A new instance; `None`: the host's own plan.
    fn open(&self) -> Option<Result<Strategy, Fault>>;
    /// One failed; the source decides whether it is opened again.
    fn failed(&self, fault: &Fault);
}

/// Hands out strategy instances, one per plot under scan, and takes them back.
pub struct Planner {
    source: Arc<dyn StrategySource>,
    idle: Mutex<Vec<Strategy>>,
}

impl Planner {
    /// A planner over a source.
    pub fn new(source: Arc<dyn StrategySource>) -> Self {
        Self { source, idle: Mutex::default() }
    }

    /// Opens an instance and keeps it, so that a config error shows at once.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn warm_up(&self) -> Result<(), Fault> {
        if let Some(strategy) = self.source.open().transpose()? {
            self.put_back(strategy);
        }
        Ok(())
    }

    fn take(&self) -> Option<Result<Strategy, Fault>> {
        // Instances from before a quarantine are not used any more either.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(strategy) => Some(Ok(strategy)),
            None => self.source.open(),
        }
    }

    fn put_back(&self, strategy: Strategy) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(strategy);
    }

    fn failed(&self, job: &ScanJob, fault: &Fault) {
        if fault.is_fatal() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.source.failed(fault);
        job.report().component_failed(job, Component::Strategy, fault);
    }

    /// Gives the plan of one plot, span by span, to `visit`, until that says
    /// no more. A strategy that fails on the way is replaced by the built-in
    /// plan, from the beginning.
    pub(super) fn visit(
        &self,
        job: &ScanJob,
        index: usize,
        scan_rate: u64,
        mut visit: impl FnMut(Span) -> bool,
    ) {
        let source = &*job.plots()[index];
        let plot = describe(source, index, scan_rate);
        let outcome = match self.take() {
            None => Ok(None),
            Some(Err(fault)) => Err(fault),
            Some(Ok(mut strategy)) => {
                follow(&mut strategy, job, index, &plot, &mut visit).map(|()| Some(strategy))
            }
        };
        match outcome {
            Ok(Some(strategy)) => self.put_back(strategy),
            Ok(None) => all_in_order(source.leaf_count(), &mut visit),
            Err(fault) => {
                self.failed(job, &fault);
                all_in_order(source.leaf_count(), &mut visit);
            }
        }
    }
}

fn describe(source: &dyn LeafSource, index: usize, scan_rate: u64) -> Plot {
    Plot {
        id: source.id().to_bytes(),
        leaf_count: source.leaf_count(),
        index: index as u64,
        drive: source.drive(),
        read_rate: 0,
        scan_rate,
        reserved: [0; 8],
    }
}

fn follow(
    strategy: &mut Strategy,
    job: &ScanJob,
    index: usize,
    plot: &Plot,
    visit: &mut impl FnMut(Span) -> bool,
) -> Result<(), Fault> {
    let started = Instant::now();
    strategy.begin(&job.to_abi(), plot)?;
    let mut spans = [Span::default(); SPANS];
    let mut idle = 0;
    loop {
        let (written, done) = strategy.plan(&mut spans, job.cancel_flag(), plot.leaf_count)?;
        idle = if written == 0 { idle + 1 } else { 0 };
        if idle > IDLE_CALLS {
            return Err(Fault::new(format_args!("it planned nothing in {IDLE_CALLS} calls")));
        }
        if !spans[..written].iter().all(|span| visit(*span)) || done {
            return Ok(());
        }
        strategy.feedback(&stats(job, index, started))?;
    }
}

fn stats(job: &ScanJob, index: usize, started: Instant) -> BatchStats {
    let leaves = job.scanned(index);
    BatchStats {
        leaves,
        bytes_read: leaves.saturating_mul(32),
        elapsed_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        best: job.best().map_or([0xFF; 32], |best| best.score.to_bytes()),
        reserved: [0; 8],
    }
}

fn all_in_order(leaf_count: u64, visit: &mut impl FnMut(Span) -> bool) {
    let mut start = 0;
    while start < leaf_count {
        let len = FALLBACK_SPAN.min(leaf_count - start);
        if !visit(Span { start, len }) {
            return;
        }
        start += len;
    }
}
