//! Scans find the same whichever way they read, and each way's faults are
//! errors of the plot.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod odd;

use std::{fs, num::NonZeroUsize, path::Path, sync::Arc};

use spacetime_core::{
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, PlotFile, create},
    scan::{BLOCK, BuiltIn, Hasher, Io, LeafSource, Planner, Plots, ScanSpec, Scanner, scan_once},
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotKey, PlotSeed};

fn plot(folder: &Path, leaves: u64) -> Arc<PlotFile> {
    let target = folder.join(format!("{leaves}.plot"));
    let spec = CreateSpec {
        target: target.clone(),
        key: PlotKey::new([5; 32]),
        seed: Some(PlotSeed::new([leaves as u8; 32])),
        leaf_count: leaves,
        cache_levels: CacheLevels::Auto,
        memory: DEFAULT_MEMORY,
    };
    create(&spec, &()).unwrap();
    Arc::new(PlotFile::open(&target).unwrap())
}

fn scanner(io: Io, per_drive: usize) -> Scanner {
    let hasher = Hasher::new(Kernels::detect(), None);
    let planner = Planner::new(Arc::new(BuiltIn));
    let per_drive = NonZeroUsize::new(per_drive).unwrap();
    let scanner = Scanner::new(planner, hasher, per_drive, None).unwrap();
    scanner.set_io(io);
    scanner
}

/// Of sizes that end at blocks and buffers, and a leaf before and behind.
#[test]
fn the_same_leaf_is_found_whichever_way_plots_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [1, 127, 128, 129, 511, 512, 32_767, 32_768, 32_769, 100_000];
    let plots: Vec<_> = sizes.map(|leaves| plot(folder.path(), leaves)).into();
    let sources: Plots = plots.iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
    for per_drive in [1, 3] {
        let scanners =
            [Io::Buffered, Io::Direct, Io::Mmap, Io::Auto].map(|io| scanner(io, per_drive));
        for challenge in 0..8 {
            let spec = ScanSpec::lone(0, Challenge::new([challenge; 32]));
            let found = scanners.each_ref().map(|scanner| {
                let outcome = scan_once(scanner, spec.clone(), sources.clone());
                assert_eq!(outcome.failed_plots, []);
                assert_eq!(outcome.coverage.scanned, sizes.iter().sum::<u64>());
                let best = outcome.best.unwrap();
                (best.plot, best.leaf_index, best.leaf, best.score)
            });
            assert_eq!(found[1..], [found[0]; 3], "{challenge}");
        }
    }
}

/// Each leaf by itself: what a scan is given is what the file holds.
#[test]
fn blocks_hold_the_leaves_that_are_read_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let plot = plot(folder.path(), 1000);
    for (first, leaves) in [(0, 1), (0, 1000), (1, 999), (126, 4), (128, 256), (999, 1)] {
        let Some(before) = plot.place_in_block(first) else { return };
        let len = (before + leaves as usize * 32).next_multiple_of(BLOCK);
        let mut memory = vec![0; len + BLOCK];
        let skip = memory.as_ptr().align_offset(BLOCK);
        let out = &mut memory[skip..][..len];
        // A file system without such reads says so.
        if !plot.read_blocks(first, leaves, out).unwrap() {
            return;
        }
        let mut expected = vec![0; leaves as usize * 32];
        plot.read(first, &mut expected).unwrap();
        assert_eq!(out[before..][..expected.len()], expected, "{leaves} from {first} on");
    }
    assert!(plot.read_blocks(999, 2, &mut [0; 2 * BLOCK]).is_err(), "outside");
}

/// A cut file and another one in its place are errors of the plot.
#[test]
fn a_plot_that_ends_early_or_is_replaced_fails_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let plot = plot(folder.path(), 100_000);
    let sources: Plots = Arc::new([plot.clone() as Arc<dyn LeafSource>]);
    let spec = ScanSpec::lone(0, Challenge::new([1; 32]));
    let failed = |scanner: &Scanner| {
        let outcome = scan_once(scanner, spec.clone(), sources.clone());
        outcome.failed_plots.into_iter().map(|(_, error)| error.0).collect::<Vec<_>>()
    };
    let scanners = [Io::Buffered, Io::Direct, Io::Mmap].map(|io| scanner(io, 1));
    for scanner in &scanners {
        assert_eq!(failed(scanner), [] as [String; 0]);
    }
    let file = fs::OpenOptions::new().write(true).open(plot.path()).unwrap();
    file.set_len(50_000 * 32 + 7).unwrap();
    for scanner in &scanners {
        let errors = failed(scanner);
        assert!(errors.len() == 1 && errors[0].contains("the file ends in leaf 49"), "{errors:?}");
    }
    fs::remove_file(plot.path()).unwrap();
    for scanner in &scanners {
        let errors = failed(scanner);
        assert!(errors.len() == 1 && errors[0].contains("100000.plot"), "{errors:?}");
    }
}
