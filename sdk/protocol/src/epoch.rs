//! One epoch after the other, as the reference's miner counts them (`consensus.md` section 3).

use std::ops::RangeInclusive;

use crate::{BlockHash, Challenge, MAX_NUMBER, challenge::challenge};

/// An epoch with the time it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Counted from 0.
    pub number: u64,
    /// What it asks.
    pub challenge: Challenge,
    /// When it began, in seconds since 1970 (UTC).
    pub start: u64,
    /// How long it is, in seconds.
    pub seconds: u64,
}

impl Epoch {
    /// The lengths that there are, in seconds.
    pub const SECONDS: RangeInclusive<u64> = 1..=3600;
    /// The length where none is given, in seconds.
    pub const DEFAULT_SECONDS: u64 = 10;

    /// Epoch 0, which asks nothing yet; `None` for a length that there is not.
    pub fn first(seconds: u64, now: u64) -> Option<Self> {
        let epoch = Self { number: 0, challenge: Challenge::ZERO, start: now, seconds };
        Self::SECONDS.contains(&seconds).then_some(epoch)
    }

    /// The epoch that begins now, on a new tip; `None` when there are no more numbers.
    pub fn next(&self, parent: &BlockHash, now: u64) -> Option<Self> {
        let number = self.number + u64::from(self.number < MAX_NUMBER);
        let next = Self { number, challenge: challenge(parent, number), start: now, ..*self };
        (number > self.number).then_some(next)
    }

    /// Seconds that are left; more than its length if it has yet to begin.
    pub fn remaining(&self, now: u64) -> u64 {
        self.start.saturating_add(self.seconds).saturating_sub(now)
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: u64) -> bool {
        self.remaining(now) == 0
    }
}
