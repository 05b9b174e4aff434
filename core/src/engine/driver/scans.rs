//! Runs the state's scans on the scanner's threads.

use std::{
    collections::{HashSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use spacetime_protocol::PlotHeaderHash;
use spacetime_sdk_loader::Fault;
use tokio::sync::mpsc;

use super::{chronicle::Chronicle, inbox::tell};
use crate::{
    engine::event::{Best, Coverage, Event, PlotSummary},
    observe::{self, DriveCoverage, Ended},
    plots::PlotFile,
    scan::{Component, Found, LeafSource, ReadError, Report, ScanJob, ScanSpec, Scanner},
};

/// A plot set.
pub(super) type PlotFiles = Arc<[Arc<PlotFile>]>;

/// Scans whose plots are remembered, for proofs of what they found.
const REMEMBERED: usize = 8;

/// The scanner and what it scans.
pub(super) struct Scans {
    scanner: Scanner,
    plots: PlotFiles,
    /// Plots that are not scanned, of those that there are: their path and
    /// which plot it was.
    aside: Vec<(PathBuf, PlotHeaderHash)>,
    running: Option<Arc<ScanJob>>,
    /// Those whose end is not dealt with yet, and why they were told to end, if
    /// they were.
    open: VecDeque<(Arc<ScanJob>, Option<Ended>)>,
    chronicle: Chronicle,
    remembered: VecDeque<(u64, PlotFiles)>,
    events: mpsc::Sender<Event>,
    // Unbounded, but of one message per scan: no more wait than the loop has
    // started since it last looked.
    ended: mpsc::UnboundedSender<End>,
    ends: mpsc::UnboundedReceiver<End>,
}

/// How a scan ended.
#[derive(Debug)]
struct End {
    job: u64,
    best: Option<Found>,
    coverage: Coverage,
}

impl Scans {
    pub(super) fn new(
        scanner: Scanner,
        plots: PlotFiles,
        chronicle: Chronicle,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (ended, ends) = mpsc::unbounded_channel();
        let aside = Vec::new();
        Self {
            scanner,
            plots,
            aside,
            running: None,
            open: VecDeque::new(),
            chronicle,
            remembered: VecDeque::new(),
            events,
            ended,
            ends,
        }
    }

    /// A new plot set, from the next scan on; what it amounts to.
    pub(super) fn set_plots(&mut self, plots: &PlotFiles) -> PlotSummary {
        let there: HashSet<_> = plots.iter().map(name).collect();
        self.aside.retain(|plot| there.contains(plot));
        self.leave_out(plots)
    }

    fn leave_out(&mut self, plots: &PlotFiles) -> PlotSummary {
        let is_left = |plot: &&Arc<PlotFile>| !self.aside.contains(&name(plot));
        self.plots = plots.iter().filter(is_left).cloned().collect();
        summary(&self.plots)
    }

    /// Scans a plot no more, from the next scan on; what the others amount to.
    pub(super) fn set_aside(&mut self, job: u64, plot: usize) -> PlotSummary {
        let plot = self.plot(job, plot).map(name).filter(|plot| !self.aside.contains(plot));
        self.aside.extend(plot);
        self.leave_out(&self.plots.clone())
    }

    pub(super) fn start(&mut self, spec: ScanSpec, without: &[Arc<Path>]) {
        // The state cancels before it starts; this is for the case it does not.
        self.cancel_running(Ended::Preempted);
        self.chronicle.begins(spec.started_ms);
        let left_out = |plot: &Arc<PlotFile>| without.iter().any(|path| **path == *plot.path());
        let plots: PlotFiles = self.plots.iter().filter(|plot| !left_out(plot)).cloned().collect();
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((spec.id, plots.clone()));
        let sources = plots.iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
        let report = Told { events: self.events.clone(), ended: self.ended.clone() };
        let job = self.scanner.start(spec, sources, Arc::new(report));
        self.open.push_back((job.clone(), None));
        self.running = Some(job);
    }

    pub(super) fn cancel(&mut self, id: u64, why: Ended) {
        if self.running.as_ref().is_some_and(|job| job.spec().id == id) {
            self.cancel_running(why);
        }
    }

    fn cancel_running(&mut self, why: Ended) {
        let Some(job) = self.running.take() else { return };
        // One that has ended by itself was not ended.
        let open = self.open.iter_mut().find(|(open, _)| Arc::ptr_eq(open, &job));
        if let Some((_, reason)) = open.filter(|_| !job.is_over()) {
            *reason = Some(why);
        }
        job.cancel();
    }

    /// Whether a proof is being made, which shadows must not disturb.
    pub(super) fn settle(&mut self, is_proving: bool) {
        self.chronicle.settle(is_proving);
    }

    /// Ends the scan that runs, and what is told of scans.
    pub(super) fn finish(mut self, now_ms: u64) {
        self.cancel_running(Ended::Stopped);
        while let Ok(end) = self.ends.try_recv() {
            self.note_end(end.job);
        }
        self.chronicle.finish(now_ms);
    }

    fn note_end(&mut self, id: u64) {
        let at = self.open.iter().position(|(job, _)| job.spec().id == id);
        if let Some((job, why)) = at.and_then(|at| self.open.remove(at)) {
            let ended = why.unwrap_or(Ended::Complete);
            self.chronicle.ended(&job, ended, self.scanner.scan_rate());
        }
    }

    /// The scan that runs or ran last.
    pub(super) fn current(&self) -> Option<&Arc<ScanJob>> {
        self.running.as_ref()
    }

    /// The next scan's end.
    pub(super) async fn ended(&mut self) -> Event {
        // A sender is ours, so there always is one.
        let Some(End { job, best, coverage }) = self.ends.recv().await else {
            return std::future::pending().await;
        };
        self.note_end(job);
        let best = best.and_then(|found| {
            let path = Arc::from(self.plot(job, found.plot)?.path());
            Some(Best { found, path })
        });
        Event::Scanned { job, best, coverage }
    }

    /// A plot of a scan.
    pub(super) fn plot(&self, job: u64, plot: usize) -> Option<&Arc<PlotFile>> {
        self.remembered.iter().find(|(id, _)| *id == job)?.1.get(plot)
    }
}

/// A plot, as long as its file stays what it is.
fn name(plot: &Arc<PlotFile>) -> (PathBuf, PlotHeaderHash) {
    (plot.path().to_owned(), plot.header_hash())
}

/// What a plot set amounts to.
pub(super) fn summary(plots: &[Arc<PlotFile>]) -> PlotSummary {
    PlotSummary {
        plots: plots.len() as u64,
        leaves: plots.iter().map(|plot| plot.leaf_count()).sum(),
        bytes: plots.iter().map(|plot| plot.size_bytes()).sum(),
    }
}

struct Told {
    events: mpsc::Sender<Event>,
    ended: mpsc::UnboundedSender<End>,
}

impl Report for Told {
    fn best(&self, _: &ScanJob, _: &Found) {}

    fn plot_failed(&self, job: &ScanJob, plot: usize, error: &ReadError) {
        let culprit = job.plots()[plot].path().display().to_string();
        let next = "the other plots are scanned on; it is tried again with the next challenge";
        tell(&self.events, observe::Fault::new(culprit, error, next));
    }

    // The registry tells of it.
    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}

    fn finished(&self, job: &ScanJob) {
        let covered = job.coverage();
        let drives = job.drives().into_iter().zip(job.regenerated());
        let coverage = Coverage {
            scanned: covered.scanned,
            again: covered.again,
            leaves: covered.leaves,
            elapsed_ms: u64::try_from(covered.elapsed.as_millis()).unwrap_or(u64::MAX),
            drives: drives
                .map(|((drive, scanned, leaves), (_, regenerated))| DriveCoverage {
                    drive,
                    scanned,
                    leaves,
                    regenerated,
                })
                .collect(),
        };
        let end = End { job: job.spec().id, best: job.best(), coverage };
        // The loop has ended if it does not listen.
        let _ = self.ended.send(end);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use spacetime_kernels::Kernels;
    use spacetime_protocol::Challenge;

    use super::*;
    use crate::scan::{BuiltIn, Hasher, Planner};

    /// A scan whose end is never told would be waited for for ever.
    #[tokio::test]
    async fn no_end_is_lost_when_several_come_at_once() {
        let hasher = Hasher::new(Kernels::detect(), None);
        let planner = Planner::new(Arc::new(BuiltIn));
        let one = NonZeroUsize::MIN;
        let scanner = Scanner::new(planner, hasher, one, Some(one)).unwrap();
        let mut scans =
            Scans::new(scanner, Arc::from([]), Chronicle::of_nothing(), mpsc::channel(1).0);
        // Without plots, a scan ends as soon as it begins.
        (1..4).for_each(|id| scans.start(ScanSpec::lone(id, Challenge::new([0; 32])), &[]));
        for id in 1..4 {
            let event = scans.ended().await;
            assert!(matches!(event, Event::Scanned { job, .. } if job == id), "{event:?}");
        }
    }
}
