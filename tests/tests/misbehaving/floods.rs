//! Too much of everything: what the host takes is bounded, and mining goes on.

use serde_json::Value;
use spacetime_tests::process::Ended;

use crate::{home_of_two, mine_and_end, mine_with};

/// What the final summary says of the misbehaving component.
#[track_caller]
fn used(ended: &Ended) -> Value {
    let stopped = ended.events("stopped").pop().unwrap();
    let plugins = stopped["plugins"].as_array().unwrap();
    let is_it = |plugin: &&Value| plugin["component"].as_str().unwrap().contains("misbehaving");
    plugins.iter().find(is_it).unwrap_or_else(|| panic!("{ended:#?}")).clone()
}

#[test]
fn a_flood_of_log_lines_is_told_in_part() {
    let ended = mine_with("strategy", "(fail: (act_in: [begin], flood: log))");
    let used = used(&ended);
    let (told, left_out) = (&used["log_lines"], &used["log_lines_left_out"]);
    assert!(told.as_u64().unwrap() < 2_000 && left_out.as_u64().unwrap() > 8_000, "{used}");
    assert!(ended.stderr.len() < 2 << 20, "{}", ended.stderr.len());
    // The rest are the host's own, on what is missing between them.
    let mut lines = ended.events("log");
    lines.retain(|line| !line["message"].as_str().unwrap().contains("lines were left out"));
    assert_eq!(lines.len() as u64, told.as_u64().unwrap());
}

#[test]
fn a_flood_of_counters_is_bounded() {
    let used = used(&mine_with("strategy", "(fail: (act_in: [begin], flood: metrics))"));
    let counters = used["counters"].as_object().unwrap();
    assert_eq!(counters.len(), 256);
    assert!(counters.keys().all(|name| name.len() < 200), "{counters:?}");
}

#[test]
fn memory_that_is_not_given_back_costs_no_block() {
    let ended = mine_with("strategy", "(fail: (act_in: [begin, plan], flood: memory))");
    assert_eq!(ended.events("fault"), [] as [Value; 0]);
}

#[test]
fn a_flood_of_panics_on_its_threads_is_told_once_and_ends_a_strategy() {
    let ended = mine_with("strategy", "(fail: (act_in: [begin], flood: panics))");
    let faults = ended.events("fault");
    assert_eq!(faults.len(), 1, "{ended:#?}");
    assert!(faults[0]["next"].as_str().unwrap().contains("not used any more"), "{ended:#?}");
}

/// A transport cannot be given up, so it can go on for ever.
#[test]
fn a_flood_of_panics_of_a_transport_is_told_in_part() {
    let ended = mine_and_end(&home_of_two("(fail: (act_in: [run], flood: panics))"));
    let told = ended.events("fault").len();
    assert!((1..=25).contains(&told), "{told}: {ended:#?}");
    assert_eq!(used(&ended)["faults"], 100, "{ended:#?}");
}

#[test]
fn a_flood_of_events_leaves_the_others_room() {
    let ended = mine_and_end(&home_of_two("(flood: 100000)"));
    assert_eq!(ended.events("accepted").len(), 2);
}
