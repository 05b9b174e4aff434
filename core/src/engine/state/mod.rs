//! Decides: one function from an event and the time to commands. No I/O, no
//! clock, no randomness, no threads, so that a whole day of mining can be
//! replayed in a test.
//!
//! Invariants:
//!
//! * at most one scan runs, and it is for the newest (tip, epoch);
//! * a block is published once, not before its window's end, and never on a
//!   tip that another block has replaced (unless it would win against it);
//! * a published block is kept until it is answered or useless;
//! * memory does not grow with time.

mod accepted;
mod chain;
mod claims;
mod faults;
mod held;
mod job;
mod shadows;
mod sources;
mod submissions;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use spacetime_protocol::{Identity, network::Network};

use self::{
    accepted::AcceptedBlocks,
    chain::Following,
    claims::Claim,
    faults::FaultFilter,
    held::Held,
    job::{Job, Phase},
    sources::Source,
    task::Task,
};
use super::{
    command::{Command, Outcome},
    event::{Event, Now, PlotSummary, TransportEvent},
};
use crate::{
    observe::{self, Counters, Detail, Ended, Fault, ShadowTotals, Stopped, Tip},
    submit::Submissions,
};

/// What a stop waits for: blocks that are about to be published, and answers
/// to those that were, ms.
const FAREWELL_MS: u64 = 700;

/// What the state must know of its surroundings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network that is mined on.
    pub network: Arc<Network>,
    /// Who mines.
    pub identity: Identity,
    /// The longest scan, ms.
    pub proof_timeout_ms: u64,
    /// Whether events say how fast things were.
    pub monitoring: bool,
    /// Stop once so many blocks of ours are accepted.
    pub until_blocks: Option<u64>,
    /// Stop then, Unix ms.
    pub until_ms: Option<u64>,
    /// The transports' names, in order.
    pub transports: Vec<String>,
    /// The shadows' names.
    pub shadows: Vec<String>,
}

/// The miner's state.
pub struct State {
    config: Config,
    chain: Following,
    sources: Vec<Source>,
    plots: PlotSummary,
    /// Counts changes of the plot set.
    plots_version: u64,
    job: Option<Job>,
    /// The scan before it, while it ends.
    preempted: Option<Job>,
    claims: Vec<Claim>,
    submissions: Submissions,
    /// Parent and epoch of the block that we published last, unless it was
    /// refused.
    published: Option<(spacetime_protocol::BlockHash, u64)>,
    accepted: AcceptedBlocks,
    counters: Counters,
    shadows: Vec<ShadowTotals>,
    faults: FaultFilter,
    held: Held,
    last_id: u64,
    began_ms: u64,
    stopping: Option<(Outcome, u64)>,
    ended: bool,
    wake_ms: Option<u64>,
    out: Vec<Command>,
}

impl State {
    /// A miner that has just been started.
    pub fn new(config: Config, plots: PlotSummary, now: Now) -> Self {
        Self {
            chain: Following::new(&config.network),
            sources: config.transports.iter().cloned().map(Source::new).collect(),
            shadows: config.shadows.iter().cloned().map(ShadowTotals::of).collect(),
            config,
            plots,
            plots_version: 0,
            job: None,
            preempted: None,
            claims: Vec::new(),
            submissions: Submissions::default(),
            published: None,
            accepted: AcceptedBlocks::default(),
            counters: Counters::default(),
            faults: FaultFilter::default(),
            held: Held::default(),
            last_id: 0,
            began_ms: now.unix_ms,
            stopping: None,
            ended: false,
            wake_ms: None,
            out: Vec::new(),
        }
    }

