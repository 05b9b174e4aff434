//! Proofs and blocks, made off the loop, with deadlines.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_protocol::{
    keys::SecretKey,
    network::Network,
    validity::{self, Rules},
};
use tokio::{
    sync::mpsc,
    task::{self, JoinError},
    time::timeout,
};

use super::policy::PolicyDesk;
use crate::{
    block::{self, BlockPlan, Outcome, Workshop},
    engine::event::{Event, Proved, Unproven},
    observe::Fault,
    plots::{PathError, PlotFile},
    proof,
    scan::Found,
};

/// What a proof may take: without a cache, all of its plot is read.
const PROVE_LIMIT: Duration = Duration::from_secs(600);

/// What a block may take.
const BUILD_LIMIT: Duration = Duration::from_secs(10);

/// What proofs and blocks are made with.
pub(super) struct Work {
    network: Arc<Network>,
    key: Arc<SecretKey>,
    policy: PolicyDesk,
    events: mpsc::Sender<Event>,
    /// Under way, by their claims, with what cancels them.
    proofs: Vec<(u64, Arc<AtomicBool>)>,
}

impl Work {
    pub(super) fn new(
        network: Arc<Network>,
        key: Arc<SecretKey>,
        policy: PolicyDesk,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self { network, key, policy, events, proofs: Vec::new() }
    }

    /// Makes and verifies a proof; `Proved` follows in any case.
    pub(super) fn prove(&mut self, claim: u64, plot: Option<Arc<PlotFile>>, found: Found) {
        let cancelled = self.new_proof(claim);
        let (miner, rules) = (self.key.identity(), Rules::of(&self.network));
        let events = self.events.clone();
        let started = Instant::now();
        task::spawn(async move {
            let flag = cancelled.clone();
            let making = task::spawn_blocking(move || {
                let Some(plot) = plot else { return Err(given_up("its plot is gone")) };
                let proved = prove(&plot, &found, &flag)?;
                // Now there is time for another plot; when the block is built,
                // its window is almost over.
                validity::check_plot(&proved.proof, &miner, &rules)
                    .map_err(|error| Unproven::Unfit(error.to_string()))?;
                Ok(proved)
            });
            let outcome = match timeout(PROVE_LIMIT, making).await {
                Ok(done) => done.unwrap_or_else(|error| Err(given_up(broken(&error)))),
                Err(_) => Err(given_up(format!("no proof within {} s", PROVE_LIMIT.as_secs()))),
            };
            cancelled.store(true, Ordering::Release);
            let elapsed_ms = millis(started);
            // The loop has ended if it does not listen.
            let _ = events.send(Event::Proved { claim, outcome, elapsed_ms }).await;
        });
    }

    /// Whether a proof is being made.
    pub(super) fn is_proving(&self) -> bool {
        self.proofs.iter().any(|(_, ended)| !ended.load(Ordering::Acquire))
    }

    fn new_proof(&mut self, claim: u64) -> Arc<AtomicBool> {
        self.proofs.retain(|(_, ended)| !ended.load(Ordering::Acquire));
        let cancelled = Arc::new(AtomicBool::new(false));
        self.proofs.push((claim, cancelled.clone()));
        cancelled
    }

    /// Ends the work on a claim's proof.
    pub(super) fn cancel_proof(&mut self, claim: u64) {
        for (_, cancelled) in self.proofs.extract_if(.., |(of, _)| *of == claim) {
            cancelled.store(true, Ordering::Release);
        }
    }

    /// Builds and checks a block; `Built` follows in any case.
    pub(super) fn build(&self, claim: u64, plan: BlockPlan) {
        let (network, key) = (self.network.clone(), self.key.clone());
        let (policy, events) = (self.policy.clone(), self.events.clone());
        let started = Instant::now();
        task::spawn(async move {
            let building = task::spawn_blocking(move || {
                let (name, test) = (policy.name(), policy.test());
                let workshop = Workshop { network: &network, key: &key, policy: name, test: &test };
                let choose = |context: &_, candidates: &[_]| policy.choose(context, candidates);
                let outcome = block::build(workshop, &plan, choose);
                policy.count_faults(outcome.faults_of_policy());
                outcome
            });
            let outcome = match timeout(BUILD_LIMIT, building).await {
                Ok(done) => done.unwrap_or_else(|error| failed(broken(&error))),
                Err(_) => failed(format!("no block within {} s", BUILD_LIMIT.as_secs())),
            };
            let elapsed_ms = millis(started);
            // As above.
            let _ = events.send(Event::Built { claim, outcome, elapsed_ms }).await;
        });
    }
}

fn prove(plot: &PlotFile, found: &Found, cancelled: &AtomicBool) -> Result<Proved, Unproven> {
    let is_cancelled = || cancelled.load(Ordering::Acquire);
    let proof = proof::prove_unless(plot, found.leaf_index, &found.leaf, &is_cancelled).map_err(
        |error| match error.reason {
            PathError::Cancelled => given_up(error),
            _ => Unproven::Damaged(error.to_string()),
        },
    )?;
    let encoded = proof.encode().map_err(given_up)?.into();
    Ok(Proved { proof: Arc::new(proof), encoded, root: plot.header().root })
}

fn given_up(reason: impl ToString) -> Unproven {
    Unproven::GivenUp(reason.to_string())
}

fn failed(message: String) -> Outcome {
    Outcome::Failed(Fault::new("block", message, "it was not published; mining goes on"))
}

fn broken(error: &JoinError) -> String {
    format!("this is a bug of the miner: {error}")
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
