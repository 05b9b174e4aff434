//! What is asked of every component, whatever its kind.

mod config;
mod instance;
mod rules;

use std::{sync::Barrier, thread, time::Duration};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::Kind;

pub(crate) use self::{
    instance::{Instance, not_opened},
    rules::RULES,
};
use crate::probe::{Blame, Judged, Probe, cpu_time, grows, resources};

fn opens(probe: &Probe) -> Judged {
    let config = &probe.task.subject.config;
    probe.given(format_args!("the config {config}"));
    match Instance::open(probe, config) {
        Ok(instance) => instance.close(probe, Blame::OPENING),
        Err(fault) => Err(not_opened(probe, config, &fault, Blame::OPENING)),
    }
}

/// How long a component that was dropped is watched.
const WATCH: Duration = Duration::from_millis(300);

/// What threads may still do after that, to end.
const ENDING: Duration = Duration::from_millis(200);

/// Processor time that this process may take while it is watched; the kit's
/// own watch is part of it.
const IDLE: Duration = Duration::from_millis(100);

fn no_work_after_drop(probe: &Probe) -> Judged {
    let mut instance = Instance::must_open(probe, Blame::OPENING)?;
    instance.use_once(probe, Blame::OPENING)?;
    instance.close(probe, Blame::OPENING)?;
    // To see that nothing happens takes a while in which nothing happens.
    thread::sleep(ENDING);
    let (calls, used) = (probe.calls_of_host(), cpu_time());
    // The same, now that its threads have had the time to end.
    thread::sleep(WATCH);
    let calls = probe.calls_of_host() - calls;
    if calls > 0 {
        let times = count(calls, "time");
        let seen = format_args!("it called the host {times} after it was dropped");
        return Err(probe.broken("ANY-009", seen));
    }
    let used = cpu_time().zip(used).map(|(now, before)| now.saturating_sub(before));
    match used {
        Some(used) if used > IDLE => {
            let seen = format_args!(
                "the process used {} ms of processor time in {} ms after it was dropped",
                used.as_millis(),
                WATCH.as_millis()
            );
            Err(probe.too_slow("ANY-009", seen))
        }
        _ => Ok(()),
    }
}

/// Instances that are opened at once.
const AT_ONCE: usize = 4;

fn side_by_side(probe: &Probe) -> Judged {
    let blame = Blame { breach: "ANY-010", failure: "ANY-010", panic: "ANY-010" };
    probe.given(format_args!("{AT_ONCE} instances, each on a thread of its own"));
    // How threads meet is chance otherwise: one may be done before the next begins.
    let all_there = Barrier::new(AT_ONCE);
    thread::scope(|scope| {
        let live = || -> Judged {
            all_there.wait();
            let opened = Instance::must_open(probe, blame);
            all_there.wait();
            let used = opened.and_then(|mut instance| {
                instance.use_once(probe, blame)?;
                Ok(instance)
            });
            all_there.wait();
            used?.close(probe, blame)
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(live)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("the kit does not panic"))
    })
}

/// Jobs per opening: sessions take far longer than other instances.
const JOBS_PER_SESSION: u64 = 2500;
const JOBS_PER_INSTANCE: u64 = 50;

fn no_growth(probe: &Probe) -> Judged {
    let per_opening = match probe.task.subject.kind {
        Kind::Transport => JOBS_PER_SESSION,
        _ => JOBS_PER_INSTANCE,
    };
    let times = (probe.task.subject.jobs / per_opening).max(8);
    let live = |number: u64| -> Judged {
        probe.given(format_args!("instance {number} in a row"));
        let mut instance = Instance::must_open(probe, Blame::OPENING)?;
        instance.use_once(probe, Blame::OPENING)?;
        instance.close(probe, Blame::OPENING)
    };
    // Threads that are there for good are there after the first.
    live(0)?;
    let before = threads();
    grows(probe, "ANY-011", times, |number| live(number + 1))?;
    match (before, threads()) {
        (Some(before), Some(after)) if after > before + times / 2 => Err(probe.broken(
            "ANY-011",
            format_args!("{} became {after} over {times} instances", count(before, "thread")),
        )),
        _ => Ok(()),
    }
}

fn threads() -> Option<u64> {
    resources().map(|taken| taken.threads)
}
