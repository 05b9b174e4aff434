//! What is noted of a scan, so that it can be replayed: what strategies were
//! told and what they planned, and how long its drives took. Bounded, whatever
//! a strategy plans.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use spacetime_protocol::Score;
use spacetime_sdk_loader::abi::{BatchStats, Job, Plot, Span, Turn, features};

/// Plans of one scan that are noted.
const PLANS: usize = 1024;

/// Calls of one plan that are noted, and of all plans of a scan.
const CALLS_OF_PLAN: usize = 32;
const CALLS: usize = 512;

/// Stretches of leaves up to which a plan is noted as it is.
const STRETCHES: usize = 16;

/// Turns up to which they are noted as they are.
const TURNS: usize = 64;

/// Something to note.
pub(super) enum Note<'a> {
    /// The scan began; no strategy was asked to arrange it.
    Started { job: &'a Job<'a>, plots: &'a [Plot] },
    /// A strategy was asked to arrange the plots; `None`: it did not care.
    Arranged { job: &'a Job<'a>, plots: &'a [Plot], turns: Option<&'a [Turn]> },
    /// A plot's plan began.
    Begun { job: &'a Job<'a>, plot: &'a Plot },
    /// A plot is planned by the host, whatever was planned of it before.
    Own { plot: &'a Plot },
    /// More was planned.
    Planned { index: usize, spans: &'a [Span] },
    /// The strategy was told how it goes.
    Fed { index: usize, stats: &'a BatchStats },
}

/// What was noted of a scan. Part of the record of challenges: fields may be
/// added, and mean for ever what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noted {
    /// Time left when the plots were arranged, or the scan began, ms; 0: no deadline.
    pub time_left_ms: u64,
    /// Hashing rate by then, all workers, leaves per second; 0: not known.
    pub scan_rate: u64,
    /// Reading rates by then: drive and leaves per second; 0: not known.
    pub rates: Vec<(u64, u64)>,
    /// How the strategy arranged the plots; none: no strategy was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arranged: Option<Arranged>,
    /// The plans, in the order in which they began.
    pub plans: Vec<Planned>,
    /// Plans that are not noted, as there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub plans_left_out: u64,
    /// Scores that strategies were told of, as the best so far.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bests: Vec<Score>,
    /// What was read of each plot that was read at all.
    pub reads: Vec<Read>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An arrangement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arranged {
    /// Plots that have a turn; none: all of them, as they are listed.
    pub turns: Option<u64>,
    /// The turns (plot, most leaves), if they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<(u64, u64)>>,
    /// Over all turns.
    pub digest: Digest,
}

/// The plan of one plot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned {
    /// Its position in the scan's list.
    pub plot: usize,
    /// Whether it is the host's own plan, all leaves in order.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// What the strategy was told when it began: time left, ms, and rates.
    pub time_left_ms: u64,
    /// Leaves per second; 0: not known.
    pub read_rate: u64,
    /// Likewise.
    pub scan_rate: u64,
    /// Spans planned.
    pub spans: u64,
    /// Leaves in them.
    pub leaves: u64,
    /// The same as (first leaf, leaves), what is adjacent joined, if it is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stretches: Option<Vec<(u64, u64)>>,
    /// The first calls of `plan`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Calls after these.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls_left_out: u64,
    /// Over the spans of these calls.
    pub digest: Digest,
}

/// One call of `plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call(
    /// Spans planned.
    pub u64,
    /// What the strategy was told afterwards, if it was.
    pub Option<Told>,
);

/// What a strategy was told of a scan's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Told {
    /// Since the plan began.
    pub elapsed_ns: u64,
    /// Leaves of the plot scanned.
    pub leaves: u64,
    /// Leaves of all plots scanned.
    pub scanned: u64,
    /// Leaves per second; 0: not known.
    pub read_rate: u64,
    /// Likewise.
    pub scan_rate: u64,
    /// 0: no deadline.
    pub time_left_ms: u64,
    /// Which of [`Noted::bests`], counted from 1; 0: none.
    pub best: u64,
}

/// As it is written: in this order.
type Row = [u64; 7];

impl From<Row> for Told {
    fn from(row: Row) -> Self {
        let [elapsed_ns, leaves, scanned, read_rate, scan_rate, time_left_ms, best] = row;
        Self { elapsed_ns, leaves, scanned, read_rate, scan_rate, time_left_ms, best }
    }
}

impl From<Told> for Row {
    fn from(told: Told) -> Self {
        let Told { elapsed_ns, leaves, scanned, read_rate, scan_rate, time_left_ms, best } = told;
        [elapsed_ns, leaves, scanned, read_rate, scan_rate, time_left_ms, best]
    }
}

/// What was read of one plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Read {
    /// Its position in the scan's list.
    pub plot: usize,
    /// Reads that went on where the one before had ended.
    pub on: Reads,
    /// Reads elsewhere, the first one included.
    pub jumps: Reads,
}

