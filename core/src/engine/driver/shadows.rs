//! Shadows: strategies that are tried on live challenges. Each has a thread of
//! its own, which runs when nobody else wants to, begins when the live scan has
//! ended, and is lost, with its shadow alone, if that does not return.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use spacetime_kernels::Kernels;
use spacetime_protocol::score::{chance_of_any, chance_of_leaf, is_under};
use spacetime_sdk_loader::Fault;
use tokio::sync::mpsc;

use crate::{
    background::work_in_background,
    engine::event::Event,
    observe::{Ended, ShadowHow, ShadowScan},
    plugin::ShadowSlot,
    record::{Entry, PlotList, Run},
    replay::{Drives, scene},
    scan::{
        Component, Found, Hasher, Planner, Plots, ReadError, Report, ScanJob, ScanSpec, Scanner,
        Scene, Simulated, Simulator, Unfinished,
    },
};

/// What following a plan in a simulation may take.
const SIMULATION: Duration = Duration::from_secs(1);

/// Time that must be left for reading.
const LEAST: Duration = Duration::from_millis(50);

/// The shadows of a run.
pub(super) struct Shadows(Vec<Shadow>);

struct Shadow {
    queue: Sender<Task>,
    reads: bool,
    reading: Arc<Reading>,
    /// What is read once no proof is being made.
    waiting: Option<Task>,
}

/// A challenge, and how the live scan did.
#[derive(Clone)]
struct Task {
    live: Live,
    work: Work,
}

#[derive(Clone)]
enum Work {
    Simulate(Arc<Scene>),
    Read { spec: Box<ScanSpec>, plots: Plots, until: Instant },
}

/// How the live scan did.
#[derive(Clone)]
struct Live {
    spec: Arc<ScanSpec>,
    leaves: u64,
    /// The chance of one leaf to win.
    leaf: f64,
    chance: f64,
    wins: bool,
}

/// A shadow's scan that reads, for the live scan to end.
#[derive(Default)]
struct Reading(Mutex<Now>);

#[derive(Default)]
struct Now {
    job: Option<Arc<ScanJob>>,
    /// Counts live scans.
    live: u64,
}

impl Reading {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live_begins(&self) {
        let mut now = self.lock();
        now.live += 1;
        if let Some(job) = now.job.take() {
            job.cancel();
        }
    }
}

impl Shadows {
    /// Starts the shadows' threads; `per_drive` plots are read at once.
    ///
    /// # Errors
    ///
    /// The system has no threads.
    pub(super) fn start(
        slots: Vec<ShadowSlot>,
        per_drive: NonZeroUsize,
        events: &mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let start = |slot: ShadowSlot| {
            // One that has not dealt with the last challenge leaves one out.
            let (queue, tasks) = bounded(1);
            let reading = Arc::new(Reading::default());
            let (reads, name) = (slot.reads, format!("shadow-{}", slot.name));
            let desk = Desk { slot, reading: reading.clone(), per_drive, events: events.clone() };
            thread::Builder::new().name(name).spawn(move || desk.run(&tasks))?;
            Ok(Shadow { queue, reads, reading, waiting: None })
        };
        slots.into_iter().map(start).collect::<Result<_, _>>().map(Self)
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// A live scan begins.
    pub(super) fn live_begins(&mut self) {
        for shadow in &mut self.0 {
            shadow.waiting = None;
            shadow.reading.live_begins();
        }
    }

    /// Shows a scan that has ended.
    pub(super) fn show(
        &mut self,
        job: &ScanJob,
        run: &Run,
        entry: &Entry,
        plots: &PlotList,
        drives: &Drives,
    ) {
        // Where nothing can be won, nothing can be compared.
        let (false, Some(goal)) = (self.0.is_empty(), job.spec().goal()) else { return };
        let leaf = chance_of_leaf(&goal);
        let live = Live {
            spec: Arc::new(job.spec().clone()),
            leaves: entry.leaves,
            leaf,
            chance: chance_of_any(leaf, entry.scanned),
            wins: entry.wins,
        };
        let left = left(entry);
        let scene = scene(run, plots, entry, drives).map(Arc::new);
        for shadow in &mut self.0 {
            let task = |work| Task { live: live.clone(), work };
            if shadow.reads && entry.ended == Ended::Complete && left >= LEAST {
                let (spec, plots) = (Box::new(job.spec().clone()), job.plots().clone());
                let until = Instant::now() + left;
                shadow.waiting = Some(task(Work::Read { spec, plots, until }));
            } else if let Some(scene) = &scene {
                // Full: it is left out.
                let _ = shadow.queue.try_send(task(Work::Simulate(scene.clone())));
            }
        }
    }

    /// Lets those read that wait for it.
    pub(super) fn may_read(&mut self) {
        for shadow in &mut self.0 {
            if let Some(task) = shadow.waiting.take() {
                // As above.
                let _ = shadow.queue.try_send(task);
            }
        }
    }
}

/// What is left until the deadline.
fn left(entry: &Entry) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(entry.deadline_ms).saturating_sub(now)
}

/// Where a shadow works.
struct Desk {
    slot: ShadowSlot,
    reading: Arc<Reading>,
    per_drive: NonZeroUsize,
    events: mpsc::Sender<Event>,
}

