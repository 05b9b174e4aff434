//! How many times as fast as `sha2` one hash at a time every kernel is that this processor runs,
//! on one thread: what we quote.
//!
//! What is compared runs in turns, so that what else the machine does slows both; of the ratios,
//! and of the times, the median is printed. `cargo bench -p spacetime-kernels --bench ratios`
//! measures; with `-- --test` each runs once.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use spacetime_kernels::Kernels;

/// Leaves per turn: a subtree, as plotting hashes it. They stay in the second-level cache.
const COUNT: usize = 1 << SUBTREE_HEIGHT;
/// Leaves of a subtree, as plotting hashes them.
const SUBTREE_HEIGHT: u32 = 12;
/// Turns of each.
const TURNS: usize = 101;
const CHALLENGE: [u8; 32] = [0x5A; 32];
const KEY: [u8; 32] = [0xA5; 32];
const SEED: [u8; 32] = [0x3C; 32];

fn main() {
    let turns = if std::env::args().any(|argument| argument == "--test") { 1 } else { TURNS };
    let mut leaves = vec![0; 32 * COUNT];
    Kernels::detect().generate(&KEY, &SEED, 0, &mut leaves);
    println!("{:<8} {:<16} {:>10} {:>10} {:>7}", "what", "kernels", "sha2 M/s", "M/s", "times");
    for kernels in Kernels::all() {
        let compare = |what: &str, plain: &dyn Fn(), ours: &dyn Fn()| {
            let (plain, ours, ratio) = medians(turns, plain, ours);
            let name = kernels.name();
            println!("{what:<8} {name:<16} {plain:>10.1} {ours:>10.1} {ratio:>7.2}");
        };
        compare("score", &|| scan_plainly(&leaves), &|| {
            black_box(kernels.scan(&CHALLENGE, black_box(&leaves), &[0xFF; 32]));
        });
        compare("plot", &|| plot_plainly(), &|| plot(&kernels));
    }
}

/// Millions of leaves a second of both, and how many times as fast the second is.
fn medians(turns: usize, plain: &dyn Fn(), ours: &dyn Fn()) -> (f64, f64, f64) {
    let mut times: Vec<_> = (0..turns).map(|_| (time(plain), time(ours))).collect();
    let rate = |time: Duration| COUNT as f64 / time.as_secs_f64() / 1e6;
    let mut ratios: Vec<_> =
        times.iter().map(|(plain, ours)| plain.as_secs_f64() / ours.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    times.sort_by_key(|(plain, _)| *plain);
    let plain = rate(times[turns / 2].0);
    times.sort_by_key(|(_, ours)| *ours);
    (plain, rate(times[turns / 2].1), ratios[turns / 2])
}

fn time(what: &dyn Fn()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

fn sha256(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

fn scan_plainly(leaves: &[u8]) {
    let scores = leaves.chunks(32).map(|leaf| sha256([&CHALLENGE, leaf, &[]]));
    black_box(scores.enumerate().min_by_key(|(_, score)| *score));
}

/// Leaves and the nodes over them, as a plot and its cache have them: five compressions a leaf.
fn plot_plainly() {
    let mut leaves = vec![0; 32 << SUBTREE_HEIGHT];
    for first in (0..COUNT as u64).step_by(1 << SUBTREE_HEIGHT) {
        for (index, leaf) in (first..).zip(leaves.as_chunks_mut::<32>().0) {
            *leaf = sha256([&KEY, &SEED, &index.to_le_bytes()]);
        }
        let mut level: Vec<_> = leaves.chunks(32).map(|leaf| sha256([&[0], leaf, &[]])).collect();
        while level.len() > 1 {
            let pairs = level.as_chunks::<2>().0.iter();
            level = pairs.map(|[left, right]| sha256([&[1], left, right])).collect();
        }
        black_box(level);
    }
}

/// The same by kernels: four.
fn plot(kernels: &Kernels) {
    let mut leaves = vec![0; 32 << SUBTREE_HEIGHT];
    for first in (0..COUNT as u64).step_by(1 << SUBTREE_HEIGHT) {
        kernels.generate(&KEY, &SEED, first, &mut leaves);
        kernels.subtree_levels(&leaves, SUBTREE_HEIGHT, |_, nodes| {
            black_box(nodes);
        });
    }
}
