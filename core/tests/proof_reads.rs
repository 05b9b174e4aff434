//! How much a proof reads. A process of its own: its counter is the system's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use spacetime_core::{
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, PlotFile, create},
    proof::prove,
    scan::LeafSource,
};

const LEAVES: u64 = 100 * 4096 + 1234;

/// Bytes that this process has read, from wherever.
fn read_so_far() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// The reference reads the plot from its first leaf once per level: 11.5 times
/// the plot for a leaf in the middle of 100 MiB (`miner-behaviour.md`, D11).
#[test]
fn d11_a_proof_reads_each_leaf_once_and_with_a_cache_one_subtree() {
    let whole = 32 * LEAVES;
    let folder = tempfile::tempdir().unwrap();
    for (levels, least, most) in [
        (CacheLevels::Top(0), whole, whole + whole / 20),
        (CacheLevels::Auto, 32 * 4096, whole / 20),
    ] {
        let target = folder.path().join(format!("{least}.plot"));
        let spec = CreateSpec {
            target: target.clone(),
            key: [1; 32].into(),
            seed: Some([9; 32].into()),
            leaf_count: LEAVES,
            cache_levels: levels,
            memory: DEFAULT_MEMORY,
        };
        create(&spec, &()).unwrap();
        let plot = PlotFile::open(&target).unwrap();
        let mut leaf = [0; 32];
        plot.read(LEAVES / 2, &mut leaf).unwrap();
        let before = read_so_far();
        prove(&plot, LEAVES / 2, &leaf.into()).unwrap();
        let read = read_so_far() - before;
        assert!((least..=most).contains(&read), "{levels:?}: {read} of {whole} bytes");
    }
}
