//! What is refused before any of its code runs, or because of its config.

use std::{fs, path::Path};

use spacetime_tests::home::Home;

#[test]
fn a_config_that_does_not_fit_stops_the_miner_with_its_place() {
    let home = Home::new().misbehaving().set(
        "strategy",
        "(\n        name: \"misbehaving\",\n        config: (\n            endles: true,\n        ))",
    );
    let line = 1 + fs::read_to_string(home.manifest())
        .unwrap()
        .lines()
        .position(|line| line.contains("endles"))
        .unwrap();
    let ended = home.run_to_end(&["--for", "5"]);
    ended.assert_refused(6, &format!("miner.ron:{line}"));
    for word in ["spacetime-misbehaving", "strategy `misbehaving`", "endles"] {
        assert!(ended.stderr.contains(word), "names {word}: {ended:#?}");
    }
}

#[track_caller]
fn assert_mines_without(file: &Path, code: &str) {
    let home = Home::new().plugin(file);
    let ended = home.mine(1);
    let faults = ended.events("fault");
    assert_eq!(faults.len(), 1, "{ended:#?}");
    let message = faults[0]["message"].as_str().unwrap();
    assert!(message.contains(code), "{message}");
    assert!(message.contains(&*file.to_string_lossy()), "{message}");

    // `check` says it too, and fails.
    let checked = home.command(&["check"]);
    assert_ne!(checked.code, Some(0), "{checked:#?}");
    assert!(format!("{}{}", checked.stdout, checked.stderr).contains(code), "{checked:#?}");
}

#[test]
fn a_text_file_named_like_a_library_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.so");
    fs::write(&file, "not a library\n").unwrap();
    assert_mines_without(&file, "PLG-0002");
}

#[test]
fn a_plugin_of_another_interface_version_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libother_major.so");
    spacetime_tests::plugins::redescribe(
        &spacetime_tests::artifacts::plugin("spacetime-strategy-sampling"),
        &file,
        "\"abi\":\"1.",
        "\"abi\":\"2.",
    );
    assert_mines_without(&file, "PLG-0007");
}

/// The strategy itself is the refused plugin: the host's own plan takes over.
#[test]
fn a_strategy_that_cannot_be_loaded_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.so");
    let whole = fs::read(spacetime_tests::artifacts::plugin("spacetime-misbehaving")).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let home = Home::new().plugin(&file).set("strategy", "(name: \"misbehaving\")");
    let ended = home.mine(1);
    assert!(
        ended
            .events("fault")
            .iter()
            .any(|fault| { fault["message"].as_str().unwrap().contains("PLG-0002") })
    );
}
