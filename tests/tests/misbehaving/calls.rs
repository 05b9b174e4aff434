//! Calls that fail, lie or never return: the host goes on with its own.

use serde_json::Value;
use spacetime_tests::home::Home;

use crate::{assert_each_told, assert_told, at_once, home, mine_and_end, mine_with};

/// The call of each kind that a job waits for.
const CALLS: [(&str, &str); 3] = [("strategy", "plan"), ("engine", "scan"), ("policy", "select")];

const KINDS: [&str; 3] = ["strategy", "engine", "policy"];

#[test]
fn a_misbehaving_plugin_that_behaves_is_no_fault() {
    at_once(&KINDS, |kind| {
        assert_eq!(mine_with(kind, "()").events("fault"), [] as [Value; 0]);
    });
}

#[test]
fn a_strategy_that_panics_is_replaced() {
    let cases = [
        ("(fail: (panic_in: [open]))", "panicked"),
        ("(fail: (panic_in: [begin]))", "begin panicked"),
        ("(fail: (panic_in: [plan]))", "plan panicked"),
        ("(fail: (panic_in: [plan], after: 1))", "plan panicked"),
        ("(fail: (panic_in: [feedback]))", "feedback panicked"),
    ];
    assert_each_told("strategy", &cases);
}

#[test]
fn a_plugin_whose_thread_panics_is_told_and_mined_on_with() {
    at_once(&KINDS, |kind| {
        assert_told(kind, "(fail: (panic_in: [thread]))", "a thread or task of its own");
    });
}

#[test]
fn a_destructor_that_panics_spoils_nothing() {
    at_once(&CALLS, |(kind, call)| {
        // When the miner ends, and when the component is replaced.
        mine_with(kind, "(fail: (panic_in: [drop]))");
        let config = format!("(fail: (panic_in: [drop], error_in: [{call}]))");
        // Whichever comes first: when it is given up, no more is told of it.
        assert_told(kind, &config, "misbehaving in ");
    });
    // Instances are dropped when another one has been quarantined.
    let config = "(fail: (panic_in: [plan, drop], after: 1))";
    assert_told("strategy", config, "panicked");
}

#[test]
fn a_strategy_that_fails_or_plans_nonsense_is_replaced() {
    let cases = [
        ("(fail: (error_in: [begin]))", "misbehaving in Begin"),
        ("(fail: (error_in: [plan]))", "misbehaving in Plan"),
        ("(spans: out_of_range)", "of a plot with 32768"),
        ("(spans: overflowing)", "of a plot with 32768"),
        ("(spans: empty)", "of a plot with 32768"),
        ("(endless: true)", "planned nothing"),
    ];
    assert_each_told("strategy", &cases);
}

/// One of each of five plots, in the same scan.
#[test]
fn the_fifth_error_within_minutes_ends_a_strategy_for_this_run() {
    let home = home("strategy", "(fail: (error_in: [plan]))");
    home.command(&["key", "new", "--key", "key"]);
    for number in 1..=5 {
        let plot = format!("plots/{number}.plot");
        let made = home.command(&["plot", "create", "--out", &plot, "--leaves", "8192"]);
        assert_eq!(made.code, Some(0), "{made:#?}");
    }
    let ended = mine_and_end(&home);
    let faults = ended.events("fault");
    let ends = |fault: &Value| fault["next"].as_str().unwrap().contains("not used any more");
    assert_eq!(faults.iter().filter(|fault| ends(fault)).count(), 1, "{ended:#?}");
    let stopped = &ended.events("stopped")[0];
    let plugins = stopped["plugins"].as_array().unwrap();
    let is_it = |plugin: &&Value| plugin["component"].as_str().unwrap().contains("misbehaving");
    let strategy = plugins.iter().find(is_it).unwrap();
    assert_eq!(strategy["calls"]["plan"]["errors"], 5, "{ended:#?}");
    // The next run tries it again.
    assert_eq!(home.mine(1).events("started")[0]["strategy"], "misbehaving");
}

#[test]
fn an_engine_that_fails_or_lies_is_replaced() {
    let cases = [
        ("(fail: (panic_in: [open]))", "panicked"),
        ("(fail: (panic_in: [scan]))", "scan panicked"),
        ("(fail: (error_in: [scan]))", "misbehaving in Scan"),
        ("(claim: wrong_score)", "score"),
        ("(claim: outside)", "leaf"),
        ("(claim: over_bound)", "bound"),
    ];
    assert_each_told("engine", &cases);
}

#[test]
fn a_policy_that_fails_is_replaced() {
    let cases = [
        ("(fail: (panic_in: [open]))", "panicked"),
        ("(fail: (panic_in: [select]))", "select panicked"),
        ("(fail: (error_in: [select]))", "misbehaving in Select"),
        ("(choose: outside)", "chose candidate"),
    ];
    assert_each_told("policy", &cases);
}

