//! The planted violations that `tests/violating/README.md` lists.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use spacetime_sdk_loader::Descriptor;
use spacetime_tests::{
    artifacts::{plugin, program, repository},
    process::run_to_end,
};

use super::{FEW, plugin_test, rules};

/// Tests that run at once: most of them wait.
const AT_ONCE: usize = 4;

/// A component, as `kind:name`, and the rule that it breaks.
type Planted = (String, String);

fn planted() -> Vec<Planted> {
    let text = fs::read_to_string(repository().join("tests/violating/README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
    })
    .collect()
}

fn honest() -> Vec<String> {
    let names = ["strategy:honest", "strategy:overlapping-declared", "strategy:needing"];
    let more = ["engine:honest", "policy:honest", "transport:honest"];
    names.into_iter().chain(more).map(str::to_owned).collect()
}

#[test]
fn every_component_is_listed() {
    let descriptor = Descriptor::read(&plugin("spacetime-violating")).unwrap();
    let components = descriptor.components.iter();
    let there: BTreeSet<String> =
        components.map(|component| format!("{}:{}", component.kind, component.name)).collect();
    let planted = planted();
    assert!(planted.len() >= 20, "{planted:?}");
    let listed = planted.into_iter().map(|(component, _)| component).chain(honest());
    assert_eq!(there, listed.collect());
}

