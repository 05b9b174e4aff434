//! What a scan can win, and whether that is worth what it costs.

use std::fmt;

use spacetime_sdk::{
    Job,
    protocol::score::{chance_of_any, chance_of_leaf},
};

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
