//! The command line as a user sees it: help, reports, complaints, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use spacetime_core::{
    keys,
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, create},
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{PlotKey, keys::Scheme};

const MANIFEST: &str = r#"(
    plot_directory: "plots",
    plot_metadata_path: "plots.json",
    private_key_path: "key.json",
    network_id: "local",
    strategy: (name: "full"),
)"#;

/// Runs the program in a folder, away from the user's own plugins.
fn miner(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spacetime-miner"))
        .current_dir(folder)
        .args(arguments)
        .env("HOME", folder)
        .env_remove("XDG_DATA_HOME")
        .env_remove("SPACETIME_LOG")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Exit code, stdout and stderr as one text, paths and keys redacted.
fn transcript(folder: &Path, arguments: &[&str]) -> String {
    let output = miner(folder, arguments);
    let program = Path::new(env!("CARGO_BIN_EXE_spacetime-miner")).parent().unwrap();
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .replace(&folder.canonicalize().unwrap().display().to_string(), "[folder]")
            .replace(&folder.display().to_string(), "[folder]")
            .replace(&program.canonicalize().unwrap().display().to_string(), "[program]")
    };
    format!(
        "$ spacetime-miner {}\n{}--- stderr\n{}--- exit {}\n",
        arguments.join(" "),
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().unwrap()
    )
}

/// A folder with a manifest, a key and a plot of 40 leaves.
fn ready(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("miner.ron"), manifest).unwrap();
    keys::create(&folder.path().join("key.json"), Scheme::Ed25519).unwrap();
    make_plot(folder.path(), [7; 32].into(), 40);
    folder
}

/// The plot, made with this key.
fn make_plot(folder: &Path, key: PlotKey, leaf_count: u64) {
    let spec = CreateSpec {
        target: folder.join("plots/one.plot"),
        key,
        seed: Some([9; 32].into()),
        leaf_count,
        cache_levels: CacheLevels::Auto,
        memory: DEFAULT_MEMORY,
    };
    create(&spec, &()).unwrap();
}

#[test]
fn help_tells_of_commands_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", transcript(folder.path(), &["--help"]));
    insta::assert_snapshot!("help_check", transcript(folder.path(), &["check", "--help"]));
    insta::assert_snapshot!("help_decode", transcript(folder.path(), &["decode", "--help"]));
    insta::assert_snapshot!("help_prove", transcript(folder.path(), &["prove", "--help"]));
    insta::assert_snapshot!("help_tx_send", transcript(folder.path(), &["tx", "send", "--help"]));
}

#[test]
fn a_wrong_command_line_is_refused_with_2() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("unknown_command", transcript(folder.path(), &["chekc"]));
    let short = ["prove", "--plot", "x", "--challenge", "00"];
    insta::assert_snapshot!("short_challenge", transcript(folder.path(), &short));
}

#[test]
fn payments_that_cannot_be_made_are_refused_before_anybody_is_asked() {
    let folder = ready(MANIFEST);
    let own = keys::load(&folder.path().join("key.json")).unwrap().identity().to_string();
    let to = format!("ed{}", "11".repeat(32));
    let redacted = |arguments: &[&str]| {
        let fixed = ["tx", "send", "--to"];
        let text = transcript(folder.path(), &[&fixed, arguments].concat());
        text.replace(&own, "[own identity]").replace(&to, "[identity]")
    };
    let refused = [
        redacted(&[&own, "--amount", "1", "--fee", "1"]),
        redacted(&[&to, "--amount", "0", "--fee", "1"]),
        redacted(&[&to, "--amount", "1", "--fee", "0"]),
        redacted(&[&to, "--amount", "1", "--fee", "1", "--wait", "0"]),
        // The manifest names no transport.
        redacted(&[&to, "--amount", "1", "--fee", "1"]),
    ];
    insta::assert_snapshot!("tx_send_refused", refused.join("\n"));
}

#[test]
fn a_bad_manifest_is_refused_at_its_line_with_3() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no_manifest", transcript(folder.path(), &["check"]));
    let bad = MANIFEST.replace("network_id", "netwrk_id");
    fs::write(folder.path().join("miner.ron"), bad).unwrap();
    insta::assert_snapshot!("unknown_key", transcript(folder.path(), &["check"]));
    insta::assert_snapshot!(
        "unknown_key_json",
        transcript(folder.path(), &["check", "--json", "--set", "node_port=0"])
    );
    let set = ["check", "--manifest", "good.ron", "--set", "node_port=\"x\""];
    fs::write(folder.path().join("good.ron"), MANIFEST).unwrap();
    insta::assert_snapshot!("bad_override", transcript(folder.path(), &set));
    fs::write(folder.path().join("miner.ron"), MANIFEST.replacen("\",\n", "\"\n", 1)).unwrap();
    insta::assert_snapshot!("missing_comma", transcript(folder.path(), &["check"]));
}

