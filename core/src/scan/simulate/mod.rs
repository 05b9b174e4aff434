//! Scans that are not made: the same planner and the same rules of reading as
//! in a scan, over drives and workers that only take time. A simulated scan
//! says what would have been covered, not what would have been found.
//!
//! Time is a number here, so that the same scene and the same plans give the
//! same outcome. One thread moves it on: of all readers the one that is
//! furthest behind makes the next step. What strategies themselves take is not
//! counted.

mod reader;
mod stage;
mod taped;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use spacetime_protocol::PlotSeed;
use spacetime_sdk_loader::{Fault, abi::Turn};

use self::{reader::Reader, stage::Stage};
use super::{
    Component, Noted, Planner, ScanSpec, StrategySource,
    planner::Abandoned,
    watch::{Seat, Watchdog},
};

pub use taped::Replanned;

/// Steps between two looks at whether to go on.
const STEPS: usize = 4096;

/// A scan as far as it must be known to be simulated.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What it is for.
    pub spec: ScanSpec,
    /// For how long it may go on.
    pub open: Duration,
    /// What is scanned.
    pub plots: Arc<[ScenePlot]>,
    /// Every drive that a plot lies on, by its number.
    pub drives: BTreeMap<u64, DriveModel>,
    /// Hashing rate that strategies are told at first, leaves per second; 0:
    /// not known yet.
    pub seen_scan_rate: u64,
    /// What the hashing workers can do together, leaves per second; not 0.
    pub scan_rate: u64,
    /// Hashing workers; not 0.
    pub workers: usize,
    /// Plots that are read at once per drive; not 0.
    pub per_drive: usize,
    /// A leaf (plot, index) of which it shall be told whether it was scanned.
    pub watched: Option<(usize, u64)>,
}

/// A plot of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScenePlot {
    /// Its seed.
    pub id: PlotSeed,
    /// Number of its leaves; at least 1.
    pub leaf_count: u64,
    /// The drive that it lies on.
    pub drive: u64,
}

/// How a drive is read by one reader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveModel {
    /// The rate that strategies are told at first, leaves per second; 0: not
    /// known yet.
    pub seen_rate: u64,
    /// What a leaf takes, nanoseconds.
    pub leaf_ns: f64,
    /// What a read takes besides when it does not go on where the one before
    /// ended.
    pub jump_ns: f64,
}

/// How a simulated scan went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulated {
    /// Leaves scanned.
    pub scanned: u64,
    /// The same per drive.
    pub drives: BTreeMap<u64, u64>,
    /// Leaves read, those that were only read over included.
    pub read: u64,
    /// Reads.
    pub reads: u64,
    /// Those that did not go on where the one before had ended.
    pub jumps: u64,
    /// Until the plans were complete, or the time was over.
    pub took: Duration,
    /// Whether the plans were complete.
    pub complete: bool,
    /// Whether the watched leaf was scanned.
    pub watched: bool,
    /// What the strategy did wrong.
    pub faults: Vec<Fault>,
    /// Plots that the host planned, as it had no strategy for them.
    pub own: u64,
}

/// Why a simulation has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A call of the strategy did not return in time. Somebody was told; the
    /// thread must end without doing anything more.
    Hung,
    /// It was not to go on.
    Stopped,
}

impl From<Abandoned> for Unfinished {
    fn from(_: Abandoned) -> Self {
        Self::Hung
    }
}

/// Simulates scans by one strategy, all on one thread.
pub struct Simulator {
    planner: Planner,
    seat: Arc<Seat>,
    // It looks as long as it is there.
    _watchdog: Arc<Watchdog>,
}

impl Simulator {
    /// A simulator of scans by a strategy. `hung` runs when a call of it does
    /// not return, on another thread, once.
    ///
    /// # Errors
    ///
    /// The system has no threads.
    pub fn new(
        source: Arc<dyn StrategySource>,
        hung: impl FnOnce(Fault) + Send + 'static,
    ) -> io::Result<Self> {
        let watchdog = Watchdog::start()?;
        let of = source.clone();
        // The only seat: it is given up for its own calls.
        let seat = watchdog.seat(Component::Strategy, move |call| {
            let Some(call) = call else { return };
            let fault = call.as_fault();
            of.failed(&fault);
            hung(fault);
        });
        Ok(Self { planner: Planner::new(source), seat, _watchdog: watchdog })
    }

    /// Simulates a scan, as long as `go_on` says so, which is asked now and then.
    ///
    /// # Errors
    ///
    /// See [`Unfinished`].
    pub fn simulate(
        &self,
        scene: &Scene,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Simulated, Unfinished> {
        let stage = Stage::new(scene);
        let turns = match self.planner.arranges() {
            true => self.planner.arrange(&stage, &self.seat)?,
            false => None,
        };
        let mut readers = self.readers(&stage, turns.as_deref());
        let mut steps = 0_usize;
        // The one that is furthest behind; of several the first.
        while let Some(reader) = readers
            .iter_mut()
            .filter(|reader| !reader.is_done())
            .min_by_key(|reader| reader.clock())
        {
            if reader.clock() >= stage.end() {
                break;
            }
            steps += 1;
            if steps.is_multiple_of(STEPS) && !go_on() {
                return Err(Unfinished::Stopped);
            }
            reader.step(&self.planner, &self.seat)?;
        }
        let clocks = readers.iter().map(Reader::clock).max().unwrap_or(0);
        let all_done = readers.iter().all(Reader::is_done);
        for reader in readers {
            reader.end(&self.planner);
        }
        Ok(stage.outcome(all_done, clocks))
    }

    /// Whether the strategy plans again what it planned in a scan of this
    /// scene, told the same.
    ///
    /// # Errors
    ///
    /// See [`Unfinished`].
    pub fn replan(&self, scene: &Scene, noted: &Noted) -> Result<Replanned, Unfinished> {
        Ok(taped::replan(&self.planner, &self.seat, scene, noted)?)
    }

    /// The readers of the plots that have a turn.
    fn readers<'s>(&self, stage: &'s Stage<'s>, turns: Option<&[Turn]>) -> Vec<Reader<'s>> {
        let plots: Vec<usize> = match turns {
            None => (0..stage.scene().plots.len()).collect(),
            Some(turns) => {
                turns.iter().for_each(|turn| stage.limit(turn.plot as usize, turn.leaves));
                turns.iter().map(|turn| turn.plot as usize).collect()
            }
        };
        let mut drives: Vec<u64> = Vec::new();
        for plot in plots {
            let drive = stage.scene().plots[plot].drive;
            if !drives.contains(&drive) {
                drives.push(drive);
            }
            stage.queue(drive, plot);
        }
        let readers = |drive: u64| {
            let count = stage.queued(drive).min(stage.scene().per_drive);
            (0..count).map(move |_| Reader::new(stage, drive))
        };
        let readers: Vec<Reader<'s>> = drives.into_iter().flat_map(readers).collect();
        stage.provide_for(readers.len());
        readers
    }
}
