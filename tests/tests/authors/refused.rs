//! What `plugin new` refuses, and that it leaves nothing behind then.

use std::{fs, path::Path};

use spacetime_tests::{
    artifacts::{program, repository},
    process::{Ended, run_to_end},
};

use crate::made::is_in;

fn new(folder: &Path, arguments: &[&str]) -> Ended {
    let arguments = [&["plugin", "new"], arguments].concat();
    run_to_end(&program("spacetime-miner"), folder, &arguments)
}

#[test]
fn nothing_is_overwritten_and_nothing_half_made_stays() {
    let home = tempfile::tempdir().unwrap();
    let sdk = repository().join("sdk");
    let sdk = sdk.to_str().unwrap();
    let strategy = ["--kind", "strategy", "--sdk", sdk];
    fs::create_dir(home.path().join("taken")).unwrap();
    fs::write(home.path().join("taken/notes.txt"), "mine").unwrap();

    let there = new(home.path(), &[&["taken"], &strategy[..]].concat());
    there.assert_refused(2, "taken is there already");
    let nowhere = new(home.path(), &[&["new", "--path", "a/b"], &strategy[..]].concat());
    nowhere.assert_refused(8, "no folder a");
    for name in ["../new", "New", "match", "spacetime-new", "-new", "42", ".."] {
        let refused = new(home.path(), &[&strategy[..], &["--", name]].concat());
        refused.assert_refused(2, name);
    }
    new(home.path(), &["new", "--kind", "kernel"]).assert_refused(2, "kernel");

    assert_eq!(fs::read_to_string(home.path().join("taken/notes.txt")).unwrap(), "mine");
    assert_eq!(home.path().join("taken").read_dir().unwrap().count(), 1);
    assert!(!is_in(home.path(), "new"), "{:?}", home.path().read_dir().unwrap().last());
}

#[test]
fn a_folder_without_an_sdk_is_named() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let refused = new(home.path(), &["new", "--kind", "policy", "--sdk", folder]);
    refused.assert_refused(8, folder);
    assert!(refused.stderr.contains("share/spacetime-miner/sdk"), "{refused:#?}");
    assert!(!is_in(home.path(), "new"));
}
