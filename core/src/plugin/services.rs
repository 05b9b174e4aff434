//! What plugins get from the host: logs go to `tracing`, stray faults to the
//! component's health, counters into a table.
//!
//! A library connects to its host once, for as long as the process lives, so
//! this is the one place where the process has a global.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use spacetime_sdk_loader::{Fault, LogLine, Services};
use tracing::level_filters::LevelFilter;

use super::health::Health;
use crate::manifest::Manifest;

/// Counters that plugins may create in all.
const COUNTERS: usize = 4096;

/// A plugin's counters, by instance and name.
pub type Counters = BTreeMap<(String, String), u64>;

/// The process's services.
#[derive(Default)]
pub(super) struct Hub {
    instances: Mutex<HashMap<String, Weak<Health>>>,
    counters: Mutex<Counters>,
    /// What configs' paths are relative to.
    folder: Mutex<PathBuf>,
}

/// The counters of all plugins so far.
pub fn counters() -> Counters {
    lock(&hub().counters).clone()
}

pub(super) fn hub() -> &'static Arc<Hub> {
    static HUB: OnceLock<Arc<Hub>> = OnceLock::new();
    HUB.get_or_init(Arc::default)
}

impl Hub {
    /// Faults of this instance that no call returns count for `health`.
    pub(super) fn watch(&self, instance: &str, health: &Arc<Health>) {
        let mut instances = lock(&self.instances);
        instances.retain(|_, health| health.strong_count() > 0);
        instances.insert(instance.to_owned(), Arc::downgrade(health));
    }

    /// Paths that configs give are relative to this folder.
    pub(super) fn work_in(&self, folder: &Path) {
        folder.clone_into(&mut lock(&self.folder));
    }
}

impl Services for Hub {
    fn max_level(&self) -> u32 {
        match LevelFilter::current() {
            LevelFilter::OFF => 0,
            LevelFilter::ERROR => 1,
            LevelFilter::WARN => 2,
            LevelFilter::INFO => 3,
            LevelFilter::DEBUG => 4,
            _ => 5,
        }
    }

    fn log(&self, line: LogLine<'_>) {
        let LogLine { level, instance, target, message } = line;
        match level {
            0 | 1 => tracing::error!(target: "plugin", instance, target, "{message}"),
            2 => tracing::warn!(target: "plugin", instance, target, "{message}"),
            3 => tracing::info!(target: "plugin", instance, target, "{message}"),
            4 => tracing::debug!(target: "plugin", instance, target, "{message}"),
            _ => tracing::trace!(target: "plugin", instance, target, "{message}"),
        }
    }

    fn fault(&self, instance: &str, fault: Fault) {
        let health = lock(&self.instances).get(instance).and_then(Weak::upgrade);
        match health {
            Some(health) => health.record(&fault),
            None => tracing::error!(target: "plugin", instance, "{fault}"),
        }
    }

    fn count(&self, instance: &str, counter: &str, amount: u64) {
        let mut counters = lock(&self.counters);
        let key = (instance.to_owned(), counter.to_owned());
        if counters.len() < COUNTERS || counters.contains_key(&key) {
            let value = counters.entry(key).or_default();
            *value = value.saturating_add(amount);
        }
    }

    fn path(&self, path: &str) -> String {
        // What is wrong with it is said by whoever opens it.
        let resolved = Manifest::resolve(&lock(&self.folder), path);
        let text = resolved.ok().and_then(|resolved| resolved.into_os_string().into_string().ok());
        text.unwrap_or_else(|| path.to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_are_bounded() {
        let hub = Hub::default();
        for number in 0..COUNTERS + 10 {
            hub.count("a", &format!("counter {number}"), 1);
        }
        hub.count("a", "counter 0", u64::MAX);
        let counters = lock(&hub.counters);
        assert_eq!(counters.len(), COUNTERS);
        assert_eq!(counters[&("a".to_owned(), "counter 0".to_owned())], u64::MAX);
    }
}
