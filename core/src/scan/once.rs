//! One scan that is waited for: for commands and tests, which have nothing to
//! do meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded};
use spacetime_sdk_loader::Fault;

use super::{Component, Coverage, Found, Plots, ReadError, Report, ScanJob, ScanSpec, Scanner};

/// How a scan went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best leaf; `None` if the plans held no leaf.
    pub best: Option<Found>,
    /// How much was scanned.
    pub coverage: Coverage,
    /// Plots that failed, by their position, and why.
    pub failed_plots: Vec<(usize, ReadError)>,
    /// What strategy and engine did wrong; the host's own took their place.
    pub faults: Vec<(Component, Fault)>,
}

/// Scans and waits for the end.
pub fn scan_once(scanner: &Scanner, spec: ScanSpec, plots: Plots) -> Outcome {
    let (done, end) = bounded(1);
    let report = Arc::new(Collect { done, gathered: Mutex::default() });
    let job = scanner.start(spec, plots, report.clone());
    // The scanner's threads hold the sender until they have reported the end.
    let _ = end.recv();
    let gathered = std::mem::take(&mut *report.lock());
    Outcome {
        best: job.best(),
        coverage: job.coverage(),
        failed_plots: gathered.failed_plots,
        faults: gathered.faults,
    }
}

struct Collect {
    done: Sender<()>,
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    failed_plots: Vec<(usize, ReadError)>,
    faults: Vec<(Component, Fault)>,
}

impl Collect {
    fn lock(&self) -> std::sync::MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report for Collect {
    fn best(&self, _: &ScanJob, _: &Found) {}

    fn plot_failed(&self, _: &ScanJob, plot: usize, error: &ReadError) {
        self.lock().failed_plots.push((plot, error.clone()));
    }

    fn component_failed(&self, _: &ScanJob, component: Component, fault: &Fault) {
        self.lock().faults.push((component, fault.clone()));
    }

    fn finished(&self, _: &ScanJob) {
        // Told once; there is room for it.
        let _ = self.done.try_send(());
    }
}
