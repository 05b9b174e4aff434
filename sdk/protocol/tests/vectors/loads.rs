//! Topic `loads`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use spacetime_protocol::{
    merkle::{self, TreeBuilder},
    plot::{LeafRangeError, PlotHeader, PlotHeaderError},
};

use crate::{
    common::{self, Answer, Case, Refusal},
    files::{bases, hex, patched, plot_and_cache},
};

const WRAPS: &str = "the reference's length wraps at 64 bits; no file can hold so many leaves";
const LEAF_SIZE: &str = "leaves of another size than 32 bytes can never be proven";
const PLOT_FILE: &str = "how a path is opened is the miner's; its own tests run these";
const CLOSED: &str = "a closed plot has no name in Rust";

#[test]
fn loads() {
    let exceptions = [
        ("load-leaf-count-2p59", WRAPS),
        ("load-leaf-count-3x2p58", WRAPS),
        ("load-leaf-size-2-count-max", WRAPS),
        ("load-leaf-size-2p30-count-2p34", WRAPS),
        ("read-wrapped-index-0", WRAPS),
        ("read-wrapped-2p60-index-2p59", WRAPS),
        ("read-range-count-sum-wraps", WRAPS),
        ("load-leaf-size-1", LEAF_SIZE),
        ("load-leaf-size-16", LEAF_SIZE),
        ("load-leaf-size-31", LEAF_SIZE),
        ("load-leaf-size-64-count-4", LEAF_SIZE),
        ("load-leaf-size-288-count-1", LEAF_SIZE),
        ("read-leaf-size-16-index-3", LEAF_SIZE),
        ("verify-leaf-size-16-own-root", LEAF_SIZE),
        ("verify-leaf-size-288-own-root", LEAF_SIZE),
        ("path-*", PLOT_FILE),
        ("read-after-close", CLOSED),
        ("verify-after-close", CLOSED),
    ];
    let bases = bases("loads", "plot_base");
    common::run("loads", 156, &exceptions, |case| answer(case, &bases));
}

fn answer(case: &Case, bases: &HashMap<String, Vec<u8>>) -> Answer {
    match &case.op[..] {
        "plot_base" => {
            let (file, ..) = plot_and_cache(case, 0);
            return Answer::Out(json!({ "file": hex(&file), "file_length": file.len() }));
        }
        "plot_load_path" | "read_leaf_after_close" | "verify_root_after_close" => {
            return Answer::Except;
        }
        _ => {}
    }
    let file = damaged(case, &bases[case.text("base").unwrap()]);
    let first = &file[..file.len().min(PlotHeader::SIZE)];
    match (PlotHeader::check_file(first, file.len() as u64), &case.op[..]) {
        (Err(error), op) => not_loaded(case, error, op),
        (Ok(header), "plot_load") => Answer::Out(json!({
            "leaf_count": header.leaf_count,
            "leaf_size": header.leaf_size,
            "tree_height": header.tree_height,
            "merkle_root": header.root,
            "plot_seed": header.seed,
        })),
        (Ok(header), "read_leaf") => read_leaf(case, &header, &file),
        (Ok(header), "read_leaves") => read_leaves(case, &header, &file),
        (Ok(header), "read_all") => {
            let leaves = read(&header, &file, 0, header.leaf_count);
            Answer::Out(json!({ "leaves": leaves.unwrap() }))
        }
        (Ok(header), "verify_root") => {
            Answer::Out(json!({ "valid": root_matches(&header, &file) }))
        }
        _ => case.unknown(),
    }
}

fn damaged(case: &Case, base: &[u8]) -> Vec<u8> {
    let mut file = patched(case, base.to_vec(), "patches");
    if case.flag("resealed") {
        let checksum = Sha256::digest(&file[..89]);
        file[89..121].copy_from_slice(&checksum);
    }
    file
}