    /// Takes an event and says what is to be done.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Command> {
        if !self.ended {
            self.take(event, now);
            self.settle(now);
        }
        std::mem::take(&mut self.out)
    }

    /// What has been counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn take(&mut self, event: Event, now: Now) {
        match event {
            Event::Transport { source, event } => self.heard(source, event, now),
            Event::Unsent { source, ticket, reason } => {
                self.answered(source, ticket, crate::submit::Verdict::Undelivered, reason, now);
            }
            Event::Scanned { job, best, coverage } => self.scanned(job, best, coverage, now),
            Event::Proved { claim, outcome, elapsed_ms } => {
                self.proved(claim, outcome, elapsed_ms, now);
            }
            Event::Built { claim, outcome, elapsed_ms } => {
                self.built(claim, outcome, elapsed_ms, now);
            }
            Event::Plots(plots) => {
                self.plots = plots;
                self.plots_version += 1;
            }
            // Unlike one that has come, it is no reason to scan again.
            Event::SetAside(left) => self.plots = left,
            Event::Shadow { epoch, height, scan } => self.shadowed(epoch, height, scan, now),
            Event::Fault(fault) => {
                let fault = self.held.merge(fault);
                self.fault(fault, now);
            }
            Event::OfTransport(fault) => {
                let reason = fault.message.clone();
                self.hold(fault, reason, true, now);
            }
            Event::Timer => self.wake_ms = None,
            Event::Stop => {
                let until = now.unix_ms + FAREWELL_MS;
                self.stopping.get_or_insert((Outcome::Stopped, until));
            }
            Event::GiveUp(outcome) => {
                self.stopping.get_or_insert((outcome, now.unix_ms));
            }
        }
    }

    fn heard(&mut self, source: usize, event: TransportEvent, now: Now) {
        if source >= self.sources.len() {
            return;
        }
        match event {
            TransportEvent::Online { .. } => self.online(source, now),
            TransportEvent::Offline { reason } => self.offline(source, reason, now),
            TransportEvent::Headers { anchor, headers } => {
                self.headers(source, anchor, headers, now);
            }
            TransportEvent::Challenge(challenge) => {
                let task = Task::brought(source, &challenge);
                self.sources[source].challenge = Some(Arc::new(task));
            }
            TransportEvent::Candidates(candidates) => {
                self.sources[source].candidates = Some(candidates);
            }
            TransportEvent::Verdict { ticket, verdict, reason } => {
                self.answered(source, ticket, verdict, reason, now);
            }
            TransportEvent::Unknown => self.counters.unknown_events += 1,
            TransportEvent::Malformed(what) => self.blame(source, what, now),
        }
    }

    fn online(&mut self, source: usize, now: Now) {
        self.sources[source].online = true;
        let sends = self.submissions.online(source, now.unix_ms);
        self.send(sends, now);
    }

    fn offline(&mut self, source: usize, reason: String, now: Now) {
        let was_online = self.sources[source].online;
        self.sources[source].go_offline();
        self.submissions.offline(source, now.unix_ms);
        let is_known = self.held.has(&reason) || self.faults.has_told(&reason, now.unix_ms);
        if (was_online || !reason.is_empty()) && !is_known {
            let next = match self.wanted(now) {
                Some(_) => "it is tried again; scanning goes on, and blocks are kept meanwhile",
                None => "it is tried again; nothing is mined until then",
            };
            let name = self.sources[source].name.clone();
            let fault = Fault::new(name, format_args!("offline: {reason}"), next);
            match reason.is_empty() {
                true => self.fault(fault, now),
                false => self.hold(fault, reason, false, now),
            }
        }
    }

    /// Tells of a fault in a moment, unless its session's end says the same.
    fn hold(&mut self, fault: Fault, reason: String, counts: bool, now: Now) {
        if let Some(fault) = self.held.hold(fault, reason, counts, now.unix_ms) {
            self.fault(fault, now);
        }
    }

    fn settle_held(&mut self, now: Now) {
        for fault in self.held.take_due(now.unix_ms) {
            self.fault(fault, now);
        }
    }

    fn headers(
        &mut self,
        source: usize,
        anchor: bool,
        headers: Vec<spacetime_protocol::header::BlockHeader>,
        now: Now,
    ) {
        let before = self.chain.tip().hash;
        let asked = self.sources[source].end_fetch();
        let taken = self.chain.take(&self.config.network, source, anchor, headers, now);
        self.sources[source].follows_chain |= taken.complete;
        // After an answer that brought something there may be more to bring.
        let more = taken.missing || (asked && taken.new > 0);
        if more && self.sources[source].begin_fetch(now.unix_ms) {
            self.out.push(Command::FetchHeaders { source, locator: self.chain.locator() });
        }
        if let Some(error) = taken.error {
            self.blame(source, format!("it sent a block header that is not valid: {error}"), now);
        }
        if self.chain.tip().hash != before {
            self.tell_tip(now);
            self.settle_accepted(now);
        }
    }

    fn tell_tip(&mut self, now: Now) {
        let tip = self.chain.tip();
        let header = &tip.header;
        let detail = Detail::Tip(Tip {
            hash: tip.hash,
            miner: header.miner,
            ours: header.miner == self.config.identity,
            difficulty: header.difficulty,
            score: header.score,
            timestamp: header.timestamp,
        });
        self.tell(now, Some(header.epoch), Some(header.height), detail);
    }

    /// Everything that follows from the state and the time.
    fn settle(&mut self, now: Now) {
        self.settle_submissions(now);
        self.settle_claims(now);
        if self.stopping.is_none() {
            self.settle_job(now);
        }
        self.settle_held(now);
        self.settle_end(now);
        if !self.ended {
            self.settle_wake(now);
        }
    }

    /// The challenge to work on: of the first transport that can be used, or
    /// the chain's as long as nobody can be asked.
    fn wanted(&self, now: Now) -> Option<Arc<Task>> {
        for source in self.sources.iter().filter(|source| source.online) {
            if let Some(task) = &source.challenge {
                let open = task.deadline_ms.is_none_or(|deadline| now.unix_ms < deadline);
                return open.then(|| task.clone());
            }
            if source.follows_chain {
                return Some(self.chain_task(now));
            }
        }
        let heard = self.sources.iter().any(|source| source.follows_chain);
        heard.then(|| self.chain_task(now))
    }

    fn chain_task(&self, now: Now) -> Arc<Task> {
        let network = &self.config.network;
        let expected = |epoch| self.chain.expected(network, epoch);
        Arc::new(Task::of_chain(network, self.chain.tip(), expected, now.unix_ms))
    }

    fn settle_end(&mut self, now: Now) {
        if self.config.until_blocks.is_some_and(|blocks| self.counters.accepted >= blocks) {
            return self.end(Outcome::BlocksReached, now);
        }
        if self.config.until_ms.is_some_and(|until| until <= now.unix_ms) {
            let until = now.unix_ms + FAREWELL_MS;
            self.stopping.get_or_insert((Outcome::TimeOver, until));
        }
        let Some((outcome, until)) = self.stopping.clone() else { return };
        self.keep_claims_until(until);
        if let Some(job) = &mut self.job
            && job.phase == Phase::Scanning
        {
            job.phase = Phase::Ending(Ended::Stopped);
            self.out.push(Command::CancelScan { job: job.id, why: Ended::Stopped });
        }
        let is_done = self.submissions.blocks().next().is_none() && !self.has_block_claims();
        if is_done || until <= now.unix_ms {
            self.end(outcome, now);
        }
    }

    fn end(&mut self, outcome: Outcome, now: Now) {
        if let Some(job) = self.job.take().filter(|job| job.phase == Phase::Scanning) {
            self.out.push(Command::CancelScan { job: job.id, why: Ended::Stopped });
        }
        self.held.take_due(u64::MAX).into_iter().for_each(|fault| self.fault(fault, now));
        let detail = Detail::Stopped(Stopped {
            reason: outcome.name(),
            seconds: (now.unix_ms.saturating_sub(self.began_ms) + 500) / 1000,
            counters: self.counters,
            // Whoever tells it fills this in.
            plugins: Vec::new(),
            plugins_not_loaded: 0,
            untold: self.faults.untold(),
            shadows: self.shadows.clone(),
        });
        let tip = &self.chain.tip().header;
        let (epoch, height) = (tip.epoch, tip.height);
        self.tell(now, Some(epoch), Some(height), detail);
        self.out.push(Command::Exit(outcome));
        self.ended = true;
    }

    fn settle_wake(&mut self, now: Now) {
        let due = [
            self.job_due(now),
            self.claims_due(),
            self.submissions.next_due(|source| self.sources[source].online),
            self.held.due(),
            self.config.until_ms.filter(|_| self.stopping.is_none()),
            self.stopping.as_ref().map(|(_, until)| *until),
        ];
        let Some(due) = due.into_iter().flatten().min() else { return };
        let due = due.max(now.unix_ms + 1);
        if self.wake_ms != Some(due) {
            self.wake_ms = Some(due);
            self.out.push(Command::WakeAt { unix_ms: due });
        }
    }

    /// When the scan must end, or the next one begins.
    fn job_due(&self, now: Now) -> Option<u64> {
        let task = || self.wanted(now);
        match &self.job {
            Some(job) if job.phase == Phase::Scanning => job.deadline_ms,
            Some(job) if job.task.deadline_ms.is_some_and(|end| now.unix_ms < end) => {
                job.task.deadline_ms
            }
            _ => task().and_then(|task| {
                let held = self.hold_until(&task).filter(|until| now.unix_ms < *until);
                held.or(task.deadline_ms).filter(|due| now.unix_ms < *due)
            }),
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn blame(&mut self, source: usize, what: String, now: Now) {
        let name = self.sources[source].name.clone();
        self.fault(Fault::new(name, what, "what it sent was ignored"), now);
    }

    fn fault(&mut self, fault: Fault, now: Now) {
        self.counters.faults += 1 + fault.repeated;
        if let Some(fault) = self.faults.pass(fault, now.unix_ms) {
            let task = self.job.as_ref().map(|job| job.task.clone());
            self.emit(now, task.as_deref(), Detail::Fault(fault));
        }
    }

    fn emit(&mut self, now: Now, task: Option<&Task>, detail: Detail) {
        let expected = task.map(|task| &task.expected);
        let (epoch, height) = (expected.map(|at| at.epoch), expected.map(|at| at.height));
        self.tell(now, epoch, height, detail);
    }

    fn tell(&mut self, now: Now, epoch: Option<u64>, height: Option<u64>, detail: Detail) {
        let event = observe::Event { unix_ms: now.unix_ms, epoch, height, detail };
        self.out.push(Command::Emit(Box::new(event)));
    }
}
