//! What a running miner records, and what becomes of the record when it is
//! killed.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use spacetime_core::{
    observe::Ended,
    record::{Record, load},
};
use spacetime_tests::{home::Home, process::PATIENCE};

fn file(home: &Home) -> PathBuf {
    home.path("data/challenges.jsonl")
}

fn read(home: &Home) -> Record {
    load(&file(home), usize::MAX).unwrap()
}

#[test]
fn every_scan_is_recorded_as_it_was() {
    let home = Home::new();
    let ended = home.mine(3);
    let record = read(&home);
    assert_eq!((record.damaged, record.is_cut), (0, false));
    let proofs: BTreeMap<String, serde_json::Value> = ended
        .events("proof")
        .into_iter()
        .map(|proof| (proof["challenge"].as_str().unwrap().to_owned(), proof))
        .collect();
    let mut wins = 0;
    for recorded in &record.challenges {
        let (run, entry) = (&recorded.run, &recorded.entry);
        assert_eq!((run.network.as_str(), recorded.plots.len()), ("spacetime-local-v1", 1));
        assert_eq!(run.strategy.as_ref().unwrap().name, "full");
        // What was found before the time was over may win, too.
        wins += u64::from(entry.wins);
        if entry.ended != Ended::Complete {
            continue;
        }
        let proof = &proofs[&entry.challenge.to_string()];
        let best = entry.best.unwrap();
        assert_eq!(proof["score"], best.score.to_string());
        assert_eq!(proof["leaf_index"], best.leaf_index);
        assert_eq!(proof["wins"], entry.wins);
        assert_eq!(proof["scanned"], entry.scanned);
        assert_eq!(proof["epoch"].as_u64(), None.or(Some(entry.epoch)));
        let [plan] = entry.noted.plans.as_slice() else { panic!("one plot: {entry:?}") };
        assert_eq!(plan.stretches.as_deref(), Some(&[(0, entry.leaves)][..]));
        assert!(!plan.own && plan.calls.len() == 1, "{plan:?}");
        let [read] = entry.noted.reads.as_slice() else { panic!("one plot: {entry:?}") };
        assert_eq!(read.on.and(read.jumps).leaves, entry.leaves);
        assert_eq!(read.jumps.count, 1);
        let window = entry.deadline_ms - entry.started_ms;
        assert!(entry.open_ms <= window && entry.took_us / 1000 <= entry.open_ms, "{entry:?}");
    }
    assert!(wins >= 3, "{wins} wins recorded");
}

#[test]
fn nothing_is_recorded_where_that_is_not_wanted() {
    let home = Home::new().set("record", "(enabled: false)");
    home.mine(1);
    assert!(!file(&home).exists());
}

/// What has been written stays, and of what is being written one line at the
/// most is lost.
#[test]
fn a_killed_miner_loses_the_last_line_at_the_most() {
    let home = Home::new();
    let mut lengths = Vec::new();
    for round in 1..=2 {
        let miner = home.run(&[]);
        let before = lengths.last().copied().unwrap_or(0);
        let until = Instant::now() + PATIENCE;
        let there = loop {
            let there = load(&file(&home), usize::MAX).map_or(0, |record| record.challenges.len());
            if there >= before + 3 {
                break there;
            }
            assert!(Instant::now() < until, "nothing is recorded");
            // The file is looked at again; nothing tells of it.
            thread::sleep(Duration::from_millis(20));
        };
        miner.kill();
        let record = read(&home);
        assert!(record.challenges.len() >= there, "{} of {there}", record.challenges.len());
        assert!(record.damaged <= round, "{} damaged lines", record.damaged);
        lengths.push(record.challenges.len());
    }
}
