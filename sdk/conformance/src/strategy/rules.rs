//! The rules for strategies.

use spacetime_sdk_loader::Kind;

use super::{extremes, plans, together};
use crate::rule::Rule;

const STRATEGY: Option<Kind> = Some(Kind::Strategy);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "STR-001",
        name: "every span lies inside its plot",
        requires: "Spans hold at least one leaf and none outside the plot.",
        why: "The host refuses the whole plan otherwise, and scans the plot by its own.",
        limit: Some(
            "From leaf 0 to leaf `leaf_count` - 1. Of a plot of 1000 leaves, `push(936, 64)` is \
             the last span of 64 leaves; `push(937, 64)` is one leaf too long.",
        ),
        mend: "Cut the last span: `len.min(leaf_count - start)`.",
        kind: STRATEGY,
        test: Some(plans::inside),
    },
    Rule {
        id: "STR-002",
        name: "ordinary jobs and plots are planned without an error",
        requires: "Calls succeed for jobs and plots as miners have them.",
        why: "An error makes the host scan by its own plan.",
        limit: None,
        mend: "Plan in some way where there is no better one, such as while rates are 0 because \
               nothing was measured yet; errors are for what cannot be helped.",
        kind: STRATEGY,
        test: Some(plans::succeeds),
    },
    Rule {
        id: "STR-003",
        name: "no leaf is planned twice, unless that is declared",
        requires: "A plan holds each leaf once at most; a strategy that means to look again says \
                   so with `Strategy::MAY_REPEAT`.",
        why: "Another look at a leaf cannot win.",
        limit: None,
        mend: "Begin each span where the one before it ended: `next += len`. If leaves are drawn \
               with replacement on purpose, set `const MAY_REPEAT: bool = true`.",
        kind: STRATEGY,
        test: Some(plans::once),
    },
    Rule {
        id: "STR-004",
        name: "every plan comes to its end",
        requires: "A plan says that it is done, and plans something on its way there.",
        why: "The host gives up on it otherwise.",
        limit: Some(
            "Before it has planned 16 times the plot's leaves; at most 1000 calls in a row plan \
             nothing. Of a plot of 1000 leaves, more than 16,000 leaves are no plan.",
        ),
        mend: "Return `Plan::Done` once all is planned, also when the plot has no leaf left for \
               you, and `Plan::More` only when spans are to follow.",
        kind: STRATEGY,
        test: Some(plans::ends),
    },
    Rule {
        id: "STR-005",
        name: "a plan that is done stays done",
        requires: "Once `plan` has said `Plan::Done`, it plans nothing and says so again until \
                   the next `begin`.",
        why: "What a plan says behind its end would be scanned for another one.",
        limit: None,
        mend: "Keep the position where it is at the end; start over in `begin` only.",
        kind: STRATEGY,
        test: Some(plans::stays_done),
    },
    Rule {
        id: "STR-006",
        name: "the same job and plot give the same plan",
        requires: "Two new instances that are told the same plan the same, to the span.",
        why: "Results can be looked into by replaying them.",
        limit: None,
        mend: "Take chance from `Job::seed`, not from a random generator of the system, the \
               time, an address or the order of a `HashMap`.",
        kind: STRATEGY,
        test: Some(plans::deterministic),
    },
    Rule {
        id: "STR-007",
        name: "begin starts over, whatever was going on",
        requires: "After `begin`, also in the middle of a plan or after a finished one, an \
                   instance plans what a new one would.",
        why: "The host takes any idle instance for any plot.",
        limit: None,
        mend: "Set every field that `plan` uses in `begin`, and let what `feedback` has taught end \
               with its job.",
        kind: STRATEGY,
        test: Some(plans::starts_over),
    },
    Rule {
        id: "STR-008",
        name: "the estimate is what a whole plan covers",
        requires: "`estimate` says how many leaves a whole plan of the plot holds, before and \
                   after it.",
        why: "Progress is measured against it.",
        limit: None,
        mend: "Count what `plan` would plan, by the same arithmetic. Without an `estimate` of \
               your own it is all leaves of the plot: write one if the plan leaves some out.",
        kind: STRATEGY,
        test: Some(plans::estimates),
    },
    Rule {
        id: "STR-009",
        name: "feedback may hold any numbers",
        requires: "Rates, times and counts of 0 and of 2^64 - 1 are survived.",
        why: "Drives stall, clocks are coarse, and caches are fast.",
        limit: Some(
            "From 0 to 2^64 - 1. `bytes / elapsed.as_nanos()` panics at an elapsed time of 0; \
             `leaves * 32` overflows at 2^64 - 1.",
        ),
        mend: "Use `checked_div`, `saturating_mul` and floating-point numbers for rates, and \
               take no feedback into account that makes no sense.",
        kind: STRATEGY,
        test: Some(extremes::feedback),
    },
    Rule {
        id: "STR-010",
        name: "each plot gets one turn at most",
        requires: "`arrange` gives turns to plots of the list only, one to each at the most.",
        why: "The host scans all plots as listed otherwise.",
        limit: Some("Lists have up to 5000 plots here, and may be longer."),
        mend: "Push a turn per plot that is to be scanned, each with its own plot from the list; \
               two new instances arrange the same list in the same way.",
        kind: STRATEGY,
        test: Some(together::arranges),
    },
    Rule {
        id: "STR-011",
        name: "plots of any small size are planned",
        requires: "Plots of a single leaf, of fewer leaves than a batch, and of odd numbers of \
                   leaves are planned like others.",
        why: "Plots for tests are small, and the last part of a plot may be.",
        limit: Some(
            "From 1 leaf on. `leaf_count / 64` is 0 for a plot of 63 leaves, and nothing can be \
             divided by it.",
        ),
        mend: "Round up (`div_ceil`), or take 1 for 0 (`max(1)`), and cut the last span.",
        kind: STRATEGY,
        test: Some(extremes::small_plots),
    },
    Rule {
        id: "STR-012",
        name: "plots of 2^40 leaves and more are planned",
        requires: "Plots are planned call by call, without overflow and without a table of all \
                   leaves.",
        why: "Plots grow, and what overflows plans the wrong leaves.",
        limit: Some(
            "Up to 2^63 - 1 leaves, and 1 s per call as for others. A list with an entry for \
             each leaf of a plot of 2^40 has a tebibyte and more.",
        ),
        mend: "Count leaves in `u64`, multiply by `checked_mul` or in `u128`, and work out spans \
               as they are asked for.",
        kind: STRATEGY,
        test: Some(extremes::huge_plots),
    },
    Rule {
        id: "STR-013",
        name: "jobs and plots may hold any numbers",
        requires: "Any target, height, seed, rate and drive number is survived.",
        why: "They come from the chain and from measurements.",
        limit: Some(
            "From 0 to 2^64 - 1. `self.drives[plot.drive]` panics at drive 1000 of a table of \
             1000; a `HashMap` does not.",
        ),
        mend: "Look up by `get` or in a map, and calculate by `checked_`, `saturating_` or \
               `wrapping_` methods.",
        kind: STRATEGY,
        test: Some(extremes::numbers),
    },
    Rule {
        id: "STR-014",
        name: "a job whose time is over is planned",
        requires: "A deadline that has passed, or is a millisecond away, is no error.",
        why: "Jobs may begin late.",
        limit: Some(
            "From a deadline before `Job::started` on. \
             `deadline.duration_since(started).unwrap()` panics there.",
        ),
        mend: "Take no time for what is left then (`unwrap_or_default`), and plan little, or \
               nothing and `Plan::Done`.",
        kind: STRATEGY,
        test: Some(extremes::late),
    },
    Rule {
        id: "STR-015",
        name: "calls return promptly once the job is over",
        requires: "A call that is made when the job is over, or under way then, returns promptly.",
        why: "The next challenge waits for the thread.",
        limit: Some(
            "250 ms. A loop over 2^40 leaves that asks `spans.is_cancelled()` every few thousand \
             steps and returns then is in time.",
        ),
        mend: "Ask `Spans::is_cancelled` in long loops, and do little per call.",
        kind: STRATEGY,
        test: Some(extremes::cancelled),
    },
    Rule {
        id: "STR-016",
        name: "budgets and stop rules are kept to",
        requires: "A job that may end early is never planned further than one that may not, \
                   whatever its budget; the host ends it when the budget is used up.",
        why: "A budget is an end, not an order.",
        limit: Some(
            "With a budget of 2^64 - 1 leaves, no more is planned of a plot than without one.",
        ),
        mend: "Plan the same, whatever `Job::stop` says, or less: never more than the plot's \
               leaves because of it.",
        kind: STRATEGY,
        test: Some(extremes::stop_rules),
    },
    Rule {
        id: "STR-017",
        name: "the same leaves are planned whatever the buffer's size",
        requires: "A span that `Spans::push` did not take is pushed again in the next call.",
        why: "The host's buffers are not all of one size, and what is dropped is never scanned.",
        limit: Some(
            "Buffers have room for 256 to 4,096 spans. After `push` has said `false`, the same \
             span is the first one of the next call.",
        ),
        mend: "Move on only when `push` has said `true`: `if !spans.push(start, len) { return \
               Ok(Plan::More) }`, and `next += len` after that.",
        kind: STRATEGY,
        test: Some(plans::any_buffer),
    },
    Rule {
        id: "STR-018",
        name: "instances do not know of each other",
        requires: "What an instance plans does not depend on others that plan at the same time.",
        why: "There is one per plot under scan.",
        limit: None,
        mend: "Keep positions in `self`, not in statics or thread-locals.",
        kind: STRATEGY,
        test: Some(together::apart),
    },
    Rule {
        id: "STR-019",
        name: "an instance works on any thread",
        requires: "An instance is called from one thread after another.",
        why: "Readers come and go.",
        limit: None,
        mend: "Keep positions in `self`, not in thread-locals, and no handle that works on its \
               own thread only.",
        kind: STRATEGY,
        test: Some(together::on_any_thread),
    },
    Rule {
        id: "STR-020",
        name: "it does not grow with the jobs that it has planned",
        requires: "Memory does not grow over 100,000 jobs.",
        why: "A challenge comes every few seconds, for months.",
        limit: Some(
            "1 MiB over the second half of 100,000 jobs (or --jobs), twice in a row: 24 bytes \
             per job are found, a kilobyte per job with --jobs 2000.",
        ),
        mend: "Clear in `begin` what is kept of a job, give caches and histories an end, and use \
               few names of counters.",
        kind: STRATEGY,
        test: Some(together::no_growth),
    },
];

#[cfg(test)]
mod tests {
    use crate::{rule::rule, strategy::CALL_LIMIT};

    #[test]
    fn limits_are_told_as_they_are_tested() {
        let told = |id: &str| rule(id).unwrap().limit.unwrap();
        let calls = format!("{} s for each of a strategy's calls", CALL_LIMIT.as_secs());
        assert!(told("ANY-003").contains(&calls), "{}", told("ANY-003"));
        let prompt = format!("{} ms", super::extremes::PROMPT.as_millis());
        assert!(told("STR-015").starts_with(&prompt), "{}", told("STR-015"));
    }
}
