//! Blocks and pending transactions: as nodes have them.

use std::cmp::Reverse;

use fastrand::Rng;
use spacetime_sdk_loader::abi::{Candidate, PolicyContext};

/// A block like many, with room for so many transactions.
pub(super) fn a_context(random: &mut Rng, max_transactions: u64) -> PolicyContext {
    let mut parent = [0; 32];
    random.fill(&mut parent);
    PolicyContext {
        parent,
        height: random.u64(1..1 << 20),
        epoch: random.u64(1..1 << 20),
        difficulty: random.u64(1..1 << 30),
        score: [1; 32],
        miner: identity(random.u8(..)),
        max_transactions,
        reserved: [0; 8],
    }
}

/// The identity of one of 256 people.
pub(super) fn identity(number: u8) -> [u8; 33] {
    let mut identity = [number; 33];
    identity[0] = 0xED;
    identity
}

/// So many transactions of a few senders, as nodes tell them: best fee first,
/// each after its sender's earlier ones.
pub(super) fn some(random: &mut Rng, count: usize) -> Vec<Candidate> {
    let senders = (count / 3).clamp(1, 250) as u8;
    let (mut sent, mut least) = ([0_u64; 256], [u64::MAX; 256]);
    let mut ranked: Vec<_> = (0..count)
        .map(|_| {
            let sender = random.u8(0..senders);
            let (nonce, least) = (&mut sent[usize::from(sender)], &mut least[usize::from(sender)]);
            let candidate = a_candidate(random, identity(sender), *nonce);
            // None comes before an earlier one of its sender that pays less.
            *least = candidate.fee.min(*least);
            let rank = (Reverse(*least), sender, *nonce);
            *nonce += 1;
            (rank, candidate)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// An amount: small or large, as people pay them.
fn an_amount(random: &mut Rng) -> u64 {
    let most = 1 << random.u32(0..20);
    random.u64(0..most)
}

/// A transaction of a sender who owns enough.
pub(super) fn a_candidate(random: &mut Rng, sender: [u8; 33], nonce: u64) -> Candidate {
    let mut hash = [0; 32];
    random.fill(&mut hash);
    Candidate {
        hash,
        sender,
        recipient: identity(random.u8(..)),
        amount: 1 + an_amount(random),
        fee: an_amount(random),
        nonce: 7 + nonce,
        size: 155,
        sender_balance: 1 << 40,
        sender_nonce: 7,
        reserved: [0; 2],
    }
}
