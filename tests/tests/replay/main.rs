//! The record of challenges, `strategy replay` over it, and shadows: real
//! miners, real plugin files, real plots.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod command;
#[allow(dead_code, reason = "shared with the tests of `adaptive`, which use more of it")]
#[path = "../adaptive/drives.rs"]
mod drives;
mod made;
mod paced;
mod record;
mod scanned;
mod shadow;

use serde_json::Value;

/// What a replay says of a strategy.
fn row<'a>(document: &'a Value, name: &str) -> &'a Value {
    let rows = document["strategies"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {document:#}"))
}

/// Whether a confidence interval holds a value.
fn holds(interval: &Value, value: f64) -> bool {
    let [low, high] = [0, 1].map(|end| interval[end].as_f64().unwrap());
    low <= value && value <= high
}
