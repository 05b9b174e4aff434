//! The program's one command, run as people and scripts run it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Output};

use spacetime_protocol::network::Network;

fn genesis(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_spacetime-node");
    Command::new(program).arg("genesis").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn json_is_one_document_and_comes_back_from_a_file() {
    let named = genesis(&["--json"]);
    assert!(named.status.success() && named.stderr.is_empty());
    let document: serde_json::Value = serde_json::from_slice(&named.stdout).unwrap();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "network_id",
        "genesis_header",
        "genesis_block",
        "genesis_hash",
        "epoch_seconds",
        "target_block_time",
        "adjustment_interval",
        "dampening",
        "min_difficulty",
        "max_difficulty",
        "empty_epochs",
        "bind_plots",
        "min_plot_leaves",
        "max_future_seconds",
    ] {
        assert!(keys.contains(&key), "no {key} among {keys:?}");
    }
    assert_eq!(keys.len(), 14);
    assert_eq!(document["network_id"], "spacetime-local-v1");
    assert_eq!(document["genesis_header"].as_str().unwrap().len(), 2 * 290);
    assert_eq!(Network::from_json(text(&named.stdout)).unwrap(), Network::local());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.json");
    std::fs::write(&file, &named.stdout).unwrap();
    let read = genesis(&["--network-file", file.to_str().unwrap(), "--json"]);
    assert_eq!(text(&read.stdout), text(&named.stdout));
}

#[test]
fn every_built_in_network_has_a_summary_and_a_document() {
    for name in Network::NAMES {
        let network = Network::named(name).unwrap();
        let summary = genesis(&["--network", name]);
        assert!(text(&summary.stdout).contains(&network.genesis_hash().to_string()));
        let document = genesis(&["--network", &network.id, "--json"]);
        assert_eq!(Network::from_json(text(&document.stdout)).unwrap(), network);
    }
}

#[test]
fn failures_have_codes_and_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{\"network_id\": 7}").unwrap();
    let missing = folder.path().join("missing.json");
    for (arguments, code, says) in [
        (vec!["--network", "moonnet", "--json"], 2, "`moonnet`"),
        (vec!["--network-file", missing.to_str().unwrap()], 3, "missing.json"),
        (vec!["--network-file", broken.to_str().unwrap(), "--json"], 3, "broken.json"),
        (vec!["--network", "local", "--network-file", "x"], 2, "--network-file"),
    ] {
        let output = genesis(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}
