//! Topic `caches`.

use std::collections::HashMap;

use serde_json::{Value, json};
use spacetime_protocol::cache::{CacheError, CacheIndex};

use crate::{
    common::{self, Answer, Case, Refusal},
    files::{bases, hex, patched, plot_and_cache, sha256},
};

#[test]
fn caches() {
    let exceptions = [
        (
            "config-*",
            "a cache lies beside its plot; the command line, which is tested, takes no negative levels",
        ),
        ("build-2-levels-5-over-old-file", "what becomes of an older file is the plot creator's"),
    ];
    let bases = bases("caches", "cache_base");
    common::run("caches", 231, &exceptions, |case| answer(case, &bases));
}

fn answer(case: &Case, bases: &HashMap<String, Vec<u8>>) -> Answer {
    match &case.op[..] {
        "cache_build" => build(case),
        "cache_base" => {
            let (.., cache) = plot_and_cache(case, top_levels(case));
            let cache = cache.unwrap();
            Answer::Out(json!({ "file": hex(&cache), "file_length": cache.len() }))
        }
        "cache_load" => load(case, bases),
        "cache_configuration" => Answer::Except,
        _ => case.unknown(),
    }
}

fn top_levels(case: &Case) -> u32 {
    case.int("top_levels").try_into().unwrap()
}

fn build(case: &Case) -> Answer {
    let (_, header, cache) = plot_and_cache(case, top_levels(case));
    if cache.is_none() && case.text("previous_file").is_some() {
        return Answer::Except;
    }
    let mut out = json!({
        "tree_height": header.tree_height,
        "merkle_root": header.root,
        "hash_name": "SHA-256",
        "file_created": cache.is_some(),
    });
    if let Some(cache) = cache {
        assert_eq!(CacheIndex::parse(&cache).map(|index| index.fits(header.leaf_count)), Ok(true));
        out["file"] = hex(&cache).into();
        out["file_length"] = cache.len().into();
        out["file_sha256"] = sha256(&cache).into();
    }
    Answer::Out(out)
}

fn load(case: &Case, bases: &HashMap<String, Vec<u8>>) -> Answer {
    let file = match case.text("base") {
        Some(base) => Some(bases[base].clone()),
        None => case.bytes("file"),
    };
    let Some(file) = file else { return Answer::refused_field("data") };
    let file = patched(case, file, "patches");
    match (CacheIndex::parse(&file), &case.outcome) {
        (Ok(index), _) => Answer::Out(loaded(&index, &file)),
        // 2^31 levels wrap at 32 bits in the reference, which then blames the
        // levels; here there are too few of them.
        (Err(error @ CacheError::LevelCountMismatch), _) => Answer::refused(error),
        (Err(error), theirs) => {
            // A node count that wraps has no argument to blame.
            let is_argument = theirs.as_ref().is_err_and(|theirs| theirs.contains_key("field"));
            let field = is_argument.then(|| field(error));
            Answer::Refused(Refusal { error: error.to_string(), field, ..Refusal::default() })
        }
    }
}

/// The argument that the reference blames.
fn field(error: CacheError) -> &'static str {
    match error {
        CacheError::BlankName => "hash_function_name",
        CacheError::EndLevelNotBelowHeight => "end_level",
        CacheError::MissingLevel => "levels",
        _ => "data",
    }
}

fn loaded(index: &CacheIndex, file: &[u8]) -> Value {
    let level = |(level, count, first): &(u32, u64, u64)| {
        let bytes = *count as usize * index.hash_size as usize;
        let nodes = &file[*first as usize..*first as usize + bytes];
        assert_eq!(index.node_offset(*level, 0), (*count > 0).then_some(*first));
        assert_eq!(index.node_offset(*level, *count), None);
        json!({ "level": level, "node_count": count, "nodes_sha256": sha256(nodes) })
    };
    json!({
        "tree_height": index.tree_height,
        "hash_name": index.hash_name,
        "hash_size": index.hash_size,
        "start_level": index.levels.first().map(|(level, ..)| level),
        "end_level": index.levels.last().map(|(level, ..)| level),
        "levels": index.levels.iter().map(level).collect::<Vec<_>>(),
    })
}
