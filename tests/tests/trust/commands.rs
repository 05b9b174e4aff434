//! `plugin key`, `sign`, `verify`, `trust`: what they print, write and refuse.

use std::fs;

use serde_json::{Value, json};
use spacetime_tests::{artifacts::repository, home::Home};

use crate::support::{
    PACKAGE, STRATEGY, copy_of, document, edit, key, run, sign, stranger, verdict,
};

#[test]
fn keys_are_private_shown_and_never_overwritten() {
    let home = Home::new();
    let public = key(&home, "ada.key");
    let secret = fs::read_to_string(home.path("ada.key")).unwrap();
    let secret = secret.split('"').nth(3).unwrap();
    assert_eq!(secret.len(), 64);
    let shown = run(&home, &["plugin", "key", "show", "ada.key"]);
    assert!(shown.stdout.contains(&public) && !shown.stdout.contains(secret), "{shown:#?}");
    let again = run(&home, &["plugin", "key", "new", "ada.key"]);
    again.assert_refused(4, "ada.key exists already");
    assert!(!format!("{again:?}").contains(secret));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| fs::Permissions::from_mode(mode);
        assert_eq!(fs::metadata(home.path("ada.key")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(home.path("ada.key"), mode(0o644)).unwrap();
        let file = stranger(&home, "downloads");
        let exposed = run(&home, &["plugin", "sign", file.to_str().unwrap(), "--key", "ada.key"]);
        exposed.assert_refused(4, "chmod 600");
    }
}

#[test]
fn a_miners_key_signs_no_plugin() {
    let home = Home::new();
    let made = document(&home, &["key", "new", "--scheme", "ed25519"]);
    let file = stranger(&home, "downloads");
    let arguments = ["plugin", "sign", file.to_str().unwrap(), "--key", "key"];
    run(&home, &arguments).assert_refused(4, "plugin key new");
    let identity = made["identity"].as_str().unwrap();
    run(&home, &["plugin", "trust", identity, "--name", "me"])
        .assert_refused(2, "the identity of a miner");
}

#[test]
fn sign_says_what_it_signed_and_only_plugins_are_signed() {
    let home = Home::new();
    let ada = key(&home, "ada.key");
    let file = stranger(&home, "downloads");
    let signed = document(&home, &["plugin", "sign", file.to_str().unwrap(), "--key", "ada.key"]);
    assert_eq!((&signed["plugin"], &signed["signer"]), (&json!(PACKAGE), &json!(ada)));
    let text = fs::read_to_string(signed["signature"].as_str().unwrap()).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&written["sha256"], &written["format"]), (&signed["sha256"], &json!(1)));
    fs::write(home.path("notes.so"), "no library").unwrap();
    run(&home, &["plugin", "sign", "notes.so", "--key", "ada.key"]).assert_refused(6, "PLG-0002");
    assert!(!home.path("notes.so.sig").exists());
}

#[test]
fn verify_works_without_a_manifest() {
    let home = Home::new();
    let ada = key(&home, "ada.key");
    let file = stranger(&home, "downloads");
    sign(&home, &file, "ada.key");
    fs::remove_file(home.manifest()).unwrap();
    let ended = run(&home, &["plugin", "verify", file.to_str().unwrap(), "--json"]);
    assert_eq!(ended.code, Some(6), "{ended:#?}");
    let document = ended.document();
    assert_eq!((&document["signer"], &document["trusted"]), (&json!(ada), &json!(false)));
    let own = spacetime_tests::artifacts::plugin(PACKAGE);
    assert_eq!(verdict(&home, &own), None);
    run(&home, &["plugin", "verify", "absent.so"]).assert_refused(6, "PLG-0001");
}

#[test]
fn verify_tells_of_a_stale_signature_also_where_anybody_may_vouch() {
    let home = Home::new();
    key(&home, "ada.key");
    let file = stranger(&home, "downloads");
    sign(&home, &file, "ada.key");
    let mut bytes = fs::read(&file).unwrap();
    bytes.push(0);
    fs::write(&file, bytes).unwrap();
    let home = home.outside_plugin(&file);
    let verify = ["plugin", "verify", file.to_str().unwrap()];
    let document = document(&home, &verify);
    assert_eq!((&document["trusted"], &document["rule"]), (&json!(true), &json!("any")));
    assert_eq!(
        (&document["signer"], &document["signature_code"]),
        (&Value::Null, &json!("PLG-0043"))
    );
    let text = run(&home, &verify).stdout;
    assert!(text.contains("signer   plugin ") && !text.contains("nobody"), "{text}");
}

