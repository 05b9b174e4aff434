//! The ways to build a tree and a path, against the whole tree in memory.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use spacetime_protocol::{
    NodeHash,
    merkle::{self, PathError, Tree, TreeBuilder},
};

fn leaf_hashes(count: u64) -> Vec<NodeHash> {
    (0..count).map(|index| merkle::leaf_hash(&index.to_le_bytes())).collect()
}

fn tree(count: u64) -> Tree {
    Tree::new(leaf_hashes(count)).unwrap()
}

/// The nodes of level `base` and up, as a builder sees them.
fn build(tree: &Tree, base: u32) -> (NodeHash, BTreeMap<u32, Vec<NodeHash>>) {
    let mut levels = BTreeMap::from([(base, tree.level(base).to_vec())]);
    let mut visit = |level, node: &NodeHash| levels.entry(level).or_default().push(*node);
    let mut builder = TreeBuilder::new(base);
    for node in tree.level(base) {
        builder.push(*node, &mut visit);
    }
    assert_eq!(builder.count(), tree.level(base).len() as u64);
    (builder.finish(&mut visit).unwrap(), levels)
}

#[test]
fn nothing_has_no_tree() {
    assert!(Tree::new(Vec::new()).is_none());
    assert_eq!(TreeBuilder::new(0).finish(&mut |_, _| panic!("no node")), None);
}

#[test]
fn every_small_tree_can_be_built_and_proven_in_every_way() {
    for count in 1..=40 {
        let tree = tree(count);
        for base in 0..=tree.height() {
            check_builder(&tree, base);
            (0..count).for_each(|index| check_path(&tree, count, index, base));
        }
    }
}

fn check_builder(tree: &Tree, base: u32) {
    let (root, levels) = build(tree, base);
    assert_eq!(root, tree.root());
    let expected: BTreeMap<_, _> =
        (base..=tree.height()).map(|level| (level, tree.level(level).to_vec())).collect();
    assert_eq!(levels, expected);
}

fn check_path(tree: &Tree, count: u64, index: u64, base: u32) {
    let path = tree.path(index).unwrap();
    assert!(path.verify(&index.to_le_bytes(), &tree.root()));
    assert_eq!(path.index(), index);
    assert_eq!(path.siblings.len() as u32, merkle::height(count));

    let range = merkle::subtree_leaves(count, index, base).unwrap();
    assert!(range.contains(&index));
    let subtree = tree.level(0)[range.start as usize..range.end as usize].to_vec();
    let root = merkle::subtree_root(subtree.clone(), 0, base);
    assert_eq!(root, tree.level(base).get((index >> base) as usize).copied());
    let node = |level: u32, index: u64| {
        assert!(level >= base, "level {level} is below the subtree's root");
        tree.level(level).get(index as usize).copied().ok_or((level, index))
    };
    assert_eq!(merkle::path_with(count, index, base, subtree, node), Ok(path));
}

#[test]
fn a_path_needs_a_leaf_of_the_tree_and_its_whole_subtree() {
    let no_node = |_, _| Err(());
    let path = |index, count| merkle::path_with(5, index, 2, leaf_hashes(count), no_node);
    assert_eq!(path(5, 1), Err(PathError::NoSuchLeaf { index: 5, leaf_count: 5 }));
    assert_eq!(path(4, 4), Err(PathError::SubtreeLength { expected: 1, actual: 4 }));
    assert_eq!(path(1, 3), Err(PathError::SubtreeLength { expected: 4, actual: 3 }));
    assert_eq!(path(1, 4), Err(PathError::Node(())));
    assert_eq!(merkle::subtree_leaves(u64::MAX, u64::MAX - 1, 64), Some(0..u64::MAX));
    assert_eq!(merkle::subtree_leaves(u64::MAX, u64::MAX - 1, 63), Some(1 << 63..u64::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn builders_agree_with_the_tree(count in 1_u64..3000, base in 0_u32..12) {
        let tree = tree(count);
        let base = base.min(tree.height());
        check_builder(&tree, base);
        for level in 0..=tree.height() {
            prop_assert_eq!(tree.level(level).len() as u64, merkle::level_len(count, level));
        }
    }

    #[test]
    fn a_builder_can_stop_and_go_on(count in 1_u64..500, at: prop::sample::Index) {
        let hashes = leaf_hashes(count);
        let (before, after) = hashes.split_at(at.index(hashes.len()));
        let mut first = TreeBuilder::new(0);
        before.iter().for_each(|hash| first.push(*hash, &mut |_, _| ()));
        let pending = first.pending();
        prop_assert_eq!(pending.len() as u32, first.count().count_ones());
        let mut second = TreeBuilder::resume(0, first.count(), &pending).unwrap();
        after.iter().for_each(|hash| second.push(*hash, &mut |_, _| ()));
        prop_assert_eq!(second.finish(&mut |_, _| ()), Some(tree(count).root()));
        let more = [&pending[..], &[NodeHash::ZERO]].concat();
        prop_assert!(TreeBuilder::resume(0, first.count(), &more).is_none());
        if let Some((_, fewer)) = pending.split_first() {
            prop_assert!(TreeBuilder::resume(0, first.count(), fewer).is_none());
        }
    }

    #[test]
    fn paths_from_parts_agree_with_the_tree(
        count in 1_u64..3000,
        index: prop::sample::Index,
        base in 0_u32..12,
    ) {
        let tree = tree(count);
        check_path(&tree, count, index.index(count as usize) as u64, base.min(tree.height()));
    }

    #[test]
    fn a_path_with_a_changed_bit_does_not_verify(
        count in 2_u64..300,
        index: prop::sample::Index,
        level: prop::sample::Index,
        byte in 0_usize..32,
        bit in 0_u32..8,
    ) {
        let tree = tree(count);
        let index = index.index(count as usize) as u64;
        let path = tree.path(index).unwrap();
        let mut flipped = path.clone();
        let level = level.index(path.siblings.len());
        let mut sibling = path.siblings[level].to_bytes();
        sibling[byte] ^= 1 << bit;
        flipped.siblings[level] = sibling.into();
        prop_assert!(!flipped.verify(&index.to_le_bytes(), &tree.root()));
        let mut turned = path;
        turned.sibling_is_right[level] ^= true;
        prop_assert!(!turned.verify(&index.to_le_bytes(), &tree.root()));
        turned.sibling_is_right.pop();
        prop_assert!(!turned.verify(&index.to_le_bytes(), &tree.root()));
    }
}
