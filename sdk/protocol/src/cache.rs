//! The Merkle cache file (`merkle.md` section 6).

use std::ops::RangeInclusive;

use thiserror::Error;

/// The levels that a cache of the `top_levels` levels below the root holds; `None`: no file.
pub fn levels(leaf_count: u64, top_levels: u32) -> Option<RangeInclusive<u32>> {
    todo!()
}
/// `top_levels` such that the lowest level of the cache is level 12 (subtrees of 4,096 leaves).
pub fn auto_top_levels(leaf_count: u64) -> u32 {
    todo!()
}

/// Where everything lies in a cache file as we write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    leaf_count: u64,
    levels: RangeInclusive<u32>,
}

impl CacheLayout {
    /// The layout; `None`: no file is written.
    pub fn new(leaf_count: u64, top_levels: u32) -> Option<Self> {
        todo!()
    }
    /// The levels held.
    pub fn levels(&self) -> RangeInclusive<u32> {
        todo!()
    }
    /// Bytes of the file.
    pub fn file_len(&self) -> u64 {
        todo!()
    }
    /// The 36 bytes of the file's header.
    pub fn header(&self) -> [u8; 36] {
        todo!()
    }
    /// The 12 bytes before a level's nodes, and their offset.
    pub fn level_header(&self, level: u32) -> (u64, [u8; 12]) {
        todo!()
    }
    /// Offset of a node.
    pub fn node_offset(&self, level: u32, index: u64) -> u64 {
        todo!()
    }
}

/// A cache file as read: where its levels lie. Nodes are read on demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheIndex {
    /// Height of the tree.
    pub tree_height: u32,
    /// `SHA-256` in every file of ours.
    pub hash_name: String,
    /// Bytes per node.
    pub hash_size: u32,
    /// Per level, ascending: (level, number of nodes, offset of the first).
    pub levels: Vec<(u32, u64, u64)>,
}

impl CacheIndex {
    /// Reads the structure of a cache file of `len` bytes through positioned reads, in the order of the
    /// checks of section 6.3. `read(offset, buffer)` fills the buffer.
    ///
    /// # Errors
    /// The first check that failed, or the read error.
    pub fn read<E>(
        len: u64,
        read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<Result<Self, CacheError>, E> {
        todo!()
    }
    /// The same over bytes in memory.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheError> {
        todo!()
    }
    /// Whether it can belong to a plot of so many leaves: height, hash, node sizes and counts fit.
    pub fn fits(&self, leaf_count: u64) -> bool {
        todo!()
    }
    /// Offset of a node; `None` if it is not cached.
    pub fn node_offset(&self, level: u32, index: u64) -> Option<u64> {
        todo!()
    }
}

/// Why bytes are not a cache file, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the names are those of the specification's table")]
pub enum CacheError {
    #[error("it is too short")]
    TooShort,
    #[error("it does not begin with `MKTC`")]
    BadMagic,
    #[error("its version is not 1")]
    UnsupportedVersion,
    #[error("it is too short for its header")]
    TooShortForHeader,
    #[error("its tree height is negative")]
    BadTreeHeight,
    #[error("the length of its hash name is not between 0 and 1024")]
    BadNameLength,
    #[error("it is too short for its hash name")]
    TooShortForName,
    #[error("it is too short for the rest of its header")]
    TooShortForHeaderTail,
    #[error("its node size is not positive")]
    BadHashSize,
    #[error("its start level is negative")]
    BadStartLevel,
    #[error("its end level is before its start level")]
    BadEndLevel,
    #[error("its number of levels is not that of its range")]
    LevelCountMismatch,
    #[error("its hash name is blank")]
    BlankName,
    #[error("its end level is not below its tree height")]
    EndLevelNotBelowHeight,
    #[error("it is too short for a level")]
    TooShortForLevelHeader,
    #[error("a level is out of its range")]
    LevelOutOfRange,
    #[error("a node count is negative")]
    BadNodeCount,
    #[error("it is too short for the nodes of a level")]
    TooShortForNodes,
    #[error("bytes follow its last level")]
    TrailingBytes,
    #[error("a level is missing")]
    MissingLevel,
}
