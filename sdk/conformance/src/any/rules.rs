//! The rules for components of every kind.

use super::{config, no_growth, no_work_after_drop, opens, side_by_side};
use crate::rule::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "ANY-001",
        name: "it opens with its config",
        requires: "A component opens, within 10 s, with the config that a manifest gives it.",
        why: "What cannot be used is set aside, and the host's own takes its place.",
        limit: Some(
            "10 s for `open`. A table that takes a minute to make is made on a thread of the \
             component's own, or at the first `begin`.",
        ),
        mend: "Read what was seen: it is the error of your `open`. Report what the user can mend \
               by `Error::field`, and wait in it for nothing that may not come.",
        kind: None,
        test: Some(opens),
    },
    Rule {
        id: "ANY-002",
        name: "it never ends the process",
        requires: "Nothing that a component is given makes it exit, abort or crash.",
        why: "It lives in the miner's process, and would stop all mining.",
        limit: None,
        mend: "Return an `Error` where the code calls `exit` or `abort`. A signal comes of \
               `unsafe` code, of a library in C, or of a stack that overflows: run the line \
               after `again` in a debugger, on a debug build.",
        kind: None,
        test: None,
    },
    Rule {
        id: "ANY-003",
        name: "its calls return in time",
        requires: "Every call returns within the time that the host waits for it.",
        why: "A call that hangs costs its thread, and the component is not used again.",
        limit: Some(
            "10 s for `open`; 1 s for each of a strategy's calls; 5 s per MiB of leaves for \
             `scan`; 500 ms for `select`; 100 ms for a transport's request, 30 s for `check` and \
             `ask`; 250 ms for a destructor, 5 s for a session's. A `plan` that takes 2 s for a \
             large plot is late; one that fills the spans that it has room for, says \
             `Plan::More` and goes on in the next call is in time.",
        ),
        mend: "Do less per call, and the rest in the next ones; do what is slow, such as reading \
               a file or asking a device, in `open` or on a thread of your own, and let calls \
               take what is there. What was seen names the method and what it took. A busy \
               machine may be the cause: what is late only sometimes is tried three times before \
               it counts.",
        kind: None,
        test: None,
    },
    Rule {
        id: "ANY-004",
        name: "it never panics",
        requires: "Calls, destructors, threads and tasks report errors, and do not panic.",
        why: "After a panic the instance is not called again.",
        limit: None,
        mend: "What was seen has the method, the file and line, and the message. Put `?` or \
               `Error::new` in the place of `unwrap`, `expect` and `panic!`, `get` in that of an \
               index, and `checked_`, `saturating_` or `wrapping_` arithmetic in that of `+`, \
               `-`, `*` and `/`. What is not judged because of the same panic is judged when it \
               is gone.",
        kind: None,
        test: None,
    },
    Rule {
        id: "ANY-005",
        name: "it prints nothing on stdout",
        requires: "A component uses `tracing` to tell people something, and leaves stdout alone.",
        why: "Stdout is the miner's, and with --json every line of it is a document.",
        limit: None,
        mend: "Put `spacetime_sdk::tracing::info!` in the place of `println!`, `print!` and \
               `dbg!`; libraries in C may print, too.",
        kind: None,
        test: None,
    },
    Rule {
        id: "ANY-006",
        name: "unknown fields of its config are errors",
        requires: "A config with a field that does not exist is refused, with its place.",
        why: "A field that was misspelt would silently not count.",
        limit: None,
        mend: "Derive `Schema` for the config, which does that by itself; where `#[schema(any)]` \
               is used instead, let serde `deny_unknown_fields`.",
        kind: None,
        test: Some(config::unknown_field),
    },
    Rule {
        id: "ANY-007",
        name: "values of its config are either refused by name or kept to",
        requires: "A value that cannot be used is refused when the component opens, with the \
                   name of its field (`Error::field`); with every other value the component \
                   works. A default that its description tells is one that its field takes.",
        why: "Users learn from the error which line of their manifest to mend; a value that is \
              taken and does not work fails in the middle of a scan.",
        limit: None,
        mend: "Give numbers their bounds in the `Schema` (`#[schema(min = 1)]`), and refuse in \
               `open`, by `Error::field`, what bounds cannot say. The test changes the values of \
               the config that it is given with --config: give one that has every field.",
        kind: None,
        test: Some(config::values),
    },
    Rule {
        id: "ANY-008",
        name: "any text is survived as its config",
        requires: "Whatever text stands where the config should, opening comes to an end with an \
                   instance or with a config error.",
        why: "Manifests are written by people, and by programs that fail half-way.",
        limit: None,
        mend: "Derive `Deserialize` and `Schema` for the config. A `Deserialize` of your own \
               returns an error for what it does not expect.",
        kind: None,
        test: Some(config::any_text),
    },
    Rule {
        id: "ANY-009",
        name: "nothing of it works on after it is dropped",
        requires: "When the last instance is gone, no thread or task of it calls the host or \
                   takes processor time.",
        why: "The miner does not unload libraries: what works on does so until the miner ends.",
        limit: Some(
            "A thread has 200 ms to end; in the 300 ms after that the host is not called, and at \
             most 100 ms of processor time are used. A thread that sleeps for a second between \
             two looks at a flag is silent, but wakes up to a library whose instances are gone: \
             wake it up, and join it.",
        ),
        mend: "Tell your threads to end in `Drop`, such as by dropping the sender of a channel \
               that they wait for, and join them there.",
        kind: None,
        test: Some(no_work_after_drop),
    },
    Rule {
        id: "ANY-010",
        name: "instances exist side by side",
        requires: "Instances are opened, used and dropped on several threads at once.",
        why: "The host has one per plot that it scans.",
        limit: None,
        mend: "Keep what belongs to an instance in `self`, not in statics; share a device that \
               there is once behind a lock, within the instances.",
        kind: None,
        test: Some(side_by_side),
    },
    Rule {
        id: "ANY-011",
        name: "opening and dropping it leaves nothing behind",
        requires: "Memory and threads do not grow with the number of instances that were opened \
                   and dropped.",
        why: "Sessions come and go for months.",
        limit: Some(
            "1 MiB over the second half of 2,000 instances (of sessions, 40; fewer with --jobs), \
             twice in a row, or one thread for every two instances. A leak of 2 KiB per instance \
             is found; one of 200 bytes only with --jobs 1000000.",
        ),
        mend: "Drop what `open` makes: look for `Box::leak`, for statics that are added to, for \
               threads that nobody joins, and for cycles of `Arc`.",
        kind: None,
        test: Some(no_growth),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{DROP_LIMIT, OPEN_LIMIT};

    #[test]
    fn limits_are_told_as_they_are_tested() {
        let told = RULES[2].limit.unwrap();
        let (open, drop) = (OPEN_LIMIT.as_secs(), DROP_LIMIT.as_millis());
        assert!(told.contains(&format!("{open} s for `open`")), "{told}");
        assert!(told.contains(&format!("{drop} ms for a destructor")), "{told}");
        assert!(RULES[0].limit.unwrap().contains(&format!("{open} s")));
    }
}
