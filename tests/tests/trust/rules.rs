//! What lets a plugin from elsewhere in, and what each refusal says.

use std::fs;

use serde_json::json;
use spacetime_tests::home::Home;

use crate::support::{
    PACKAGE, STRATEGY, copy_of, document, edit, key, mine, run, sign, stranger, strategy, verdict,
};

/// The text from an opening bracket to the one that closes it.
fn bracketed<'a>(text: &'a str, open: &str) -> &'a str {
    let start = text.find(open).unwrap_or_else(|| panic!("{open} in {text}"));
    let end = text[start..].find(')').unwrap();
    &text[start..=start + end]
}

#[test]
fn what_nobody_vouches_for_is_refused_with_the_line_that_allows_it() {
    let home = Home::new().set("strategy", STRATEGY);
    let file = stranger(&home, "downloads");
    let home = home.plugin(&file);
    let refused = mine(&home);
    // Mining goes on without it.
    assert_eq!(strategy(&refused), json!(null));
    let faults = refused.events("fault");
    let message = faults
        .iter()
        .filter_map(|fault| fault["message"].as_str())
        .find(|message| message.contains("PLG-0040"))
        .unwrap_or_else(|| panic!("{faults:#?}"));
    let manifest = fs::read_to_string(home.manifest()).unwrap();
    let line = 1 + manifest.lines().position(|line| line.contains("downloads")).unwrap();
    assert!(message.contains(&format!("miner.ron:{line}: ")), "{message}");
    assert!(message.contains("trust: any in place of the hash"), "{message}");

    // Pasted as it is in the place of the entry.
    let entry = format!("(path: {file:?})");
    edit(&home, &entry, bracketed(message, "(path: "));
    let allowed = mine(&home);
    assert_eq!(strategy(&allowed), json!("sampling"));
    assert_eq!(allowed.events("fault").len(), 0, "{allowed:#?}");
}

#[test]
fn a_signature_of_a_trusted_key_lets_a_plugin_in() {
    let home = Home::new().set("strategy", STRATEGY);
    let file = stranger(&home, "downloads");
    let home = home.plugin(&file);
    let ada = key(&home, "ada.key");
    sign(&home, &file, "ada.key");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0045"), "nobody trusts ada yet");

    let home = home.set("trusted_keys", &format!("{{\"ada\": \"{ada}\"}}"));
    let shown = document(&home, &["plugin", "verify", file.to_str().unwrap()]);
    assert_eq!(shown["rule"], "signed");
    assert_eq!((&shown["signer"], &shown["signer_name"]), (&json!(ada), &json!("ada")));
    let listed = document(&home, &["plugin", "list"]);
    let listed = listed.as_array().unwrap();
    let row = listed.iter().find(|row| row["plugin"] == PACKAGE && row["listed"] == true);
    assert_eq!(row.unwrap()["trust"], "signed");
    assert_eq!(row.unwrap()["signer"], json!(ada));
    assert_eq!(strategy(&mine(&home)), json!("sampling"));
}

#[test]
fn each_way_of_not_being_signed_right_has_a_refusal_of_its_own() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    let (ada, bob) = (key(&home, "ada.key"), key(&home, "bob.key"));
    let keys = format!("{{\"ada\": \"{ada}\", \"bob\": \"{bob}\"}}");
    let home = home.set("trusted_keys", &keys).plugin_with(&file, "trust: signed(by: \"ada\")");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0041"), "not signed");

    let signature = sign(&home, &file, "ada.key");
    assert_eq!(verdict(&home, &file), None);
    let good = fs::read_to_string(&signature).unwrap();
    for text in [&good[..good.len() - 1], &good[..good.len() / 2], "", "no signature"] {
        fs::write(&signature, text).unwrap();
        assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0042"), "{text}");
    }

    let other = copy_of("spacetime-strategy-full", &home, "downloads");
    fs::rename(sign(&home, &other, "ada.key"), &signature).unwrap();
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0043"), "of another file");

    // Who signed is replaced by somebody who is trusted.
    let eve = key(&home, "eve.key");
    let forged = fs::read_to_string(sign(&home, &file, "eve.key")).unwrap().replace(&eve, &ada);
    fs::write(&signature, forged).unwrap();
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0044"), "forged");

    sign(&home, &file, "eve.key");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0045"), "signed by anybody");
    sign(&home, &file, "bob.key");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0045"), "not by whom it must be");
    edit(&home, "by: \"ada\"", "by: [\"ada\", \"bob\"]");
    assert_eq!(verdict(&home, &file), None, "by one of two");
    edit(&home, "by: [\"ada\", \"bob\"]", &format!("by: \"{bob}\""));
    assert_eq!(verdict(&home, &file), None, "by a key without a name");
}

