//! One scan's shared state: its best leaf, its bound, its progress, its end.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use spacetime_protocol::{Leaf, PlotKey, Score, Target, score::is_under};
use spacetime_sdk_loader::abi::{self, features};

use super::{
    Found, Plots, ReadError, Report, ScanSpec, Stop,
    drive::Drive,
    notes::{Noted, Notes},
    rest::Rest,
    supply::Making,
};

/// What a scan's readers wait for what is left of the scan before it.
const TURN_LIMIT: Duration = Duration::from_millis(10);

/// A running or finished scan.
pub struct ScanJob {
    spec: ScanSpec,
    plots: Plots,
    /// Each plot's drive.
    drives: Vec<Arc<Drive>>,
    report: Arc<dyn Report>,
    notes: Notes,
    /// What is made instead of read.
    making: Option<Making>,
    /// Per plot, leaves scanned that were made.
    made: Vec<AtomicU64>,
    /// Plots that cannot be read.
    failed: Vec<AtomicBool>,
    cancel: AtomicBool,
    finished: AtomicBool,
    best: Mutex<Best>,
    budget: Option<AtomicU64>,
    progress: Vec<Mutex<Progress>>,
    /// Leaves scanned under the plans that count.
    scanned: AtomicU64,
    /// Plots, and batches on their way, that are not dealt with yet.
    open: AtomicUsize,
    started: Instant,
    /// When its deadline is.
    ends: Option<Instant>,
    /// Nanoseconds until the end; 0: it is not over.
    took: AtomicU64,
    /// What is left of it once it is over.
    rest: Arc<Rest>,
    /// Of the scan before it.
    before: Arc<Rest>,
}

/// How far a plot is under its plan.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// Counts plans that began anew, because a strategy failed.
    plan: u64,
    scanned: u64,
    /// Leaves that were scanned at least once.
    distinct: u64,
    /// The most leaves that are scanned of it.
    limit: u64,
}

impl Progress {
    fn again(&self) -> u64 {
        self.scanned - self.distinct
    }
}

#[derive(Default)]
struct Best {
    found: Option<Found>,
    /// Where in plan order it stands, for ties and for "first".
    place: Place,
}

/// A leaf's place in plan order: plot, batch, position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) plot: usize,
    pub(super) batch: u64,
    pub(super) position: u64,
}

/// How much of the plots a scan has covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Leaves scanned, each once, as far as that is known; never too many.
    pub scanned: u64,
    /// Leaves that were scanned again, or may have been.
    pub again: u64,
    /// Leaves in the plots.
    pub leaves: u64,
    /// Since the scan began.
    pub elapsed: Duration,
}

impl Coverage {
    /// Before any scan.
    pub fn of_nothing() -> Self {
        Self { scanned: 0, again: 0, leaves: 0, elapsed: Duration::ZERO }
    }
}

impl ScanJob {
    pub(super) fn new(
        spec: ScanSpec,
        plots: Plots,
        drives: Vec<Arc<Drive>>,
        report: Arc<dyn Report>,
    ) -> Self {
        let budget = match spec.stop {
            Stop::Budget(leaves) => Some(AtomicU64::new(leaves)),
            _ => None,
        };
        let limit = spec.leaves_per_plot.unwrap_or(u64::MAX);
        let progress = || Mutex::new(Progress { plan: 0, scanned: 0, distinct: 0, limit });
        Self {
            progress: plots.iter().map(|_| progress()).collect(),
            scanned: AtomicU64::new(0),
            ends: deadline(spec.deadline_ms),
            open: AtomicUsize::new(plots.len()),
            notes: Notes::new(plots.len()),
            making: None,
            made: plots.iter().map(|_| AtomicU64::new(0)).collect(),
            failed: plots.iter().map(|_| AtomicBool::new(false)).collect(),
            spec,
            plots,
            drives,
            report,
            cancel: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            best: Mutex::default(),
            budget,
            started: Instant::now(),
            took: AtomicU64::new(0),
            rest: Arc::default(),
            before: Arc::default(),
        }
    }

    /// The same, of which some leaves are made instead of read.
    pub(super) fn making(self, making: Option<Making>) -> Self {
        Self { making, ..self }
    }

