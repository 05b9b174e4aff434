//! Leaves and nodes per second of every kernel that this processor runs, on one thread, beside
//! `sha2` one hash at a time.
//!
//! `cargo bench -p spacetime-kernels` measures; with `-- --test` each runs once.

use divan::{Bencher, counter::ItemsCount};
use sha2::{Digest, Sha256};
use spacetime_kernels::Kernels;

/// Leaves per call: 1 MiB of them.
const COUNT: usize = 1 << 15;
const CHALLENGE: [u8; 32] = [0x5A; 32];
const KEY: [u8; 32] = [0xA5; 32];
const SEED: [u8; 32] = [0x3C; 32];

fn main() {
    divan::main();
}

/// What runs: a kernel, or plain `sha2`.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    Kernels(Kernels),
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain => f.write_str("sha2"),
            Self::Kernels(kernels) => f.write_str(kernels.name()),
        }
    }
}

fn ways() -> Vec<Way> {
    std::iter::once(Way::Plain).chain(Kernels::all().map(Way::Kernels)).collect()
}

fn leaves() -> Vec<u8> {
    let mut leaves = vec![0; 32 * COUNT];
    Kernels::detect().generate(&KEY, &SEED, 0, &mut leaves);
    leaves
}

fn sha256(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

#[divan::bench(args = ways())]
fn scan(bencher: Bencher<'_, '_>, way: Way) {
    let leaves = leaves();
    let bencher = bencher.counter(ItemsCount::new(COUNT));
    match way {
        Way::Plain => bencher.bench_local(|| {
            let scores = leaves.chunks(32).map(|leaf| sha256([&CHALLENGE, leaf, &[]]));
            scores.enumerate().min_by_key(|(_, score)| *score)
        }),
        Way::Kernels(kernels) => {
            bencher.bench_local(|| kernels.scan(&CHALLENGE, &leaves, &[0xFF; 32]));
        }
    }
}

#[divan::bench(args = ways())]
fn generate(bencher: Bencher<'_, '_>, way: Way) {
    let mut out = vec![0; 32 * COUNT];
    let bencher = bencher.counter(ItemsCount::new(COUNT));
    match way {
        Way::Plain => bencher.bench_local(|| {
            for (index, leaf) in (0_u64..).zip(out.as_chunks_mut::<32>().0) {
                *leaf = sha256([&KEY, &SEED, &index.to_le_bytes()]);
            }
        }),
        Way::Kernels(kernels) => {
            bencher.bench_local(|| kernels.generate(&KEY, &SEED, 0, &mut out));
        }
    }
}

#[divan::bench(args = ways())]
fn hash_leaves(bencher: Bencher<'_, '_>, way: Way) {
    let leaves = leaves();
    let mut out = vec![0; 32 * COUNT];
    let bencher = bencher.counter(ItemsCount::new(COUNT));
    match way {
        Way::Plain => bencher.bench_local(|| {
            for (leaf, hash) in leaves.chunks(32).zip(out.as_chunks_mut::<32>().0) {
                *hash = sha256([&[0], leaf, &[]]);
            }
        }),
        Way::Kernels(kernels) => {
            bencher.bench_local(|| kernels.hash_leaves(&leaves, &mut out));
        }
    }
}

#[divan::bench(args = ways())]
fn hash_nodes(bencher: Bencher<'_, '_>, way: Way) {
    let nodes = leaves();
    let mut out = vec![0; 16 * COUNT];
    let bencher = bencher.counter(ItemsCount::new(COUNT / 2));
    match way {
        Way::Plain => bencher.bench_local(|| {
            for (pair, hash) in nodes.chunks(64).zip(out.as_chunks_mut::<32>().0) {
                *hash = sha256([&[1], pair, &[]]);
            }
        }),
        Way::Kernels(kernels) => {
            bencher.bench_local(|| kernels.hash_nodes(&nodes, &mut out));
        }
    }
}

/// The levels of subtrees of 4,096 leaves: what plotting hashes beside the leaves themselves.
#[divan::bench(args = ways())]
fn subtree_levels(bencher: Bencher<'_, '_>, way: Way) {
    let leaves = leaves();
    let bencher = bencher.counter(ItemsCount::new(COUNT));
    match way {
        Way::Plain => bencher.bench_local(|| {
            let mut level: Vec<_> =
                leaves.chunks(32).map(|leaf| sha256([&[0], leaf, &[]])).collect();
            for _ in 0..12 {
                let pairs = level.as_chunks::<2>().0.iter();
                level = pairs.map(|[left, right]| sha256([&[1], left, right])).collect();
            }
            level
        }),
        Way::Kernels(kernels) => bencher.bench_local(|| {
            kernels.subtree_levels(&leaves, 12, |_, nodes| {
                divan::black_box(nodes);
            });
        }),
    }
}
