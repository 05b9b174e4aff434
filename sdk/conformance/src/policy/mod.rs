//! What is asked of policies.

mod candidates;
mod chooser;
mod lists;

use spacetime_sdk_loader::{Kind, Policy};

use self::{
    candidates::{a_context, some},
    chooser::SELECT_LIMIT,
};
use crate::{
    probe::{Blame, Judged, Probe},
    rule::Rule,
};

const POLICY: Option<Kind> = Some(Kind::Policy);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "POL-001",
        name: "it chooses candidates that are there, each once",
        requires: "A selection holds positions of the list, none of them twice: the host builds \
                   an empty block otherwise.",
        kind: POLICY,
        test: Some(lists::ordinary),
    },
    Rule {
        id: "POL-002",
        name: "ordinary lists are chosen from without an error",
        requires: "Candidates as nodes have them give a selection or a veto: an error makes the \
                   host build an empty block, and its fees are lost.",
        kind: POLICY,
        test: Some(lists::ordinary),
    },
    Rule {
        id: "POL-003",
        name: "no more is chosen than the block can take",
        requires: "A selection holds `BlockContext::max_transactions` at the most: what is \
                   beyond is dropped by the host, whatever it pays.",
        kind: POLICY,
        test: Some(lists::limits),
    },
    Rule {
        id: "POL-004",
        name: "the same block and candidates give the same selection",
        requires: "Two new instances that are told the same choose the same: what was built can \
                   be looked into by replaying it.",
        kind: POLICY,
        test: Some(lists::deterministic),
    },
    Rule {
        id: "POL-005",
        name: "a list without candidates is chosen from",
        requires: "Most blocks have no transactions: an empty list gives an empty selection, or \
                   a veto.",
        kind: POLICY,
        test: Some(lists::empty),
    },
    Rule {
        id: "POL-006",
        name: "10,000 candidates are chosen from in time",
        requires: "A selection from 10,000 candidates, of many senders or of one, comes within \
                   500 ms: the host builds an empty block otherwise.",
        kind: POLICY,
        test: Some(lists::many),
    },
    Rule {
        id: "POL-007",
        name: "candidates may hold any numbers",
        requires: "Amounts, fees, nonces, balances and sizes of 0 and of 2^64 - 1 are survived: \
                   whoever sends a transaction chooses them.",
        kind: POLICY,
        test: Some(lists::numbers),
    },
    Rule {
        id: "POL-008",
        name: "lists may hold anything",
        requires: "The same transaction twice, sequences with gaps, payments to oneself and \
                   unordered fees are survived: nodes have different rules for what is pending.",
        kind: POLICY,
        test: Some(lists::odd),
    },
    Rule {
        id: "POL-009",
        name: "a veto has a reason",
        requires: "A veto says in a sentence why the block is not wanted: it costs a win, and \
                   somebody will ask.",
        kind: POLICY,
        test: Some(lists::vetoes),
    },
    Rule {
        id: "POL-010",
        name: "it does not grow with the blocks that it has chosen for",
        requires: "Memory does not grow over 100,000 selections.",
        kind: POLICY,
        test: Some(lists::no_growth),
    },
    Rule {
        id: "POL-011",
        name: "a sender's transactions are chosen in turn, without a gap",
        requires: "Of each sender, a selection holds transactions in the order of their nonces, \
                   from `Candidate::sender_nonce` on: a policy that leaves one out leaves out \
                   its sender's later ones, too. The network refuses a block with a gap, so the \
                   host drops what comes after one, and its place and fee are lost.",
        kind: POLICY,
        test: Some(lists::in_turn),
    },
];

/// Lets a policy choose a little.
pub(crate) fn use_once(probe: &Probe, policy: &mut Policy, blame: Blame) -> Judged {
    let blame = Blame { breach: "POL-001", ..blame };
    let mut random = probe.random();
    let (context, candidates) = (a_context(&mut random, 3), some(&mut random, 5));
    probe.with("5 candidates, of which 3 have room");
    let select = || policy.select(&context, &candidates);
    let selected = probe.call("select", SELECT_LIMIT, select);
    selected.map(drop).map_err(|fault| probe.fault(&fault, blame))
}
