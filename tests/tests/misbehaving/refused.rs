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

/// What can be said of a strategy's name that no listed plugin has.
#[test]
fn a_plugin_that_is_there_but_not_listed_is_named_with_its_entry() {
    let home = Home::new().set("strategy", "(name: \"sampling\")");
    for command in [home.run_to_end(&["--for", "5"]), home.command(&["check"])] {
        assert_eq!(command.code, Some(6), "{command:#?}");
        let entry = "add (path: \"spacetime_strategy_sampling\") to it";
        assert!(command.stderr.contains("there is no strategy named `sampling`"), "{command:#?}");
        assert!(command.stderr.contains(entry), "{command:#?}");
    }
    let nowhere = Home::new().set("strategy", "(name: \"nowhere\")").command(&["check"]);
    assert!(nowhere.stderr.contains("plugin list` shows"), "{nowhere:#?}");
}

/// What is near is said, and nothing beside it.
#[test]
fn a_misspelt_name_or_path_is_told_what_is_near() {
    let refused =
        Home::new().misbehaving().set("strategy", "(name: \"misbehavin\")").command(&["check"]);
    assert!(refused.stderr.contains("did you mean `misbehaving`?"), "{refused:#?}");
    assert!(!refused.stderr.contains("Add its plugin"), "{refused:#?}");

    let file = spacetime_tests::artifacts::plugin("spacetime-misbehaving");
    let name = file.file_name().unwrap().to_string_lossy().replace("misbehaving", "misbehavin");
    let refused =
        Home::new().plugin(&file.with_file_name(name)).run_to_end(&["--strict", "--for", "5"]);
    let near = format!("Did you mean `{}`?", file.display());
    refused.assert_refused(6, &near);
    assert!(!refused.stderr.contains("cargo"), "{refused:#?}");
}

#[test]
fn a_plugin_that_is_listed_twice_is_told_and_mined_with() {
    let file = spacetime_tests::artifacts::plugin("spacetime-strategy-full");
    let home = Home::new().plugin(&file);
    let checked = home.command(&["check", "--json"]);
    let warnings = checked.document()["warnings"].to_string();
    assert!(warnings.contains("lists the plugin") && warnings.contains("miner.ron:"), "{warnings}");
    let ended = home.mine(1);
    let told = ended.stderr.lines().filter(|line| line.contains("twice")).count();
    assert_eq!(told, 1, "{ended:#?}");
}

/// By default, mining goes on, and the end says what was left out.
#[test]
fn with_strict_nothing_is_mined_while_a_plugin_is_missing_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.so");
    fs::write(&text, "not a library\n").unwrap();
    let missing = folder.path().join("missing.so");
    for (file, words) in [(&text, "PLG-0002"), (&missing, "there is no plugin file")] {
        let home = Home::new().plugin(file);
        let refused = home.run_to_end(&["--strict", "--for", "5"]);
        refused.assert_refused(6, words);
        assert!(refused.stderr.contains("with --strict nothing is mined"), "{refused:#?}");
        assert_eq!(refused.stdout, "", "{refused:#?}");
        let mined = home.mine(1);
        assert_eq!(mined.events("stopped")[0]["plugins_not_loaded"], 1, "{mined:#?}");
    }
    let ended = Home::new().run_to_end(&["--strict", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("stopped")[0]["plugins_not_loaded"], 0, "{ended:#?}");
}

#[test]
fn with_strict_the_cause_is_told_before_what_follows_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.so");
    fs::write(&text, "not a library\n").unwrap();
    let home = Home::new().plugin(&text).set("strategy", "(name: \"of-notes\")");
    let refused = home.run_to_end(&["--strict", "--for", "5"]);
    assert_eq!(refused.code, Some(6), "{refused:#?}");
    let errors: Vec<&str> =
        refused.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), 2, "{refused:#?}");
    assert!(errors[0].contains("PLG-0002"), "{refused:#?}");
    assert!(errors[1].contains("there is no strategy named `of-notes`"), "{refused:#?}");
    assert!(errors[1].ends_with("; with --strict nothing is mined until then"), "{refused:#?}");
}

/// All is well with its file; its constructor never returns.
#[test]
fn with_strict_a_component_that_cannot_be_opened_ends_the_run() {
    let config = "(name: \"misbehaving\", config: (fail: (error_in: [open])))";
    let home = Home::new().misbehaving().set("policy", config);
    let refused = home.run_to_end(&["--strict", "--for", "5"]);
    refused.assert_refused(6, "policy `misbehaving` (plugin spacetime-misbehaving");
}
