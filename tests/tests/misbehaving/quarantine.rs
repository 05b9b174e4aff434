//! How long a quarantine lasts, where it is shown, and what safe mode is.

use std::{fs, path::PathBuf};

use serde_json::Value;
use spacetime_tests::{artifacts::plugin, home::Home, process::Ended};

/// A home with a copy of the misbehaving plugin, whose strategy has crashed.
fn crashed() -> (Home, PathBuf) {
    let home = Home::new();
    let file = home.path("libmisbehaving.so");
    fs::copy(plugin("spacetime-misbehaving"), &file).unwrap();
    let config = "(name: \"misbehaving\", config: (fail: (act_in: [plan], ruin: segv)))";
    let home = home.outside_plugin(&file).set("strategy", config);
    assert_crashes(&home);
    (home, file)
}

#[track_caller]
fn assert_crashes(home: &Home) {
    let crashed = home.run_to_end(&["--for", "60"]);
    assert_eq!(crashed.signal, Some(11), "{crashed:#?}");
}

fn strategy(ended: &Ended) -> Value {
    ended.events("started")[0]["strategy"].clone()
}

#[test]
fn it_lasts_over_restarts_and_is_shown_everywhere() {
    let (home, file) = crashed();
    for _ in 0..2 {
        let next = home.mine(1);
        assert_eq!(strategy(&next), Value::Null);
        let faults = next.events("fault");
        let is_it = |fault: &&Value| fault["message"].as_str().unwrap().contains("PLG-0060");
        let fault = faults.iter().find(is_it).unwrap_or_else(|| panic!("{next:#?}"));
        assert!(fault["culprit"].as_str().unwrap().starts_with("strategy `misbehaving`"));
        assert_eq!(fault["next"], "leaves are scanned in order instead");
    }
    let checked = home.command(&["check", "--json"]);
    assert_eq!(checked.code, Some(6), "{checked:#?}");
    assert!(checked.stdout.contains("is quarantined since"), "{checked:#?}");
    assert_eq!(checked.document()["strategy"], Value::Null);

    let listed = home.command(&["plugin", "list", "--json"]).document();
    let rows = listed.as_array().unwrap().iter();
    let mut quarantined: Vec<_> = rows.filter(|row| !row["quarantine"].is_null()).collect();
    quarantined.retain(|row| row["path"] == file.to_str().unwrap());
    assert_eq!(quarantined.len(), 1, "{listed:#}");
    assert_eq!(quarantined[0]["kind"], "strategy");
    assert!(quarantined[0]["quarantine"].as_str().unwrap().contains("in `plan`"), "{listed:#}");
    assert!(home.command(&["plugin", "list"]).stdout.contains("it is quarantined since"));
}

#[test]
fn it_ends_when_it_is_released_and_begins_again_with_the_next_crash() {
    let (home, _) = crashed();
    assert_eq!(strategy(&home.mine(1)), Value::Null);
    let released = home.command(&["plugin", "release", "misbehaving", "--json"]);
    assert_eq!(released.code, Some(0), "{released:#?}");
    assert_eq!(released.document()["released"][0]["component"], "misbehaving");
    assert_crashes(&home);
    assert_eq!(strategy(&home.mine(1)), Value::Null);
}

/// What the journal says counts at once, not only from the next run on.
#[test]
fn it_is_shown_and_ends_before_there_was_another_run() {
    let (home, _) = crashed();
    let checked = home.command(&["check"]);
    assert!(checked.stdout.contains("PLG-0060"), "{checked:#?}");
    let listed = home.command(&["plugin", "list"]);
    assert!(listed.stdout.contains("it is quarantined since"), "{listed:#?}");
    home.command(&["plugin", "release", "misbehave"]).assert_refused(8, "strategy `misbehaving`");

    let released = home.command(&["plugin", "release", "misbehaving"]);
    assert_eq!(released.code, Some(0), "{released:#?}");
    let config = "strategy.config=()";
    let next = home.run_to_end(&["--set", config, "--until-blocks", "1", "--for", "60"]);
    assert_eq!(strategy(&next), "misbehaving", "{next:#?}");
    assert_eq!(next.events("fault"), Vec::<Value>::new(), "it is forgotten: {next:#?}");
}

