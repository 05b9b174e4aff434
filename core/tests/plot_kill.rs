//! A plotter that is killed at 90 % is gone on with by the same command.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

const LEAVES: u64 = 1 << 21;
const DEADLINE: Duration = Duration::from_secs(120);

fn command(target: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"));
    let leaves = LEAVES.to_string();
    let (key, seed) = ("11".repeat(32), "22".repeat(32));
    command.args(["plot", "create", "--json", "--out"]).arg(target);
    command.args(["--leaves", &leaves, "--plot-key", &key, "--seed", &seed]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Waits until nine tenths are written and kills the plotter; whether it was
/// still at it.
fn kill_at_ninety_per_cent(mut child: Child, partial: &Path) -> bool {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        let len = fs::metadata(partial).map_or(0, |metadata| metadata.len());
        if len >= LEAVES * 32 / 10 * 9 {
            child.kill().unwrap();
        }
        if let Some(status) = child.try_wait().unwrap() {
            return !status.success();
        }
        thread::yield_now();
    }
    panic!("the plotter did not get to 90 % in {DEADLINE:?}");
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    names.sort();
    names
}

#[test]
fn a_kill_at_ninety_per_cent_costs_under_fifteen() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole/b.plot");
    assert!(command(&whole).output().unwrap().status.success());
    // A fast machine may be done before it is killed.
    let killed = (0..20).find_map(|attempt| {
        let target = folder.path().join(format!("{attempt}/a.plot"));
        let child = command(&target).spawn().unwrap();
        let partial = target.with_extension("plot.plotting");
        kill_at_ninety_per_cent(child, &partial).then_some(target)
    });
    let target = killed.expect("one of twenty runs is killed in time");
    assert!(!target.exists() || fs::read(&target).unwrap() == fs::read(&whole).unwrap());
    let output = command(&target).output().unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let made_again = LEAVES - document["resumed_leaves"].as_u64().unwrap();
    assert!(made_again * 100 < LEAVES * 15, "{made_again} of {LEAVES}");
    assert_eq!(fs::read(&target).unwrap(), fs::read(&whole).unwrap());
    let cache = |plot: &Path| fs::read(plot.with_extension("plot.cache")).unwrap();
    assert_eq!(cache(&target), cache(&whole));
    let folder = target.parent().unwrap();
    assert_eq!(names(folder), [Path::new("a.plot"), Path::new("a.plot.cache")]);
}
