//! Scanning less, where it costs more than it can win, and saying so.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use spacetime_core::scan::{Plots, ScanSpec};
use spacetime_protocol::{Target, score};

use crate::{
    drives::{Drive, plots},
    scans::{PATIENCE, Scans, spec},
};

const LEAVES: u64 = 100_000;

fn adaptive(config: &str) -> Scans {
    Scans::by("spacetime-strategy-adaptive", "adaptive", config)
}

fn one_plot(drive: &Arc<Drive>) -> Plots {
    plots([drive.plot(0, LEAVES)])
}

/// A scan for a block under this target.
fn block(target: Target) -> ScanSpec {
    ScanSpec { block_target: Some(target), ..spec(5) }
}

/// The target under which one leaf in so many is.
fn one_in(leaves: u64) -> Target {
    score::target(leaves).unwrap()
}

/// What it has said: level and text.
fn said(scans: &Scans) -> Vec<(u32, String)> {
    scans.told().logs.into_iter().map(|(level, _, text)| (level, text)).collect()
}

#[test]
fn a_hopeless_target_is_not_scanned_for_and_that_is_said_once() {
    let drive = Drive::new(0, 1e9);
    let (scans, plots) = (adaptive("()"), one_plot(&drive));
    let mut one = [0; 32];
    one[31] = 1;
    for _ in 0..3 {
        let scanned = scans.scan(block(Target::new(one)), &plots, PATIENCE);
        assert_eq!((scanned.scanned(), scanned.job.best()), (0, None));
        assert!(scanned.took < PATIENCE, "it is over at once");
    }
    assert_eq!(drive.leaves.load(Ordering::Relaxed), 0, "nothing is read");
    let [(2, text)] = &said(&scans)[..] else { panic!("{:?}", said(&scans)) };
    assert!(text.starts_with("scans nothing") && text.contains("min_win_chance"), "{text}");
    assert!(text.contains("8.64e-73"), "100,000 / 2^256: {text}");
    assert_eq!(scans.counted("scans_left_out"), 3);
    assert_eq!(scans.counted("leaves_left_out"), 3 * LEAVES);

    // There is hope again.
    let scanned = scans.scan(block(one_in(1000)), &plots, PATIENCE);
    assert_eq!(scanned.scanned(), LEAVES);
    assert_eq!(said(&scans)[1], (3, "scans every leaf in reach again".to_owned()));
    assert_eq!(scans.counted("scans_left_out"), 3);
}

#[test]
fn a_share_target_gives_hope_where_the_block_target_does_not() {
    let drive = Drive::new(0, 1e9);
    let scans = adaptive("()");
    let mut one = [0; 32];
    one[31] = 1;
    let shares = ScanSpec { share_target: Some(one_in(100)), ..block(Target::new(one)) };
    assert_eq!(scans.scan(shares, &one_plot(&drive), PATIENCE).scanned(), LEAVES);
    assert_eq!(said(&scans), []);
}

#[test]
fn what_counts_as_hopeless_can_be_said() {
    let drive = Drive::new(0, 1e9);
    // 100,000 leaves with a chance of 1 in 10^9 each: 1 in 10^4 together.
    let target = block(one_in(1_000_000_000));
    let leaves =
        |config: &str| adaptive(config).scan(target.clone(), &one_plot(&drive), PATIENCE).scanned();
    assert_eq!(leaves("(min_win_chance: 0.0002)"), 0);
    assert_eq!(leaves("(min_win_chance: 0.00005)"), LEAVES);
    // 10^9 leaves are 29.8 GiB, which take 298 J: 8.28e-5 kWh.
    assert_eq!(leaves("(max_kwh_per_win: 0.00008)"), 0);
    assert_eq!(leaves("(max_kwh_per_win: 0.00009)"), LEAVES);
    assert_eq!(leaves("(max_kwh_per_win: 0.00009, joules_per_gib: 20)"), 0);
}

#[test]
fn a_power_budget_is_kept_on_the_fastest_drive_and_said_once() {
    // A watt for the 10 s that a scan has are 10 J, enough for 100,000 leaves.
    let scans = adaptive("(max_watts: 1, joules_per_gib: 3355.4432)");
    let (slow, fast) = (Drive::new(0, 1e6), Drive::new(1, 1e7));
    let plots = plots([slow.plot(0, 200_000), fast.plot(1, 200_000), fast.plot(2, 200_000)]);
    let time = Duration::from_secs(10);
    // The drives are not known yet.
    let first = scans.scan(block(one_in(1000)), &plots, time);
    let within = |leaves: u64| (95_000..=100_000).contains(&leaves);
    assert!(within(first.scanned()), "{}", first.scanned());
    // Now they are, as far as they were read: read both a little.
    let lone = ScanSpec { leaves_per_plot: Some(4000), ..block(one_in(1000)) };
    scans.run(lone, &plots, PATIENCE);
    let known = scans.scan(block(one_in(1000)), &plots, time);
    assert!(within(known.scanned()), "{}", known.scanned());
    assert_eq!(known.drives()[0], 0, "the slow drive rests: {:?}", known.drives());
    let limited = said(&scans);
    assert_eq!(limited[0].0, 3);
    assert!(limited[0].1.contains("max_watts"), "{limited:?}");
    assert!(scans.counted("leaves_left_out") > 2 * 400_000);
    assert_eq!(scans.faults(), [] as [String; 0]);
}
