//! Manifests, good and bad.

use std::{path::Path, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{plots::LeafOrigin, scan::Io};

const MINIMAL: &str = r#"(
    plot_directory: "plots",
    plot_metadata_path: "plots.json",
    private_key_path: "/keys/miner.json",
    network_id: "local",
)"#;

fn parse(text: &str, sets: &[&str]) -> Result<Manifest, ManifestError> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Manifest::parse(Path::new("/etc/miner.ron"), text, &sets)
}

/// The minimal manifest with more lines at its end.
fn with(lines: &str) -> String {
    MINIMAL.replace("\n)", &format!("\n{lines}\n)"))
}

fn error(text: &str, sets: &[&str]) -> String {
    parse(text, sets).unwrap_err().to_string()
}

#[test]
fn defaults_are_the_seeds() {
    let manifest = parse(MINIMAL, &[]).unwrap();
    assert_eq!(manifest.plot_directories, [Path::new("/etc/plots")]);
    assert_eq!(manifest.plot_metadata_path, Path::new("/etc/plots.json"));
    assert_eq!(manifest.private_key_path, Path::new("/keys/miner.json"));
    assert_eq!(manifest.data_directory, Path::new("/etc/data"));
    assert_eq!(manifest.network.id, "spacetime-local-v1");
    assert_eq!(manifest.max_concurrent_proofs.get(), 1);
    assert_eq!(manifest.leaf_source, LeafOrigin::Disk);
    assert_eq!(manifest.proof_timeout, Duration::from_secs(60));
    assert_eq!(manifest.retry_interval, Duration::from_secs(5));
    assert_eq!(manifest.max_connection_retries, 10);
    assert!(manifest.performance_monitoring);
    assert_eq!((manifest.node_address, manifest.node_port), (None, None));
    assert!(manifest.plugins.is_empty() && manifest.transports.is_empty());
    assert!(manifest.strategy.is_none() && manifest.first_run.is_none());
}

#[test]
fn components_keep_their_config_and_its_place() {
    let text = with(
        "    plugins: [(path: \"a.so\"),\n        (path: \"sub/b.so\")],\n    strategy: (name: \"x\", config: /* odd */ (\n        step: Some(3), // why\n    )),\n    transports: [(name: \"one/solo\"), (name: \"solo\", plugin: \"sub/b.so\")],",
    );
    let manifest = parse(&format!("#![enable(implicit_some)]\n{text}"), &[]).unwrap();
    let lines: Vec<u32> = manifest.plugins.iter().map(|plugin| plugin.line).collect();
    assert_eq!(lines, [7, 8]);
    let config = manifest.strategy.unwrap().config;
    assert_eq!(config.text, "(\n        step: Some(3), // why\n    )");
    assert_eq!((config.line, config.column), (9, 45));
    assert_eq!(config.origin, "/etc/miner.ron");
    assert_eq!(config.ron_extensions, ron::extensions::Extensions::IMPLICIT_SOME.bits() as u64);
    let [one, two] = manifest.transports.as_slice() else { panic!("two transports") };
    assert_eq!((one.name.as_str(), one.config.text.as_str()), ("one/solo", "()"));
    assert_eq!(two.plugin.as_deref(), Some("sub/b.so"));
}

#[test]
fn unknown_keys_are_placed_and_answered_with_the_nearest() {
    assert_eq!(
        error(&with("    plot_dirs: [\"x\"],"), &[]),
        "/etc/miner.ron:6:5: `plot_dirs` is not an option; did you mean `plot_directories`?"
    );
    assert_eq!(
        error(&with("    strategy: (\n  nam: \"x\"),"), &[]),
        "/etc/miner.ron:7:3: `strategy.nam` is not an option; did you mean `name`?"
    );
    assert_eq!(
        error(&with("    plugins: [(path: \"a\"), (file: \"b\")],"), &[]),
        "/etc/miner.ron:6:29: `plugins.1.file` is not an option; known are `path`, `trust`, `sha256`"
    );
    assert_eq!(
        error(&with("    first_run: (make_key: true),"), &[]),
        "/etc/miner.ron:6:17: `first_run.make_key` is not an option; known are `create_key`, `plot_size`"
    );
    let twice = parse(&with("    network_id: \"local\","), &[]).unwrap_err();
    assert_eq!((twice.position(), twice.field()), (Some((6, 5)), Some("network_id")));
}

