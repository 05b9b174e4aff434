//! The policy `patrons`: the transactions of some people first, whatever they
//! pay; then those of everybody else who pays enough, the best fees first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use spacetime_sdk::{
    BlockContext, Candidate, Error, Policy, Result, Schema, Selection, protocol::Identity,
    serde::Deserialize, tracing,
};

/// What the manifest may say: `config: (patrons: ["ed11…"], min_fee: 1)`.
#[derive(Default, Deserialize, Schema)]
#[serde(crate = "spacetime_sdk::serde", default)]
struct Config {
    /// Identities, as `key show` shows them.
    patrons: Vec<String>,
    /// What others must pay.
    #[schema(default = 0)]
    min_fee: u64,
}

struct Patrons {
    patrons: HashSet<Identity>,
    min_fee: u64,
}

impl Policy for Patrons {
    type Config = Config;

    // Text becomes what it means once, here, and never at a time when a block
    // waits for it.
    fn open(config: Config) -> Result<Self> {
        let mut patrons = HashSet::new();
        for (position, patron) in config.patrons.iter().enumerate() {
            let identity = patron.parse::<Identity>().map_err(|error| {
                let must = format!("must be an identity, as `key show` shows it: {error}");
                Error::field(&format!("patrons[{position}]"), must)
            })?;
            patrons.insert(identity);
        }
        Ok(Self { patrons, min_fee: config.min_fee })
    }

    fn select(&mut self, block: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        let mut senders: HashMap<Identity, Sender> = HashMap::new();
        for (position, candidate) in candidates.iter().enumerate() {
            if self.patrons.contains(&candidate.sender) || candidate.fee >= self.min_fee {
                let sender = senders.entry(candidate.sender);
                sender.or_insert_with(|| Sender::new(candidate)).waiting.push(position);
            }
        }
        // Each sender's next transaction; taking one brings its successor.
        let mut heads = BinaryHeap::new();
        let rank = |position: usize| {
            let Candidate { sender, fee, .. } = candidates[position];
            (self.patrons.contains(&sender), fee, Reverse(position))
        };
        for sender in senders.values_mut() {
            sender.sort(candidates);
            heads.extend(sender.next(candidates).map(rank));
        }
        let mut chosen = Vec::new();
        while chosen.len() < block.max_transactions
            && let Some((_, _, Reverse(position))) = heads.pop()
        {
            chosen.push(position);
            let sender = senders.get_mut(&candidates[position].sender);
            heads.extend(sender.and_then(|sender| sender.next(candidates)).map(rank));
        }
        tracing::debug!("{} of {} transactions", chosen.len(), candidates.len());
        Ok(Selection::Include(chosen))
    }
}

/// What a sender can still do within the block.
struct Sender {
    balance: u64,
    nonce: u64,
    /// Positions of its transactions, the next one last.
    waiting: Vec<usize>,
}

impl Sender {
    fn new(candidate: &Candidate) -> Self {
        let Candidate { sender_balance, sender_nonce, .. } = *candidate;
        Self { balance: sender_balance, nonce: sender_nonce, waiting: Vec::new() }
    }

    /// By nonce; of several with one nonce, the best fee comes first.
    fn sort(&mut self, candidates: &[Candidate]) {
        self.waiting.sort_by_key(|position| {
            let candidate = &candidates[*position];
            (Reverse(candidate.nonce), candidate.fee)
        });
    }

    /// The next one that is valid after those that were taken. The miner would
    /// leave out what is not, but then the place in the block would be lost.
    fn next(&mut self, candidates: &[Candidate]) -> Option<usize> {
        while let Some(position) = self.waiting.pop() {
            let candidate = &candidates[position];
            let cost = candidate.amount.checked_add(candidate.fee);
            let rest = cost.and_then(|cost| self.balance.checked_sub(cost));
            // No transaction can follow on the highest nonce.
            let next = self.nonce.checked_add(1).filter(|_| candidate.nonce == self.nonce);
            if let Some((rest, next)) = rest.zip(next) {
                (self.balance, self.nonce) = (rest, next);
                return Some(position);
            }
        }
        None
    }
}

spacetime_sdk::export_plugin! {
    policy "patrons": Patrons, "Some people's transactions first, then those that pay best";
}
