//! More plots than the process may have open files.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spacetime_core::{
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, PlotSet, create},
    scan::LeafSource,
};

const DESCRIPTORS: u64 = 64;
const PLOTS: usize = 400;

#[test]
fn four_hundred_plots_are_read_with_sixty_four_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("0.plot");
    let spec = CreateSpec {
        target: first.clone(),
        key: [1; 32].into(),
        seed: None,
        leaf_count: 10,
        cache_levels: CacheLevels::Auto,
        memory: DEFAULT_MEMORY,
    };
    create(&spec, &()).unwrap();
    for number in 1..PLOTS {
        fs::copy(&first, folder.path().join(format!("{number}.plot"))).unwrap();
    }
    let metadata = folder.path().join("metadata.json");
    let (set, problems) = PlotSet::open(&[folder.path().to_owned()], &metadata).unwrap();
    assert_eq!((set.plots().len(), problems.len()), (PLOTS, 0), "{problems:?}");
    let plots = set.plots();
    for _ in 0..2 {
        for plot in plots.iter() {
            plot.read(9, &mut [0; 32]).unwrap();
        }
    }
}
