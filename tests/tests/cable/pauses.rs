//! How long miners were away after their cable had been cut, and how long
//! that may be.

use std::time::Duration;

use crate::forward::Cut;

/// The config of every session here, and what its backoff means: the pause
/// after one failure is half a second at most (`plugins/transport-node`).
pub(crate) const CONFIG: &str = "longest_pause_seconds: 1";
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What one of many sessions on two busy cores may take to connect, to say who
/// it is, and to ask for headers: half of what the transport itself grants
/// connecting alone. With nothing else to do these cores take 0.05 s.
const BUSY: Duration = Duration::from_secs(5);
/// The same for most of them.
const MOSTLY: Duration = Duration::from_millis(500);

/// The longest pause after so many failures in a row.
pub(crate) fn backoff(failures: u32) -> Duration {
    (FIRST_PAUSE * (1 << (failures - 1))).min(LONGEST_PAUSE)
}

/// What each cut took, shortest first.
pub(crate) struct Pauses(Vec<(Duration, Cut)>);

impl Pauses {
    pub(crate) fn new(mut pauses: Vec<(Duration, Cut)>) -> Self {
        pauses.sort_by_key(|(pause, _)| *pause);
        Self(pauses)
    }

    /// Asserts that all were over within a time, but for what these cores take.
    pub(crate) fn assert_within(&self, what: &str, limit: Duration) {
        let quantile = |of: f64| self.0[((self.0.len() - 1) as f64 * of) as usize].0;
        let [median, most] = [quantile(0.5), quantile(0.99)];
        let (longest, where_) = self.0.last().unwrap();
        println!(
            "{what}: {} cuts, back after {:.3} s (median), {:.3} s (99 %), {:.3} s (longest)",
            self.0.len(),
            median.as_secs_f64(),
            most.as_secs_f64(),
            longest.as_secs_f64()
        );
        assert!(median < limit + MOSTLY, "{what}: {median:?} is the median");
        assert!(*longest < limit + BUSY, "{what}: {longest:?} after {where_:?}");
    }
}
