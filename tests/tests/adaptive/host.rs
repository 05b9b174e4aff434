//! What the host makes of a strategy's arrangement, and of one that cannot be.

use std::sync::{Arc, atomic::Ordering};

use spacetime_core::scan::Plots;

use crate::{
    drives::{Drive, plots},
    scans::{PATIENCE, Scans, spec},
};

const LEAVES: u64 = 5000;

fn misbehaving(config: &str) -> Scans {
    Scans::by("spacetime-misbehaving", "misbehaving", config)
}

fn three_plots(drive: &Arc<Drive>) -> Plots {
    plots((0..3).map(|number| drive.plot(number, LEAVES)))
}

/// The plots that were begun, in order.
fn begun(scans: &Scans) -> Vec<String> {
    let logs = scans.told().logs.into_iter();
    logs.filter_map(|(_, _, text)| Some(text.strip_prefix("begins plot ")?[..1].to_owned()))
        .collect()
}

#[test]
fn plots_are_scanned_in_the_order_of_their_turns_and_no_further_than_these_say() {
    let drive = Drive::new(0, 1e9);
    let scans = misbehaving("(turns: backwards)");
    let scanned = scans.run(spec(1), &three_plots(&drive), PATIENCE);
    assert_eq!(begun(&scans), ["2", "1", "0"]);
    assert_eq!(scanned.scanned(), 3 * LEAVES);

    let scans = misbehaving("(turns: half_of_the_last)");
    let scanned = scans.run(spec(1), &three_plots(&drive), PATIENCE);
    assert_eq!(begun(&scans), ["2"]);
    assert_eq!(scanned.scanned(), LEAVES / 2);
    assert!(scanned.took < PATIENCE, "the plots that are left out hold nothing up");

    let scans = misbehaving("(turns: none)");
    let read = drive.leaves.load(Ordering::Relaxed);
    let scanned = scans.run(spec(1), &three_plots(&drive), PATIENCE);
    assert_eq!((scanned.scanned(), scanned.job.best()), (0, None));
    assert!(scanned.took < PATIENCE && scanned.job.is_over());
    assert_eq!(drive.leaves.load(Ordering::Relaxed), read);
}

#[test]
fn an_arrangement_that_cannot_be_is_a_fault_and_all_plots_are_scanned() {
    for (config, fault) in [
        ("(turns: twice)", "a second turn"),
        ("(fail: (error_in: [arrange]))", "misbehaving in Arrange"),
        ("(fail: (panic_in: [arrange]))", "misbehaving in Arrange"),
        ("(fail: (hang_in: [arrange]))", "did not return"),
    ] {
        let drive = Drive::new(0, 1e9);
        let scans = misbehaving(config);
        let scanned = scans.run(spec(1), &three_plots(&drive), PATIENCE);
        assert_eq!(scanned.scanned(), 3 * LEAVES, "{config}");
        let faults = scans.faults();
        assert!(faults.len() == 1 && faults[0].contains(fault), "{config}: {faults:?}");
    }
}

/// One instance arranges, and remembers; the others plan.
#[test]
fn an_instance_is_kept_for_arranging() {
    let drive = Drive::new(0, 1e9);
    let scans = misbehaving("(fail: (panic_in: [arrange], after: 2))");
    for _ in 0..2 {
        scans.run(spec(1), &three_plots(&drive), PATIENCE);
        assert_eq!(scans.faults(), [] as [String; 0]);
    }
    scans.run(spec(1), &three_plots(&drive), PATIENCE);
    assert_eq!(scans.faults().len(), 1, "it counted three calls");
}
