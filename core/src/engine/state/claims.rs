//! Claims: best leaves on their way to becoming proofs and blocks. Each is
//! proven at once, built shortly before it may be published, published when it
//! may be, and dropped as soon as another block makes it useless.

use std::sync::Arc;

use spacetime_sdk_loader::abi::ProofClaim;

use super::{State, task::Task};
use crate::{
    block::{BlockPlan, Built, Outcome},
    engine::{
        command::Command,
        event::{Best, Now, Proved, Unproven},
    },
    observe::{BuildPerformance, Detail, Fault, Won},
    submit::{Audience, What},
};

/// How long before its publication a block is built, ms: late enough to take
/// transactions that came during the scan, early enough to be ready in time.
const BUILD_AHEAD_MS: u64 = 250;

/// Claims that are followed at once; shares make room before blocks do.
const MAX_CLAIMS: usize = 8;

/// A leaf that may be worth something.
#[derive(Debug)]
pub(super) struct Claim {
    id: u64,
    /// The scan that found it.
    job: u64,
    pub(super) task: Arc<Task>,
    best: Best,
    /// Whether a block is to be made of it.
    block: bool,
    /// Whether it is to be submitted as a proof.
    share: bool,
    stage: Stage,
    took: BuildPerformance,
}

#[derive(Debug)]
enum Stage {
    Proving,
    Proved(Proved),
    Building,
    Ready(Box<Built>),
}

impl Claim {
    pub(super) fn new(
        id: u64,
        job: u64,
        task: Arc<Task>,
        best: Best,
        block: bool,
        share: bool,
    ) -> Self {
        let took = BuildPerformance::default();
        Self { id, job, task, best, block, share, stage: Stage::Proving, took }
    }

    /// When there is something to do for it, Unix ms.
    fn due_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Proved(_) => Some(self.task.publish_at_ms.saturating_sub(BUILD_AHEAD_MS)),
            Stage::Ready(_) => Some(self.task.publish_at_ms),
            Stage::Proving | Stage::Building => None,
        }
    }
}

impl State {
    /// Follows a claim up.
    pub(super) fn claim(&mut self, mut claim: Claim, now: Now) {
        if claim.block && self.is_proving_for(&claim.task.parent) {
            // It would only take the drive's time from the one that is nearer
            // its end.
            claim.block = false;
            let culprit = claim.best.path.display().to_string();
            let message = "a leaf that wins was left: the proof of an earlier one, for the same \
                           block, is still being made";
            let next = "a plot without a cache is read as a whole for a proof";
            self.fault(Fault::new(culprit, message, next), now);
        }
        if !claim.block && !claim.share {
            return;
        }
        if self.claims.len() == MAX_CLAIMS {
            let shares_first = self.claims.iter().position(|claim| !claim.block);
            let evicted = self.claims.remove(shares_first.unwrap_or(0));
            self.give_up(&evicted);
        }
        let found = claim.best.found.clone();
        self.out.push(Command::Prove { claim: claim.id, job: claim.job, found });
        self.claims.push(claim);
    }

    fn is_proving_for(&self, parent: &spacetime_protocol::BlockHash) -> bool {
        let mut claims = self.claims.iter().filter(|claim| claim.block);
        claims.any(|claim| matches!(claim.stage, Stage::Proving) && claim.task.parent == *parent)
    }

    /// Ends the work on a claim that is not followed any more.
    fn give_up(&mut self, claim: &Claim) {
        if matches!(claim.stage, Stage::Proving) {
            self.out.push(Command::CancelProof { claim: claim.id });
        }
    }

