//! Plugins and hosts as they were built when each version of the interface was
//! released: those plugins work on this host, this host's plugins on those.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../stored/host/src/uses.rs"]
mod uses;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use spacetime_protocol::network::Network;
use spacetime_sdk_loader::{Descriptor, abi::ABI_VERSION};
use spacetime_tests::{
    artifacts::{plugin, repository},
    home::Home,
};

/// What a stored plugin's components do, with the config `5`.
const STORED: [&str; 4] = [
    "strategy stored: [(0, 1), (5, 1), (10, 1), (15, 1)]",
    "engine stored: leaf 1, 4",
    "policy stored: Ok([1, 3])",
    "transport stored: online, number 5; verdict 0 on 8, yes",
];

/// The folder of each version, by its name.
fn versions() -> Vec<(String, PathBuf)> {
    let folder = repository().join("tests/stored");
    let mut versions: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let files = entry.path().join("x86_64-unknown-linux-gnu");
            (entry.file_name().into_string().unwrap(), files)
        })
        .filter(|(_, files)| files.is_dir())
        .collect();
    versions.sort();
    let current = ABI_VERSION.rsplit_once('.').unwrap().0;
    assert!(
        versions.iter().any(|(version, _)| version == current),
        "nothing is stored of interface {current}: tests/stored/README.md says how"
    );
    versions
}

/// Its SDK wrote no description of configs.
#[test]
fn check_says_that_the_config_of_the_first_versions_plugin_is_not_checked() {
    let file = repository().join("tests/stored/1.0/x86_64-unknown-linux-gnu/libstored.so");
    let strategy = "(name: \"stored\", config: 5)";
    let home = Home::new().outside_plugin(&file).set("strategy", strategy);
    let checked = home.command(&["check", "--json"]);
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    let notes = checked.document()["notes"].to_string();
    assert!(notes.contains("strategy `stored`") && notes.contains("check --load"), "{notes}");
    assert_eq!(home.command(&["check", "--load"]).code, Some(0));
    let wrong = home.set("strategy", "(name: \"stored\", config: \"five\")");
    assert_eq!(wrong.command(&["check"]).code, Some(0));
    wrong.command(&["check", "--load"]).assert_refused(6, "config of strategy `stored`");
}

#[test]
fn the_plugins_of_every_version_work_on_this_host() {
    let data = tempfile::tempdir().unwrap();
    let network = Network::local().to_json().unwrap();
    for (version, files) in versions() {
        let file = files.join("libstored.so");
        let descriptor = Descriptor::read(&file).unwrap();
        assert_eq!(descriptor.abi, format!("{version}.0"));
        assert_eq!(uses::of(&file, "5", data.path(), &network), STORED, "{version}");
    }
}

#[test]
fn todays_plugins_work_on_the_hosts_of_every_version() {
    let network = Network::local().to_json().unwrap();
    for (version, files) in versions() {
        let data = tempfile::tempdir().unwrap();
        let run = |plugin: &Path, config: &str| {
            let output = Command::new(files.join("stored-host"))
                .arg(data.path())
                .arg(&network)
                .arg(plugin)
                .arg(config)
                .output()
                .unwrap();
            assert!(output.status.success(), "{version}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let seen = run(&plugin("spacetime-strategy-full"), "()");
        assert_eq!(seen, "strategy full: [(0, 20)]\n", "{version}");
        let seen = run(&plugin("spacetime-strategy-adaptive"), "()");
        assert_eq!(seen, "strategy adaptive: [(0, 20)]\n", "{version}");
        let seen = run(&plugin("spacetime-policy-fee-priority"), "()");
        assert!(seen.starts_with("policy fee-priority: Ok(["), "{version}: {seen}");
        // A chain begins, and the block that is no block is refused.
        let seen = run(&plugin("spacetime-transport-solo"), "()");
        assert!(seen.starts_with("transport solo: online, "), "{version}: {seen}");
        assert!(seen.contains("verdict 1 on 8, "), "{version}: {seen}");
    }
}
