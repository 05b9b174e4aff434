//! A scan of a plot that the system has not in memory, beside `fio` reading the
//! same file in order: past the system's memory with one read under way and with
//! four, and through it. One after the other, many times.
//!
//! `cargo bench -p spacetime-tests --bench cold` measures a plot of 1 GiB; with
//! `-- --test` each runs once over little. `fio` has to be installed.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use spacetime_tests::{
    artifacts::{program, target_folder},
    figures::median,
    home::Home,
};

/// What `fio` is told besides the file: its name here, and how it reads.
const FIO: [(&str, &[&str]); 3] = [
    ("fio, direct, 1 read", &["--direct=1", "--ioengine=psync"]),
    ("fio, direct, 4 reads", &["--direct=1", "--ioengine=io_uring", "--iodepth=4"]),
    ("fio, buffered", &["--direct=0", "--ioengine=psync"]),
];

/// What is compared: a way of ours, and one of `fio`'s.
const PAIRS: [(&str, &str); 4] = [
    ("direct", "fio, direct, 1 read"),
    ("direct", "fio, direct, 4 reads"),
    ("buffered", "fio, buffered"),
    ("mmap", "fio, buffered"),
];

fn main() {
    let is_test = env::args().any(|argument| argument == "--test");
    if Command::new("fio").arg("--version").output().is_err() {
        println!("not measured: fio is not installed");
        return;
    }
    let (size, rounds) = if is_test { ("4MiB", 1) } else { ("1GiB", 9) };
    // Where the build is, as temporary folders may lie in memory.
    let folder = tempfile::tempdir_in(target_folder()).unwrap();
    let plot = plot(folder.path(), size);
    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (name, how) in FIO {
            if let Some(rate) = fio(&plot, how) {
                rates.entry(name.to_owned()).or_default().push(rate);
            }
        }
        for (way, rate) in ours(&plot) {
            rates.entry(way).or_default().push(rate);
        }
    }
    println!("medians of {rounds} rounds, {size}, from the drive");
    for (name, rates) in &rates {
        println!("{name}: {:.0} MiB/s", median(rates.clone()) / f64::from(1 << 20));
    }
    for (ours, fio) in PAIRS {
        let Some(theirs) = rates.get(fio) else {
            println!("{fio}: cannot be measured here");
            continue;
        };
        let pairs = rates[ours].iter().zip(theirs);
        let ratio = median(pairs.map(|(ours, fio)| ours / fio).collect());
        println!("{ours} to {fio}: {ratio:.2}");
    }
}

fn plot(folder: &Path, size: &str) -> PathBuf {
    let home = Home::new();
    let path = folder.join("cold.plot");
    let file = path.to_str().unwrap();
    let made = home.command(&[
        "plot",
        "create",
        "--plot-key",
        &"5a".repeat(32),
        "--size",
        size,
        "--out",
        file,
    ]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    path
}

/// Bytes a second; none: it cannot read so here, as containers may not.
fn fio(file: &Path, how: &[&str]) -> Option<f64> {
    let size = fs::metadata(file).unwrap().len() >> 20;
    let mut command = Command::new("fio");
    command.args(["--name=read", "--rw=read", "--bs=1m", "--invalidate=1"]);
    command.args(["--output-format=json", &format!("--size={size}m")]);
    let output = command.arg(format!("--filename={}", file.display())).args(how).output().unwrap();
    if !output.status.success() {
        return None;
    }
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["jobs"][0]["read"]["bw_bytes"].as_f64()
}

/// By way, bytes a second.
fn ours(plot: &Path) -> BTreeMap<String, f64> {
    let mut command = Command::new(program("spacetime-miner"));
    command.args(["bench", "drive", "--json", "--quiet", "--time", "0.1", "--plot"]);
    let output = command.arg(plot).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |row: &Value| {
        let way = row["name"].as_str().unwrap().split(", ").nth(1).unwrap();
        (way.to_owned(), row["rate"].as_f64().unwrap())
    };
    said["rows"].as_array().unwrap().iter().map(row).collect()
}
