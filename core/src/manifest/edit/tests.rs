//! Manifests in many layouts, changed.

use std::path::Path;

use proptest::prelude::*;
use spacetime_sdk_loader::SigningKey;

use super::*;

fn key() -> PublicKey {
    SigningKey::new(&[3; 32]).public()
}

fn hash() -> FileHash {
    FileHash::of(b"a plugin")
}

fn ada() -> Change {
    Change::TrustKey { name: "ada".into(), key: key() }
}

fn plugin() -> Change {
    Change::Plugin { path: "./x.so".into(), sha256: hash() }
}

/// A manifest with more lines.
fn with(lines: &str) -> String {
    format!(
        "// Mine.\n(\n    plot_directory: \"p\", // here\n    plot_metadata_path: \"p.json\",\n    \
         private_key_path: \"key\",\n    network_id: \"local\"{lines}\n)\n"
    )
}

fn apply(change: &Change, text: &str) -> Option<String> {
    change.apply(Path::new("/etc/miner.ron"), text).unwrap()
}

/// The change of the manifest with these lines is these other lines.
#[track_caller]
fn assert_becomes(change: &Change, lines: &str, expected: &str) {
    let long = [("KEY", key().to_string()), ("HASH", hash().to_string())];
    let full =
        |text: &str| long.iter().fold(with(text), |text, (short, long)| text.replace(short, long));
    assert_eq!(apply(change, &full(lines)), Some(full(expected)));
}

#[test]
fn keys_stand_behind_the_plugins_or_at_the_end() {
    assert_becomes(&ada(), "", ",\n    trusted_keys: {\"ada\": \"KEY\"},");
    assert_becomes(&ada(), ",", ",\n    trusted_keys: {\"ada\": \"KEY\"},");
    assert_becomes(
        &ada(),
        ",\n    plugins: [\n        (path: \"a\"), // a\n    ], // all\n    // Next.\n    node_port: 1,",
        ",\n    plugins: [\n        (path: \"a\"), // a\n    ], // all\n    trusted_keys: {\"ada\": \
         \"KEY\"},\n    // Next.\n    node_port: 1,",
    );
    assert_becomes(
        &ada(),
        ", plugins: [], node_port: 1",
        ", plugins: [], trusted_keys: {\"ada\": \"KEY\"}, node_port: 1",
    );
}

#[test]
fn keys_stand_behind_other_keys() {
    assert_becomes(&ada(), ", trusted_keys: {},", ", trusted_keys: {\"ada\": \"KEY\",},");
    assert_becomes(
        &ada(),
        ", trusted_keys: {\"bob\": \"KEY\"},",
        ", trusted_keys: {\"bob\": \"KEY\", \"ada\": \"KEY\"},",
    );
    assert_becomes(
        &ada(),
        ", trusted_keys: {\n        \"bob\": \"KEY\" // b\n    }",
        ", trusted_keys: {\n        \"bob\": \"KEY\", // b\n        \"ada\": \"KEY\",\n    }",
    );
    assert_becomes(
        &ada(),
        ", trusted_keys: {\r\n\t\"bob\": \"KEY\",\r\n}",
        ", trusted_keys: {\r\n\t\"bob\": \"KEY\",\r\n\t\"ada\": \"KEY\",\r\n}",
    );
}

#[test]
fn plugins_stand_behind_other_plugins() {
    let entry = "(path: \"./x.so\", sha256: \"HASH\")";
    assert_becomes(&plugin(), "", &format!(",\n    plugins: [{entry}],"));
    assert_becomes(&plugin(), ", plugins: []", &format!(", plugins: [{entry},]"));
    assert_becomes(
        &plugin(),
        ", plugins: [\n    (path: \"a\"),\n    // end\n ]",
        &format!(", plugins: [\n    (path: \"a\"),\n    {entry},\n    // end\n ]"),
    );
}

#[test]
fn a_pin_is_added_or_replaced_in_its_entry_alone() {
    let pin = |entry| Change::Pin { entry, sha256: hash() };
    let zeros = "0".repeat(64);
    assert_becomes(
        &pin(1),
        ", plugins: [(path: \"a\"), (path: \"a\" /* b */)]",
        ", plugins: [(path: \"a\"), (path: \"a\", sha256: \"HASH\" /* b */)]",
    );
    assert_becomes(
        &pin(0),
        ", plugins: [(\n    path: \"a\", // b\n    trust: any,\n  )]",
        ", plugins: [(\n    path: \"a\", // b\n    trust: any,\n    sha256: \"HASH\",\n  )]",
    );
    assert_becomes(
        &pin(0),
        &format!(", plugins: [(sha256: \"{zeros}\" /* old */, path: \"a\")]"),
        ", plugins: [(sha256: \"HASH\" /* old */, path: \"a\")]",
    );
    assert_eq!(apply(&pin(3), &with(", plugins: [(path: \"a\")]")), None);
}

#[test]
fn what_would_not_come_out_right_is_not_done() {
    // The comma is behind a comment.
    assert_eq!(apply(&ada(), &with(" // ,\n    ,")), None);
    let known = format!(", trusted_keys: {{\"ada\": \"{}\"}}", key());
    assert_eq!(apply(&ada(), &with(&known)), None, "the name is taken");
    assert!(ada().apply(Path::new("x"), "(").is_err());
}

#[test]
fn names_and_paths_are_quoted() {
    let odd = "a \"b\" \\ \u{7}\n{é}";
    let change = Change::TrustKey { name: odd.into(), key: key() };
    let changed = apply(&change, &with("")).unwrap();
    let manifest = Manifest::parse(Path::new("/etc/miner.ron"), &changed, &[]).unwrap();
    assert_eq!(manifest.trusted_keys.get(odd), Some(&key()));
    let change = Change::Plugin { path: format!("./{odd}"), sha256: hash() };
    let changed = apply(&change, &with("")).unwrap();
    let manifest = Manifest::parse(Path::new("/etc/miner.ron"), &changed, &[]).unwrap();
    assert_eq!(manifest.plugins[0].path, Path::new(&format!("./{odd}")));
}

proptest! {
    /// Whatever stands around, the change only adds.
    #[test]
    fn a_change_only_adds(
        gaps in prop::collection::vec(
            prop::sample::select(vec!["", " ", "\n", "\n  ", " // c\n", " /* , */ ", "\r\n\t", " /*(*/"]),
            6,
        ),
        commas in prop::collection::vec(any::<bool>(), 3),
        keys in 0..3_usize,
    ) {
        let comma = |at: usize| if commas[at] { "," } else { "" };
        let list: Vec<String> =
            (0..keys).map(|number| format!("\"k{number}\":{}\"{}\"", gaps[0], key())).collect();
        let last = if keys > 0 { comma(0) } else { "" };
        let lines = format!(
            ",{}trusted_keys:{}{{{}{}{}{last}{}}}{}{}",
            gaps[1], gaps[2], gaps[3], list.join(&format!(",{}", gaps[4])), gaps[5], gaps[1],
            gaps[0], comma(1),
        );
        let text = with(&lines);
        prop_assume!(Manifest::parse(Path::new("m"), &text, &[]).is_ok());
        for change in [ada(), plugin()] {
            let Some(changed) = apply(&change, &text) else { continue };
            let mut left = text.chars().peekable();
            changed.chars().for_each(|new| { left.next_if_eq(&new); });
            prop_assert_eq!(left.next(), None, "{} became {}", text, changed);
        }
    }
}
