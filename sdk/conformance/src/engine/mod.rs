//! What is asked of engines.

mod batches;
mod scorer;
mod times;

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::{Engine, Kind};

use self::scorer::{SCAN_LIMIT, shown};
use crate::{
    oracle::{leaves, lowest},
    probe::{Blame, Judged, Probe},
    rule::Rule,
};

const ENGINE: Option<Kind> = Some(Kind::Engine);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "ENG-001",
        name: "it finds the leaf with the lowest score",
        requires: "The answer is the leaf with the lowest `SHA-256(challenge, leaf)` of the \
                   batch, and that score: what an engine overlooks is never won.",
        kind: ENGINE,
        test: Some(batches::lowest_score),
    },
    Rule {
        id: "ENG-002",
        name: "only scores strictly under the bound count",
        requires: "A score that equals the bound is not under it, and nothing is under zero: \
                   claims over the bound, or of leaves outside the batch, are refused.",
        kind: ENGINE,
        test: Some(batches::bounds),
    },
    Rule {
        id: "ENG-003",
        name: "of equal scores the first counts",
        requires: "Where leaves are equal, the answer is the one at the lowest position: all \
                   engines must agree with the host's kernels.",
        kind: ENGINE,
        test: Some(batches::ties),
    },
    Rule {
        id: "ENG-004",
        name: "batches of any length are scored",
        requires: "No leaf, one leaf and odd numbers of leaves are batches like others: a \
                   plot's last one has what is left.",
        kind: ENGINE,
        test: Some(batches::lengths),
    },
    Rule {
        id: "ENG-005",
        name: "leaves may lie at any address",
        requires: "Batches are slices of the host's buffers and are not aligned to anything.",
        kind: ENGINE,
        test: Some(batches::unaligned),
    },
    Rule {
        id: "ENG-006",
        name: "a cancelled scan returns promptly, and claims nothing false",
        requires: "The flag is looked at once per megabyte or so; after that the answer is \
                   none, or the right one.",
        kind: ENGINE,
        test: Some(times::cancelled),
    },
    Rule {
        id: "ENG-007",
        name: "many threads scan with one instance",
        requires: "One instance serves all hashing threads of the host at once.",
        kind: ENGINE,
        test: Some(times::many_threads),
    },
    Rule {
        id: "ENG-008",
        name: "a batch does not depend on those before it",
        requires: "The same batch gives the same answer, whatever was scanned before.",
        kind: ENGINE,
        test: Some(batches::independent),
    },
    Rule {
        id: "ENG-009",
        name: "it does not grow with the batches that it has scanned",
        requires: "Memory does not grow over 100,000 batches: there are thousands per second.",
        kind: ENGINE,
        test: Some(times::no_growth),
    },
];

/// Lets an engine score a little.
pub(crate) fn use_once(probe: &Probe, engine: &Engine, blame: Blame) -> Judged {
    let (batch, challenge, bound) = (leaves(33), [5; 32], [0xFF; 32]);
    probe.with("33 leaves, without a bound");
    let blame = Blame { breach: "ENG-002", ..blame };
    let cancel = AtomicBool::new(false);
    let scan = || engine.scan(&challenge, &batch, &bound, &cancel);
    let found = probe.call("scan", SCAN_LIMIT, scan).map_err(|fault| probe.fault(&fault, blame))?;
    let expected = lowest(&challenge, &batch, &bound);
    if found != expected {
        let (found, expected) = (shown(found), shown(expected));
        let seen = format_args!("it finds {found} of 33 leaves, where {expected} is the lowest");
        return Err(probe.broken("ENG-001", seen));
    }
    Ok(())
}
