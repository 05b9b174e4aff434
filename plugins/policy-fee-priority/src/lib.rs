//! The policy `fee-priority`: the transactions that pay most, as far as their
//! senders' balances allow, at most one per sender and nonce.

#![deny(unsafe_code)]

use std::collections::HashMap;

use serde::Deserialize;
use spacetime_sdk::{
    BlockContext, Candidate, Policy, Result, Schema, Selection, protocol::Identity,
};

#[derive(Default, Deserialize, Schema)]
#[serde(default)]
struct Config {
    /// Transactions that pay less are left out.
    #[schema(default = 0)]
    min_fee: u64,
    /// Transactions per block; what the host allows if `None`.
    #[schema(default = None)]
    max_transactions: Option<usize>,
}

struct FeePriority {
    config: Config,
}

/// What a sender can still do within the block.
struct Sender {
    balance: u64,
    nonce: u64,
}

impl Policy for FeePriority {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        Ok(Self { config })
    }

    fn select(&mut self, block: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        let limit = self.config.max_transactions.unwrap_or(usize::MAX).min(block.max_transactions);
        Ok(Selection::Include(choose(candidates, self.config.min_fee, limit)))
    }
}

/// Fee descending, ties by hash; a sender's transactions in nonce order. A
/// transaction whose turn has not come is looked at again whenever one of its
/// sender's was taken.
fn choose(candidates: &[Candidate], min_fee: u64, limit: usize) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..candidates.len()).filter(|at| candidates[*at].fee >= min_fee).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(candidates[*at].fee), candidates[*at].hash));
    let mut senders: HashMap<Identity, Sender> = HashMap::new();
    let mut waiting: HashMap<Identity, Vec<usize>> = HashMap::new();
    let mut chosen = Vec::new();
    for at in order {
        let candidate = &candidates[at];
        let sender = senders
            .entry(candidate.sender)
            .or_insert(Sender { balance: candidate.sender_balance, nonce: candidate.sender_nonce });
        let held = waiting.entry(candidate.sender).or_default();
        if candidate.nonce > sender.nonce {
            held.push(at);
            continue;
        }
        let mut next = Some(at);
        while let Some(at) = next {
            if chosen.len() >= limit {
                return chosen;
            }
            if candidates[at].nonce == sender.nonce && pay(sender, &candidates[at]) {
                chosen.push(at);
            }
            // The best-paying one of those that were waiting for this; one that
            // cannot be paid makes room for the next.
            let position = held.iter().position(|at| candidates[*at].nonce == sender.nonce);
            next = position.map(|position| held.remove(position));
        }
    }
    chosen
}

/// Spends amount and fee, if the balance allows it and another nonce follows.
fn pay(sender: &mut Sender, candidate: &Candidate) -> bool {
    let cost = candidate.amount.checked_add(candidate.fee);
    let rest = cost.and_then(|cost| sender.balance.checked_sub(cost));
    match rest.zip(sender.nonce.checked_add(1)) {
        Some((rest, next)) => {
            (sender.balance, sender.nonce) = (rest, next);
            true
        }
        None => false,
    }
}

spacetime_sdk::export_plugin! {
    policy "fee-priority": FeePriority,
        "The transactions that pay most";
}
