//! `strategy replay` over records that are made for the purpose: with `--scan`,
//! what is won is counted, and follows a law that is known.

use serde_json::Value;
use spacetime_tests::home::Home;

use crate::{
    holds,
    made::{LEAVES, home_with_plot, write},
    row,
};

fn replay(home: &Home, arguments: &[&str]) -> Value {
    let base =
        ["strategy", "replay", "--json", "--manifest", "miner.ron", "--record", "made.jsonl"];
    let ended = home.command(&[&base, arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

/// Of a sample of a quarter of the leaves it is known how often one of them
/// wins. Leaves and challenges are always the same, and so are the wins.
#[test]
fn wins_that_are_counted_are_those_that_are_expected() {
    let home = home_with_plot();
    let (challenges, sample) = (300, LEAVES / 4);
    // Long enough for the slowest machine: the plans complete.
    write(&home, challenges, LEAVES, 20_000);
    let (name, last) = (format!("sampling=(sample_size: {sample})"), challenges.to_string());
    let document = replay(&home, &["--scan", "--last", &last, "--strategy", &name]);
    assert_eq!(document["mode"], "scanned");
    let (full, sampling) = (row(&document, "full"), row(&document, &name));
    let chance = |leaves: u64| 1.0 - (1.0 - 1.0 / LEAVES as f64).powf(leaves as f64);
    for (row, leaves) in [(full, LEAVES), (sampling, sample)] {
        assert_eq!(row["scanned"], leaves * challenges, "{document:#}");
        assert_eq!(row["missed"], 0, "{document:#}");
        let expected = row["expected_wins"].as_f64().unwrap();
        assert!((expected - chance(leaves) * challenges as f64).abs() < 1e-3, "{document:#}");
        assert!(holds(&row["win_rate"], chance(leaves)), "{document:#}");
    }
    let known = chance(sample) / chance(LEAVES);
    let compared = &sampling["compared"];
    assert!((compared["ratio"]["value"].as_f64().unwrap() - known).abs() < 1e-9);
    assert!(holds(&compared["ratio_of_wins"]["interval"], known), "{known}: {document:#}");
    assert!(!holds(&compared["ratio_of_wins"]["interval"], 1.0), "{document:#}");
}

#[test]
fn plots_that_are_gone_are_told_of() {
    let home = home_with_plot();
    write(&home, 3, LEAVES, 1000);
    std::fs::remove_file(home.path("plots/a.plot")).unwrap();
    let arguments = ["strategy", "replay", "--manifest", "miner.ron", "--record", "made.jsonl"];
    home.command(&[&arguments[..], &["--scan"]].concat())
        .assert_refused(5, "no plot of the record");
    // A simulation needs none.
    assert_eq!(replay(&home, &[])["challenges"], 3);
}

/// What a time that is too short leaves undone is missed: a leaf takes 10 ns
/// in this record, and the whole plot a third of a millisecond.
#[test]
fn time_that_is_too_short_is_missed() {
    let home = home_with_plot();
    write(&home, 40, LEAVES, 1);
    assert_eq!(row(&replay(&home, &[]), "full")["missed"], 0);
    std::fs::remove_file(home.path("made.jsonl")).unwrap();
    write(&home, 40, LEAVES, 0);
    let document = replay(&home, &[]);
    let full = row(&document, "full");
    assert_eq!((&full["missed"], &full["scanned"]), (&40.into(), &0.into()), "{document:#}");
}
