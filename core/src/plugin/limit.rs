//! How often something may be told: a burst at once, and so many a second in
//! the long run. What is left out is counted.

use std::time::Instant;

/// Such a limit.
#[derive(Debug)]
pub(super) struct Limit {
    burst: f64,
    per_second: f64,
    /// How many may be told now.
    left: f64,
    since: Instant,
    left_out: u64,
}

impl Limit {
    pub(super) fn new(burst: u32, per_second: f64) -> Self {
        let burst = f64::from(burst);
        Self { burst, per_second, left: burst, since: Instant::now(), left_out: 0 }
    }

    /// Whether one more may be told now: then how many were left out since the
    /// last one that was told.
    pub(super) fn pass(&mut self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.burst);
        self.since = now;
        if self.left < 1.0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1.0;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let (mut limit, start) = (Limit::new(3, 2.0), Instant::now());
        let told = |limit: &mut Limit, ms| limit.pass(start + Duration::from_millis(ms));
        let first: Vec<_> = (0..5).map(|_| told(&mut limit, 0)).collect();
        assert_eq!(first, [Some(0), Some(0), Some(0), None, None]);
        assert_eq!(told(&mut limit, 499), None);
        assert_eq!(told(&mut limit, 1000), Some(3));
        assert_eq!(told(&mut limit, 1000), Some(0));
        assert_eq!(told(&mut limit, 1000), None);
    }
}
