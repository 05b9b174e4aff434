//! Defects of the reference's plots and proofs that ours must not have
//! (`miner-behaviour.md` section 7), where no other test shows it.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use spacetime_core::{
    plots::{CacheLevels, CreateSpec, PlotFile, PlotSet},
    proof::prove,
    scan::LeafSource,
};
use spacetime_protocol::{PlotSeed, plot};

use crate::support::{KEY, LEAVES, leaf, make, plot, spec, stopped};

/// Bytes that this thread has read, from wherever.
#[cfg(target_os = "linux")]
fn read_by_this_thread() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// The reference reads the plot from its first leaf once per level: 11.5 times
/// for a leaf in the middle of 100 MiB.
#[cfg(target_os = "linux")]
#[test]
fn d11_a_proof_reads_each_leaf_once_and_with_a_cache_one_subtree() {
    let whole = 32 * LEAVES;
    for (levels, least, most) in
        [(CacheLevels::Top(0), whole, whole + whole / 10), (CacheLevels::Auto, 0, whole / 2)]
    {
        let (_folder, path) = plot(levels);
        let plot = PlotFile::open(&path).unwrap();
        let middle = leaf(&plot, LEAVES / 2);
        let before = read_by_this_thread();
        prove(&plot, LEAVES / 2, &middle).unwrap();
        let read = read_by_this_thread() - before;
        assert!((least..=most).contains(&read), "{levels:?}: {read} of {whole} bytes");
    }
}

/// The reference seeks and reads in two steps, on one stream per plot.
#[test]
fn d17_readers_of_one_plot_do_not_disturb_each_other() {
    let (_folder, path) = plot(CacheLevels::Auto);
    let file = PlotFile::open(&path).unwrap();
    thread::scope(|scope| {
        for reader in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for step in 0..3000 {
                    let index = (step * 7919 + reader * 104_729) % LEAVES;
                    let expected = plot::leaf(&KEY, &PlotSeed::new([9; 32]), index);
                    assert_eq!(leaf(file, index), expected, "leaf {index}");
                }
            });
        }
    });
}

/// The reference closes a plot's file under a running scan.
#[test]
fn d20_looking_at_the_plots_again_disturbs_no_reader() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make(&spec(&at("a.plot"), 5000));
    let (mut set, _) = PlotSet::open(&[folder.path().to_owned()], &at("metadata.json")).unwrap();
    let held = set.plots()[0].clone();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut rounds = 0_u64;
            while !stop.load(Ordering::Relaxed) || rounds == 0 {
                (0..5000).step_by(97).for_each(|index| drop(leaf(&held, index)));
                rounds += 1;
            }
            rounds
        });
        for round in 0..20 {
            make(&spec(&at("b.plot"), 10 + round));
            set.rescan();
            assert_eq!(set.plots().len(), 2);
            fs::remove_file(at("b.plot")).unwrap();
            set.rescan();
            assert_eq!(set.plots().len(), 1);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

/// The reference needs nearly twice the plot again, for its tree's levels.
#[test]
fn d24_a_plot_in_the_making_needs_no_more_room_than_the_plot() {
    let folder = tempfile::tempdir().unwrap();
    let leaves = 100 * 4096;
    let spec = CreateSpec {
        cache_levels: CacheLevels::Top(0),
        ..spec(&folder.path().join("a.plot"), leaves)
    };
    stopped(&spec, leaves * 9 / 10);
    let sizes = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata());
    let there = sizes.map(|metadata| metadata.unwrap().len()).sum::<u64>();
    let whole = 121 + 32 * leaves;
    assert!(there <= whole + whole / 100, "{there} bytes for a plot of {whole}");
}
