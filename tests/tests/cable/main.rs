//! The cable between a miner's transport and its node is cut after every byte
//! of a session, both ways and in every manner: a block that was won gets
//! there all the same, and the miner follows the node again within one pause.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../../core/node/tests/net/bench.rs"]
#[allow(dead_code, reason = "the node's own tests use more of it")]
mod bench;
#[path = "../../../core/node/tests/common/mod.rs"]
mod common;
mod forward;
mod miner;
mod notices;

mod pauses;
mod verified;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{Library, abi::Event};
use spacetime_tests::session::{Opening, Session};
use tokio::runtime::Runtime;

use crate::{
    forward::{Cut, How, Seen, Way},
    pauses::Pauses,
};

/// Sessions at once: they mostly wait.
const AT_ONCE: usize = 16;

/// Cuts after every byte of a recorded session, both ways.
fn everywhere(recorded: &Seen, how: How) -> Vec<Cut> {
    let positions = |way| (0..=recorded.bytes(way).len()).map(move |after| Cut { way, after, how });
    [Way::ToNode, Way::ToMiner].into_iter().flat_map(positions).collect()
}

/// Cuts at each boundary of a recorded session's messages, and within each.
fn at_messages(recorded: &Seen, how: How) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for way in [Way::ToNode, Way::ToMiner] {
        let (bytes, mut begin) = (recorded.bytes(way), 0);
        while let Some(length) = bytes.get(begin..begin + 4) {
            let length = u32::from_le_bytes(length.try_into().unwrap());
            let end = begin + 4 + usize::try_from(length).unwrap();
            cuts.extend([begin, begin.midpoint(end)].map(|after| Cut { way, after, how }));
            begin = end;
        }
        cuts.push(Cut { way, after: begin, how });
    }
    cuts
}

/// Tries all cuts, so many at once; how long each took to be over.
fn sweep(cuts: &[Cut], at_once: usize, trial: impl Fn(Cut) -> Duration + Sync) -> Pauses {
    let (next, pauses) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match catch_unwind(AssertUnwindSafe(|| trial(*cut))) {
                        Ok(pause) => pauses.lock().unwrap().push((pause, *cut)),
                        Err(_) => failures.lock().unwrap().push(*cut),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} cuts: {failures:?}", failures.len(), cuts.len());
    Pauses::new(pauses.into_inner().unwrap())
}

/// Tries all cuts, shared out to so many that try theirs one after the other.
fn sweep_each(
    cuts: &[Cut],
    shares: usize,
    trial: impl Fn(Vec<Cut>) -> Vec<(Duration, Cut)> + Sync,
) -> Pauses {
    let share = |at: usize| cuts.iter().skip(at).step_by(shares).copied().collect();
    let pauses = thread::scope(|scope| {
        let trials: Vec<_> = (0..shares)
            .map(|at| {
                scope.spawn({
                    let share = share(at);
                    let trial = &trial;
                    move || trial(share)
                })
            })
            .collect();
        trials.into_iter().flat_map(|trial| trial.join().unwrap()).collect()
    });
    Pauses::new(pauses)
}

/// Opens sessions, as a host does, until one has a node to follow.
fn online(opening: &Opening<'_>, library: &Library) -> Session {
    loop {
        let mut session = opening.open(library);
        let is_online = session.wait_for("a node to follow", |event| match event {
            Event::Online { .. } => Some(true),
            Event::Offline { .. } => Some(false),
            _ => None,
        });
        if is_online {
            return session;
        }
        session.close();
    }
}

/// From a cut until the miner can mine with a node again, which a session says
/// at `back`: by its second connection, after one pause.
fn away(runtime: &Runtime, seen: &Seen, back: impl FnOnce(Instant) -> Instant) -> Duration {
    let cut_at = runtime.block_on(seen.is_cut());
    let back_at = back(cut_at);
    assert_eq!(runtime.block_on(seen.is_connected_again()), 2, "one pause, one attempt");
    back_at - cut_at
}
