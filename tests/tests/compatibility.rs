//! `docs/compatibility.md` names tests that show what it says. They exist.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{collections::BTreeSet, fs};

use spacetime_tests::artifacts::repository;

/// The defects of the reference, D1 to D34.
const DEFECTS: u32 = 34;

fn document() -> String {
    fs::read_to_string(repository().join("docs/compatibility.md")).unwrap()
}

/// What stands between backquotes and looks like `path/to/file.rs::name`.
fn named(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).collect()
}

/// A test of that name: an attribute that makes it one, and the function.
fn has_test(source: &str, name: &str) -> bool {
    let lines = source.lines().map(str::trim).collect::<Vec<_>>();
    let is_function = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    };
    let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    lines.iter().enumerate().any(|(at, line)| {
        let before = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        is_function(line) && before.into_iter().any(is_test)
    })
}

#[test]
fn every_test_that_the_document_names_exists() {
    let text = document();
    let tests = named(&text);
    assert!(tests.len() > 40, "{} tests are named", tests.len());
    let missing = tests.iter().filter(|(path, name)| {
        let source = fs::read_to_string(repository().join(path)).unwrap_or_default();
        !has_test(&source, name)
    });
    let missing = missing.map(|(path, name)| format!("{path}::{name}")).collect::<Vec<_>>();
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_defect_has_a_row_with_a_test_or_says_why_not() {
    let text = document();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| D"));
    let mut found = BTreeSet::new();
    for row in rows {
        let (number, row) = row.split_once(" |").expect("a number and a cell");
        let number = number.parse::<u32>().expect("a number");
        assert!(found.insert(number), "D{number} has two rows");
        let says_why = row.contains("does not apply");
        assert!(!named(row).is_empty() || says_why, "D{number} names no test");
    }
    assert_eq!(found, (1..=DEFECTS).collect());
}

#[test]
fn a_name_that_is_no_test_is_noticed() {
    let source = "#[test]\n#[cfg(unix)]\nfn one() {}\nfn two() {}\n#[test]\nfn one_more() {}";
    assert!(has_test(source, "one") && has_test(source, "one_more"));
    assert!(!has_test(source, "two") && !has_test(source, "on") && !has_test(source, "three"));
}
