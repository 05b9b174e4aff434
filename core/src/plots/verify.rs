//! Reads a whole plot and its whole cache, recomputes the root, and finds out
//! what is damaged: with the cache to 4,096 leaves, with the key to the leaf.

use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use spacetime_protocol::{Leaf, NodeHash, PlotKey};

use super::{
    PlotFile,
    cache::CacheFile,
    regions::{Region, Regions, add_unreadable},
    source::{LeafSource, ReadError},
    stream::stream_past,
    tree::{
        Assembler, NODE_BYTES, SUBTREE_BYTES, SUBTREE_LEAVES, SUBTREE_LEVEL, Subtree, subtree_top,
    },
};
use crate::kernels;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the leaves hash to the root of the header.
    pub intact: bool,
    /// The root of the header.
    pub root: NodeHash,
    /// The root of the leaves; `None`: some cannot be read.
    pub computed_root: Option<NodeHash>,
    /// The cache.
    pub cache: CacheVerdict,
    /// Whether the plot was made with the key that was given; `None`: none
    /// was, or the damage hides it.
    pub made_with_key: Option<bool>,
    /// Where the leaves are damaged, in order; empty if that could not be told.
    /// What cannot be read is always told.
    pub damaged: Vec<Region>,
    /// What told where leaves are damaged that can be read.
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
/// and how many there will be, and whether to go on is what it returns. Leaves
/// that cannot be read are damage like any other, told to 4,096 leaves.
///
/// # Errors
///
/// `progress` wanted no more.
pub fn verify(
    plot: &PlotFile,
    key: Option<&PlotKey>,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<Verdict, ReadError> {
    verify_from(plot, plot, key, progress)
}

/// Verifies the leaves of `source` as those of a plot.
fn verify_from(
    plot: &PlotFile,
    source: &dyn LeafSource,
    key: Option<&PlotKey>,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<Verdict, ReadError> {
    let cache = plot.open_cache();
    let mut check = CacheCheck::new(cache.as_ref().ok().and_then(Option::as_ref));
    let mut unreadable = Vec::new();
    let computed = hash_plot(source, &mut check, &mut unreadable, progress)?;
    let computed_root = unreadable.is_empty().then_some(computed);
    let root = plot.header().root;
    let intact = computed_root == Some(root);
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
        by_key(source, key, &mut verdict, progress)?;
    }
    if !intact && verdict.located_by.is_none() && check.leads_to(&root) {
        verdict.damaged = check.damaged(plot.leaf_count());
        verdict.located_by = Some(Locator::Cache);
    }
    verdict.add_unreadable(unreadable);
    Ok(verdict)
}

impl Verdict {
    /// What lies in an unreadable region is told as that.
    fn add_unreadable(&mut self, unreadable: Vec<Region>) {
        self.damaged = self.damaged.iter().flat_map(|region| region.without(&unreadable)).collect();
        self.damaged.extend(unreadable);
        self.damaged.sort_by_key(|region| region.first_leaf);
    }
}

/// One pass over the plot: its root, and every node compared with the cache.
/// Zeros stand in for what cannot be read.
fn hash_plot(
    plot: &dyn LeafSource,
    check: &mut CacheCheck<'_>,
    unreadable: &mut Vec<Region>,
    progress: &dyn Fn(u64, u64) -> bool,
) -> Result<NodeHash, ReadError> {
    let count = plot.leaf_count();
    let (top, keep) = (subtree_top(count), check.keep());
    let mut assembler = Assembler::new(top, 0);
    let mut done = 0;
    stream_past(plot, |piece| {
        done = piece.first + piece.count;
        let subtrees = match piece.read {
            Ok(leaves) => Subtree::hash_all(leaves, top, keep),
            Err(error) => {
                add_unreadable(unreadable, piece.first..done, error);
                Subtree::hash_all(&vec![0; piece.count as usize * Leaf::SIZE], top, keep)
            }
        };
        for subtree in subtrees {
            assembler.add(&subtree, &mut |level, index, nodes: &[u8]| {
                check.compare(level, index, nodes);
            });
        }
        progress(done, count)
    });
    if done < count {
        return Err(stopped(plot));
    }
    let root =
        assembler.finish(&mut |level, index, nodes: &[u8]| check.compare(level, index, nodes));
    root.ok_or_else(|| stopped(plot))
}

fn stopped(plot: &dyn LeafSource) -> ReadError {
    ReadError(format!("{}: the verification was stopped", plot.path().display()))
}

/// Compares the leaves with those that the key makes, if the key is the
/// plot's: if what it makes hashes to the plot's root.
fn by_key(
    plot: &dyn LeafSource,
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
    stream_past(plot, |piece| {
        made.resize(piece.count as usize * Leaf::SIZE, 0);
        for subtree in make(key, plot, piece.first, &mut made) {
            assembler.add(&subtree, &mut |_, _, _: &[u8]| {});
        }
        // What cannot be read the first pass has told.
        if let Ok(leaves) = piece.read {
            compare_leaves(piece.first, leaves, &made, &mut damaged);
        }
        done = piece.first + piece.count;
        progress(done, count)
    });
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
fn make(key: &PlotKey, plot: &dyn LeafSource, first: u64, out: &mut [u8]) -> Vec<Subtree> {
    let (seed, top) = (plot.id(), subtree_top(plot.leaf_count()));
    out.par_chunks_mut(SUBTREE_BYTES)
        .enumerate()
        .map(|(number, leaves)| {
            let first = first + number as u64 * SUBTREE_LEAVES;
            kernels::in_use().generate(key.as_bytes(), seed.as_bytes(), first, leaves);
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

#[cfg(test)]
mod tests {
    use std::{ops::Range, path::Path};

    use spacetime_protocol::PlotSeed;

    use super::{
        super::{CacheLevels, CreateSpec, create},
        *,
    };

    const KEY: PlotKey = PlotKey::new([7; 32]);
    /// More than one batch.
    const LEAVES: u64 = 40 * 4096 + 99;

    /// A plot with sectors that cannot be read, and leaves that are wrong.
    struct Damaged<'a> {
        plot: &'a PlotFile,
        bad_sectors: &'a [u64],
        wrong: &'a [u64],
    }

    impl LeafSource for Damaged<'_> {
        fn leaf_count(&self) -> u64 {
            self.plot.leaf_count()
        }

        fn id(&self) -> PlotSeed {
            self.plot.id()
        }

        fn drive(&self) -> u64 {
            self.plot.drive()
        }

        fn path(&self) -> &Path {
            self.plot.path()
        }

        fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
            let asked = first..first + (out.len() / Leaf::SIZE) as u64;
            if let Some(bad) = self.bad_sectors.iter().find(|leaf| asked.contains(leaf)) {
                return Err(ReadError(format!("bad sector at leaf {bad}")));
            }
            self.plot.read(first, out)?;
            for wrong in self.wrong.iter().filter(|leaf| asked.contains(leaf)) {
                out[(wrong - first) as usize * Leaf::SIZE] ^= 1;
            }
            Ok(())
        }
    }

    fn plot(folder: &Path, cache_levels: CacheLevels) -> PlotFile {
        let target = folder.join(format!("{cache_levels:?}.plot"));
        let (key, seed, leaf_count, memory) = (KEY, None, LEAVES, 1 << 20);
        let spec =
            CreateSpec { target: target.clone(), key, seed, leaf_count, cache_levels, memory };
        create(&spec, &()).unwrap();
        PlotFile::open(&target).unwrap()
    }

    fn told(verdict: &Verdict) -> Vec<(Range<u64>, Option<&str>)> {
        let regions = verdict.damaged.iter();
        regions.map(|region| (region.leaves(), region.reason.as_deref())).collect()
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_verified() {
        let folder = tempfile::tempdir().unwrap();
        let plot = plot(folder.path(), CacheLevels::Auto);
        let last = LEAVES - 1;
        let bad_sectors = &[4096 + 7, 2 * 4096, last];
        let source = Damaged { plot: &plot, bad_sectors, wrong: &[3 * 4096 + 5, 35 * 4096] };
        let first = (4096..3 * 4096, Some("bad sector at leaf 4103"));
        let end = (40 * 4096..LEAVES, Some("bad sector at leaf 163938"));
        let seen = std::cell::Cell::new(0);
        let progress = |done, _| {
            seen.set(done);
            true
        };
        let found = verify_from(&plot, &source, None, &progress).unwrap();
        assert_eq!((found.intact, found.computed_root, seen.get()), (false, None, LEAVES));
        assert!(matches!(found.cache, CacheVerdict::Valid { .. }), "{found:?}");
        assert_eq!(found.located_by, Some(Locator::Cache));
        let wrong = [3 * 4096..4 * 4096, 35 * 4096..36 * 4096].map(|leaves| (leaves, None));
        let [third, fourth] = wrong;
        assert_eq!(told(&found), [first.clone(), third, fourth, end.clone()]);

        let found = verify_from(&plot, &source, Some(&KEY), &|_, _| true).unwrap();
        assert_eq!(found.made_with_key, Some(true));
        let wrong = [3 * 4096 + 5, 35 * 4096].map(|leaf| (leaf..leaf + 1, None));
        let [third, fourth] = wrong;
        assert_eq!(told(&found), [first.clone(), third, fourth, end.clone()]);
        verify_from(&plot, &source, None, &|_, _| false).unwrap_err();

        let plot = self::plot(folder.path(), CacheLevels::Top(0));
        let source = Damaged { plot: &plot, ..source };
        let found = verify_from(&plot, &source, None, &|_, _| true).unwrap();
        assert_eq!((told(&found), found.located_by), (vec![first, end], None));
    }
}
