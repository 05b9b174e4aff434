//! Topic `merkle`.

use serde_json::{Value, json};
use spacetime_protocol::{
    Leaf, NodeHash,
    cache::CacheIndex,
    merkle::{self, MerklePath, PathError, Tree},
};

use crate::{
    common::{self, Answer, Case},
    files::{hex, leaves, patched, tree},
};

const STALE: &str = "a cache that cannot belong to the plot is not used; the path is the right one";
const HEIGHT: &str = "a path has no height beside the number of its siblings";

#[test]
fn merkle() {
    let exceptions = [
        ("bad-cache-relabelled-as-level-0", STALE),
        ("bad-cache-node-size-16", STALE),
        ("bad-cache-one-node-too-many-in-single-node-level", STALE),
        ("verify-height-negative", HEIGHT),
        ("verify-2-height-differs", HEIGHT),
        ("verify-5-height-differs", HEIGHT),
        ("verify-8-height-differs", HEIGHT),
        ("verify-13-height-differs", HEIGHT),
        ("verify-20-height-differs", HEIGHT),
    ];
    common::run("merkle", 295, &exceptions, answer);
}

fn answer(case: &Case) -> Answer {
    match &case.op[..] {
        "merkle_all_proofs" => all_proofs(case),
        "merkle_root" | "merkle_root_in_memory" => root(case),
        "merkle_proof" => proof(case),
        "all_proofs_with_cache_same" => all_proofs_with_cache(case),
        "proof_arguments" => proof_arguments(case),
        "proof_arguments_in_memory" => proof_arguments_in_memory(case),
        "merkle_verify" => verify(case),
        _ => case.unknown(),
    }
}

fn hashes(leaves: &[Leaf]) -> Vec<NodeHash> {
    leaves.iter().map(|leaf| merkle::leaf_hash(leaf.as_ref())).collect()
}

fn siblings(path: &MerklePath) -> Vec<String> {
    path.siblings.iter().map(hex).collect()
}

fn all_proofs(case: &Case) -> Answer {
    let leaves: Vec<_> = leaves(case).collect();
    let tree = Tree::new(hashes(&leaves)).unwrap();
    let proof = |(index, leaf): (usize, &Leaf)| {
        let path = tree.path(index as u64).unwrap();
        assert!(path.verify(leaf.as_ref(), &tree.root()));
        json!({
            "index": index,
            "siblings": siblings(&path),
            "sibling_is_right": path.sibling_is_right,
        })
    };
    Answer::Out(json!({
        "tree_height": tree.height(),
        "root": tree.root(),
        "proofs": leaves.iter().enumerate().map(proof).collect::<Vec<_>>(),
    }))
}

fn root(case: &Case) -> Answer {
    let leaves = case.byte_strings("leaves").unwrap();
    let hashes = leaves.iter().map(|leaf| merkle::leaf_hash(leaf)).collect();
    match Tree::new(hashes) {
        Some(tree) => Answer::Out(json!({
            "tree_height": tree.height(),
            "leaf_count": tree.level(0).len(),
            "root": tree.root(),
        })),
        None => Answer::refused("no leaves"),
    }
}

/// A plot with its cache file, whole or damaged, as a prover has them.
struct Plot {
    leaves: Vec<Leaf>,
    tree: Tree,
    cache: Option<(CacheIndex, Vec<u8>)>,
}

impl Plot {
    fn new(case: &Case) -> Self {
        let leaves: Vec<_> = leaves(case).collect();
        let cached = case.optional_int("cache_built_from_first_leaves");
        let cached = &leaves[..cached.map_or(leaves.len(), |count| count as usize)];
        let file = case.optional_int("cache_top_levels").and_then(|top_levels| {
            let top_levels = top_levels.try_into().unwrap();
            tree(hashes(cached).into_iter(), cached.len() as u64, top_levels).1
        });
        let cache = file.map(|file| {
            let file = patched(case, file, "cache_patches");
            (CacheIndex::parse(&file).unwrap(), file)
        });
        let tree = Tree::new(hashes(&leaves)).unwrap();
        Self { leaves, tree, cache }
    }

