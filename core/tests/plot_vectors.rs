//! Plots and caches made by the plotter, byte for byte those of the reference.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../sdk/protocol/tests/common/mod.rs"]
mod common;

use std::{cell::RefCell, fs, path::Path};

use common::{Answer, Case, run};
use serde_json::json;
use sha2::{Digest, Sha256};
use spacetime_core::plots::{
    CacheLevels, CreateEvent, CreateSpec, CreateWatch, Created, DEFAULT_MEMORY, PlotFile, create,
};

/// Remembers the percentages that were reported.
#[derive(Default)]
struct Percentages(RefCell<Vec<u64>>);

impl CreateWatch for Percentages {
    fn event(&self, event: CreateEvent) {
        if let CreateEvent::Progress { done, total } = event {
            let percentage = done * 100 / total;
            let mut seen = self.0.borrow_mut();
            if seen.last() != Some(&percentage) {
                seen.push(percentage);
            }
        }
    }
}

fn make(case: &Case, target: &Path, leaf_count: u64, cache_levels: u32) -> (Created, Vec<u64>) {
    let array = |name| case.bytes(name).unwrap().as_slice().try_into().unwrap();
    let spec = CreateSpec {
        target: target.to_owned(),
        key: <[u8; 32]>::into(array("miner_public_key")),
        seed: Some(<[u8; 32]>::into(array("plot_seed"))),
        leaf_count,
        cache_levels: CacheLevels::Top(cache_levels),
        memory: DEFAULT_MEMORY,
    };
    let watch = Percentages::default();
    let created = create(&spec, &watch).unwrap();
    (created, watch.0.into_inner())
}

/// All files under a folder, relative to it, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn sha256(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

fn plot_file(case: &Case) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.plot");
    let header = make(case, &target, case.int("leaf_count") as u64, 0).0.header;
    let bytes = fs::read(&target).unwrap();
    assert_eq!(files(folder.path()), ["a.plot"], "nothing else is left");
    Answer::Out(json!({
        "tree_height": header.tree_height,
        "merkle_root": header.root,
        "checksum": const_hex::encode(&bytes[89..121]),
        "header": const_hex::encode(&bytes[..121]),
        "file_length": bytes.len(),
        "file_sha256": sha256(&bytes),
        "file": const_hex::encode(&bytes),
    }))
}

fn create_plot(case: &Case) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join(case.text("output_path").unwrap());
    let levels = if case.flag("include_cache") { case.int("cache_levels") as u32 } else { 0 };
    let leaf_count = case.int("plot_size_bytes") as u64 / 32;
    let (created, progress) = make(case, &target, leaf_count, levels);
    let bytes = fs::read(&target).unwrap();
    let cache = fs::read(folder.path().join(format!("{}.cache", target.display()))).ok();
    assert_eq!(created.cache.is_some(), cache.is_some());
    PlotFile::open(&target).unwrap();
    Answer::Out(json!({
        "leaf_count": created.header.leaf_count,
        "tree_height": created.header.tree_height,
        "merkle_root": created.header.root,
        "header": const_hex::encode(&bytes[..121]),
        "file_length": bytes.len(),
        "file_sha256": sha256(&bytes),
        "cache_reported": case.flag("include_cache"),
        "cache_exists": cache.is_some(),
        "cache_length": cache.as_ref().map(Vec::len),
        "cache_sha256": cache.as_ref().map(|bytes| sha256(bytes)),
        "cache": cache.as_ref().map(const_hex::encode),
        "progress": progress,
        "files": files(folder.path()),
    }))
}

/// `cache_reported` is whether one was asked for; ours reports what exists.
#[test]
fn plots_are_those_of_the_reference() {
    let exceptions = [
        ("header-*", "headers alone are compared in the protocol's own tests"),
        ("config-*", "the command line's sizes have no minimum; its checks have their own tests"),
        ("progress-*", "percentages are not how our plotter reports"),
        ("create-cancelled-*", "a stopped plotter of ours leaves no file of the plot's name"),
    ];
    run("plots", 36, &exceptions, |case| match case.op.as_str() {
        "plot_file" => plot_file(case),
        "create_plot" => create_plot(case),
        "plot_header"
        | "plot_header_without_checksum"
        | "plot_configuration"
        | "plot_configuration_gb"
        | "progress"
        | "create_plot_cancelled" => Answer::Except,
        _ => case.unknown(),
    });
}

#[test]
fn paths_that_are_no_plots_are_refused_as_in_the_reference() {
    let exceptions = [
        ("path-null", "an absent path cannot be said in Rust"),
        ("base-*", "files are compared in the protocol's own tests"),
        ("load-*", "as above"),
        ("read-*", "as above"),
        ("verify-*", "as above"),
    ];
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder.plot")).unwrap();
    run("loads", 6, &exceptions, |case| match (case.op.as_str(), case.text("path")) {
        // A blank path is one of a file in the folder at hand, and none is there.
        ("plot_load_path", Some(path)) => match PlotFile::open(&folder.path().join(path)) {
            Ok(_) => Answer::Out(serde_json::Value::Null),
            Err(error) => Answer::refused(error),
        },
        _ => Answer::Except,
    });
}

fn cache_build(case: &Case) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.plot");
    let cache = folder.path().join("a.plot.cache");
    if let Some(previous) = case.bytes("previous_file") {
        fs::write(&cache, previous).unwrap();
    }
    let levels = case.int("top_levels") as u32;
    let header = make(case, &target, case.int("leaf_count") as u64, levels).0.header;
    let bytes = fs::read(&cache).ok();
    Answer::Out(json!({
        "tree_height": header.tree_height,
        "merkle_root": header.root,
        "hash_name": "SHA-256",
        "file_created": bytes.is_some(),
        "file_length": bytes.as_ref().map(Vec::len),
        "file_sha256": bytes.as_ref().map(|bytes| sha256(bytes)),
        "file": bytes.as_ref().map(const_hex::encode),
    }))
}

#[test]
fn caches_are_those_of_the_reference() {
    let exceptions = [
        ("load-*", "reading caches is compared in the protocol's own tests"),
        ("base-*", "as above"),
        ("config-*", "the command line takes only numbers that are levels"),
    ];
    run("caches", 95, &exceptions, |case| match case.op.as_str() {
        "cache_build" => cache_build(case),
        "cache_load" | "cache_base" | "cache_configuration" => Answer::Except,
        _ => case.unknown(),
    });
}
