//! Every kernel that this processor runs, against the protocol's own functions.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use proptest::{collection::vec, prelude::*};
use spacetime_kernels::{Best, Kernels, KernelsError};
use spacetime_protocol::{
    Challenge, Leaf, NodeHash, PlotKey, PlotSeed,
    merkle::{self, Tree},
    plot, score,
};

/// More leaves than any implementation takes at a time, twice, and every remainder.
const COUNTS: std::ops::RangeInclusive<usize> = 0..=70;

fn scan_naively(challenge: &[u8; 32], leaves: &[u8], bound: &[u8; 32]) -> Option<Best> {
    let challenge = Challenge::new(*challenge);
    let scores = leaves
        .as_chunks::<32>()
        .0
        .iter()
        .map(|leaf| score::score(&challenge, &Leaf::new(*leaf)).to_bytes());
    let under = scores.enumerate().filter(|(_, score)| score < bound);
    under.min_by_key(|(_, score)| *score).map(|(index, score)| Best { index, score })
}

fn generate_naively(key: [u8; 32], seed: [u8; 32], start: u64, count: usize) -> Vec<u8> {
    let leaf = |index| plot::leaf(&PlotKey::new(key), &PlotSeed::new(seed), index).to_bytes();
    (start..start + count as u64).flat_map(leaf).collect()
}

fn nodes(bytes: &[u8]) -> Vec<NodeHash> {
    bytes.as_chunks().0.iter().copied().map(NodeHash::new).collect()
}

/// What every kernel has to do with these leaves.
fn check(kernels: &Kernels, challenge: &[u8; 32], bound: &[u8; 32], leaves: &[u8]) {
    let name = kernels.name();
    let best = kernels.scan(challenge, leaves, bound);
    assert_eq!(best, scan_naively(challenge, leaves, bound), "{name}: scan");

    let mut hashes = vec![0; leaves.len()];
    kernels.hash_leaves(leaves, &mut hashes);
    let expected: Vec<_> = leaves.chunks(32).map(merkle::leaf_hash).collect();
    assert_eq!(nodes(&hashes), expected, "{name}: hash_leaves");

    let pairs = &leaves[..leaves.len() / 64 * 64];
    let mut parents = vec![0; pairs.len() / 2];
    kernels.hash_nodes(pairs, &mut parents);
    let expected: Vec<_> =
        nodes(pairs).as_chunks().0.iter().map(|[a, b]| merkle::node_hash(a, b)).collect();
    assert_eq!(nodes(&parents), expected, "{name}: hash_nodes");
}

#[test]
fn all_counts_agree_with_the_protocol() {
    for kernels in Kernels::all() {
        for count in COUNTS {
            let mut leaves = vec![0; 32 * count];
            kernels.generate(&[1; 32], &[2; 32], 5, &mut leaves);
            assert_eq!(leaves, generate_naively([1; 32], [2; 32], 5, count), "{}", kernels.name());
            check(&kernels, &[3; 32], &[0xFF; 32], &leaves);
            check(&kernels, &[3; 32], &[0x20; 32], &leaves);
        }
    }
}

#[test]
fn the_first_of_equal_leaves_wins_wherever_they_lie() {
    for kernels in Kernels::all() {
        for count in 1..=70 {
            let leaves = [9; 32].repeat(count);
            let best = kernels.scan(&[4; 32], &leaves, &[0xFF; 32]).unwrap();
            assert_eq!(best.index, 0, "{} of {count}", kernels.name());
        }
        let leaves = generate_naively([1; 32], [2; 32], 0, 70);
        let best = kernels.scan(&[4; 32], &leaves, &[0xFF; 32]).unwrap();
        let lowest = leaves.as_chunks::<32>().0[best.index];
        for (first, second) in (0..70).flat_map(|first| (first..70).map(move |at| (first, at))) {
            let mut leaves = leaves.clone();
            leaves.as_chunks_mut::<32>().0[best.index] = [9; 32];
            leaves.as_chunks_mut::<32>().0[first] = lowest;
            leaves.as_chunks_mut::<32>().0[second] = lowest;
            let found = kernels.scan(&[4; 32], &leaves, &[0xFF; 32]);
            let expected = scan_naively(&[4; 32], &leaves, &[0xFF; 32]);
            assert_eq!(found, expected, "{}: {first} and {second}", kernels.name());
        }
    }
}

#[test]
fn the_bound_itself_is_not_under_the_bound() {
    for kernels in Kernels::all() {
        for count in 1..=70 {
            let leaves = generate_naively([1; 32], [2; 32], 0, count);
            let best = kernels.scan(&[6; 32], &leaves, &[0xFF; 32]).unwrap();
            for (byte, bit) in (0..32).flat_map(|byte| [(byte, 1), (byte, 128)]) {
                let mut bound = best.score;
                bound[byte] ^= bit;
                let expected = (bound > best.score).then_some(best);
                assert_eq!(kernels.scan(&[6; 32], &leaves, &bound), expected, "{byte}, {bit}");
            }
            assert_eq!(kernels.scan(&[6; 32], &leaves, &best.score), None);
            assert_eq!(kernels.scan(&[6; 32], &leaves, &[0; 32]), None);
        }
    }
}

