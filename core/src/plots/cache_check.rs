//! Compares the nodes of a plot's tree with those of its cache as the tree is
//! hashed, whoever hashes it.

use spacetime_protocol::NodeHash;

use super::{
    cache::CacheFile,
    regions::{Region, Regions},
    tree::{NODE_BYTES, SUBTREE_LEVEL},
};

/// Compares the nodes of a plot with those of its cache as they come.
pub(super) struct CacheCheck<'a> {
    cache: Option<&'a CacheFile>,
    /// The first thing that was wrong with it.
    reason: Option<String>,
    /// Nodes of its lowest level that differ.
    differing: Regions,
    stored: Vec<u8>,
}

impl<'a> CacheCheck<'a> {
    pub(super) fn new(cache: Option<&'a CacheFile>) -> Self {
        Self { cache, reason: None, differing: Regions::default(), stored: Vec::new() }
    }

    /// The first thing that was found wrong with the cache.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The lowest level that it wants to see within subtrees.
    pub(super) fn keep(&self) -> u32 {
        self.cache.map_or(SUBTREE_LEVEL, |cache| cache.lowest_level().min(SUBTREE_LEVEL))
    }

    pub(super) fn compare(&mut self, level: u32, index: u64, nodes: &[u8]) {
        let Some(cache) = self.cache else { return };
        if !cache.levels().any(|(held, _)| held == level) {
            return;
        }
        self.stored.resize(nodes.len(), 0);
        if let Err(error) = cache.nodes(level, index, &mut self.stored) {
            self.reason.get_or_insert_with(|| error.to_string());
            self.cache = None;
            return;
        }
        let pairs = self.stored.chunks_exact(NODE_BYTES).zip(nodes.chunks_exact(NODE_BYTES));
        for (number, (stored, node)) in pairs.enumerate() {
            if stored != node {
                let index = index + number as u64;
                self.reason.get_or_insert_with(|| {
                    format!("node {index} of level {level} is not that of the plot's leaves")
                });
                if level == cache.lowest_level() {
                    self.differing.add(index, 1);
                }
            }
        }
    }

    /// Whether its lowest level leads to the root, so that it can be believed.
    pub(super) fn leads_to(&self, root: &NodeHash) -> bool {
        self.cache.is_some_and(|cache| cache.root().is_ok_and(|found| found == Some(*root)))
    }

    /// The leaves under the nodes that differ.
    pub(super) fn damaged(&self, leaf_count: u64) -> Vec<Region> {
        let level = self.cache.map_or(0, CacheFile::lowest_level);
        let ranges = self.differing.0.iter();
        ranges
            .map(|nodes| Region::of(nodes.start << level..(nodes.end << level).min(leaf_count)))
            .collect()
    }
}
