//! How long it takes to open ten thousand plots: for the first time, from the
//! metadata file, and once more while they are open.

#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

#[path = "../tests/support/small.rs"]
mod small;

use std::{fs, path::PathBuf, sync::LazyLock};

use divan::Bencher;
use spacetime_core::plots::{Eligible, PlotSet};
use spacetime_protocol::network::Network;
use tempfile::TempDir;

const PLOTS: usize = 10_000;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| small::plots(PLOTS));

fn main() {
    divan::main();
    // A static is never dropped.
    let _ = fs::remove_dir_all(FOLDER.path());
}

fn places() -> ([PathBuf; 1], PathBuf) {
    ([FOLDER.path().join("plots")], FOLDER.path().join("plots.json"))
}

fn open() -> PlotSet {
    let (folders, metadata) = places();
    let (set, problems) = PlotSet::open(&folders, &metadata).unwrap();
    assert_eq!((set.plots().len(), problems.len()), (PLOTS, 0));
    set
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn for_the_first_time(bencher: Bencher<'_, '_>) {
    let forget = || drop(fs::remove_file(places().1));
    bencher.with_inputs(forget).bench_local_values(|()| open());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn from_the_metadata(bencher: Bencher<'_, '_>) {
    drop(open());
    bencher.bench_local(open);
}

/// As `run` does on a network that wants the miner's own plots only.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn for_mining(bencher: Bencher<'_, '_>) {
    let network =
        Network { bind_plots: true, min_plot_leaves: 0, ..Network::named("local").unwrap() };
    let eligible = Eligible::of(&network, Some(small::KEY));
    drop(open());
    bencher.bench_local(|| {
        let mut set = open();
        assert!(set.keep_only(eligible).is_empty());
        assert_eq!(set.plots().len(), PLOTS);
        set
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn once_more(bencher: Bencher<'_, '_>) {
    let mut set = open();
    bencher.bench_local(|| set.rescan());
}
