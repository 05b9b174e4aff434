//! The challenges of a record that strategies can be compared by.

use std::collections::BTreeMap;

use spacetime_protocol::score::{chance_of_any, chance_of_leaf};

use super::{Drives, Outcome, scene};
use crate::{
    record::{Recorded, StrategyId},
    scan::Scene,
};

/// Challenges, each with the scene of its simulation.
pub struct Challenges {
    /// The challenges, oldest first.
    pub list: Vec<Challenge>,
    /// Those that are not among them.
    pub left_out: LeftOut,
    /// Whether some drive was never seen to read on: what that takes is not
    /// known.
    pub only_jumped: bool,
}

/// A challenge.
pub struct Challenge {
    /// As it was.
    pub recorded: Recorded,
    /// To simulate it.
    pub scene: Scene,
    /// The chance of one leaf to win.
    pub leaf: f64,
}

/// Recorded challenges that nothing can be said about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Scanned for again, with other plots.
    pub again: u64,
    /// Nothing could be won.
    pub without_target: u64,
    /// How fast a drive or the workers were is not known.
    pub without_rate: u64,
    /// Ended with the miner.
    pub stopped: u64,
}

impl Challenges {
    /// Those of a record.
    pub fn of(recorded: Vec<Recorded>) -> Self {
        let mut drives: BTreeMap<String, Drives> = BTreeMap::new();
        for Recorded { run, plots, entry } in &recorded {
            drives.entry(run.run.clone()).or_default().learn(entry, plots);
        }
        let only_jumped = drives.values().any(Drives::only_jumped);
        let mut challenges = Self { list: Vec::new(), left_out: LeftOut::default(), only_jumped };
        for recorded in recorded {
            let of_run = drives.entry(recorded.run.run.clone()).or_default();
            challenges.add(recorded, of_run);
        }
        challenges
    }

    fn add(&mut self, recorded: Recorded, drives: &Drives) {
        let Recorded { run, plots, entry } = &recorded;
        let left_out = &mut self.left_out;
        if entry.again {
            left_out.again += 1;
            return;
        }
        if entry.ended == crate::observe::Ended::Stopped {
            left_out.stopped += 1;
            return;
        }
        let Some(goal) = entry.spec().goal() else {
            left_out.without_target += 1;
            return;
        };
        let Some(scene) = scene(run, plots, entry, drives) else {
            left_out.without_rate += 1;
            return;
        };
        self.list.push(Challenge { scene, leaf: chance_of_leaf(&goal), recorded });
    }

    /// The strategies that were in use, each once; `None`: the host's own plan.
    pub fn strategies(&self) -> Vec<Option<StrategyId>> {
        let mut all: Vec<Option<StrategyId>> = Vec::new();
        for challenge in &self.list {
            let strategy = &challenge.recorded.run.strategy;
            if !all.contains(strategy) {
                all.push(strategy.clone());
            }
        }
        all
    }
}

impl Challenge {
    /// The chance that so many leaves win.
    pub fn chance(&self, scanned: u64) -> f64 {
        chance_of_any(self.leaf, scanned)
    }

    /// What really happened.
    pub fn as_it_was(&self) -> Outcome {
        let entry = &self.recorded.entry;
        let reads = entry.noted.reads.iter().map(|read| read.on.and(read.jumps).leaves);
        let is_own = self.recorded.run.strategy.is_some();
        let own = entry.noted.plans.iter().filter(|plan| plan.own && is_own).count();
        Outcome {
            scanned: entry.scanned,
            bytes: reads.fold(0, u64::saturating_add).saturating_mul(32),
            took_us: entry.took_us,
            missed: entry.missed(),
            chance: self.chance(entry.scanned),
            wins: entry.wins,
            own: own as u64,
        }
    }
}
