//! What the readers of a simulated scan share: the time, the hashing workers,
//! the buffers, and what has been scanned.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    sync::atomic::AtomicBool,
    time::Duration,
};

use spacetime_sdk_loader::{
    Fault,
    abi::{BatchStats, Job, Plot},
};

use super::{Scene, Simulated};
use crate::scan::{
    Stop,
    buffer::Buffers,
    course::{Course, Progress, Seen},
    drive::Rate,
    gather::Batch,
    hasher::STEP,
    notes::Note,
};

/// How long a rate that strategies are told at first has been measured for.
const MEASURED: Duration = Duration::from_secs(4);

/// A scan on its stage. Times are nanoseconds since it began.
pub(super) struct Stage<'s> {
    scene: &'s Scene,
    now: Cell<u64>,
    end: u64,
    cancel: AtomicBool,
    state: RefCell<State>,
}

struct State {
    queues: BTreeMap<u64, VecDeque<usize>>,
    plots: Vec<PlotState>,
    rates: BTreeMap<u64, Rate>,
    budget: Option<u64>,
    /// Buffers that there are, and those in readers' hands.
    buffers: usize,
    held: usize,
    /// On their way to the workers, the first one first.
    sent: BinaryHeap<Reverse<Sent>>,
    /// When each worker is free.
    workers: BinaryHeap<Reverse<u64>>,
    hashing: BinaryHeap<Reverse<Work>>,
    hashed_until: u64,
    sequence: u64,
    scanned: u64,
    outcome: Simulated,
}

#[derive(Clone, Copy)]
struct PlotState {
    /// Counts plans that began anew, because a strategy failed.
    plan: u64,
    scanned: u64,
    /// Leaves that were scanned at least once.
    distinct: u64,
    /// The most leaves that are scanned of it.
    limit: u64,
}

/// A batch, by the time at which it was sent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    at: u64,
    sequence: u64,
    part: Part,
}

/// A batch that a worker has, by the time at which it is done with it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    done: u64,
    sequence: u64,
    begun: u64,
    part: Part,
}

/// What matters of a batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    plot: usize,
    plan: u64,
    leaves: u64,
    /// Those of them that the plan has not had before.
    fresh: u64,
    /// Where in it the watched leaf is.
    watched: Option<u64>,
}

impl<'s> Stage<'s> {
    pub(super) fn new(scene: &'s Scene) -> Self {
        let limit = scene.spec.leaves_per_plot.unwrap_or(u64::MAX);
        let rate = |seen: u64| {
            let rate = Rate::default();
            if seen > 0 {
                rate.add(seen.saturating_mul(MEASURED.as_secs()), MEASURED);
            }
            rate
        };
        let state = State {
            queues: BTreeMap::new(),
            plots: vec![PlotState { plan: 0, scanned: 0, distinct: 0, limit }; scene.plots.len()],
            rates: scene
                .drives
                .iter()
                .map(|(drive, model)| (*drive, rate(model.seen_rate)))
                .collect(),
            budget: match scene.spec.stop {
                Stop::Budget(leaves) => Some(leaves),
                _ => None,
            },
            buffers: 0,
            held: 0,
            sent: BinaryHeap::new(),
            workers: (0..scene.workers).map(|_| Reverse(0)).collect(),
            hashing: BinaryHeap::new(),
            hashed_until: 0,
            sequence: 0,
            scanned: 0,
            outcome: Simulated::default(),
        };
        Self {
            scene,
            now: Cell::new(0),
            end: u64::try_from(scene.open.as_nanos()).unwrap_or(u64::MAX),
            cancel: AtomicBool::new(false),
            state: RefCell::new(state),
        }
    }

    pub(super) fn scene(&self) -> &'s Scene {
        self.scene
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Goes to a moment, which may lie before the present one: each reader has
    /// its own.
    pub(super) fn go_to(&self, now: u64) {
        self.now.set(now);
        self.state.borrow_mut().hash(self.scene, now, self.end);
    }

    pub(super) fn limit(&self, plot: usize, leaves: u64) {
        let limit = &mut self.state.borrow_mut().plots[plot].limit;
        *limit = leaves.min(*limit);
    }

    pub(super) fn limit_of(&self, plot: usize) -> u64 {
        self.state.borrow().plots[plot].limit
    }

    pub(super) fn queue(&self, drive: u64, plot: usize) {
        self.state.borrow_mut().queues.entry(drive).or_default().push_back(plot);
    }

