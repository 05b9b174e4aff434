//! The files of a case: how they are made, and what is in them.

use std::{fs, path::Path};

use serde_json::Value;
use spacetime_protocol::{
    Leaf, NodeHash,
    merkle::{Tree, leaf_hash},
    plot::{PlotHeader, leaf},
};

/// The metadata file of every case.
pub(crate) const METADATA: &str = "meta/plots_metadata.json";

/// What a path is, found out without the code that is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Valid { root: NodeHash, len: i64 },
    Corrupted { len: i64 },
    Missing,
}

/// Looks at a path, which may be none.
pub(crate) fn truth(path: Option<&str>) -> Truth {
    let Some(path) = path.filter(|path| !path.trim().is_empty()) else { return Truth::Missing };
    let Ok(bytes) = fs::read(path) else { return Truth::Missing };
    let len = bytes.len() as i64;
    match PlotHeader::check_file(&bytes, bytes.len() as u64) {
        Ok(header) => Truth::Valid { root: header.root, len },
        Err(_) => Truth::Corrupted { len },
    }
}

/// Makes what a case begins with.
pub(crate) fn make(file: &Value) {
    let path = file["path"].as_str().unwrap();
    if file["folder"] == true {
        return fs::create_dir_all(path).unwrap();
    }
    let mut bytes = match file["hex"].as_str() {
        Some(hex) => const_hex::decode(hex).unwrap(),
        None => plot(&file["plot"]),
    };
    for patch in file["patches"].as_array().into_iter().flatten() {
        apply(patch, &mut bytes);
    }
    write(path, &bytes);
}

pub(crate) fn write(path: &str, bytes: &[u8]) {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn apply(patch: &Value, bytes: &mut Vec<u8>) {
    if let Some(len) = patch["truncate"].as_u64() {
        bytes.truncate(len as usize);
    } else if let Some(more) = patch["append"].as_str() {
        bytes.extend(const_hex::decode(more).unwrap());
    } else {
        let at = patch["offset"].as_u64().unwrap_or_else(|| panic!("unknown patch {patch}"));
        let patch = const_hex::decode(patch["bytes"].as_str().unwrap()).unwrap();
        bytes[at as usize..at as usize + patch.len()].copy_from_slice(&patch);
    }
}

/// A plot's bytes.
pub(crate) fn plot(spec: &Value) -> Vec<u8> {
    let array = |name: &str| -> [u8; 32] {
        const_hex::decode_to_array(spec[name].as_str().unwrap()).unwrap()
    };
    let (key, seed) = (array("miner_public_key").into(), array("plot_seed").into());
    let count = spec["leaf_count"].as_u64().unwrap();
    let leaves: Vec<Leaf> = (0..count).map(|index| leaf(&key, &seed, index)).collect();
    let tree = Tree::new(leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect()).unwrap();
    let mut bytes = PlotHeader::new(seed, count, tree.root()).encode().to_vec();
    leaves.iter().for_each(|leaf| bytes.extend(leaf.as_bytes()));
    bytes
}

/// All files from here down, sorted; the time in the name of a backup is said
/// to be `<time>`.
pub(crate) fn all() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(".").to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(".").unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

/// The backups of the metadata file.
pub(crate) fn backups() -> Vec<String> {
    let marked = format!("{METADATA}.corrupt.");
    let mut found = all();
    found.retain(|name| name.starts_with(&marked));
    for name in &found {
        let time = &name[marked.len()..];
        assert!(time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
        assert!(time.starts_with("20"), "{name}");
    }
    found
}
