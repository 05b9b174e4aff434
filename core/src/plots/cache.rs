//! A plot's Merkle cache file (`merkle.md` section 6): found beside the plot,
//! its structure checked against it, its nodes read one by one. Nothing in it
//! is believed before a path through it has led to the plot's root.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use spacetime_protocol::{NodeHash, cache::CacheIndex, merkle::TreeBuilder};
use spacetime_sdk::text::count;

use super::{positioned::read_exact_at, tree::NODE_BYTES};
use crate::{durable::with_suffix, stamp::FileStamp};

/// Bytes of nodes that are read at once.
const GATHER: usize = 1 << 20;

/// What is known of a plot's cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum CacheState {
    /// There is no such file.
    Absent,
    /// Its structure fits the plot.
    Fits {
        /// The lowest level that it holds.
        lowest_level: u32,
    },
    /// It is damaged, or another plot's.
    Stale {
        /// What is wrong with it.
        reason: String,
    },
}

/// `<plot>.cache`.
pub fn path_beside(plot: &Path) -> PathBuf {
    with_suffix(plot, ".cache")
}

/// An open cache whose structure fits its plot.
#[derive(Debug)]
pub(super) struct CacheFile {
    file: File,
    structure: Structure,
    lowest_level: u32,
}

/// Where everything lies in a version of a cache file that fits its plot. It
/// takes a read for each level to find out, so whoever proves remembers it.
#[derive(Clone, Debug)]
pub(super) struct Structure {
    stamp: FileStamp,
    index: Arc<CacheIndex>,
}

impl CacheFile {
    /// Opens a cache for a plot of so many leaves; `None`: there is none.
    ///
    /// # Errors
    ///
    /// Why it is of no use, as the end of a sentence about it.
    pub(super) fn open(path: &Path, leaf_count: u64) -> Result<Option<Self>, String> {
        Self::open_known(path, leaf_count, None)
    }

    /// As [`open`](Self::open), with what was known of it, if it still is that
    /// version.
    pub(super) fn open_known(
        path: &Path,
        leaf_count: u64,
        known: Option<Structure>,
    ) -> Result<Option<Self>, String> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => return Ok(None),
        };
        let file = File::open(path).map_err(|error| error.to_string())?;
        let stamp = FileStamp::of(&metadata);
        if let Some(structure) = known.filter(|known| known.stamp == stamp) {
            let lowest_level = structure.index.levels[0].0;
            return Ok(Some(Self { file, structure, lowest_level }));
        }
        let read = |offset, out: &mut [u8]| read_exact_at(&file, out, offset);
        let index = CacheIndex::read(metadata.len(), read)
            .map_err(|error: io::Error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let top = index.levels.last().map(|(level, ..)| *level);
        if !index.fits(leaf_count) || top.is_none_or(|top| top + 1 != index.tree_height) {
            return Err(format!("it does not fit a plot of {}", count(leaf_count, "leaf")));
        }
        let lowest_level = index.levels[0].0;
        let structure = Structure { stamp, index: Arc::new(index) };
        Ok(Some(Self { file, structure, lowest_level }))
    }

    /// Where everything lies in it.
    pub(super) fn structure(&self) -> Structure {
        self.structure.clone()
    }

    /// The lowest level that it holds; it holds all from there to the root.
    pub(super) fn lowest_level(&self) -> u32 {
        self.lowest_level
    }

    /// The levels that it holds, with the number of their nodes.
    pub(super) fn levels(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.structure.index.levels.iter().map(|(level, count, _)| (*level, *count))
    }

    /// One node.
    pub(super) fn node(&self, level: u32, index: u64) -> io::Result<NodeHash> {
        let mut node = [0; NodeHash::SIZE];
        self.nodes(level, index, &mut node)?;
        Ok(node.into())
    }

    /// As many nodes of a level as `out` holds, from `index` on.
    pub(super) fn nodes(&self, level: u32, index: u64, out: &mut [u8]) -> io::Result<()> {
        let last = index + (out.len() / NODE_BYTES) as u64 - 1;
        let offset_of = |index| self.structure.index.node_offset(level, index);
        match (offset_of(index), offset_of(last)) {
            (Some(offset), Some(_)) => read_exact_at(&self.file, out, offset),
            _ => Err(io::Error::other(format!("it holds no node {last} of level {level}"))),
        }
    }

    /// The root that its lowest level leads to; `None` if it has no nodes.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn root(&self) -> io::Result<Option<NodeHash>> {
        let count = self.levels().next().map_or(0, |(_, count)| count);
        let mut builder = TreeBuilder::new(self.lowest_level);
        let mut nodes = vec![0; GATHER];
        let mut done = 0;
        while done < count {
            let some = (count - done).min((GATHER / NODE_BYTES) as u64) as usize;
            let nodes = &mut nodes[..some * NODE_BYTES];
            self.nodes(self.lowest_level, done, nodes)?;
            for node in nodes.as_chunks().0 {
                builder.push(NodeHash::new(*node), &mut |_, _| {});
            }
            done += some as u64;
        }
        Ok(builder.finish(&mut |_, _| {}))
    }
}
