//! The listener's cases: what the reference's connection manager was seen to
//! do with a raw client, and what our node does with the same one. A case is
//! known by what was observed; the table of connections is seen from outside,
//! through its limit.

mod client;
mod plays;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use serde_json::Value;

use crate::common::Case;

/// What was compared.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) observations: usize,
    pub(crate) same: usize,
    /// Observations that differ on purpose, by reason.
    pub(crate) reasons: BTreeMap<&'static str, usize>,
}

/// What came of one observation.
pub(crate) enum Verdict {
    /// Ours, to be the reference's.
    Same(Value),
    /// Something else on purpose, which was asserted; why.
    Instead(&'static str),
}

/// A case while it is played.
pub(crate) struct Seen<'a> {
    case: &'a Case,
    /// What was observed, in its order; a name may come again.
    observations: Vec<(String, Value)>,
    verdicts: BTreeMap<String, VecDeque<Verdict>>,
}

pub(crate) fn compare(case: &Case, tally: &Mutex<Tally>) {
    let mut seen = Seen::of(case);
    plays::play(&mut seen);
    let Seen { observations, mut verdicts, .. } = seen;
    let mut tally = tally.lock().unwrap();
    tally.cases += 1;
    for (name, theirs) in &observations {
        tally.observations += 1;
        match verdicts.get_mut(name).and_then(VecDeque::pop_front) {
            Some(Verdict::Same(ours)) => {
                assert_eq!(ours, *theirs, "{}: {name}", case.id);
                tally.same += 1;
            }
            Some(Verdict::Instead(reason)) => *tally.reasons.entry(reason).or_default() += 1,
            None => panic!("{}: {name} is not looked at", case.id),
        }
    }
}

impl<'a> Seen<'a> {
    fn of(case: &'a Case) -> Self {
        let out = case.outcome.as_ref().expect("the listener never refuses");
        let observations = out["observations"].as_array().expect("observations").iter();
        let observation = |one: &Value| {
            let (name, value) = one.as_object().and_then(|one| one.iter().next()).expect("one");
            (name.clone(), value.clone())
        };
        let observations = observations.map(observation).collect();
        Self { case, observations, verdicts: BTreeMap::new() }
    }

    pub(crate) fn case(&self) -> &'a Case {
        self.case
    }

    /// All observations of a name.
    pub(crate) fn all(&self, name: &str) -> Vec<Value> {
        let named = self.observations.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// The first observation of a name, a number.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.all(name).first()?.as_u64().map(|number| usize::try_from(number).unwrap())
    }

    /// How many clients there were, and what was seen of each.
    pub(crate) fn clients(&self) -> Vec<String> {
        let clients = (0..).map_while(|number| {
            let name = format!("client_{number}");
            self.has(&name).then_some(name)
        });
        clients.collect()
    }

    /// What we come to, of every observation of a name.
    pub(crate) fn same(&mut self, name: &str, ours: impl Into<Value>) {
        let ours = ours.into();
        for _ in 0..self.all(name).len() {
            self.one(name, Verdict::Same(ours.clone()));
        }
    }

    /// Why all observations of a name are others with us.
    pub(crate) fn instead(&mut self, name: &str, reason: &'static str) {
        for _ in 0..self.all(name).len() {
            self.one(name, Verdict::Instead(reason));
        }
    }

    /// The next one of a name.
    pub(crate) fn one(&mut self, name: &str, verdict: Verdict) {
        self.verdicts.entry(name.to_owned()).or_default().push_back(verdict);
    }
}
