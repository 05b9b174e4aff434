//! Installing: a copy, a lock file, and nothing lost.

use std::fs;

use serde_json::{Value, json};
use spacetime_core::plugin::trust::Lock;
use spacetime_sdk::descriptor::TARGET;
use spacetime_tests::{artifacts::PLUGINS, home::Home, plugins::redescribe};

use crate::support::{
    PACKAGE, STRATEGY, copy_of, document, edit, file_name, key, mine, run, sign, start, stranger,
    strategy, verdict,
};

fn lock(home: &Home) -> Lock {
    Lock::read(&home.path("plugins.lock")).unwrap()
}

#[test]
fn what_is_installed_is_locked_and_loads() {
    let home = Home::new().set("strategy", STRATEGY);
    let file = stranger(&home, "downloads");
    let argument = file.to_str().unwrap();
    run(&home, &["plugin", "install", argument]).assert_refused(6, "PLG-0040");
    assert!(!home.path("plugins.lock").exists() && !home.path("user").exists());

    let ada = key(&home, "ada.key");
    sign(&home, &file, "ada.key");
    run(&home, &["plugin", "install", argument]).assert_refused(6, "PLG-0045");
    let home = home.set("trusted_keys", &format!("{{\"ada\": \"{ada}\"}}"));
    let installed = document(&home, &["plugin", "install", argument]);
    let row = &installed[0];
    assert_eq!((&row["trust"], &row["signer"]), (&json!("signed"), &json!(ada)));
    let place = home.path("user/.local/share/spacetime-miner/plugins").join(file_name());
    assert_eq!(row["path"], json!(place.to_str().unwrap()));
    assert!(fs::read(&place).unwrap() == fs::read(&file).unwrap());
    let text = fs::read_to_string(home.path("plugins.lock")).unwrap();
    for word in [PACKAGE, "0.1.0", TARGET, &ada, row["sha256"].as_str().unwrap(), &file_name()] {
        assert!(text.contains(word), "{word} in {text}");
    }

    // As the command says; the folder of the miner has one of that name, too.
    let entry = format!("(path: {:?}, trust: locked)", place);
    edit(&home, "plugins: [", &format!("plugins: [{entry},"));
    let listed = document(&home, &["plugin", "list"]);
    let is_it = |row: &&Value| row["path"] == json!(place.to_str().unwrap());
    let row = listed.as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!((&row["trust"], &row["error"]), (&json!("locked"), &Value::Null));
    assert_eq!(strategy(&mine(&home)), json!("sampling"));

    // A changed file is not what was locked, signed or not.
    redescribe(&file, &place, "0.1.0", "0.1.1");
    sign(&home, &place, "ada.key");
    assert_eq!(verdict(&home, &place).as_deref(), Some("PLG-0049"));
    assert_eq!(strategy(&mine(&home)), json!(null));
    document(&home, &["plugin", "install", place.to_str().unwrap()]);
    assert_eq!(verdict(&home, &place), None);
    assert_eq!(lock(&home).plugins[PACKAGE].version, "0.1.1");
}

#[test]
fn several_installations_at_once_lose_nothing() {
    let home = Home::new();
    let files = PLUGINS.map(|package| copy_of(package, &home, "downloads"));
    for _ in 0..3 {
        let running: Vec<_> = files
            .iter()
            .map(|file| {
                let file = file.to_str().unwrap();
                start(&home, &["plugin", "install", "--trust", "any", file])
            })
            .collect();
        for process in running {
            let ended = process.wait();
            assert_eq!(ended.code, Some(0), "{ended:#?}");
        }
        let lock = lock(&home);
        let ids: Vec<&str> = lock.plugins.keys().map(String::as_str).collect();
        assert_eq!(ids, PLUGINS);
        assert_eq!(Ok(lock), Lock::parse(&fs::read_to_string(home.path("plugins.lock")).unwrap()));
        fs::remove_file(home.path("plugins.lock")).unwrap();
    }
    let left = fs::read_dir(home.path("")).unwrap().flatten();
    let left: Vec<String> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("lock")), "{left:?}");
}

