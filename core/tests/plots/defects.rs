//! Defects of the reference's plots that ours must not have
//! (`miner-behaviour.md` section 7), where no other test shows it.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use spacetime_core::plots::{CacheLevels, CreateSpec, PlotFile, PlotSet};
use spacetime_protocol::{PlotSeed, plot};

use crate::support::{KEY, LEAVES, leaf, make, plot, spec, stopped};

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
                for index in (0..5000).step_by(97) {
                    let expected = plot::leaf(&KEY, &PlotSeed::new([9; 32]), index);
                    assert_eq!(leaf(&held, index), expected, "leaf {index}");
                }
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
