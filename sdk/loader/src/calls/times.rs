//! How long calls took: a histogram whose bounds are a quarter of a power of
//! two apart, so that a quantile is at most a quarter too high.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Parts of each power of two, as a power of two.
const PARTS: u32 = 2;

/// The longest time that has a bucket of its own: 2^42 ticks of a nanosecond or
/// less, a quarter of an hour or more.
const LONGEST: u32 = 42;

const BUCKETS: usize = ((LONGEST - PARTS) << PARTS) as usize;

/// The calls of one method.
pub(crate) struct Times {
    errors: AtomicU64,
    given_up: AtomicU64,
    total: AtomicU64,
    max: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// The calls of one method, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTimes {
    /// Calls that returned.
    pub calls: u64,
    /// Those of them that returned an error or panicked.
    pub errors: u64,
    /// Calls that were given up, as they did not return in time. One that
    /// returned later is among those that returned, too.
    pub given_up: u64,
    /// What they took together.
    pub total: Duration,
    /// What the longest one took.
    pub max: Duration,
    /// Ninety-nine of a hundred took no longer; up to a quarter too high.
    pub p99: Duration,
}

impl Times {
    pub(super) fn new() -> Self {
        Self {
            errors: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            total: AtomicU64::new(0),
            max: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// One more call, in ticks of the clock.
    pub(super) fn add(&self, took: u64) {
        self.buckets[bucket(took)].fetch_add(1, Relaxed);
        self.total.fetch_add(took, Relaxed);
        if took > self.max.load(Relaxed) {
            self.max.fetch_max(took, Relaxed);
        }
    }

    pub(super) fn add_error(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    pub(super) fn add_given_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    /// What was counted; `length` says how long so many ticks are.
    pub(super) fn read(&self, length: impl Fn(u64) -> Duration) -> CallTimes {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
        let calls = counts.iter().sum();
        let max = self.max.load(Relaxed);
        CallTimes {
            calls,
            errors: self.errors.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            total: length(self.total.load(Relaxed)),
            max: length(max),
            p99: length(quantile(&counts, calls).min(max)),
        }
    }
}

/// Which bucket a time belongs to.
fn bucket(time: u64) -> usize {
    let time = time.clamp(1 << PARTS, (1 << LONGEST) - 1);
    let power = time.ilog2();
    let part = (time >> (power - PARTS)) - (1 << PARTS);
    (((power - PARTS) << PARTS) as usize) + part as usize
}

/// The first time that is longer than all of a bucket.
fn end_of(bucket: usize) -> u64 {
    let (power, part) = (bucket as u32 >> PARTS, bucket as u64 & ((1 << PARTS) - 1));
    (part + (1 << PARTS) + 1) << power
}

/// The end of the bucket in which the hundredth part of the longest calls begins.
fn quantile(counts: &[u64], calls: u64) -> u64 {
    let mut rest = calls - calls / 100;
    for (bucket, count) in counts.iter().enumerate() {
        if rest <= *count {
            return end_of(bucket);
        }
        rest -= count;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        for number in 0..BUCKETS - 1 {
            let end = end_of(number);
            assert_eq!((bucket(end - 1), bucket(end)), (number, number + 1), "{end}");
        }
    }

    #[test]
    fn a_quantile_is_at_most_a_quarter_too_high() {
        let times = Times::new();
        for micros in 1..=1000 {
            times.add(micros);
        }
        times.add_error();
        let read = times.read(Duration::from_micros);
        assert_eq!((read.calls, read.errors), (1000, 1));
        assert_eq!(read.max, Duration::from_millis(1));
        assert_eq!(read.total, Duration::from_micros(500_500));
        let exact = Duration::from_micros(990);
        assert!(read.p99 >= exact && read.p99 <= exact * 5 / 4, "{:?}", read.p99);
    }

    #[test]
    fn nothing_yet_is_zero() {
        assert_eq!(Times::new().read(Duration::from_nanos), CallTimes::default());
    }
}