/// Reads of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reads {
    /// How many.
    pub count: u64,
    /// Leaves read, those included that were only read over.
    pub leaves: u64,
    /// What they took together.
    pub ns: u64,
}

impl Reads {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            leaves: self.leaves.saturating_add(other.leaves),
            ns: self.ns.saturating_add(other.ns),
        }
    }
}

/// FNV-1a, 64 bits, over numbers as 8 bytes each, least significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes another number in.
    pub fn add(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Arranged {
    /// What is noted of turns.
    pub(super) fn of(turns: Option<&[Turn]>) -> Self {
        let mut digest = Digest::default();
        for turn in turns.into_iter().flatten() {
            digest.add(turn.plot);
            digest.add(turn.leaves);
        }
        let list = |turns: &[Turn]| turns.iter().map(|turn| (turn.plot, turn.leaves)).collect();
        Self {
            turns: turns.map(|turns| turns.len() as u64),
            list: turns.filter(|turns| turns.len() <= TURNS).map(list),
            digest,
        }
    }
}

impl Planned {
    /// Nothing yet, of a strategy's plan that begins like this.
    pub(super) fn begun(job: &Job<'_>, plot: &Plot) -> Self {
        Self {
            plot: plot.index as usize,
            time_left_ms: job.reserved[features::JOB_TIME_LEFT_MS],
            read_rate: plot.read_rate,
            scan_rate: plot.scan_rate,
            stretches: Some(Vec::new()),
            ..Self::default()
        }
    }

    fn own(plot: usize, leaves: u64) -> Self {
        Self { plot, own: true, leaves, stretches: Some(vec![(0, leaves)]), ..Self::default() }
    }

    /// Takes another call's spans in; `is_whole`: as a call of its own.
    fn add(&mut self, spans: &[Span], is_whole: bool) {
        self.spans += spans.len() as u64;
        for Span { start, len } in spans {
            self.leaves = self.leaves.saturating_add(*len);
            self.stretch(*start, *len);
        }
        if is_whole {
            self.calls.push(Call(spans.len() as u64, None));
            self.digest_of(spans);
        } else {
            self.calls_left_out += 1;
        }
    }

    /// Takes spans into the digest.
    pub(super) fn digest_of(&mut self, spans: &[Span]) {
        for Span { start, len } in spans {
            self.digest.add(*start);
            self.digest.add(*len);
        }
    }

    fn stretch(&mut self, start: u64, len: u64) {
        let Some(stretches) = &mut self.stretches else { return };
        let is_full = stretches.len() == STRETCHES;
        match stretches.last_mut() {
            Some((first, leaves)) if *first + *leaves == start => *leaves += len,
            _ if is_full => self.stretches = None,
            _ => stretches.push((start, len)),
        }
    }

    /// Whether the next call is noted as one.
    fn has_room(&self) -> bool {
        self.calls_left_out == 0 && self.calls.len() < CALLS_OF_PLAN
    }
}

/// Takes notes, from all threads of a scan.
#[derive(Debug)]
pub(super) struct Notes {
    noted: Mutex<Pad>,
    /// Per plot: going on, then jumps.
    reads: Vec<[Tally; 2]>,
}

#[derive(Debug)]
struct Pad {
    noted: Noted,
    /// Per plot, the position of its plan.
    at: Vec<Option<usize>>,
    /// Calls that may still be noted.
    calls_left: usize,
}

#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    leaves: AtomicU64,
    ns: AtomicU64,
}

impl Tally {
    fn get(&self) -> Reads {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Reads { count: get(&self.count), leaves: get(&self.leaves), ns: get(&self.ns) }
    }
}