    /// A proof was made, or was not.
    pub(super) fn proved(
        &mut self,
        id: u64,
        outcome: Result<Proved, Unproven>,
        elapsed_ms: u64,
        now: Now,
    ) {
        let Some(at) = self.claims.iter().position(|claim| claim.id == id) else { return };
        let proved = match outcome {
            Ok(proved) => proved,
            Err(error) => return self.unprovable(at, error, now),
        };
        let claim = &mut self.claims[at];
        claim.took.prove_ms = elapsed_ms;
        claim.stage = Stage::Proved(proved.clone());
        if std::mem::take(&mut claim.share) {
            let what = What::Proof(Arc::new(proof_claim(claim, &proved, self.config.identity)));
            let audience = claim.task.audience;
            self.submit(what, audience, now);
        }
    }

    fn unprovable(&mut self, at: usize, reason: Unproven, now: Now) {
        let claim = self.claims.remove(at);
        let path = claim.best.path.clone();
        let culprit = path.display().to_string();
        match reason {
            Unproven::Damaged(error) => {
                let next =
                    "its leaf was not used; `spacetime-miner plot verify` shows what is damaged";
                self.fault(Fault::new(culprit, error, next), now);
                self.scan_without(&claim.task, path, now);
            }
            Unproven::Unfit(error) => self.set_aside(&claim, &error, now),
            Unproven::GivenUp(error) => {
                self.fault(Fault::new(culprit, error, "its leaf was not used"), now);
            }
        }
    }

    /// A plot that no block can be won with: it must not take the others' place.
    fn set_aside(&mut self, claim: &Claim, reason: &str, now: Now) {
        let culprit = claim.best.path.display().to_string();
        let message = format!("a block of this plot is not valid: {reason}");
        let next = "it is set aside until the miner is started again or another plot takes its \
                    place; the others are scanned again";
        self.fault(Fault::new(culprit, message, next), now);
        self.out.push(Command::SetAside { job: claim.job, plot: claim.best.found.plot });
        self.scan_rest(&claim.task, now);
    }

    /// A block was built, or was not.
    pub(super) fn built(&mut self, id: u64, outcome: Outcome, elapsed_ms: u64, now: Now) {
        let Some(at) = self.claims.iter().position(|claim| claim.id == id) else { return };
        let failed = match outcome {
            Outcome::Built(built) => {
                for remark in &built.remarks {
                    self.fault(remark.clone(), now);
                }
                let claim = &mut self.claims[at];
                claim.took.build_ms = elapsed_ms;
                claim.stage = Stage::Ready(built);
                return;
            }
            Outcome::Unfit(reason) => {
                let claim = self.claims.remove(at);
                return self.set_aside(&claim, &reason, now);
            }
            Outcome::Vetoed(fault) | Outcome::Failed(fault) => fault,
        };
        self.claims.remove(at);
        self.fault(failed, now);
    }

    /// Drops claims that have become useless, and builds and publishes what is due.
    pub(super) fn settle_claims(&mut self, now: Now) {
        for mut claim in std::mem::take(&mut self.claims) {
            claim.block &= !self.is_lost(&claim);
            if claim.block && claim.due_ms().is_some_and(|due| due <= now.unix_ms) {
                claim.stage = match claim.stage {
                    Stage::Proved(proved) => {
                        self.build(claim.id, &claim.task, &claim.best, &proved, now);
                        Stage::Building
                    }
                    Stage::Ready(built) => {
                        self.publish(&claim.task, *built, claim.took, now);
                        continue;
                    }
                    stage => stage,
                };
            }
            if claim.block || claim.share {
                self.claims.push(claim);
            } else {
                self.give_up(&claim);
            }
        }
    }

    /// Whether another block has made this one useless.
    fn is_lost(&self, claim: &Claim) -> bool {
        let task = &claim.task;
        match task.audience {
            Audience::Everybody => {
                let tip = self.chain.tip();
                let beats =
                    || task.beats(&self.config.network, &claim.best.found.score, &tip.header);
                tip.hash != task.parent && !beats()
            }
            Audience::One(source) => {
                let newest = self.sources[source].challenge.as_ref();
                newest.is_some_and(|newest| newest.parent != task.parent)
            }
        }
    }

