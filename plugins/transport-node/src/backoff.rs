//! How long to wait before a node is tried again.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);
/// The longest, unless the config says another.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// Growing pauses: each twice the one before, up to a cap, and a fifth longer
/// or shorter by chance, so that many miners do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, failures: 0 }
    }

    /// The pause after another failure.
    pub(crate) fn next(&mut self) -> Duration {
        let chance = getrandom::u32().unwrap_or(20);
        let pause = FIRST.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        pause * (80 + chance % 41) / 100
    }

    /// The connection was of use: the next pause is a short one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D7: the reference's pauses do not grow.
    #[test]
    fn d7_pauses_double_up_to_the_cap_and_differ_a_little() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        for middle in [500, 1000, 2000, 4000, 5000, 5000, 5000] {
            let pause = backoff.next().as_millis();
            assert!((middle * 8 / 10..=middle * 12 / 10).contains(&pause), "{pause} of {middle}");
        }
        let mut pauses: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        pauses.dedup();
        assert!(pauses.len() > 1, "no jitter");
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(600));
    }
}
