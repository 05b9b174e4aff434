//! Blocks and pending transactions: as nodes have them.

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

/// So many transactions of a few senders each with a sequence of their own,
/// best fee first.
pub(super) fn some(random: &mut Rng, count: usize) -> Vec<Candidate> {
    let senders = (count / 3).clamp(1, 250) as u8;
    let mut sent = [0_u64; 256];
    let mut candidates: Vec<Candidate> = (0..count)
        .map(|_| {
            let sender = random.u8(0..senders);
            let nonce = sent[usize::from(sender)];
            sent[usize::from(sender)] += 1;
            a_candidate(random, identity(sender), nonce)
        })
        .collect();
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.fee));
    candidates
}

/// A transaction of a sender who owns enough.
pub(super) fn a_candidate(random: &mut Rng, sender: [u8; 33], nonce: u64) -> Candidate {
    let mut hash = [0; 32];
    random.fill(&mut hash);
    Candidate {
        hash,
        sender,
        recipient: identity(random.u8(..)),
        amount: random.u64(1..1000),
        fee: random.u64(0..100),
        nonce: 7 + nonce,
        size: 155,
        sender_balance: 1 << 40,
        sender_nonce: 7,
        reserved: [0; 2],
    }
}
