//! What users are told of plugins that misbehave: who, what, how often, and
//! what to do.

use serde_json::Value;
use spacetime_tests::{home::Home, process::Ended};

use crate::{at_once, faults, home, home_of_two, mine_and_end, mine_with};

/// What the end says of the misbehaving component of a kind.
fn used(ended: &Ended, kind: &str) -> Value {
    let stopped = &ended.events("stopped")[0];
    let plugins = stopped["plugins"].as_array().unwrap();
    let is_it = |plugin: &&Value| {
        let component = plugin["component"].as_str().unwrap();
        component.starts_with(kind) && component.contains("misbehaving")
    };
    plugins.iter().find(is_it).unwrap_or_else(|| panic!("no {kind}: {ended:#?}")).clone()
}

/// Whether all places say the same number of faults, and which.
#[track_caller]
fn counted(ended: &Ended, kind: &str) -> u64 {
    let stopped = &ended.events("stopped")[0];
    assert_eq!(stopped["faults"], used(ended, kind)["faults"], "{ended:#?}");
    stopped["faults"].as_u64().unwrap()
}

fn says(value: &Value, words: &str) -> bool {
    value.as_str().unwrap().contains(words)
}

#[test]
fn a_call_that_hangs_is_named_counted_and_told_with_what_to_do() {
    let calls = [
        ("strategy", "open"),
        ("strategy", "begin"),
        ("strategy", "plan"),
        ("strategy", "arrange"),
        ("engine", "scan"),
        ("policy", "select"),
    ];
    at_once(&calls, |(kind, method)| {
        let ended = mine_with(kind, &format!("(fail: (hang_in: [{method}]))"));
        let told = faults(&ended, kind);
        let late = format!("its `{method}` did not return within ");
        let fault = told.iter().find(|fault| says(&fault["message"], &late));
        let fault = fault.unwrap_or_else(|| panic!("{kind} {method}: {ended:#?}"));
        assert!(says(&fault["culprit"], "(plugin spacetime-misbehaving"), "{fault}");
        if *method != "open" {
            assert!(says(&fault["next"], "spacetime-miner plugin test /"), "{fault}");
        }
        let given_up = &used(&ended, kind)["calls"][method]["given_up"];
        assert!(given_up.as_u64() >= Some(1), "{kind} {method}: {ended:#?}");
        assert!(counted(&ended, kind) >= 1);
    });
}

/// Its session does not end when it is told to.
#[test]
fn a_transport_that_is_not_closed_in_time_is_told_of_at_the_end() {
    let ended = mine_and_end(&home_of_two("(deaf: true)"));
    let told = faults(&ended, "transport");
    assert_eq!(told.len(), 1, "{ended:#?}");
    assert!(says(&told[0]["message"], "its `close` did not return within 1000 ms"), "{}", told[0]);
    assert!(says(&told[0]["next"], "the miner ends without it"), "{}", told[0]);
    assert!(says(&told[0]["next"], "spacetime-miner plugin test /"), "{}", told[0]);
    assert_eq!(used(&ended, "transport")["calls"]["close"]["given_up"], 1, "{ended:#?}");
    let time = |event: &Value| event["time"].as_str().unwrap().to_owned();
    assert!(time(&ended.events("stopped")[0]) >= time(&told[0]), "it is the end: {ended:#?}");
    assert_eq!(counted(&ended, "transport"), 1);
}

/// Several readers hang in the same scan: one is told of, and all count.
#[test]
fn calls_that_hang_at_once_count_the_same_everywhere() {
    let config = "(name: \"misbehaving\", config: (fail: (hang_in: [plan])))";
    let home = Home::with_long_windows()
        .misbehaving()
        .set("strategy", config)
        .set("max_concurrent_proofs", "2");
    home.command(&["key", "new", "--key", "key"]);
    for number in 1..=2 {
        let plot = format!("plots/{number}.plot");
        let made = home.command(&["plot", "create", "--out", &plot, "--leaves", "8192"]);
        assert_eq!(made.code, Some(0), "{made:#?}");
    }
    let mut miner = home.run(&[]);
    let proof = miner.event("proof");
    assert_eq!(proof["coverage"], 1.0, "{proof}");
    let ended = miner.stop();
    assert_eq!(counted(&ended, "strategy"), 2, "{ended:#?}");
    assert_eq!(used(&ended, "strategy")["calls"]["plan"]["given_up"], 2, "{ended:#?}");
}