#[test]
fn check_reports_what_mining_would_meet() {
    // A name that no plugin has, whatever else was built.
    let folder = ready(&MANIFEST.replace("\"full\"", "\"nowhere\""));
    fs::remove_dir_all(folder.path().join("plots")).unwrap();
    let key = keys::load(&folder.path().join("key.json")).unwrap();
    make_plot(folder.path(), key.plot_key(), 1024);
    let report = transcript(folder.path(), &["check"]);
    let identity = format!("ed{}", "0".repeat(64));
    let key = keys::load(&folder.path().join("key.json")).unwrap().identity().to_string();
    let report = report.replace(&key, &identity).replace(
        &format!("kernels    {}\n", Kernels::detect().name()),
        "kernels    [those of this processor]\n",
    );
    insta::assert_snapshot!("check", report);
    let json = miner(folder.path(), &["check", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["plots"]["leaves"], 1024);
    assert_eq!(document["key"]["identity"], key);
    // By what failed first: the manifest names no transport.
    assert_eq!(json.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&json.stderr).contains("`transports` is missing or empty"));
    assert!(
        document["problems"][1]["message"].as_str().unwrap().contains("strategy named `nowhere`")
    );
}

#[test]
fn kernels_are_those_of_the_manifest_or_refused() {
    let folder = ready(MANIFEST);
    let kernels = |name: &str| {
        let set = format!("kernels=\"{name}\"");
        miner(folder.path(), &["check", "--json", "--set", &set])
    };
    let document =
        |output: &Output| -> serde_json::Value { serde_json::from_slice(&output.stdout).unwrap() };
    for here in Kernels::all() {
        assert_eq!(document(&kernels(here.name()))["kernels"], here.name());
    }
    assert_eq!(document(&kernels("auto"))["kernels"], Kernels::detect().name());
    let refused = kernels("abacus");
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{message}");
    assert!(message.contains("`kernels`: this processor runs no kernels `abacus`"), "{message}");
    assert!(Kernels::all().all(|here| message.contains(here.name())), "{message}");
}

#[test]
fn check_names_damaged_plots_and_exposed_keys() {
    let folder = ready(&MANIFEST.replace("    strategy: (name: \"full\"),\n", ""));
    let plot = folder.path().join("plots/one.plot");
    let mut bytes = fs::read(&plot).unwrap();
    bytes[10] ^= 1;
    fs::write(&plot, bytes).unwrap();
    fs::remove_file(folder.path().join("key.json")).unwrap();
    let json = miner(folder.path(), &["check", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let problems: Vec<(&str, &str)> = document["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["area"].as_str().unwrap(), problem["message"].as_str().unwrap()))
        .collect();
    let has = |area: &str, text: &str| {
        problems.iter().any(|(found, message)| *found == area && message.contains(text))
    };
    assert!(has("plot", "one.plot"), "{problems:?}");
    assert!(has("key", "key.json"), "{problems:?}");
    assert!(has("manifest", "`transports` is missing or empty"), "{problems:?}");
}

#[test]
fn prove_prints_the_agreed_document() {
    let folder = ready(MANIFEST);
    let challenge = "11".repeat(32);
    let arguments = ["prove", "--plot", "plots/one.plot", "--challenge", &challenge, "--json"];
    let output = miner(folder.path(), &arguments);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields: Vec<&String> = document.as_object().unwrap().keys().collect();
    let mut expected =
        ["plot", "leaf_index", "leaf", "score", "siblings", "orientation", "root", "scanned"];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    assert_eq!(document["scanned"], 40);
    assert_eq!(document["siblings"].as_array().unwrap().len(), 6);
    assert_eq!(document["plot"], "plots/one.plot");
    let unknown = [arguments.as_slice(), &["--strategy", "nowhere"]].concat();
    let output = miner(folder.path(), &unknown);
    assert_eq!(output.status.code(), Some(8));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no strategy named `nowhere`"));
    assert!(output.stdout.is_empty());
    let missing = ["prove", "--plot", "nowhere.plot", "--challenge", &challenge];
    let output = miner(folder.path(), &missing);
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn a_text_file_called_so_is_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("libfake.so"), "not a library").unwrap();
    let folder_argument = folder.path().display().to_string();
    let arguments = ["plugin", "list", "--json", "--plugin-dir", &folder_argument];
    let output = miner(folder.path(), &arguments);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let fake = document
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["path"].as_str().is_some_and(|path| path.ends_with("libfake.so")));
    assert!(fake.unwrap()["error"].as_str().unwrap().contains("is not a dynamic library"));
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let folder = ready(MANIFEST);
    let mut child = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"))
        .args(["plugin", "list"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
