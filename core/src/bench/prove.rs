//! Proving a leaf.

use std::path::Path;

use spacetime_protocol::Leaf;

use super::{
    Bench, BenchError, Part, Row, Scratch, Unit,
    turns::{Contest, try_rate},
};
use crate::{
    plots::{LeafSource, PlotFile},
    proof,
};

/// A proof by a plot's cache, of another leaf each time, beside one that has to
/// make the whole tree.
///
/// # Errors
///
/// The plot cannot be read, or has no cache that fits.
pub fn prove(bench: Bench<'_>, scratch: &Scratch, plot: &Path) -> Result<Vec<Row>, BenchError> {
    let contest = Contest {
        part: Part::Prove,
        name: "proof by the plot's cache",
        unit: Unit::Proofs,
        baseline: "proof without a cache, all cores",
    };
    let cached = PlotFile::open(plot)?;
    let bare = PlotFile::open_with_cache(plot, &scratch.file("no.cache"))?;
    // The same leaves for both.
    let [mut ours, mut theirs] = [1, 1].map(fastrand::Rng::with_seed);
    let by_cache = || once(&cached, ours.u64(..cached.leaf_count()));
    let without = || once(&bare, theirs.u64(..bare.leaf_count()));
    Ok(vec![contest.run(bench, by_cache, without)?])
}

fn once(plot: &PlotFile, index: u64) -> Result<f64, BenchError> {
    let mut bytes = [0; Leaf::SIZE];
    plot.read(index, &mut bytes)?;
    try_rate(1, || proof::prove(plot, index, &Leaf::new(bytes)).map_err(BenchError::from))
}
