//! Calls that fail, lie or never return: the host goes on with its own.

use serde_json::Value;

use crate::{assert_told, home, mine_with};

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
        // Whichever comes first: when it is given up, no more is told of it.
        assert_told(kind, &config, "misbehaving in ");
    }
    // Instances are dropped when another one has been quarantined.
    let config = "(fail: (panic_in: [plan, drop], after: 1))";
    assert_told("strategy", config, "panicked");
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
fn a_veto_keeps_a_block_back_and_is_told() {
    let ended = home("policy", "(choose: veto)").run_to_end(&["--until-blocks", "1", "--for", "4"]);
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    assert_eq!(ended.events("accepted").len(), 0);
    assert!(ended.stdout.contains("misbehaving wants no block"), "{ended:#?}");
}

#[test]
fn a_panic_while_a_config_is_read_is_one_of_the_constructor() {
    for kind in ["strategy", "engine", "policy"] {
        assert_told(kind, "(fail: (panic_while_reading: ()))", "its config panicked");
    }
}

#[test]
fn what_cannot_be_shown_without_a_panic_is_a_panic_of_the_call() {
    for what in ["error", "log_line"] {
        for (kind, place) in [("strategy", "plan"), ("engine", "scan"), ("policy", "select")] {
            let config = format!("(fail: (act_in: [{place}], unshowable: {what}))");
            assert_told(kind, &config, "misbehaving when it is shown");
        }
    }
}

/// Every call that a job waits for: `cancel` is never looked at.
#[test]
fn a_plugin_that_spins_is_replaced() {
    for (kind, place) in [("strategy", "plan"), ("engine", "scan"), ("policy", "select")] {
        let words = if place == "select" { "did not answer" } else { "did not return within" };
        assert_told(kind, &format!("(fail: (spin_in: [{place}]))"), words);
    }
}

/// The whole of the challenge is scanned although its plan hangs.
#[test]
fn a_plan_that_never_returns_costs_its_plugin_and_not_the_challenge() {
    let ended = mine_with("strategy", "(fail: (hang_in: [plan]))");
    let first = &ended.events("proof")[0];
    assert_eq!((&first["ended"], &first["coverage"]), (&"complete".into(), &1.0.into()), "{first}");
    let challenge = &ended.events("challenge")[0];
    assert_eq!(first["challenge"], challenge["challenge"]);
    assert_eq!(ended.events("fault").len(), 1, "{ended:#?}");
}

#[test]
fn a_slow_constructor_is_waited_for() {
    for kind in ["strategy", "engine", "policy"] {
        let ended = mine_with(kind, "(fail: (act_in: [open], slow_ms: 1500))");
        assert_eq!(ended.events("fault"), [] as [Value; 0], "{ended:#?}");
    }
}

#[test]
fn a_plugin_that_changes_the_folder_moves_nothing_of_the_miner() {
    for (kind, place) in [("strategy", "open"), ("engine", "scan"), ("policy", "select")] {
        let config = format!("(fail: (act_in: [{place}], meddle: change_folder))");
        let ended = mine_with(kind, &config);
        assert_eq!(ended.events("fault"), [] as [Value; 0], "{ended:#?}");
    }
}

#[cfg(unix)]
#[test]
fn a_plugin_that_blocks_signals_does_not_keep_the_miner_from_stopping() {
    let mut miner = home("strategy", "(fail: (act_in: [plan], meddle: block_signals))").run(&[]);
    miner.event("accepted");
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Its events go on, and no file that is opened later gets them.
#[cfg(unix)]
#[test]
fn a_plugin_that_closes_the_streams_silences_nobody() {
    for (kind, place) in [("strategy", "open"), ("engine", "scan")] {
        let config = format!("(fail: (act_in: [{place}], meddle: close_streams))");
        let ended = mine_with(kind, &config);
        assert_eq!(ended.events("stopped").len(), 1, "{ended:#?}");
    }
}
