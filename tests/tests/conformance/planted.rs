//! The planted violations that `tests/violating/README.md` lists.

use std::{collections::BTreeSet, fs, sync::Mutex, thread};

use spacetime_sdk_loader::Descriptor;
use spacetime_tests::artifacts::{plugin, repository};

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
    let names = ["strategy:honest", "strategy:overlapping-declared", "engine:honest"];
    names.into_iter().chain(["policy:honest", "transport:honest"]).map(str::to_owned).collect()
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
        ("strategy:printing", "ANY-005"),
        ("engine:or-equal", "ENG-002"),
        ("policy:greedy", "POL-003"),
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
        let ended = plugin_test(&file, &["--component", &component, "--jobs", FEW]);
        assert_eq!(ended.code, Some(0), "{component}: {ended:#?}");
        assert_eq!(rules(&ended.document(), "not_judged"), [] as [&str; 0], "{component}");
    }
}

#[test]
fn a_finding_says_how_to_see_it_again() {
    let file = plugin("spacetime-violating");
    let ended = plugin_test(&file, &["--component", "strategy:aborting", "--rule", "STR-001"]);
    let document = ended.document();
    let rows = document["components"][0]["rules"].as_array().unwrap();
    let broken = rows.iter().find(|row| row["id"] == "ANY-002").unwrap();
    let finding = &broken["findings"][0];
    assert!(finding["seen"].as_str().unwrap().contains("SIGABRT"), "{finding}");
    let given = finding["given"].as_str().unwrap();
    assert!(given.contains("begin: a plot of 10000 leaves"), "{finding}");
    let again = finding["again"].as_str().unwrap();
    assert!(again.contains("--component strategy:aborting --rule STR-001 --seed 1"), "{finding}");
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
