//! Scans whose leaves are read, made again, or whatever is faster, over real
//! plots: the outcome is the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    num::NonZeroUsize,
    path::Path,
    slice,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use spacetime_core::{
    plots::{CacheLevels, CreateSpec, PathError, PlotFile, create},
    proof::prove,
    scan::{
        BuiltIn, Found, Hasher, LeafOrigin, LeafSource, Planner, ReadError, ScanSpec, Scanner,
        Stop, Supply, scan_once,
    },
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotKey, PlotSeed, Target};

const KEY: PlotKey = PlotKey::new([7; 32]);
const OTHER: PlotKey = PlotKey::new([8; 32]);
const LEAVES: u64 = 20 * 4096 + 99;

/// A plot on a drive of its own, of which reads are counted.
struct Counted {
    plot: PlotFile,
    drive: u64,
    /// How long the drive takes for each read.
    pace: Mutex<Duration>,
    reads: AtomicU64,
}

impl Counted {
    fn of(plot: PlotFile, drive: u64, pace: Duration) -> Arc<Self> {
        Arc::new(Self { plot, drive, pace: Mutex::new(pace), reads: AtomicU64::new(0) })
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

impl LeafSource for Counted {
    fn leaf_count(&self) -> u64 {
        self.plot.leaf_count()
    }

    fn id(&self) -> PlotSeed {
        self.plot.id()
    }

    fn drive(&self) -> u64 {
        self.drive
    }

    fn path(&self) -> &Path {
        self.plot.path()
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        // Being slow is what this drive is for; nothing waits by it.
        let pace = *self.pace.lock().unwrap();
        thread::sleep(pace);
        self.plot.read(first, out)
    }

    fn is_made_with(&self, key: &PlotKey) -> bool {
        self.plot.is_made_with(key)
    }
}

fn plot(folder: &Path, name: &str, key: PlotKey) -> PlotFile {
    let target = folder.join(name);
    let cache_levels = CacheLevels::Auto;
    let (seed, leaf_count, memory) = (None, LEAVES, 1 << 20);
    create(
        &CreateSpec { target: target.clone(), key, seed, leaf_count, cache_levels, memory },
        &(),
    )
    .unwrap();
    PlotFile::open(&target).unwrap()
}

fn scanner(origin: LeafOrigin) -> Scanner {
    scanner_with(Supply::new(origin, Some(KEY)))
}

fn scanner_with(supply: Supply) -> Scanner {
    let hasher = Hasher::new(Kernels::detect(), None);
    let (one, two) = (NonZeroUsize::MIN, NonZeroUsize::new(2));
    Scanner::supplied(Planner::new(Arc::new(BuiltIn)), hasher, one, two, supply).unwrap()
}

fn scan(scanner: &Scanner, stop: Stop, challenge: u8, plots: &[Arc<Counted>]) -> Found {
    let spec = ScanSpec { stop, ..ScanSpec::lone(1, Challenge::new([challenge; 32])) };
    let plots = plots.iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
    let outcome = scan_once(scanner, spec, plots);
    assert!(outcome.failed_plots.is_empty() && outcome.faults.is_empty(), "{outcome:?}");
    outcome.best.unwrap()
}

#[test]
fn leaves_that_are_made_win_what_those_that_are_read_win() {
    let folder = tempfile::tempdir().unwrap();
    let made = Counted::of(plot(folder.path(), "own.plot", KEY), 0, Duration::ZERO);
    // Somebody else's, and one that only says that it is ours.
    let foreign = Counted::of(plot(folder.path(), "other.plot", OTHER), 1, Duration::ZERO);
    let zeros = plot(folder.path(), "zeros.plot", KEY);
    let mut bytes = fs::read(zeros.path()).unwrap();
    bytes[121..].fill(0);
    fs::write(zeros.path(), bytes).unwrap();
    let zeros = Counted::of(zeros, 0, Duration::ZERO);
    let plots = [made, foreign, zeros];
    let (reading, making) = (scanner(LeafOrigin::Disk), scanner(LeafOrigin::Regenerate));
    let mut one_in_ten_thousand = [0xFF; 32];
    one_in_ten_thousand[..2].copy_from_slice(&[0, 6]);
    let stops = [
        Stop::BestOfAll,
        Stop::FirstUnder(Target::new(one_in_ten_thousand)),
        Stop::FirstUnder(Target::new([0; 32])),
    ];
    for (challenge, stop) in stops.into_iter().enumerate() {
        // The first one under a target may be any plot's; of one plot it is one.
        let plots = match stop {
            Stop::FirstUnder(_) => &plots[..1],
            _ => &plots,
        };
        let read = scan(&reading, stop, challenge as u8, plots);
        let before: Vec<u64> = plots.iter().map(|plot| plot.reads()).collect();
        assert!(before.iter().all(|reads| *reads > 0));
        let found = scan(&making, stop, challenge as u8, plots);
        assert_eq!(found, read, "{stop:?}");
        let more = plots.iter().zip(before).map(|(plot, before)| plot.reads() - before);
        let is_read: Vec<bool> = more.map(|reads| reads > 0).collect();
        assert_eq!(is_read, [false, true, true][..plots.len()], "ours alone is made");
        let proved = prove(&plots[found.plot].plot, found.leaf_index, &found.leaf).unwrap();
        assert_eq!(proved.leaf, found.leaf);
    }
    let of_budget = scan(&making, Stop::Budget(5000), 9, &plots[..1]);
    assert!(of_budget.leaf_index < 5000);
}

/// The leaf that was made is the right one, but a proof needs the others of
/// its subtree, and those that the plot has.
#[test]
fn a_made_leaf_is_proved_from_what_the_plot_has() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Counted::of(plot(folder.path(), "own.plot", KEY), 0, Duration::ZERO);
    let best = scan(&scanner(LeafOrigin::Disk), Stop::BestOfAll, 1, slice::from_ref(&whole));
    let path = whole.path().to_owned();
    let mut bytes = fs::read(&path).unwrap();
    bytes[121 + 32 * best.leaf_index as usize] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = Counted::of(PlotFile::open(&path).unwrap(), 0, Duration::ZERO);
    let made =
        scan(&scanner(LeafOrigin::Regenerate), Stop::BestOfAll, 1, slice::from_ref(&damaged));
    assert_eq!(made, best);
    let error = prove(&damaged.plot, made.leaf_index, &made.leaf).unwrap_err();
    assert_eq!(error.reason, PathError::LeafChanged { index: made.leaf_index });
}

/// The first scan reads, and measures; a drive that gives 160 leaves per
/// millisecond is not read again, and one in memory is.
#[test]
fn what_is_faster_is_decided_per_drive_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let slow = plot(folder.path(), "slow.plot", KEY);
    let slow = Counted::of(slow, 0, Duration::from_millis(50));
    let fast = Counted::of(plot(folder.path(), "fast.plot", KEY), 1, Duration::ZERO);
    // It is in the system's memory after that.
    fs::read(fast.path()).unwrap();
    let plots = [slow.clone(), fast.clone()];
    let auto = scanner(LeafOrigin::Auto);
    for challenge in 1..4 {
        let before = [slow.reads(), fast.reads()];
        let found = scan(&auto, Stop::BestOfAll, challenge, &plots);
        let more = [slow.reads() - before[0], fast.reads() - before[1]];
        assert_eq!((more[0] > 0, more[1] > 0), (challenge == 1, true), "scan {challenge}");
        let read = scan(&scanner(LeafOrigin::Disk), Stop::BestOfAll, challenge, &plots[1..]);
        assert!(found.score <= read.score);
    }
}

/// A little is read of a drive whose leaves are made: one that was slow for a
/// while is read again.
#[test]
fn a_drive_that_became_faster_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let drive = Counted::of(plot(folder.path(), "one.plot", KEY), 0, Duration::from_millis(50));
    fs::read(drive.path()).unwrap();
    let plots = [drive.clone()];
    let auto = scanner_with(Supply::new(LeafOrigin::Auto, Some(KEY)).retrying(Duration::ZERO));
    let scan_reads = |challenge| {
        let before = drive.reads();
        let found = scan(&auto, Stop::BestOfAll, challenge, &plots);
        let reads = drive.reads() - before;
        assert_eq!(found, scan(&scanner(LeafOrigin::Disk), Stop::BestOfAll, challenge, &plots));
        reads
    };
    let all = scan_reads(1);
    // Each trial is behind the last one, until there is nothing behind it.
    let some = [scan_reads(2), scan_reads(3)];
    assert!(some.iter().all(|reads| (1..all).contains(reads)), "{some:?} of {all}");
    *drive.pace.lock().unwrap() = Duration::ZERO;
    let more = [scan_reads(4), scan_reads(5), scan_reads(6)];
    assert!(more.contains(&all), "{more:?} of {all}");
}
