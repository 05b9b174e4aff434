//! Who has found how many shares.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use super::share::{Found, Refusal};
use crate::wire::Outcome;

/// Workers that are remembered; a pool's server would have them registered.
const WORKERS: usize = 10_000;

/// What became of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub worker: String,
    /// The job that it was for.
    pub job: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, if it does not count.
    pub reason: String,
    /// How many shares of the worker count by now.
    pub shares: u64,
}

pub(crate) struct Ledger {
    told: Box<dyn Fn(&Entry) + Send + Sync>,
    accounts: Mutex<Accounts>,
}

#[derive(Default)]
struct Accounts {
    shares: HashMap<String, u64>,
    /// The leaves that were shown for the newest job.
    job: u64,
    found: HashSet<Found>,
}

impl Ledger {
    pub(crate) fn new(told: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        Self { told: Box::new(told), accounts: Mutex::default() }
    }

    /// Enters a share that was checked; what to answer.
    pub(crate) fn enter(
        &self,
        worker: &str,
        job: u64,
        checked: Result<Found, Refusal>,
    ) -> (Outcome, String) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = checked.and_then(|found| accounts.count(worker, job, found));
        let (outcome, reason) = match counted {
            Ok(()) => (Outcome::Accepted, String::new()),
            Err(Refusal::Stale) => (Outcome::Stale, "the job is over".to_owned()),
            Err(Refusal::Wrong(reason)) => (Outcome::Rejected, reason.to_owned()),
        };
        let shares = accounts.shares.get(worker).copied().unwrap_or(0);
        drop(accounts);
        let reason_told = reason.clone();
        (self.told)(&Entry {
            worker: worker.to_owned(),
            job,
            outcome,
            reason: reason_told,
            shares,
        });
        (outcome, reason)
    }
}

impl Accounts {
    fn count(&mut self, worker: &str, job: u64, found: Found) -> Result<(), Refusal> {
        if job > self.job {
            self.job = job;
            self.found.clear();
        }
        if !self.shares.contains_key(worker) && self.shares.len() == WORKERS {
            return Err(Refusal::Wrong("the pool is full"));
        }
        if !self.found.insert(found) {
            return Err(Refusal::Wrong("the leaf has been shown before"));
        }
        *self.shares.entry(worker.to_owned()).or_default() += 1;
        Ok(())
    }
}
