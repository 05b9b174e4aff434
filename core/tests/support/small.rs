//! Many small plots, made in little time: whole ones, but not synced.

use std::fs;

use spacetime_kernels::Kernels;
use spacetime_protocol::{
    PlotKey, PlotSeed,
    merkle::{Tree, leaf_hash},
    plot::PlotHeader,
};
use tempfile::TempDir;

pub(crate) const KEY: PlotKey = PlotKey::new([7; 32]);
pub(crate) const LEAVES: u64 = 16;

/// A folder with so many plots of 16 leaves in its folder `plots`.
pub(crate) fn plots(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plots")).unwrap();
    for number in 0..count {
        let path = folder.path().join(format!("plots/{number}.plot"));
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        fs::write(path, plot(PlotSeed::new(seed))).unwrap();
    }
    folder
}

fn plot(seed: PlotSeed) -> Vec<u8> {
    let mut leaves = vec![0; 32 * LEAVES as usize];
    Kernels::detect().generate(KEY.as_bytes(), seed.as_bytes(), 0, &mut leaves);
    let tree = Tree::new(leaves.chunks(32).map(leaf_hash).collect()).unwrap();
    let header = PlotHeader::new(seed, LEAVES, tree.root());
    [&header.encode()[..], &leaves].concat()
}
