//! From a recorded challenge to the scene of its simulation: how fast its
//! drives and its workers were.

use std::collections::BTreeMap;

use crate::{
    record::{Entry, PlotList, Run},
    scan::{DriveModel, Reads, Scene},
};

/// Leaves that tell a rate: a mebibyte's.
const ENOUGH: u64 = 1 << 15;

/// How one run's drives were read.
#[derive(Clone, Debug, Default)]
pub struct Drives {
    of: BTreeMap<u64, Read>,
    /// Hashing rate, leaves per second; 0: not known.
    scan_rate: u64,
}

/// How one drive was read.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    on: Reads,
    jumps: Reads,
}

impl Read {
    /// What a leaf takes, nanoseconds, if that is known: where reading goes on,
    /// or else anywhere.
    fn leaf_ns(&self) -> Option<f64> {
        let reads = if self.on.leaves > 0 { self.on } else { self.jumps };
        (reads.leaves > 0).then(|| reads.ns as f64 / reads.leaves as f64)
    }

    /// What a jump takes besides, nanoseconds; 0 if that is not known.
    fn jump_ns(&self) -> f64 {
        let Read { on, jumps } = self;
        if on.leaves == 0 || jumps.count == 0 {
            return 0.0;
        }
        let leaves_ns = jumps.leaves as f64 * on.ns as f64 / on.leaves as f64;
        ((jumps.ns as f64 - leaves_ns) / jumps.count as f64).max(0.0)
    }
}

/// What was read of each drive in one scan.
fn reads(entry: &Entry, plots: &PlotList) -> BTreeMap<u64, Read> {
    let mut drives: BTreeMap<u64, Read> = BTreeMap::new();
    for read in &entry.noted.reads {
        let drive = drives.entry(plots[read.plot].drive).or_default();
        drive.on = drive.on.and(read.on);
        drive.jumps = drive.jumps.and(read.jumps);
    }
    drives
}

impl Drives {
    /// Learns from a scan.
    pub fn learn(&mut self, entry: &Entry, plots: &PlotList) {
        for (number, read) in reads(entry, plots) {
            let drive = self.of.entry(number).or_default();
            drive.on = drive.on.and(read.on);
            drive.jumps = drive.jumps.and(read.jumps);
        }
        if entry.scan_rate > 0 {
            self.scan_rate = entry.scan_rate;
        }
    }

    /// Whether reading on was never seen of a drive that was read: what it
    /// takes then is not known.
    pub fn only_jumped(&self) -> bool {
        self.of.values().any(|drive| drive.on.leaves == 0 && drive.jumps.leaves > 0)
    }

    /// How a drive was read in a scan: as then if it was read enough, else as
    /// in all scans of the run.
    fn model(&self, number: u64, then: Option<&Read>, seen_rate: u64) -> Option<DriveModel> {
        let all = self.of.get(&number)?;
        let then = then.filter(|then| then.on.leaves >= ENOUGH).and_then(Read::leaf_ns);
        Some(DriveModel { seen_rate, leaf_ns: then.or(all.leaf_ns())?, jump_ns: all.jump_ns() })
    }
}

/// The scene of a recorded challenge. `None`: one of its drives was never read,
/// or nothing hashed, as far as is known.
pub fn scene(run: &Run, plots: &PlotList, entry: &Entry, drives: &Drives) -> Option<Scene> {
    let then = reads(entry, plots);
    let mut models = BTreeMap::new();
    for plot in plots.iter() {
        let number = plot.drive;
        if models.contains_key(&number) {
            continue;
        }
        let rates = &entry.noted.rates;
        let seen = rates.iter().find(|(drive, _)| *drive == number).map_or(0, |(_, rate)| *rate);
        models.insert(number, drives.model(number, then.get(&number), seen)?);
    }
    let scan_rate = if entry.scan_rate > 0 { entry.scan_rate } else { drives.scan_rate };
    let is_possible = scan_rate > 0 && run.workers > 0 && run.readers > 0;
    let watched = entry.best.filter(|_| entry.wins).map(|best| (best.plot, best.leaf_index));
    is_possible.then(|| Scene {
        spec: entry.spec(),
        open: entry.open(),
        plots: plots.clone(),
        drives: models,
        seen_scan_rate: entry.noted.scan_rate,
        scan_rate,
        workers: run.workers,
        per_drive: run.readers,
        watched,
    })
}