#[test]
fn each_violation_is_found_by_its_rule() {
    let file = plugin("spacetime-violating");
    let (left, missed) = (Mutex::new(planted()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((component, rule)) = left.lock().unwrap().pop() else { break };
                    let config =
                        if component.ends_with("taking-zero") { "(step: 64)" } else { "()" };
                    let arguments = ["--component", &component, "--rule", &rule];
                    let more = ["--config", config, "--jobs", FEW];
                    let ended = plugin_test(&file, &[&arguments[..], &more].concat());
                    if ended.code != Some(13) || rules(&ended.document(), "broken") != [rule] {
                        missed.lock().unwrap().push((component, ended));
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Against all rules of their kind, each breaks its own and no other.
#[test]
fn a_violation_is_not_held_against_other_rules() {
    let file = plugin("spacetime-violating");
    for (component, rule) in [
        ("strategy:overlapping", "STR-003"),
        ("strategy:aborting", "ANY-002"),
        ("strategy:falling", "ANY-004"),
        ("strategy:tripping", "ANY-004"),
        ("transport:tripping", "ANY-004"),
        ("strategy:printing", "ANY-005"),
        ("engine:or-equal", "ENG-002"),
        ("policy:greedy", "POL-003"),
        ("policy:filtering", "POL-011"),
        ("transport:answering-twice", "TRN-010"),
    ] {
        let ended = plugin_test(&file, &["--component", component, "--jobs", FEW]);
        assert_eq!(rules(&ended.document(), "broken"), [rule], "{component}");
        ended.assert_refused(13, rule);
    }
}

#[test]
fn an_honest_component_keeps_every_rule() {
    let file = plugin("spacetime-violating");
    for component in honest() {
        let config = if component.ends_with("needing") { "(step: 3)" } else { "()" };
        let arguments = ["--component", &component, "--config", config, "--jobs", FEW];
        let ended = plugin_test(&file, &arguments);
        assert_eq!(ended.code, Some(0), "{component}: {ended:#?}");
        assert_eq!(rules(&ended.document(), "not_judged"), [] as [&str; 0], "{component}");
    }
}

/// The first finding of a rule in a document.
fn finding<'a>(document: &'a Value, rule: &str) -> &'a Value {
    let rows = document["components"][0]["rules"].as_array().unwrap();
    &rows.iter().find(|row| row["id"] == rule).unwrap()["findings"][0]
}

#[test]
fn a_finding_says_how_to_see_it_again() {
    let file = plugin("spacetime-violating");
    let ended = plugin_test(&file, &["--component", "strategy:aborting", "--rule", "STR-001"]);
    let document = ended.document();
    let finding = finding(&document, "ANY-002");
    assert!(finding["seen"].as_str().unwrap().contains("SIGABRT"), "{finding}");
    let given = finding["given"].as_str().unwrap();
    assert!(given.contains("begin: a plot of 10000 leaves"), "{finding}");
    let again = finding["again"].as_str().unwrap();
    assert!(again.contains("--component strategy:aborting --rule STR-001 --seed 1"), "{finding}");
}

/// Pasted as they stand, by a shell.
#[test]
#[cfg(unix)]
fn what_is_pasted_breaks_the_same_rule_again() {
    let file = plugin("spacetime-violating");
    for (component, config, tested, broken, given) in [
        // Found by the test of another rule, in its one use of the component.
        ("strategy:falling", "()", "ANY-009", "ANY-004", "a plot of 1000 leaves, job seed 42"),
        ("strategy:printing", "()", "ANY-010", "ANY-005", "a plot of 1000 leaves, job seed 42"),
        (
            "strategy:taking-zero",
            "(step: 64)",
            "ANY-007",
            "ANY-007",
            "the config (step: 0); a plot",
        ),
        ("strategy:misleading-default", "()", "ANY-007", "ANY-007", "what its file tells"),
        (
            "strategy:alone",
            "()",
            "ANY-010",
            "ANY-010",
            "each on a thread of its own; the config ()",
        ),
        ("strategy:aborting", "()", "STR-007", "ANY-002", "a plot of 10000 leaves, job seed "),
        ("strategy:dividing", "()", "STR-009", "STR-009", "the last feedback with leaves 0,"),
        ("policy:adding", "()", "POL-007", "POL-007", "the first one with amount "),
        ("engine:or-equal", "()", "ENG-002", "ENG-002", " and a bound"),
        ("policy:filtering", "()", "POL-011", "POL-011", "candidates, and room for"),
    ] {
        let arguments = ["--component", component, "--config", config, "--rule", tested];
        let document = plugin_test(&file, &arguments).document();
        let first = finding(&document, broken);
        assert!(first["given"].as_str().unwrap().contains(given), "{component}: {first}");
        let line = format!("{} --json", first["again"].as_str().unwrap());
        let ended = run_to_end(Path::new("/bin/sh"), Path::new("."), &["-c", &line]);
        let document = ended.document();
        assert_eq!(rules(&document, "broken"), [broken], "{line}");
        let second = finding(&document, broken);
        assert_eq!(first["seen"], second["seen"], "{line}");
        assert!(second["given"].as_str().unwrap().contains(given), "{line}: {second}");
    }
}

/// Ordinary plans show it, and so would a dozen rules on plans that are not.
#[test]
fn one_panic_is_one_broken_rule() {
    let file = plugin("spacetime-violating");
    let ended = plugin_test(&file, &["--component", "strategy:tripping", "--jobs", FEW]);
    let document = ended.document();
    let found = finding(&document, "ANY-004");
    let seen = found["seen"].as_str().unwrap();
    assert!(seen.starts_with("plan panicked at ") && seen.contains("it trips over"), "{found}");
    let rows = document["components"][0]["rules"].as_array().unwrap();
    let others = rows.iter().filter(|row| row["note"] == "it panics: see ANY-004");
    assert!(others.count() >= 8, "{rows:#?}");
    // Alone, each of them says what it saw.
    let ended = plugin_test(&file, &["--component", "strategy:tripping", "--rule", "STR-013"]);
    let document = ended.document();
    assert_eq!(rules(&document, "broken"), ["STR-013"]);
    let seen = &finding(&document, "STR-013")["seen"];
    assert!(seen.as_str().unwrap().contains("it trips over 100000 leaves"), "{seen}");
}

#[test]
fn a_strategy_that_may_repeat_says_so_in_its_file() {
    let file = plugin("spacetime-violating");
    let miner = program("spacetime-miner");
    let inspect = ["plugin", "inspect", file.to_str().unwrap()];
    let document = run_to_end(&miner, Path::new("."), &[&inspect[..], &["--json"]].concat());
    let document = document.document();
    let declared = |kind: &str, name: &str| {
        let components = document["components"].as_array().unwrap().iter();
        let is_it = |it: &&Value| it["kind"] == kind && it["name"] == name;
        components.clone().find(is_it).unwrap()["may_repeat"].clone()
    };
    assert_eq!(declared("strategy", "overlapping-declared"), true);
    assert_eq!(declared("strategy", "overlapping"), false);
    assert_eq!(declared("engine", "honest"), Value::Null);
    let text = run_to_end(&miner, Path::new("."), &inspect).stdout;
    let declared = text.matches("may be planned more than once (MAY_REPEAT)").count();
    assert_eq!(declared, 1, "{text}");
    assert!(text.matches("planned once at most").count() > 10, "{text}");
}

/// Only odd numbers show it.
#[test]
fn a_panic_of_one_rule_is_not_denied_by_the_rule_against_panics() {
    let file = plugin("spacetime-violating");
    let ended = plugin_test(&file, &["--component", "strategy:few-drives", "--jobs", FEW]);
    let document = ended.document();
    assert_eq!(rules(&document, "broken"), ["STR-013"]);
    let rows = document["components"][0]["rules"].as_array().unwrap();
    let no_panics = rows.iter().find(|row| row["id"] == "ANY-004").unwrap();
    assert_eq!(no_panics["result"], "not_judged", "{no_panics}");
    assert_eq!(no_panics["note"], "it panics: see STR-013", "{no_panics}");
    // What it was given is told as its author knows it.
    let given = finding(&document, "STR-013")["given"].as_str().unwrap().to_owned();
    assert!(given.contains("leaf_count 100000, index ") && !given.contains('{'), "{given}");
}

/// As much as two looks at a call that never returns take, and something for
/// a slow machine: each look takes 11 s.
const SOON: Duration = Duration::from_secs(45);

/// Asserts that few tests wait for a component whose `plan` takes too long, that
/// the others say so in these words, and that what needs no plan is judged; what
/// was seen of it.
#[track_caller]
fn is_waited_for_by_few(component: &str, hindered: &str) -> String {
    // It is built first, and the miner with it.
    let file = plugin("spacetime-violating");
    let begun = Instant::now();
    let ended = plugin_test(&file, &["--component", component]);
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}");
    ended.assert_refused(13, "ANY-003");
    let document = ended.document();
    assert_eq!(rules(&document, "broken"), ["ANY-003"]);
    let found = finding(&document, "ANY-003");
    let hindered =
        format!("`plan` {hindered}: ANY-003, found by {}", found["by"].as_str().unwrap());
    // Those that were under way at the same time saw it for themselves.
    let rows = document["components"][0]["rules"].as_array().unwrap();
    let left_out = rows.iter().filter(|row| row["note"] == hindered).count();
    assert!(left_out >= 10, "{hindered}: {rows:#?}");
    let kept = rules(&document, "kept");
    assert!(kept.iter().any(|rule| rule == "STR-010"), "it plans nothing: {kept:?}");
    found["seen"].as_str().unwrap().to_owned()
}

#[test]
fn a_call_that_never_returns_is_waited_for_by_few() {
    let seen = is_waited_for_by_few("strategy:stuck", "never returns");
    assert!(seen.starts_with("plan did not return"), "{seen}");
}

/// Three looks at it take some 10 s, and two tests look at once.
#[test]
fn a_call_that_is_slow_is_waited_for_by_few() {
    let seen = is_waited_for_by_few("strategy:slow", "takes too long");
    let took = seen.strip_prefix("plan took ").expect("a time");
    let millis: u64 = took.split(' ').next().unwrap().parse().expect("a number");
    assert!(millis >= 2000 && took.starts_with(&format!("{millis} ms")), "{seen}");
}

#[test]
fn a_config_that_is_missing_is_asked_for_once() {
    let file = plugin("spacetime-violating");
    let file = file.to_str().unwrap();
    let arguments = ["plugin", "test", file, "--component", "needing"];
    let ended = run_to_end(&program("spacetime-miner"), Path::new("."), &arguments);
    assert_eq!(ended.code, Some(6), "{ended:#?}");
    let way = "--component strategy:needing --config '(step: …)'";
    assert!(
        ended.stderr.contains(way) && ended.stderr.contains("`step` must be given"),
        "{ended:#?}"
    );
    assert_eq!(ended.stdout.matches("not judged  ").count(), 1, "{ended:#?}");
    assert!(ended.stdout.contains(way) && !ended.stdout.contains("  ok  "), "{ended:#?}");
    let arguments = ["--component", "needing", "--rule", "STR-003"];
    plugin_test(Path::new(file), &arguments).assert_refused(6, "(step: …)");
}

#[test]
fn fields_that_are_left_out_are_told_with_how_to_test_them() {
    let file = plugin("spacetime-violating");
    let arguments = ["plugin", "test", file.to_str().unwrap(), "--rule", "ANY-007"];
    let test = |more: &[&str]| {
        let arguments = [&arguments[..], more].concat();
        run_to_end(&program("spacetime-miner"), Path::new("."), &arguments).stdout
    };
    let way = "--component strategy:taking-zero --config '(step: …)'";
    let text = test(&["--component", "taking-zero"]);
    assert!(text.contains(way) && text.contains("may have `step`"), "{text}");
    let text = test(&["--component", "taking-zero", "--config", "(step: 64)"]);
    assert!(!text.contains(way) && !text.contains("may have"), "{text}");
    // A config without fields leaves nothing untried.
    let text = test(&["--component", "strategy:honest"]);
    assert!(text.contains("  ok  ") && !text.contains("may have"), "{text}");
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let file = plugin("spacetime-violating");
    let refused = |arguments: &[&str], code, culprit| {
        plugin_test(&file, arguments).assert_refused(code, culprit);
    };
    refused(&["--component", "nobody"], 8, "nobody");
    refused(&["--rule", "STR-999"], 2, "STR-999");
    refused(&["--config", "(a: 1)"], 2, "--component");
    refused(&["--component", "policy:honest", "--config", "(a: 1)"], 6, "(a: 1)");
    plugin_test(&repository().join("Cargo.toml"), &[]).assert_refused(6, "PLG-0002");
}
