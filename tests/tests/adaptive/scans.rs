//! Scans by a strategy of a plugin file.

use std::{
    fs,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant, SystemTime},
};

use spacetime_core::scan::{
    Component, Found, Hasher, Planner, Plots, ReadError, Report, ScanJob, ScanSpec, Scanner,
    StrategySource,
};
use spacetime_kernels::Kernels;
use spacetime_protocol::Challenge;
use spacetime_sdk_loader::{Fault, Library, Strategy};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{Recorder, Told, request},
};
use tempfile::TempDir;

/// Longer than anything here takes on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A scanner with one strategy.
pub(crate) struct Scans {
    scanner: Scanner,
    host: Arc<Recorder>,
    faults: Arc<Mutex<Vec<Fault>>>,
    // What it logs is this host's, as the library is its own.
    _copy: TempDir,
}

/// How a scan went.
pub(crate) struct Scanned {
    pub(crate) job: Arc<ScanJob>,
    /// Until it had ended by itself or was ended.
    pub(crate) took: Duration,
}

impl Scanned {
    pub(crate) fn scanned(&self) -> u64 {
        self.job.coverage().scanned
    }

    /// Leaves scanned of each drive.
    pub(crate) fn drives(&self) -> Vec<u64> {
        self.job.drives().into_iter().map(|(_, scanned, _)| scanned).collect()
    }
}

impl Scans {
    /// Scans by `strategy` of the package, one plot per drive at a time.
    pub(crate) fn by(package: &str, strategy: &'static str, config: &str) -> Self {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("plugin.so");
        fs::copy(plugin(package), &file).unwrap();
        let host = Recorder::new(4);
        let library = Library::load(&file, host.clone()).unwrap();
        let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
        let config = config.to_owned();
        let source = Source { library, strategy, config, faults: faults.clone() };
        let number = |number| NonZeroUsize::new(number).unwrap();
        let hasher = Hasher::new(Kernels::detect(), None);
        let planner = Planner::new(Arc::new(source));
        let scanner = Scanner::new(planner, hasher, number(1), Some(number(2))).unwrap();
        Self { scanner, host, faults, _copy: copy }
    }

    /// Scans until the end of the scan, or of this time.
    pub(crate) fn scan(&self, spec: ScanSpec, plots: &Plots, time: Duration) -> Scanned {
        let spec = ScanSpec {
            started_ms: unix_ms(),
            deadline_ms: unix_ms() + u64::try_from(time.as_millis()).unwrap(),
            ..spec
        };
        self.run(spec, plots, time)
    }

    /// Scans until the end of the scan, or of the test's patience.
    pub(crate) fn run(&self, spec: ScanSpec, plots: &Plots, time: Duration) -> Scanned {
        let (report, ended) = Ends::new();
        let started = Instant::now();
        let job = self.scanner.start(spec, plots.clone(), Arc::new(report));
        let _ = ended.recv_timeout(time);
        job.cancel();
        Scanned { job, took: started.elapsed() }
    }

    /// What the plugin has told, but for what it said when it was opened.
    pub(crate) fn told(&self) -> Told {
        let mut told = self.host.told();
        told.logs.retain(|(level, ..)| *level < 4);
        told
    }

    /// What a counter of the plugin stands at.
    pub(crate) fn counted(&self, counter: &str) -> u64 {
        let counts = self.host.told().counts;
        counts.iter().filter(|(_, name, _)| name == counter).map(|(.., amount)| amount).sum()
    }

    /// What the strategy did wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().iter().map(|fault| fault.message.clone()).collect()
    }
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A scan for no block yet.
pub(crate) fn spec(challenge: u8) -> ScanSpec {
    ScanSpec::lone(challenge.into(), Challenge::new([challenge; 32]))
}

struct Source {
    library: Library,
    strategy: &'static str,
    config: String,
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl StrategySource for Source {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        Some(Strategy::open(&self.library, &request(self.strategy, &self.config)))
    }

    fn failed(&self, fault: &Fault) {
        self.faults.lock().unwrap().push(fault.clone());
    }
}

struct Ends(Sender<()>);

impl Ends {
    fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = channel();
        (Self(sender), receiver)
    }
}

impl Report for Ends {
    fn best(&self, _: &ScanJob, _: &Found) {}

    fn plot_failed(&self, _: &ScanJob, plot: usize, error: &ReadError) {
        panic!("plot {plot}: {error}");
    }

    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}

    fn finished(&self, _: &ScanJob) {
        // The test may wait no more.
        let _ = self.0.send(());
    }
}
