//! A host that counts what libraries tell it, and keeps no more than it needs:
//! it must not grow, since growth is looked for.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use spacetime_sdk_loader::{Fault, LogLine, Services, abi::FaultCode};

/// Names of counters that are told apart.
const MAX_COUNTERS: usize = 1000;

pub(crate) struct Witness {
    /// Where paths of configs are relative to.
    folder: PathBuf,
    level: AtomicU32,
    calls: AtomicU64,
    first_fault: Mutex<Option<String>>,
    counters: Mutex<BTreeSet<String>>,
}

impl Witness {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            level: AtomicU32::new(5),
            calls: AtomicU64::new(0),
            first_fault: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    pub(crate) fn set_level(&self, level: u32) {
        self.level.store(level, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The first panic of a destructor, a thread or a task.
    pub(crate) fn first_fault(&self) -> Option<String> {
        self.first_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn counters(&self) -> usize {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Services for Witness {
    fn max_level(&self) -> u32 {
        self.level.load(Ordering::Relaxed)
    }

    fn log(&self, _: LogLine<'_>) {
        self.called();
    }

    fn fault(&self, _: &str, fault: Fault) {
        self.called();
        // A session that ends with an error is within its rights.
        if fault.code == FaultCode::PANICKED {
            let mut first = self.first_fault.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| fault.to_string());
        }
    }

    fn count(&self, _: &str, counter: &str, _: u64) {
        self.called();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() < MAX_COUNTERS && !counters.contains(counter) {
            counters.insert(counter.to_owned());
        }
    }

    fn path(&self, path: &str) -> String {
        self.folder.join(path).to_string_lossy().into_owned()
    }
}
