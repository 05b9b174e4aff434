//! Difficulty adjustment (`consensus.md` section 5).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::MAX_NUMBER;

/// The parameters of difficulty adjustment; what [`Adjustment::check`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Seconds between blocks that are aimed at.
    pub target_block_time: u64,
    /// Blocks from one adjustment to the next.
    pub interval: u64,
    /// Divides each step.
    pub dampening: u64,
    /// Lowest difficulty.
    pub minimum: u64,
    /// Highest difficulty.
    pub maximum: u64,
}

impl Default for Adjustment {
    /// The reference's defaults.
    fn default() -> Self {
        Self { target_block_time: 10, interval: 100, dampening: 4, minimum: 1, maximum: MAX_NUMBER }
    }
}

/// A parameter that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field} is {found}, not from {least} to {most}")]
pub struct AdjustmentError {
    /// The parameter.
    pub field: &'static str,
    /// Its value.
    pub found: u64,
    /// Its smallest value.
    pub least: u64,
    /// Its largest value.
    pub most: u64,
}

impl Adjustment {
    /// Whether every parameter is in its range: from 1 to 2^63 - 1, the minimum at most the
    /// maximum, and an interval of at most 2^63 - 1 seconds.
    ///
    /// # Errors
    /// The first that is not, in the reference's order.
    pub fn check(&self) -> Result<(), AdjustmentError> {
        let longest = MAX_NUMBER / self.target_block_time.max(1);
        let checks = [
            ("target_block_time", self.target_block_time, MAX_NUMBER),
            ("interval", self.interval, longest),
            ("dampening", self.dampening, MAX_NUMBER),
            ("minimum", self.minimum, MAX_NUMBER),
            ("maximum", self.maximum, MAX_NUMBER),
            ("minimum", self.minimum, self.maximum),
        ];
        let wrong = checks.into_iter().find(|(_, found, most)| !(1..=*most).contains(found));
        wrong.map_or(Ok(()), |(field, found, most)| {
            Err(AdjustmentError { field, found, least: 1, most })
        })
    }

    /// Whether the block after one of this height gets another difficulty.
    pub fn is_due(&self, height: u64) -> bool {
        height > 0 && height.is_multiple_of(self.interval)
    }

    /// The next difficulty; `t1`: timestamp of the block at a multiple of the interval, `t0`: of
    /// the block one interval earlier. `t1 < t0` counts as one second (our decision).
    pub fn next(&self, current: u64, t1: u64, t0: u64) -> u64 {
        let actual = t1.saturating_sub(t0).max(1) as f64;
        let expected = self.interval.saturating_mul(self.target_block_time) as f64;
        let current = current as f64;
        let raw = current * expected / actual;
        let next = current + (raw - current) / self.dampening as f64;
        // The conversion saturates; numbers end at 2^63 - 1, where the reference's i64 does.
        let next = (next.round_ties_even() as u64).min(MAX_NUMBER);
        next.max(self.minimum).min(self.maximum)
    }
}