    pub(super) fn queued(&self, drive: u64) -> usize {
        self.state.borrow().queues.get(&drive).map_or(0, VecDeque::len)
    }

    pub(super) fn next_of(&self, drive: u64) -> Option<usize> {
        self.state.borrow_mut().queues.get_mut(&drive)?.pop_front()
    }

    pub(super) fn provide_for(&self, readers: usize) {
        self.state.borrow_mut().buffers = Buffers::needed(self.scene.workers, readers);
    }

    pub(super) fn take_budget(&self, leaves: u64) -> u64 {
        let Some(budget) = &mut self.state.borrow_mut().budget else { return leaves };
        let taken = leaves.min(*budget);
        *budget -= taken;
        taken
    }

    /// Takes a buffer, waiting for one if there is none; whether there was one
    /// in time.
    pub(super) fn take_buffer(&self) -> bool {
        loop {
            if self.now() >= self.end {
                return false;
            }
            let next = {
                let mut state = self.state.borrow_mut();
                if state.held + state.sent.len() + state.hashing.len() < state.buffers {
                    state.held += 1;
                    return true;
                }
                state.next_event()
            };
            self.go_to(next.unwrap_or(self.end));
        }
    }

    pub(super) fn put_back_buffer(&self) {
        self.state.borrow_mut().held -= 1;
    }

    /// Reads leaves of a plot, which takes its time.
    pub(super) fn read(&self, plot: usize, leaves: u64, jumps: bool) {
        let drive = self.scene.plots[plot].drive;
        let model = &self.scene.drives[&drive];
        let jump = if jumps { model.jump_ns } else { 0.0 };
        // Saturates. No read takes no time, so that the end is reached.
        let took = ((leaves as f64 * model.leaf_ns + jump) as u64).max(1);
        self.now.set(self.now().saturating_add(took));
        let mut state = self.state.borrow_mut();
        state.rates[&drive].add(leaves, Duration::from_nanos(took));
        state.outcome.read += leaves;
        state.outcome.reads += 1;
        state.outcome.jumps += u64::from(jumps);
    }

    /// Hands a batch, and the buffer that it is in, to the workers.
    pub(super) fn send(&self, plot: usize, plan: u64, batch: &Batch) {
        let watched = self.scene.watched.filter(|(of, _)| *of == plot);
        let watched = watched.and_then(|(_, leaf)| position(batch, leaf));
        let mut state = self.state.borrow_mut();
        state.sequence += 1;
        let part = Part { plot, plan, leaves: batch.leaves, fresh: batch.fresh, watched };
        let sent = Sent { at: self.now(), sequence: state.sequence, part };
        state.sent.push(Reverse(sent));
        state.held -= 1;
    }

    pub(super) fn plan_of(&self, plot: usize) -> u64 {
        self.state.borrow().plots[plot].plan
    }

    /// A plot's plan begins anew; the new one.
    pub(super) fn start_over(&self, plot: usize) -> u64 {
        let mut state = self.state.borrow_mut();
        let PlotState { plan, scanned, distinct, .. } = &mut state.plots[plot];
        *plan += 1;
        *distinct = 0;
        let (plan, lost) = (*plan, std::mem::take(scanned));
        state.scanned -= lost;
        plan
    }

    /// What became of it; the readers have come this far, and all of them are
    /// done, or not.
    pub(super) fn outcome(self, all_done: bool, clocks: u64) -> Simulated {
        let mut state = self.state.into_inner();
        state.hash(self.scene, self.end, self.end);
        let complete =
            all_done && clocks <= self.end && state.sent.is_empty() && state.hashing.is_empty();
        state.hash_in_part(self.end);
        let took = if complete { clocks.max(state.hashed_until) } else { self.end };
        let mut drives: BTreeMap<u64, u64> = BTreeMap::new();
        for (plot, of) in self.scene.plots.iter().zip(&state.plots) {
            *drives.entry(plot.drive).or_default() += of.distinct;
        }
        let scanned = drives.values().sum();
        Simulated { scanned, drives, took: Duration::from_nanos(took), complete, ..state.outcome }
    }
}

fn position(batch: &Batch, leaf: u64) -> Option<u64> {
    let mut before = 0;
    for (first, leaves) in &batch.spans {
        if (*first..first + leaves).contains(&leaf) {
            return Some(before + leaf - first);
        }
        before += leaves;
    }
    None
}

