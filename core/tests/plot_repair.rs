//! `plot repair` on real files, damaged at every kind of place.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use spacetime_core::plots::{CacheLevels, CreateSpec, PlotFile, create};
use spacetime_protocol::{PlotKey, PlotSeed, plot::PlotHeader};
use tempfile::TempDir;

const KEY: PlotKey = PlotKey::new([0x11; 32]);
const SEED: PlotSeed = PlotSeed::new([0x22; 32]);
/// More than one strip of 4 MiB, the last subtree with an odd number.
const LEAVES: u64 = 70 * 4096 + 1234;
const DEADLINE: Duration = Duration::from_secs(120);

/// A plot, and what it looked like when it was whole.
struct Plot {
    folder: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    cache: Vec<u8>,
}

impl Plot {
    fn new() -> Self {
        Self::of(LEAVES)
    }

    fn of(leaf_count: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.plot");
        let spec = CreateSpec {
            target: path.clone(),
            key: KEY,
            seed: Some(SEED),
            leaf_count,
            cache_levels: CacheLevels::Auto,
            memory: 1 << 20,
        };
        create(&spec, &()).unwrap();
        let (bytes, cache) = (fs::read(&path).unwrap(), fs::read(cache_of(&path)).unwrap());
        Self { folder, path, bytes, cache }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"));
        command.current_dir(self.folder.path()).args(["plot", "repair", "--json", "a.plot"]);
        command.args(arguments).env("HOME", self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Repairs it with its key.
    fn repair(&self, arguments: &[&str]) -> Ended {
        let key = KEY.to_string();
        let output = self.command(&["--plot-key", &key]).args(arguments).output().unwrap();
        Ended::of(output)
    }

    /// Repairs it, and it is as it was.
    #[track_caller]
    fn assert_repaired(&self, arguments: &[&str]) -> Value {
        let ended = self.repair(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let document = ended.document.unwrap();
        assert_eq!(document["whole"], true, "{document}");
        self.assert_as_it_was();
        document
    }

    #[track_caller]
    fn assert_as_it_was(&self) {
        assert!(fs::read(&self.path).unwrap() == self.bytes, "the plot is as it was");
        assert!(fs::read(cache_of(&self.path)).unwrap() == self.cache, "the cache is as it was");
        let names = fs::read_dir(self.folder.path()).unwrap().flatten();
        let plots = names.filter(|entry| entry.file_name().to_string_lossy().contains("plot"));
        assert_eq!(plots.count(), 2, "nothing is left beside them");
    }

    fn write(&self, bytes: &[u8], offset: u64) {
        let file = fs::OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(bytes, offset).unwrap();
    }

    fn flip(&self, offset: u64) {
        self.write(&[self.bytes[offset as usize] ^ 1], offset);
    }

    fn cut(&self, len: u64) {
        fs::OpenOptions::new().write(true).open(&self.path).unwrap().set_len(len).unwrap();
    }
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    document: Option<Value>,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            document: serde_json::from_slice(&output.stdout).ok(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn assert_refused(&self, words: &str) {
        assert_eq!(self.code, Some(5), "{self:?}");
        assert!(self.document.is_none(), "{self:?}");
        assert!(self.stderr.contains(words), "{words}: {}", self.stderr);
    }
}

fn cache_of(plot: &Path) -> PathBuf {
    plot.with_extension("plot.cache")
}

fn offset(leaf: u64) -> u64 {
    121 + 32 * leaf
}

#[test]
fn a_whole_plot_is_left_alone() {
    let plot = Plot::new();
    let before = fs::metadata(&plot.path).unwrap().modified().unwrap();
    let document = plot.assert_repaired(&[]);
    assert_eq!((&document["damaged_leaves"], &document["written_bytes"]), (&0.into(), &0.into()));
    assert_eq!(document["cache"]["status"], "valid");
    assert_eq!(document["header"]["status"], "whole");
    assert_eq!(fs::metadata(&plot.path).unwrap().modified().unwrap(), before);
}

#[test]
fn leaves_at_every_kind_of_place_are_made_again() {
    let plot = Plot::new();
    let strip = 32 * 4096;
    let places: [&[u64]; 7] = [
        &[0],
        &[LEAVES - 1],
        &[4095, 4096],
        &[strip - 1, strip],
        &[1, 77, 9000, 9001, strip + 5, LEAVES - 2],
        &[124, 125, 126],
        &[70 * 4096 - 1, 70 * 4096],
    ];
    for leaves in places {
        for leaf in leaves {
            plot.flip(offset(*leaf) + 31);
        }
        let checked = plot.repair(&["--dry-run"]);
        assert_eq!(checked.code, Some(5), "{checked:?}");
        let told = checked.document.unwrap();
        assert_eq!(told["damaged_leaves"], leaves.len(), "{leaves:?}: {told}");
        assert_eq!((&told["whole"], &told["written_bytes"]), (&false.into(), &0.into()));
        assert!(fs::read(&plot.path).unwrap() != plot.bytes, "nothing was written");
        let document = plot.assert_repaired(&[]);
        assert_eq!(document["damaged"], told["damaged"]);
        let written = document["written_bytes"].as_u64().unwrap();
        assert!(written <= 4096 * leaves.len() as u64, "only the sectors: {written}");
    }
}

#[test]
fn long_runs_and_holes_are_made_again() {
    let plot = Plot::new();
    let hole = vec![0; 5 << 20];
    for first in [0, 4096 - 121, 12_345, plot.bytes.len() as u64 - hole.len() as u64] {
        let from = first.max(121);
        plot.write(&hole[(from - first) as usize..], from);
        let document = plot.assert_repaired(&[]);
        let regions = document["damaged"].as_array().unwrap();
        assert_eq!(regions.len(), 1, "{document}");
    }
    // A hole that takes no room on the disk.
    plot.cut(3 << 20);
    plot.cut(plot.bytes.len() as u64);
    plot.assert_repaired(&[]);
}

#[test]
fn a_plot_that_was_cut_off_is_made_whole() {
    let plot = Plot::new();
    for len in [121, 122, 4096, offset(4096), offset(33 * 4096) + 5, plot.bytes.len() as u64 - 1] {
        plot.cut(len);
        assert!(PlotFile::open(&plot.path).is_err());
        let arguments: &[&str] = if len < 153 { &["--all-lost"] } else { &[] };
        let document = plot.assert_repaired(arguments);
        assert_eq!(document["missing_bytes"], plot.bytes.len() as u64 - len);
        PlotFile::open(&plot.path).unwrap();
    }
}

#[test]
fn what_lies_behind_a_plot_is_told_and_left_alone() {
    let plot = Plot::new();
    plot.write(b"somebody else's", plot.bytes.len() as u64);
    plot.flip(offset(5));
    let ended = plot.repair(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.document.as_ref().unwrap()["excess_bytes"], 15);
    assert!(ended.stderr.contains("15 bytes longer"), "{ended:?}");
    let now = fs::read(&plot.path).unwrap();
    assert!(now.starts_with(&plot.bytes) && now.ends_with(b"somebody else's"));
}

#[test]
fn a_damaged_header_is_restored_where_something_proves_it() {
    let plot = Plot::new();
    // Every field but the seed: constants, the file's length, the tree and
    // the checksum stand in for each other.
    for at in [0, 3, 4, 37, 44, 45, 49, 57, 88, 89, 120] {
        plot.flip(at);
        let dry = plot.repair(&["--dry-run"]);
        assert_eq!(dry.document.unwrap()["header"]["status"], "damaged");
        let document = plot.assert_repaired(&[]);
        assert_eq!(document["header"]["status"], "restored", "byte {at}: {document}");
    }
    // The root and its checksum: the cache leads to the same root.
    plot.write(&[0; 64], 57);
    plot.assert_repaired(&[]);
    // The seed is nowhere else, but for whoever made the plot.
    plot.flip(5);
    plot.repair(&[]).assert_refused("--seed");
    plot.assert_repaired(&["--seed", &SEED.to_string()]);
    // The first sector is gone, leaves and all.
    plot.write(&[0; 4096], 0);
    plot.repair(&[]).assert_refused("--seed");
    let document = plot.assert_repaired(&["--seed", &SEED.to_string()]);
    assert_eq!(document["written_bytes"], 4096);
}

#[test]
fn a_lost_root_needs_a_record() {
    let plot = Plot::new();
    let manifest = r#"(plot_directory: ".", plot_metadata_path: "plots.json",
        private_key_path: "key.json", network_id: "local")"#;
    fs::write(plot.folder.path().join("miner.ron"), manifest).unwrap();
    let remembered = |root: &[u8]| {
        let root = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, root);
        let entry = serde_json::json!([{
            "plotId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "filePath": plot.path.to_str().unwrap(),
            "cacheFilePath": "",
            "spaceAllocatedBytes": plot.bytes.len(),
            "merkleRoot": root,
            "createdAtUtc": "2024-01-01T00:00:00Z",
            "status": "Valid",
        }]);
        fs::write(plot.folder.path().join("plots.json"), entry.to_string()).unwrap();
    };
    fs::remove_file(cache_of(&plot.path)).unwrap();
    // Root and checksum are lost, and so is the length.
    plot.write(&[0; 64], 57);
    plot.cut(plot.bytes.len() as u64 - 40_000);
    let damaged = fs::read(&plot.path).unwrap();
    remembered(&[9; 32]);
    plot.repair(&[]).assert_refused("nothing confirms what it was");
    assert!(fs::read(&plot.path).unwrap() == damaged, "nothing was written");
    remembered(&plot.bytes[57..89]);
    let output = plot.command(&["--plot-key", &KEY.to_string()]).output().unwrap();
    let ended = Ended::of(output);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(fs::read(&plot.path).unwrap() == plot.bytes);
    assert!(fs::read(cache_of(&plot.path)).unwrap() == plot.cache);
}

#[test]
fn the_cache_is_made_anew() {
    let plot = Plot::new();
    let cache = cache_of(&plot.path);
    let damages: [&dyn Fn(); 5] = [
        &|| fs::remove_file(&cache).unwrap(),
        &|| fs::write(&cache, b"no cache").unwrap(),
        &|| fs::write(&cache, &plot.cache[..plot.cache.len() - 1]).unwrap(),
        &|| {
            let mut bytes = plot.cache.clone();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&cache, bytes).unwrap();
        },
        // Both are damaged, at one place.
        &|| {
            let mut bytes = plot.cache.clone();
            bytes[48] ^= 1;
            fs::write(&cache, bytes).unwrap();
            plot.flip(offset(17));
        },
    ];
    for damage in damages {
        damage();
        let absent = !cache.exists();
        let dry = plot.repair(&["--dry-run"]);
        assert_eq!(dry.code, Some(if absent { 0 } else { 5 }), "{dry:?}");
        assert_eq!(dry.document.unwrap()["cache"]["status"], "stale");
        let document = plot.assert_repaired(&[]);
        assert_eq!(document["cache"]["status"], "rebuilt", "{document}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_told_and_the_plot_repaired() {
    let plot = Plot::new();
    fs::remove_file(cache_of(&plot.path)).unwrap();
    // In the way, whoever runs the test.
    fs::create_dir(plot.folder.path().join("a.plot.cache.repairing")).unwrap();
    plot.flip(offset(3));
    let ended = plot.repair(&[]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("is whole, but its cache"), "{ended:?}");
    assert!(fs::read(&plot.path).unwrap() == plot.bytes);
}

#[test]
fn a_plot_of_one_leaf_and_one_without_cache_are_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plot");
    for leaf_count in [1, 2, 100, 4096] {
        let spec = CreateSpec {
            target: path.clone(),
            key: KEY,
            seed: Some(SEED),
            leaf_count,
            cache_levels: CacheLevels::Top(0),
            memory: 1 << 20,
        };
        create(&spec, &()).unwrap();
        let bytes = fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 0x80;
        fs::write(&path, damaged).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"));
        command.args(["plot", "repair", "--json", "--all-lost"]).arg(&path);
        let ended = Ended::of(command.args(["--plot-key", &KEY.to_string()]).output().unwrap());
        assert_eq!(ended.code, Some(0), "{leaf_count}: {ended:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(ended.document.unwrap()["cache"]["status"], "none");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn another_key_changes_nothing() {
    let plot = Plot::new();
    plot.flip(offset(5));
    let damaged = fs::read(&plot.path).unwrap();
    let other = "33".repeat(32);
    let with_other = |arguments: &[&str]| {
        Ended::of(plot.command(&["--plot-key", &other]).args(arguments).output().unwrap())
    };
    with_other(&[]).assert_refused("give the key that it was made with");
    // All the way, the root says so.
    with_other(&["--all-lost"]).assert_refused("was made with another key");
    plot.repair(&["--seed", &"44".repeat(32)]).assert_refused("its seed is 2222");
    assert!(fs::read(&plot.path).unwrap() == damaged);
    let no_key = Ended::of(plot.command(&[]).output().unwrap());
    assert_eq!(no_key.code, Some(2), "{no_key:?}");
}

#[test]
fn a_header_with_a_wrong_root_is_told_from_a_wrong_key() {
    let plot = Plot::new();
    let header = PlotHeader::new(SEED, LEAVES, [7; 32].into());
    plot.write(&header.encode(), 0);
    plot.repair(&[]).assert_refused("the root in the header");
    let now = fs::read(&plot.path).unwrap();
    assert!(now[121..] == plot.bytes[121..]);
}

#[test]
fn a_plot_of_which_all_leaves_are_lost_is_made_again() {
    let plot = Plot::new();
    plot.write(&vec![0; plot.bytes.len() - 121], 121);
    plot.repair(&[]).assert_refused("--all-lost");
    plot.assert_repaired(&["--all-lost"]);
}

#[test]
fn a_file_that_is_no_plot_and_one_that_is_none_are_refused() {
    let plot = Plot::of(8192);
    fs::write(&plot.path, "no plot\n").unwrap();
    plot.repair(&[]).assert_refused("is damaged");
    assert_eq!(fs::read(&plot.path).unwrap(), b"no plot\n");
    fs::remove_file(&plot.path).unwrap();
    plot.repair(&[]).assert_refused("there is no plot");
    fs::create_dir(&plot.path).unwrap();
    plot.repair(&[]).assert_refused("there is no plot");
}

#[test]
fn two_repairs_do_not_meet() {
    let plot = Plot::of(8192);
    let held = fs::OpenOptions::new().read(true).write(true).open(&plot.path).unwrap();
    held.try_lock().unwrap();
    plot.repair(&[]).assert_refused("is being repaired by process");
    let looked = plot.repair(&["--dry-run"]);
    assert_eq!(looked.code, Some(0), "a look is no repair: {looked:?}");
}

/// Wherever it is killed, what was right stays right.
#[test]
fn a_killed_repair_leaves_the_plot_no_worse() {
    let plot = Plot::of(1 << 20);
    // Every other sector is damaged.
    let mut damaged = plot.bytes.clone();
    damaged.chunks_mut(8192).for_each(|pair| *pair.last_mut().unwrap() ^= 1);
    let wrong = |bytes: &[u8]| bytes.iter().zip(&plot.bytes).filter(|(a, b)| a != b).count();
    let all = wrong(&damaged);
    let is_cut_off = |attempt: u64| {
        fs::write(&plot.path, &damaged).unwrap();
        let mut child =
            plot.command(&["--plot-key", &KEY.to_string()]).stdout(Stdio::null()).spawn().unwrap();
        // Once so much is right again.
        let end = Instant::now() + DEADLINE;
        let goal = all / 10 * (1 + attempt as usize % 8);
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            if all - wrong(&fs::read(&plot.path).unwrap()) >= goal {
                child.kill().unwrap();
                child.wait().unwrap();
                break;
            }
            thread::yield_now();
        }
        let now = fs::read(&plot.path).unwrap();
        assert_eq!(now.len(), plot.bytes.len());
        let is_either = now
            .iter()
            .zip(plot.bytes.iter().zip(&damaged))
            .all(|(now, (right, damaged))| now == right || now == damaged);
        assert!(is_either, "a byte is what it was, or right");
        (1..all).contains(&wrong(&now))
    };
    // A fast machine may be done before it is killed.
    assert!((0..40).any(is_cut_off), "one of forty runs is killed in time");
    plot.assert_repaired(&[]);
}
