//! SHA-256 by a processor's own instructions for it, some messages in turns: rounds wait for those
//! before them, and the rounds of other messages fill the time.
//!
//! Written once over [`Unit`], the operations that a kind of processor has to offer. All of it is
//! inlined into the entry points of that kind, which enable the instructions that it needs; a
//! closure would not be.

#![allow(clippy::needless_range_loop, reason = "closures are not inlined")]

use super::{portable, prefetch, quads::quad_at};
use crate::{
    Best, block,
    rounds::{self, K},
};

/// Instructions for SHA-256. A value of the type proves that the processor has them.
pub(crate) trait Unit: Copy {
    /// Four words of a message, or of what the rounds add.
    type Quad: Copy;
    type State: Copy;

    fn quad(self, words: [u32; 4]) -> Self::Quad;
    /// Four big-endian words.
    fn load(self, bytes: &[u8; 16]) -> Self::Quad;
    /// The same of a byte and the first 15 of these.
    fn load_after(self, byte: u8, bytes: &[u8; 16]) -> Self::Quad;
    fn add(self, a: Self::Quad, b: Self::Quad) -> Self::Quad;
    /// The four words that follow these sixteen in an extended message.
    fn extend(self, last: [Self::Quad; 4]) -> Self::Quad;

    fn state(self, words: &[u32; 8]) -> Self::State;
    fn add_states(self, a: Self::State, b: Self::State) -> Self::State;
    /// Four rounds, to which the sums of their constants and words are given.
    fn rounds(self, state: Self::State, addends: Self::Quad) -> Self::State;
    fn first_word(self, state: Self::State) -> u32;
    /// The hash that a state is.
    fn bytes(self, state: Self::State) -> [u8; 32];
}

/// Messages in turns while blocks are extended: for more, there are not registers enough.
const STREAMS: usize = 2;

/// Pairs of them in turns while no block is.
const PAIRS: usize = 3;

type Block<U> = [<U as Unit>::Quad; 4];

/// Lowest score strictly under `bound`, at its first position.
#[inline(always)]
pub(crate) fn scan<U: Unit>(
    unit: U,
    challenge: &[u8; 32],
    leaves: &[[u8; 32]],
    bound: &[u8; 32],
) -> Option<Best> {
    const END: [u32; 64] = rounds::addends(&block::SCORE_END);
    let initial = unit.state(&block::INITIAL);
    let eighth_round = unit.state(&rounds::first_eight(&block::words(challenge)));
    let (quads, _) = challenge.as_chunks();
    let (first, second) = (unit.load(&quads[0]), unit.load(&quads[1]));

    let mut best = Best { index: leaves.len(), score: *bound };
    let [mut first_word] = block::words(bound);
    let (runs, rest) = leaves.as_chunks::<{ PAIRS * STREAMS }>();
    for (run, leaves) in runs.iter().enumerate() {
        prefetch::behind(leaves);
        let mut middle = [initial; PAIRS * STREAMS];
        let (pairs, _) = leaves.as_chunks::<STREAMS>();
        for pair in 0..PAIRS {
            let mut blocks = [[first, second, first, second]; STREAMS];
            for stream in 0..STREAMS {
                let (quads, _) = pairs[pair][stream].as_chunks();
                blocks[stream][2] = unit.load(&quads[0]);
                blocks[stream][3] = unit.load(&quads[1]);
            }
            let states = rounds_from::<U, STREAMS, 2>(unit, [eighth_round; STREAMS], blocks);
            for stream in 0..STREAMS {
                middle[STREAMS * pair + stream] = unit.add_states(states[stream], initial);
            }
        }
        let scores = add(unit, known_rounds(unit, middle, &END), middle);
        for (at, state) in scores.into_iter().enumerate() {
            // Only what may be the best is looked at in full: once in a while.
            if unit.first_word(state) <= first_word {
                let score = unit.bytes(state);
                if score < best.score {
                    best = Best { index: run * PAIRS * STREAMS + at, score };
                    [first_word] = block::words(&score);
                }
            }
        }
    }
    let of_rest = portable::scan(challenge, rest, &best.score);
    let of_rest =
        of_rest.map(|found| Best { index: leaves.len() - rest.len() + found.index, ..found });
    of_rest.or((best.index < leaves.len()).then_some(best))
}

/// Leaves from `start` on.
#[inline(always)]
pub(crate) fn generate<U: Unit>(
    unit: U,
    key: &[u8; 32],
    seed: &[u8; 32],
    mut start: u64,
    out: &mut [[u8; 32]],
) {
    let words = portable::keyed(key, seed);
    let keyed = [unit.state(&words); STREAMS];
    let mut blocks = [load(unit, &block::LEAF_END); STREAMS];
    let (runs, rest) = out.as_chunks_mut::<STREAMS>();
    for leaves in runs {
        for stream in 0..STREAMS {
            let index = (start + stream as u64).swap_bytes();
            let index = [(index >> 32) as u32, index as u32];
            let [_, _, third, fourth] = block::words(&block::LEAF_END);
            blocks[stream][0] = unit.quad([index[0], index[1], third, fourth]);
        }
        let states = add(unit, rounds_from::<U, STREAMS, 0>(unit, keyed, blocks), keyed);
        for stream in 0..STREAMS {
            leaves[stream] = unit.bytes(states[stream]);
        }
        start += STREAMS as u64;
    }
    portable::generate_keyed(&words, start, rest);
}