#[test]
fn ill_typed_values_are_placed() {
    let place = |text: &str| {
        let error = parse(&with(text), &[]).unwrap_err();
        (error.position().unwrap(), error.field().unwrap().to_owned())
    };
    assert_eq!(place("    node_port: \"x\","), ((6, 16), "node_port".into()));
    assert_eq!(place("    node_port: 65536,").1, "node_port");
    assert_eq!(place("  max_connection_retries: -1,").1, "max_connection_retries");
    assert_eq!(place("    plugin_directories: [\n  \"a\",\n  7],").0.0, 8);
    assert_eq!(place("    plugins: (path: \"a\"),"), ((6, 14), "plugins".into()));
    assert_eq!(place("    engine: \"plain\","), ((6, 13), "engine".into()));
    assert_eq!(place("    engine: (config: (),),"), ((6, 13), "engine.name".into()));
}

#[test]
fn kernels_are_the_fastest_or_those_that_are_named() {
    let kernels = |text: &str| parse(&with(text), &[]).map(|manifest| manifest.kernels);
    assert!(parse(MINIMAL, &[]).unwrap().kernels.is_none());
    assert!(kernels("    kernels: \"auto\",").unwrap().is_none());
    let portable = kernels("    kernels: \"portable\",").unwrap().unwrap();
    assert_eq!(portable.name(), "portable");
    let error = kernels("    kernels: \"abacus\",").unwrap_err();
    assert_eq!((error.position(), error.field()), (Some((6, 14)), Some("kernels")));
    let message = error.to_string();
    assert!(message.contains("no kernels `abacus`; it runs "), "{message}");
    assert!(message.ends_with("portable; `auto` takes the fastest"), "{message}");
}

#[test]
fn values_out_of_range_are_refused() {
    let refused = |text: &str| error(&with(text), &[]);
    assert_eq!(
        refused("    max_concurrent_proofs: 0,"),
        "/etc/miner.ron:6:28: `max_concurrent_proofs` must be at least 1"
    );
    assert!(refused("    proof_generation_timeout_seconds: 0,").contains("at least 1"));
    assert!(refused("    node_port: 0,").contains("at least 1"));
    assert!(refused("    node_address: \" \",").contains("is empty"));
    assert!(refused("    plot_directories: [],").contains("not both"));
    assert!(refused("    first_run: (plot_size: \"5 parsecs\"),").contains("such as 64MiB"));
    assert!(refused("    first_run: (plot_size: \"0\"),").contains("at least one leaf"));
    assert!(refused("    plugins: [(path: \"\")],").contains("empty path"));
    let unknown = error(&MINIMAL.replace("\"local\"", "\"lokal\""), &[]);
    assert!(unknown.contains(":5:17: `lokal` is no built-in network; did you mean `local`?"));
}

