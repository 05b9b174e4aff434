//! A scan by a strategy in a plugin beside the same plan linked into the host:
//! `full`, and the host's own plan, which is all leaves in order too, over one
//! file in the page cache, one after the other, many times.
//!
//! `cargo bench -p spacetime-tests --bench linked` measures 1 GiB; with
//! `-- --test` each runs once over little.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{
    env,
    fs::File,
    io::Write,
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use spacetime_core::scan::{
    BuiltIn, Hasher, LeafSource, Planner, Plots, ReadError, ScanSpec, Scanner, StrategySource,
    scan_once,
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotSeed};
use spacetime_sdk_loader::{Fault, Library, Strategy};
use spacetime_sdk_testing::{Recorder, request};
use spacetime_tests::{artifacts::plugin, figures::median};

const LEAF: u64 = 32;

/// Bytes written at a time.
const CHUNK: usize = 1 << 24;

struct Plot {
    file: File,
    path: PathBuf,
    leaves: u64,
}

impl Plot {
    fn new(folder: &Path, bytes: u64) -> Self {
        let path = folder.join("plot");
        let mut file = File::create_new(&path).unwrap();
        let mut chunk = vec![0; CHUNK];
        let leaves_at_once = chunk.len() as u64 / LEAF;
        for first in (0..bytes / LEAF).step_by(leaves_at_once as usize) {
            Kernels::detect().generate(&[1; 32], &[2; 32], first, &mut chunk);
            file.write_all(&chunk).unwrap();
        }
        Self { file: File::open(&path).unwrap(), path, leaves: bytes / LEAF }
    }
}

impl LeafSource for Plot {
    fn leaf_count(&self) -> u64 {
        self.leaves
    }

    fn id(&self) -> PlotSeed {
        PlotSeed::ZERO
    }

    fn drive(&self) -> u64 {
        0
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.file.read_exact_at(out, first * LEAF).map_err(|error| ReadError(error.to_string()))
    }
}

struct Full(Library);

impl StrategySource for Full {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        Some(Strategy::open(&self.0, &request("full", "()")))
    }

    fn failed(&self, fault: &Fault) {
        panic!("{fault}");
    }
}

fn scanner(source: Arc<dyn StrategySource>) -> Scanner {
    let hasher = Hasher::new(Kernels::detect(), None);
    Scanner::new(Planner::new(source), hasher, NonZeroUsize::MIN, None).unwrap()
}

fn scan(scanner: &Scanner, plots: &Plots) -> (Duration, Option<u64>) {
    let spec = ScanSpec::lone(0, Challenge::new([3; 32]));
    let begun = Instant::now();
    let best = scan_once(scanner, spec, plots.clone()).best;
    (begun.elapsed(), best.map(|best| best.leaf_index))
}

fn main() {
    let is_test = env::args().any(|argument| argument == "--test");
    let (bytes, rounds) = if is_test { (CHUNK as u64, 1) } else { (1 << 30, 21) };
    let library = Library::load(&plugin("spacetime-strategy-full"), Recorder::new(0)).unwrap();
    let scanners = [scanner(Arc::new(BuiltIn)), scanner(Arc::new(Full(library)))];
    let folder = tempfile::tempdir().unwrap();
    let plots: Plots = Arc::new([Arc::new(Plot::new(folder.path(), bytes)) as Arc<_>]);
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Each goes first every other time.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let found = order.map(|which| {
            let (time, best) = scan(&scanners[which], &plots);
            times[which].push(time.as_secs_f64());
            best
        });
        assert!(found[0].is_some() && found[0] == found[1], "{found:?}");
    }
    let [linked, plugin] = times;
    let ratios = linked.iter().zip(&plugin).map(|(linked, plugin)| plugin / linked).collect();
    let rate = |times| bytes as f64 / median(times) / f64::from(1 << 20);
    println!("linked:  {:.0} MiB/s (median of {rounds} scans of {bytes} bytes)", rate(linked));
    println!("plugin:  {:.0} MiB/s", rate(plugin));
    println!("plugin's time to linked one's, median of pairs: {:.4}", median(ratios));
}
