//! Plans again what was planned: a strategy that is told the same as in a
//! recorded scan must plan the same.

use std::{cell::Cell, sync::atomic::AtomicBool, time::Duration};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::{
    Fault,
    abi::{BatchStats, Job, Plot},
};

use super::Scene;
use crate::scan::{
    Arranged, Call, Noted, Planned, Told,
    course::{Course, Progress, Seen},
    planner::{Abandoned, Planner, Step},
    watch::Seat,
};

/// How planning again went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replanned {
    /// All that was noted was planned again.
    Same,
    /// Something else was planned: what, in a sentence.
    Different(String),
    /// There is nothing to compare with: the host planned all plots itself.
    Nothing,
}

pub(super) fn replan(
    planner: &Planner,
    seat: &Seat,
    scene: &Scene,
    noted: &Noted,
) -> Result<Replanned, Abandoned> {
    let mut compared = false;
    if let Some(arranged) = &noted.arranged {
        compared = true;
        let course = Tape::of_arrangement(scene, noted);
        let turns = planner.arrange(&course, seat)?;
        if Arranged::of(turns.as_deref()) != *arranged {
            return Ok(Replanned::Different("its plots are arranged differently".to_owned()));
        }
    }
    for plan in noted.plans.iter().filter(|plan| !plan.own && !plan.calls.is_empty()) {
        compared = true;
        if let Some(difference) = Tape::of_plan(scene, noted, plan).play(planner, seat, plan)? {
            let message = format!("plot {}: {difference}", plan.plot);
            return Ok(Replanned::Different(message));
        }
    }
    Ok(if compared { Replanned::Same } else { Replanned::Nothing })
}

/// A recorded scan, as strategies were told of it.
struct Tape<'a> {
    scene: &'a Scene,
    noted: &'a Noted,
    time_left_ms: u64,
    /// Rates that the plan of one plot began with; none: those of the drives.
    began_with: Option<(u64, u64)>,
    /// What was told last.
    told: Cell<Option<Told>>,
    fault: Cell<Option<String>>,
    cancel: AtomicBool,
}

impl<'a> Tape<'a> {
    fn of_arrangement(scene: &'a Scene, noted: &'a Noted) -> Self {
        Self {
            scene,
            noted,
            time_left_ms: noted.time_left_ms,
            began_with: None,
            told: Cell::new(None),
            fault: Cell::new(None),
            cancel: AtomicBool::new(false),
        }
    }

    fn of_plan(scene: &'a Scene, noted: &'a Noted, plan: &Planned) -> Self {
        let began_with = Some((plan.read_rate, plan.scan_rate));
        let time_left_ms = plan.time_left_ms;
        Self { time_left_ms, began_with, ..Self::of_arrangement(scene, noted) }
    }

    /// What is different; `None`: nothing.
    fn play(
        &self,
        planner: &Planner,
        seat: &Seat,
        noted: &Planned,
    ) -> Result<Option<String>, Abandoned> {
        let mut plan = planner.begin(self, noted.plot, seat)?;
        let mut again = Planned::default();
        let mut difference = None;
        for (number, Call(spans, told)) in noted.calls.iter().enumerate() {
            let step = planner.next(&mut plan, self, seat)?;
            if let Some(fault) = self.fault.take() {
                difference = Some(fault);
                break;
            }
            let planned = if step == Step::Spans { plan.spans() } else { &[] };
            again.digest_of(planned);
            if planned.len() as u64 != *spans {
                difference = Some(format!(
                    "call {number} planned {}, and plans {} now",
                    count(*spans, "span"),
                    planned.len()
                ));
                break;
            }
            self.told.set(*told);
        }
        planner.end(plan, None);
        let differs = difference.is_none() && again.digest != noted.digest;
        Ok(difference.or_else(|| differs.then(|| "its spans lie elsewhere".to_owned())))
    }
}

impl Course for Tape<'_> {
    fn job(&self) -> Job<'_> {
        let plots = &self.scene.plots;
        let leaves = plots.iter().map(|plot| plot.leaf_count).sum();
        self.scene.spec.to_abi(plots.len(), leaves, self.time_left_ms, &self.cancel)
    }

    fn plots(&self) -> usize {
        self.scene.plots.len()
    }

    fn plot(&self, index: usize) -> Plot {
        let plot = &self.scene.plots[index];
        let rate = || {
            let rates = &self.noted.rates;
            let at = rates.binary_search_by_key(&plot.drive, |(drive, _)| *drive);
            at.map_or(0, |at| rates[at].1)
        };
        let (read_rate, scan_rate) =
            self.began_with.unwrap_or_else(|| (rate(), self.noted.scan_rate));
        Seen { read_rate, scan_rate, per_drive: self.scene.per_drive }.plot(
            plot.id.to_bytes(),
            plot.leaf_count,
            index,
            plot.drive,
        )
    }

    fn stats(&self, _: usize, _: Duration) -> BatchStats {
        // A plan that is asked again was told something before.
        let none = Told::from([0; 7]);
        let told = self.told.get().unwrap_or(none);
        let best = (told.best as usize).checked_sub(1).and_then(|at| self.noted.bests.get(at));
        Progress {
            leaves: told.leaves,
            scanned: told.scanned,
            elapsed: Duration::from_nanos(told.elapsed_ns),
            best: best.map(|best| best.to_bytes()),
            read_rate: told.read_rate,
            scan_rate: told.scan_rate,
            time_left_ms: told.time_left_ms,
        }
        .stats()
    }

    fn clock(&self) -> Duration {
        self.told.get().map_or(Duration::ZERO, |told| Duration::from_nanos(told.elapsed_ns))
    }

    fn is_over(&self) -> bool {
        false
    }

    fn cancel_flag(&self) -> &AtomicBool {
        &self.cancel
    }

    fn failed(&self, fault: &Fault) {
        self.fault.set(Some(fault.to_string()));
    }
}
