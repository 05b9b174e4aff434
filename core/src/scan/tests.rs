//! Whole scans over leaves in memory.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, Leaf, PlotKey, PlotSeed, Score, Target, plot, score};
use spacetime_sdk_loader::{Fault, Strategy};

use super::{
    BuiltIn, Component, Found, Hasher, LeafSource, Planner, Plots, ReadError, Report, ScanJob,
    ScanSpec, Scanner, Stop, StrategySource, scan_once,
};

/// Longer than anything here takes on the slowest machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What plots in memory are made with.
pub(super) const KEY: PlotKey = PlotKey::new([5; 32]);

/// A plot in memory.
pub(super) struct Memory {
    leaves: Vec<u8>,
    seed: PlotSeed,
    drive: u64,
    path: PathBuf,
    /// Reads of this leaf fail.
    bad: Option<u64>,
    /// Reads wait here.
    gate: Option<Receiver<()>>,
    pub(super) reads: AtomicU64,
}

impl Memory {
    pub(super) fn new(name: &str, drive: u64, leaves: u64) -> Self {
        let mut bytes = vec![0; leaves as usize * Leaf::SIZE];
        let mut seed = [0; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        Kernels::detect().generate(KEY.as_bytes(), &seed, 0, &mut bytes);
        Self {
            leaves: bytes,
            seed: PlotSeed::new(seed),
            drive,
            path: PathBuf::from(name),
            bad: None,
            gate: None,
            reads: AtomicU64::new(0),
        }
    }

    fn leaf(&self, index: u64) -> Leaf {
        Leaf::try_from(&self.leaves[index as usize * 32..][..32]).unwrap()
    }
}

impl LeafSource for Memory {
    fn leaf_count(&self) -> u64 {
        self.leaves.len() as u64 / 32
    }

    fn id(&self) -> PlotSeed {
        self.seed
    }

    fn drive(&self) -> u64 {
        self.drive
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            // Opened by dropping the other end.
            let _ = gate.recv();
        }
        let count = (out.len() / 32) as u64;
        if self.bad.is_some_and(|bad| (first..first + count).contains(&bad)) {
            return Err(ReadError(format!("{}: bad sector", self.path.display())));
        }
        out.copy_from_slice(&self.leaves[first as usize * 32..][..out.len()]);
        Ok(())
    }

    fn is_made_with(&self, key: &PlotKey) -> bool {
        *key == KEY
    }
}

/// A strategy that cannot be opened.
struct Broken(AtomicU64);

impl StrategySource for Broken {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        Some(Err(Fault::new("it broke")))
    }

    fn failed(&self, _: &Fault) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn scanner_with(source: Arc<dyn StrategySource>, workers: usize, per_drive: usize) -> Scanner {
    let number = |number| NonZeroUsize::new(number).unwrap();
    let hasher = Hasher::new(Kernels::detect(), None);
    Scanner::new(Planner::new(source), hasher, number(per_drive), Some(number(workers))).unwrap()
}

fn scanner(workers: usize, per_drive: usize) -> Scanner {
    scanner_with(Arc::new(BuiltIn), workers, per_drive)
}

pub(super) fn spec(challenge: u8, stop: Stop) -> ScanSpec {
    ScanSpec { stop, ..ScanSpec::lone(challenge.into(), Challenge::new([challenge; 32])) }
}

pub(super) fn plots(sources: Vec<Memory>) -> (Vec<Arc<Memory>>, Plots) {
    let sources: Vec<Arc<Memory>> = sources.into_iter().map(Arc::new).collect();
    let plots = sources.iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
    (sources, plots)
}

/// The best leaf, found one by one by the protocol's own function.
fn oracle(sources: &[Arc<Memory>], challenge: u8) -> (usize, u64, Score) {
    let challenge = Challenge::new([challenge; 32]);
    let all = sources.iter().enumerate().flat_map(|(plot, source)| {
        (0..source.leaf_count())
            .map(move |index| (score::score(&challenge, &source.leaf(index)), plot, index))
    });
    let (score, plot, index) = all.min().unwrap();
    (plot, index, score)
}

fn place(found: &Found) -> (usize, u64, Score) {
    (found.plot, found.leaf_index, found.score)
}

#[test]
fn the_leaves_are_those_of_the_protocol() {
    let source = Memory::new("a", 0, 3);
    let mut seed = [0; 32];
    seed[0] = b'a';
    assert_eq!(source.leaf(2), plot::leaf(&PlotKey::new([5; 32]), &PlotSeed::new(seed), 2));
}

