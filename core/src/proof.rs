//! Proves a leaf: its way to its plot's root and what a block says of the plot.

use spacetime_protocol::{
    Leaf,
    proof::{BlockProof, PlotMetadata},
};
use thiserror::Error;

use crate::plots::{LeafSource, PathError, PlotFile, path_of};

/// Why a leaf cannot be proved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot prove leaf {index} of {plot}: {reason}")]
pub struct ProofError {
    /// The plot's path.
    pub plot: String,
    /// The leaf's position in it.
    pub index: u64,
    /// What went wrong.
    pub reason: PathError,
}

/// The proof of a leaf, its path led to the plot's root. It takes one read of
/// at most 128 KiB if the plot has a cache that fits; a stale cache is
/// reported and done without, which reads the whole plot.
///
/// # Errors
///
/// The plot cannot be read, or is damaged.
pub fn prove(plot: &PlotFile, index: u64, leaf: &Leaf) -> Result<BlockProof, ProofError> {
    prove_unless(plot, index, leaf, &|| false)
}

/// As [`prove`], but gives up once `cancelled` says so; asked every 4 MiB.
///
/// # Errors
///
/// As for [`prove`], and [`PathError::Cancelled`].
pub fn prove_unless(
    plot: &PlotFile,
    index: u64,
    leaf: &Leaf,
    cancelled: &dyn Fn() -> bool,
) -> Result<BlockProof, ProofError> {
    let path = path_of(plot, index, leaf, cancelled).map_err(|reason| ProofError {
        plot: plot.path().display().to_string(),
        index,
        reason,
    })?;
    let plot = PlotMetadata {
        leaf_count: plot.header().leaf_count,
        plot_id: plot.header().seed,
        header_hash: plot.header_hash(),
        version: 1,
    };
    Ok(BlockProof { leaf: *leaf, leaf_index: index, path, plot })
}
