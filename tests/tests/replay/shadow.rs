//! Shadows on a live miner: what they tell, and that nothing they do costs a
//! block.

use serde_json::Value;
use spacetime_tests::{home::Home, process::Ended};

use crate::made::home;

fn mine(shadow: &str) -> Ended {
    mine_in(&home().set("shadow", shadow))
}

fn mine_in(home: &Home) -> Ended {
    let ended = home.mine(3);
    let heights: Vec<u64> =
        ended.events("accepted").iter().map(|event| event["height"].as_u64().unwrap()).collect();
    assert_eq!(heights, [1, 2, 3], "{ended:#?}");
    // The live strategy scans all there is, as it does without a shadow.
    for proof in ended.events("proof").iter().filter(|proof| proof["ended"] == "complete") {
        assert_eq!(proof["coverage"], 1.0, "{proof:#}");
    }
    ended
}

fn totals(ended: &Ended) -> Value {
    ended.events("stopped")[0]["shadows"][0].clone()
}

#[test]
fn a_shadow_is_told_beside_the_live_strategy_and_submits_nothing() {
    let ended = mine("[(name: \"sampling\", config: (sample_size: 1000))]");
    let shadows = ended.events("shadow");
    assert!(shadows.len() >= 2, "{ended:#?}");
    for event in &shadows {
        assert_eq!(event["shadow"], "shadow-sampling");
        assert_eq!((&event["how"], &event["scanned"]), (&"simulated".into(), &1000.into()));
        let [chance, live] = ["chance", "live_chance"].map(|key| event[key].as_f64().unwrap());
        assert!(0.0 < chance && chance < live, "{event:#}");
        assert_eq!(event["missed"], false);
    }
    assert_eq!(ended.events("fault"), [] as [Value; 0]);
    let totals = totals(&ended);
    assert_eq!(totals["challenges"], shadows.len());
    let sum: f64 = shadows.iter().map(|event| event["chance"].as_f64().unwrap()).sum();
    assert!((totals["expected_wins"].as_f64().unwrap() - sum).abs() < 1e-9, "{totals:#}");
    // All that was submitted is what the live strategy won.
    assert_eq!(ended.events("submitted").len(), ended.events("won").len());
}

/// The same strategy as a shadow does what the live one does.
#[test]
fn a_shadow_of_the_live_strategy_is_its_equal() {
    let ended = mine("[(name: \"full\")]");
    for event in ended.events("shadow") {
        assert_eq!(event["chance"], event["live_chance"], "{event:#}");
        assert_eq!(event["wins"], event["live_wins"], "{event:#}");
    }
    assert!(totals(&ended)["challenges"].as_u64().unwrap() >= 2, "{ended:#?}");
}

#[test]
fn a_shadow_that_may_read_reads_in_the_time_that_is_left() {
    let ended = mine("[(name: \"full\", reads: true)]");
    let read: Vec<Value> =
        ended.events("shadow").into_iter().filter(|event| event["how"] == "read").collect();
    assert!(!read.is_empty(), "{ended:#?}");
    for event in read.iter().filter(|event| event["missed"] == false) {
        assert_eq!(event["scanned"], event["leaves"]);
        assert_eq!(event["wins"], event["live_wins"], "the leaves are the same: {event:#}");
    }
}

/// Each place is one where a shadow can fail; it is set aside, and the blocks
/// are those that are won without it.
#[test]
fn a_shadow_that_misbehaves_is_its_own_fault() {
    mine("[]");
    for (config, words) in [
        ("(fail: (hang_in: [plan]))", "did not return"),
        ("(fail: (hang_in: [arrange]))", "did not return"),
        ("(fail: (panic_in: [plan]))", "panicked"),
        ("(fail: (panic_in: [feedback], after: 1))", "panicked"),
        ("(spans: overflowing)", "of a plot with"),
        ("(endless: true)", "planned nothing"),
    ] {
        let ended = mine(&format!("[(name: \"misbehaving\", config: {config})]"));
        let faults = ended.events("fault");
        assert!(!faults.is_empty(), "{config}: {ended:#?}");
        for fault in &faults {
            let culprit = fault["culprit"].as_str().unwrap();
            assert!(culprit.starts_with("shadow strategy `misbehaving`"), "{fault:#}");
            assert!(fault["message"].as_str().unwrap().contains(words), "{config}: {fault:#}");
            assert!(fault["next"].as_str().unwrap().contains("mining is not touched"));
        }
        // What the host planned in its place is not the shadow's.
        assert_eq!(ended.events("shadow"), [] as [Value; 0], "{config}");
    }
}

/// A shadow that hangs takes no other with it.
#[test]
fn the_others_go_on() {
    let hangs = "(name: \"misbehaving\", config: (fail: (hang_in: [plan])))";
    let ended = mine(&format!("[{hangs}, (name: \"sampling\")]"));
    let of =
        |name: &str| ended.events("shadow").iter().filter(|event| event["shadow"] == name).count();
    assert_eq!(of("shadow-misbehaving"), 0);
    assert!(of("shadow-sampling") >= 2, "{ended:#?}");
}

#[test]
fn their_sums_are_told_in_words() {
    let home = home().set("shadow", "[(name: \"sampling\")]");
    let manifest = home.manifest();
    let arguments = ["run", "--manifest", manifest.to_str().unwrap(), "--until-blocks", "1"];
    let ended = home.command(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let line = ended.stdout.lines().find(|line| line.contains("Shadow `shadow-sampling`"));
    assert!(line.is_some(), "{ended:#?}");
}
