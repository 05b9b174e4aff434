//! Reads a whole plot and its whole cache, recomputes the root, and finds out
//! what is damaged: with the cache to 4,096 leaves, with the key to the leaf.

use std::{ops::Range, path::PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use spacetime_protocol::{Leaf, NodeHash, PlotKey, plot::leaf_offset};

use super::{
    PlotFile,
    cache::CacheFile,
    stream::stream,
    tree::{
        Assembler, NODE_BYTES, SUBTREE_BYTES, SUBTREE_LEAVES, SUBTREE_LEVEL, Subtree, kernels,
        subtree_top,
    },
};
use crate::scan::{LeafSource, ReadError};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the leaves hash to the root of the header.
    pub intact: bool,
    /// The root of the header.
    pub root: NodeHash,
    /// The root of the leaves.
    pub computed_root: NodeHash,
    /// The cache.
    pub cache: CacheVerdict,
    /// Whether the plot was made with the key that was given; `None`: none
    /// was, or the damage hides it.
    pub made_with_key: Option<bool>,
    /// Where the leaves are damaged; empty if that could not be told.
    pub damaged: Vec<Region>,
    /// What told where the damage is.
    pub located_by: Option<Locator>,
}

/// The state of a plot's whole cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum CacheVerdict {
    /// There is none.
    Absent,
    /// Every node of it is right.
    Valid {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or another plot's.
    Stale {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A run of leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// The first leaf.
    pub first_leaf: u64,
    /// Number of leaves.
    pub leaves: u64,
    /// Offset in the file of the first byte.
    pub first_byte: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// What told where damage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Locator {
    /// The nodes of a cache that leads to the root.
    Cache,
    /// Leaves made again with the key.
    Key,
}

/// Verifies a plot; `progress` sees the leaves done, of all passes together,
/// and how many there will be, and whether to go on is what it returns.
///
/// # Errors
///
/// The plot cannot be read, at the leaf that the error names, or `progress`
/// wanted no more.
pub fn verify(
    plot: &PlotFile,
    key: Option<&PlotKey>,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<Verdict, ReadError> {
    let cache = plot.open_cache();
    let mut check = CacheCheck::new(cache.as_ref().ok().and_then(Option::as_ref));
    let computed_root = hash_plot(plot, &mut check, progress)?;
    let root = plot.header().root;
    let intact = computed_root == root;
    let mut verdict = Verdict {
        intact,
        root,
        computed_root,
        cache: cache_verdict(plot, &cache, &check, intact),
        made_with_key: None,
        damaged: Vec::new(),
        located_by: None,
    };
    if let Some(key) = key {
        by_key(plot, key, &mut verdict, progress)?;
    }
    if !intact && verdict.located_by.is_none() && check.leads_to(&root) {
        verdict.damaged = check.damaged(plot.leaf_count());
        verdict.located_by = Some(Locator::Cache);
    }
    Ok(verdict)
}

/// One pass over the plot: its root, and every node compared with the cache.
fn hash_plot(
    plot: &PlotFile,
    check: &mut CacheCheck<'_>,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<NodeHash, ReadError> {
    let count = plot.leaf_count();
    let (top, keep) = (subtree_top(count), check.keep());
    let mut assembler = Assembler::new(top, 0);
    let mut done = 0;
    stream(plot, 0..count, |first, leaves| {
        for subtree in Subtree::hash_all(leaves, top, keep) {
            assembler.add(&subtree, &mut |level, index, nodes: &[u8]| {
                check.compare(level, index, nodes);
            });
        }
        done = first + (leaves.len() / Leaf::SIZE) as u64;
        progress(done, count)
    })?;
    if done < count {
        return Err(stopped(plot));
    }
    let root =
        assembler.finish(&mut |level, index, nodes: &[u8]| check.compare(level, index, nodes));
    root.ok_or_else(|| stopped(plot))
}

fn stopped(plot: &PlotFile) -> ReadError {
    ReadError(format!("{}: the verification was stopped", plot.path().display()))
}

/// Compares the leaves with those that the key makes, if the key is the
/// plot's: if what it makes hashes to the plot's root.
fn by_key(
    plot: &PlotFile,
    key: &PlotKey,
    verdict: &mut Verdict,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<(), ReadError> {
    let count = plot.leaf_count();
    let mut made = Vec::new();
    let top = subtree_top(count);
    let mut assembler = Assembler::new(top, 0);
    let mut damaged = Regions::default();
    let mut done = 0;
    stream(plot, 0..count, |first, leaves| {
        made.resize(leaves.len(), 0);
        for subtree in make(key, plot, first, &mut made) {
            assembler.add(&subtree, &mut |_, _, _: &[u8]| {});
        }
        compare_leaves(first, leaves, &made, &mut damaged);
        done = first + (leaves.len() / Leaf::SIZE) as u64;
        progress(done, count)
    })?;
    if done < count {
        return Err(stopped(plot));
    }
    let its_own = assembler.finish(&mut |_, _, _: &[u8]| {}) == Some(verdict.root);
    verdict.made_with_key = Some(its_own);
    if its_own && !verdict.intact {
        verdict.damaged = damaged.into_regions();
        verdict.located_by = Some(Locator::Key);
    }
    Ok(())
}

/// Makes leaves with the key, and hashes them.
fn make(key: &PlotKey, plot: &PlotFile, first: u64, out: &mut [u8]) -> Vec<Subtree> {
    let (seed, top) = (plot.id(), subtree_top(plot.leaf_count()));
    out.par_chunks_mut(SUBTREE_BYTES)
        .enumerate()
        .map(|(number, leaves)| {
            let first = first + number as u64 * SUBTREE_LEAVES;
            kernels().generate(key.as_bytes(), seed.as_bytes(), first, leaves);
            Subtree::hash(leaves, top, SUBTREE_LEVEL)
        })
        .collect()
}

fn compare_leaves(first: u64, found: &[u8], made: &[u8], damaged: &mut Regions) {
    if found == made {
        return;
    }
    let pairs = found.chunks_exact(Leaf::SIZE).zip(made.chunks_exact(Leaf::SIZE));
    for (number, (found, made)) in pairs.enumerate() {
        if found != made {
            damaged.add(first + number as u64, 1);
        }
    }
}

/// Compares the nodes of a plot with those of its cache as they come.
struct CacheCheck<'a> {
    cache: Option<&'a CacheFile>,
    /// The first thing that was wrong with it.
    reason: Option<String>,
    /// Nodes of its lowest level that differ.
    differing: Regions,
    stored: Vec<u8>,
}

impl<'a> CacheCheck<'a> {
    fn new(cache: Option<&'a CacheFile>) -> Self {
        Self { cache, reason: None, differing: Regions::default(), stored: Vec::new() }
    }

    /// The lowest level that it wants to see within subtrees.
    fn keep(&self) -> u32 {
        self.cache.map_or(SUBTREE_LEVEL, |cache| cache.lowest_level().min(SUBTREE_LEVEL))
    }

    fn compare(&mut self, level: u32, index: u64, nodes: &[u8]) {
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
    fn leads_to(&self, root: &NodeHash) -> bool {
        self.cache.is_some_and(|cache| cache.root().is_ok_and(|found| found == Some(*root)))
    }

    /// The leaves under the nodes that differ.
    fn damaged(&self, leaf_count: u64) -> Vec<Region> {
        let level = self.cache.map_or(0, CacheFile::lowest_level);
        let ranges = self.differing.0.iter();
        ranges
            .map(|nodes| Region::of(nodes.start << level..(nodes.end << level).min(leaf_count)))
            .collect()
    }
}

fn cache_verdict(
    plot: &PlotFile,
    cache: &Result<Option<CacheFile>, String>,
    check: &CacheCheck<'_>,
    intact: bool,
) -> CacheVerdict {
    let path = plot.cache_path().to_owned();
    match (cache, &check.reason) {
        (Ok(None), _) => CacheVerdict::Absent,
        (Err(reason), _) => CacheVerdict::Stale { path, reason: reason.clone() },
        (Ok(Some(_)), None) => CacheVerdict::Valid { path },
        // Where the leaves are damaged, the cache may well be right.
        (Ok(Some(_)), Some(_)) if !intact && check.leads_to(&plot.header().root) => {
            CacheVerdict::Valid { path }
        }
        (Ok(Some(_)), Some(reason)) => CacheVerdict::Stale { path, reason: reason.clone() },
    }
}

/// Runs of numbers, added in ascending order.
#[derive(Debug, Default)]
struct Regions(Vec<Range<u64>>);

impl Regions {
    fn add(&mut self, first: u64, count: u64) {
        match self.0.last_mut() {
            Some(last) if last.end == first => last.end += count,
            _ => self.0.push(first..first + count),
        }
    }

    fn into_regions(self) -> Vec<Region> {
        self.0.into_iter().map(Region::of).collect()
    }
}

impl Region {
    fn of(leaves: Range<u64>) -> Self {
        let count = leaves.end - leaves.start;
        Self {
            first_leaf: leaves.start,
            leaves: count,
            // The leaf is in a file, so it has an offset.
            first_byte: leaf_offset(leaves.start).unwrap_or(u64::MAX),
            bytes: count * Leaf::SIZE as u64,
        }
    }
}
