//! The policy as the miner sees it.

use spacetime_sdk_testing::{Plugin, Policy, abi::Candidate, block, candidate};

/// The kit's sender of number 7.
const SEVEN: &str = "070707070707070707070707070707070707070707070707070707070707070707";

fn open(plugin: &Plugin, config: &str) -> Policy {
    plugin.policy("patrons", config).unwrap()
}

fn select(policy: &mut Policy, room: u64, candidates: &[Candidate]) -> Vec<usize> {
    policy.select(&block(room), candidates).unwrap().unwrap()
}

#[test]
fn patrons_come_first_and_then_whoever_pays_best() {
    let plugin = Plugin::build();
    let mut policy = open(&plugin, &format!("(patrons: [{SEVEN:?}], min_fee: 2)"));
    // Sender, nonce, fee.
    let pending = [candidate(1, 0, 5), candidate(2, 0, 9), candidate(3, 0, 1), candidate(7, 0, 0)];
    assert_eq!(select(&mut policy, 10, &pending), [3, 1, 0]);
    assert_eq!(select(&mut policy, 2, &pending), [3, 1]);
    assert_eq!(select(&mut policy, 0, &pending), [] as [usize; 0]);
}

#[test]
fn a_senders_transactions_keep_their_order_and_gaps_end_it() {
    let plugin = Plugin::build();
    let mut policy = open(&plugin, "()");
    let pending = [candidate(1, 1, 9), candidate(2, 0, 5), candidate(1, 0, 2), candidate(1, 3, 9)];
    assert_eq!(select(&mut policy, 10, &pending), [1, 2, 0]);
    // One that was replaced counts with its best fee.
    let pending = [candidate(1, 0, 2), candidate(1, 0, 3), candidate(1, 1, 1)];
    assert_eq!(select(&mut policy, 10, &pending), [1, 2]);
}

#[test]
fn nobody_spends_more_than_he_has() {
    let plugin = Plugin::build();
    let mut policy = open(&plugin, "()");
    let paying = |nonce, amount| Candidate { amount, ..candidate(1, nonce, 1) };
    let pending = [paying(0, 990), paying(1, 9), paying(1, 8)];
    assert_eq!(select(&mut policy, 10, &pending), [0, 2], "of a thousand, 9 are left");
    assert_eq!(select(&mut policy, 10, &[paying(0, u64::MAX)]), [] as [usize; 0]);
}

#[test]
fn an_identity_that_is_none_is_refused_by_its_place() {
    let plugin = Plugin::build();
    let config = format!("(patrons: [{SEVEN:?}, \"seven\"])");
    let refused = plugin.policy("patrons", &config).err().unwrap();
    assert_eq!(refused.field, "patrons[1]");
    assert!(refused.message.contains("66 hexadecimal digits"), "{refused}");
}
