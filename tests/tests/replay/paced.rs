//! Simulated scans beside real ones, over drives that deliver at a set pace,
//! one ten times as fast as the other.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, mpsc},
    time::{Duration, SystemTime},
};

use spacetime_core::scan::{
    Component, DriveModel, Found, Hasher, Planner, Plots, ReadError, Report, ScanJob, ScanSpec,
    Scanner, Scene, ScenePlot, Simulated, Simulator, StrategySource,
};
use spacetime_kernels::Kernels;
use spacetime_protocol::Challenge;
use spacetime_sdk_loader::{Fault, Library, Strategy};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{load, request},
};

use crate::drives::{Drive, plots};

/// What each scan may take.
const TIME: Duration = Duration::from_secs(2);

struct Source(Library, &'static str);

impl StrategySource for Source {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        Some(Strategy::open(&self.0, &request(self.1, "()")))
    }

    fn failed(&self, fault: &Fault) {
        panic!("{fault}");
    }
}

fn source(name: &'static str) -> Arc<Source> {
    Arc::new(Source(load(&plugin(&format!("spacetime-strategy-{name}"))), name))
}

struct Ends(mpsc::Sender<()>);

impl Report for Ends {
    fn best(&self, _: &ScanJob, _: &Found) {}
    fn plot_failed(&self, _: &ScanJob, plot: usize, error: &ReadError) {
        panic!("plot {plot}: {error}");
    }
    fn component_failed(&self, _: &ScanJob, _: Component, fault: &Fault) {
        panic!("{fault}");
    }
    fn finished(&self, _: &ScanJob) {
        // The test may wait no more.
        let _ = self.0.send(());
    }
}

/// Two drives with two plots each, of which they read 30 % in time.
fn leaves(fast: f64, slow: f64) -> u64 {
    ((fast + slow) * TIME.as_secs_f64() / 32.0 / 0.3 / 4.0) as u64
}

fn real_plots(fast: f64, slow: f64) -> Plots {
    let drives = [Drive::new(0, fast), Drive::new(1, slow)];
    let on = [0, 1, 0, 1].into_iter().zip(0..);
    plots(on.map(|(drive, number): (usize, u64)| drives[drive].plot(number, leaves(fast, slow))))
}

/// Leaves scanned of each drive.
fn really(name: &'static str, fast: f64, slow: f64) -> Vec<u64> {
    let one = NonZeroUsize::MIN;
    let hasher = Hasher::new(Kernels::detect(), None);
    let scanner = Scanner::new(Planner::new(source(name)), hasher, one, Some(one)).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let millis = u64::try_from(TIME.as_millis()).unwrap();
    let spec = ScanSpec { started_ms: now, deadline_ms: now + millis, ..lone() };
    let (sender, ended) = mpsc::channel();
    let job = scanner.start(spec, real_plots(fast, slow), Arc::new(Ends(sender)));
    let _ = ended.recv_timeout(TIME);
    job.cancel();
    job.drives().into_iter().map(|(_, scanned, _)| scanned).collect()
}

fn lone() -> ScanSpec {
    ScanSpec::lone(1, Challenge::new([7; 32]))
}

fn simulated(name: &'static str, fast: f64, slow: f64) -> Simulated {
    let plot = |drive| ScenePlot {
        id: spacetime_protocol::PlotSeed::ZERO,
        leaf_count: leaves(fast, slow),
        drive,
    };
    let model = |rate: f64| DriveModel { seen_rate: 0, leaf_ns: 32e9 / rate, jump_ns: 0.0 };
    let millis = u64::try_from(TIME.as_millis()).unwrap();
    let scene = Scene {
        spec: ScanSpec { deadline_ms: millis, ..lone() },
        open: TIME,
        plots: [0, 1, 0, 1].map(plot).into(),
        drives: BTreeMap::from([(0, model(fast)), (1, model(slow))]),
        seen_scan_rate: 0,
        scan_rate: 10_000_000,
        workers: 1,
        per_drive: 1,
        watched: None,
    };
    let simulator = Simulator::new(source(name), |fault| panic!("{fault}")).unwrap();
    let outcome = simulator.simulate(&scene, || true).unwrap();
    let again = Simulator::new(source(name), |fault| panic!("{fault}")).unwrap();
    assert_eq!(again.simulate(&scene, || true).unwrap(), outcome, "it is deterministic");
    assert_eq!(outcome.faults, []);
    outcome
}

/// What a simulation says of a scan is what a scan does: within a tenth of
/// what the drives deliver, as the machine that tests is busy.
fn compare(fast: f64, slow: f64) {
    let possible = (fast + slow) / 32.0 * TIME.as_secs_f64();
    let mut scanned = Vec::new();
    for name in ["adaptive", "full"] {
        let (real, simulated) = (really(name, fast, slow), simulated(name, fast, slow));
        let of_drives: Vec<u64> = simulated.drives.values().copied().collect();
        println!("{name}: {of_drives:?} simulated, {real:?} really, {possible} possible");
        for (simulated, real) in of_drives.iter().zip(&real) {
            assert!(simulated.abs_diff(*real) as f64 <= possible / 10.0, "{of_drives:?} {real:?}");
        }
        assert!(!simulated.complete, "{simulated:?}");
        scanned.push(simulated.scanned as f64);
    }
    assert!(scanned[0] >= 0.95 * possible, "adaptive: {scanned:?} of {possible}");
    assert!(scanned[0] >= scanned[1], "{scanned:?}");
}

#[test]
fn adaptive_and_full_with_two_drives_are_simulated_as_they_are_scanned() {
    compare(8e6, 8e5);
}

/// The slow drive does not fill a buffer in time: `full` gets nothing of it.
#[test]
fn what_full_loses_of_a_slow_drive_is_lost_in_a_simulation_too() {
    compare(2e6, 2e5);
    let (full, adaptive) = (simulated("full", 2e6, 2e5), simulated("adaptive", 2e6, 2e5));
    assert_eq!(full.drives[&1], 0, "{full:?}");
    assert!(adaptive.drives[&1] as f64 >= 0.95 * 2e5 / 32.0 * 2.0, "{adaptive:?}");
}