#[test]
fn the_lowest_score_of_all_plots_is_found_whatever_the_threads() {
    let sizes = [1, 33_000, 70_001, 4096, 32_768];
    let made = |number: usize| Memory::new(&number.to_string(), number as u64 % 2, sizes[number]);
    let (sources, plots) = plots((0..sizes.len()).map(made).collect());
    for (workers, per_drive) in [(1, 1), (2, 3), (4, 2)] {
        let scanner = scanner(workers, per_drive);
        for challenge in 1..4 {
            let outcome = scan_once(&scanner, spec(challenge, Stop::BestOfAll), plots.clone());
            assert_eq!(place(&outcome.best.unwrap()), oracle(&sources, challenge));
            assert_eq!(outcome.coverage.scanned, sizes.iter().sum::<u64>());
            assert_eq!(outcome.coverage.leaves, outcome.coverage.scanned);
        }
    }
}

#[test]
fn of_equal_scores_the_first_plots_counts() {
    let twins = vec![Memory::new("twin", 0, 9000), Memory::new("twin", 1, 9000)];
    let (sources, plots) = plots(twins);
    let scanner = scanner(4, 2);
    for challenge in 0..20 {
        let outcome = scan_once(&scanner, spec(challenge, Stop::BestOfAll), plots.clone());
        assert_eq!(place(&outcome.best.unwrap()), oracle(&sources[..1], challenge));
    }
}

#[test]
fn the_first_leaf_under_the_target_ends_it() {
    let (sources, plots) = plots(vec![Memory::new("plot", 0, 500_000)]);
    let target = score::target(20_000).unwrap();
    let scanner = scanner(4, 1);
    for challenge in 0..10 {
        let outcome = scan_once(&scanner, spec(challenge, Stop::FirstUnder(target)), plots.clone());
        let hash = Challenge::new([challenge; 32]);
        let under =
            |index: &u64| score::is_under(&score::score(&hash, &sources[0].leaf(*index)), &target);
        let first = (0..500_000).find(under).unwrap();
        assert_eq!(outcome.best.unwrap().leaf_index, first, "challenge {challenge}");
    }
}

#[test]
fn a_target_that_nothing_is_under_gives_the_best_of_all() {
    let (sources, plots) = plots(vec![Memory::new("plot", 0, 50_000)]);
    let stop = Stop::FirstUnder(Target::ZERO);
    let outcome = scan_once(&scanner(2, 1), spec(1, stop), plots);
    assert_eq!(place(&outcome.best.unwrap()), oracle(&sources, 1));
}

#[test]
fn a_budget_is_spent_over_all_plots_and_a_limit_per_plot() {
    let two = || vec![Memory::new("one", 0, 50_000), Memory::new("two", 1, 50_000)];
    let outcome = scan_once(&scanner(2, 1), spec(1, Stop::Budget(60_001)), plots(two()).1);
    assert_eq!(outcome.coverage.scanned, 60_001);
    let limited = ScanSpec { leaves_per_plot: Some(777), ..spec(1, Stop::BestOfAll) };
    let outcome = scan_once(&scanner(2, 1), limited, plots(two()).1);
    assert_eq!(outcome.coverage.scanned, 1554);
}

#[test]
fn a_plot_that_fails_is_reported_and_the_others_are_scanned() {
    let bad = Memory { bad: Some(40_000), ..Memory::new("bad", 0, 100_000) };
    let (sources, plots) = plots(vec![Memory::new("good", 0, 60_000), bad]);
    let outcome = scan_once(&scanner(2, 1), spec(3, Stop::BestOfAll), plots);
    assert_eq!(outcome.failed_plots, [(1, ReadError("bad: bad sector".to_owned()))]);
    assert!(outcome.coverage.scanned >= 60_000 && outcome.coverage.scanned < 160_000);
    assert!(outcome.best.unwrap().score <= oracle(&sources[..1], 3).2);
}

