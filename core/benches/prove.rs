//! How long a proof takes, by the plot's size: sparse files stand in for large
//! plots, with a cache as `plot create` makes it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

#[path = "../tests/support/sparse.rs"]
mod sparse;

use divan::{Bencher, black_box};
use spacetime_core::{plots::PlotFile, proof::prove};
use spacetime_protocol::Leaf;

/// Plots of 2^10 to 2^35 leaves: 32 KiB to 1 TiB.
const HEIGHTS: [u32; 4] = [10, 20, 30, 35];

fn main() {
    divan::main();
}

/// The plot is open, and its pages are in memory: what is left is the work.
#[divan::bench(args = HEIGHTS)]
fn again(bencher: Bencher<'_, '_>, height: u32) {
    let folder = tempfile::tempdir().unwrap();
    let leaves = sparse::leaves(height);
    let plot = PlotFile::open(&sparse::plot(folder.path(), height, &leaves)).unwrap();
    let mut next = leaves.iter().cycle();
    bencher.bench_local(|| prove(&plot, *black_box(next.next().unwrap()), &Leaf::ZERO).unwrap());
}

/// The first proof of a plot: file and cache are opened for it.
#[divan::bench(args = HEIGHTS)]
fn at_first(bencher: Bencher<'_, '_>, height: u32) {
    let folder = tempfile::tempdir().unwrap();
    let leaves = sparse::leaves(height);
    let path = sparse::plot(folder.path(), height, &leaves);
    bencher
        .with_inputs(|| PlotFile::open(&path).unwrap())
        .bench_local_values(|plot| prove(&plot, leaves[3], &Leaf::ZERO).unwrap());
}
