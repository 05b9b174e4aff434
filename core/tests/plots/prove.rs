//! Proofs lead to the root: through the cache, without one, past a stale one.

use std::fs;

use proptest::prelude::*;
use spacetime_core::{
    plots::{CacheLevels, CacheState, CreateSpec, PathError, PlotFile},
    proof::{prove, prove_unless},
    scan::LeafSource,
};
use spacetime_protocol::{
    Leaf, PlotSeed,
    merkle::{Tree, leaf_hash},
    plot,
};

use crate::support::{KEY, LEAVES, flip, leaf, make, plot, spec};

fn oracle(leaf_count: u64) -> Tree {
    let seed = PlotSeed::new([9; 32]);
    let leaves = (0..leaf_count).map(|index| plot::leaf(&KEY, &seed, index));
    Tree::new(leaves.map(|leaf| leaf_hash(leaf.as_bytes())).collect()).unwrap()
}

const INDICES: [u64; 8] = [0, 1, 4095, 4096, 2 * 4096 + 77, 4 * 4096 - 1, 5 * 4096, LEAVES - 1];

#[test]
fn paths_are_those_of_the_whole_tree_with_and_without_cache() {
    let tree = oracle(LEAVES);
    for levels in
        [CacheLevels::Auto, CacheLevels::Top(0), CacheLevels::Top(1), CacheLevels::Top(99)]
    {
        let (_folder, path) = plot(levels);
        let plot = PlotFile::open(&path).unwrap();
        for index in INDICES {
            let proof = prove(&plot, index, &leaf(&plot, index)).unwrap();
            assert_eq!(Some(proof.path), tree.path(index), "leaf {index}, {levels:?}");
            assert_eq!(proof.plot.header_hash, plot.header_hash());
            assert_eq!((proof.plot.leaf_count, proof.plot.plot_id), (LEAVES, plot.id()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn paths_of_any_small_plot_are_right(
        leaf_count in 1_u64..9000, levels in 0_u32..15, at in any::<prop::sample::Index>()
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.plot");
        make(&CreateSpec { cache_levels: CacheLevels::Top(levels), ..spec(&path, leaf_count) });
        let plot = PlotFile::open(&path).unwrap();
        let index = at.index(leaf_count as usize) as u64;
        let proof = prove(&plot, index, &leaf(&plot, index)).unwrap();
        prop_assert_eq!(Some(proof.path), oracle(leaf_count).path(index));
        prop_assert_eq!(plot.header().root, oracle(leaf_count).root());
    }
}

#[test]
fn a_stale_cache_is_reported_and_done_without() {
    let tree = oracle(LEAVES);
    let (_folder, path) = plot(CacheLevels::Auto);
    let cache = path.with_extension("plot.cache");
    let good = fs::read(&cache).unwrap();
    let mut foreign = good.clone();
    foreign[48..80].fill(0xAA);
    let damages: [(Vec<u8>, &str); 4] = [
        (foreign, "does not lead to the plot's root"),
        (good[..good.len() - 1].to_vec(), "too short"),
        (b"MKTD".to_vec(), "too short"),
        ([&good[..], b"x"].concat(), "bytes follow"),
    ];
    for (bytes, reason) in damages {
        fs::write(&cache, bytes).unwrap();
        let plot = PlotFile::open(&path).unwrap();
        // Leaf 4096 has the first cached node as sibling.
        let proof = prove(&plot, 4096, &leaf(&plot, 4096)).unwrap();
        assert_eq!(Some(proof.path), tree.path(4096));
        let CacheState::Stale { reason: told } = plot.cache_state() else { panic!("{reason}") };
        assert!(told.contains(reason), "{told}");
        // A new cache is looked at again.
        fs::remove_file(&cache).unwrap();
        assert_eq!(plot.cache_state(), CacheState::Absent);
        fs::write(&cache, &good).unwrap();
        assert!(matches!(plot.cache_state(), CacheState::Fits { lowest_level: 12 }));
    }
}

#[test]
fn a_damaged_leaf_costs_its_subtree_and_not_the_cache() {
    // Subtrees of one read, of more than one, and of two leaves.
    let levels = [(CacheLevels::Auto, 12), (CacheLevels::Top(2), 13), (CacheLevels::Top(99), 1)];
    for (levels, lowest_level) in levels {
        let tree = oracle(LEAVES);
        let (_folder, path) = plot(levels);
        let plot = PlotFile::open(&path).unwrap();
        let fits = CacheState::Fits { lowest_level };
        assert_eq!(plot.cache_state(), fits);
        let last = LEAVES - 1;
        let (good, beside) = (leaf(&plot, last), leaf(&plot, last - 1));
        flip(&path, 121 + 32 * last + 7);
        let first = last >> lowest_level << lowest_level;
        let damaged = PathError::Damaged { first, last };
        let error = prove(&plot, last, &leaf(&plot, last)).unwrap_err();
        assert_eq!(error.reason, damaged, "the leaf itself");
        assert!(error.to_string().contains(&format!("leaves {first} to {last} are damaged")));
        assert_eq!(prove(&plot, last - 1, &beside).unwrap_err().reason, damaged);
        assert_eq!(plot.cache_state(), fits, "the cache is not to blame");
        // Stopped at once, only a proof through the cache comes about.
        let proof = prove_unless(&plot, 5, &leaf(&plot, 5), &|| true);
        match lowest_level {
            13 => assert_eq!(proof.unwrap_err().reason, PathError::Cancelled),
            _ => assert_eq!(Some(proof.unwrap().path), tree.path(5)),
        }
        // A whole plot is not read for it either: the damage would show.
        assert_eq!(Some(prove(&plot, 5, &leaf(&plot, 5)).unwrap().path), tree.path(5));
        flip(&path, 121 + 32 * last + 7);
        assert_eq!(Some(prove(&plot, last, &good).unwrap().path), tree.path(last));
    }
}

#[test]
fn damage_is_told_from_a_wrong_leaf_and_a_wrong_index() {
    let (_folder, path) = plot(CacheLevels::Auto);
    let plot = PlotFile::open(&path).unwrap();
    let reason = |index, leaf: &Leaf| prove(&plot, index, leaf).unwrap_err().reason;
    assert_eq!(
        reason(LEAVES, &Leaf::ZERO),
        PathError::OutOfRange { index: LEAVES, last: LEAVES - 1 }
    );
    assert_eq!(reason(3, &Leaf::ZERO), PathError::LeafChanged { index: 3 });
    let good = leaf(&plot, 3);
    let stopped = prove_unless(&plot, 3, &good, &|| true);
    assert!(stopped.is_ok(), "with a cache it is too quick to be stopped");
    flip(&path, 121 + 32);
    assert_eq!(reason(3, &good), PathError::Damaged { first: 0, last: 4095 });
    fs::remove_file(path.with_extension("plot.cache")).unwrap();
    assert_eq!(reason(3, &good), PathError::WrongRoot);
    let stopped = prove_unless(&plot, 3, &good, &|| true).unwrap_err();
    assert_eq!(stopped.reason, PathError::Cancelled);
}

#[test]
fn a_plot_that_is_cut_or_replaced_fails_with_its_name() {
    let (folder, path) = plot(CacheLevels::Top(0));
    let plot = PlotFile::open(&path).unwrap();
    leaf(&plot, LEAVES - 1);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(121 + 32 * 100 + 5).unwrap();
    let error = plot.read(90, &mut [0; 32 * 20]).unwrap_err().to_string();
    assert!(error.contains("a.plot: the file ends in leaf 100, 5 of its 32 bytes"), "{error}");
    let other = folder.path().join("b.plot");
    make(&CreateSpec { seed: None, ..spec(&other, LEAVES) });
    fs::rename(&other, &path).unwrap();
    let error = plot.read(0, &mut [0; 32]).unwrap_err().to_string();
    assert!(error.contains("another plot took its place"), "{error}");
    assert!(plot.read(LEAVES - 1, &mut [0; 64]).unwrap_err().to_string().contains("outside"));
}

#[test]
fn a_flipped_bit_in_the_header_is_refused() {
    let (_folder, path) = plot(CacheLevels::Top(0));
    for offset in 0..121 {
        flip(&path, offset);
        let error = PlotFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("a.plot is not a usable plot"), "byte {offset}: {error}");
        flip(&path, offset);
    }
    PlotFile::open(&path).unwrap();
}
