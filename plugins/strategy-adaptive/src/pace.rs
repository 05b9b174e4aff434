//! How much is asked of a drive at a time: so little that what is under way
//! when the job ends is next to nothing, so much that asking costs nothing.

use std::time::Duration;

/// What one read and its batch may take.
const BATCH_TIME: Duration = Duration::from_millis(25);

/// What is planned at a time.
const SLICE_TIME: Duration = Duration::from_millis(50);

/// Near the deadline, reads get shorter down to this; shorter ones would cost
/// more than they save.
const SHORTEST: Duration = Duration::from_millis(2);

/// Leaves of the first read from a drive whose rate nobody knows: 4 KiB, a
/// page, which no drive reads slower than less.
const PROBE: u64 = 128;

/// Leaves of the shortest read.
const LEAST: u64 = 32;

/// The most that is planned at a time.
const MOST: u64 = 1 << 24;

/// A drive's pace, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rate: Option<u64>,
    left: Option<Duration>,
    /// Leaves of the next read while the rate is not known.
    probe: u64,
}

impl Pace {
    pub(crate) fn new(rate: Option<u64>, left: Option<Duration>) -> Self {
        Self { rate, left, probe: PROBE }
    }

    /// What has been measured by now; what has not stays.
    pub(crate) fn update(&mut self, rate: Option<u64>, left: Option<Duration>) {
        self.rate = rate.or(self.rate);
        self.left = left.or(self.left);
    }

    /// Leaves to read and hash at a time, and leaves to plan now.
    pub(crate) fn next(&mut self) -> (u64, u64) {
        let Some(rate) = self.rate else {
            let probe = self.probe;
            // Should the host never tell.
            self.probe = (2 * probe).min(MOST);
            return (PROBE, probe);
        };
        let batch = self.leaves(rate, BATCH_TIME).max(LEAST);
        (batch, self.leaves(rate, SLICE_TIME).clamp(batch, MOST.max(batch)))
    }

    /// What a drive delivers in this time, or in half of what is left.
    fn leaves(&self, rate: u64, time: Duration) -> u64 {
        let half = self.left.map_or(time, |left| (left / 2).max(SHORTEST));
        // Saturates.
        (rate as f64 * time.min(half).as_secs_f64()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_nobody_knows_is_felt_out() {
        let mut pace = Pace::new(None, None);
        assert_eq!([pace.next(), pace.next(), pace.next()], [(128, 128), (128, 256), (128, 512)]);
        pace.update(Some(1_000_000), None);
        assert_eq!(pace.next(), (25_000, 50_000));
        pace.update(None, None);
        assert_eq!(pace.next(), (25_000, 50_000));
    }

    #[test]
    fn reads_get_shorter_towards_the_deadline() {
        let leaves = |ms| Pace::new(Some(100_000), Some(Duration::from_millis(ms))).next();
        assert_eq!(leaves(1000), (2500, 5000));
        assert_eq!(leaves(80), (2500, 4000));
        assert_eq!(leaves(20), (1000, 1000));
        assert_eq!(leaves(0), (200, 200));
        // Never none, of a drive that has all but died.
        assert_eq!(Pace::new(Some(1), Some(Duration::ZERO)).next(), (LEAST, LEAST));
        assert_eq!(Pace::new(Some(u64::MAX), None).next().1, (u64::MAX as f64 * 0.025) as u64);
    }
}
