//! What a scan can win, and whether that is worth what it costs.

use std::fmt;

use spacetime_sdk::{Job, protocol::Target};

use crate::{config::Config, reach::Reach};

/// What shall be scanned for a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// All that the drives deliver.
    Everything,
    /// So many leaves of those in reach, as the power budget wants it.
    Limited { leaves: u64, reach: u64, watts: f64 },
    /// Nothing: a scan wins with this chance only.
    Hopeless { chance: f64, least: f64 },
    /// Nothing: a win takes so much energy.
    TooCostly { kwh: f64, most: f64 },
}

impl Verdict {
    /// Judges a job whose drives reach so far.
    pub(crate) fn of(job: &Job, reach: &Reach, config: &Config) -> Self {
        let in_reach = reach.leaves();
        // Without any target the lowest score is wanted for its own sake.
        if let Some(target) = job.share_target.max(job.block_target) {
            let leaf = chance_of_leaf(&target);
            let chance = chance_of_any(leaf, in_reach);
            if chance < config.min_win_chance {
                return Self::Hopeless { chance, least: config.min_win_chance };
            }
            let kwh = config.kwh_per_win(leaf);
            if let Some(most) = config.max_kwh_per_win.filter(|most| kwh > *most) {
                return Self::TooCostly { kwh, most };
            }
        }
        match config.max_watts.zip(config.leaves_within(job.time_left)) {
            Some((watts, leaves)) if leaves < in_reach => {
                Self::Limited { leaves, reach: in_reach, watts }
            }
            _ => Self::Everything,
        }
    }

    /// Whether anything is scanned at all.
    pub(crate) fn is_for_scanning(&self) -> bool {
        matches!(self, Self::Everything | Self::Limited { .. })
    }

    /// Whether it says the same as another, numbers aside.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => write!(f, "scans every leaf in reach"),
            Self::Limited { leaves, reach, watts } => write!(
                f,
                "scans {leaves} of {reach} leaves in reach, to stay within max_watts, {watts} W"
            ),
            Self::Hopeless { chance, least } => write!(
                f,
                "scans nothing: all leaves in reach together win with a chance of {chance:.2e} \
                 per scan, which is below min_win_chance, {least:e}"
            ),
            Self::TooCostly { kwh, most } => write!(
                f,
                "scans nothing: a win takes {kwh:.2e} kWh on average, which is above \
                 max_kwh_per_win, {most}"
            ),
        }
    }
}

/// The chance of one leaf to score under a target: the target / 2^256.
fn chance_of_leaf(target: &Target) -> f64 {
    target.as_bytes().iter().rev().fold(0.0, |chance, byte| (chance + f64::from(*byte)) / 256.0)
}

/// The chance that any of so many leaves does what each does with this one.
fn chance_of_any(leaf: f64, leaves: u64) -> f64 {
    // 1 - (1 - leaf)^leaves, without the loss of small numbers beside 1.
    -(leaves as f64 * (-leaf).ln_1p()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= right.abs() * 1e-12
    }

    #[test]
    fn a_leafs_chance_is_its_targets_share_of_all_scores() {
        let target = |first| {
            let mut bytes = [0; 32];
            bytes[0] = first;
            Target::new(bytes)
        };
        assert!(close(chance_of_leaf(&target(0x80)), 0.5));
        assert!(close(chance_of_leaf(&target(1)), 1.0 / 256.0));
        assert!(close(chance_of_leaf(&Target::new([0xFF; 32])), 1.0));
        let mut one = [0; 32];
        one[31] = 1;
        assert!(close(chance_of_leaf(&Target::new(one)), 2_f64.powi(-256)));
    }

    #[test]
    fn many_leaves_chance_is_exact_at_both_ends() {
        assert!(close(chance_of_any(0.5, 2), 0.75));
        assert!(close(chance_of_any(1e-30, 1000), 1e-27));
        assert!(close(chance_of_any(1.0, 1), 1.0));
        assert!(close(chance_of_any(0.5, u64::MAX), 1.0));
        assert_eq!(chance_of_any(0.5, 0), 0.0);
    }
}