    fn leaf_count(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The cache, if it can belong to the plot.
    fn fitting_cache(&self) -> Option<&(CacheIndex, Vec<u8>)> {
        self.cache.as_ref().filter(|(index, _)| index.fits(self.leaf_count()))
    }

    /// A path from one subtree's leaves and the cache.
    fn path(&self, index: u64) -> MerklePath {
        let Some((cache, file)) = self.fitting_cache() else {
            return self.tree.path(index).unwrap();
        };
        let base = cache.levels[0].0;
        let range = merkle::subtree_leaves(self.leaf_count(), index, base).unwrap();
        let subtree = hashes(&self.leaves[range.start as usize..range.end as usize]);
        let node = |level, index| {
            let offset = cache.node_offset(level, index).ok_or((level, index))? as usize;
            Ok::<_, (u32, u64)>(NodeHash::try_from(&file[offset..offset + 32]).unwrap())
        };
        merkle::path_with(self.leaf_count(), index, base, subtree, node).unwrap()
    }

    /// Levels of a leaf's path for which the cache has the sibling or, without one, the node.
    fn cache_hits(&self, index: u64) -> usize {
        let Some((cache, _)) = self.fitting_cache() else { return 0 };
        let is_hit = |level: &u32| {
            let node = index >> level;
            cache.node_offset(*level, node ^ 1).or(cache.node_offset(*level, node)).is_some()
        };
        (0..merkle::height(self.leaf_count())).filter(is_hit).count()
    }
}

fn proof(case: &Case) -> Answer {
    let plot = Plot::new(case);
    let index = case.int("index") as u64;
    let leaf = plot.leaves[index as usize];
    let path = plot.path(index);
    let verifies = path.verify(leaf.as_ref(), &plot.tree.root());
    let is_stale = plot.cache.is_some() && plot.fitting_cache().is_none();
    let theirs_verifies =
        case.outcome.as_ref().is_ok_and(|out| out.get("verifies") != Some(&json!(false)));
    if is_stale && !theirs_verifies {
        assert!(verifies, "{}", case.id);
        return Answer::Except;
    }
    Answer::Out(json!({
        "leaf_index": index,
        "tree_height": plot.tree.height(),
        "leaf": leaf,
        "siblings": siblings(&path),
        "sibling_is_right": path.sibling_is_right,
        "root": plot.tree.root(),
        "verifies": verifies,
        "same_as_without_cache": Some(path) == plot.tree.path(index),
        "cache_hits": plot.cache_hits(index),
    }))
}

fn all_proofs_with_cache(case: &Case) -> Answer {
    let plot = Plot::new(case);
    let is_same = |index| Some(plot.path(index)) == plot.tree.path(index);
    Answer::Out(json!({
        "root": plot.tree.root(),
        "same_as_without_cache": (0..plot.leaf_count()).all(is_same),
    }))
}

/// A path from leaves that are read one after the other, at most as many as the tree has.
fn proof_arguments(case: &Case) -> Answer {
    let Ok(leaf_count @ 1..) = u64::try_from(case.int("leaf_count")) else {
        return Answer::refused_field("leaf_count");
    };
    let Ok(index) = u64::try_from(case.int("index")) else {
        return Answer::refused_field("leaf_index");
    };
    let mut input = case.input.clone();
    input.insert("leaf_count".to_owned(), case.value("stream_count").clone());
    let stream = Case {
        id: case.id.clone(),
        op: case.op.clone(),
        input,
        outcome: Err(<_>::default()),
        valid: None,
    };
    let leaves: Vec<_> = leaves(&stream).take(leaf_count as usize).collect();
    let no_node = |level, index| -> Result<NodeHash, (u32, u64)> { Err((level, index)) };
    match merkle::path_with(leaf_count, index, 64, hashes(&leaves), no_node) {
        Ok(path) => Answer::Out(json!({
            "leaf_index": index,
            "tree_height": merkle::height(leaf_count),
            "leaf": leaves[index as usize],
            "siblings": siblings(&path),
            "sibling_is_right": path.sibling_is_right,
        })),
        Err(PathError::NoSuchLeaf { .. }) => Answer::refused_field("leaf_index"),
        Err(error) => Answer::refused(error),
    }
}

fn proof_arguments_in_memory(case: &Case) -> Answer {
    let hashes = (0..case.int("leaf_count")).map(|index| merkle::leaf_hash(&index.to_le_bytes()));
    let tree = Tree::new(hashes.collect()).unwrap();
    match u64::try_from(case.int("index")).ok().and_then(|index| tree.path(index)) {
        Some(path) => Answer::Out(json!({
            "siblings": siblings(&path),
            "sibling_is_right": path.sibling_is_right,
        })),
        None => Answer::refused_field("leaf_index"),
    }
}

fn verify(case: &Case) -> Answer {
    let Some(leaf) = case.bytes("leaf") else { return Answer::refused_field("leaf_value") };
    let Some(root) = case.bytes("root") else { return Answer::refused_field("expected_root_hash") };
    if u64::try_from(case.int("leaf_index")).is_err() {
        return Answer::refused_field("leaf_index");
    }
    let Some(path) = path(case) else { return Answer::refused("siblings that are no hashes") };
    if path.siblings.len() != path.sibling_is_right.len() {
        // Nobody has to make such a path: it never verifies.
        assert!(!path.verify(&leaf, &path.root(&leaf)), "{}", case.id);
        return Answer::refused_field("sibling_is_right");
    }
    if case.int("tree_height") != path.siblings.len() as i64 {
        return Answer::Except;
    }
    // What is not 32 bytes long is no tree's root.
    let valid = NodeHash::try_from(&root[..]).is_ok_and(|root| path.verify(&leaf, &root));
    Answer::Out(json!({ "valid": valid }))
}

fn path(case: &Case) -> Option<MerklePath> {
    let sibling = |text: &Value| text.as_str()?.parse().ok();
    let is_right = case.value("sibling_is_right").as_array()?.iter();
    Some(MerklePath {
        siblings: case.value("siblings").as_array()?.iter().map(sibling).collect::<Option<_>>()?,
        sibling_is_right: is_right.map(Value::as_bool).collect::<Option<_>>()?,
    })
}
