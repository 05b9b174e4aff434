//! Where the leaves of a scan come from: read from their drive, or made again
//! from the key where that is faster. Whether it is follows from what was
//! measured: how fast each drive was read, and how fast leaves are made and
//! scored.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use spacetime_kernels::Kernels;
use spacetime_protocol::{Leaf, PlotKey};

use super::hasher::Hasher;
use crate::plots::LeafOrigin;

/// A scan that is to be so much shorter is worth another source.
const GAIN: f64 = 0.9;

/// Leaves that are made to find out how fast that is: some milliseconds' work.
const TRIED: usize = 1 << 16;

/// After that a drive whose leaves are made may have become faster.
const HOLDS: Duration = Duration::from_secs(600);

/// Where leaves come from, and how that was decided.
#[derive(Debug)]
pub struct Supply {
    origin: LeafOrigin,
    /// Whose plots' leaves can be made again; `None`: nobody's.
    key: Option<PlotKey>,
    /// How often a little is read of drives whose leaves are made.
    retries: Duration,
    /// Drives whose leaves are made, as it was decided last.
    made: Mutex<BTreeSet<u64>>,
}

impl Default for Supply {
    /// All leaves are read.
    fn default() -> Self {
        Self::new(LeafOrigin::Disk, None)
    }
}

/// What a scan makes again: which key's plots, on which drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Making {
    pub(super) key: PlotKey,
    pub(super) drives: BTreeSet<u64>,
}

/// A drive under scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) drive: u64,
    /// Leaves of its plots.
    pub(super) leaves: u64,
    /// At which they are read, all readers together, leaves per second; 0: not
    /// known yet.
    pub(super) read_rate: u64,
}

/// What all workers together do, leaves per second; 0: not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) scan: u64,
    pub(super) make: u64,
}

impl Supply {
    /// Leaves of this key's plots come from there.
    pub fn new(origin: LeafOrigin, key: Option<PlotKey>) -> Self {
        Self { origin, key, retries: HOLDS, made: Mutex::default() }
    }

    /// A drive whose leaves are made is measured again each time so long after
    /// its leaves began to be made, or it was measured; ten minutes otherwise.
    pub fn retrying(self, retries: Duration) -> Self {
        Self { retries, ..self }
    }

    /// How often a little is read of a drive whose leaves are made; `None`:
    /// whatever it gives, they are made.
    pub(super) fn retries(&self) -> Option<Duration> {
        (self.origin == LeafOrigin::Auto).then_some(self.retries)
    }

    /// Finds out how fast leaves are made, where that matters.
    pub(super) fn try_out(&self, hasher: &Hasher) {
        if self.origin == LeafOrigin::Auto && self.key.is_some() {
            hasher.try_making(TRIED);
        }
    }

    /// What a scan of these drives makes again; `None`: nothing.
    pub(super) fn choose(&self, drives: &[Load], rates: Rates) -> Option<Making> {
        let key = self.key?;
        let drives = match self.origin {
            LeafOrigin::Disk => return None,
            LeafOrigin::Regenerate => drives.iter().map(|load| load.drive).collect(),
            LeafOrigin::Auto => self.fastest(drives, rates),
        };
        (!drives.is_empty()).then_some(Making { key, drives })
    }

    /// The drives whose leaves are to be made. What was decided before stays,
    /// unless another choice is better by far.
    fn fastest(&self, drives: &[Load], rates: Rates) -> BTreeSet<u64> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let best = fastest(drives, rates);
        if seconds(drives, rates, &best) < GAIN * seconds(drives, rates, &made) {
            for load in drives
                .iter()
                .filter(|load| best.contains(&load.drive) != made.contains(&load.drive))
            {
                tell(load, rates, best.contains(&load.drive));
            }
            *made = best;
        }
        made.clone()
    }
}

/// Says what was decided of a drive, and why.
fn tell(load: &Load, rates: Rates, is_made: bool) {
    let Load { drive, read_rate, .. } = load;
    let per_second = |leaves: u64| crate::observe::size(leaves.saturating_mul(Leaf::SIZE as u64));
    let (read, made) = (per_second(*read_rate), per_second(both(rates)));
    match is_made {
        true => tracing::info!(
            "leaves of drive {drive} are made again from now on: they are read at {read}/s, and \
             made and scored at {made}/s, all drives together"
        ),
        false => tracing::info!("leaves of drive {drive} are read again from now on"),
    }
}

