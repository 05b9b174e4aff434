//! Plot and cache files in memory, as the cases build and damage them.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use spacetime_protocol::{
    Leaf, NodeHash, PlotKey, PlotSeed,
    cache::CacheLayout,
    merkle::{self, TreeBuilder},
    plot::{self, PlotHeader},
};

use crate::common::{self, Case};

/// A plot of a case's key, seed and leaf count, leaf by leaf.
pub(crate) fn leaves(case: &Case) -> impl Iterator<Item = Leaf> + use<> {
    let key = PlotKey::try_from(&case.bytes("miner_public_key").unwrap()[..]).unwrap();
    let seed = PlotSeed::try_from(&case.bytes("plot_seed").unwrap()[..]).unwrap();
    (0..case.int("leaf_count") as u64).map(move |index| plot::leaf(&key, &seed, index))
}

/// A whole plot file and the cache file of its `top_levels` levels, written in one pass.
pub(crate) fn plot_and_cache(
    case: &Case,
    top_levels: u32,
) -> (Vec<u8>, PlotHeader, Option<Vec<u8>>) {
    let leaf_count = case.int("leaf_count") as u64;
    let seed = PlotSeed::try_from(&case.bytes("plot_seed").unwrap()[..]).unwrap();
    let mut file = vec![0; PlotHeader::SIZE];
    let hashes = leaves(case).map(|leaf| {
        file.extend_from_slice(leaf.as_ref());
        merkle::leaf_hash(leaf.as_ref())
    });
    let (root, cache) = tree(hashes, leaf_count, top_levels);
    let header = PlotHeader::new(seed, leaf_count, root);
    file[..PlotHeader::SIZE].copy_from_slice(&header.encode());
    (file, header, cache)
}

/// The root over leaf hashes, and the cache file of its `top_levels` levels.
pub(crate) fn tree(
    hashes: impl Iterator<Item = NodeHash>,
    leaf_count: u64,
    top_levels: u32,
) -> (NodeHash, Option<Vec<u8>>) {
    let layout = CacheLayout::new(leaf_count, top_levels);
    let mut cache = layout.as_ref().map(empty_cache);
    let mut written = HashMap::new();
    let mut visit = |level, node: &NodeHash| {
        if let (Some(layout), Some(cache)) = (&layout, &mut cache)
            && layout.levels().contains(&level)
        {
            let index = written.entry(level).or_insert(0);
            let offset = layout.node_offset(level, *index) as usize;
            cache[offset..offset + NodeHash::SIZE].copy_from_slice(node.as_ref());
            *index += 1;
        }
    };
    let mut builder = TreeBuilder::new(0);
    hashes.for_each(|hash| builder.push(hash, &mut visit));
    let root = builder.finish(&mut visit).unwrap();
    (root, cache)
}

fn empty_cache(layout: &CacheLayout) -> Vec<u8> {
    let mut file = layout.header().to_vec();
    file.resize(layout.file_len() as usize, 0);
    for level in layout.levels() {
        let (offset, bytes) = layout.level_header(level);
        file[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
    }
    file
}

/// The files that a topic's cases start from, by id.
pub(crate) fn bases(topic: &str, op: &str) -> HashMap<String, Vec<u8>> {
    let bases = common::load(topic).into_iter().filter(|case| case.op == op);
    bases
        .map(|case| {
            let file = case.outcome.unwrap()["file"].as_str().map(const_hex::decode);
            (case.id, file.unwrap().unwrap())
        })
        .collect()
}

/// The file after the patches of an input.
pub(crate) fn patched(case: &Case, mut file: Vec<u8>, patches: &str) -> Vec<u8> {
    for patch in case.value(patches).as_array().into_iter().flatten() {
        let bytes = |name: &str| const_hex::decode(patch[name].as_str().unwrap()).unwrap();
        if let Some(len) = patch["truncate"].as_u64() {
            file.truncate(len as usize);
        } else if let Some(offset) = patch["offset"].as_u64() {
            let bytes = bytes("bytes");
            file[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
        } else {
            file.extend_from_slice(&bytes("append"));
        }
    }
    file
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    const_hex::encode(bytes)
}