impl State {
    /// When something happens next.
    fn next_event(&self) -> Option<u64> {
        let sent = self.sent.peek().map(|Reverse(sent)| sent.at);
        let done = self.hashing.peek().map(|Reverse(work)| work.done);
        sent.into_iter().chain(done).min()
    }

    /// Lets the workers work until this moment.
    fn hash(&mut self, scene: &Scene, until: u64, end: u64) {
        let leaf_ns = scene.workers as f64 * 1e9 / scene.scan_rate as f64;
        while self.sent.peek().is_some_and(|Reverse(sent)| sent.at <= until) {
            let Some(Reverse(Sent { at, sequence, part })) = self.sent.pop() else { break };
            let Some(Reverse(free)) = self.workers.pop() else { break };
            let begun = free.max(at);
            // Saturates.
            let done = begun.saturating_add((part.leaves as f64 * leaf_ns) as u64);
            self.workers.push(Reverse(done));
            self.hashing.push(Reverse(Work { done, sequence, begun, part }));
        }
        while self.hashing.peek().is_some_and(|Reverse(work)| work.done <= until.min(end)) {
            let Some(Reverse(work)) = self.hashing.pop() else { break };
            self.hashed_until = work.done;
            self.count(&work.part, work.part.leaves);
        }
    }

    /// At the end, the workers stop where they are.
    fn hash_in_part(&mut self, end: u64) {
        for Reverse(work) in std::mem::take(&mut self.hashing) {
            let (was, whole) = (end.saturating_sub(work.begun), work.done - work.begun);
            let share = was as f64 / whole.max(1) as f64;
            let leaves = (work.part.leaves as f64 * share) as u64;
            self.count(&work.part, leaves / STEP * STEP);
        }
    }

    fn count(&mut self, part: &Part, leaves: u64) {
        self.outcome.watched |= part.watched.is_some_and(|position| position < leaves);
        let plot = &mut self.plots[part.plot];
        if plot.plan == part.plan {
            plot.scanned += leaves;
            plot.distinct += part.fresh.saturating_sub(part.leaves - leaves);
            self.scanned += leaves;
        }
    }
}

impl Stage<'_> {
    /// Hashing rate that is known by now.
    fn scan_rate(&self, state: &State) -> u64 {
        match self.scene.seen_scan_rate {
            0 if state.hashed_until > 0 => self.scene.scan_rate,
            seen => seen,
        }
    }

    fn time_left_ms(&self) -> u64 {
        let spec = &self.scene.spec;
        match spec.deadline_ms {
            0 => 0,
            deadline => {
                let whole = deadline.saturating_sub(spec.started_ms);
                whole.saturating_sub(self.now() / 1_000_000).max(1)
            }
        }
    }
}

impl Course for Stage<'_> {
    fn job(&self) -> Job<'_> {
        let plots = &self.scene.plots;
        let leaves = plots.iter().map(|plot| plot.leaf_count).sum();
        self.scene.spec.to_abi(plots.len(), leaves, self.time_left_ms(), &self.cancel)
    }

    fn plots(&self) -> usize {
        self.scene.plots.len()
    }

    fn plot(&self, index: usize) -> Plot {
        let (plot, state) = (&self.scene.plots[index], self.state.borrow());
        let seen = Seen {
            read_rate: state.rates[&plot.drive].get(),
            scan_rate: self.scan_rate(&state),
            per_drive: self.scene.per_drive,
        };
        seen.plot(plot.id.to_bytes(), plot.leaf_count, index, plot.drive)
    }

    fn stats(&self, index: usize, began: Duration) -> BatchStats {
        let (plot, state) = (&self.scene.plots[index], self.state.borrow());
        Progress {
            leaves: state.plots[index].scanned.min(plot.leaf_count),
            scanned: state.scanned,
            elapsed: self.clock().saturating_sub(began),
            best: None,
            read_rate: state.rates[&plot.drive].get(),
            scan_rate: self.scan_rate(&state),
            time_left_ms: self.time_left_ms(),
        }
        .stats()
    }

    fn clock(&self) -> Duration {
        Duration::from_nanos(self.now())
    }

    fn is_over(&self) -> bool {
        self.now() >= self.end
    }

    fn cancel_flag(&self) -> &AtomicBool {
        &self.cancel
    }

    fn failed(&self, fault: &Fault) {
        self.state.borrow_mut().outcome.faults.push(fault.clone());
    }

    fn note(&self, note: Note<'_>) {
        if matches!(note, Note::Own { .. }) {
            self.state.borrow_mut().outcome.own += 1;
        }
    }
}
