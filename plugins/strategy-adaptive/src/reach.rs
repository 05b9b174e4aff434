//! Which leaves the drives can deliver in the time that is left.

use std::time::Duration;

use spacetime_sdk::{Job, Plot, Turns};

/// The drives of a job, the fastest first.
pub(crate) struct Reach {
    drives: Vec<Drive>,
    /// Leaves that this machine can hash in time.
    hashed: u64,
}

struct Drive {
    /// Positions in the job's list of plots.
    plots: Vec<usize>,
    /// Leaves of these plots.
    leaves: u64,
    /// Leaves that it reads in a second, all its readers together; 0: not known.
    rate: u64,
    /// Leaves that it delivers in time: all, if that is not known.
    reach: u64,
}

impl Reach {
    /// How far the drives of these plots reach.
    pub(crate) fn of(job: &Job, plots: &[Plot]) -> Self {
        let mut drives: Vec<(u64, Drive)> = Vec::new();
        for (index, plot) in plots.iter().enumerate() {
            let at = drives.iter().position(|(number, _)| *number == plot.drive);
            let at = at.unwrap_or_else(|| {
                let rate = plot.read_rate.unwrap_or_default();
                drives.push((plot.drive, Drive { plots: vec![], leaves: 0, rate, reach: 0 }));
                drives.len() - 1
            });
            drives[at].1.plots.push(index);
            drives[at].1.leaves = drives[at].1.leaves.saturating_add(plot.leaf_count);
        }
        let readers = plots.first().and_then(|plot| plot.readers).unwrap_or(1);
        let mut drives: Vec<Drive> = drives.into_iter().map(|(_, drive)| drive).collect();
        for drive in &mut drives {
            drive.rate = drive.rate.saturating_mul(readers.min(drive.plots.len() as u64));
            drive.reach = delivered(drive.rate, job.time_left).min(drive.leaves);
        }
        // Stable: as listed where nothing is known.
        drives.sort_by_key(|drive| std::cmp::Reverse(drive.rate));
        let scan_rate = plots.first().and_then(|plot| plot.scan_rate).unwrap_or_default();
        Self { drives, hashed: delivered(scan_rate, job.time_left) }
    }

    /// Leaves in reach.
    pub(crate) fn leaves(&self) -> u64 {
        let read = self.drives.iter().fold(0_u64, |sum, drive| sum.saturating_add(drive.reach));
        read.min(self.hashed)
    }

    /// Gives plots their turns until `most` leaves are given away, the fastest
    /// drives first. How many leaves were given.
    pub(crate) fn give_turns(&self, plots: &[Plot], most: u64, turns: &mut Turns<'_>) -> u64 {
        let mut given = 0_u64;
        for (drive, mut left) in self.drives.iter().zip(self.shares(most)) {
            for index in &drive.plots {
                let leaves = plots[*index].leaf_count.min(left);
                turns.push(&plots[*index], leaves);
                (left, given) = (left - leaves, given.saturating_add(leaves));
            }
        }
        given
    }

    /// Each drive's share of so many leaves: what it can make use of, then what
    /// nobody else can, should it be faster than it was.
    fn shares(&self, mut left: u64) -> Vec<u64> {
        let mut shares = Vec::with_capacity(self.drives.len());
        for drive in &self.drives {
            let use_of = drive.reach.saturating_add(drive.reach / 8);
            shares.push(use_of.min(drive.leaves).min(left));
            left -= shares[shares.len() - 1];
        }
        for (share, drive) in shares.iter_mut().zip(&self.drives) {
            let more = (drive.leaves - *share).min(left);
            (*share, left) = (*share + more, left - more);
        }
        shares
    }
}

/// What comes in the time left at a rate; without end if either is not known.
fn delivered(rate: u64, left: Option<Duration>) -> u64 {
    match left {
        // Saturates.
        Some(left) if rate > 0 => (rate as f64 * left.as_secs_f64()) as u64,
        _ => u64::MAX,
    }
}
