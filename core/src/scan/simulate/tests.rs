//! Simulated scans by the host's own plan, whose outcome can be worked out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use spacetime_protocol::{Challenge, PlotSeed};

use super::{DriveModel, Scene, ScenePlot, Simulated, Simulator};
use crate::scan::{BuiltIn, ScanSpec, Stop};

/// A drive that delivers a leaf in a microsecond, and finds another place in
/// no time.
const DRIVE: DriveModel = DriveModel { seen_rate: 0, leaf_ns: 1000.0, jump_ns: 0.0 };

/// Plots (drive, leaves), for a second.
fn scene(plots: &[(u64, u64)]) -> Scene {
    let plot = |(drive, leaf_count): &(u64, u64)| ScenePlot {
        id: PlotSeed::ZERO,
        leaf_count: *leaf_count,
        drive: *drive,
    };
    Scene {
        spec: ScanSpec { deadline_ms: 1000, ..ScanSpec::lone(1, Challenge::new([1; 32])) },
        open: Duration::from_secs(1),
        plots: plots.iter().map(plot).collect(),
        drives: plots.iter().map(|(drive, _)| (*drive, DRIVE)).collect(),
        seen_scan_rate: 0,
        scan_rate: 1 << 40,
        workers: 2,
        per_drive: 1,
        watched: None,
    }
}

fn simulate(scene: &Scene) -> Simulated {
    let simulator = Simulator::new(Arc::new(BuiltIn), |_| {}).unwrap();
    let outcome = simulator.simulate(scene, || true).unwrap();
    assert_eq!(simulator.simulate(scene, || true).unwrap(), outcome, "it is deterministic");
    assert_eq!(outcome.faults, []);
    outcome
}

fn ms(time: Duration) -> u128 {
    time.as_millis()
}

#[test]
fn what_fits_into_the_time_is_scanned() {
    let outcome = simulate(&scene(&[(0, 100_000), (0, 200_000)]));
    assert!(outcome.complete && outcome.scanned == 300_000, "{outcome:?}");
    assert_eq!((outcome.read, outcome.jumps, ms(outcome.took)), (300_000, 2, 300));
}

#[test]
fn what_does_not_is_lost_with_the_buffer_that_is_not_full() {
    let outcome = simulate(&scene(&[(0, 1 << 21)]));
    assert!(!outcome.complete && ms(outcome.took) == 1000, "{outcome:?}");
    // 30 buffers of 32,768 leaves are full within a million microseconds.
    assert_eq!(outcome.scanned, 30 << 15);
    // The read that was under way was made, too.
    assert_eq!(outcome.read, (1_000_000_u64).next_multiple_of(8192));
}

#[test]
fn drives_are_read_side_by_side_and_plots_of_one_as_many_as_are_allowed() {
    let plots = [(0, 100_000), (0, 100_000), (1, 100_000)];
    let one = simulate(&scene(&plots));
    assert_eq!((ms(one.took), one.scanned), (200, 300_000));
    assert_eq!(one.drives, BTreeMap::from([(0, 200_000), (1, 100_000)]));
    let two = simulate(&Scene { per_drive: 2, ..scene(&plots) });
    assert_eq!((ms(two.took), two.scanned), (100, 300_000));
}

#[test]
fn workers_that_are_slower_than_the_drives_hold_them_up() {
    let slow = Scene { scan_rate: 100_000, ..scene(&[(0, 1 << 21)]) };
    let outcome = simulate(&slow);
    assert!(!outcome.complete, "{outcome:?}");
    // Filling their first buffers takes 33 and 66 ms; of the last batch of each,
    // whole steps of 4096 leaves count.
    assert!((95_000 - 2 * 4096..=95_100).contains(&outcome.scanned), "{outcome:?}");
    // There are 6 buffers and one for the reader.
    assert!(outcome.read <= outcome.scanned + (8 << 15), "{outcome:?}");
}

#[test]
fn a_jump_costs_what_it_costs() {
    let mut slow = scene(&[(0, 10), (0, 10), (0, 10)]);
    slow.drives = BTreeMap::from([(0, DriveModel { jump_ns: 10e6, ..DRIVE })]);
    let outcome = simulate(&slow);
    assert_eq!((ms(outcome.took), outcome.jumps, outcome.reads), (30, 3, 3));
}

#[test]
fn a_budget_and_a_limit_are_kept_to() {
    let mut limited = scene(&[(0, 50_000), (1, 50_000)]);
    limited.spec.stop = Stop::Budget(60_001);
    assert_eq!(simulate(&limited).scanned, 60_001);
    limited.spec.leaves_per_plot = Some(777);
    assert_eq!(simulate(&limited).scanned, 1554);
}

#[test]
fn a_leaf_is_watched() {
    let watched =
        |leaf| simulate(&Scene { watched: Some((1, leaf)), ..scene(&[(0, 9), (0, 1 << 21)]) });
    assert!(watched(0).watched && watched((30 << 15) - 1).watched);
    assert!(!watched(30 << 15).watched && !watched((1 << 21) - 1).watched);
}

#[test]
fn it_can_be_stopped() {
    let simulator = Simulator::new(Arc::new(BuiltIn), |_| {}).unwrap();
    let mut long = scene(&[(0, 1 << 50)]);
    long.open = Duration::from_secs(1 << 40);
    assert_eq!(simulator.simulate(&long, || false), Err(super::Unfinished::Stopped));
}