/// How fast leaves are made and scored, on the same cores.
pub(super) fn both(Rates { scan, make }: Rates) -> u64 {
    let product = u128::from(scan) * u128::from(make);
    let rate = product / (u128::from(scan) + u128::from(make)).max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The choice with the shortest scan. Drives are read at once, and the cores
/// score all leaves and make those that are not read; so in the best choice,
/// those are made that would take longest to read.
fn fastest(drives: &[Load], rates: Rates) -> BTreeSet<u64> {
    let mut slowest: Vec<&Load> = drives.iter().filter(|load| load.read_rate > 0).collect();
    slowest.sort_by(|one, other| reading(other).total_cmp(&reading(one)));
    let mut made = BTreeSet::new();
    let mut best = (seconds(drives, rates, &made), made.clone());
    for load in slowest {
        made.insert(load.drive);
        let takes = seconds(drives, rates, &made);
        if takes < best.0 {
            best = (takes, made.clone());
        }
    }
    best.1
}

/// How long a scan takes whose leaves are made on some drives and read on the
/// others. A drive of which nothing is known takes no time, and so is read.
fn seconds(drives: &[Load], rates: Rates, made: &BTreeSet<u64>) -> f64 {
    let is_read = |load: &&Load| !made.contains(&load.drive);
    let readers = drives.iter().filter(is_read).map(reading).fold(0.0, f64::max);
    let leaves = |count: u64| count as f64;
    let all: f64 = drives.iter().map(|load| leaves(load.leaves)).sum();
    let to_make: f64 =
        drives.iter().filter(|load| !is_read(load)).map(|load| leaves(load.leaves)).sum();
    let scoring = if rates.scan > 0 { all / leaves(rates.scan) } else { 0.0 };
    let making = match (to_make > 0.0, rates.make) {
        (false, _) => 0.0,
        (true, 0) => f64::INFINITY,
        (true, make) => to_make / leaves(make),
    };
    readers.max(scoring + making)
}

/// How long a drive takes to be read.
fn reading(load: &Load) -> f64 {
    match load.read_rate {
        0 => 0.0,
        rate => load.leaves as f64 / rate as f64,
    }
}

/// How long it takes to make so many leaves.
pub(super) fn time_making(kernels: &Kernels, leaves: usize) -> Duration {
    let mut out = vec![0; leaves.min(super::hasher::STEP as usize) * Leaf::SIZE];
    let began = Instant::now();
    for first in (0..leaves).step_by(out.len() / Leaf::SIZE) {
        kernels.generate(&[0; 32], &[0; 32], first as u64, &mut out);
    }
    began.elapsed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(drive: u64, leaves: u64, read_rate: u64) -> Load {
        Load { drive, leaves, read_rate }
    }

    fn auto() -> Supply {
        Supply::new(LeafOrigin::Auto, Some(PlotKey::ZERO))
    }

    fn made(supply: &Supply, drives: &[Load], scan: u64, make: u64) -> Vec<u64> {
        let making = supply.choose(drives, Rates { scan, make });
        making.map_or_else(Vec::new, |making| making.drives.into_iter().collect())
    }

    #[test]
    fn a_slow_drive_is_not_read_and_a_fast_one_is() {
        let drives = [load(0, 1000, 10), load(1, 1000, 500)];
        assert_eq!(made(&auto(), &drives, 1000, 300), [0]);
        // Half of the machine's rate is not more than the drive's.
        assert_eq!(made(&auto(), &drives[1..], 1000, 900), [1; 0]);
        assert_eq!(made(&auto(), &drives[1..], 10_000, 9000), [1]);
    }

    #[test]
    fn many_slow_drives_are_together_faster_than_the_machine() {
        let forty: Vec<Load> = (0..40).map(|drive| load(drive, 1000, 10)).collect();
        assert_eq!(made(&auto(), &forty, 1000, 300), [0; 0]);
        assert_eq!(made(&auto(), &forty[..1], 1000, 300), [0]);
    }

    #[test]
    fn what_is_not_known_is_read() {
        assert_eq!(made(&auto(), &[load(0, 1000, 0)], 1000, 300), [0; 0]);
        assert_eq!(made(&auto(), &[load(0, 1000, 10)], 1000, 0), [0; 0]);
        assert_eq!(made(&auto(), &[load(0, 1000, 10)], 0, 300), [0]);
        assert_eq!(made(&auto(), &[], 1000, 300), [0; 0]);
    }

    #[test]
    fn a_choice_stays_until_another_is_better_by_far() {
        let supply = auto();
        assert_eq!(made(&supply, &[load(0, 1000, 100)], 1000, 124), [0; 0], "a tenth");
        assert_eq!(made(&supply, &[load(0, 1000, 100)], 1000, 200), [0]);
        assert_eq!(made(&supply, &[load(0, 1000, 100)], 1000, 110), [0], "it stays");
        assert_eq!(made(&supply, &[load(0, 1000, 100)], 1000, 50), [0; 0]);
    }

    #[test]
    fn who_asks_for_it_gets_it_always_or_never() {
        let drives = [load(3, 1000, 1_000_000), load(4, 1000, 0)];
        let key = Some(PlotKey::ZERO);
        assert_eq!(made(&Supply::new(LeafOrigin::Regenerate, key), &drives, 10, 1), [3, 4]);
        assert_eq!(made(&Supply::new(LeafOrigin::Disk, key), &drives, 10, 1000), [0; 0]);
        assert_eq!(made(&Supply::new(LeafOrigin::Regenerate, None), &drives, 10, 1), [0; 0]);
    }

    proptest! {
        /// No other choice is shorter.
        #[test]
        fn the_choice_is_the_best_one(
            drives in proptest::collection::vec((1_u64..10_000, 1_u64..10_000), 1..6),
            scan in 1_u64..10_000,
            make in 1_u64..10_000,
        ) {
            let drives: Vec<Load> =
                (0..).zip(drives).map(|(drive, (leaves, rate))| load(drive, leaves, rate)).collect();
            let rates = Rates { scan, make };
            let best = seconds(&drives, rates, &fastest(&drives, rates));
            for choice in 0_u64..1 << drives.len() {
                let made = (0..drives.len() as u64).filter(|drive| choice >> drive & 1 == 1);
                prop_assert!(best <= seconds(&drives, rates, &made.collect()) * (1.0 + 1e-9));
            }
        }
    }
}
