//! What a call into a plugin costs, in a real dynamic library, as the host
//! makes it: with the handle's checks of what comes back.
//!
//! `cargo bench -p spacetime-tests --bench crossing` measures; with `-- --test`
//! each runs once.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{hint::black_box, sync::atomic::AtomicBool};

use divan::{Bencher, counter::ItemsCount};
use spacetime_sdk_loader::{Engine, Library, Policy, Strategy, abi::Span};
use spacetime_sdk_testing::{Recorder, block, candidate, job, plot, request};
use spacetime_tests::artifacts::plugin;

/// Spans per call.
const SPANS: usize = 256;

/// Leaves of a plot that no plan here comes to the end of.
const ENDLESS: u64 = 1 << 50;

/// Candidates per call.
const CANDIDATES: u64 = 1000;

fn main() {
    divan::main();
}

fn load(package: &str) -> Library {
    Library::load(&plugin(package), Recorder::new(0)).unwrap()
}

/// A plan that never ends, in spans of one leaf.
#[divan::bench(sample_size = 100)]
fn strategy_plans_256_spans(bencher: Bencher<'_, '_>) {
    let library = load("spacetime-strategy-sampling");
    let config = "(sample_size: 2147483647)";
    let mut strategy = Strategy::open(&library, &request("sampling", config)).unwrap();
    let (cancel, mut spans) = (AtomicBool::new(false), vec![Span::default(); SPANS]);
    let plot = plot(ENDLESS);
    strategy.begin(&job(&cancel), &plot).unwrap();
    bencher.bench_local(|| {
        let (written, done) = strategy.plan(&mut spans, &cancel, ENDLESS).unwrap();
        if done {
            strategy.begin(&job(&cancel), &plot).unwrap();
        }
        assert!(written == SPANS || done);
        black_box(&mut spans);
    });
}

/// Without leaves, so that nothing but the call is measured.
#[divan::bench(sample_size = 1000)]
fn engine_scans_no_leaf(bencher: Bencher<'_, '_>) {
    let library = load("spacetime-violating");
    let engine = Engine::open(&library, &request("honest", "()")).unwrap();
    let cancel = AtomicBool::new(false);
    let (challenge, bound) = ([7; 32], [0xFF; 32]);
    bencher.bench_local(|| engine.scan(black_box(&challenge), &[], &bound, &cancel).unwrap());
}

/// One that looks at none, and one that sorts them all by what they pay.
#[divan::bench(args = ["empty", "fee-priority"])]
fn policy_chooses_from_1000_candidates(bencher: Bencher<'_, '_>, name: &str) {
    let library = load(&format!("spacetime-policy-{name}"));
    let mut policy = Policy::open(&library, &request(name, "()")).unwrap();
    // Four of each sender, as many fees as there are candidates.
    let candidates: Vec<_> = (0..CANDIDATES)
        .map(|number| candidate((number / 4) as u8, number % 4 + 1, number * 7919 % 1000))
        .collect();
    let block = block(1000);
    bencher
        .counter(ItemsCount::new(CANDIDATES))
        .bench_local(|| policy.select(&block, black_box(&candidates)).unwrap().unwrap().len());
}
