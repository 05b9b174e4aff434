//! The scan that is under way: at most one, started for the newest task, and
//! told to end when its time is over or a newer task takes its place.

use std::{path::Path, sync::Arc};

use super::{State, claims::Claim, task::Task};
use crate::{
    engine::{
        command::Command,
        event::{Best, Coverage, Now},
    },
    observe::{BestLeaf, Detail, Ended, NewChallenge, ScanPerformance},
    scan::ScanSpec,
};

/// A scan, from its beginning until the next one takes its place.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) task: Arc<Task>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) phase: Phase,
    /// Plots that are left out, because their leaf could not be proven.
    without: Vec<Arc<Path>>,
    /// Which plot set it scans.
    plots_version: u64,
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs.
    Scanning,
    /// It was told to end, and has not said yet that it has.
    Ending(Ended),
    /// It has ended; there is nothing more to do for its task.
    Over,
}

impl State {
    /// Ends a scan whose time is over, and starts the one that is wanted.
    pub(super) fn settle_job(&mut self, now: Now) {
        if let Some(job) = &mut self.job
            && job.phase == Phase::Scanning
            && job.deadline_ms.is_some_and(|deadline| deadline <= now.unix_ms)
        {
            job.phase = Phase::Ending(Ended::Deadline);
            self.out.push(Command::CancelScan { job: job.id, why: Ended::Deadline });
        }
        let Some(task) = self.wanted(now) else { return };
        match &self.job {
            None => self.start(task, now, Vec::new(), true),
            Some(job) if job.task.is_same(&task) => {
                if self.is_worth_again(job) {
                    self.start(task, now, Vec::new(), false);
                }
            }
            // Its result is on its way, and the next window has only begun.
            Some(job)
                if job.phase == Phase::Ending(Ended::Deadline)
                    && job.task.parent == task.parent => {}
            Some(_) => self.start(task, now, Vec::new(), true),
        }
    }

    /// Whether a challenge that stays open is scanned again: plots have come.
    fn is_worth_again(&self, job: &Job) -> bool {
        job.phase == Phase::Over
            && job.task.deadline_ms.is_none()
            && job.plots_version != self.plots_version
            && !self.claims.iter().any(|claim| claim.task.is_same(&job.task))
    }

    fn start(&mut self, task: Arc<Task>, now: Now, without: Vec<Arc<Path>>, is_new: bool) {
        if self.plots.plots == 0 || self.is_held(&task, now) {
            return;
        }
        let timeout = now.unix_ms.saturating_add(self.config.proof_timeout_ms);
        let deadline_ms = task.deadline_ms.map_or(timeout, |deadline| deadline.min(timeout));
        if deadline_ms <= now.unix_ms {
            return;
        }
        self.preempt();
        let id = self.next_id();
        let spec = spec(id, &task, deadline_ms, now);
        self.out.push(Command::StartScan { spec: Box::new(spec), without: without.clone() });
        if is_new {
            self.counters.challenges += 1;
            self.tell_challenge(&task, deadline_ms, now);
        }
        self.job = Some(Job {
            id,
            task,
            deadline_ms: Some(deadline_ms),
            phase: Phase::Scanning,
            without,
            plots_version: self.plots_version,
        });
    }

    /// Makes room for another scan, at once.
    pub(super) fn preempt(&mut self) {
        let Some(mut job) = self.job.take().filter(|job| job.phase != Phase::Over) else { return };
        if job.phase == Phase::Scanning {
            job.phase = Phase::Ending(Ended::Preempted);
            self.out.push(Command::CancelScan { job: job.id, why: Ended::Preempted });
        }
        self.preempted = Some(job);
    }

