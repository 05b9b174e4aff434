//! How much is asked of a drive at a time: so little that what is under way
//! when the job ends is next to nothing, so much that asking costs nothing.

use std::time::Duration;

use spacetime_sdk::BatchStats;

/// What one read and its batch may take.
const BATCH_TIME: Duration = Duration::from_millis(25);

/// What is planned at a time.
const SLICE_TIME: Duration = Duration::from_millis(50);

/// Near the deadline, reads get shorter down to this; shorter ones would cost
/// more than they save.
const SHORTEST: Duration = Duration::from_millis(2);

/// Leaves of the first read: 4 KiB, a page, which no drive reads slower than
/// less. From there on no more than twice as much is planned at a time, since
/// the first pages may come out of a cache, and what has been planned is read.
const PROBE: u64 = 128;

/// Leaves of the shortest read.
const LEAST: u64 = 32;

/// The most that is planned at a time.
const MOST: u64 = 1 << 24;

/// A drive's pace, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Leaves per second of one reader.
    rate: Option<u64>,
    /// Until the deadline.
    left: Option<Duration>,
    /// Leaves that were planned last.
    slice: u64,
    /// What this plot has taken so far.
    elapsed: Duration,
}

impl Pace {
    pub(crate) fn new(rate: Option<u64>, left: Option<Duration>) -> Self {
        Self { rate, left, slice: 0, elapsed: Duration::ZERO }
    }

    /// Learns how the last slice went.
    pub(crate) fn update(&mut self, stats: &BatchStats) {
        self.left = stats.time_left.or(self.left);
        let took = stats.elapsed.saturating_sub(self.elapsed);
        self.elapsed = stats.elapsed;
        // The host's rate is that of the last seconds, and slow to learn that
        // a drive has become slower. Saturates, for no time at all too.
        let last = (self.slice as f64 / took.as_secs_f64()) as u64;
        self.rate = stats.read_rate.map(|rate| rate.min(last)).or(self.rate);
    }

    /// Leaves to read and hash at a time, and leaves to plan now.
    pub(crate) fn next(&mut self) -> (u64, u64) {
        let most = (2 * self.slice).clamp(PROBE, MOST);
        let (batch, slice) = match self.rate {
            None => (PROBE, most),
            Some(rate) => (self.leaves(rate, BATCH_TIME), self.leaves(rate, SLICE_TIME)),
        };
        self.slice = slice.clamp(LEAST, most);
        (batch.clamp(LEAST, self.slice), self.slice)
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

    /// A pace that has found out about a drive of 100,000 leaves per second.
    fn known(left_ms: Option<u64>) -> Pace {
        let left = left_ms.map(Duration::from_millis);
        Pace { slice: 5000, ..Pace::new(Some(100_000), left) }
    }

    #[test]
    fn a_drive_is_felt_out() {
        let mut pace = Pace::new(None, None);
        assert_eq!([pace.next(), pace.next(), pace.next()], [(128, 128), (128, 256), (128, 512)]);
        // Whatever is said of it, which may be its cache's rate.
        let mut pace = Pace::new(Some(u64::MAX), None);
        assert_eq!([pace.next(), pace.next(), pace.next()], [(128, 128), (256, 256), (512, 512)]);
        let mut last = 0;
        for _ in 0..100 {
            last = pace.next().1;
        }
        assert_eq!(last, MOST);
    }

    #[test]
    fn reads_get_shorter_towards_the_deadline() {
        assert_eq!(known(None).next(), (2500, 5000));
        assert_eq!(known(Some(1000)).next(), (2500, 5000));
        assert_eq!(known(Some(80)).next(), (2500, 4000));
        assert_eq!(known(Some(20)).next(), (1000, 1000));
        assert_eq!(known(Some(0)).next(), (200, 200));
        // Never none, of a drive that has all but died.
        assert_eq!(Pace::new(Some(1), Some(Duration::ZERO)).next(), (LEAST, LEAST));
    }
}
