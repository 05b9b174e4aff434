//! Plugins that misbehave, in every way that `tests/misbehaving` lists: each
//! fault is told with its culprit, and the next block is won; if the process
//! itself is brought down, by the run after it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod calls;
#[cfg(unix)]
mod crashes;
mod floods;
#[cfg(unix)]
mod quarantine;
mod refused;
mod told;
mod transports;
#[cfg(unix)]
mod words;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use spacetime_tests::{home::Home, process::Ended};

/// A home with an entry of the manifest set to the misbehaving component with
/// this config.
fn home(kind: &str, config: &str) -> Home {
    let entry = format!("(name: \"misbehaving\", config: {config})");
    Home::new().misbehaving().set(kind, &entry)
}

/// A home with the misbehaving transport, and one that behaves.
fn home_of_two(config: &str) -> Home {
    let transports = format!("[(name: \"misbehaving\", config: {config}), (name: \"solo\")]");
    Home::new().misbehaving().set("transports", &transports)
}

/// Mines two blocks.
#[track_caller]
fn mine_with(kind: &str, config: &str) -> Ended {
    mine_and_end(&home(kind, config))
}

/// Mines two blocks and ends soon after the second one, whatever still hangs.
#[track_caller]
fn mine_and_end(home: &Home) -> Ended {
    let mut miner = home.run(&["--until-blocks", "2", "--for", "60"]);
    miner.event("accepted");
    miner.event("accepted");
    let begun = Instant::now();
    let ended = miner.wait();
    let took = begun.elapsed();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(took < Duration::from_secs(10), "it took {took:?} to end: {ended:#?}");
    ended
}

/// The faults that name the misbehaving plugin's component of a kind.
fn faults(ended: &Ended, kind: &str) -> Vec<Value> {
    let mut faults = ended.events("fault");
    faults.retain(|fault| {
        let text = format!("{} {}", fault["culprit"], fault["message"]);
        text.contains(kind) && text.contains("misbehaving")
    });
    faults
}

/// Checks cases a few at once: most of a miner's time is spent waiting for its
/// windows to end. More would get in the way of one another: reading a debug
/// build's symbols for a panic's backtrace is part of the call.
fn at_once<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let check = &check;
    for some in cases.chunks(3) {
        thread::scope(|scope| {
            for case in some {
                scope.spawn(move || check(case));
            }
        });
    }
}

/// Configs of a kind's misbehaving component, and what the host says of them.
fn assert_each_told(kind: &str, cases: &[(&str, &str)]) {
    at_once(cases, |(config, words)| assert_told(kind, config, words));
}

#[track_caller]
fn assert_told(kind: &str, config: &str, words: &str) {
    let ended = mine_with(kind, config);
    let faults = faults(&ended, kind);
    let told = faults.iter().any(|fault| fault["message"].as_str().unwrap().contains(words));
    assert!(told, "{config}: no fault says `{words}`: {:#?}", ended.events("fault"));
}
