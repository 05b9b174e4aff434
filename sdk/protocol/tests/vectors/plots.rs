//! Topic `plots`.

use serde_json::{Value, json};
use spacetime_protocol::{
    NodeHash, PlotSeed,
    plot::{PlotHeader, PlotHeaderError},
};

use crate::{
    common::{self, Answer, Case},
    files::{hex, plot_and_cache, sha256},
};

const CREATOR: &str = "the plot creator's and the command line's; the miner's own tests run them";

#[test]
fn plots() {
    let exceptions = [
        ("header-serialize-before-checksum", "our headers have no state without a checksum"),
        ("config-*", CREATOR),
        ("progress-*", "percentages are the reference's; our plotter tells of leaves"),
        ("create-cancelled-*", CREATOR),
        ("create-minimum-with-cache", "its bytes are compared here; its files are the creator's"),
        ("create-cache-levels-zero", "its bytes are compared here; its files are the creator's"),
    ];
    common::run("plots", 57, &exceptions, answer);
}

fn answer(case: &Case) -> Answer {
    match &case.op[..] {
        "plot_file" => Answer::Out(plot_file(case)),
        "plot_header" => plot_header(case),
        "create_plot" => {
            created(case);
            Answer::Except
        }
        "plot_header_without_checksum"
        | "plot_configuration"
        | "plot_configuration_gb"
        | "progress"
        | "create_plot_cancelled" => Answer::Except,
        _ => case.unknown(),
    }
}

fn plot_file(case: &Case) -> Value {
    let (file, header, _) = plot_and_cache(case, 0);
    json!({
        "tree_height": header.tree_height,
        "merkle_root": header.root,
        "checksum": hex(&header.encode()[89..]),
        "header": hex(header.encode()),
        "file_length": file.len(),
        "file": hex(&file),
        "file_sha256": sha256(&file),
    })
}

fn plot_header(case: &Case) -> Answer {
    let Ok(seed) = PlotSeed::try_from(&case.bytes("plot_seed").unwrap_or_default()[..]) else {
        return Answer::refused_field("plot_seed");
    };
    let Ok(root) = NodeHash::try_from(&case.bytes("merkle_root").unwrap_or_default()[..]) else {
        return Answer::refused_field("merkle_root");
    };
    let Ok(leaf_count) = u64::try_from(case.int("leaf_count")) else {
        return Answer::refused_field("leaf_count");
    };
    let Ok(leaf_size) = u32::try_from(case.int("leaf_size")) else {
        return Answer::refused_field("leaf_size");
    };
    let tree_height = case.int("tree_height");
    let header = PlotHeader { seed, leaf_count, leaf_size, tree_height, root };
    let bytes = header.encode();
    match PlotHeader::decode(&bytes) {
        Ok(decoded) => Answer::Out(json!({
            "checksum": hex(&bytes[89..]),
            "header": hex(bytes),
            "checksum_verifies": decoded == header,
        })),
        Err(PlotHeaderError::BadLeafCount { .. }) => Answer::refused_field("leaf_count"),
        Err(PlotHeaderError::BadLeafSize { .. }) => Answer::refused_field("leaf_size"),
        Err(error) => Answer::refused(error),
    }
}

/// Compares what a creation leaves behind, byte for byte.
fn created(case: &Case) {
    let top_levels = if case.flag("include_cache") { case.int("cache_levels") } else { 0 };
    let mut case = Case {
        id: case.id.clone(),
        op: case.op.clone(),
        input: case.input.clone(),
        outcome: case.outcome.clone(),
        valid: None,
    };
    let leaf_count = case.int("plot_size_bytes") / 32;
    case.input.insert("leaf_count".to_owned(), leaf_count.into());
    let (file, header, cache) = plot_and_cache(&case, top_levels.try_into().unwrap());
    let ours = json!({
        "leaf_count": header.leaf_count,
        "tree_height": header.tree_height,
        "merkle_root": header.root,
        "header": hex(header.encode()),
        "file_length": file.len(),
        "file_sha256": sha256(&file),
        "cache_exists": cache.is_some(),
        "cache_length": cache.as_ref().map(Vec::len),
        "cache_sha256": cache.as_deref().map(sha256),
        "cache": cache.as_ref().map(hex),
    });
    let theirs = case.outcome.as_ref().expect("a creation that went well");
    for (name, theirs) in theirs {
        let is_creators = ["progress", "cache_reported", "files"].contains(&&name[..]);
        assert!(is_creators || ours[name] == *theirs, "{}: {name} is {}", case.id, ours[name]);
    }
}