#[test]
fn whom_plugins_are_taken_from_is_read_and_checked() {
    let (key, hash) =
        ("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c", "ab".repeat(32));
    let text = with(&format!(
        "    trusted_keys: {{\"ada\": \"{key}\"}}, plugins: [(path: \"a\"), (path: \"b\", trust: any),
        (path: \"c\", trust: locked, sha256: \"{hash}\"), (path: \"d\", trust: signed(by: \"ada\")),
        (path: \"e\", trust: signed(by: [\"ada\", \"{key}\"]))],"
    ));
    let manifest = parse(&text, &["plugins.0.trust=any"]).unwrap();
    let rules: Vec<Option<Trust>> =
        manifest.plugins.iter().map(|plugin| plugin.trust.clone()).collect();
    let signed = |by: &[&str]| {
        Some(Trust::Signed { by: by.iter().map(|name| (*name).to_owned()).collect() })
    };
    let any = Some(Trust::Any);
    let expected = [any.clone(), any, Some(Trust::Locked), signed(&["ada"]), signed(&["ada", key])];
    assert_eq!(rules, expected);
    assert_eq!(manifest.plugins[2].sha256, hash.parse().ok());
    assert_eq!(manifest.trusted_keys["ada"].to_string(), key);
    assert_eq!(manifest.plugin_cache, Path::new("/etc/data/plugin-cache"));
    assert_eq!(manifest.lock_file(), Path::new("/etc/plugins.lock"));
    let moved = parse(MINIMAL, &["data_directory=\"/d\""]).unwrap();
    assert_eq!(moved.plugin_cache, Path::new("/d/plugin-cache"));

    let refused = |lines: &str| error(&with(lines), &[]);
    let keys = |text: &str| refused(&format!("    trusted_keys: {text},"));
    assert!(keys("{\"ada\": \"12\"}").contains("no key for `ada`: a key that signs"));
    assert!(keys(&format!("{{\"ada\": \"ed{key}\"}}")).contains("identity of a miner"));
    assert!(keys(&format!("{{\" \": \"{key}\"}}")).contains("without a name"));
    assert!(keys(&format!("{{\"{key}\": \"{key}\"}}")).contains("give it a name"));
    let twice = keys(&format!("{{\"ada\": \"{key}\", \"ada\": \"{key}\"}}"));
    assert!(twice.contains("`ada` is given twice"), "{twice}");
    let entry = |text: &str| refused(&format!("    plugins: [(path: \"a\", {text})],"));
    assert!(entry("sha256: \"12\"").contains("`plugins.0.sha256`: a SHA-256 has 64"));
    assert!(entry("trust: signed(by: [])").contains("`plugins.0.trust` names nobody"));
    let unknown = entry("trust: everybody");
    assert!(
        unknown.starts_with("/etc/miner.ron:6:") && unknown.contains("`plugins.0.trust`"),
        "{unknown}"
    );
    for wrong in ["everybody", "ani", "sined(by: \"ada\")"] {
        let message = entry(&format!("trust: {wrong}"));
        let (name, _) = wrong.split_once('(').unwrap_or((wrong, ""));
        assert!(message.contains(&format!("`plugins.0.trust` cannot be `{name}`")), "{message}");
        for known in ["any", "locked", "signed"] {
            assert!(message.contains(&format!("`{known}")), "{message}");
        }
    }
    for wrong in ["signed", "signed(\"ada\")", "signed(to: \"ada\")", "any()", "5"] {
        let message = entry(&format!("trust: {wrong}"));
        assert!(message.starts_with("/etc/miner.ron:6:"), "{message}");
        assert!(!message.contains("Rule"), "{message}");
    }
}

#[test]
fn what_is_required_is_named() {
    for key in ["plot_directory", "plot_metadata_path", "private_key_path", "network_id"] {
        let without: Vec<&str> = MINIMAL.lines().filter(|line| !line.contains(key)).collect();
        let message = error(&without.join("\n"), &[]);
        assert!(message.contains(&format!("`{key}` is missing")), "{message}");
    }
}

#[test]
fn broken_ron_is_placed() {
    assert_eq!(parse("(\n  node_port: [1,\n", &[]).unwrap_err().position().map(|at| at.0), Some(2));
    assert_eq!(parse("", &[]).unwrap_err().position(), Some((1, 1)));
    assert!(error(&format!("{MINIMAL} 3"), &[]).contains(":6:"));
}

#[test]
fn overrides_take_the_place_of_entries() {
    let text = with(
        "    strategy: (name: \"a\", config: (x: 1)),\n    transports: [(name: \"t\"), (name: \"u\")],",
    );
    let sets = [
        "max_concurrent_proofs=4",
        "strategy.name=\"b\"",
        "strategy.config=(y: [2, 3])",
        "transports.1.config=(port: 1)",
        "engine.name=\"plain\"",
        "plot_directories=[\"/one\", \"two\"]",
    ];
    let manifest = parse(&text, &sets).unwrap();
    assert_eq!(manifest.max_concurrent_proofs.get(), 4);
    let strategy = manifest.strategy.unwrap();
    assert_eq!((strategy.name.as_str(), strategy.config.text.as_str()), ("b", "(y: [2, 3])"));
    assert_eq!(strategy.config.origin, "--set strategy.config=(y: [2, 3])");
    assert_eq!((strategy.config.line, strategy.config.column), (1, 1));
    assert_eq!(manifest.transports[1].config.text, "(port: 1)");
    assert_eq!(manifest.engine.unwrap().name, "plain");
    assert_eq!(manifest.plot_directories, [Path::new("/one"), Path::new("/etc/two")]);
    // The last one counts; a whole replaces what was set inside it before.
    let manifest = parse(&text, &["strategy.name=\"b\"", "strategy=(name: \"c\")"]).unwrap();
    assert_eq!(manifest.strategy.unwrap().name, "c");
}

#[test]
fn the_source_of_leaves_may_be_quoted_or_not() {
    let sources = [
        ("disk", LeafOrigin::Disk),
        ("regenerate", LeafOrigin::Regenerate),
        ("auto", LeafOrigin::Auto),
    ];
    for (name, origin) in sources {
        for text in [name.to_owned(), format!("\"{name}\"")] {
            let set = format!("leaf_source={text}");
            assert_eq!(parse(MINIMAL, &[&set]).unwrap().leaf_source, origin, "{text}");
        }
    }
    let message = error(MINIMAL, &["leaf_source=\"regenerated\""]);
    assert!(message.contains("did you mean `regenerate`?"), "{message}");
    let message = error(&with("leaf_source: tape,"), &[]);
    assert!(message.contains("`leaf_source`") && message.contains("auto"), "{message}");
}

#[test]
fn the_way_of_reading_is_one_of_three() {
    assert_eq!(parse(MINIMAL, &[]).unwrap().io, Io::Auto);
    let all = [Io::Auto, Io::Buffered, Io::Direct, Io::Mmap];
    for (name, io) in Io::NAMES.into_iter().zip(all) {
        for text in [name.to_owned(), format!("\"{name}\"")] {
            assert_eq!(parse(MINIMAL, &[&format!("io={text}")]).unwrap().io, io, "{text}");
        }
    }
    let message = error(MINIMAL, &["io=\"directly\""]);
    assert!(message.contains("did you mean `direct`?"), "{message}");
}

#[test]
fn wrong_overrides_name_themselves() {
    let refused = |set: &str| {
        let message = error(MINIMAL, &[set]);
        assert!(message.starts_with(&format!("--set {set}: ")), "{message}");
        message
    };
    assert!(refused("node_prot=1").ends_with("did you mean `node_port`?"));
    assert!(refused("strategy.nam=\"x\"").contains("did you mean `name`?"));
    assert!(refused("network_id=local x").contains("double quotes"));
    assert!(refused("node_port=\"x\"").contains("`node_port`"));
    assert!(refused("node_port.x=1").contains("as a whole"));
    assert!(refused("max_concurrent_proofs=0").contains("at least 1"));
    assert!(refused("transports.0.name=\"x\"").contains("has 0 entries"));
    assert!(refused("plain").contains("KEY=RON"));
    assert!(refused("=1").contains("KEY=RON"));
    let message = error(&with("strategy: (name: \"x\"),"), &["strategy.config.x=1"]);
    assert!(message.contains("--set 'strategy.config=…'"), "{message}");
}

#[test]
fn the_home_is_expanded() {
    let home = std::env::var("HOME").expect("tests run with a home");
    let manifest = parse(MINIMAL, &["plot_directory=\"~/plots\"", "data_directory=\"~\""]).unwrap();
    assert_eq!(manifest.plot_directories, [Path::new(&home).join("plots")]);
    assert_eq!(manifest.data_directory, Path::new(&home));
}

#[test]
fn a_network_file_is_read_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.json");
    let devnet = spacetime_protocol::network::Network::named("devnet").unwrap();
    std::fs::write(&file, devnet.to_json().unwrap()).unwrap();
    let set = format!("network_file={:?}", file.display().to_string());
    // In the file both must mean the same network; an override of one counts.
    let both = with(&format!("    network_file: {:?},", file.display().to_string()));
    let message = error(&both, &[]);
    assert!(message.contains("`network_id` is `local`, but the network file is of"), "{message}");
    assert_eq!(parse(&both.replace("\"local\"", "\"devnet\""), &[]).unwrap().network, devnet);
    assert_eq!(parse(MINIMAL, &[&set]).unwrap().network, devnet);
    assert_eq!(parse(&both, &["network_id=\"local\""]).unwrap().network.id, "spacetime-local-v1");
    let without = MINIMAL.replace("    network_id: \"local\",\n", "");
    assert_eq!(parse(&without, &[&set]).unwrap().network, devnet);
    std::fs::write(&file, "{").unwrap();
    let message = error(&without, &[&set]);
    assert!(message.contains("net.json is not a network"), "{message}");
}

#[test]
fn the_shipped_manifest_is_valid() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../miner.ron");
    let manifest = Manifest::load(&file, &[]).unwrap();
    assert_eq!(manifest.network.id, "spacetime-local-v1");
    assert_eq!(manifest.first_run.unwrap().plot_bytes, Some(64 << 20));
}

