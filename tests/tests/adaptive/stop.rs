//! The challenge's stop rule.

use std::{sync::atomic::Ordering, time::Duration};

use spacetime_core::scan::{ScanSpec, Stop};
use spacetime_protocol::score;

use crate::{
    drives::{Drive, plots},
    scans::{PATIENCE, Scans, spec},
};

fn adaptive() -> Scans {
    Scans::by("spacetime-strategy-adaptive", "adaptive", "()")
}

/// A read of 256 KiB, as the host has it by itself, takes the slow drive this long.
const SLOW_READ: Duration = Duration::from_secs(26);
const SLOW: f64 = (256 << 10) as f64 / 26.0;

#[test]
fn the_first_score_under_the_target_ends_it_and_no_slow_read_holds_the_end_up() {
    let (fast, slow) = (Drive::new(0, 8e6), Drive::new(1, SLOW));
    let plots = plots([slow.plot(1, 1 << 20), fast.plot(0, 1 << 22)]);
    let target = score::target(20_000).unwrap();
    let stop = Stop::FirstUnder(target);
    let spec = ScanSpec { stop, block_target: Some(target), ..spec(3) };
    let scanned = adaptive().scan(spec, &plots, PATIENCE);
    let best = scanned.job.best().unwrap();
    assert!(score::is_under(&best.score, &target));
    assert!(scanned.took < SLOW_READ / 2, "{:?}", scanned.took);
    assert!(scanned.scanned() < 1 << 20, "{}", scanned.scanned());
    assert!(slow.leaves.load(Ordering::Relaxed) < 8192);
}

#[test]
fn a_budget_is_spent_to_the_leaf_and_not_exceeded() {
    let (fast, slow) = (Drive::new(0, 8e6), Drive::new(1, SLOW));
    let plots = plots([slow.plot(1, 1 << 20), fast.plot(0, 1 << 20)]);
    let scanned =
        adaptive().scan(ScanSpec { stop: Stop::Budget(60_001), ..spec(3) }, &plots, PATIENCE);
    assert_eq!(scanned.scanned(), 60_001);
    assert!(scanned.took < SLOW_READ / 2, "{:?}", scanned.took);
    let read = [&fast, &slow].map(|drive| drive.leaves.load(Ordering::Relaxed));
    assert_eq!(read.iter().sum::<u64>(), 60_001, "nothing is read beyond it");
}

/// Whoever asks for the best of all leaves gets it, however long it takes.
#[test]
fn without_a_target_or_a_deadline_every_leaf_is_scanned() {
    let drive = Drive::new(0, 1e9);
    let plots = plots([drive.plot(0, 100_001), drive.plot(1, 1), drive.plot(2, 33_000)]);
    let scanned = adaptive().run(spec(3), &plots, PATIENCE);
    assert_eq!(scanned.scanned(), 133_002);
    assert_eq!(drive.leaves.load(Ordering::Relaxed), 133_002, "each is read once");
}
