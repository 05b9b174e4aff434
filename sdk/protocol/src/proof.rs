//! Block proofs (`blocks.md` sections 4 and 5).

use crate::{DecodeError, Leaf, PlotHeaderHash, PlotSeed, merkle::MerklePath};

/// What a proof says about its plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotMetadata {
    /// At least 1.
    pub leaf_count: u64,
    /// The plot's seed.
    pub plot_id: PlotSeed,
    /// SHA-256 of the plot's header.
    pub header_hash: PlotHeaderHash,
    /// The plot format's version: 1.
    pub version: u8,
}

impl PlotMetadata {
    /// Bytes on the wire.
    pub const SIZE: usize = 73;
    /// The 73 bytes.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        todo!()
    }
    /// Reads the first 73 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
}

/// A leaf with its way to its plot's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProof {
    /// The leaf.
    pub leaf: Leaf,
    /// Its position in the plot, from 0.
    pub leaf_index: u64,
    /// Its way to the root; both lists have one length.
    pub path: MerklePath,
    /// Its plot.
    pub plot: PlotMetadata,
}

impl BlockProof {
    /// `121 + 33n` bytes, n the path's length.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads a proof from the front; how many bytes it took.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        todo!()
    }
}
