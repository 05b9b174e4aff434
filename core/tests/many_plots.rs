//! More plots than the process may have open files.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/small.rs"]
mod small;

use std::{
    fs,
    process::{Command, Stdio},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spacetime_core::{
    plots::{CacheLevels, CreateSpec, DEFAULT_MEMORY, PlotSet, create},
    scan::LeafSource,
};

const DESCRIPTORS: u64 = 64;
const PLOTS: usize = 400;

/// A user's limit is 1,024 on most systems.
#[test]
fn three_thousand_plots_are_scanned_and_proved_with_a_thousand_descriptors() {
    let count = 3000;
    let folder = small::plots(count);
    let manifest = r#"(plot_directory: "plots", plot_metadata_path: "plots.json",
        private_key_path: "key.json", network_id: "local")"#;
    fs::write(folder.path().join("miner.ron"), manifest).unwrap();
    let limited = |arguments: &str| {
        let script = format!("ulimit -n 1024 && exec \"$0\" {arguments}");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_spacetime-miner")])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let listed = limited("plot list --json");
    assert_eq!(listed["usable"], count, "{listed}");
    let challenge = "07".repeat(32);
    let proved = limited(&format!("prove --json --challenge {challenge} --plot plots/*.plot"));
    assert_eq!(proved["scanned"], count as u64 * small::LEAVES);
    assert_eq!(proved["siblings"].as_array().unwrap().len(), 4);
}

#[test]
fn four_hundred_plots_are_read_with_sixty_four_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("0.plot");
    let spec = CreateSpec {
        target: first.clone(),
        key: [1; 32].into(),
        seed: None,
        leaf_count: 10,
        cache_levels: CacheLevels::Auto,
        memory: DEFAULT_MEMORY,
    };
    create(&spec, &()).unwrap();
    for number in 1..PLOTS {
        fs::copy(&first, folder.path().join(format!("{number}.plot"))).unwrap();
    }
    let metadata = folder.path().join("metadata.json");
    let (set, problems) = PlotSet::open(&[folder.path().to_owned()], &metadata).unwrap();
    assert_eq!((set.plots().len(), problems.len()), (PLOTS, 0), "{problems:?}");
    let plots = set.plots();
    for _ in 0..2 {
        for plot in plots.iter() {
            plot.read(9, &mut [0; 32]).unwrap();
        }
    }
}