#[test]
fn inspect_and_check_tell_who_vouches_for_a_file_without_loading_it() {
    let home = Home::new().set("strategy", STRATEGY);
    let ada = key(&home, "ada.key");
    let file = stranger(&home, "downloads");
    let home = home.plugin(&file);
    let path = file.to_str().unwrap();
    let inspect = |home: &Home| document(home, &["plugin", "inspect", path]);

    let unsigned = inspect(&home);
    assert_eq!((&unsigned["signature"], &unsigned["trust"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&unsigned["loads"], &unsigned["refusal"]["code"]),
        (&json!(false), &json!("PLG-0040"))
    );
    run(&home, &["check"]).assert_refused(6, "PLG-0040");
    let verified = run(&home, &["plugin", "verify", path, "--json"]).document();
    assert_eq!(unsigned["sha256"], verified["sha256"]);

    let signature = sign(&home, &file, "ada.key");
    let signed = inspect(&home);
    assert_eq!(signed["signature"]["signer"], json!(ada));
    assert_eq!(
        (&signed["signature"]["signer_name"], &signed["trust"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(signed["refusal"]["code"], "PLG-0045");

    let home = home.set("trusted_keys", &format!("{{\"ada\": \"{ada}\"}}"));
    let trusted = inspect(&home);
    assert_eq!(trusted["signature"]["signer_name"], "ada");
    assert_eq!((&trusted["trust"], &trusted["loads"]), (&json!("signed"), &json!(true)));
    let text = run(&home, &["plugin", "inspect", path]).stdout;
    for words in [format!("by ada {ada}"), "yes: signed by ada".to_owned()] {
        assert!(text.contains(&words), "{words}: {text}");
    }
    assert_eq!(document(&home, &["check"])["strategy"], "sampling");
    // None of them has copied it to where it would be loaded from.
    assert!(!home.path("copies").exists() && !home.path("plugin-cache").exists());

    fs::write(&signature, "{}").unwrap();
    let damaged = inspect(&home);
    assert_eq!(damaged["signature"]["refusal"]["code"], "PLG-0042");
    assert_eq!((&damaged["signature"]["signer"], &damaged["loads"]), (&Value::Null, &json!(false)));
    assert!(run(&home, &["plugin", "inspect", path]).stdout.contains("not true [PLG-0042]"));
}

/// The lines that a change added; all others are as they were.
#[track_caller]
fn added(before: &str, after: &str) -> Vec<String> {
    let mut left = before.lines().peekable();
    let new = after.lines().filter(|line| left.next_if(|old| old == line).is_none());
    let new: Vec<String> = new.map(str::to_owned).collect();
    assert_eq!(left.next(), None, "a line is gone: {after}");
    new
}

#[test]
fn trust_adds_lines_to_the_shipped_manifest_and_changes_no_other() {
    let home = Home::new();
    let shipped = fs::read_to_string(repository().join("miner.ron")).unwrap();
    fs::write(home.manifest(), &shipped).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(home.manifest(), fs::Permissions::from_mode(0o640)).unwrap();
    }
    let (ada, bob) = (key(&home, "ada.key"), key(&home, "bob.key"));
    let read = || fs::read_to_string(home.manifest()).unwrap();

    document(&home, &["plugin", "trust", &ada, "--name", "ada"]);
    let one = read();
    assert_eq!(added(&shipped, &one), [format!("    trusted_keys: {{\"ada\": \"{ada}\"}},")]);
    let again = document(&home, &["plugin", "trust", &ada, "--name", "ada"]);
    assert_eq!((&again["written"], read()), (&Value::Null, one.clone()));
    run(&home, &["plugin", "trust", &bob, "--name", "ada"]).assert_refused(3, &ada);

    // Whoever signed a file, once that is true.
    let file = stranger(&home, "downloads");
    let argument = file.to_str().unwrap();
    run(&home, &["plugin", "trust", argument, "--name", "bob"]).assert_refused(6, "PLG-0041");
    let signature = sign(&home, &file, "bob.key");
    let good = fs::read_to_string(&signature).unwrap();
    fs::write(&signature, good.replace(&bob, &ada)).unwrap();
    run(&home, &["plugin", "trust", argument, "--name", "bob"]).assert_refused(6, "PLG-0044");
    assert_eq!(read(), one);
    fs::write(&signature, good).unwrap();
    assert_eq!(verdict(&home, &file).as_deref(), Some("PLG-0045"));
    document(&home, &["plugin", "trust", argument, "--name", "bob"]);
    assert_eq!(verdict(&home, &file), None);
    let keys = format!("    trusted_keys: {{\"ada\": \"{ada}\", \"bob\": \"{bob}\"}},");
    assert_eq!(added(&shipped, &read()), [keys]);

    // A file as it is, without a signature.
    fs::remove_file(&signature).unwrap();
    let other = copy_of("spacetime-misbehaving", &home, "downloads");
    document(&home, &["plugin", "trust", other.to_str().unwrap()]);
    assert_eq!(verdict(&home, &other), None);
    let lines = added(&shipped, &read());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("        (path: \"downloads/libspacetime_misbehaving"),
        "{lines:?}"
    );
    // A new build of it takes the place of the old pin.
    fs::copy(&file, &other).unwrap();
    assert_eq!(verdict(&home, &other).as_deref(), Some("PLG-0047"));
    document(&home, &["plugin", "trust", other.to_str().unwrap()]);
    assert_eq!(verdict(&home, &other), None);
    assert_eq!(added(&shipped, &read()).len(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(home.manifest()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    assert!(!home.path("miner.ron.new").exists());
}

#[test]
fn a_manifest_that_cannot_be_changed_safely_gets_a_line_to_write_instead() {
    let home = Home::new();
    let ada = key(&home, "ada.key");
    edit(&home, "    ],\n)", "    ] // ,\n    ,\n)");
    let before = fs::read_to_string(home.manifest()).unwrap();
    let refused = run(&home, &["plugin", "trust", &ada, "--name", "ada"]);
    let line = format!("trusted_keys: {{\"ada\": \"{ada}\"}},");
    refused.assert_refused(3, &line);
    assert_eq!(fs::read_to_string(home.manifest()).unwrap(), before);
    // Which is right as it stands.
    edit(&home, "    plugins: [", &format!("{line}\n    plugins: ["));
    let again = document(&home, &["plugin", "trust", &ada, "--name", "ada"]);
    assert_eq!(again["written"], Value::Null);
}