#[test]
fn a_file_for_another_platform_is_only_locked() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    let other = home.path("downloads/other.so");
    let target = TARGET.replace("linux", "plan9");
    redescribe(&file, &other, TARGET, &target);
    let arguments = [file.to_str().unwrap(), other.to_str().unwrap()];
    let installed =
        document(&home, &[&["plugin", "install", "--trust", "any"], &arguments[..]].concat());
    assert_eq!((&installed[1]["target"], &installed[1]["path"]), (&json!(target), &Value::Null));
    let targets = &lock(&home).plugins[PACKAGE].targets;
    assert_eq!(targets.len(), 2);
    assert_ne!(targets[TARGET].sha256, targets[&target].sha256);
    assert!(!home.path("user/.local/share/spacetime-miner/plugins/other.so").exists());
    // The same platform twice is a mistake.
    fs::copy(&file, home.path("downloads/twin.so")).unwrap();
    let twins = ["plugin", "install", "--trust", "any", arguments[0], "downloads/twin.so"];
    run(&home, &twins).assert_refused(6, "install one of them");
}

#[test]
fn a_name_belongs_to_one_plugin_and_a_signer_is_remembered() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    let argument = file.to_str().unwrap();
    key(&home, "ada.key");
    key(&home, "bob.key");
    sign(&home, &file, "ada.key");
    document(&home, &["plugin", "install", "--trust", "any", argument]);
    sign(&home, &file, "bob.key");
    let changed = run(&home, &["plugin", "install", "--trust", "any", argument]);
    assert!(changed.stderr.contains("was signed by the key"), "{changed:#?}");

    let other = copy_of("spacetime-strategy-full", &home, "downloads");
    fs::rename(&other, &file).unwrap();
    fs::remove_file(format!("{argument}.sig")).unwrap();
    let refused = run(&home, &["plugin", "install", "--trust", "any", argument]);
    refused.assert_refused(6, "is a file of the plugin spacetime-strategy-sampling already");

    run(&home, &["plugin", "uninstall", "nothing"]).assert_refused(8, PACKAGE);
    let gone = document(&home, &["plugin", "uninstall", PACKAGE]);
    assert_eq!(gone["version"], "0.1.0");
    let folder = home.path("user/.local/share/spacetime-miner/plugins");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    assert_eq!(lock(&home), Lock::default());
    document(&home, &["plugin", "install", "--trust", "any", argument]);
}

#[test]
fn what_was_changed_since_is_left_where_it_is() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    document(&home, &["plugin", "install", "--trust", "any", file.to_str().unwrap()]);
    let place = home.path("user/.local/share/spacetime-miner/plugins").join(file_name());
    fs::write(&place, "mine").unwrap();
    let gone = document(&home, &["plugin", "uninstall", PACKAGE]);
    assert_eq!(gone["left"], json!(place.to_str().unwrap()));
    assert_eq!(fs::read(&place).unwrap(), b"mine");
}

#[test]
fn a_damaged_lock_file_is_no_lock() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    document(&home, &["plugin", "install", "--trust", "any", file.to_str().unwrap()]);
    assert_eq!(verdict(&home, &file), None);
    let text = fs::read_to_string(home.path("plugins.lock")).unwrap();
    fs::write(home.path("plugins.lock"), &text[..text.len() - 3]).unwrap();
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0050"));
    let argument = file.to_str().unwrap();
    run(&home, &["plugin", "install", "--trust", "any", argument])
        .assert_refused(6, "plugins.lock is damaged");
    fs::remove_file(home.path("plugins.lock")).unwrap();
    // Nobody will ever write into it.
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo").arg(home.path("plugins.lock")).status();
        assert!(made.unwrap().success());
        run(&home, &["plugin", "install", "--trust", "any", argument])
            .assert_refused(6, "it is not a regular file");
        fs::remove_file(home.path("plugins.lock")).unwrap();
    }
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0040"));
}
