//! What a scan costs whose leaves are read from the page cache, and one whose
//! leaves are made again: a drive is worth reading as far as it lies between.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{num::NonZeroUsize, sync::Arc};

use divan::{Bencher, counter::BytesCount};
use spacetime_core::{
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, PlotFile, create},
    scan::{BuiltIn, Hasher, LeafOrigin, Planner, Plots, ScanSpec, Scanner, Supply, scan_once},
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotKey};

const KEY: PlotKey = PlotKey::new([1; 32]);
const LEAVES: u64 = 1 << 21;

fn main() {
    divan::main();
}

#[divan::bench(args = ["read", "made"])]
fn scan(bencher: Bencher<'_, '_>, source: &str) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.plot");
    let (key, seed, leaf_count) = (KEY, None, LEAVES);
    let (cache_levels, memory) = (CacheLevels::Auto, DEFAULT_MEMORY);
    let spec = CreateSpec { target: target.clone(), key, seed, leaf_count, cache_levels, memory };
    create(&spec, &()).unwrap();
    let origin = match source {
        "read" => LeafOrigin::Disk,
        _ => LeafOrigin::Regenerate,
    };
    let (supply, planner) = (Supply::new(origin, Some(KEY)), Planner::new(Arc::new(BuiltIn)));
    let hasher = Hasher::new(Kernels::detect(), None);
    let scanner = Scanner::supplied(planner, hasher, NonZeroUsize::MIN, None, supply).unwrap();
    let plots: Plots = Arc::new([Arc::new(PlotFile::open(&target).unwrap()) as _]);
    let spec = ScanSpec::lone(0, Challenge::new([3; 32]));
    bencher
        .counter(BytesCount::new(LEAVES as usize * 32))
        .bench_local(|| scan_once(&scanner, spec.clone(), plots.clone()).best);
}
