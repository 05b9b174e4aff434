//! Which leaves of a plot a plan has had, so that none counts twice. Bounded,
//! whatever a strategy plans: what cannot be known any more counts as had.

use std::collections::BTreeMap;

/// Stretches that are kept apart: a few MiB of them.
const STRETCHES: usize = 1 << 17;

/// The leaves that a plan has had.
#[derive(Debug)]
pub(super) struct Distinct {
    /// First leaf and end of each but the last; they neither touch nor overlap.
    stretches: BTreeMap<u64, u64>,
    /// The last one, as most plans go on behind it.
    last: Option<(u64, u64)>,
    most: usize,
    is_exact: bool,
}

/// What some more leaves of a plan were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// Leaves that it had not had for sure.
    pub(super) fresh: u64,
    /// The first of the others.
    pub(super) again: Option<u64>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::of_at_most(STRETCHES)
    }
}

impl Distinct {
    fn of_at_most(most: usize) -> Self {
        Self { stretches: BTreeMap::new(), last: None, most, is_exact: true }
    }

    /// Whether all that was said of leaves so far is so. Otherwise fewer may
    /// have been had than it says.
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Takes leaves in, at least one.
    pub(super) fn add(&mut self, first: u64, leaves: u64) -> Added {
        let end = first.saturating_add(leaves);
        match self.last {
            Some((start, stop)) if first < stop => {
                self.stretches.insert(start, stop);
                let added = self.insert(first, end);
                self.last = self.stretches.pop_last();
                return added;
            }
            Some((start, stop)) if first == stop => self.last = Some((start, end)),
            Some((start, _)) if self.stretches.len() + 1 >= self.most => {
                self.last = Some((start, end));
                self.is_exact = false;
            }
            Some((start, stop)) => {
                self.stretches.insert(start, stop);
                self.last = Some((first, end));
            }
            None => self.last = Some((first, end)),
        }
        Added { fresh: leaves, again: None }
    }

    /// Takes leaves in that do not come last.
    fn insert(&mut self, first: u64, end: u64) -> Added {
        let (mut start, mut stop) = (first, end);
        let mut again = None;
        let mut had = 0;
        // Those that reach into it or touch it, the last one first.
        while let Some((&from, &to)) = self.stretches.range(..=end).next_back()
            && to >= first
        {
            self.stretches.remove(&from);
            (start, stop) = (start.min(from), stop.max(to));
            let (from, to) = (from.max(first), to.min(end));
            if from < to {
                had += to - from;
                again = Some(from);
            }
        }
        self.stretches.insert(start, stop);
        if self.stretches.len() > self.most {
            self.close_a_gap(start, stop);
        }
        Added { fresh: (end - first) - had, again }
    }

    /// Joins a stretch with the neighbour that is nearer.
    fn close_a_gap(&mut self, start: u64, stop: u64) {
        let before = self.stretches.range(..start).next_back().map(|(from, to)| (*from, *to));
        let behind = self.stretches.range(stop..).next().map(|(from, to)| (*from, *to));
        let gap_before = before.map_or(u64::MAX, |(_, to)| start - to);
        let gap_behind = behind.map_or(u64::MAX, |(from, _)| from - stop);
        match (before, behind) {
            (Some((from, _)), _) if gap_before <= gap_behind => {
                self.stretches.remove(&start);
                self.stretches.insert(from, stop);
            }
            (_, Some((from, to))) => {
                self.stretches.remove(&from);
                self.stretches.insert(start, to);
            }
            _ => return,
        }
        self.is_exact = false;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a set of leaves.
        #[test]
        fn it_knows_each_leaf(spans in proptest::collection::vec((0_u64..200, 1_u64..20), 1..60)) {
            let (mut distinct, mut set) = (Distinct::default(), BTreeSet::new());
            for (first, leaves) in spans {
                let again = (first..first + leaves).find(|leaf| set.contains(leaf));
                let fresh = (first..first + leaves).filter(|leaf| set.insert(*leaf)).count();
                let added = distinct.add(first, leaves);
                prop_assert_eq!(added, Added { fresh: fresh as u64, again });
                prop_assert!(distinct.is_exact());
            }
        }

        /// With little memory it never says that there were more than there were.
        #[test]
        fn it_never_counts_a_leaf_twice(
            spans in proptest::collection::vec((0_u64..2000, 1_u64..20), 1..200),
            most in 1_usize..9,
        ) {
            let (mut distinct, mut set) = (Distinct::of_at_most(most), BTreeSet::new());
            for (first, leaves) in spans {
                let fresh = (first..first + leaves).filter(|leaf| set.insert(*leaf)).count();
                let was_exact = distinct.is_exact();
                let added = distinct.add(first, leaves);
                prop_assert!(added.fresh <= fresh as u64);
                prop_assert!(!was_exact || added.fresh == fresh as u64);
                prop_assert!(distinct.stretches.len() < most);
            }
        }
    }

    /// However many there are, in order, which is what most plans are.
    #[test]
    fn an_ascending_plan_is_counted_whatever_its_gaps() {
        let mut distinct = Distinct::of_at_most(4);
        let fresh: u64 = (0..1000).map(|number| distinct.add(number * 8, 1).fresh).sum();
        assert_eq!(fresh, 1000);
        assert!(!distinct.is_exact());
    }
}