#[test]
fn leaves_may_lie_anywhere() {
    for kernels in Kernels::all() {
        for at in 0..64 {
            let mut bytes = vec![0; 32 * 70 + 64];
            kernels.generate(&[1; 32], &[2; 32], 0, &mut bytes[at..][..32 * 70]);
            let leaves = &bytes[at..][..32 * 70];
            assert_eq!(leaves, generate_naively([1; 32], [2; 32], 0, 70), "{}", kernels.name());
            check(&kernels, &[3; 32], &[0xFF; 32], leaves);
        }
    }
}

#[test]
fn the_upper_word_of_an_index_is_every_leafs_own() {
    for kernels in Kernels::all() {
        for before in 0..=70 {
            let start = (7 << 32) - before;
            let mut leaves = vec![0; 32 * 70];
            kernels.generate(&[1; 32], &[2; 32], start, &mut leaves);
            let expected = generate_naively([1; 32], [2; 32], start, 70);
            assert_eq!(leaves, expected, "{} from {start}", kernels.name());
        }
    }
}

#[test]
fn kernels_are_had_by_name_if_the_processor_runs_them() {
    for kernels in Kernels::all() {
        assert_eq!(Kernels::named(kernels.name()).unwrap().name(), kernels.name());
    }
    let here: Vec<_> = Kernels::all().map(|kernels| kernels.name()).collect();
    assert_eq!(here.last(), Some(&"portable"));
    let error = Kernels::named("abacus").unwrap_err();
    assert!(error.to_string().contains("no kernels `abacus`; it runs "), "{error}");
    assert_eq!(error, KernelsError::NotHere { name: "abacus".to_owned(), here });
}

#[test]
fn the_one_best_leaf_is_found_at_every_position() {
    for kernels in Kernels::all() {
        let mut leaves = generate_naively([1; 32], [2; 32], 0, 70);
        let best = kernels.scan(&[7; 32], &leaves, &[0xFF; 32]).unwrap();
        for to in 0..70 {
            let from = kernels.scan(&[7; 32], &leaves, &[0xFF; 32]).unwrap().index;
            let (a, b) = (leaves.as_chunks::<32>().0[from], leaves.as_chunks::<32>().0[to]);
            leaves.as_chunks_mut::<32>().0[from] = b;
            leaves.as_chunks_mut::<32>().0[to] = a;
            let found = kernels.scan(&[7; 32], &leaves, &[0xFF; 32]).unwrap();
            assert_eq!(found, Best { index: to, score: best.score }, "{}", kernels.name());
        }
    }
}

#[test]
fn the_last_index_can_be_generated() {
    for kernels in Kernels::all() {
        let mut leaves = vec![0; 64];
        kernels.generate(&[1; 32], &[2; 32], i64::MAX as u64 - 1, &mut leaves);
        assert_eq!(leaves, generate_naively([1; 32], [2; 32], i64::MAX as u64 - 1, 2));
    }
}

#[test]
#[should_panic(expected = "33 bytes are not whole items of 32")]
fn half_a_leaf_is_refused() {
    Kernels::detect().scan(&[0; 32], &[0; 33], &[0; 32]);
}

proptest! {
    #[test]
    fn random_leaves_agree_with_the_protocol(
        challenge: [u8; 32],
        bound: [u8; 32],
        leaves in vec(any::<[u8; 32]>(), 0..=70),
    ) {
        for kernels in Kernels::all() {
            check(&kernels, &challenge, &bound, leaves.as_flattened());
        }
    }

    #[test]
    fn generated_leaves_agree_with_the_protocol(
        key: [u8; 32],
        seed: [u8; 32],
        start in 0..i64::MAX as u64 - 70,
        count in 0..=70_usize,
    ) {
        for kernels in Kernels::all() {
            let mut leaves = vec![0; 32 * count];
            kernels.generate(&key, &seed, start, &mut leaves);
            prop_assert_eq!(&leaves, &generate_naively(key, seed, start, count));
        }
    }

    #[test]
    fn subtree_levels_are_those_of_the_tree(count in 1_u64..600, top in 0_u32..10) {
        for kernels in Kernels::all() {
            let leaves = generate_naively([1; 32], [2; 32], 0, count as usize);
            let tree = Tree::new(leaves.chunks(32).map(merkle::leaf_hash).collect()).unwrap();
            let top = top.min(tree.height());
            let mut levels = vec![Vec::new(); top as usize + 1];
            for run in leaves.chunks(32 << top) {
                kernels.subtree_levels(run, top, |level, run| {
                    levels[level as usize].extend(nodes(run));
                });
            }
            for (level, nodes) in (0..).zip(&levels) {
                prop_assert_eq!(&nodes[..], tree.level(level), "{} {}", kernels.name(), level);
            }
        }
    }
}