#[test]
fn a_key_that_was_taken_away_is_trusted_no_more() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    let ada = key(&home, "ada.key");
    sign(&home, &file, "ada.key");
    let keys = format!("{{\"ada\": \"{ada}\"}}");
    let home = home.set("trusted_keys", &keys).plugin_with(&file, "trust: signed(by: \"ada\")");
    assert_eq!(verdict(&home, &file), None);
    edit(&home, &keys, "{}");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0046"));
    edit(&home, ", trust: signed(by: \"ada\")", "");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0045"));
}

#[test]
fn a_pin_holds_whatever_else_is_said() {
    let home = Home::new();
    let file = stranger(&home, "downloads");
    let zeros = "0".repeat(64);
    let home = home.plugin_with(&file, &format!("trust: any, sha256: \"{zeros}\""));
    let ended = run(&home, &["plugin", "verify", file.to_str().unwrap()]);
    ended.assert_refused(6, "PLG-0047");
    // What the refusal says the entry must say.
    let pin = ended.stderr.split("sha256: \"").nth(1).unwrap();
    edit(&home, &zeros, &pin[..64]);
    assert_eq!(verdict(&home, &file), None);
    let inspected = run(&home, &["plugin", "inspect", file.to_str().unwrap()]);
    let why = "trusted    yes: its entry in the manifest says `trust: any`";
    assert!(inspected.stdout.contains(why), "{inspected:#?}");
    edit(&home, "trust: any, ", "");
    assert_eq!(verdict(&home, &file), None);
    // Not enough where more is asked for.
    edit(&home, "sha256: ", "trust: locked, sha256: ");
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0048"));
}

#[test]
fn a_folder_of_the_command_line_is_open_to_anything_only_if_that_says_so() {
    let home = Home::new().set("strategy", "(name: \"sampling\")");
    let file = stranger(&home, "builds");
    let name = PACKAGE.replace('-', "_");
    edit(&home, "plugins: [", &format!("plugins: [(path: \"{name}\"),"));
    let mine_with = |arguments: &[&str]| {
        let fixed = ["run", "--json", "--until-blocks", "1", "--for", "60"];
        run(&home, &[&fixed, arguments].concat())
    };
    // The miner's own copy would be found first without the folder.
    let refused = mine_with(&["--plugin-dir", "builds"]);
    assert_eq!(strategy(&refused), json!(null));
    assert!(refused.stdout.contains("PLG-0040"), "{refused:#?}");
    let open = ["--plugin-dir", "builds", "--trust", "any"];
    let file = format!("builds/{}", file.file_name().unwrap().to_str().unwrap());
    let inspected = run(&home, &[&["plugin", "inspect", &file], &open[..]].concat());
    let why = "trusted    yes: `--trust any` takes every file of its folder";
    assert!(inspected.stdout.contains(why), "{inspected:#?}");
    let allowed = mine_with(&open);
    assert_eq!((strategy(&allowed), allowed.code), (json!("sampling"), Some(0)));
    mine_with(&["--trust", "any"]).assert_refused(2, "--plugin-dir");
}
