//! Every first-party plugin keeps the rules; the examples test themselves.

use std::fs;

use spacetime_tests::{
    artifacts::{plugin, repository},
    node::Node,
};

use super::{FEW, plugin_test, rules};

/// Configs with values to try, beside `()`.
const CONFIGS: [(&str, &str); 4] = [
    ("strategy-sampling", "(sample_size: 100)"),
    ("strategy-cache-friendly", "(block_size: 1024, leaves_per_block: 100)"),
    ("strategy-adaptive", "(min_win_chance: 1e-9, joules_per_gib: 10, max_watts: 5)"),
    ("policy-fee-priority", "(min_fee: 3)"),
];

#[test]
fn every_first_party_component_keeps_every_rule() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), "127.0.0.1:0".parse().unwrap(), &[]);
    let address = node.address().to_string();
    let entries = fs::read_dir(repository().join("plugins")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let file = plugin(&format!("spacetime-{name}"));
        let configs = CONFIGS.iter().filter(|(plugin, _)| *plugin == name);
        for config in configs.map(|(_, config)| *config).chain(["()"]) {
            let arguments = ["--config", config, "--jobs", FEW, "--node", &address];
            let ended = plugin_test(&file, &arguments);
            assert_eq!(ended.code, Some(0), "{name} {config}: {ended:#?}");
            let not_judged = rules(&ended.document(), "not_judged");
            assert_eq!(not_judged, [] as [&str; 0], "{name} {config}");
        }
    }
}

/// One component per kind, over all 100,000 jobs.
#[test]
fn none_grows_over_100_000_jobs() {
    for (package, component, rule) in [
        ("spacetime-strategy-full", "full", "STR-020"),
        ("spacetime-violating", "engine:honest", "ENG-009"),
        ("spacetime-policy-fee-priority", "fee-priority", "POL-010"),
        ("spacetime-transport-solo", "solo", "TRN-016"),
    ] {
        let ended = plugin_test(&plugin(package), &["--component", component, "--rule", rule]);
        assert_eq!(ended.code, Some(0), "{component}: {ended:#?}");
        let document = ended.document();
        assert_eq!(
            (document["jobs"].as_u64(), rules(&document, "kept")),
            (Some(100_000), vec![rule.to_owned()])
        );
    }
}
