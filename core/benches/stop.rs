//! How long a scan that is cancelled keeps the cores busy: from the cancel to its
//! last instruction, on cores that are idle and on cores that others want too.
//!
//! `cargo bench -p spacetime-miner --bench stop` prints percentiles; with
//! `-- --test` a few scans are cancelled once.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{
    hint::spin_loop,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use spacetime_core::scan::{
    BuiltIn, Component, Found, Hasher, LeafSource, Planner, Plots, ReadError, Report, ScanJob,
    ScanSpec, Scanner,
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotSeed};
use spacetime_sdk_loader::Fault;

/// Scans that are cancelled, of each kind.
const SCANS: usize = 1000;

/// Leaves in memory, which a far larger plot repeats.
const LEAVES: u64 = 1 << 15;

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let scans = if is_test { 3 } else { SCANS };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let hasher = Hasher::new(Kernels::detect(), None);
    let planner = Planner::new(Arc::new(BuiltIn));
    let scanner = Scanner::new(planner, hasher, NonZeroUsize::MIN, None).unwrap();
    println!("from the cancel to the last instruction, {scans} scans, {cores} cores");
    print("idle", measure(&scanner, scans));
    let others = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while others.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        print("busy", measure(&scanner, scans));
        others.store(false, Ordering::Relaxed);
    });
}

fn measure(scanner: &Scanner, scans: usize) -> Vec<Duration> {
    let mut leaves = vec![0; LEAVES as usize * 32];
    Kernels::detect().generate(&[1; 32], &[2; 32], 0, &mut leaves);
    let plots: Plots = Arc::new([Arc::new(Endless(leaves)) as Arc<dyn LeafSource>]);
    let mut random = fastrand::Rng::with_seed(1);
    let cancelled = |number: usize| {
        let spec = ScanSpec::lone(number as u64, Challenge::new([3; 32]));
        let job = scanner.start(spec, plots.clone(), Arc::new(Deaf));
        // In the midst of it, at no moment in particular.
        thread::sleep(Duration::from_micros(random.u64(2_000..6_000)));
        job.cancel();
        loop {
            match job.went_on() {
                Some(went_on) => return went_on,
                // Rather than spin on a core that the scan has yet to leave.
                None => thread::sleep(Duration::from_micros(100)),
            }
        }
    };
    (0..scans).map(cancelled).collect()
}

fn print(cores: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let (median, most, all) = (at(0.5), at(0.99), at(1.0));
    println!("{cores}: median {median:.2} ms, 99th percentile {most:.2} ms, longest {all:.2} ms");
}

/// More leaves than any scan comes to the end of.
struct Endless(Vec<u8>);

impl LeafSource for Endless {
    fn leaf_count(&self) -> u64 {
        1 << 40
    }

    fn id(&self) -> PlotSeed {
        PlotSeed::ZERO
    }

    fn drive(&self) -> u64 {
        0
    }

    fn path(&self) -> &Path {
        Path::new("endless.plot")
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        for (at, leaf) in (first..).zip(out.chunks_exact_mut(32)) {
            leaf.copy_from_slice(&self.0[(at % LEAVES) as usize * 32..][..32]);
        }
        Ok(())
    }
}

struct Deaf;

impl Report for Deaf {
    fn best(&self, _: &ScanJob, _: &Found) {}
    fn plot_failed(&self, _: &ScanJob, _: usize, _: &ReadError) {}
    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}
    fn finished(&self, _: &ScanJob) {}
}