#[test]
fn a_strategy_that_fails_leaves_the_built_in_plan() {
    let source = Arc::new(Broken(AtomicU64::new(0)));
    let (sources, plots) = plots(vec![Memory::new("one", 0, 5000), Memory::new("two", 0, 5000)]);
    let scanner = scanner_with(source.clone(), 2, 2);
    let outcome = scan_once(&scanner, spec(3, Stop::BestOfAll), plots);
    assert_eq!(place(&outcome.best.unwrap()), oracle(&sources, 3));
    assert_eq!((outcome.faults.len(), source.0.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(outcome.faults[0].0, Component::Strategy);
}

#[test]
fn no_plots_are_scanned_in_no_time() {
    let outcome = scan_once(&scanner(1, 1), spec(1, Stop::BestOfAll), plots(Vec::new()).1);
    assert_eq!((outcome.best, outcome.coverage.leaves), (None, 0));
}

/// Tells a channel of a scan's end.
struct Ends {
    ended: Sender<u64>,
    failed: Mutex<BTreeMap<usize, String>>,
    bests: Mutex<Vec<Score>>,
}

impl Ends {
    fn new() -> (Arc<Self>, Receiver<u64>) {
        let (ended, end) = unbounded();
        let ends = Self { ended, failed: Mutex::default(), bests: Mutex::default() };
        (Arc::new(ends), end)
    }
}

impl Report for Ends {
    fn best(&self, _: &ScanJob, found: &Found) {
        self.bests.lock().unwrap().push(found.score);
    }

    fn plot_failed(&self, _: &ScanJob, plot: usize, error: &ReadError) {
        self.failed.lock().unwrap().insert(plot, error.to_string());
    }

    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}

    fn finished(&self, job: &ScanJob) {
        self.ended.send(job.spec().id).unwrap();
    }
}

#[test]
fn a_cancelled_scan_is_over_at_once_and_keeps_its_best() {
    let (sources, plots) = plots(vec![Memory::new("plot", 0, 3_000_000)]);
    let scanner = scanner(2, 1);
    let (ends, end) = Ends::new();
    let job = scanner.start(spec(1, Stop::BestOfAll), plots, ends.clone());
    while job.best().is_none() {
        std::thread::yield_now();
    }
    let started = Instant::now();
    job.cancel();
    assert_eq!(end.try_recv(), Ok(1), "it is told before `cancel` returns");
    assert!(started.elapsed() < Duration::from_millis(10));
    let reads = sources[0].reads.load(Ordering::SeqCst);
    let best = job.best().unwrap();
    assert!(job.is_over() && job.coverage().scanned < 3_000_000);
    // A later scan has the threads for itself.
    let again = scan_once(&scanner, spec(2, Stop::Budget(1000)), job.plots().clone());
    assert_eq!(again.coverage.scanned, 1000);
    let later = sources[0].reads.load(Ordering::SeqCst) - reads;
    assert!(later <= 2, "one read was under way, one is the later scan's: {later}");
    assert!(job.best().unwrap().score <= best.score);
    let bests = ends.bests.lock().unwrap();
    assert!(bests.is_sorted_by(|earlier, later| earlier > later), "each is better");
    assert!(end.try_recv().is_err(), "the end is told once");
}

#[test]
fn a_dead_drive_holds_nobody_up_and_is_left_out_in_the_end() {
    let (open, gate) = bounded(0);
    let dead = Memory { gate: Some(gate), ..Memory::new("dead", 7, 100) };
    let (_, plots) = plots(vec![dead, Memory::new("good", 0, 100_000)]);
    let scanner = scanner(1, 1);
    let (ends, end) = Ends::new();
    let mut failed = None;
    for number in 0..12 {
        let job = scanner.start(spec(number, Stop::BestOfAll), plots.clone(), ends.clone());
        let until = Instant::now() + PATIENCE;
        while job.coverage().scanned < 100_000 {
            assert!(Instant::now() < until, "scan {number} is held up");
            std::thread::yield_now();
        }
        // Of this scan: a reader that had not begun when its scan was cancelled leaves the drive,
        // which then gets another.
        match ends.failed.lock().unwrap().remove(&0) {
            Some(reason) => failed = Some(reason),
            None => job.cancel(),
        }
        assert_eq!(end.recv_timeout(PATIENCE), Ok(u64::from(number)));
    }
    let failed = failed.unwrap();
    assert!(failed.contains("drive does not answer"), "{failed}");
    drop(open);
    // It comes back.
    let until = Instant::now() + PATIENCE;
    loop {
        let outcome = scan_once(&scanner, spec(99, Stop::BestOfAll), plots.clone());
        if outcome.coverage.scanned == 100_100 {
            return;
        }
        assert!(Instant::now() < until, "it never came back");
    }
}

#[test]
fn dropping_the_scanner_ends_its_threads() {
    struct Gone(Arc<AtomicBool>);
    impl StrategySource for Gone {
        fn open(&self) -> Option<Result<Strategy, Fault>> {
            None
        }
        fn failed(&self, _: &Fault) {}
    }
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let gone = Arc::new(AtomicBool::new(false));
    let scanner = scanner_with(Arc::new(Gone(gone.clone())), 2, 1);
    scan_once(&scanner, spec(1, Stop::BestOfAll), plots(vec![Memory::new("a", 0, 100)]).1);
    drop(scanner);
    let until = Instant::now() + PATIENCE;
    while !gone.load(Ordering::SeqCst) {
        assert!(Instant::now() < until, "somebody still holds the scanner");
        std::thread::yield_now();
    }
}