    /// The same, whose readers let what is left of the scan before it go first.
    pub(super) fn after(self, before: Arc<Rest>) -> Self {
        Self { before, ..self }
    }

    pub(super) fn rest(&self) -> Arc<Rest> {
        self.rest.clone()
    }

    /// Waits until nothing is left of the scan before it, but not for long.
    pub(super) fn wait_for_turn(&self) {
        self.before.wait(TURN_LIMIT);
    }

    /// What it is for.
    pub fn spec(&self) -> &ScanSpec {
        &self.spec
    }

    /// The plots it scans.
    pub fn plots(&self) -> &Plots {
        &self.plots
    }

    /// Ends it; the best so far stays.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Release);
        self.finish();
    }

    /// Whether nothing more is scanned.
    pub fn is_over(&self) -> bool {
        self.cancel.load(Ordering::Acquire) || self.finished.load(Ordering::Acquire)
    }

    /// How long reading and hashing went on for it after its end; `None`: they
    /// still do, or it is not over.
    pub fn went_on(&self) -> Option<Duration> {
        let took = Duration::from_nanos(self.took.load(Ordering::Acquire));
        self.rest.ended().map(|ended| ended.saturating_sub(took))
    }

    /// The best leaf so far.
    pub fn best(&self) -> Option<Found> {
        self.lock().found.clone()
    }

    /// How far it is.
    pub fn coverage(&self) -> Coverage {
        let took = Duration::from_nanos(self.took.load(Ordering::Acquire));
        Coverage {
            scanned: (0..self.plots.len()).map(|plot| self.progress(plot).distinct).sum(),
            again: (0..self.plots.len()).map(|plot| self.progress(plot).again()).sum(),
            leaves: self.plots.iter().map(|plot| plot.leaf_count()).sum(),
            elapsed: if took.is_zero() { self.started.elapsed() } else { took },
        }
    }

    /// Per drive: its number, leaves scanned, leaves owned.
    pub fn drives(&self) -> Vec<(u64, u64, u64)> {
        let mut drives = std::collections::BTreeMap::new();
        for (index, (plot, drive)) in self.plots.iter().zip(&self.drives).enumerate() {
            let (scanned, leaves) = drives.entry(drive.number).or_insert((0, 0));
            *scanned += self.progress(index).distinct;
            *leaves += plot.leaf_count();
        }
        drives.into_iter().map(|(drive, (scanned, leaves))| (drive, scanned, leaves)).collect()
    }

    /// Per drive: its number, and leaves that were made again instead of read.
    pub fn regenerated(&self) -> Vec<(u64, u64)> {
        let mut drives = std::collections::BTreeMap::new();
        for (index, drive) in self.drives.iter().enumerate() {
            *drives.entry(drive.number).or_insert(0) += self.made_of(index);
        }
        drives.into_iter().collect()
    }

    /// Leaves of a plot that were made.
    fn made_of(&self, plot: usize) -> u64 {
        self.made[plot].load(Ordering::Relaxed).min(self.plots[plot].leaf_count())
    }

    pub(super) fn add_made(&self, plot: usize, leaves: u64) {
        self.made[plot].fetch_add(leaves, Ordering::Relaxed);
    }

    /// The key that a plot's leaves are to be made with, if they are its own.
    pub(super) fn key_to_make(&self, plot: usize) -> Option<&PlotKey> {
        let making = self.making.as_ref()?;
        making.drives.contains(&self.drives[plot].number).then_some(&making.key)
    }

    /// Per plot, the number of its drive.
    pub fn drive_numbers(&self) -> impl Iterator<Item = u64> {
        self.drives.iter().map(|drive| drive.number)
    }

    /// What was planned and read so far, for the record of challenges.
    pub fn noted(&self) -> Noted {
        self.notes.noted()
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Since it began.
    pub(super) fn clock(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn cancel_flag(&self) -> &AtomicBool {
        &self.cancel
    }

    /// A plot cannot be read: no more of it is, and the first reason is told.
    pub(super) fn fail(&self, plot: usize, error: &ReadError) {
        if !self.failed[plot].swap(true, Ordering::AcqRel) {
            self.report.plot_failed(self, plot, error);
        }
    }

    /// Whether this batch of a plot is worth reading.
    pub(super) fn reads(&self, plot: usize, batch: u64) -> bool {
        !self.failed[plot].load(Ordering::Acquire) && self.wants(plot, batch)
    }

    pub(super) fn report(&self) -> &dyn Report {
        &*self.report
    }

    pub(super) fn drive(&self, plot: usize) -> &Arc<Drive> {
        &self.drives[plot]
    }

    /// Leaves scanned of a plot, as its strategy is told; one that is scanned
    /// twice counts twice, up to as many as there are.
    pub(super) fn scanned(&self, plot: usize) -> u64 {
        self.progress(plot).scanned.min(self.plots[plot].leaf_count())
    }

    /// Counts leaves that were scanned under one of a plot's plans, of which so
    /// many had not been before.
    pub(super) fn add_scanned(&self, plot: usize, plan: u64, leaves: u64, distinct: u64) {
        let mut progress = self.progress(plot);
        if progress.plan == plan {
            progress.scanned += leaves;
            progress.distinct += distinct;
            self.scanned.fetch_add(leaves, Ordering::Relaxed);
        }
    }

    /// Leaves scanned of all plots; one that is scanned twice counts twice.
    pub(super) fn scanned_in_all(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }

    /// Milliseconds until the deadline, at least 1; 0: there is none.
    pub(super) fn time_left_ms(&self) -> u64 {
        let Some(ends) = self.ends else { return 0 };
        let left = ends.saturating_duration_since(Instant::now());
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// No more than so many leaves are scanned of a plot, whatever its plan.
    pub(super) fn limit(&self, plot: usize, leaves: u64) {
        let mut progress = self.progress(plot);
        progress.limit = progress.limit.min(leaves);
    }

    /// How many leaves of a plot are scanned at the most.
    pub(super) fn limit_of(&self, plot: usize) -> u64 {
        self.progress(plot).limit
    }

    /// The plan of a plot that counts now.
    pub(super) fn plan_of(&self, plot: usize) -> u64 {
        self.progress(plot).plan
    }

    /// A plot's plan begins anew; the new one.
    pub(super) fn start_over(&self, plot: usize) -> u64 {
        let mut progress = self.progress(plot);
        self.scanned.fetch_sub(progress.scanned, Ordering::Relaxed);
        *progress = Progress { plan: progress.plan + 1, scanned: 0, distinct: 0, ..*progress };
        progress.plan
    }

    fn progress(&self, plot: usize) -> MutexGuard<'_, Progress> {
        self.progress[plot].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes leaves from the budget; how many there were.
    pub(super) fn take_budget(&self, leaves: u64) -> u64 {
        let Some(budget) = &self.budget else { return leaves };
        let mut taken = 0;
        let update = |left: u64| {
            taken = left.min(leaves);
            Some(left - taken)
        };
        // The closure never says no.
        let _ = budget.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        taken
    }

    /// Scores that are not under this need not be looked at. A score equal to
    /// the best one is: it counts if it comes earlier in plan order.
    pub(super) fn bound(&self) -> Target {
        let bound = match &self.lock().found {
            Some(best) => Target::new(successor(best.score.to_bytes())),
            None => Target::new([0xFF; 32]),
        };
        match self.spec.stop {
            // An earlier leaf under the target counts, whatever its score.
            Stop::FirstUnder(target) => bound.max(target),
            _ => bound,
        }
    }

    /// With "first under": the target, unless a leaf before `place` made it.
    pub(super) fn wants(&self, plot: usize, batch: u64) -> bool {
        if self.is_over() {
            return false;
        }
        let Stop::FirstUnder(target) = self.spec.stop else { return true };
        let best = self.lock();
        match &best.found {
            // A plot's later batches cannot hold its first; other plots end too.
            Some(found) if is_under(&found.score, &target) => {
                plot == best.place.plot && batch <= best.place.batch
            }
            _ => true,
        }
    }

    /// Offers a leaf; the best is kept and reported.
    pub(super) fn offer(&self, place: Place, leaf_index: u64, leaf: Leaf, score: Score) {
        let found = Found { plot: place.plot, leaf_index, leaf, score };
        {
            let mut best = self.lock();
            if !self.is_better(&best, &found, place) {
                return;
            }
            *best = Best { found: Some(found.clone()), place };
        }
        if !self.cancel.load(Ordering::Acquire) {
            self.report.best(self, &found);
        }
    }

    fn is_better(&self, best: &Best, new: &Found, place: Place) -> bool {
        let Some(old) = &best.found else { return true };
        if let Stop::FirstUnder(target) = self.spec.stop {
            match (is_under(&old.score, &target), is_under(&new.score, &target)) {
                (true, true) => return place.plot == best.place.plot && place < best.place,
                (true, false) => return false,
                _ => {}
            }
        }
        (new.score, place) < (old.score, best.place)
    }

    /// One more batch is on its way.
    pub(super) fn open_one(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// A plot or a batch has been dealt with.
    pub(super) fn close_one(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
            self.rest.end(self.started.elapsed());
            tracing::trace!(challenge = %self.spec.challenge, "nobody works for the scan any more");
        }
    }

    fn finish(&self) {
        if !self.finished.swap(true, Ordering::AcqRel) {
            self.took.store(self.nanos(), Ordering::Release);
            self.rest.begin();
            self.report.finished(self);
        }
    }

    /// Since it began, at least 1.
    fn nanos(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, Best> {
        self.best.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job as strategies see it.
    pub(super) fn to_abi(&self) -> abi::Job<'_> {
        let leaves = self.plots.iter().map(|plot| plot.leaf_count()).sum();
        self.spec.to_abi(self.plots.len(), leaves, self.time_left_ms(), &self.cancel)
    }
}

impl ScanSpec {
    /// A job of so many plots with so many leaves in all, as strategies see it.
    pub(super) fn to_abi<'a>(
        &self,
        plots: usize,
        leaves: u64,
        time_left_ms: u64,
        cancel: &'a AtomicBool,
    ) -> abi::Job<'a> {
        let (stop, stop_leaves) = match self.stop {
            Stop::BestOfAll => (abi::StopRule::BEST_OF_ALL, 0),
            Stop::FirstUnder(_) => (abi::StopRule::FIRST_UNDER_TARGET, 0),
            Stop::Budget(leaves) => (abi::StopRule::BUDGET, leaves),
        };
        let target = |target: Option<Target>| target.map_or([0; 32], Target::to_bytes);
        let seed = &self.challenge.as_bytes()[..8];
        let mut reserved = [0; 16];
        reserved[features::JOB_TIME_LEFT_MS] = time_left_ms;
        abi::Job {
            id: self.id,
            challenge: self.challenge.to_bytes(),
            block_target: target(self.block_target),
            share_target: target(self.share_target),
            epoch: self.epoch,
            height: self.height,
            stop,
            builder: match self.builder {
                spacetime_sdk::Builder::Host => abi::Builder::HOST,
                spacetime_sdk::Builder::Transport => abi::Builder::TRANSPORT,
                _ => abi::Builder::NOBODY,
            },
            stop_leaves,
            deadline_ms: self.deadline_ms,
            started_ms: self.started_ms,
            plots: plots as u64,
            leaves,
            seed: seed.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte)),
            cancel,
            reserved,
        }
    }
}

/// A moment in Unix milliseconds, as far as the clock can be trusted now; 0: none.
fn deadline(unix_ms: u64) -> Option<Instant> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms))?;
    let left = time.duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now().checked_add(left).filter(|_| unix_ms > 0)
}

/// The next larger number; all ones stay.
fn successor(mut number: [u8; 32]) -> [u8; 32] {
    if number == [0xFF; 32] {
        return number;
    }
    for byte in number.iter_mut().rev() {
        let (next, carry) = byte.overflowing_add(1);
        *byte = next;
        if !carry {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_carries() {
        let mut number = [0; 32];
        number[31] = 0xFF;
        number[30] = 0xFF;
        let next = successor(number);
        assert_eq!(next[29..], [1, 0, 0]);
        assert_eq!(successor([0xFF; 32]), [0xFF; 32]);
    }
}
