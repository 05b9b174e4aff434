//! A process that is there to test one component against one rule, and may end
//! in any way.

use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
};

use crate::{
    probe::{Judged, Probe, Stop},
    rule::rule,
    task::{Outcome, Task},
};

/// What stands on stdout before whatever a plugin prints.
pub(crate) const BEGIN: &str = "--- the plugin's own output";
/// What stands behind it.
pub(crate) const END: &str = "--- the end of the plugin's own output";

/// What the process may allocate: far more than any component needs to be
/// tested, and far less than what makes a machine swap.
#[cfg(unix)]
const MEMORY: u64 = 4 << 30;

/// Tests what this process was started by [`judge`](crate::judge) to test, and
/// says so; `false`: it was started for something else.
pub fn run_if_asked() -> bool {
    let Some(task) = Task::of_this_process() else { return false };
    limit();
    mark(BEGIN);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| test(task.clone())));
    mark(END);
    let outcome = outcome.unwrap_or_else(|_| Outcome::NotJudged {
        reason: "the kit itself panicked, which is a bug of it: please report it".to_owned(),
    });
    // Whoever waits for the answer sees its absence else.
    let _ = task.answer(&outcome);
    true
}

fn test(task: Task) -> Outcome {
    let Some(test) = rule(&task.rule).and_then(|rule| rule.test) else {
        return Outcome::NotJudged { reason: format!("no test is called {}", task.rule) };
    };
    match Probe::new(task) {
        Ok(probe) => {
            let judged: Judged = test(&probe);
            probe.conclude(judged)
        }
        Err(Stop::Broken(finding)) => Outcome::Broken(*finding),
        Err(Stop::NotJudged(reason)) => Outcome::NotJudged { reason },
        Err(Stop::Refused(reason)) => Outcome::Refused { reason },
    }
}

fn mark(line: &str) {
    // A plugin may have closed stdout, which is seen by the mark's absence.
    let _ = writeln!(io::stdout(), "\n{line}").and_then(|()| io::stdout().flush());
}

/// Limits what a plugin that runs wild can do to the machine.
fn limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let at_most = |most| Rlimit { current: Some(most), maximum: Some(most) };
        // A system that refuses them has stricter ones.
        let _ = setrlimit(Resource::Data, at_most(MEMORY));
        let _ = setrlimit(Resource::Core, at_most(0));
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Nobody is left to end it, then, if it hangs.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}
