//! The examples are Cargo projects of their own, and work as such: each is
//! built and tested outside the workspace.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{fs, path::PathBuf};

use spacetime_tests::{
    artifacts::{cargo, repository},
    outside::{environment, lock_dependencies},
};

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("examples")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

#[test]
fn each_example_builds_and_passes_its_own_tests() {
    for example in examples() {
        lock_dependencies(&example);
        let status = cargo(&example).arg("test").envs(environment()).status().unwrap();
        assert!(status.success(), "{}: {status}", example.display());
    }
}

#[test]
fn each_example_has_a_readme_with_its_manifest_entry() {
    for example in examples() {
        let readme = fs::read_to_string(example.join("README.md")).unwrap();
        assert!(readme.contains("(path: "), "{}", example.display());
        assert!(example.join("tests").is_dir(), "{}", example.display());
    }
}

#[test]
fn the_minimal_strategy_is_shorter_than_30_lines() {
    let source = repository().join("examples/strategy-minimal/src/lib.rs");
    assert!(fs::read_to_string(source).unwrap().lines().count() < 30);
}
