//! `strategy replay`, over what a real miner has recorded.

use std::sync::OnceLock;

use serde_json::Value;
use spacetime_core::record::load;
use spacetime_tests::{home::Home, process::Ended};

use crate::{
    holds,
    made::{LEAVES, home},
    row,
};

/// A home in which three blocks were mined by `full`, once for all tests.
fn mined() -> &'static Home {
    static MINED: OnceLock<Home> = OnceLock::new();
    MINED.get_or_init(|| {
        let home = home();
        home.mine(3);
        home
    })
}

fn replay(home: &Home, arguments: &[&str]) -> Ended {
    let all = [&["strategy", "replay", "--json", "--manifest", "miner.ron"], arguments].concat();
    home.command(&all)
}

fn document(home: &Home, arguments: &[&str]) -> Value {
    let ended = replay(home, arguments);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

#[test]
fn the_recorded_strategy_plans_again_what_it_planned() {
    let home = mined();
    let document = document(home, &[]);
    assert_eq!(document["reproduced"]["same"], document["challenges"], "{document:#}");
    assert_eq!(document["reproduced"]["different"], 0);
    let (was, full) = (row(&document, "as it was"), row(&document, "full"));
    assert_eq!((&was["role"], &full["role"]), (&"recorded".into(), &"baseline".into()));
    for figure in ["challenges", "scanned", "expected_wins", "wins", "missed"] {
        assert_eq!(was[figure], full[figure], "{figure}: {document:#}");
    }
    let text = home.command(&["strategy", "replay", "--manifest", "miner.ron"]).stdout;
    let count = &document["challenges"];
    assert!(text.contains(&format!("Plan reproduced in {count} of {count}\n")), "{text}");
    assert!(text.contains("nothing was read"), "{text}");
}

/// Told what it was told, `adaptive` plans the same, whose plan depends on it.
#[test]
fn a_strategy_with_feedback_plans_again_what_it_planned() {
    let home = home().set("strategy", "(name: \"adaptive\")");
    home.mine(2);
    let document = document(&home, &[]);
    assert_eq!(document["reproduced"]["same"], document["challenges"], "{document:#}");
    assert!(document["challenges"].as_u64().unwrap() >= 2);
    let was = row(&document, "as it was");
    assert_eq!(row(&document, "adaptive")["scanned"], was["scanned"], "{document:#}");
}

/// The chance of `n` leaves is known, so the ratio is.
#[test]
fn a_sample_has_the_share_of_expected_wins_that_its_leaves_have() {
    let home = mined();
    let sample = 64;
    let name = format!("sampling=(sample_size: {sample})");
    let document = document(home, &["--strategy", &name]);
    let sampling = row(&document, &name);
    let challenges = document["challenges"].as_u64().unwrap();
    assert_eq!(sampling["scanned"], sample * challenges, "{document:#}");
    let ratio = &sampling["compared"]["ratio"];
    let value = ratio["value"].as_f64().unwrap();
    let recorded = load(&home.path("data/challenges.jsonl"), usize::MAX).unwrap();
    // One leaf of `difficulty` wins, on the average.
    let chance = |leaves: u64| -> f64 {
        let of = |difficulty: u64| 1.0 - (1.0 - 1.0 / difficulty as f64).powf(leaves as f64);
        recorded.challenges.iter().map(|challenge| of(challenge.entry.difficulty)).sum()
    };
    let expected = chance(sample) / chance(LEAVES);
    assert!((value / expected - 1.0).abs() < 0.01, "{value}, not {expected}");
    assert!(holds(&ratio["interval"], value), "{document:#}");
}

#[test]
fn the_same_record_gives_the_same_figures() {
    let arguments = ["--strategy", "adaptive", "--strategy", "sampling=(sample_size: 77)"];
    let home = mined();
    assert_eq!(document(home, &arguments), document(home, &arguments));
    let last = document(home, &["--last", "2"]);
    assert_eq!(last["challenges"].as_u64(), Some(2), "{last:#}");
}

#[test]
fn one_that_misbehaves_is_a_fault_and_stops_nobody() {
    for (config, words) in [
        ("(fail: (panic_in: [plan]))", "panicked"),
        ("(fail: (error_in: [begin]))", "misbehaving in Begin"),
        ("(fail: (hang_in: [plan]))", "did not return"),
        ("(fail: (hang_in: [arrange]))", "did not return"),
        ("(spans: out_of_range)", "of a plot with"),
        ("(endless: true)", "planned nothing"),
    ] {
        let broken = format!("misbehaving={config}");
        let arguments = ["--strategy", &broken, "--strategy", "sampling=(sample_size: 9)"];
        let document = document(mined(), &arguments);
        let faults = row(&document, &broken)["faults"].to_string();
        assert!(faults.contains(words), "{config}: {document:#}");
        let sampling = row(&document, "sampling=(sample_size: 9)");
        assert_eq!(sampling["challenges"], document["challenges"], "{config}: {document:#}");
        assert_eq!(sampling["faults"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn the_manifests_strategy_and_shadows_are_tried() {
    let home = home();
    home.mine(1);
    let home = home
        .set("strategy", "(name: \"adaptive\")")
        .set("shadow", "[(name: \"sampling\", config: (sample_size: 5))]");
    let document = document(&home, &["--shadow"]);
    assert_eq!(row(&document, "full")["role"], "baseline");
    assert_eq!(row(&document, "adaptive")["role"], "candidate");
    assert_eq!(row(&document, "sampling=(sample_size: 5)")["role"], "candidate");
}

#[test]
fn what_cannot_be_done_is_said() {
    let home = mined();
    replay(home, &["--strategy", "nobody"]).assert_refused(8, "nobody");
    replay(home, &["--strategy", "sampling=(sample_size: 0)"]).assert_refused(6, "sample_size");
    replay(home, &["--record", "nowhere.jsonl"]).assert_refused(8, "nowhere.jsonl");
    std::fs::write(home.path("newer.jsonl"), "{\"kind\":\"run\",\"record\":99}\n").unwrap();
    replay(home, &["--record", "newer.jsonl"]).assert_refused(1, "format 99");
    std::fs::write(home.path("empty.jsonl"), "").unwrap();
    replay(home, &["--record", "empty.jsonl"]).assert_refused(8, "empty.jsonl");
}