/// On a full disk, say. It is told, and who is to blame is not used all the
/// same; so is it in the run after.
#[test]
fn who_cannot_be_written_down_is_not_used_either() {
    let (home, _) = crashed();
    // Nothing can take the place of a folder.
    fs::create_dir(home.path("data/quarantine.json")).unwrap();
    for _ in 0..2 {
        let next = home.mine(1);
        assert_eq!(strategy(&next), Value::Null, "{next:#?}");
        let faults = next.events("fault");
        let tells = |words: &str| {
            faults.iter().any(|fault| fault["message"].as_str().unwrap().contains(words))
        };
        assert!(tells("it ended the last run in `plan`"), "{next:#?}");
        assert!(tells("no crash journal can be kept"), "{next:#?}");
    }
}

#[test]
fn it_ends_when_the_file_changes() {
    let (home, file) = crashed();
    let home = home.set("strategy", "(name: \"misbehaving\")");
    assert_eq!(strategy(&home.mine(1)), Value::Null);
    // What stands behind a library's end changes nothing of what it does.
    let mut bytes = fs::read(&file).unwrap();
    bytes.push(0);
    fs::write(&file, bytes).unwrap();
    let next = home.mine(1);
    assert_eq!(strategy(&next), "misbehaving", "{next:#?}");
    assert!(next.stderr.contains("its file has changed"), "{next:#?}");
    let nothing = home.command(&["plugin", "release", "misbehaving"]);
    nothing.assert_refused(8, "nothing is quarantined");
}

#[test]
fn a_name_that_nothing_has_is_answered_with_those_there_are() {
    let (home, _) = crashed();
    home.mine(1);
    home.command(&["plugin", "release", "misbehave"]).assert_refused(8, "strategy `misbehaving`");
}

#[test]
fn a_list_that_is_damaged_is_told_and_quarantines_nobody() {
    let home = Home::new();
    fs::create_dir(home.path("data")).unwrap();
    fs::write(home.path("data/quarantine.json"), "rubbish").unwrap();
    let next = home.mine(1);
    let told = next.events("fault");
    assert!(told.iter().any(|fault| fault["culprit"] == "quarantine"), "{next:#?}");
    assert_eq!(strategy(&next), "full");
    home.command(&["plugin", "release", "full"]).assert_refused(6, "quarantine.json");
}

/// Nothing of the plugin runs, which would end the process at once.
#[test]
fn safe_mode_uses_no_plugin_but_the_transport_that_came_with_the_miner() {
    let (home, _) = crashed();
    home.mine(1);
    let released = home.command(&["plugin", "release", "misbehaving"]);
    assert_eq!(released.code, Some(0), "{released:#?}");
    let home = home.set("shadow", "[(name: \"full\")]");
    let safe = home.run_to_end(&["--safe-mode", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(safe.code, Some(0), "{safe:#?}");
    let started = &safe.events("started")[0];
    assert_eq!(started["safe_mode"], true);
    for kind in ["strategy", "engine", "policy"] {
        assert_eq!(started[kind], Value::Null, "{safe:#?}");
    }
    assert_eq!(started["transports"], serde_json::json!(["solo"]));
    assert_eq!(safe.events("stopped")[0]["shadows"], serde_json::json!([]));
    assert!(safe.stderr.contains("safe mode"), "{safe:#?}");
}

#[test]
fn safe_mode_says_so_when_it_has_no_transport() {
    let home = Home::new();
    let file = home.path("libmisbehaving.so");
    fs::copy(plugin("spacetime-misbehaving"), &file).unwrap();
    let home = home.outside_plugin(&file).set("transports", "[(name: \"misbehaving\")]");
    let refused = home.run_to_end(&["--safe-mode", "--for", "5"]);
    refused.assert_refused(6, "in safe mode only transports that came with the miner are used");
}