/// `H(00, leaf)` of each leaf.
#[inline(always)]
pub(crate) fn hash_leaves<U: Unit>(unit: U, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
    let initial = [unit.state(&block::INITIAL); STREAMS];
    let mut blocks = [load(unit, &block::LEAF_HASH); STREAMS];
    let (runs, rest) = leaves.as_chunks::<STREAMS>();
    let (hashes, rest_of_hashes) = out.as_chunks_mut::<STREAMS>();
    for (leaves, hashes) in runs.iter().zip(hashes) {
        for stream in 0..STREAMS {
            let leaf = &leaves[stream];
            blocks[stream][0] = unit.load_after(0, quad_at(leaf, 0));
            blocks[stream][1] = unit.load(quad_at(leaf, 15));
            blocks[stream][2] = last_byte(unit, leaf[31]);
        }
        let states = add(unit, rounds_from::<U, STREAMS, 0>(unit, initial, blocks), initial);
        for stream in 0..STREAMS {
            hashes[stream] = unit.bytes(states[stream]);
        }
    }
    portable::hash_leaves(rest, rest_of_hashes);
}

/// `H(01, left, right)` of each pair.
#[inline(always)]
pub(crate) fn hash_nodes<U: Unit>(unit: U, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
    let initial = [unit.state(&block::INITIAL); STREAMS];
    let mut ends = [load(unit, &block::NODE_HASH[1]); STREAMS];
    let mut starts = ends;
    let (runs, rest) = pairs.as_chunks::<STREAMS>();
    let (hashes, rest_of_hashes) = out.as_chunks_mut::<STREAMS>();
    for (pairs, hashes) in runs.iter().zip(hashes) {
        for stream in 0..STREAMS {
            let pair = &pairs[stream];
            starts[stream] = [
                unit.load_after(1, quad_at(pair, 0)),
                unit.load(quad_at(pair, 15)),
                unit.load(quad_at(pair, 31)),
                unit.load(quad_at(pair, 47)),
            ];
            ends[stream][0] = last_byte(unit, pair[63]);
        }
        let middle = add(unit, rounds_from::<U, STREAMS, 0>(unit, initial, starts), initial);
        let states = add(unit, rounds_from::<U, STREAMS, 0>(unit, middle, ends), middle);
        for stream in 0..STREAMS {
            hashes[stream] = unit.bytes(states[stream]);
        }
    }
    portable::hash_nodes(rest, rest_of_hashes);
}

/// The rounds over a block of each message, without the first `4 * FROM`, which are done.
#[inline(always)]
fn rounds_from<U: Unit, const N: usize, const FROM: usize>(
    unit: U,
    mut states: [U::State; N],
    mut blocks: [Block<U>; N],
) -> [U::State; N] {
    for t in 0..16 {
        for stream in 0..N {
            let block = &mut blocks[stream];
            if t >= 4 {
                let [a, b, c, d] = *block;
                *block = [b, c, d, unit.extend([a, b, c, d])];
            }
            let words = block[if t < 4 { t } else { 3 }];
            if t >= FROM {
                let addends = unit.add(words, unit.quad(K.as_chunks().0[t]));
                states[stream] = unit.rounds(states[stream], addends);
            }
        }
    }
    states
}

/// The rounds over a block that is the same in all messages.
#[inline(always)]
fn known_rounds<U: Unit, const N: usize>(
    unit: U,
    mut states: [U::State; N],
    addends: &[u32; 64],
) -> [U::State; N] {
    for addends in addends.as_chunks().0 {
        for stream in 0..N {
            states[stream] = unit.rounds(states[stream], unit.quad(*addends));
        }
    }
    states
}

#[inline(always)]
fn add<U: Unit, const N: usize>(unit: U, a: [U::State; N], b: [U::State; N]) -> [U::State; N] {
    let mut sums = a;
    for stream in 0..N {
        sums[stream] = unit.add_states(a[stream], b[stream]);
    }
    sums
}

#[inline(always)]
fn load<U: Unit>(unit: U, block: &[u8; 64]) -> [U::Quad; 4] {
    let (quads, _) = block.as_chunks();
    [unit.load(&quads[0]), unit.load(&quads[1]), unit.load(&quads[2]), unit.load(&quads[3])]
}

/// The last byte of a message, and its end.
#[inline(always)]
fn last_byte<U: Unit>(unit: U, byte: u8) -> U::Quad {
    unit.quad([u32::from(byte) << 24 | 0x0080_0000, 0, 0, 0])
}
