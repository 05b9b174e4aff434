//! A plugin from outside the workspace is loaded by adding lines to the
//! manifest; the miner is not rebuilt.

use std::fs;

use spacetime_tests::{
    artifacts::{program, repository},
    home::Home,
    outside::{build_outside, lock_dependencies},
};

#[test]
fn three_lines_in_the_manifest_load_an_outside_plugin() {
    let miner = program("spacetime-miner");
    let before = fs::read(&miner).unwrap();

    let project = repository().join("examples/strategy-minimal");
    lock_dependencies(&project);
    let file = build_outside(&project, &["build"]).file("strategy-minimal");
    let home = Home::new();
    let without = fs::read_to_string(home.manifest()).unwrap();
    let home = home.outside_plugin(&file).set("strategy", "(name: \"second-half-first\")");
    let with = fs::read_to_string(home.manifest()).unwrap();
    let changed = with.lines().filter(|line| !without.lines().any(|other| other == *line));
    assert!(changed.count() <= 3, "{with}");

    let ended = home.mine(2);
    assert_eq!(ended.events("started")[0]["strategy"], "second-half-first");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
    assert!(before == fs::read(&miner).unwrap(), "the miner was rebuilt");
}

#[test]
fn an_outside_engine_mines() {
    let project = repository().join("examples/engine-plain");
    lock_dependencies(&project);
    let file = build_outside(&project, &["build"]).file("engine-plain");
    let ended = Home::new().outside_plugin(&file).set("engine", "(name: \"plain\")").mine(2);
    assert_eq!(ended.events("started")[0]["engine"], "plain");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}
