//! The policy `fee-priority` against its rules, said in the simplest way: the
//! best transaction that can be taken now, again and again.

use std::collections::HashMap;

use proptest::prelude::*;
use spacetime_sdk_loader::{
    Policy,
    abi::{Candidate, PolicyContext},
};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{load, request},
};

fn open(config: &str) -> Policy {
    let library = load(&plugin("spacetime-policy-fee-priority"));
    Policy::open(&library, &request("fee-priority", config)).unwrap()
}

fn choose(policy: &mut Policy, candidates: &[Candidate], max_transactions: u64) -> Vec<usize> {
    let context = PolicyContext {
        parent: [1; 32],
        height: 1,
        epoch: 1,
        difficulty: 1000,
        score: [0; 32],
        miner: [0xED; 33],
        max_transactions,
        reserved: [0; 8],
    };
    policy.select(&context, candidates).unwrap().unwrap()
}

/// Of a sender with 100, whose next nonce is 0.
fn candidate(sender: u8, nonce: u64, fee: u64, amount: u64, hash: u8) -> Candidate {
    Candidate {
        hash: [hash; 32],
        sender: [sender; 33],
        recipient: [9; 33],
        amount,
        fee,
        nonce,
        size: 155,
        sender_balance: 100,
        sender_nonce: 0,
        reserved: [0; 2],
    }
}

fn by_the_rules(candidates: &[Candidate], limit: usize) -> Vec<usize> {
    let mut chosen = Vec::new();
    let mut senders: HashMap<[u8; 33], (u64, u64)> = HashMap::new();
    while chosen.len() < limit {
        let can_be_taken = |at: &usize| {
            let candidate = &candidates[*at];
            let (balance, nonce) = senders.get(&candidate.sender).copied().unwrap_or((100, 0));
            candidate.nonce == nonce && candidate.amount + candidate.fee <= balance
        };
        let order = |at: &usize| (u64::MAX - candidates[*at].fee, candidates[*at].hash);
        let Some(best) = (0..candidates.len()).filter(can_be_taken).min_by_key(order) else {
            break;
        };
        let (balance, nonce) = senders.entry(candidates[best].sender).or_insert((100, 0));
        *balance -= candidates[best].amount + candidates[best].fee;
        *nonce += 1;
        chosen.push(best);
    }
    chosen
}

#[test]
fn fees_decide_then_hashes_then_a_senders_order() {
    let mut policy = open("()");
    let candidates = [
        candidate(1, 0, 5, 1, 8),
        candidate(2, 0, 5, 1, 7),
        candidate(3, 1, 9, 1, 1),
        candidate(3, 0, 2, 1, 2),
        candidate(4, 1, 9, 1, 3),
    ];
    // Nobody can pay for the last one's turn; the third waits for the fourth.
    assert_eq!(choose(&mut policy, &candidates, 10), [1, 0, 3, 2]);
    assert_eq!(choose(&mut policy, &candidates, 2), [1, 0]);
    assert_eq!(choose(&mut open("(min_fee: 3)"), &candidates, 10), [1, 0]);
    assert_eq!(choose(&mut open("(max_transactions: Some(1))"), &candidates, 10), [1]);
    assert_eq!(choose(&mut policy, &[], 10), [] as [usize; 0]);
}

#[test]
fn one_that_cannot_be_paid_does_not_stand_in_the_way_of_a_cheaper_one() {
    let candidates =
        [candidate(1, 1, 9, 95, 1), candidate(1, 1, 8, 1, 2), candidate(1, 0, 1, 10, 3)];
    assert_eq!(choose(&mut open("()"), &candidates, 10), [2, 1]);
}

#[test]
fn sums_that_do_not_fit_into_a_number_are_not_paid() {
    let candidates = [candidate(1, 0, u64::MAX, u64::MAX, 1), candidate(1, 0, 1, 1, 2)];
    assert_eq!(choose(&mut open("()"), &candidates, 10), [1]);
}

proptest! {
    #[test]
    fn it_chooses_what_the_rules_say(
        drawn in prop::collection::vec((0..4_u8, 0..4_u64, 0..12_u64, 0..60_u64), 0..24),
        limit in 0..12_u64,
    ) {
        // Positions as hashes: no two transactions are the same.
        let candidates: Vec<Candidate> = drawn
            .iter()
            .zip(1..)
            .map(|((sender, nonce, fee, amount), hash)| candidate(*sender, *nonce, *fee, *amount, hash))
            .collect();
        let expected = by_the_rules(&candidates, usize::try_from(limit).unwrap());
        prop_assert_eq!(choose(&mut open("()"), &candidates, limit), expected);
    }
}