/// A plot that we refuse: where the reference does so too, for the same reason.
fn not_loaded(case: &Case, error: PlotHeaderError, op: &str) -> Answer {
    let is_ours = match error {
        PlotHeaderError::Truncated { expected, .. } => expected.is_none(),
        PlotHeaderError::BadLeafSize { found } => found > 0,
        _ => false,
    };
    match &case.outcome {
        // Later uses of a plot that we never load: that we refuse it is all there is to compare.
        Err(_) if is_ours && op != "plot_load" => Answer::refused(error),
        Ok(_) if op == "verify_root" => match is_valid(case) {
            true if is_ours => Answer::Except,
            _ => Answer::Out(json!({ "valid": false })),
        },
        Ok(_) if is_ours => Answer::Except,
        Err(theirs) => Answer::Refused(refusal(&error, theirs)),
        Ok(_) => Answer::refused(error),
    }
}

fn is_valid(case: &Case) -> bool {
    case.outcome.as_ref().is_ok_and(|out| out.get("valid") == Some(&json!(true)))
}

fn refusal(error: &PlotHeaderError, theirs: &Map<String, Value>) -> Refusal {
    let (field, terms, numbers): (_, &'static [_], _) = match *error {
        PlotHeaderError::HeaderTooShort { actual } => (None, &["small"], vec![121, actual as i64]),
        PlotHeaderError::BadMagic => (None, &["magic"], vec![]),
        PlotHeaderError::UnsupportedVersion { found } => (None, &["version"], vec![found.into()]),
        PlotHeaderError::BadLeafCount { .. } => (Some("leaf_count"), &[], vec![]),
        PlotHeaderError::BadLeafSize { .. } => (Some("leaf_size"), &[], vec![]),
        PlotHeaderError::ChecksumMismatch => (None, &["checksum"], vec![]),
        PlotHeaderError::Truncated { expected, actual } => {
            // The length that it expects is not always kept.
            let is_kept =
                theirs.get("numbers").and_then(Value::as_array).is_some_and(|kept| kept.len() == 2);
            let numbers = expected.filter(|_| is_kept).into_iter().chain([actual]);
            (None, &["truncated"], numbers.map(|number| number as i64).collect())
        }
    };
    Refusal { error: error.to_string(), field, terms, numbers }
}

fn read(
    header: &PlotHeader,
    file: &[u8],
    start: u64,
    count: u64,
) -> Result<Vec<Value>, LeafRangeError> {
    let bytes = header.leaf_bytes(start, count)?;
    let leaves = file[bytes.start as usize..bytes.end as usize].chunks(header.leaf_size as usize);
    Ok(leaves.map(|leaf| hex(leaf).into()).collect())
}

fn read_leaf(case: &Case, header: &PlotHeader, file: &[u8]) -> Answer {
    let leaf = u64::try_from(case.int("index")).map(|index| read(header, file, index, 1));
    match leaf {
        Ok(Ok(leaf)) => Answer::Out(json!({ "leaf": leaf[0] })),
        _ => Answer::refused_field("leaf_index"),
    }
}

fn read_leaves(case: &Case, header: &PlotHeader, file: &[u8]) -> Answer {
    let Ok(start) = u64::try_from(case.int("start")) else {
        return Answer::refused_field("start_index");
    };
    // A negative count is as little a count as 0.
    let count = u64::try_from(case.int("count")).unwrap_or(0);
    match read(header, file, start, count) {
        Ok(leaves) => Answer::Out(json!({ "leaves": leaves })),
        Err(LeafRangeError::Start { .. }) => Answer::refused_field("start_index"),
        Err(LeafRangeError::Count { .. }) => Answer::refused_field("count"),
    }
}

fn root_matches(header: &PlotHeader, file: &[u8]) -> bool {
    let bytes = header.leaf_bytes(0, header.leaf_count).unwrap();
    let mut builder = TreeBuilder::new(0);
    for leaf in file[bytes.start as usize..bytes.end as usize].chunks(header.leaf_size as usize) {
        builder.push(merkle::leaf_hash(leaf), &mut |_, _| ());
    }
    builder.finish(&mut |_, _| ()) == Some(header.root)
}
