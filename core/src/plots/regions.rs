//! Runs of leaves that are damaged.

use std::ops::Range;

use serde::Serialize;
use spacetime_protocol::{Leaf, plot::leaf_offset};

use super::source::ReadError;

/// A run of leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// The first leaf.
    pub first_leaf: u64,
    /// Number of leaves.
    pub leaves: u64,
    /// Offset in the file of the first byte.
    pub first_byte: u64,
    /// Number of bytes.
    pub bytes: u64,
    /// Why it cannot be read; `None`: it can, and the leaves are wrong.
    pub reason: Option<String>,
}

/// Runs that are kept apart; what lies between later ones is counted in, so
/// that memory is bounded whatever is damaged.
const MOST: usize = 1 << 20;

/// Runs of numbers, added in ascending order.
#[derive(Debug, Default)]
pub(super) struct Regions(pub(super) Vec<Range<u64>>);

impl Regions {
    pub(super) fn add(&mut self, first: u64, count: u64) {
        let is_full = self.0.len() == MOST;
        match self.0.last_mut() {
            Some(last) if last.end == first || is_full => last.end = first + count,
            _ => self.0.push(first..first + count),
        }
    }

    /// Adds the leaves of a run that are not those that were made; how many.
    pub(super) fn add_differing(&mut self, first: u64, found: &[u8], made: &[u8]) -> u64 {
        let mut differing = 0;
        if found == made {
            return differing;
        }
        let pairs = found.chunks_exact(Leaf::SIZE).zip(made.chunks_exact(Leaf::SIZE));
        for (number, (found, made)) in pairs.enumerate() {
            if found != made {
                self.add(first + number as u64, 1);
                differing += 1;
            }
        }
        differing
    }

    pub(super) fn into_regions(self) -> Vec<Region> {
        self.0.into_iter().map(Region::of).collect()
    }
}

impl Region {
    pub(super) fn of(leaves: Range<u64>) -> Self {
        let count = leaves.end - leaves.start;
        Self {
            first_leaf: leaves.start,
            leaves: count,
            // The leaf is in a file, so it has an offset.
            first_byte: leaf_offset(leaves.start).unwrap_or(u64::MAX),
            bytes: count * Leaf::SIZE as u64,
            reason: None,
        }
    }

    pub(super) fn leaves(&self) -> Range<u64> {
        self.first_leaf..self.first_leaf + self.leaves
    }

    /// What is left of it without others, which are in order.
    pub(super) fn without(&self, others: &[Self]) -> Vec<Self> {
        let mut left = Vec::new();
        let Range { mut start, end } = self.leaves();
        for other in others.iter().map(Self::leaves) {
            if start < other.start.min(end) {
                left.push(Self::of(start..other.start.min(end)));
            }
            start = start.max(other.end);
        }
        if start < end {
            left.push(Self::of(start..end));
        }
        left
    }
}

/// Adds to a region that fails up to there, or begins another.
pub(super) fn add_unreadable(regions: &mut Vec<Region>, leaves: Range<u64>, error: ReadError) {
    match regions.last_mut() {
        Some(last) if last.leaves().end == leaves.start => {
            *last =
                Region { reason: last.reason.take(), ..Region::of(last.first_leaf..leaves.end) };
        }
        _ => regions.push(Region { reason: Some(error.0), ..Region::of(leaves) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_some_number_of_runs_on_gaps_are_counted_in() {
        let mut regions = Regions::default();
        let runs = MOST as u64 + 10;
        (0..runs).for_each(|number| regions.add(3 * number, 1));
        assert_eq!(regions.0.len(), MOST);
        assert_eq!(regions.0[7], 21..22);
        assert_eq!(regions.0[MOST - 1], 3 * (MOST as u64 - 1)..3 * (runs - 1) + 1);
    }
}
