//! Plot header and leaves (`plot-format.md` sections 1 to 5).

use thiserror::Error;

use crate::{Leaf, NodeHash, PlotHeaderHash, PlotKey, PlotSeed};

/// Plots under this size are refused by the reference's plotter; ours only notes it.
pub const REFERENCE_MIN_BYTES: u64 = 100 << 20;

/// `H(key, seed, LE64(index))`.
pub fn leaf(key: &PlotKey, seed: &PlotSeed, index: u64) -> Leaf {
    todo!()
}
/// Byte offset of a leaf in its file; `None` beyond what a file can hold.
pub fn leaf_offset(index: u64) -> Option<u64> {
    todo!()
}

/// The header of a plot file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotHeader {
    /// The plot's seed, its id in proofs.
    pub seed: PlotSeed,
    /// At least 1.
    pub leaf_count: u64,
    /// Bytes per leaf: 32 in every usable plot.
    pub leaf_size: u32,
    /// As stored; not checked against the leaf count.
    pub tree_height: i64,
    /// Merkle root of the leaves.
    pub root: NodeHash,
}

impl PlotHeader {
    /// Bytes of the header.
    pub const SIZE: usize = 121;
    /// The header of a plot with 32-byte leaves.
    pub fn new(seed: PlotSeed, leaf_count: u64, root: NodeHash) -> Self {
        todo!()
    }
    /// The 121 bytes, checksum included.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        todo!()
    }
    /// Checks 2 to 7 of section 5, in that order.
    pub fn decode(bytes: &[u8]) -> Result<Self, PlotHeaderError> {
        todo!()
    }
    /// Bytes that the whole file has at least; `None` if that overflows.
    pub fn file_len(&self) -> Option<u64> {
        todo!()
    }
    /// Checks 2 to 8, given the file's first bytes and its length; then our own: 32-byte leaves.
    pub fn check_file(first: &[u8], len: u64) -> Result<Self, PlotHeaderError> {
        todo!()
    }
    /// What block proofs carry: SHA-256 of the 121 bytes.
    pub fn hash(&self) -> PlotHeaderHash {
        todo!()
    }
}

/// Why a file is not a plot, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlotHeaderError {
    /// Fewer than 121 bytes.
    #[error("it has {actual} bytes, a plot header takes 121")]
    HeaderTooShort {
        /// Bytes there are.
        actual: usize,
    },
    /// It does not begin with `SPTP`.
    #[error("it does not begin with the magic bytes `SPTP`")]
    BadMagic,
    /// A version other than 1.
    #[error("it has plot format version {found}; this miner reads version 1")]
    UnsupportedVersion {
        /// The version found.
        found: u8,
    },
    /// A leaf count that is not positive.
    #[error("its leaf count {found} is not positive")]
    BadLeafCount {
        /// The count found.
        found: i64,
    },
    /// A leaf size that is not positive, or (after all other checks) not 32.
    #[error("its leaf size is {found} bytes, not 32")]
    BadLeafSize {
        /// The size found.
        found: i32,
    },
    /// The checksum is absent or wrong.
    #[error("its header does not match its checksum")]
    ChecksumMismatch,
    /// The file is shorter than its header says.
    #[error("it has {actual} bytes, its header promises {}", expected.map_or("more than any file".to_owned(), |len| len.to_string()))]
    Truncated {
        /// Bytes that the header promises; `None` if that overflows.
        expected: Option<u64>,
        /// Bytes there are.
        actual: u64,
    },
}
