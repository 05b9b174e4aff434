//! The reference's index lists (`scans`), from the built strategy plugins,
//! through the loader.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../sdk/protocol/tests/common/mod.rs"]
mod common;

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, atomic::AtomicBool},
};

use common::{Answer, Case, Refusal};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use spacetime_sdk_loader::{Fault, Library, Strategy, abi::Span};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{Recorder, job, open_strategy, plot},
};

/// The longest list that the fixture has in full.
const LISTED: usize = 48;

/// How many of the positions where exact arithmetic differs the fixture has.
const DIFFERENCES: usize = 6;

/// The reference counts blocks as `(N + B - 1) / B` in 64 bits, which wraps.
const WRAPS: &str = "the reference's number of blocks overflows to none; ours does not";
const EXCEPTIONS: [(&str, &str); 3] =
    [("blocks-max", WRAPS), ("blocks-count-max", WRAPS), ("blocks-wrap-edge-over", WRAPS)];

#[test]
fn the_strategies_plan_what_the_reference_plans() {
    let plugins = Plugins::load();
    common::run("scans", 300, &EXCEPTIONS, |case| match answer(&plugins, case) {
        Ok(Some(out)) => Answer::Out(out),
        Ok(None) => Answer::Except,
        Err(fault) => Answer::Refused(Refusal {
            field: Some(reference_field(&fault)),
            error: fault.to_string(),
            ..Refusal::default()
        }),
    });
}

/// The three plugins, each in a copy of its own, so that what it logs is ours.
struct Plugins {
    libraries: HashMap<&'static str, (Library, Arc<Recorder>)>,
    _copies: tempfile::TempDir,
}

impl Plugins {
    fn load() -> Self {
        let copies = tempfile::tempdir().unwrap();
        let libraries = ["full", "sampling", "cache-friendly"].map(|name| {
            let copy = copies.path().join(format!("{name}.so"));
            fs::copy(plugin(&format!("spacetime-strategy-{name}")), &copy).unwrap();
            let host = Recorder::new(4);
            (name, (Library::load(&copy, host.clone()).unwrap(), host))
        });
        Self { libraries: libraries.into(), _copies: copies }
    }

    /// Opens a strategy; with what it logs about itself when it is opened.
    fn open(&self, name: &str, config: &str) -> Result<(Strategy, String), Fault> {
        let (library, host) = &self.libraries[name];
        let strategy = open_strategy(library, name, config)?;
        let (_, _, line) = host.told().logs.pop().expect("a strategy says what it is");
        Ok((strategy, line))
    }
}

/// Our answer; none where the reference wraps, and ours was checked here.
fn answer(plugins: &Plugins, case: &Case) -> Result<Option<Value>, Fault> {
    let (name, config) = component(case);
    let (mut strategy, line) = plugins.open(name, &config)?;
    if let Some(block_size) = described(&line)["block_size"].as_u64()
        && case.op != "strategy"
        && leaves(case) <= i64::MAX as u64
        && leaves(case) + block_size - 1 > i64::MAX as u64
    {
        assert_plans_blocks(&mut strategy, &described(&line), leaves(case));
        return Ok(None);
    }
    let out = match &*case.op {
        "strategy" => described(&line),
        "scan" => scan(&mut strategy, &line, leaves(case))?,
        "scan_head" => json!({ "first_8": indices(&mut strategy, leaves(case), Some(8))? }),
        "scan_count" => json!({ "scan_count": strategy.estimate(&plot(leaves(case)))? }),
        _ => case.unknown(),
    };
    Ok(Some(out))
}

/// What the reference's rule says where its arithmetic fails: the sample of
/// every whole block, and of the rest.
fn assert_plans_blocks(strategy: &mut Strategy, shape: &Value, leaf_count: u64) {
    let [size, samples] =
        ["block_size", "leaves_per_block"].map(|name| shape[name].as_u64().unwrap());
    let count = leaf_count / size * samples + samples.min(leaf_count % size);
    assert_eq!(strategy.estimate(&plot(leaf_count)).unwrap(), count);
    let first = indices(strategy, leaf_count, Some(2)).unwrap();
    assert_eq!(first, [0, size / samples]);
}

