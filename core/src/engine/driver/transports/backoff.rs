//! When a transport is opened again, and when the boot has failed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The longest pause, unless the first one is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// How failed openings are repeated.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Retry {
    /// First pause; it doubles.
    pub(in crate::engine) interval: Duration,
    /// Attempts at boot, at least 1.
    pub(in crate::engine) boot_attempts: u32,
}

impl Retry {
    /// The pause after so many failures in a row, a fifth shorter or longer,
    /// so that many miners do not come back at the same moment. `chance` is
    /// any number.
    pub(super) fn pause(self, failures: u32, chance: u32) -> Duration {
        let doubled = self.interval.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let pause = doubled.min(LONGEST.max(self.interval));
        let percent = 80 + chance % 41;
        pause * percent / 100
    }
}

/// Which transports have not come up within their attempts.
#[derive(Debug)]
pub(super) struct Boot {
    transports: usize,
    failed: Mutex<BTreeMap<usize, String>>,
}

impl Boot {
    pub(super) fn new(transports: usize) -> Self {
        Self { transports, failed: Mutex::default() }
    }

    /// One has failed; the reasons of all once none is left to hope for.
    pub(super) fn failed(&self, source: usize, reason: String) -> Option<String> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(source, reason);
        let reasons = || failed.values().cloned().collect::<Vec<_>>().join("; ");
        (failed.len() == self.transports).then(reasons)
    }

    /// One is up after all.
    pub(super) fn is_up(&self, source: usize) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(&source);
    }
}

/// A random number; the same one if the system has none.
pub(super) fn chance() -> u32 {
    getrandom::u32().unwrap_or(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_cap_and_differ_a_little() {
        let retry = Retry { interval: Duration::from_secs(5), boot_attempts: 3 };
        let seconds = |failures| retry.pause(failures, 20).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 40].map(seconds), [5, 10, 20, 40, 60, 60]);
        assert_eq!(retry.pause(1, 0), Duration::from_secs(4));
        assert_eq!(retry.pause(1, 40), Duration::from_secs(6));
        let slow = Retry { interval: Duration::from_secs(300), ..retry };
        assert_eq!(slow.pause(9, 20), Duration::from_secs(300));
    }

    #[test]
    fn the_boot_fails_only_when_all_have() {
        let boot = Boot::new(2);
        assert_eq!(boot.failed(0, "a".into()), None);
        boot.is_up(0);
        assert_eq!(boot.failed(1, "b".into()), None);
        assert_eq!(boot.failed(0, "c".into()), Some("c; b".into()));
    }
}
