//! The rules for engines.

use spacetime_sdk_loader::Kind;

use super::{batches, times};
use crate::rule::Rule;

const ENGINE: Option<Kind> = Some(Kind::Engine);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "ENG-001",
        name: "it finds the leaf with the lowest score",
        requires: "The answer is the leaf with the lowest `SHA-256(challenge, leaf)` of the \
                   batch, and that score.",
        why: "What an engine overlooks is never won.",
        limit: None,
        mend: "Compare with `spacetime_sdk_testing::lowest` on small batches; look at the first \
               and the last leaf, at the order of bytes (scores are compared from the first byte \
               on), and at lanes that are left over at the end.",
        kind: ENGINE,
        test: Some(batches::lowest_score),
    },
    Rule {
        id: "ENG-002",
        name: "only scores strictly under the bound count",
        requires: "A score that equals the bound is not under it, and nothing is under zero; \
                   leaves outside the batch are none.",
        why: "Claims over the bound, or of leaves outside the batch, are refused.",
        limit: Some(
            "Strictly under. With the lowest score as the bound, the answer is none; with the \
             number after it, that leaf.",
        ),
        mend: "Compare by `<`, not `<=`, all 32 bytes, and leave lanes that are padding out.",
        kind: ENGINE,
        test: Some(batches::bounds),
    },
    Rule {
        id: "ENG-003",
        name: "of equal scores the first counts",
        requires: "Where leaves are equal, the answer is the one at the lowest position.",
        why: "All engines must agree with the host's kernels.",
        limit: None,
        mend: "Replace the best by what is strictly lower only, and at the end take the lowest \
               position of all lanes and threads that have the same score.",
        kind: ENGINE,
        test: Some(batches::ties),
    },
    Rule {
        id: "ENG-004",
        name: "batches of any length are scored",
        requires: "No leaf, one leaf and odd numbers of leaves are batches like others.",
        why: "A plot's last batch has what is left.",
        limit: Some(
            "From 0 leaves on. An engine of 16 lanes gets 17 leaves: one whole group, and one \
             leaf.",
        ),
        mend: "Score what is left over by itself, and answer none for an empty batch.",
        kind: ENGINE,
        test: Some(batches::lengths),
    },
    Rule {
        id: "ENG-005",
        name: "leaves may lie at any address",
        requires: "Batches are slices of the host's buffers, and are not aligned to anything.",
        why: "Leaves are handed on where they were read to, without a copy.",
        limit: Some(
            "Any byte's address. A cast of the slice to `&[u64]` fails, or reads slowly, at \
             every other one.",
        ),
        mend: "Read with `from_be_bytes`, `chunks_exact` or loads that need no alignment.",
        kind: ENGINE,
        test: Some(batches::unaligned),
    },
    Rule {
        id: "ENG-006",
        name: "a cancelled scan returns promptly, and claims nothing false",
        requires: "The flag is looked at once per megabyte or so; after that the answer is none, \
                   or the right one.",
        why: "The next challenge waits for the thread, and a wrong claim is refused.",
        limit: Some(
            "A quarter of what a whole scan of 24 MiB takes, or 20 ms if that is more. An engine \
             that looks at the flag after each MiB returns after a 24th.",
        ),
        mend: "Look at `cancel` between parts of a batch, and return what is sure by then, or \
               none.",
        kind: ENGINE,
        test: Some(times::cancelled),
    },
    Rule {
        id: "ENG-007",
        name: "many threads scan with one instance",
        requires: "One instance serves all hashing threads of the host at once.",
        why: "There is one engine, and a thread per core.",
        limit: None,
        mend: "Keep nothing of a scan in the instance: `scan` has `&self` for that. What must be \
               shared, such as a device, stands behind a lock together with its inputs.",
        kind: ENGINE,
        test: Some(times::many_threads),
    },
    Rule {
        id: "ENG-008",
        name: "a batch does not depend on those before it",
        requires: "The same batch gives the same answer, whatever was scanned before.",
        why: "The host does not tell which batches belong together.",
        limit: None,
        mend: "Work out anew in each call what depends on the challenge, the bound or the \
               leaves, or keep it by all of them.",
        kind: ENGINE,
        test: Some(batches::independent),
    },
    Rule {
        id: "ENG-009",
        name: "it does not grow with the batches that it has scanned",
        requires: "Memory does not grow over 100,000 batches.",
        why: "There are thousands per second.",
        limit: Some(
            "1 MiB over the second half of 100,000 batches (or --jobs), twice in a row: 24 bytes \
             per batch are found, a kilobyte per batch with --jobs 2000.",
        ),
        mend: "Give back buffers of a device at the end of each scan, or use them again, and use \
               few names of counters.",
        kind: ENGINE,
        test: Some(times::no_growth),
    },
];

#[cfg(test)]
mod tests {
    use crate::{engine::SCAN_LIMIT, rule::rule};

    #[test]
    fn limits_are_told_as_they_are_tested() {
        let told = rule("ANY-003").unwrap().limit.unwrap();
        let scan = format!("{} s per MiB of leaves for `scan`", SCAN_LIMIT.as_secs());
        assert!(told.contains(&scan), "{told}");
    }
}