#[test]
fn what_blocks_are_made_of_after_a_policys_fault_is_told() {
    let ended = mine_with("policy", "(fail: (panic_in: [select]))");
    let told = faults(&ended, "policy");
    assert_eq!(told.len(), 1, "{ended:#?}");
    assert_eq!(
        told[0]["next"],
        "it is not used any more: blocks carry no transactions from now on"
    );
    assert_eq!(counted(&ended, "policy"), 1);
    let ended = mine_with("policy", "(fail: (error_in: [select]))");
    let told = faults(&ended, "policy");
    assert!(says(&told[0]["next"], "this block carries no transactions"), "{ended:#?}");
    assert!(says(&told[0]["culprit"], "(plugin spacetime-misbehaving"), "{ended:#?}");
}

/// A veto is the policy's word, and names its plugin, too.
#[test]
fn a_veto_names_the_policys_plugin() {
    let ended = home("policy", "(choose: veto)").run_to_end(&["--until-blocks", "1", "--for", "4"]);
    let fault = &faults(&ended, "policy")[0];
    assert!(says(&fault["culprit"], "(plugin spacetime-misbehaving"), "{fault}");
    assert_eq!(counted(&ended, "policy"), used(&ended, "policy")["faults"], "{ended:#?}");
}

#[test]
fn a_plan_that_overlaps_covers_what_it_covers_and_is_told_once() {
    let cases = [("as_listed", 1.0, "count once"), ("backwards", 0.5, "was left out")];
    at_once(&cases, |(turns, coverage, words)| {
        let home = home("strategy", &format!("(spans: twice, turns: {turns})"));
        let ended = mine_and_end(&home);
        let told = faults(&ended, "strategy");
        assert_eq!(told.len(), 1, "once for all plans: {ended:#?}");
        assert!(says(&told[0]["message"], "its plan overlaps: 16384 leaves"), "{}", told[0]);
        assert!(says(&told[0]["message"], words), "{}", told[0]);
        assert!(says(&told[0]["culprit"], "strategy `misbehaving`"), "{}", told[0]);
        assert!(says(&told[0]["next"], "spacetime-miner plugin test /"), "{}", told[0]);
        let proofs = ended.events("proof");
        let proof = proofs.iter().find(|proof| proof["ended"] == "complete");
        let proof = proof.unwrap_or_else(|| panic!("{ended:#?}"));
        assert_eq!(proof["coverage"], *coverage, "{proof}");
        assert_eq!(proof["again"], 16384, "{proof}");
        assert_eq!(counted(&ended, "strategy"), 1);
    });
}

#[test]
fn a_session_that_fails_is_told_of_once_with_what_happens_next() {
    let home = home_of_two("(sessions: [broken, panicked])");
    let ended = mine_and_end(&home.set("connection_retry_interval_seconds", "1"));
    for reason in ["breaks session 0", "session 1"] {
        let told: Vec<Value> = faults(&ended, "misbehaving")
            .into_iter()
            .filter(|fault| says(&fault["message"], reason))
            .collect();
        // The second session may come after the end.
        assert!(told.len() <= 1, "{told:#?}");
    }
    let first = faults(&ended, "transport");
    assert!(!first.is_empty(), "{ended:#?}");
    assert!(says(&first[0]["message"], "breaks session 0"), "{ended:#?}");
    assert!(says(&first[0]["next"], "it is opened again in "), "{ended:#?}");
    assert!(!ended.stdout.contains("mining goes on"), "{ended:#?}");
}