impl Notes {
    /// None yet, of a scan of so many plots.
    pub(super) fn new(plots: usize) -> Self {
        let pad = Pad { noted: Noted::default(), at: vec![None; plots], calls_left: CALLS };
        let reads = (0..plots).map(|_| Default::default()).collect();
        Self { noted: Mutex::new(pad), reads }
    }

    /// Takes note of something.
    pub(super) fn take(&self, note: Note<'_>) {
        self.lock().take(note);
    }

    /// Takes note of a read.
    pub(super) fn read(&self, plot: usize, leaves: u64, took: Duration, jumped: bool) {
        let tally = &self.reads[plot][usize::from(jumped)];
        tally.count.fetch_add(1, Ordering::Relaxed);
        tally.leaves.fetch_add(leaves, Ordering::Relaxed);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        tally.ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// What has been noted so far.
    pub(super) fn noted(&self) -> Noted {
        let reads = self.reads.iter().enumerate().map(|(plot, [on, jumps])| Read {
            plot,
            on: on.get(),
            jumps: jumps.get(),
        });
        let reads = reads.filter(|read| read.on.count + read.jumps.count > 0).collect();
        Noted { reads, ..self.lock().noted.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Pad> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pad {
    fn take(&mut self, note: Note<'_>) {
        match note {
            Note::Started { job, plots } => self.seen(job, plots),
            Note::Arranged { job, plots, turns } => {
                self.seen(job, plots);
                self.noted.arranged = Some(Arranged::of(turns));
            }
            Note::Begun { job, plot } => self.put(Planned::begun(job, plot)),
            Note::Own { plot } => self.put(Planned::own(plot.index as usize, plot.leaf_count)),
            Note::Planned { index, spans } => {
                let has_calls = self.calls_left > 0;
                let Some(plan) = self.plan(index) else { return };
                let is_whole = has_calls && plan.has_room();
                plan.add(spans, is_whole);
                self.calls_left -= usize::from(is_whole);
            }
            Note::Fed { index, stats } => self.fed(index, stats),
        }
    }

    fn seen(&mut self, job: &Job<'_>, plots: &[Plot]) {
        self.noted.time_left_ms = job.reserved[features::JOB_TIME_LEFT_MS];
        self.noted.scan_rate = plots.first().map_or(0, |plot| plot.scan_rate);
        let mut rates: Vec<_> = plots.iter().map(|plot| (plot.drive, plot.read_rate)).collect();
        rates.sort_unstable();
        rates.dedup_by_key(|(drive, _)| *drive);
        self.noted.rates = rates;
    }

    fn put(&mut self, plan: Planned) {
        let (plot, plans) = (plan.plot, &mut self.noted.plans);
        if let Some(at) = self.at[plot] {
            plans[at] = plan;
        } else if plans.len() < PLANS {
            self.at[plot] = Some(plans.len());
            plans.push(plan);
        } else {
            self.noted.plans_left_out += 1;
        }
    }

    fn plan(&mut self, plot: usize) -> Option<&mut Planned> {
        self.at[plot].map(|at| &mut self.noted.plans[at])
    }

    fn fed(&mut self, index: usize, stats: &BatchStats) {
        let Some(at) = self.at[index].filter(|at| self.noted.plans[*at].calls_left_out == 0) else {
            return;
        };
        let best = (stats.best != [0xFF; 32]).then(|| self.best(Score::new(stats.best)));
        if let Some(Call(_, told @ None)) = self.noted.plans[at].calls.last_mut() {
            *told = Some(Told {
                elapsed_ns: stats.elapsed_ns,
                leaves: stats.leaves,
                scanned: stats.reserved[features::STATS_SCANNED],
                read_rate: stats.reserved[features::STATS_READ_RATE],
                scan_rate: stats.reserved[features::STATS_SCAN_RATE],
                time_left_ms: stats.reserved[features::STATS_TIME_LEFT_MS],
                best: best.unwrap_or(0),
            });
        }
    }

    fn best(&mut self, score: Score) -> u64 {
        let bests = &mut self.noted.bests;
        // The newest one is the likeliest.
        let at = bests.iter().rposition(|best| *best == score).unwrap_or_else(|| {
            bests.push(score);
            bests.len() - 1
        });
        at as u64 + 1
    }
}
