//! Strategies tried by really scanning the plots that are there now, each
//! challenge for as long as there was time for it.

use std::{
    collections::BTreeMap,
    io,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crossbeam_channel::{Sender, bounded};
use spacetime_protocol::score::is_under;
use spacetime_sdk_loader::Fault;

use super::{
    Outcome,
    challenges::{Challenge, Challenges},
    simulated::{Candidate, Tried},
};
use crate::{
    kernels,
    scan::{
        Component, Found, Hasher, LeafSource, Planner, Plots, ReadError, Report, ScanJob, ScanSpec,
        Scanner,
    },
};

/// Scans for all challenges by each candidate, in turns: another one begins
/// each time, so that none always finds in the system's memory what another has
/// read. `per_drive` plots are read at once. `tell` learns how many scans are
/// done.
///
/// # Errors
///
/// The system has no threads or memory.
pub fn scan(
    challenges: &Challenges,
    candidates: &[Candidate],
    plots: &[Arc<dyn LeafSource>],
    per_drive: NonZeroUsize,
    mut tell: impl FnMut(usize, usize),
) -> io::Result<Vec<Tried>> {
    let scanner = |source: &Arc<_>| {
        let hasher = Hasher::new(kernels::in_use(), None);
        Scanner::new(Planner::new(Arc::clone(source)), hasher, per_drive, None)
    };
    let scanners: Vec<Vec<Scanner>> = candidates
        .iter()
        .map(|candidate| candidate.sources.iter().map(scanner).collect())
        .collect::<Result<_, _>>()?;
    let none = || vec![None; challenges.list.len()];
    let mut outcomes: Vec<_> = candidates.iter().map(|_| none()).collect();
    let (mut done, all) = (0, candidates.len() * challenges.list.len());
    let there = There::new(plots);
    for (at, challenge) in challenges.list.iter().enumerate() {
        let plots = there.of(challenge);
        for turn in 0..candidates.len() {
            let number = (at + turn) % candidates.len();
            let which = candidates[number].which[at];
            if let Some(scanner) = which.and_then(|which| scanners[number].get(which)) {
                outcomes[number][at] = Some(scan_for(challenge, scanner, &plots));
            }
            done += 1;
            tell(done, all);
        }
    }
    let tried = candidates.iter().zip(outcomes);
    Ok(tried
        .map(|(candidate, outcomes)| Tried {
            name: candidate.name.clone(),
            outcomes,
            faults: candidate.faults.all(),
        })
        .collect())
}

/// The plots that are there, by what a record knows of them.
struct There(BTreeMap<([u8; 32], u64), Arc<dyn LeafSource>>);

impl There {
    fn new(plots: &[Arc<dyn LeafSource>]) -> Self {
        let name = |plot: &Arc<dyn LeafSource>| (plot.id().to_bytes(), plot.leaf_count());
        Self(plots.iter().map(|plot| (name(plot), plot.clone())).collect())
    }

    /// Those of a challenge that are still there.
    fn of(&self, challenge: &Challenge) -> Plots {
        let plots = challenge.recorded.plots.iter();
        let of = |plot: &crate::scan::ScenePlot| {
            self.0.get(&(plot.id.to_bytes(), plot.leaf_count)).cloned()
        };
        plots.filter_map(of).collect()
    }
}

fn scan_for(challenge: &Challenge, scanner: &Scanner, plots: &Plots) -> Outcome {
    let recorded = challenge.recorded.entry.spec();
    let open = challenge.recorded.entry.open();
    let window = recorded.deadline_ms.saturating_sub(recorded.started_ms);
    let now = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let deadline_ms = if recorded.deadline_ms == 0 { 0 } else { now.saturating_add(window) };
    let spec = ScanSpec { started_ms: now, deadline_ms, ..recorded };
    let (done, ended) = bounded(1);
    let job = scanner.start(spec, plots.clone(), Arc::new(End(done)));
    let in_time = ended.recv_timeout(open).is_ok();
    job.cancel();
    let (covered, noted) = (job.coverage(), job.noted());
    let read = noted.reads.iter().map(|read| read.on.and(read.jumps).leaves);
    let best = job.best().map(|best| best.score);
    let goal = job.spec().goal();
    let own = noted.plans.iter().filter(|plan| plan.own).count();
    Outcome {
        scanned: covered.scanned,
        bytes: read.fold(0, u64::saturating_add).saturating_mul(32),
        took_us: u64::try_from(covered.elapsed.as_micros()).unwrap_or(u64::MAX),
        missed: !in_time,
        chance: challenge.chance(covered.scanned),
        wins: goal.zip(best).is_some_and(|(goal, best)| is_under(&best, &goal)),
        own: own as u64,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells a channel of a scan's end.
struct End(Sender<()>);

impl Report for End {
    fn best(&self, _: &ScanJob, _: &Found) {}

    fn plot_failed(&self, job: &ScanJob, plot: usize, error: &ReadError) {
        tracing::warn!("{} cannot be read: {error}", job.plots()[plot].path().display());
    }

    // Its source tells of it.
    fn component_failed(&self, _: &ScanJob, _: Component, _: &Fault) {}

    fn finished(&self, _: &ScanJob) {
        // Told once; there is room for it.
        let _ = self.0.try_send(());
    }
}
