//! A host that writes down what plugins tell it.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{Fault, LogLine, Services};

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
        self.lock().clone()
    }

    /// Waits until what was told fulfils the condition.
    ///
    /// # Panics
    ///
    /// After ten seconds.
    pub fn wait_until(&self, condition: impl Fn(&Told) -> bool) -> Told {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut told = self.lock();
        while !condition(&told) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not told within ten seconds; only {told:?}");
            let waited = self.changed.wait_timeout(told, left);
            told = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        told.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.lock());
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
