//! `plugin test` on real plugin files: it finds every planted violation by its
//! rule, and nothing wrong with honest and first-party components.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod first_party;
mod planted;

use std::path::Path;

use serde_json::Value;
use spacetime_tests::{
    artifacts::program,
    process::{Ended, run_to_end},
};

/// Jobs that growth is looked for over where many components are tested.
const FEW: &str = "2000";

/// Runs `plugin test FILE` with more arguments.
fn plugin_test(file: &Path, arguments: &[&str]) -> Ended {
    let file = file.to_str().unwrap();
    let arguments = [&["plugin", "test", file, "--json"], arguments].concat();
    run_to_end(&program("spacetime-miner"), Path::new("."), &arguments)
}

/// The ids of the rules with a result, of all components that were tested.
fn rules(document: &Value, result: &str) -> Vec<String> {
    let components = document["components"].as_array().unwrap().iter();
    let rows = components.flat_map(|component| component["rules"].as_array().unwrap());
    rows.filter(|row| row["result"] == result)
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}
