//! The rules for policies.

use spacetime_sdk_loader::Kind;

use super::lists;
use crate::rule::Rule;

const POLICY: Option<Kind> = Some(Kind::Policy);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "POL-001",
        name: "it chooses candidates that are there, each once",
        requires: "A selection holds positions of the list, none of them twice.",
        why: "The host builds an empty block otherwise.",
        limit: Some("From 0 to one less than the list's length. Of 5 candidates, 5 is not there."),
        mend: "Choose from `candidates.iter().enumerate()`, and put no position into the \
               selection twice.",
        kind: POLICY,
        test: Some(lists::ordinary),
    },
    Rule {
        id: "POL-002",
        name: "ordinary lists are chosen from without an error",
        requires: "Candidates as nodes have them give a selection or a veto.",
        why: "An error makes the host build an empty block, and its fees are lost.",
        limit: None,
        mend: "Leave out what the policy has no opinion on, and keep errors for what cannot be \
               helped.",
        kind: POLICY,
        test: Some(lists::ordinary),
    },
    Rule {
        id: "POL-003",
        name: "no more is chosen than the block can take",
        requires: "A selection holds `BlockContext::max_transactions` at the most.",
        why: "What is beyond is dropped by the host, whatever it pays.",
        limit: Some(
            "`max_transactions`, which may be 0 and is 1,000 in most blocks. With room for 2, a \
             selection of the dearest 2 is in order, one of 3 is not.",
        ),
        mend: "End the selection by `take`, or `truncate` it, after sorting.",
        kind: POLICY,
        test: Some(lists::limits),
    },
    Rule {
        id: "POL-004",
        name: "the same block and candidates give the same selection",
        requires: "Two new instances that are told the same choose the same.",
        why: "What was built can be looked into by replaying it.",
        limit: None,
        mend: "Sort by something that no two candidates share at the end, such as the hash, and \
               do not go through a `HashMap` in its own order.",
        kind: POLICY,
        test: Some(lists::deterministic),
    },
    Rule {
        id: "POL-005",
        name: "a list without candidates is chosen from",
        requires: "An empty list gives an empty selection, or a veto.",
        why: "Most blocks have no transactions.",
        limit: Some(
            "From 0 candidates on. `candidates[0]` and an average over none of them panic.",
        ),
        mend: "Use `first`, `iter().max()` and the like, and return an empty selection.",
        kind: POLICY,
        test: Some(lists::empty),
    },
    Rule {
        id: "POL-006",
        name: "10,000 candidates are chosen from in time",
        requires: "A selection from 10,000 candidates, of many senders or of one, comes in time.",
        why: "The host builds an empty block otherwise.",
        limit: Some(
            "500 ms. Sorting 10,000 candidates takes a few milliseconds; looking at all others \
             for each of them is 100 million steps, and late.",
        ),
        mend: "Sort once, or keep senders in a map; ask no file and no network in `select`.",
        kind: POLICY,
        test: Some(lists::many),
    },
    Rule {
        id: "POL-007",
        name: "candidates may hold any numbers",
        requires: "Amounts, fees, nonces, balances and sizes of 0 and of 2^64 - 1 are survived.",
        why: "Whoever sends a transaction chooses them.",
        limit: Some(
            "From 0 to 2^64 - 1. `amount + fee` overflows at 2^64 - 1, and `fee / size` panics \
             at a size of 0.",
        ),
        mend: "Use `saturating_add`, `checked_div` or `u128`.",
        kind: POLICY,
        test: Some(lists::numbers),
    },
    Rule {
        id: "POL-008",
        name: "lists may hold anything",
        requires: "The same transaction twice, sequences with gaps, payments to oneself and \
                   unordered fees are survived.",
        why: "Nodes have different rules for what is pending.",
        limit: None,
        mend: "Rely on no order, and on nothing that two candidates have in common: the host \
               checks what is chosen.",
        kind: POLICY,
        test: Some(lists::odd),
    },
    Rule {
        id: "POL-009",
        name: "a veto has a reason",
        requires: "A veto says in a sentence why the block is not wanted.",
        why: "It costs a win, and somebody will ask.",
        limit: Some(
            "From 1 to 4,096 bytes, without control characters. \"the block pays less than \
             min_fee\" is one; an empty text is none.",
        ),
        mend: "Give `Selection::Veto` a sentence that names what was wanted.",
        kind: POLICY,
        test: Some(lists::vetoes),
    },
    Rule {
        id: "POL-010",
        name: "it does not grow with the blocks that it has chosen for",
        requires: "Memory does not grow over 100,000 selections.",
        why: "A block is to be chosen for every few seconds, for months.",
        limit: Some(
            "1 MiB over the second half of 100,000 selections (or --jobs), twice in a row: 24 \
             bytes per selection are found, a kilobyte per selection with --jobs 2000.",
        ),
        mend: "Give what is remembered of earlier blocks an end, and use few names of counters.",
        kind: POLICY,
        test: Some(lists::no_growth),
    },
    Rule {
        id: "POL-011",
        name: "a sender's transactions are chosen in turn, without a gap",
        requires: "Of each sender, a selection holds transactions in the order of their nonces, \
                   from `Candidate::sender_nonce` on: a policy that leaves one out leaves out \
                   its sender's later ones, too.",
        why: "The network refuses a block with a gap, so the host drops what comes after one, \
              and its place and fee are lost.",
        limit: None,
        mend: "Remember per sender which nonce is next, and leave out whatever has another one.",
        kind: POLICY,
        test: Some(lists::in_turn),
    },
];

#[cfg(test)]
mod tests {
    use crate::{policy::SELECT_LIMIT, rule::rule};

    #[test]
    fn limits_are_told_as_they_are_tested() {
        let select = format!("{} ms", SELECT_LIMIT.as_millis());
        let told = |id: &str| rule(id).unwrap().limit.unwrap();
        assert!(told("ANY-003").contains(&format!("{select} for `select`")), "{}", told("ANY-003"));
        assert!(told("POL-006").starts_with(&select), "{}", told("POL-006"));
    }
}