#[test]
fn a_missing_manifest_says_what_to_do() {
    let error = Manifest::load(Path::new("/nowhere/miner.ron"), &[]).unwrap_err();
    assert!(error.to_string().contains("name one with --manifest"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", set in "\\PC*") {
        let _ = parse(&text, &[&set]);
        let _ = parse(&with(&text), &[&format!("strategy={set}")]);
    }

    #[test]
    fn no_damage_panics(at in 0usize..400, insert in "[(){}\\[\\]\",:/*#!a-z0-9 \\n-]{0,6}", cut in 0usize..9) {
        let text = with("strategy: (name: \"x\", config: (a: [1, \"é\"])), plugins: [(path: \"p\")],");
        let start = text.floor_char_boundary(at.min(text.len()));
        let end = text.floor_char_boundary((start + cut).min(text.len()));
        let damaged = format!("{}{insert}{}", &text[..start], &text[end.max(start)..]);
        let _ = parse(&damaged, &[]);
    }
}

#[test]
fn a_mistake_of_notation_is_told_with_what_was_expected_and_its_line() {
    let missing =
        MINIMAL.replace("\"local\",", "\"local\"").replace("\n)", "\n    node_port: 1,\n)");
    assert_eq!(
        error(&missing, &[]),
        "/etc/miner.ron:6:5: expected `,` or a closing bracket in front of `node_port`\n \
         5 |     network_id: \"local\"\n \
         6 |     node_port: 1,\n   \
           |     ^"
    );
    let expected = |text: &str, place: &str, words: &str| {
        let message = error(text, &[]);
        let begins = format!("/etc/miner.ron:{place}: {words}");
        assert!(message.starts_with(&begins), "{begins}: {message}");
    };
    let cases = [
        (
            "    plugins: [(path: \"a\") (path: \"b\")],",
            "6:27",
            "expected `,` or a closing bracket in front of `(`",
        ),
        (
            "    plugins: [(path: \"a\" trust: any)],",
            "6:26",
            "expected `,` or a closing bracket in front of `trust`",
        ),
        (
            "    strategy: (name: \"a\", config: (x: 1 y: 2)),",
            "6:41",
            "expected `,` or a closing bracket in front of `y`",
        ),
        ("    node_port 7,", "6:15", "expected `:` between name and value, found `7`"),
        ("    node_port: 7,,", "6:18", "expected the name of an option, found `,`"),
        ("    node_port: ,", "6:16", "expected a value, found `,`"),
        ("    node_port: many,", "6:16", "`node_port`: expected a whole number, found `many`"),
        (
            "    node_address: here,",
            "6:19",
            "`node_address`: expected text in double quotes, found `here`",
        ),
        (
            "    enable_performance_monitoring: yes,",
            "6:36",
            "`enable_performance_monitoring`: expected `true` or `false`, found `yes`",
        ),
        ("    plugins: (path: \"a\"),", "6:14", "`plugins`: expected a list in `[…]`, found `(`"),
    ];
    for (line, place, words) in cases {
        expected(&with(line), place, words);
    }
    expected("", "1:1", "expected options in `(…)`, found the end");
    expected(&MINIMAL.replace("\n)", ""), "5:25", "a closing bracket");
    expected(
        &format!("{MINIMAL})"),
        "6:2",
        "expected nothing more behind the closing bracket, found `)`",
    );
    expected(
        &MINIMAL.replace("\"local\",\n", "\"local,\n"),
        "5:17",
        "this text has no closing quote",
    );
    let set = error(MINIMAL, &["strategy=(name: \"a\" config: ())"]);
    assert!(
        set.contains("is not RON: expected `,` or a closing bracket in front of `config`"),
        "{set}"
    );
}

#[test]
fn a_name_may_be_quoted_or_not_wherever_one_of_a_few_is_meant() {
    let both = |bare: &str, quoted: &str| {
        let [bare, quoted] = [bare, quoted].map(|line| parse(&with(line), &[]).unwrap());
        assert_eq!(bare.leaf_source, quoted.leaf_source);
        assert_eq!(bare.io, quoted.io);
        assert_eq!(
            bare.kernels.map(|kernels| kernels.name()),
            quoted.kernels.map(|kernels| kernels.name())
        );
        let trust = |manifest: &Manifest| manifest.plugins.first().map(|entry| entry.trust.clone());
        assert_eq!(trust(&bare), trust(&quoted));
    };
    both("leaf_source: auto,", "leaf_source: \"auto\",");
    both("io: buffered,", "io: \"buffered\",");
    both("kernels: portable,", "kernels: \"portable\",");
    both("plugins: [(path: \"a\", trust: any)],", "plugins: [(path: \"a\", trust: \"any\")],");
    both(
        "plugins: [(path: \"a\", trust: locked)],",
        "plugins: [(path: \"a\", trust: \"locked\")],",
    );
    let message = error(&with("    plugins: [(path: \"a\", trust: \"lock\")],"), &[]);
    assert!(
        message.ends_with(
            "`plugins.0.trust` cannot be `lock`; it may be `any`, `locked`, `signed(by: …)`"
        ),
        "{message}"
    );
    let message = error(&with("    io: 5,"), &[]);
    assert!(message.starts_with("/etc/miner.ron:6:9: `io`: expected"), "{message}");
}
