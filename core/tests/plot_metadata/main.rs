//! The plot set and its metadata file against the reference's plot manager:
//! each case is played on files, and what is then on disk and in memory is
//! compared with what the reference had, the text byte for byte. Where we do
//! otherwise, a rule says so, from the data alone (see `rules`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../sdk/protocol/tests/common/mod.rs"]
mod common;
mod entries;
mod files;
mod player;
mod rules;

use std::{collections::BTreeMap, env, panic};

use common::Case;
use player::Player;
use rules::Rule;
use spacetime_core::manifest::Manifest;

/// Cases in which each rule had a say; `None`: the reference and we agree in
/// all that was compared.
type Counts = BTreeMap<Option<Rule>, usize>;

/// The only test of this binary: its cases need the process's folder, as their
/// paths are relative.
#[test]
fn plots_are_remembered_as_in_the_reference() {
    let home = env::current_dir().unwrap();
    let mut counts = Counts::new();
    let mut failures = Vec::new();
    let (mut cases, mut texts, mut entries, mut proofs) = (0, 0, 0, 0);
    for case in common::load("metadata") {
        cases += 1;
        if case.op == "plot_manager" {
            manager(&case);
            *counts.entry(None).or_default() += 1;
            continue;
        }
        assert_eq!(case.op, "metadata_sequence", "{}: unknown operation", case.id);
        let folder = tempfile::tempdir().unwrap();
        env::set_current_dir(folder.path()).unwrap();
        // What is wrong is told of every case.
        let outcome = panic::catch_unwind(|| Player::new(&case).play());
        env::set_current_dir(&home).unwrap();
        let Ok(outcome) = outcome else {
            failures.push(case.id);
            continue;
        };
        texts += outcome.texts;
        entries += outcome.entries;
        proofs += outcome.proofs;
        if outcome.rules.is_empty() {
            *counts.entry(None).or_default() += 1;
        }
        for rule in outcome.rules {
            *counts.entry(Some(rule)).or_default() += 1;
        }
    }
    println!(
        "{cases} cases, by rule: {counts:?}; entries: {entries}, as text: {texts}, proofs: {proofs}"
    );
    assert!(failures.is_empty(), "{}: {failures:?}", failures.len());
    if env::var_os("SPACETIME_VECTORS").is_none() {
        let wanted = [
            (None, 75),
            (Some(Rule::CachePath), 1),
            (Some(Rule::ProvedAllTheSame), 1),
            (Some(Rule::Looked), 41),
            (Some(Rule::OnePlotPerFile), 4),
            (Some(Rule::KeptAside), 8),
            (Some(Rule::Unrecorded), 5),
            (Some(Rule::Utc), 16),
            (Some(Rule::NoPath), 1),
            (Some(Rule::Refused), 1),
            (Some(Rule::Held), 31),
            (Some(Rule::WrittenWhenChanged), 30),
            (Some(Rule::Typed), 1),
            (Some(Rule::Moved), 1),
            (Some(Rule::NoSum), 1),
        ];
        assert_eq!(counts, Counts::from(wanted));
        assert_eq!((cases, entries, texts, proofs), (205, 145, 134, 9));
    }
}

/// A path for the file that is none: the manifest refuses it, with its name.
fn manager(case: &Case) {
    let path = case.text("metadata_path");
    let line = path.map_or(String::new(), |path| format!("plot_metadata_path: {path:?},"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("miner.ron");
    let text =
        format!("(plot_directory: \"p\", private_key_path: \"k\", network_id: \"local\", {line})");
    std::fs::write(&file, text).unwrap();
    let ours = Manifest::load(&file, &[]).map(|_| ()).map_err(|error| error.to_string());
    match &case.outcome {
        Ok(_) => ours.unwrap(),
        Err(_) => assert!(ours.unwrap_err().contains("plot_metadata_path"), "{}", case.id),
    }
}
