//! Proofs and blocks, made off the loop, with deadlines.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_protocol::{keys::SecretKey, network::Network};
use tokio::{
    sync::mpsc,
    task::{self, JoinError},
    time::timeout,
};

use super::policy::PolicyDesk;
use crate::{
    block::{self, BlockPlan, Outcome, Workshop},
    engine::event::{Event, Proved},
    observe::Fault,
    plots::PlotFile,
    proof,
    scan::Found,
};

/// What a proof may take: without a cache, all of its plot is read.
const PROVE_LIMIT: Duration = Duration::from_secs(600);

/// Proofs at once; an older one is given up for a newer one.
const MAX_PROOFS: usize = 4;

/// What a block may take.
const BUILD_LIMIT: Duration = Duration::from_secs(10);

/// What proofs and blocks are made with.
pub(super) struct Work {
    network: Arc<Network>,
    key: Arc<SecretKey>,
    policy: PolicyDesk,
    events: mpsc::Sender<Event>,
    proofs: VecDeque<Arc<AtomicBool>>,
}

impl Work {
    pub(super) fn new(
        network: Arc<Network>,
        key: Arc<SecretKey>,
        policy: PolicyDesk,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self { network, key, policy, events, proofs: VecDeque::new() }
    }

    /// Makes and verifies a proof; `Proved` follows in any case.
    pub(super) fn prove(&mut self, claim: u64, plot: Option<Arc<PlotFile>>, found: Found) {
        let cancelled = self.new_proof();
        let events = self.events.clone();
        let started = Instant::now();
        task::spawn(async move {
            let flag = cancelled.clone();
            let making = task::spawn_blocking(move || {
                let Some(plot) = plot else { return Err("its plot is gone".to_owned()) };
                prove(&plot, &found, &flag)
            });
            let outcome = match timeout(PROVE_LIMIT, making).await {
                Ok(done) => done.unwrap_or_else(|error| Err(broken(&error))),
                Err(_) => Err(format!("no proof within {} s", PROVE_LIMIT.as_secs())),
            };
            cancelled.store(true, Ordering::Release);
            let elapsed_ms = millis(started);
            // The loop has ended if it does not listen.
            let _ = events.send(Event::Proved { claim, outcome, elapsed_ms }).await;
        });
    }

    fn new_proof(&mut self) -> Arc<AtomicBool> {
        self.proofs.retain(|ended| !ended.load(Ordering::Acquire));
        if self.proofs.len() >= MAX_PROOFS
            && let Some(oldest) = self.proofs.pop_front()
        {
            oldest.store(true, Ordering::Release);
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        self.proofs.push_back(cancelled.clone());
        cancelled
    }

    /// Builds and checks a block; `Built` follows in any case.
    pub(super) fn build(&self, claim: u64, plan: BlockPlan) {
        let (network, key) = (self.network.clone(), self.key.clone());
        let (policy, events) = (self.policy.clone(), self.events.clone());
        let started = Instant::now();
        task::spawn(async move {
            let building = task::spawn_blocking(move || {
                let workshop = Workshop { network: &network, key: &key, policy: policy.name() };
                let choose = |context: &_, candidates: &[_]| policy.choose(context, candidates);
                block::build(workshop, &plan, choose)
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

fn prove(plot: &PlotFile, found: &Found, cancelled: &AtomicBool) -> Result<Proved, String> {
    let given_up = || cancelled.load(Ordering::Acquire);
    let proof = proof::prove_unless(plot, found.leaf_index, &found.leaf, &given_up)
        .map_err(|error| error.to_string())?;
    let encoded = proof.encode().map_err(|error| error.to_string())?.into();
    Ok(Proved { proof: Arc::new(proof), encoded, root: plot.header().root })
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
