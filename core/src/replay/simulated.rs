//! Strategies tried in simulations, each on a thread of its own, so that one
//! that hangs or fails is counted and holds nobody up.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crossbeam_channel::{Sender, unbounded};
use spacetime_sdk_loader::Fault;

use super::{
    Outcome,
    challenges::{Challenge, Challenges},
};
use crate::{
    plugin::{Fate, FaultObserver},
    scan::{Replanned, Simulated, Simulator, StrategySource, Unfinished},
};

/// Something to try: a strategy, or the one that each challenge was scanned by.
pub struct Candidate {
    /// What it is called.
    pub name: String,
    /// Where instances come from.
    pub sources: Vec<Arc<dyn StrategySource>>,
    /// Which of these is for a challenge; none: it is not tried on it.
    pub which: Vec<Option<usize>>,
    /// What it did wrong.
    pub faults: Arc<Faults>,
}

/// Counts what a strategy does wrong.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<(String, u64)>>);

/// Different faults that are remembered.
const DIFFERENT: usize = 16;

impl Faults {
    fn add(&self, message: String) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = faults.len() == DIFFERENT;
        match faults.iter_mut().find(|(known, _)| *known == message) {
            Some((_, count)) => *count += 1,
            None if is_full => {}
            None => faults.push((message, 1)),
        }
    }

    /// Each with how often it came.
    pub fn all(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl FaultObserver for Faults {
    fn fault(&self, _: &str, fault: &Fault, fate: &Fate) {
        let aside = if fate.given_up { "; it was set aside" } else { "" };
        self.add(format!("{fault}{aside}"));
    }
}

/// How a candidate did.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// What it is called.
    pub name: String,
    /// Per challenge; none: it was not tried on it.
    pub outcomes: Vec<Option<Outcome>>,
    /// What it did wrong, each with how often.
    pub faults: Vec<(String, u64)>,
}

/// Whether strategies plan again what they planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reproduced {
    /// Challenges whose plans were planned again.
    pub same: u64,
    /// Those whose plans were not.
    pub different: u64,
    /// Those of which nothing can be said: the strategy is not there or hung,
    /// or the host had planned itself.
    pub unknown: u64,
    /// The first difference.
    pub first: Option<String>,
}

/// Simulates all challenges by each candidate. `tell` learns how many of all
/// simulations are done.
pub fn simulate(
    challenges: &Arc<Challenges>,
    candidates: Vec<Candidate>,
    mut tell: impl FnMut(usize, usize),
) -> Vec<Tried> {
    let all = candidates.len() * challenges.list.len();
    let (sender, results) = unbounded();
    let mut tried: Vec<Tried> = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let outcomes = vec![None; challenges.list.len()];
        tried.push(Tried { name: candidate.name.clone(), outcomes, faults: Vec::new() });
        let work = move |challenge: &Challenge, simulator: &Simulator| {
            simulator.simulate(&challenge.scene, || true).map(|done| outcome(challenge, &done))
        };
        start(number, candidate, challenges, &sender, work);
    }
    drop(sender);
    let mut done = 0;
    // Ends when every thread has ended, or is known to hang.
    let mut open = candidates.len();
    while open > 0
        && let Ok((number, said)) = results.recv()
    {
        match said {
            Said::Did(challenge, outcome) => {
                tried[number].outcomes[challenge] = Some(outcome);
                done += 1;
                tell(done, all);
            }
            Said::Ended => open -= 1,
        }
    }
    for (tried, candidate) in tried.iter_mut().zip(&candidates) {
        tried.faults = candidate.faults.all();
    }
    tried
}

/// Lets the strategies that were in use plan again what they planned.
pub fn reproduce(challenges: &Arc<Challenges>, recorded: &Candidate) -> Reproduced {
    let (sender, results) = unbounded();
    let work = |challenge: &Challenge, simulator: &Simulator| {
        simulator.replan(&challenge.scene, &challenge.recorded.entry.noted)
    };
    start(0, recorded, challenges, &sender, work);
    drop(sender);
    let mut reproduced = Reproduced::default();
    while let Ok((_, Said::Did(challenge, replanned))) = results.recv() {
        match replanned {
            Replanned::Same => reproduced.same += 1,
            Replanned::Nothing => {}
            Replanned::Different(what) => {
                reproduced.different += 1;
                let challenge = challenges.list[challenge].recorded.entry.challenge;
                reproduced.first.get_or_insert_with(|| format!("challenge {challenge}: {what}"));
            }
        }
    }
    let all = challenges.list.len() as u64;
    reproduced.unknown = all - reproduced.same - reproduced.different;
    reproduced
}

enum Said<T> {
    Did(usize, T),
    /// It is through with all challenges, or hangs.
    Ended,
}

/// Does something with all challenges, on a thread of its own.
fn start<T: Send + 'static>(
    number: usize,
    candidate: &Candidate,
    challenges: &Arc<Challenges>,
    say: &Sender<(usize, Said<T>)>,
    work: impl Fn(&Challenge, &Simulator) -> Result<T, Unfinished> + Send + 'static,
) {
    let simulators: Result<Vec<Simulator>, _> = candidate
        .sources
        .iter()
        .map(|source| {
            let say = say.clone();
            Simulator::new(source.clone(), move |_| {
                // Nobody may be listening any more.
                let _ = say.send((number, Said::Ended));
            })
        })
        .collect();
    let (which, challenges, end) = (candidate.which.clone(), challenges.clone(), say.clone());
    let say = say.clone();
    let try_all = move || -> Option<()> {
        let simulators = simulators.ok()?;
        for (at, (challenge, which)) in challenges.list.iter().zip(which).enumerate() {
            let Some(simulator) = which.and_then(|which| simulators.get(which)) else { continue };
            match work(challenge, simulator) {
                Ok(did) => say.send((number, Said::Did(at, did))).ok()?,
                // Whoever saw it hang has said so.
                Err(_) => return Some(()),
            }
        }
        say.send((number, Said::Ended)).ok()
    };
    if thread::Builder::new().name("replay".to_owned()).spawn(try_all).is_err() {
        candidate.faults.add("the system has no thread to try it on".to_owned());
        let _ = end.send((number, Said::Ended));
    }
}

fn outcome(challenge: &Challenge, done: &Simulated) -> Outcome {
    Outcome {
        scanned: done.scanned,
        bytes: done.read.saturating_mul(32),
        took_us: u64::try_from(done.took.as_micros()).unwrap_or(u64::MAX),
        missed: !done.complete,
        chance: challenge.chance(done.scanned),
        wins: done.watched,
        own: done.own,
    }
}
