//! Plots at which something happens while they are read.

use std::{
    fs::OpenOptions,
    path::Path,
    sync::{
        Arc, Barrier, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use spacetime_core::scan::{
    Component, Found, Io, LeafSource, Plots, ReadError, Report, ScanJob, ScanSpec, scan_once,
};
use spacetime_maps::Window;
use spacetime_protocol::{Challenge, PlotSeed};
use spacetime_sdk_loader::Fault;

use crate::{PlotFile, plot, scanner};

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A plot of 100,000 leaves, three whole buffers and a rest, and what happens.
struct Odd {
    plot: Arc<PlotFile>,
    happens: Happens,
    times: AtomicU64,
}

enum Happens {
    /// The first mapped leaves are cut off as soon as they are loaded.
    Cut,
    /// What is in the system's memory is gone when it is wanted.
    Evicted,
    /// A read past the system's memory waits for another to be under way.
    Meets(Barrier),
    /// Reads past the system's memory hang until they are let go.
    Hangs(Mutex<bool>, Condvar),
    /// The file system turns out to have no such reads.
    Refuses(AtomicBool),
}

impl LeafSource for Odd {
    fn leaf_count(&self) -> u64 {
        self.plot.leaf_count()
    }

    fn id(&self) -> PlotSeed {
        self.plot.id()
    }

    fn drive(&self) -> u64 {
        self.plot.drive()
    }

    fn path(&self) -> &Path {
        LeafSource::path(&*self.plot)
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.plot.read(first, out)
    }

    fn read_in_memory(&self, first: u64, out: &mut [u8]) -> bool {
        if matches!(self.happens, Happens::Evicted) && out.len() > 32 {
            self.times.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        self.plot.read_in_memory(first, out)
    }

    fn place_in_block(&self, leaf: u64) -> Option<usize> {
        match &self.happens {
            Happens::Refuses(refused) if refused.load(Ordering::SeqCst) => None,
            _ => self.plot.place_in_block(leaf),
        }
    }

    fn read_blocks(&self, first: u64, leaves: u64, out: &mut [u8]) -> Result<bool, ReadError> {
        let time = self.times.fetch_add(1, Ordering::SeqCst);
        match &self.happens {
            Happens::Meets(both) if time < 2 => {
                both.wait();
            }
            Happens::Hangs(free, told) => {
                let free = free.lock().unwrap();
                drop(told.wait_while(free, |free| !*free).unwrap());
            }
            Happens::Refuses(refused) => {
                refused.store(true, Ordering::SeqCst);
                return Ok(false);
            }
            _ => {}
        }
        self.plot.read_blocks(first, leaves, out)
    }

    fn map(&self, first: u64, leaves: u64) -> Option<Window> {
        self.plot.map(first, leaves)
    }

    fn load(&self, window: &Window, from: u64, leaves: u64) -> bool {
        let loaded = self.plot.load(window, from, leaves);
        if matches!(self.happens, Happens::Cut) && self.times.fetch_add(1, Ordering::SeqCst) == 0 {
            let file = OpenOptions::new().write(true).open(LeafSource::path(&*self.plot)).unwrap();
            file.set_len(4096).unwrap();
        }
        loaded
    }
}

fn odd(folder: &Path, happens: Happens) -> Arc<Odd> {
    Arc::new(Odd { plot: plot(folder, 100_000), happens, times: AtomicU64::new(0) })
}

fn spec() -> ScanSpec {
    ScanSpec::lone(0, Challenge::new([7; 32]))
}

/// Scans it, each leaf once, and finds what an ordinary scan finds.
fn scans_as_ever(odd: &Arc<Odd>, io: Io) {
    let sources: [Plots; 2] =
        [Arc::new([odd.clone() as Arc<dyn LeafSource>]), Arc::new([odd.plot.clone() as _])];
    let [ours, plain] = sources.map(|sources| {
        let outcome = scan_once(&scanner(io, 1), spec(), sources);
        assert_eq!(outcome.failed_plots, []);
        assert_eq!(outcome.coverage.scanned, 100_000);
        let best = outcome.best.unwrap();
        (best.leaf_index, best.leaf)
    });
    assert_eq!(ours, plain);
}

/// Whether the file system of the tests' folder has reads past memory.
fn has_blocks(odd: &Odd) -> bool {
    let mut out = vec![0; 8192];
    let skip = out.as_ptr().align_offset(4096);
    odd.plot.read_blocks(0, 1, &mut out[skip..][..4096]).unwrap()
}

#[test]
fn a_plot_that_is_cut_while_it_is_mapped_fails_and_nothing_of_it_counts() {
    let folder = tempfile::tempdir().unwrap();
    let odd = odd(folder.path(), Happens::Cut);
    if odd.plot.map(0, 1).is_none() {
        return;
    }
    let outcome = scan_once(&scanner(Io::Mmap, 1), spec(), Arc::new([odd as _]));
    let errors: Vec<_> = outcome.failed_plots.into_iter().map(|(_, error)| error.0).collect();
    // By whoever comes first: the worker that looks at it, or the reader of
    // what follows.
    let tells = ["while they were mapped", "the file ends in leaf"];
    let told = |error: &String| {
        error.contains("100000.plot") && tells.iter().any(|tells| error.contains(tells))
    };
    assert!(errors.len() == 1 && errors.iter().all(told), "{errors:?}");
    assert_eq!(outcome.best, None, "zeros are no leaves");
    assert_eq!(outcome.coverage.scanned, 0);
}

#[test]
fn what_is_gone_from_memory_when_it_is_wanted_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let odd = odd(folder.path(), Happens::Evicted);
    // It is in the system's memory after that.
    odd.plot.read(0, &mut vec![0; 100_000 * 32]).unwrap();
    let is_told = odd.plot.read_in_memory(0, &mut [0; 32]);
    scans_as_ever(&odd, Io::Buffered);
    let times = odd.times.load(Ordering::SeqCst);
    assert_eq!(times, if is_told { 3 } else { 0 }, "whole buffers only");
}

#[test]
fn several_reads_past_memory_are_under_way_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let odd = odd(folder.path(), Happens::Meets(Barrier::new(2)));
    if has_blocks(&odd) {
        // One after the other, they would wait for good.
        scans_as_ever(&odd, Io::Direct);
    }
}

#[test]
fn a_file_system_that_refuses_late_is_read_otherwise() {
    for io in [Io::Direct, Io::Auto] {
        let folder = tempfile::tempdir().unwrap();
        scans_as_ever(&odd(folder.path(), Happens::Refuses(AtomicBool::new(false))), io);
    }
}

#[test]
fn reads_past_memory_that_hang_hold_up_no_other_drive() {
    /// On a drive of its own.
    struct Elsewhere(Arc<PlotFile>);
    impl LeafSource for Elsewhere {
        fn leaf_count(&self) -> u64 {
            self.0.leaf_count()
        }
        fn id(&self) -> PlotSeed {
            self.0.id()
        }
        fn drive(&self) -> u64 {
            !self.0.drive()
        }
        fn path(&self) -> &Path {
            LeafSource::path(&*self.0)
        }
        fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
            self.0.read(first, out)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let dead = odd(folder.path(), Happens::Hangs(Mutex::new(false), Condvar::new()));
    if !has_blocks(&dead) {
        return;
    }
    let good = Arc::new(Elsewhere(plot(other.path(), 100_000)));
    let plots: Plots = Arc::new([dead.clone() as _, good as Arc<dyn LeafSource>]);
    let scanner = scanner(Io::Direct, 1);
    // More than may be stuck on a drive.
    for number in 0..12 {
        let job = scanner.start(spec(), plots.clone(), Arc::new(Deaf));
        let until = std::time::Instant::now() + PATIENCE;
        while job.coverage().scanned < 100_000 {
            assert!(std::time::Instant::now() < until, "scan {number} is held up");
            std::thread::yield_now();
        }
        job.cancel();
    }
    let Happens::Hangs(free, told) = &dead.happens else { unreachable!() };
    *free.lock().unwrap() = true;
    told.notify_all();
}

struct Deaf;

impl Report for Deaf {
    fn best(&self, _: &ScanJob, _: &Found) {}
    fn plot_failed(&self, _: &ScanJob, _: usize, _: &ReadError) {}
    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}
    fn finished(&self, _: &ScanJob) {}
}
