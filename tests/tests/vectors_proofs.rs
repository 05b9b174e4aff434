//! The reference's proofs (`proofs`): plots on disk, the scanner that mines,
//! the built strategy plugins.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../sdk/protocol/tests/common/mod.rs"]
mod common;

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{Answer, Case, Refusal};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spacetime_core::{
    manifest::ConfigText,
    plots::{CacheLevels, CreateSpec, PlotFile, cache_path_beside, create},
    plugin::{Fate, FaultObserver, Shelf, find_strategies, trust::Gate},
    proof::prove,
    scan::{
        Found, Hasher, LeafSource, LimitError, Limits, Outcome, Planner, ScanSpec, Scanner,
        scan_once,
    },
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{
    Challenge, Score, Target,
    score::{is_under, score},
};
use spacetime_sdk_loader::Fault;
use spacetime_tests::artifacts::{plugin, target_folder};

const ABSENT: &str = "an absent argument cannot be said in Rust";
const DAMAGED: &str = "the plot does not have the root of its header: the reference gives a proof that leads \
     elsewhere (D32), we refuse";
const STALE: &str = "the reference gives up on a cache that does not fit, or follows it to a wrong \
                     root; we do without it";
const ANYTIME: &str = "a cancelled scan of ours keeps its best leaf so far (D15)";
const OTHER_LENGTH: &str = "a score of ours has 32 bytes";

const EXCEPTIONS: &[(&str, &str)] = &[
    ("null-*", ABSENT),
    ("challenge-null", ABSENT),
    ("multi-null-plot", ABSENT),
    ("cancelled", ANYTIME),
    ("multi-cancelled", ANYTIME),
    ("wrong-root-in-header", DAMAGED),
    ("fewer-leaves-in-header", DAMAGED),
    ("changed-leaf", DAMAGED),
    ("equal-leaves", DAMAGED),
    ("equal-best-leaves", DAMAGED),
    ("cache-magic-wrong", STALE),
    ("cache-node-changed", STALE),
    ("cache-empty-file", STALE),
    ("multi-bad-cache", STALE),
    ("quality-empty-1", OTHER_LENGTH),
    ("quality-one-zero-byte-9", OTHER_LENGTH),
    ("compare-prefix", OTHER_LENGTH),
    ("compare-longer", OTHER_LENGTH),
    ("compare-empty", OTHER_LENGTH),
    ("compare-empty-and-one", OTHER_LENGTH),
    ("compare-short-larger", OTHER_LENGTH),
];

#[test]
fn proofs_are_those_of_the_reference() {
    let folder = plugin("spacetime-strategy-full").parent().unwrap().to_owned();
    common::run("proofs", 254, EXCEPTIONS, |case| match &*case.op {
        "generate_proof" => one(&folder, case),
        "generate_proof_multi" => several(&folder, case),
        "generate_proof_null" => Answer::Except,
        "meets_quality_threshold" => meets(case),
        "score_compare" => compare(case),
        "scanning_configuration" => configuration(case),
        _ => case.unknown(),
    });
}

/// A plot on disk.
struct Made {
    plot: Arc<PlotFile>,
    /// Whether its leaves were changed, so that its root is not theirs.
    is_patched: bool,
    has_patched_cache: bool,
}

fn one(plugins: &Path, case: &Case) -> Answer {
    let challenge = match challenge(case) {
        Ok(challenge) => challenge,
        Err(answer) => return answer,
    };
    let folder = tempfile::tempdir().unwrap();
    let made = match make(case.value("plot"), &folder.path().join("a.plot")) {
        Ok(made) => made,
        Err(error) => return Answer::refused(error),
    };
    let outcome = scan(plugins, case, challenge, std::slice::from_ref(&made));
    if let Some((_, error)) = outcome.failed_plots.first() {
        return Answer::refused(error);
    }
    if case.value("cancelled") == true {
        return cancelled(challenge, &outcome);
    }
    proven(case, challenge, &[made], outcome.best.as_ref())
}

fn several(plugins: &Path, case: &Case) -> Answer {
    if case.value("null_plots_added") != &Value::Null {
        return Answer::Except;
    }
    let plots = case.value("plots").as_array().unwrap();
    let challenge = match challenge(case) {
        Ok(challenge) => challenge,
        // Which of two mistakes is named first is no rule.
        Err(_) if plots.is_empty() => return Answer::refused_field("options"),
        Err(answer) => return answer,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |number| folder.path().join(format!("{number}.plot"));
    let made: Vec<(usize, Made)> = plots
        .iter()
        .enumerate()
        .filter_map(|(number, plot)| Some((number, make(plot, &path(number)).ok()?)))
        .collect();
    let (numbers, made): (Vec<usize>, Vec<Made>) = made.into_iter().unzip();
    if case.value("cancelled") == true {
        return cancelled(challenge, &scan(plugins, case, challenge, &made));
    }
    let best = best_of(plugins, case, challenge, &made);
    if plots.is_empty() {
        assert_eq!(best, None);
        return Answer::refused_field("options");
    }
    match proven(case, challenge, &made, best.as_ref()) {
        Answer::Out(mut out) => {
            out["plot"] = best.map(|found| numbers[found.plot]).into();
            Answer::Out(out)
        }
        other => other,
    }
}

/// Where the reference was cancelled before it began, all that is missing is
/// the time.
fn cancelled(challenge: Challenge, outcome: &Outcome) -> Answer {
    let best = outcome.best.as_ref().unwrap();
    assert_eq!(score(&challenge, &best.leaf), best.score);
    Answer::Except
}

/// The reference's early end is each plot's own; ours is one scan's.
fn best_of(plugins: &Path, case: &Case, challenge: Challenge, made: &[Made]) -> Option<Found> {
    if !limits(case).unwrap().early_termination() {
        return scan(plugins, case, challenge, made).best;
    }
    let alone = |(plot, made): (usize, &Made)| {
        let found = scan(plugins, case, challenge, std::slice::from_ref(made)).best?;
        Some(Found { plot, ..found })
    };
    made.iter().enumerate().filter_map(alone).min_by_key(|found| found.score)
}

fn challenge(case: &Case) -> Result<Challenge, Answer> {
    let text = case.text("challenge").ok_or(Answer::Except)?;
    text.parse().map_err(|error| {
        Answer::Refused(Refusal {
            error: format!("{error}"),
            field: Some("challenge"),
            numbers: vec![32],
            ..Refusal::default()
        })
    })
}

fn make(plot: &Value, target: &Path) -> Result<Made, spacetime_core::plots::PlotError> {
    let bytes = |name: &str| -> [u8; 32] {
        const_hex::decode(plot[name].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let levels = plot["cache_top_levels"].as_u64().unwrap_or(0);
    let spec = CreateSpec {
        target: target.to_owned(),
        key: bytes("miner_public_key").into(),
        seed: Some(bytes("plot_seed").into()),
        leaf_count: plot["leaf_count"].as_u64().unwrap(),
        cache_levels: CacheLevels::Top(u32::try_from(levels).unwrap()),
        memory: 1 << 20,
    };
    create(&spec, &()).unwrap();
    let is_patched = patch(target, &plot["patches"]);
    if plot["resealed"] == true {
        reseal(target);
    }
    let has_patched_cache = patch(&cache_path_beside(target), &plot["cache_patches"]);
    let plot = Arc::new(PlotFile::open(target)?);
    Ok(Made { plot, is_patched, has_patched_cache })
}

/// Applies changes to a file; whether there were any.
fn patch(file: &Path, patches: &Value) -> bool {
    let Some(patches) = patches.as_array() else { return false };
    let mut bytes = fs::read(file).unwrap();
    for patch in patches {
        if let Some(len) = patch["truncate"].as_u64() {
            bytes.truncate(usize::try_from(len).unwrap());
            continue;
        }
        let new = const_hex::decode(patch["bytes"].as_str().unwrap()).unwrap();
        let at = usize::try_from(patch["offset"].as_u64().unwrap()).unwrap();
        bytes.resize(bytes.len().max(at + new.len()), 0);
        bytes[at..at + new.len()].copy_from_slice(&new);
    }
    fs::write(file, bytes).unwrap();
    true
}

/// Makes a header's checksum right again.
fn reseal(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let checksum = Sha256::digest(&bytes[..89]);
    bytes[89..121].copy_from_slice(&checksum);
    fs::write(file, bytes).unwrap();
}

fn scan(plugins: &Path, case: &Case, challenge: Challenge, made: &[Made]) -> Outcome {
    let limits = limits(case).unwrap();
    let spec = ScanSpec {
        stop: limits.stop(),
        leaves_per_plot: limits.leaves_per_plot(),
        ..ScanSpec::lone(1, challenge)
    };
    let (name, config) = component(case.value("strategy"));
    let folders = [PathBuf::from(plugins)];
    let config = ConfigText::given(&config, "the case");
    let gate = Gate::without_manifest(&folders, Some(target_folder().join("test-plugin-cache")));
    let shelf = Shelf { manifest: None, folders: &folders, gate: &gate };
    let (strategies, _) = find_strategies(name, name, config, shelf, Arc::new(Loud)).unwrap();
    let hasher = Hasher::new(Kernels::detect(), None);
    let two = NonZeroUsize::new(2).unwrap();
    let scanner = Scanner::new(Planner::new(strategies), hasher, two, Some(two)).unwrap();
    let sources = made.iter().map(|made| made.plot.clone() as Arc<dyn LeafSource>).collect();
    let outcome = scan_once(&scanner, spec, sources);
    assert!(outcome.faults.is_empty(), "{}: {:?}", case.id, outcome.faults);
    outcome
}

/// Our component for the reference's strategy, and its config.
fn component(strategy: &Value) -> (&'static str, String) {
    let number = |name: &str| strategy[name].as_u64().unwrap();
    match strategy["type"].as_str().unwrap() {
        "full" => ("full", "()".to_owned()),
        "sampling" => ("sampling", format!("(sample_size: {})", number("sample_size"))),
        "cache_friendly" => {
            let (size, leaves) = (number("block_size"), number("leaves_per_block"));
            ("cache-friendly", format!("(block_size: {size}, leaves_per_block: {leaves})"))
        }
        "l2" => ("cache-friendly", "(preset: L2)".to_owned()),
        "cache_sampling" => {
            let samples = number("samples_per_block");
            ("cache-friendly", format!("(preset: Sampling(samples_per_block: {samples}))"))
        }
        other => panic!("unknown strategy {other}"),
    }
}

fn limits(case: &Case) -> Result<Limits, LimitError> {
    match case.value("config") {
        Value::Null => Ok(Limits::default()),
        config => limits_of(config),
    }
}

fn limits_of(config: &Value) -> Result<Limits, LimitError> {
    let number = |name: &str| config[name].as_i64();
    match config["preset"].as_str() {
        Some("default") => Ok(Limits::default()),
        Some("fast") => Limits::fast(number("quality_threshold_bits")),
        Some("limited") => Limits::limited(number("max_leaves").unwrap()),
        Some(other) => panic!("unknown preset {other}"),
        None if config.as_object().unwrap().is_empty() => Ok(Limits::default()),
        None => Limits::new(
            config["enable_early_termination"].as_bool().unwrap(),
            number("quality_threshold_bits").unwrap(),
            number("max_leaves_to_scan").unwrap_or(0),
        ),
    }
}

/// The proof, checked, in the reference's words.
fn proven(case: &Case, challenge: Challenge, made: &[Made], best: Option<&Found>) -> Answer {
    let Some(found) = best else { return Answer::Out(json!({ "nothing": true })) };
    let Made { plot, is_patched, has_patched_cache } = &made[found.plot];
    assert_eq!(score(&challenge, &found.leaf), found.score);
    let proof = match prove(plot, found.leaf_index, &found.leaf) {
        Ok(proof) => proof,
        Err(error) => {
            assert!(is_patched, "{error}");
            return found_alike(case, found);
        }
    };
    let root = plot.header().root;
    assert_eq!(proof.path.root(found.leaf.as_bytes()), root);
    if *has_patched_cache {
        return found_alike(case, found);
    }
    Answer::Out(json!({
        "leaf_index": found.leaf_index,
        "leaf": found.leaf,
        "score": found.score,
        "merkle_root": root,
        "challenge": challenge,
        "siblings": proof.path.siblings,
        "sibling_is_right": proof.path.sibling_is_right,
    }))
}

/// An exception of the path only: the leaf is the reference's all the same.
fn found_alike(case: &Case, found: &Found) -> Answer {
    // Of several plots, the reference leaves out one whose cache does not fit.
    if let Ok(theirs) = &case.outcome
        && case.op == "generate_proof"
    {
        let ours =
            json!({ "leaf_index": found.leaf_index, "leaf": found.leaf, "score": found.score });
        let same = |name: &str| theirs.get(name) == ours.get(name);
        assert!(["leaf_index", "leaf", "score"].into_iter().all(same), "{}: {ours}", case.id);
    }
    Answer::Except
}

fn meets(case: &Case) -> Answer {
    let Ok(score) = case.text("score").unwrap().parse::<Score>() else { return Answer::Except };
    let early = case.flag("enable_early_termination");
    let limits = Limits::new(early, case.int("quality_threshold_bits"), 0).unwrap();
    Answer::Out(json!({ "stops": limits.ends_at(&score) }))
}

fn compare(case: &Case) -> Answer {
    let (a, b) = (case.text("a").unwrap(), case.text("b").unwrap());
    let (Ok(a), Ok(b)) = (a.parse::<Score>(), b.parse::<Score>()) else { return Answer::Except };
    let target = Target::new(b.to_bytes());
    Answer::Out(json!({ "order": a.cmp(&b) as i8, "a_below_target_b": is_under(&a, &target) }))
}

fn configuration(case: &Case) -> Answer {
    match limits_of(&Value::Object(case.input.clone())) {
        Ok(limits) => Answer::Out(json!({
            "enable_early_termination": limits.early_termination(),
            "quality_threshold_bits": limits.threshold_bits(),
            "max_leaves_to_scan": limits.max_leaves(),
        })),
        Err(LimitError::ThresholdBits(_)) => Answer::refused_field("quality_threshold_bits"),
        Err(LimitError::MaxLeaves(_)) if case.text("preset").is_some() => {
            Answer::refused_field("max_leaves")
        }
        Err(LimitError::MaxLeaves(_)) => Answer::refused_field("max_leaves_to_scan"),
    }
}

/// No strategy may fail here.
struct Loud;

impl FaultObserver for Loud {
    fn fault(&self, component: &str, fault: &Fault, _: &Fate) {
        panic!("{component}: {fault}");
    }
}
