//! How many times as fast as `sha2` one hash at a time every kernel is that this processor runs,
//! on one thread: what we quote.
//!
//! What is compared runs in turns, so that what else the machine does slows both; of the times
//! and of their ratios, the medians are printed, and the ratio of the shortest times. `cargo bench -p spacetime-kernels --bench ratios`
//! measures; with `-- --test` each runs once.

use std::{hint::black_box, time::Instant};

use sha2::{Digest, Sha256};
use spacetime_kernels::Kernels;

/// Leaves per turn: a subtree, as plotting hashes it. They stay in the second-level cache.
const COUNT: usize = 1 << SUBTREE_HEIGHT;
/// Leaves of a subtree, as plotting hashes them.
const SUBTREE_HEIGHT: u32 = 12;
/// Turns of each.
const TURNS: usize = 301;
const CHALLENGE: [u8; 32] = [0x5A; 32];
const KEY: [u8; 32] = [0xA5; 32];
const SEED: [u8; 32] = [0x3C; 32];

fn main() {
    let turns = if std::env::args().any(|argument| argument == "--test") { 1 } else { TURNS };
    let mut leaves = vec![0; 32 * COUNT];
    Kernels::detect().generate(&KEY, &SEED, 0, &mut leaves);
    println!("what   kernels      sha2 M/s      M/s   times   times at best");
    for kernels in Kernels::all() {
        let name = kernels.name();
        compare(turns, &format!("score  {name:<10}"), &mut leaves, &scan_plainly, &|leaves| {
            black_box(kernels.scan(&CHALLENGE, leaves, &[0xFF; 32]));
        });
        compare(turns, &format!("plot   {name:<10}"), &mut leaves, &plot_plainly, &|leaves| {
            plot(&kernels, leaves);
        });
    }
}

/// Prints how many leaves a second both make of it, and how many times as many the second.
fn compare(
    turns: usize,
    what: &str,
    leaves: &mut [u8],
    plain: &dyn Fn(&mut [u8]),
    ours: &dyn Fn(&mut [u8]),
) {
    let times: Vec<_> = (0..turns).map(|_| (time(plain, leaves), time(ours, leaves))).collect();
    let plain = sorted(times.iter().map(|(plain, _)| *plain));
    let ours = sorted(times.iter().map(|(_, ours)| *ours));
    let ratio = sorted(times.iter().map(|(plain, ours)| plain / ours))[turns / 2];
    let rate = |seconds: f64| COUNT as f64 / seconds / 1e6;
    let (plain_rate, our_rate) = (rate(plain[turns / 2]), rate(ours[turns / 2]));
    let at_best = plain[0] / ours[0];
    println!("{what} {plain_rate:>10.1} {our_rate:>8.1} {ratio:>7.2} {at_best:>15.2}");
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Seconds that it takes.
fn time(what: &dyn Fn(&mut [u8]), leaves: &mut [u8]) -> f64 {
    let start = Instant::now();
    what(black_box(leaves));
    start.elapsed().as_secs_f64()
}

fn sha256(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

fn scan_plainly(leaves: &mut [u8]) {
    let scores = leaves.chunks(32).map(|leaf| sha256([&CHALLENGE, leaf, &[]]));
    black_box(scores.enumerate().min_by_key(|(_, score)| *score));
}

/// Leaves and the nodes over them, as a plot and its cache have them: five compressions a leaf.
fn plot_plainly(leaves: &mut [u8]) {
    for (index, leaf) in (0_u64..).zip(leaves.as_chunks_mut::<32>().0) {
        *leaf = sha256([&KEY, &SEED, &index.to_le_bytes()]);
    }
    let mut level: Vec<_> = leaves.chunks(32).map(|leaf| sha256([&[0], leaf, &[]])).collect();
    while level.len() > 1 {
        let pairs = level.as_chunks::<2>().0.iter();
        level = pairs.map(|[left, right]| sha256([&[1], left, right])).collect();
    }
    black_box(level);
}

/// The same by kernels: four.
fn plot(kernels: &Kernels, leaves: &mut [u8]) {
    kernels.generate(&KEY, &SEED, 0, leaves);
    kernels.subtree_levels(leaves, SUBTREE_HEIGHT, |_, nodes| {
        black_box(nodes);
    });
}
