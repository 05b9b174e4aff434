//! How long the reads of one reader take, of which several may be under way.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The time that a reader's reads take together.
#[derive(Debug)]
pub(crate) struct Meter(Mutex<Busy>);

#[derive(Debug)]
struct Busy {
    /// Reads under way.
    reads: usize,
    /// Up to when the time is accounted for.
    since: Instant,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Busy { reads: 0, since: Instant::now() }))
    }

    /// A read begins.
    pub(crate) fn begin(&self) -> Reading<'_> {
        let mut busy = self.lock();
        if busy.reads == 0 {
            busy.since = Instant::now();
        }
        busy.reads += 1;
        Reading(self)
    }

    fn lock(&self) -> MutexGuard<'_, Busy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read that is under way.
pub(crate) struct Reading<'a>(&'a Meter);

impl Reading<'_> {
    /// Since it began, or since the last one that was under way with it ended:
    /// all those together are the time in which something was read.
    pub(crate) fn took(self) -> Duration {
        let mut busy = self.0.lock();
        let now = Instant::now();
        let took = now.saturating_duration_since(busy.since);
        busy.since = now;
        took
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.lock().reads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_at_once_share_their_time_and_pauses_do_not_count() {
        let meter = Meter::new();
        let began = Instant::now();
        let (one, other) = (meter.begin(), meter.begin());
        let together = one.took() + other.took();
        assert!(together <= began.elapsed());
        let paused = Instant::now();
        while paused.elapsed() < Duration::from_millis(2) {}
        let began = Instant::now();
        let after = meter.begin().took();
        assert!(after <= began.elapsed());
        assert_eq!(meter.lock().reads, 0);
    }
}
