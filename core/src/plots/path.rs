//! A leaf's way to its plot's root. Below the cached levels each leaf of one
//! subtree is read once; above them one node per level comes from the cache.
//! Without a cache the whole plot is read, once.

use std::io;

use spacetime_protocol::{
    Leaf, NodeHash,
    merkle::{MerklePath, height, leaf_hash, level_len, node_hash, padding_hash},
};
use thiserror::Error;

use super::{
    PlotFile,
    cache::CacheFile,
    source::{LeafSource, ReadError},
    stream::stream,
    tree::{Assembler, NODE_BYTES, SUBTREE_LEAVES, SUBTREE_LEVEL, Subtree, subtree_top},
};

/// Why there is no path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// The plot cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The plot has no such leaf.
    #[error("leaf {index} is outside 0 to {last}")]
    OutOfRange {
        /// The leaf that was asked for.
        index: u64,
        /// The plot's last leaf.
        last: u64,
    },
    /// The plot holds another leaf there than the one to be proved.
    #[error("leaf {index} is not the one that was scanned: the drive gives different answers")]
    LeafChanged {
        /// Its position.
        index: u64,
    },
    /// Some leaves are damaged: the cache is right, and they do not hash to the
    /// node that it has for them.
    #[error("its leaves {first} to {last} are damaged: run `plot repair` on it")]
    Damaged {
        /// The first leaf of the subtree that the damage is in.
        first: u64,
        /// Its last leaf.
        last: u64,
    },
    /// The leaves do not hash to the plot's root.
    #[error("its leaves do not hash to its root: run `plot repair` on it")]
    WrongRoot,
    /// Whoever asked does not want it any more.
    #[error("the proof is not wanted any more")]
    Cancelled,
}

/// The path of a leaf, led to the root. A cache that does not lead there, and
/// whose own node does not either, is reported, and done without.
pub(crate) fn path_of(
    plot: &PlotFile,
    index: u64,
    leaf: &Leaf,
    cancelled: &dyn Fn() -> bool,
) -> Result<MerklePath, PathError> {
    let last = plot.leaf_count() - 1;
    if index > last {
        return Err(PathError::OutOfRange { index, last });
    }
    let search = Search { plot, index, leaf, cancelled };
    match plot.open_cache() {
        Ok(Some(cache)) => match search.through(Some(&cache)) {
            Ok(path) => return Ok(path),
            Err(Blame::Plot(error)) => return Err(error),
            Err(Blame::Cache(reason)) => plot.set_stale_cache(&reason),
        },
        Ok(None) => {}
        Err(reason) => plot.set_stale_cache(&reason),
    }
    search.through(None).map_err(|blame| match blame {
        Blame::Plot(error) => error,
        Blame::Cache(_) => PathError::WrongRoot,
    })
}

struct Search<'a> {
    plot: &'a PlotFile,
    index: u64,
    leaf: &'a Leaf,
    cancelled: &'a dyn Fn() -> bool,
}

/// Whose fault a failure is.
enum Blame {
    Plot(PathError),
    Cache(String),
}

impl<E: Into<PathError>> From<E> for Blame {
    fn from(error: E) -> Self {
        Self::Plot(error.into())
    }
}

