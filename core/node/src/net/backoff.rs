//! How long to wait before a peer is dialled again.

use std::time::Duration;

/// Waits that double from one failure to the next up to a cap, each shortened
/// by chance by up to a half, so that many miners do not come back at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of about `first` after one failure, and never more than `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// How often it failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next failure is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait now.
    pub fn next_wait(&mut self) -> Duration {
        // Without chance the waits are only less well spread.
        let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
        self.wait(f64::from(chance) / f64::from(u32::MAX))
    }

    /// It did what nobody honest does: the longest of all waits.
    pub fn longest_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.cap
    }

    /// `chance` from 0 to 1.
    fn wait(&mut self, chance: f64) -> Duration {
        let longest = self.first.saturating_mul(1 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + 0.5 * chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        let mut longest = || backoff.wait(1.0).as_secs();
        assert_eq!([longest(), longest(), longest(), longest(), longest()], [1, 2, 4, 8, 10]);
        assert_eq!(backoff.failures(), 5);
        backoff.reset();
        assert_eq!(backoff.wait(0.0), Duration::from_millis(500));
        for _ in 0..100 {
            backoff.next_wait();
        }
        assert_eq!(backoff.longest_wait(), Duration::from_secs(10));
        let wait = backoff.next_wait();
        assert!((5..=10).contains(&wait.as_secs()), "{wait:?}");
    }
}