impl Desk {
    fn run(self, tasks: &Receiver<Task>) {
        work_in_background();
        // What hangs has been told of by its source.
        let Ok(simulator) = Simulator::new(self.slot.source(), |_| {}) else { return };
        // Its threads are started by this one, and so run like this one.
        let planner = Planner::new(self.slot.source());
        let hasher = Hasher::new(Kernels::detect(), None);
        let scanner = match self.slot.reads {
            true => Scanner::new(planner, hasher, self.per_drive, Some(NonZeroUsize::MIN)).ok(),
            false => None,
        };
        while let Ok(task) = tasks.recv() {
            if !self.slot.source().is_in_use() {
                return;
            }
            let scan = match (&task.work, &scanner) {
                (Work::Read { spec, plots, until }, Some(scanner)) => {
                    self.read(scanner, (**spec).clone(), plots, *until, &task.live)
                }
                (Work::Read { .. }, None) => None,
                (Work::Simulate(scene), _) => match self.simulate(&simulator, scene) {
                    Err(Unfinished::Hung) => return,
                    Err(Unfinished::Stopped) => None,
                    Ok(outcome) => self.simulated(&task.live, &outcome),
                },
            };
            if let Some(scan) = scan {
                let Live { spec, .. } = task.live;
                let event = Event::Shadow { epoch: spec.epoch, height: spec.height, scan };
                // The loop has more important things to do, or has ended.
                let _ = self.events.try_send(event);
            }
        }
    }

    fn simulate(&self, simulator: &Simulator, scene: &Scene) -> Result<Simulated, Unfinished> {
        let until = Instant::now() + SIMULATION;
        let outcome = simulator.simulate(scene, || Instant::now() < until);
        if outcome == Err(Unfinished::Stopped) {
            let seconds = SIMULATION.as_secs();
            let message = format_args!("its plan cannot be followed within {seconds} s");
            self.slot.source().failed(&Fault::new(message));
        }
        outcome
    }

    /// What a simulation comes to, unless the host had to plan in the shadow's
    /// place.
    fn simulated(&self, live: &Live, outcome: &Simulated) -> Option<ShadowScan> {
        let is_its_own = outcome.faults.is_empty() && outcome.own == 0;
        is_its_own.then(|| ShadowScan {
            scanned: outcome.scanned,
            bytes: outcome.read.saturating_mul(32),
            scan_ms: millis(outcome.took),
            missed: !outcome.complete,
            chance: chance_of_any(live.leaf, outcome.scanned),
            wins: outcome.watched,
            ..self.told(live, ShadowHow::Simulated)
        })
    }

    fn told(&self, live: &Live, how: ShadowHow) -> ShadowScan {
        ShadowScan {
            shadow: self.slot.name.clone(),
            challenge: live.spec.challenge,
            how,
            scanned: 0,
            leaves: live.leaves,
            bytes: 0,
            scan_ms: 0,
            missed: false,
            chance: 0.0,
            live_chance: live.chance,
            wins: false,
            live_wins: live.wins,
        }
    }

    /// Scans in the time that is left. `None`: the next live scan began, or the
    /// host had to plan in the shadow's place.
    fn read(
        &self,
        scanner: &Scanner,
        spec: ScanSpec,
        plots: &Plots,
        until: Instant,
        live: &Live,
    ) -> Option<ShadowScan> {
        let (live_scans, left) =
            (self.reading.lock().live, until.saturating_duration_since(Instant::now()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let spec = ScanSpec { started_ms: millis(now), ..spec };
        let (done, ended) = bounded(1);
        let report = Arc::new(Told { done, failed: Mutex::new(false) });
        let job = scanner.start(spec, plots.clone(), report.clone());
        {
            let mut now = self.reading.lock();
            if now.live != live_scans {
                job.cancel();
                return None;
            }
            now.job = Some(job.clone());
        }
        let in_time = ended.recv_timeout(left).is_ok();
        job.cancel();
        let was_cut = self.reading.lock().job.take().is_none();
        if was_cut || *report.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            return None;
        }
        let read = job.noted().reads.into_iter().map(|read| read.on.and(read.jumps).leaves);
        let (covered, goal) = (job.coverage(), job.spec().goal());
        let best = job.best().map(|best| best.score);
        Some(ShadowScan {
            scanned: covered.scanned,
            bytes: read.sum::<u64>().saturating_mul(32),
            scan_ms: millis(covered.elapsed),
            missed: !in_time,
            chance: chance_of_any(live.leaf, covered.scanned),
            wins: goal.zip(best).is_some_and(|(goal, best)| is_under(&best, &goal)),
            ..self.told(live, ShadowHow::Read)
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a shadow's scan tells.
struct Told {
    done: Sender<()>,
    failed: Mutex<bool>,
}

impl Report for Told {
    fn best(&self, _: &ScanJob, _: &Found) {}

    // The live scan has told of it.
    fn plot_failed(&self, _: &ScanJob, _: usize, _: &ReadError) {}

    // The registry tells of it.
    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn finished(&self, _: &ScanJob) {
        // Told once; there is room for it.
        let _ = self.done.try_send(());
    }
}
