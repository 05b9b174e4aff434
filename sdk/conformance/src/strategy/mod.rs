//! What is asked of strategies.

mod extremes;
mod inputs;
mod planner;
mod plans;
mod together;

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::{Kind, Strategy, abi::Span};

use self::planner::CALL_LIMIT;
use crate::{
    probe::{Blame, Judged, Probe},
    rule::Rule,
    sample::{job, plot},
};

const STRATEGY: Option<Kind> = Some(Kind::Strategy);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "STR-001",
        name: "every span lies inside its plot",
        requires: "Spans hold at least one leaf and none outside the plot: the host refuses \
                   the whole plan otherwise, and scans the plot by its own.",
        kind: STRATEGY,
        test: Some(plans::inside),
    },
    Rule {
        id: "STR-002",
        name: "ordinary jobs and plots are planned without an error",
        requires: "Calls succeed for jobs and plots as miners have them: an error makes the \
                   host scan by its own plan.",
        kind: STRATEGY,
        test: Some(plans::succeeds),
    },
    Rule {
        id: "STR-003",
        name: "no leaf is planned twice, unless that is declared",
        requires: "A plan holds each leaf once at most, as another look at it cannot win; a \
                   strategy that means to look again says so with `Strategy::MAY_REPEAT`.",
        kind: STRATEGY,
        test: Some(plans::once),
    },
    Rule {
        id: "STR-004",
        name: "every plan comes to its end",
        requires: "A plan says that it is done before it has planned 16 times the plot's \
                   leaves, and plans something at least every 1000 calls: the host gives up on \
                   it otherwise.",
        kind: STRATEGY,
        test: Some(plans::ends),
    },
    Rule {
        id: "STR-005",
        name: "a plan that is done stays done",
        requires: "Once `plan` has said `Plan::Done`, it plans nothing and says so again until \
                   the next `begin`.",
        kind: STRATEGY,
        test: Some(plans::stays_done),
    },
    Rule {
        id: "STR-006",
        name: "the same job and plot give the same plan",
        requires: "Two new instances that are told the same plan the same, to the span: chance \
                   comes from `Job::seed`, and results can be looked into by replaying them.",
        kind: STRATEGY,
        test: Some(plans::deterministic),
    },
    Rule {
        id: "STR-007",
        name: "begin starts over, whatever was going on",
        requires: "After `begin`, also in the middle of a plan or after a finished one, an \
                   instance plans what a new one would: the host takes any idle instance for \
                   any plot.",
        kind: STRATEGY,
        test: Some(plans::starts_over),
    },
    Rule {
        id: "STR-008",
        name: "the estimate is what a whole plan covers",
        requires: "`estimate` says how many leaves a whole plan of the plot holds: progress is \
                   measured against it.",
        kind: STRATEGY,
        test: Some(plans::estimates),
    },
    Rule {
        id: "STR-009",
        name: "feedback may hold any numbers",
        requires: "Rates, times and counts of 0 and of 2^64 - 1 are survived: drives stall, \
                   clocks are coarse, and caches are fast.",
        kind: STRATEGY,
        test: Some(extremes::feedback),
    },
    Rule {
        id: "STR-010",
        name: "each plot gets one turn at most",
        requires: "`arrange` gives turns to plots of the list only, one to each at the most: \
                   the host scans all plots as listed otherwise.",
        kind: STRATEGY,
        test: Some(together::arranges),
    },
    Rule {
        id: "STR-011",
        name: "plots of any small size are planned",
        requires: "Plots of a single leaf, of fewer leaves than a batch, and of odd numbers of \
                   leaves are planned like others.",
        kind: STRATEGY,
        test: Some(extremes::small_plots),
    },
    Rule {
        id: "STR-012",
        name: "plots of 2^40 leaves and more are planned",
        requires: "Plots of up to 2^63 - 1 leaves are planned call by call, without overflow \
                   and without a table of all leaves.",
        kind: STRATEGY,
        test: Some(extremes::huge_plots),
    },
    Rule {
        id: "STR-013",
        name: "jobs and plots may hold any numbers",
        requires: "Any target, height, seed, rate and drive number is survived: they come from \
                   the chain and from measurements.",
        kind: STRATEGY,
        test: Some(extremes::numbers),
    },
    Rule {
        id: "STR-014",
        name: "a job whose time is over is planned",
        requires: "A deadline that has passed, or is a millisecond away, is no error: jobs may \
                   begin late.",
        kind: STRATEGY,
        test: Some(extremes::late),
    },
    Rule {
        id: "STR-015",
        name: "calls return promptly once the job is over",
        requires: "A call that is made when the job is over, or under way then, returns within \
                   250 ms: the next challenge waits for the thread.",
        kind: STRATEGY,
        test: Some(extremes::cancelled),
    },
    Rule {
        id: "STR-016",
        name: "budgets and stop rules are kept to",
        requires: "A job that may end early is never planned further than one that may not, \
                   whatever its budget; the host ends it when the budget is used up.",
        kind: STRATEGY,
        test: Some(extremes::stop_rules),
    },
    Rule {
        id: "STR-017",
        name: "the same leaves are planned whatever the buffer's size",
        requires: "A span that `Spans::push` did not take is pushed again in the next call: \
                   buffers have room for 256 to 4,096 spans.",
        kind: STRATEGY,
        test: Some(plans::any_buffer),
    },
    Rule {
        id: "STR-018",
        name: "instances do not know of each other",
        requires: "What an instance plans does not depend on others that plan at the same time: \
                   there is one per plot under scan.",
        kind: STRATEGY,
        test: Some(together::apart),
    },
    Rule {
        id: "STR-019",
        name: "an instance works on any thread",
        requires: "An instance is called from one thread after another: readers come and go.",
        kind: STRATEGY,
        test: Some(together::on_any_thread),
    },
    Rule {
        id: "STR-020",
        name: "it does not grow with the jobs that it has planned",
        requires: "Memory does not grow over 100,000 jobs: a challenge comes every few seconds, \
                   for months.",
        kind: STRATEGY,
        test: Some(together::no_growth),
    },
];

/// Lets a strategy plan a little.
pub(crate) fn use_once(probe: &Probe, strategy: &mut Strategy, blame: Blame) -> Judged {
    let cancel = AtomicBool::new(false);
    let (job, plot) = (job(&cancel), plot(1000));
    probe.with(format_args!("a plot of {} leaves, job seed {}", plot.leaf_count, job.seed));
    let blame = Blame { breach: "STR-001", ..blame };
    let fault = |fault| probe.fault(&fault, blame);
    probe.call("begin", CALL_LIMIT, || strategy.begin(&job, &plot)).map_err(fault)?;
    let mut spans = [Span::default(); 256];
    for _ in 0..100 {
        let plan = || strategy.plan(&mut spans, &cancel, plot.leaf_count);
        if probe.call("plan", CALL_LIMIT, plan).map_err(fault)?.1 {
            break;
        }
    }
    Ok(())
}