/// Our component for the reference's strategy, and its config.
fn component(case: &Case) -> (&'static str, String) {
    let strategy = case.value("strategy");
    let number = |name: &str| strategy[name].as_i64().expect("the parameter is a number");
    match strategy["type"].as_str().expect("the strategy has a type") {
        "full" => ("full", "()".to_owned()),
        "sampling" => ("sampling", format!("(sample_size: {})", number("sample_size"))),
        "cache_friendly" => (
            "cache-friendly",
            format!(
                "(block_size: {}, leaves_per_block: {})",
                number("block_size"),
                number("leaves_per_block")
            ),
        ),
        "cache_friendly_default" => ("cache-friendly", "()".to_owned()),
        "l2" => ("cache-friendly", "(preset: L2)".to_owned()),
        "l3" => ("cache-friendly", "(preset: L3)".to_owned()),
        "cache_sampling_default" => ("cache-friendly", "(preset: Sampling())".to_owned()),
        "cache_sampling" => (
            "cache-friendly",
            format!("(preset: Sampling(samples_per_block: {}))", number("samples_per_block")),
        ),
        other => panic!("{}: unknown strategy {other}", case.id),
    }
}

/// Negative counts cannot be said across our boundary; their bits can, and
/// make a number that is too large.
fn leaves(case: &Case) -> u64 {
    case.int("total_leaves").cast_unsigned()
}

/// The reference's name for what we refused.
fn reference_field(fault: &Fault) -> &'static str {
    match fault.field.rsplit('.').next().unwrap_or_default() {
        "leaf_count" => "total_leaves",
        "sample_size" => "sample_size",
        "block_size" => "block_size",
        "leaves_per_block" => "leaves_per_block",
        "samples_per_block" => "samples_per_block",
        _ => panic!("the reference has no counterpart of {fault:?}"),
    }
}

/// `Name(...) parameter=value ...`, as a strategy logs it.
fn described(line: &str) -> Value {
    let mut words = line.split(' ');
    let mut out = Map::new();
    out.insert("name".to_owned(), words.next().into());
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        out.insert(name.to_owned(), value.parse::<u64>().unwrap().into());
    }
    out.into()
}

fn scan(strategy: &mut Strategy, line: &str, leaf_count: u64) -> Result<Value, Fault> {
    let all = indices(strategy, leaf_count, None)?;
    let mut out = json!({
        "name": described(line)["name"],
        "scan_count": strategy.estimate(&plot(leaf_count))?,
        "count": all.len(),
        "exact_differs_at": exact_differs_at(&all, leaf_count),
    });
    if all.len() <= LISTED {
        out["indices"] = json!(all);
    } else {
        out["first_8"] = json!(all[..8]);
        out["last_8"] = json!(all[all.len() - 8..]);
        let mut hash = Sha256::new();
        all.iter().for_each(|index| hash.update(index.to_le_bytes()));
        out["indices_sha256"] = const_hex::encode(hash.finalize()).into();
    }
    Ok(out)
}

/// The first positions where `floor(i * N / s)` is another index.
fn exact_differs_at(all: &[u64], leaf_count: u64) -> Vec<usize> {
    let exact = |position: usize| position as u128 * u128::from(leaf_count) / all.len() as u128;
    let differ = |position: &usize| u128::from(all[*position]) != exact(*position);
    (0..all.len()).filter(differ).take(DIFFERENCES).collect()
}

/// The leaves that a strategy plans, in order; only the first `limit` if given.
fn indices(
    strategy: &mut Strategy,
    leaf_count: u64,
    limit: Option<usize>,
) -> Result<Vec<u64>, Fault> {
    let cancel = AtomicBool::new(false);
    strategy.begin(&job(&cancel), &plot(leaf_count))?;
    let limit = limit.unwrap_or(usize::MAX);
    let mut all = Vec::new();
    let mut buffer = [Span::default(); 1024];
    loop {
        let (written, done) = strategy.plan(&mut buffer, &cancel, leaf_count)?;
        let spans = buffer[..written].iter();
        let leaves = spans.flat_map(|span| span.start..span.start + span.len);
        all.extend(leaves.take(limit - all.len()));
        if done || all.len() >= limit {
            return Ok(all);
        }
    }
}