impl Search<'_> {
    fn through(&self, cache: Option<&CacheFile>) -> Result<MerklePath, Blame> {
        let count = self.plot.leaf_count();
        let height = height(count);
        let low = cache.map_or(height, CacheFile::lowest_level);
        let mut siblings = self.below(low)?;
        let mut climb = Climb::new(self.leaf, self.index);
        climb.all(&mut siblings);
        let Some(cache) = cache else {
            return match self.is_root(&climb) {
                true => Ok(path(siblings, self.index)),
                false => Err(PathError::WrongRoot.into()),
            };
        };
        let computed = climb.node;
        let mut above = self.above(cache, climb.position)?;
        climb.all(&mut above);
        if !self.is_root(&climb) {
            return Err(self.blame(cache, &computed)?);
        }
        siblings.append(&mut above);
        Ok(path(siblings, self.index))
    }

    fn is_root(&self, climb: &Climb) -> bool {
        climb.node == self.plot.header().root
    }

    /// Siblings of the levels that the cache holds, on the way of one node of
    /// its lowest level; `None` where padding stands in for one.
    fn above(&self, cache: &CacheFile, position: u64) -> Result<Vec<Option<NodeHash>>, Blame> {
        let (count, low) = (self.plot.leaf_count(), cache.lowest_level());
        let siblings = (low..height(count)).map(|level| {
            let beside = (position >> (level - low)) ^ 1;
            (beside < level_len(count, level)).then(|| cache.node(level, beside)).transpose()
        });
        siblings.collect::<io::Result<_>>().map_err(|error| Blame::Cache(error.to_string()))
    }

    /// Whose fault it is that a way through the cache misses the root: if the
    /// way from the cache's own node above the leaf does not, the leaves under
    /// that node are damaged.
    fn blame(&self, cache: &CacheFile, computed: &NodeHash) -> Result<Blame, Blame> {
        let stale = "a path through it does not lead to the plot's root";
        let low = cache.lowest_level();
        let position = self.index >> low;
        let node = cache.node(low, position).map_err(|error| Blame::Cache(error.to_string()))?;
        let mut climb = Climb { node, position };
        climb.all(&mut self.above(cache, position)?);
        if node == *computed || !self.is_root(&climb) {
            return Ok(Blame::Cache(stale.to_owned()));
        }
        let end = ((position + 1) << low).min(self.plot.leaf_count());
        Ok(PathError::Damaged { first: position << low, last: end - 1 }.into())
    }

    /// Siblings of the levels under `low`, from the leaves of the subtree of
    /// that level; `None` where padding stands in for one.
    fn below(&self, low: u32) -> Result<Vec<Option<NodeHash>>, Blame> {
        let mut siblings = self.within_subtree(low)?;
        if low <= SUBTREE_LEVEL {
            return Ok(siblings);
        }
        siblings.resize(low as usize, None);
        let count = self.plot.leaf_count();
        let start = (self.index >> low) << low;
        let end = (start + (1 << low)).min(count);
        let mut assembler = Assembler::new(subtree_top(count), start);
        let mut sink = |level: u32, first: u64, nodes: &[u8]| {
            if level < low && (self.index >> level) ^ 1 == first {
                siblings[level as usize] = NodeHash::try_from(nodes).ok();
            }
        };
        let mut wanted = true;
        stream(self.plot, start..end, |_, leaves| {
            for subtree in Subtree::hash_all(leaves, SUBTREE_LEVEL, SUBTREE_LEVEL) {
                assembler.add(&subtree, &mut sink);
            }
            wanted = !(self.cancelled)();
            wanted
        })?;
        if !wanted {
            return Err(PathError::Cancelled.into());
        }
        assembler.finish(&mut sink);
        Ok(siblings)
    }

    /// Siblings of the levels under `low` that lie in the leaf's own subtree
    /// of at most 4,096 leaves; one read.
    fn within_subtree(&self, low: u32) -> Result<Vec<Option<NodeHash>>, Blame> {
        let count = self.plot.leaf_count();
        let top = low.min(SUBTREE_LEVEL);
        let start = (self.index >> top) << top;
        let len = (count - start).min(1 << top).min(SUBTREE_LEAVES);
        let mut leaves = vec![0; len as usize * Leaf::SIZE];
        self.plot.read(start, &mut leaves)?;
        let at = (self.index - start) as usize;
        if leaves[at * Leaf::SIZE..][..Leaf::SIZE] != *self.leaf.as_bytes() {
            return Err(PathError::LeafChanged { index: self.index }.into());
        }
        let subtree = Subtree::hash(&leaves, top, 0);
        let beside = |(level, nodes): &(u32, Vec<u8>)| {
            let position = (at >> level) ^ 1;
            let node = nodes.chunks_exact(NODE_BYTES).nth(position)?;
            NodeHash::try_from(node).ok()
        };
        Ok(subtree.levels.iter().take(top as usize).map(beside).collect())
    }
}

/// The leaf's own node, level by level.
struct Climb {
    node: NodeHash,
    position: u64,
}

impl Climb {
    fn new(leaf: &Leaf, index: u64) -> Self {
        Self { node: leaf_hash(leaf.as_bytes()), position: index }
    }

    fn all(&mut self, siblings: &mut [Option<NodeHash>]) {
        siblings.iter_mut().for_each(|sibling| self.step(sibling));
    }

    /// Goes up a level; a sibling that is absent becomes the padding.
    fn step(&mut self, sibling: &mut Option<NodeHash>) {
        let node = self.node;
        let sibling = *sibling.get_or_insert_with(|| padding_hash(&node));
        self.node = match self.position & 1 {
            0 => node_hash(&node, &sibling),
            _ => node_hash(&sibling, &node),
        };
        self.position >>= 1;
    }
}

/// Every sibling is there once the climb is done.
fn path(siblings: Vec<Option<NodeHash>>, index: u64) -> MerklePath {
    let sibling_is_right = (0..siblings.len()).map(|level| index >> level & 1 == 0).collect();
    MerklePath { siblings: siblings.into_iter().flatten().collect(), sibling_is_right }
}
