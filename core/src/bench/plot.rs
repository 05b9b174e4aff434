//! Making plots: leaves and tree on one core, and whole files on all.

use std::{convert::Infallible, fs::File, io::Write, path::Path};

use sha2::{Digest, Sha256};
use spacetime_kernels::Kernels;
use spacetime_protocol::Leaf;

use super::{
    Bench, BenchError, Part, Row, Scratch, Unit,
    files::spec,
    turns::{Contest, rate, try_rate},
};
use crate::{
    kernels,
    plots::{CacheLevels, create},
};

const KEY: [u8; 32] = [0xA5; 32];
const SEED: [u8; 32] = [0x3C; 32];

/// Level of the subtrees that plots are made in.
const TOP: u32 = 12;

/// Leaves of a subtree.
const LEAVES: usize = 1 << TOP;

/// What is written at a time where nothing but that is done.
const PIECE: usize = 1 << 20;

/// A subtree of leaves beside `sha2` one hash at a time; and a plot of so many
/// bytes, on the disk when it is done, beside as many zeros.
///
/// # Errors
///
/// The files cannot be written.
pub fn plot(bench: Bench<'_>, scratch: &Scratch, bytes: u64) -> Result<Vec<Row>, BenchError> {
    let kernels = kernels::in_use();
    let name = format!("leaves and their tree, one core, {}", kernels.name());
    let contest = Contest {
        part: Part::Plot,
        name: &name,
        unit: Unit::Leaves,
        baseline: "sha2, five compressions per leaf",
    };
    let mut leaves = vec![0; LEAVES * Leaf::SIZE];
    let ours = || rate(LEAVES as u64, || subtree(&kernels, &mut leaves));
    let theirs = || rate(LEAVES as u64, subtree_by_sha2);
    let (mut ours, theirs) = (ours, theirs);
    let Ok(one) = contest.run::<Infallible>(bench, || Ok(ours()), || Ok(theirs()));

    let contest = Contest {
        part: Part::Plot,
        name: "plot create, all cores, synced",
        unit: Unit::Bytes,
        baseline: "a write of as many zeros, synced",
    };
    let target = scratch.file("made.plot");
    let make = || {
        let made = create(&spec(target.clone(), bytes, CacheLevels::Auto), &());
        made.map(|created| created.cache).map_err(BenchError::from)
    };
    let made = || -> Result<f64, BenchError> {
        let rate = try_rate(bytes, make)?;
        remove(&target)?;
        remove(&crate::plots::cache_path_beside(&target))?;
        Ok(rate)
    };
    let zeros = scratch.file("zeros");
    let written = || -> Result<f64, BenchError> {
        let rate = try_rate(bytes, || write_zeros(&zeros, bytes))?;
        remove(&zeros)?;
        Ok(rate)
    };
    let whole = contest.run(bench, made, written)?;
    Ok(vec![one, whole])
}

fn remove(path: &Path) -> Result<(), BenchError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(BenchError::io("remove", path)),
    }
}

fn write_zeros(path: &Path, bytes: u64) -> Result<(), BenchError> {
    let write = || {
        let (mut file, piece) = (File::create(path)?, vec![0; PIECE]);
        let mut rest = bytes;
        while rest > 0 {
            let now = rest.min(PIECE as u64);
            file.write_all(&piece[..now as usize])?;
            rest -= now;
        }
        file.sync_all()
    };
    write().map_err(BenchError::io("write", path))
}

/// Leaves, and their subtree's root.
fn subtree(kernels: &Kernels, leaves: &mut [u8]) -> u8 {
    kernels.generate(&KEY, &SEED, 0, leaves);
    let mut root = 0;
    kernels.subtree_levels(leaves, TOP, |_, nodes| root = nodes[0]);
    root
}

/// The same without a thought.
fn subtree_by_sha2() -> [u8; 32] {
    let leaf = |index: usize| -> [u8; 32] {
        let index = (index as u64).to_le_bytes();
        let leaf =
            Sha256::new().chain_update(KEY).chain_update(SEED).chain_update(index).finalize();
        Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
    };
    let mut nodes: Vec<[u8; 32]> = (0..LEAVES).map(leaf).collect();
    while nodes.len() > 1 {
        let parent = |pair: &[[u8; 32]; 2]| {
            let hash = Sha256::new().chain_update([1]).chain_update(pair[0]).chain_update(pair[1]);
            hash.finalize().into()
        };
        nodes = nodes.as_chunks().0.iter().map(parent).collect();
    }
    nodes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_make_the_same_tree() {
        let mut leaves = vec![0; LEAVES * Leaf::SIZE];
        assert_eq!(subtree(&kernels::in_use(), &mut leaves), subtree_by_sha2()[0]);
    }
}