/// Each place is a call of foreign code that the host cannot end.
#[test]
fn a_plugin_that_never_returns_is_replaced() {
    let places = [
        ("strategy", "open"),
        ("strategy", "begin"),
        ("strategy", "plan"),
        ("strategy", "feedback"),
        ("engine", "open"),
        ("engine", "scan"),
        ("policy", "open"),
        ("policy", "select"),
    ];
    at_once(&places, |(kind, place)| {
        assert_told(kind, &format!("(fail: (hang_in: [{place}]))"), "did not return within");
    });
}

#[test]
fn a_destructor_that_never_returns_keeps_nobody() {
    at_once(&KINDS, |kind| {
        mine_with(kind, "(fail: (hang_in: [drop]))");
    });
    // While mining goes on: instances are dropped when one fails.
    assert_told("strategy", "(fail: (error_in: [plan], hang_in: [drop], after: 1))", "in Plan");
}

#[test]
fn a_veto_keeps_a_block_back_and_is_told() {
    let ended = home("policy", "(choose: veto)").run_to_end(&["--until-blocks", "1", "--for", "4"]);
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    assert_eq!(ended.events("accepted").len(), 0);
    assert!(ended.stdout.contains("misbehaving wants no block"), "{ended:#?}");
}

#[test]
fn a_panic_while_a_config_is_read_is_one_of_the_constructor() {
    at_once(&KINDS, |kind| {
        assert_told(kind, "(fail: (panic_while_reading: ()))", "its config panicked");
    });
}

#[test]
fn what_cannot_be_shown_without_a_panic_is_a_panic_of_the_call() {
    for what in ["error", "log_line"] {
        at_once(&CALLS, |(kind, place)| {
            let config = format!("(fail: (act_in: [{place}], unshowable: {what}))");
            assert_told(kind, &config, "misbehaving when it is shown");
        });
    }
}

/// Every call that a job waits for: `cancel` is never looked at.
#[test]
fn a_plugin_that_spins_is_replaced() {
    at_once(&CALLS, |(kind, place)| {
        assert_told(kind, &format!("(fail: (spin_in: [{place}]))"), "did not return within");
    });
}

/// The whole of the challenge is scanned although its plan hangs. Its window is
/// longer than a call may take.
#[test]
fn a_plan_that_never_returns_costs_its_plugin_and_not_the_challenge() {
    let config = "(name: \"misbehaving\", config: (fail: (hang_in: [plan])))";
    let home = Home::with_long_windows().misbehaving().set("strategy", config);
    let mut miner = home.run(&[]);
    let challenge = miner.event("challenge");
    let fault = miner.event("fault");
    assert!(fault["message"].as_str().unwrap().contains("did not return within"), "{fault}");
    let proof = miner.event("proof");
    assert_eq!(proof["challenge"], challenge["challenge"]);
    assert_eq!((&proof["ended"], &proof["coverage"]), (&"complete".into(), &1.0.into()), "{proof}");
    let ended = miner.stop();
    assert_eq!(ended.events("fault"), [fault], "{ended:#?}");
}

#[test]
fn a_slow_constructor_is_waited_for() {
    at_once(&KINDS, |kind| {
        let ended = mine_with(kind, "(fail: (act_in: [open], slow_ms: 1500))");
        assert_eq!(ended.events("fault"), [] as [Value; 0], "{ended:#?}");
    });
}

#[test]
fn a_plugin_that_changes_the_folder_moves_nothing_of_the_miner() {
    let places = [("strategy", "open"), ("engine", "scan"), ("policy", "select")];
    at_once(&places, |(kind, place)| {
        let config = format!("(fail: (act_in: [{place}], meddle: change_folder))");
        let ended = mine_with(kind, &config);
        assert_eq!(ended.events("fault"), [] as [Value; 0], "{ended:#?}");
    });
}

#[cfg(unix)]
#[test]
fn a_plugin_that_blocks_signals_does_not_keep_the_miner_from_stopping() {
    let home = home("strategy", "(fail: (act_in: [plan], meddle: block_signals))");
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Its events go on, and no file that is opened later gets them.
#[cfg(unix)]
#[test]
fn a_plugin_that_closes_the_streams_silences_nobody() {
    at_once(&[("strategy", "open"), ("engine", "scan")], |(kind, place)| {
        let config = format!("(fail: (act_in: [{place}], meddle: close_streams))");
        let ended = mine_with(kind, &config);
        assert_eq!(ended.events("stopped").len(), 1, "{ended:#?}");
    });
}