    /// A scan has ended, for whatever reason.
    pub(super) fn scanned(&mut self, id: u64, best: Option<Best>, coverage: Coverage, now: Now) {
        let job = match (&mut self.job, &mut self.preempted) {
            (Some(job), _) if job.id == id => job,
            (_, Some(job)) if job.id == id => job,
            _ => return,
        };
        let ended = match job.phase {
            Phase::Scanning => Ended::Complete,
            Phase::Ending(ended) => ended,
            Phase::Over => return,
        };
        job.phase = Phase::Over;
        let task = job.task.clone();
        self.preempted.take_if(|job| job.id == id);
        let Some(best) = best else { return };
        self.counters.proofs += 1;
        self.tell_best(&task, &best, ended, coverage, now);
        let (block, share) = (task.wins(&best.found.score), task.is_share(&best.found.score));
        if (block || share) && self.stopping.is_none() {
            let claim = Claim::new(self.next_id(), id, task, best, block, share);
            self.claim(claim, now);
        }
    }

    /// A plot whose leaf cannot be proven: its other leaves may be as bad, and
    /// the other plots' are not.
    pub(super) fn scan_without(&mut self, task: &Arc<Task>, path: Arc<Path>, now: Now) {
        let Some(job) = self.job.as_ref().filter(|job| job.task.is_same(task)) else { return };
        if job.phase != Phase::Over || self.plots.plots <= job.without.len() as u64 + 1 {
            return;
        }
        let mut without = job.without.clone();
        without.push(path);
        self.start(task.clone(), now, without, false);
    }

    /// The same with a plot that is set aside, in this scan and those to come.
    pub(super) fn scan_rest(&mut self, task: &Arc<Task>, now: Now) {
        let Some(job) = self.job.as_ref().filter(|job| job.task.is_same(task)) else { return };
        if job.phase == Phase::Over {
            self.start(task.clone(), now, job.without.clone(), false);
        }
    }

    fn tell_challenge(&mut self, task: &Task, deadline_ms: u64, now: Now) {
        let transport = match task.audience {
            crate::submit::Audience::One(source) => Some(self.sources[source].name.clone()),
            crate::submit::Audience::Everybody => None,
        };
        let difficulty = task.expected.difficulty;
        let detail = Detail::Challenge(NewChallenge {
            challenge: task.expected.challenge,
            parent: task.parent,
            difficulty: (difficulty > 0).then_some(difficulty),
            block_target: task.block_target,
            share_target: task.share_target,
            deadline: Some(crate::observe::rfc3339(deadline_ms)),
            transport,
            plots: self.plots.plots,
            leaves: self.plots.leaves,
        });
        self.emit(now, Some(task), detail);
    }

    fn tell_best(&mut self, task: &Task, best: &Best, ended: Ended, covered: Coverage, now: Now) {
        let ms = covered.elapsed_ms;
        let performance = self.config.monitoring.then(|| ScanPerformance {
            scan_ms: ms,
            bytes_per_second: (covered.scanned + covered.again).saturating_mul(32_000) / ms.max(1),
            drives: covered.drives,
        });
        let detail = Detail::Proof(BestLeaf {
            challenge: task.expected.challenge,
            score: best.found.score,
            block_target: task.block_target,
            wins: task.wins(&best.found.score),
            plot: best.path.to_path_buf(),
            leaf_index: best.found.leaf_index,
            leaf: best.found.leaf,
            ended,
            scanned: covered.scanned,
            again: covered.again,
            leaves: covered.leaves,
            coverage: covered.scanned as f64 / covered.leaves.max(1) as f64,
            performance,
        });
        self.emit(now, Some(task), detail);
    }
}

fn spec(id: u64, task: &Task, deadline_ms: u64, now: Now) -> ScanSpec {
    ScanSpec {
        id,
        challenge: task.expected.challenge,
        block_target: task.block_target,
        share_target: task.share_target,
        epoch: task.expected.epoch,
        height: task.expected.height,
        difficulty: task.expected.difficulty,
        stop: task.stop,
        builder: task.builder,
        deadline_ms,
        started_ms: now.unix_ms,
        leaves_per_plot: None,
    }
}
