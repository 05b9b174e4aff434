//! The reference miner's scan limits (`miner-behaviour.md` section 6.1), as
//! stop rules of ours.

use spacetime_protocol::{Score, Target, score::leading_zero_bits};
use thiserror::Error;

use super::Stop;

/// The threshold's default, in bits.
const THRESHOLD_BITS: u16 = 16;

/// The most bits that a score has.
const SCORE_BITS: u16 = 256;

/// When the scan of a plot ends before its plan does. By default never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    early_termination: bool,
    threshold_bits: u16,
    max_leaves: u64,
}

/// A limit out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// More zero bits than a score has.
    #[error("the threshold of {0} bits is not between 0 and 256")]
    ThresholdBits(i64),
    /// A number of leaves that cannot be.
    #[error("the limit of {0} leaves is out of range")]
    MaxLeaves(i64),
}

impl Default for Limits {
    fn default() -> Self {
        Self { early_termination: false, threshold_bits: THRESHOLD_BITS, max_leaves: 0 }
    }
}

impl Limits {
    /// Limits: with early termination, the first score with so many zero bits
    /// in front ends the scan; at most so many leaves are scanned, 0: all.
    ///
    /// # Errors
    ///
    /// A value out of its range.
    pub fn new(
        early_termination: bool,
        threshold_bits: i64,
        max_leaves: i64,
    ) -> Result<Self, LimitError> {
        let threshold_bits = u16::try_from(threshold_bits)
            .ok()
            .filter(|bits| *bits <= SCORE_BITS)
            .ok_or(LimitError::ThresholdBits(threshold_bits))?;
        let max_leaves =
            u64::try_from(max_leaves).map_err(|_| LimitError::MaxLeaves(max_leaves))?;
        Ok(Self { early_termination, threshold_bits, max_leaves })
    }

    /// The reference's preset for a quick answer.
    ///
    /// # Errors
    ///
    /// A threshold out of its range.
    pub fn fast(threshold_bits: Option<i64>) -> Result<Self, LimitError> {
        Self::new(true, threshold_bits.unwrap_or(THRESHOLD_BITS.into()), 0)
    }

    /// The reference's preset for a look at the first leaves of a plan.
    ///
    /// # Errors
    ///
    /// Fewer leaves than one.
    pub fn limited(max_leaves: i64) -> Result<Self, LimitError> {
        if max_leaves < 1 {
            return Err(LimitError::MaxLeaves(max_leaves));
        }
        Self::new(false, 0, max_leaves)
    }

    /// Whether a score, as the best so far, ends the scan.
    pub fn ends_at(&self, score: &Score) -> bool {
        self.early_termination && leading_zero_bits(score) >= u32::from(self.threshold_bits)
    }

    /// The stop rule of a scan of one plot. The first leaf over the threshold
    /// is the best one by then, so that "first under" is the reference's rule.
    pub fn stop(&self) -> Stop {
        if !self.early_termination {
            return Stop::BestOfAll;
        }
        Stop::FirstUnder(lowest_without(self.threshold_bits))
    }

    /// How many leaves of each plan are scanned; `None`: all.
    pub fn leaves_per_plot(&self) -> Option<u64> {
        (self.max_leaves > 0).then_some(self.max_leaves)
    }

    /// Whether a scan may end early.
    pub fn early_termination(&self) -> bool {
        self.early_termination
    }

    /// Zero bits that a score needs in front to end a scan.
    pub fn threshold_bits(&self) -> u16 {
        self.threshold_bits
    }

    /// The most leaves of a plan that are scanned; 0: all.
    pub fn max_leaves(&self) -> u64 {
        self.max_leaves
    }
}

/// `2^(256 - bits)`: the lowest score with fewer zero bits. For 0 bits it has
/// no form; the highest number stands in, which only a score of all ones, of
/// which nobody knows a preimage, is not under.
fn lowest_without(bits: u16) -> Target {
    let mut number = [0; 32];
    match SCORE_BITS - bits {
        SCORE_BITS => number = [0xFF; 32],
        power => number[31 - usize::from(power / 8)] = 1 << (power % 8),
    }
    Target::new(number)
}

#[cfg(test)]
mod tests {
    use spacetime_protocol::score::is_under;

    use super::*;

    #[test]
    fn under_the_stop_rules_target_is_over_the_threshold() {
        for bits in 1..=256 {
            let limits = Limits::new(true, bits, 0).unwrap();
            let Stop::FirstUnder(target) = limits.stop() else { panic!("it ends early") };
            let edge = Score::new(target.to_bytes());
            assert!(!is_under(&edge, &target) && !limits.ends_at(&edge), "{bits}");
            let mut below = target.to_bytes();
            for byte in below.iter_mut().rev() {
                *byte = byte.wrapping_sub(1);
                if *byte != 0xFF {
                    break;
                }
            }
            let below = Score::new(below);
            assert!(is_under(&below, &target) && limits.ends_at(&below), "{bits}");
        }
    }
}
