//! A policy under test.

use std::time::Duration;

use spacetime_sdk_loader::{
    Policy,
    abi::{Candidate, PolicyContext},
};

use crate::{
    any::Instance,
    probe::{Blame, Probe, Stop},
};

/// What a selection may take; the host's limit.
pub(super) const SELECT_LIMIT: Duration = Duration::from_millis(500);

/// Ordinary lists.
pub(super) const ORDINARY: Blame =
    Blame { breach: "POL-001", failure: "POL-002", panic: "ANY-004" };

/// Unusual ones, of which a rule says that they are survived.
pub(super) const fn survived(rule: &'static str) -> Blame {
    Blame { breach: "POL-001", failure: rule, panic: rule }
}

/// What a policy said: positions, or why not.
pub(super) type Selected = Result<Vec<usize>, String>;

pub(super) struct Chooser<'p> {
    pub(super) probe: &'p Probe,
    policy: Option<Policy>,
    blame: Blame,
}

impl<'p> Chooser<'p> {
    /// Opens the policy.
    pub(super) fn open(probe: &'p Probe, blame: Blame) -> Result<Self, Stop> {
        match Instance::must_open(probe, Blame::OPENING)? {
            Instance::Policy(policy) => Ok(Self { probe, policy: Some(policy), blame }),
            _ => Err(Stop::NotJudged("it is no policy".to_owned())),
        }
    }

    /// Lets it choose; what it chooses is there, and no candidate twice.
    pub(super) fn select(
        &mut self,
        context: &PolicyContext,
        candidates: &[Candidate],
    ) -> Result<Selected, Stop> {
        let policy = self.policy.as_mut().expect("only drop takes it");
        let selected =
            self.probe.call("select", SELECT_LIMIT, || policy.select(context, candidates));
        selected.map_err(|fault| self.probe.fault(&fault, self.blame))
    }
}

impl Drop for Chooser<'_> {
    fn drop(&mut self) {
        self.probe.drop(self.policy.take());
    }
}
