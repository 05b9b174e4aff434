//! The reference's vectors of relaying and of exchanging peers.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod book;
mod limits;
mod messages;
mod peers;
mod properties;
mod queue;

use common::{Answer, Case, run};
use serde_json::Value;

/// Why cases are not compared. Each is found by a rule in the data, and what
/// ours does instead is asserted there.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("rate-zero-and-negative", "nobody takes a negative number of tokens from us"),
    ("idle-proof-then-block", D3),
    ("idle-second-waiting-before-block", D3),
    ("idle-two-rounds", D3),
    ("idle-burst", D3),
    ("delivery-proof-then-block-spaced-*", D3),
    ("delivery-proof-then-block-burst-*", D3),
    ("delivery-alternate-all-priorities-*", D3),
];
const D3: &str = "D3: the reference loses messages to abandoned takers, ours delivers them all";

#[test]
fn the_rules_are_the_reference_s() {
    run("relay_rules", 123, &EXCEPTIONS, |case| match case.op.as_str() {
        "priority" => messages::priorities(case),
        "dedup_key" => messages::key(case),
        "relay" => messages::relay(case),
        "relay_rate" => messages::relay_rate(case),
        "relay_size" => messages::relay_size(case),
        "relay_skip" => messages::relay_skip(case),
        "rate_limiter" => limits::rate(case),
        "bandwidth" => limits::bandwidth(case),
        "tracker" => limits::tracker(case),
        "queue" => queue::queue(case),
        "queue_idle" => queue::idle(case),
        "relay_delivery" => queue::delivery(case),
        "peer_manager" => peers::standings(case),
        "address_book" => peers::book(case),
        "address_book_load" => peers::load(case),
        "address_book_save" => peers::save(case),
        "gossip_process" => peers::gossip(case),
        "exchange" => peers::exchange(case),
        "exclude_parse" => peers::exclusion(case),
        _ => case.unknown(),
    });
}

/// The steps of a case.
fn steps(case: &Case) -> &[Value] {
    case.value("steps").as_array().expect("a case has steps")
}

/// What the reference said to each step.
fn theirs(case: &Case) -> &[Value] {
    let results = case.outcome.as_ref().ok().and_then(|out| out.get("results"));
    results.and_then(Value::as_array).expect("every step has a result")
}

/// A number of a step or case.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A text of a step.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

/// A step that nobody knows.
fn unknown(case: &Case, step: &Value) -> ! {
    panic!("{}: unknown step {step}", case.id)
}

fn results(results: Vec<Value>) -> Answer {
    Answer::Out(serde_json::json!({ "results": results }))
}
