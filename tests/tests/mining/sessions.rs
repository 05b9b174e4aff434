//! Sessions of transports that end: each is opened again, later and later, and
//! used once it holds.

use std::time::{Duration, Instant};

use serde_json::Value;
use spacetime_tests::{
    home::Home,
    process::{Ended, Miner},
};

/// A home whose first transport is the misbehaving one with this config;
/// behind it come `others`.
fn home(config: &str, others: &str) -> Home {
    let transports = format!("[(name: \"misbehaving\", config: {config}), {others}]");
    let home = Home::new().misbehaving().set("transports", &transports);
    home.set("connection_retry_interval_seconds", "1")
}

/// Waits for the challenge that a session brings which behaves, and for the
/// proof that it is sent; the lines said until then.
fn until_used(miner: &mut Miner) -> Vec<Value> {
    let mut said = Vec::new();
    for name in ["challenge", "submitted"] {
        said.extend(miner.wait_through(name, |event| {
            event["event"] == name && event["transport"] == "misbehaving"
        }));
    }
    said
}

/// The faults that name the misbehaving transport and say this.
fn faults<'a>(events: &'a [Value], words: &'a str) -> Vec<&'a Value> {
    let says = |fault: &&Value| {
        fault["event"] == "fault"
            && fault["culprit"].as_str().unwrap().contains("misbehaving")
            && fault["message"].as_str().unwrap().contains(words)
    };
    events.iter().filter(says).collect()
}

/// The pause in seconds that a fault announces.
fn pause(fault: &Value) -> f64 {
    let next = fault["next"].as_str().unwrap();
    let words: Vec<&str> = next.split_whitespace().collect();
    words[words.len() - 2].parse().unwrap_or_else(|_| panic!("no pause: {fault}"))
}

#[test]
fn a_session_that_ends_is_opened_again_later_and_later_and_used_when_it_holds() {
    let config = "(sessions: [broken, panicked, broken], challenge: true)";
    let home = home(config, "(name: \"solo\")");
    let mut miner = home.run(&[]);
    let events = until_used(&mut miner);
    let ended = faults(&events, "its session ended");
    assert_eq!(ended.len(), 3, "{events:#?}");
    for (fault, reason) in ended.iter().zip(["breaks session 0", "session 1", "breaks session 2"]) {
        assert!(fault["message"].as_str().unwrap().contains(reason), "{fault}");
    }
    // Doubled each time, a fifth shorter or longer.
    for (fault, about) in ended.iter().zip([1.0, 2.0, 4.0]) {
        assert!((about * 0.79..=about * 1.21).contains(&pause(fault)), "{about}: {fault}");
    }
    // Meanwhile the other one was mined with.
    let accepted = events.iter().filter(|event| event["event"] == "accepted");
    assert!(accepted.filter(|event| event["transport"] == "solo").count() >= 2, "{events:#?}");
}

/// `max_connection_retries` is for the boot: a node that was there once comes
/// back some day.
#[test]
fn a_transport_that_was_online_once_is_never_given_up() {
    let config = "(sessions: [broken, refused, refused], challenge: true)";
    let home = home(config, "");
    let mut miner = home.run(&["--set", "max_connection_retries=1"]);
    let events = until_used(&mut miner);
    assert_eq!(faults(&events, "ended: misbehaving breaks session 0").len(), 1, "{events:#?}");
    assert_eq!(faults(&events, "refuses session").len(), 2, "{events:#?}");
    assert_eq!(faults(&events, "attempt").len(), 0, "{events:#?}");
}

/// One attempt a moment, so many of them, and no more.
#[test]
fn at_boot_there_are_so_many_attempts_and_no_more() {
    let boot = |retries: usize| -> (Ended, Duration) {
        let home = home("(fail: (error_in: [open]))", "")
            .set("max_connection_retries", &retries.to_string());
        let begun = Instant::now();
        let ended = home.run_to_end(&["--for", "60"]);
        ended.assert_refused(7, "misbehaving in Open");
        (ended, begun.elapsed())
    };
    for retries in [1, 3] {
        let (ended, took) = boot(retries);
        let events = ended.json();
        let attempts = faults(&events, "attempt");
        assert_eq!(attempts.len(), retries, "{ended:#?}");
        for (number, fault) in attempts.iter().enumerate() {
            let words = format!("attempt {} of {retries} failed", number + 1);
            assert!(fault["message"].as_str().unwrap().contains(&words), "{fault}");
        }
        // All pauses but the last one were waited for.
        let waited: f64 = attempts[..retries - 1].iter().map(|fault| pause(fault)).sum();
        assert!(took.as_secs_f64() >= waited, "{took:?}: {ended:#?}");
    }
}
