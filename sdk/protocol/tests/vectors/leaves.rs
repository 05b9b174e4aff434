//! Topic `leaves`.

use serde_json::json;
use spacetime_protocol::{Leaf, PlotKey, PlotSeed, plot};

use crate::{
    common::{self, Answer, Case},
    files::{hex, sha256},
};

#[test]
fn leaves() {
    common::run("leaves", 81, &[], answer);
}

fn answer(case: &Case) -> Answer {
    let Ok(key) = PlotKey::try_from(&case.bytes("miner_public_key").unwrap_or_default()[..]) else {
        return Answer::refused_field("miner_public_key");
    };
    let Ok(seed) = PlotSeed::try_from(&case.bytes("plot_seed").unwrap_or_default()[..]) else {
        return Answer::refused_field("plot_seed");
    };
    match &case.op[..] {
        "leaf" => match u64::try_from(case.int("nonce")) {
            Ok(nonce) => Answer::Out(json!({ "leaf": plot::leaf(&key, &seed, nonce) })),
            Err(_) => Answer::refused_field("nonce"),
        },
        "leaf_range" => range(case, &key, &seed),
        _ => case.unknown(),
    }
}

fn range(case: &Case, key: &PlotKey, seed: &PlotSeed) -> Answer {
    let Ok(start) = u64::try_from(case.int("start_nonce")) else {
        return Answer::refused_field("start_nonce");
    };
    let Ok(count @ 1..) = u64::try_from(case.int("count")) else {
        return Answer::refused_field("count");
    };
    // Numbers end at 2^63 - 1.
    if i64::try_from(start + count - 1).is_err() {
        return Answer::refused("nonces past 2^63 - 1");
    }
    let leaves: Vec<Leaf> =
        (start..start + count).map(|index| plot::leaf(key, seed, index)).collect();
    let bytes = leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect::<Vec<_>>();
    Answer::Out(json!({
        "leaves": leaves.iter().map(hex).collect::<Vec<_>>(),
        "leaves_length": bytes.len(),
        "leaves_sha256": sha256(&bytes),
    }))
}