    fn build(&mut self, id: u64, task: &Task, best: &Best, proved: &Proved, now: Now) {
        let publish_at = task.publish_at_ms.div_ceil(1000).max(now.seconds());
        let candidates = self.sources.iter().find_map(|source| source.candidates_on(&task.parent));
        let plan = BlockPlan {
            parent: task.parent,
            expected: task.expected.clone(),
            timestamp: publish_at.max(task.expected.min_timestamp),
            clock: publish_at,
            plot_root: proved.root,
            score: best.found.score,
            proof: proved.proof.clone(),
            candidates: candidates.cloned(),
        };
        self.out.push(Command::Build { claim: id, plan: Box::new(plan) });
    }

    fn publish(&mut self, task: &Task, built: Built, mut took: BuildPerformance, now: Now) {
        if task.publish_at_ms > 0 {
            took.late_ms = now.unix_ms.saturating_sub(task.publish_at_ms);
        }
        let detail = Detail::Won(Won {
            hash: built.block.hash,
            parent: built.block.parent,
            difficulty: task.expected.difficulty,
            score: built.block.score,
            timestamp: built.timestamp,
            transactions: built.transactions,
            fees: built.fees,
            bytes: built.block.bytes.len() as u64,
            performance: self.config.monitoring.then_some(took),
        });
        self.counters.won += 1;
        self.published = Some((built.block.parent, built.block.epoch));
        self.emit(now, Some(task), detail);
        self.submit(What::Block(built.block), task.audience, now);
    }

    /// Whether a block of ours on the same parent is about to become the tip,
    /// so that scanning for the next window would most likely be in vain.
    pub(super) fn is_held(&self, task: &Task, now: Now) -> bool {
        self.hold_until(task).is_some_and(|until| now.unix_ms < until)
    }

    /// Until when a task waits for the fate of our block of an earlier window.
    pub(super) fn hold_until(&self, task: &Task) -> Option<u64> {
        let window_ms = self.config.network.epoch_seconds.saturating_mul(1000);
        let claims =
            self.claims.iter().filter(|claim| claim.block && claim.task.parent == task.parent);
        let claimed = claims.map(|claim| claim.task.expected.epoch);
        let published = self.published.filter(|(parent, _)| *parent == task.parent);
        let newest = claimed
            .chain(published.map(|(_, epoch)| epoch))
            .filter(|epoch| task.is_of_chain() && *epoch < task.expected.epoch)
            .max()?;
        // The end of that block's window, and half a window to be answered.
        let windows_ago = task.expected.epoch - newest;
        let end = task.deadline_ms?.saturating_sub(windows_ago.saturating_mul(window_ms));
        Some(end + window_ms.min(2000) / 2)
    }

    /// Before the end: follows on only blocks that may be published until then.
    pub(super) fn keep_claims_until(&mut self, unix_ms: u64) {
        for claim in std::mem::take(&mut self.claims) {
            if claim.block && claim.task.publish_at_ms <= unix_ms {
                self.claims.push(claim);
            } else {
                self.give_up(&claim);
            }
        }
    }

    /// Whether a block of ours is still being made.
    pub(super) fn has_block_claims(&self) -> bool {
        self.claims.iter().any(|claim| claim.block)
    }

    /// When there is something to do for a claim, Unix ms.
    pub(super) fn claims_due(&self) -> Option<u64> {
        self.claims.iter().filter(|claim| claim.block).filter_map(Claim::due_ms).min()
    }
}

fn proof_claim(claim: &Claim, proved: &Proved, miner: spacetime_protocol::Identity) -> ProofClaim {
    ProofClaim {
        challenge_id: claim.task.challenge_id,
        challenge: claim.task.expected.challenge.to_bytes(),
        epoch: claim.task.expected.epoch,
        height: claim.task.expected.height,
        score: claim.best.found.score.to_bytes(),
        plot_root: proved.root.to_bytes(),
        miner: miner.to_bytes(),
        proof: proved.encoded.to_vec().into(),
        reserved: [0; 16],
    }
}
