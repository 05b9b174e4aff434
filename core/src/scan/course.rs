//! What a plan is made for: a scan, the simulation of one, or one that was
//! recorded. Strategies cannot tell them apart.

use std::{sync::atomic::AtomicBool, time::Duration};

use spacetime_sdk_loader::{
    Fault,
    abi::{BatchStats, Job, Plot, features},
};

use super::{
    Component,
    hasher::Hasher,
    job::ScanJob,
    notes::Note,
    supply::{Rates, both},
};

/// A scan as far as its plans are concerned.
pub(super) trait Course {
    /// The job as strategies see it by now.
    fn job(&self) -> Job<'_>;
    /// The number of its plots.
    fn plots(&self) -> usize;
    /// One of them as strategies see it by now.
    fn plot(&self, index: usize) -> Plot;
    /// How the scan goes, for the plan of a plot that began at this time.
    fn stats(&self, index: usize, began: Duration) -> BatchStats;
    /// Since the scan began.
    fn clock(&self) -> Duration;
    /// Whether nothing more is scanned.
    fn is_over(&self) -> bool;
    /// What strategies look at to see that.
    fn cancel_flag(&self) -> &AtomicBool;
    /// The strategy failed; the host's own plan takes its place.
    fn failed(&self, fault: &Fault);
    /// Takes note of what a strategy was asked and what it said.
    fn note(&self, note: Note<'_>) {
        let _ = note;
    }
}

/// What strategies are told of the machine that they plan for.
#[derive(Clone, Copy)]
pub(super) struct Machine<'a> {
    pub(super) hasher: &'a Hasher,
    /// Hashing workers.
    pub(super) workers: usize,
    /// Plots that are read at once per drive.
    pub(super) per_drive: usize,
}

impl Machine<'_> {
    /// Measured hashing rate, all workers together, in leaves per second; 0
    /// before the first batch.
    pub(super) fn scan_rate(&self) -> u64 {
        self.hasher.rate().saturating_mul(self.workers as u64)
    }

    /// What all workers together do.
    pub(super) fn rates(&self) -> Rates {
        let make = self.hasher.making_rate().saturating_mul(self.workers as u64);
        Rates { scan: self.scan_rate(), make }
    }
}

/// A scan that runs.
pub(super) struct Live<'a> {
    pub(super) job: &'a ScanJob,
    pub(super) machine: Machine<'a>,
}

impl Live<'_> {
    /// How fast leaves of a plot come, per second: as its drive is read, or as
    /// they are made where they are; 0: not known.
    fn read_rate(&self, index: usize) -> u64 {
        match self.job.key_to_make(index) {
            Some(_) => both(self.machine.rates()),
            None => self.job.drive(index).rate.get(),
        }
    }
}

impl Course for Live<'_> {
    fn job(&self) -> Job<'_> {
        self.job.to_abi()
    }

    fn plots(&self) -> usize {
        self.job.plots().len()
    }

    fn plot(&self, index: usize) -> Plot {
        let (source, drive) = (&self.job.plots()[index], self.job.drive(index));
        Seen {
            read_rate: self.read_rate(index),
            scan_rate: self.machine.scan_rate(),
            per_drive: self.machine.per_drive,
        }
        .plot(source.id().to_bytes(), source.leaf_count(), index, drive.number)
    }

    fn stats(&self, index: usize, began: Duration) -> BatchStats {
        Progress {
            leaves: self.job.scanned(index),
            scanned: self.job.scanned_in_all(),
            elapsed: self.clock().saturating_sub(began),
            best: self.job.best().map(|best| best.score.to_bytes()),
            read_rate: self.read_rate(index),
            scan_rate: self.machine.scan_rate(),
            time_left_ms: self.job.time_left_ms(),
        }
        .stats()
    }

    fn clock(&self) -> Duration {
        self.job.clock()
    }

    fn is_over(&self) -> bool {
        self.job.is_over()
    }

    fn cancel_flag(&self) -> &AtomicBool {
        self.job.cancel_flag()
    }

    fn failed(&self, fault: &Fault) {
        self.job.report().component_failed(self.job, Component::Strategy, fault);
    }

    fn note(&self, note: Note<'_>) {
        self.job.notes().take(note);
    }
}

/// What a strategy is told of drives and machine when it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) read_rate: u64,
    pub(super) scan_rate: u64,
    pub(super) per_drive: usize,
}

impl Seen {
    /// A plot as strategies see it.
    pub(super) fn plot(&self, id: [u8; 32], leaf_count: u64, index: usize, drive: u64) -> Plot {
        let mut reserved = [0; 8];
        reserved[features::PLOT_READERS] = self.per_drive as u64;
        Plot {
            id,
            leaf_count,
            index: index as u64,
            drive,
            read_rate: self.read_rate,
            scan_rate: self.scan_rate,
            reserved,
        }
    }
}

/// What a strategy is told while it plans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Leaves of the plot that are scanned.
    pub(super) leaves: u64,
    /// Of all plots.
    pub(super) scanned: u64,
    /// Since the plot's plan began.
    pub(super) elapsed: Duration,
    pub(super) best: Option<[u8; 32]>,
    pub(super) read_rate: u64,
    pub(super) scan_rate: u64,
    /// 0: there is no deadline.
    pub(super) time_left_ms: u64,
}

impl Progress {
    pub(super) fn stats(&self) -> BatchStats {
        let mut reserved = [0; 8];
        reserved[features::STATS_READ_RATE] = self.read_rate;
        reserved[features::STATS_SCAN_RATE] = self.scan_rate;
        reserved[features::STATS_SCANNED] = self.scanned;
        reserved[features::STATS_TIME_LEFT_MS] = self.time_left_ms;
        BatchStats {
            leaves: self.leaves,
            bytes_read: self.leaves.saturating_mul(32),
            elapsed_ns: u64::try_from(self.elapsed.as_nanos()).unwrap_or(u64::MAX),
            best: self.best.unwrap_or([0xFF; 32]),
            reserved,
        }
    }
}
