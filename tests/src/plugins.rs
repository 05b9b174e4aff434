//! Plugin files loaded through the loader, with a host that writes down what
//! they tell it.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, atomic::AtomicBool, atomic::AtomicU32, atomic::Ordering},
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{
    Fault, Library, LogLine, OpenRequest, Services, Strategy,
    abi::{Builder, Job, Plot, Span, StopRule},
};

/// A host that writes down what libraries tell it.
#[derive(Default)]
pub struct Recorder {
    level: AtomicU32,
    told: Mutex<Told>,
    changed: Condvar,
}

/// What libraries told their host.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Level, instance, message.
    pub logs: Vec<(u32, String, String)>,
    /// Instance, fault.
    pub faults: Vec<(String, Fault)>,
    /// Instance, counter, amount.
    pub counts: Vec<(String, String, u64)>,
}

impl Recorder {
    /// One that wants log lines up to this level.
    pub fn new(level: u32) -> Arc<Self> {
        let recorder = Self::default();
        recorder.set_level(level);
        Arc::new(recorder)
    }

    /// Wants log lines up to this level from now on.
    pub fn set_level(&self, level: u32) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// What was told until now.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// Waits until what was told fulfils the condition.
    ///
    /// # Panics
    ///
    /// After ten seconds.
    pub fn wait_until(&self, condition: impl Fn(&Told) -> bool) -> Told {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut told = self.told.lock().unwrap();
        while !condition(&told) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not told within ten seconds; only {told:?}");
            told = self.changed.wait_timeout(told, left).unwrap().0;
        }
        told.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap());
        self.changed.notify_all();
    }
}

impl Services for Recorder {
    fn max_level(&self) -> u32 {
        self.level.load(Ordering::Relaxed)
    }

    fn log(&self, line: LogLine<'_>) {
        let line = (line.level, line.instance.to_owned(), line.message.to_owned());
        self.change(|told| told.logs.push(line));
    }

    fn fault(&self, instance: &str, fault: Fault) {
        self.change(|told| told.faults.push((instance.to_owned(), fault)));
    }

    fn count(&self, instance: &str, counter: &str, amount: u64) {
        let count = (instance.to_owned(), counter.to_owned(), amount);
        self.change(|told| told.counts.push(count));
    }
}

/// Loads a plugin file, with a recorder for a host.
///
/// # Panics
///
/// If it is refused.
pub fn load(path: &Path) -> Library {
    Library::load(path, Recorder::new(5)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// A request for a component, with its own name as the instance's, and its
/// config as if it stood at the beginning of a file.
pub fn request<'a>(component: &'a str, config: &'a str) -> OpenRequest<'a> {
    OpenRequest {
        component,
        instance: component,
        config,
        config_line: 1,
        config_column: 1,
        ron_extensions: 0,
    }
}

/// Opens a strategy under its own name.
///
/// # Errors
///
/// The component's or its config's.
pub fn open_strategy(library: &Library, name: &str, config: &str) -> Result<Strategy, Fault> {
    Strategy::open(library, &request(name, config))
}

/// A job like many, ended by this flag.
pub fn job(cancel: &AtomicBool) -> Job<'_> {
    Job {
        id: 1,
        challenge: [7; 32],
        block_target: [0x0F; 32],
        share_target: [0; 32],
        epoch: 3,
        height: 2,
        stop: StopRule::BEST_OF_ALL,
        builder: Builder::HOST,
        stop_leaves: 0,
        deadline_ms: 0,
        started_ms: 1_700_000_000_000,
        plots: 1,
        leaves: 100,
        seed: 42,
        cancel,
        reserved: [0; 16],
    }
}

/// A plot of so many leaves.
pub fn plot(leaf_count: u64) -> Plot {
    Plot {
        id: [9; 32],
        leaf_count,
        index: 0,
        drive: 0,
        read_rate: 0,
        scan_rate: 0,
        reserved: [0; 8],
    }
}

/// The spans of a whole plan of a plot, or the fault that ended it.
///
/// # Errors
///
/// As for the calls.
pub fn spans(strategy: &mut Strategy, leaf_count: u64) -> Result<Vec<Span>, Fault> {
    let cancel = AtomicBool::new(false);
    strategy.begin(&job(&cancel), &plot(leaf_count))?;
    let mut all = Vec::new();
    let mut buffer = [Span::default(); 256];
    loop {
        let (written, done) = strategy.plan(&mut buffer, &cancel, leaf_count)?;
        all.extend_from_slice(&buffer[..written]);
        if done {
            return Ok(all);
        }
    }
}
