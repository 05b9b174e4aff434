//! Plugins that misbehave: each fault is told with its culprit, and the next
//! block is won.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use spacetime_tests::{home::Home, process::Ended};

/// Mines two blocks with an entry of the manifest set to the misbehaving
/// component with this config.
fn mine_with(kind: &str, config: &str) -> Ended {
    let entry = format!("(name: \"misbehaving\", config: {config})");
    mine_and_end(&Home::new().misbehaving().set(kind, &entry))
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

#[track_caller]
fn assert_told(kind: &str, config: &str, words: &str) {
    let ended = mine_with(kind, config);
    let faults = faults(&ended, kind);
    let told = faults.iter().any(|fault| fault["message"].as_str().unwrap().contains(words));
    assert!(told, "{config}: no fault says `{words}`: {:#?}", ended.events("fault"));
}

#[test]
fn a_misbehaving_plugin_that_behaves_is_no_fault() {
    for kind in ["strategy", "engine", "policy"] {
        let ended = mine_with(kind, "()");
        assert_eq!(ended.events("fault"), [] as [Value; 0]);
    }
}

#[test]
fn a_strategy_that_panics_is_replaced() {
    assert_told("strategy", "(fail: (panic_in: [open]))", "panicked");
    assert_told("strategy", "(fail: (panic_in: [begin]))", "begin panicked");
    assert_told("strategy", "(fail: (panic_in: [plan]))", "plan panicked");
    assert_told("strategy", "(fail: (panic_in: [plan], after: 1))", "plan panicked");
    assert_told("strategy", "(fail: (panic_in: [feedback]))", "feedback panicked");
}

#[test]
fn a_plugin_whose_thread_panics_is_told_and_mined_on_with() {
    for kind in ["strategy", "engine", "policy"] {
        assert_told(kind, "(fail: (panic_in: [thread]))", "a thread or task of its own");
    }
}

#[test]
fn a_destructor_that_panics_spoils_nothing() {
    for (kind, call) in [("strategy", "plan"), ("engine", "scan"), ("policy", "select")] {
        // When the miner ends, and when the component is replaced.
        mine_with(kind, "(fail: (panic_in: [drop]))");
        let config = format!("(fail: (panic_in: [drop], error_in: [{call}]))");
        assert_told(kind, &config, &format!("misbehaving in {}", capitalised(call)));
    }
    // Instances are dropped when another one has been quarantined.
    let config = "(fail: (panic_in: [plan, drop], after: 1))";
    assert_told("strategy", config, "panicked");
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

#[test]
fn a_strategy_that_fails_or_plans_nonsense_is_replaced() {
    assert_told("strategy", "(fail: (error_in: [begin]))", "misbehaving in Begin");
    assert_told("strategy", "(fail: (error_in: [plan]))", "misbehaving in Plan");
    assert_told("strategy", "(spans: out_of_range)", "of a plot with 32768");
    assert_told("strategy", "(spans: overflowing)", "of a plot with 32768");
    assert_told("strategy", "(spans: empty)", "of a plot with 32768");
    assert_told("strategy", "(endless: true)", "planned nothing");
}

#[test]
fn an_engine_that_fails_or_lies_is_replaced() {
    assert_told("engine", "(fail: (panic_in: [open]))", "panicked");
    assert_told("engine", "(fail: (panic_in: [scan]))", "scan panicked");
    assert_told("engine", "(fail: (error_in: [scan]))", "misbehaving in Scan");
    assert_told("engine", "(claim: wrong_score)", "score");
    assert_told("engine", "(claim: outside)", "leaf");
    assert_told("engine", "(claim: over_bound)", "bound");
}

#[test]
fn a_policy_that_fails_is_replaced() {
    assert_told("policy", "(fail: (panic_in: [open]))", "panicked");
    assert_told("policy", "(fail: (panic_in: [select]))", "select panicked");
    assert_told("policy", "(fail: (error_in: [select]))", "misbehaving in Select");
    assert_told("policy", "(choose: outside)", "chose candidate");
}

/// Each place is a call of foreign code that the host cannot end.
#[test]
fn a_plugin_that_never_returns_is_replaced() {
    for (kind, place) in [
        ("strategy", "open"),
        ("strategy", "begin"),
        ("strategy", "plan"),
        ("strategy", "feedback"),
        ("engine", "open"),
        ("engine", "scan"),
        ("policy", "open"),
        ("policy", "select"),
    ] {
        let words = if place == "select" { "did not answer" } else { "did not return within" };
        assert_told(kind, &format!("(fail: (hang_in: [{place}]))"), words);
    }
}

#[test]
fn a_destructor_that_never_returns_keeps_nobody() {
    for kind in ["strategy", "engine", "policy"] {
        mine_with(kind, "(fail: (hang_in: [drop]))");
    }
    // While mining goes on: instances are dropped when one fails.
    assert_told("strategy", "(fail: (error_in: [plan], hang_in: [drop], after: 1))", "in Plan");
}

#[test]
fn a_transport_that_never_returns_keeps_nobody() {
    for place in ["open", "run", "drop"] {
        let config = format!("(fail: (hang_in: [{place}]))");
        let transports = format!("[(name: \"misbehaving\", config: {config}), (name: \"solo\")]");
        mine_and_end(&Home::new().misbehaving().set("transports", &transports));
    }
}

#[test]
fn a_veto_keeps_a_block_back_and_is_told() {
    let home =
        Home::new().misbehaving().set("policy", "(name: \"misbehaving\", config: (choose: veto))");
    let ended = home.run_to_end(&["--until-blocks", "1", "--for", "4"]);
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    assert_eq!(ended.events("accepted").len(), 0);
    assert!(ended.stdout.contains("misbehaving wants no block"), "{ended:#?}");
}

#[test]
fn a_transport_that_fails_leaves_the_others_alone() {
    for place in ["open", "run", "task", "thread", "drop"] {
        let config = format!("(fail: (panic_in: [{place}]))");
        let transports = format!("[(name: \"misbehaving\", config: {config}), (name: \"solo\")]");
        let ended = mine_and_end(&Home::new().misbehaving().set("transports", &transports));
        if place != "drop" {
            assert!(!faults(&ended, "transport").is_empty(), "{place}: {ended:#?}");
        }
    }
}

#[test]
fn a_transport_that_does_not_end_does_not_keep_the_miner() {
    let transports = "[(name: \"misbehaving\", config: (deaf: true)), (name: \"solo\")]";
    mine_and_end(&Home::new().misbehaving().set("transports", transports));
}

#[test]
fn a_config_that_does_not_fit_stops_the_miner_with_its_place() {
    let home = Home::new().misbehaving().set(
        "strategy",
        "(\n        name: \"misbehaving\",\n        config: (\n            endles: true,\n        ))",
    );
    let line = 1 + fs::read_to_string(home.manifest())
        .unwrap()
        .lines()
        .position(|line| line.contains("endles"))
        .unwrap();
    let ended = home.run_to_end(&["--for", "5"]);
    ended.assert_refused(6, &format!("miner.ron:{line}"));
    for word in ["spacetime-misbehaving", "strategy `misbehaving`", "endles"] {
        assert!(ended.stderr.contains(word), "names {word}: {ended:#?}");
    }
}

#[track_caller]
fn assert_mines_without(file: &Path, code: &str) {
    let home = Home::new().plugin(file);
    let ended = home.mine(1);
    let faults = ended.events("fault");
    assert_eq!(faults.len(), 1, "{ended:#?}");
    let message = faults[0]["message"].as_str().unwrap();
    assert!(message.contains(code), "{message}");
    assert!(message.contains(&*file.to_string_lossy()), "{message}");

    // `check` says it too, and fails.
    let checked = home.command(&["check"]);
    assert_ne!(checked.code, Some(0), "{checked:#?}");
    assert!(format!("{}{}", checked.stdout, checked.stderr).contains(code), "{checked:#?}");
}

#[test]
fn a_text_file_named_like_a_library_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.so");
    fs::write(&file, "not a library\n").unwrap();
    assert_mines_without(&file, "PLG-0002");
}

#[test]
fn a_plugin_of_another_interface_version_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libother_major.so");
    spacetime_tests::plugins::redescribe(
        &spacetime_tests::artifacts::plugin("spacetime-strategy-sampling"),
        &file,
        "\"abi\":\"1.",
        "\"abi\":\"2.",
    );
    assert_mines_without(&file, "PLG-0007");
}

/// The strategy itself is the refused plugin: the host's own plan takes over.
#[test]
fn a_strategy_that_cannot_be_loaded_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.so");
    let whole = fs::read(spacetime_tests::artifacts::plugin("spacetime-misbehaving")).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let home = Home::new().plugin(&file).set("strategy", "(name: \"misbehaving\")");
    let ended = home.mine(1);
    assert!(
        ended
            .events("fault")
            .iter()
            .any(|fault| { fault["message"].as_str().unwrap().contains("PLG-0002") })
    );
}
