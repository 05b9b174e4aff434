//! SHA-256 of as many messages at a time as a vector has lanes: lane `i` of every vector belongs
//! to message `i`. A state is eight vectors, a block of a message sixteen.
//!
//! Written once over [`Lanes`], the operations that a kind of processor has to offer. All of it is
//! inlined into the entry points of that kind, which enable the instructions that it needs; a
//! closure would not be.

#![allow(clippy::needless_range_loop, reason = "the formulas count, and closures are not inlined")]
#![allow(clippy::absurd_extreme_comparisons, reason = "rounds are left out from a constant on")]

use super::{portable, prefetch};
use crate::{
    Best, block,
    rounds::{self, K},
};

/// Does something 16 times over, for a constant `T` of 0 to 15: only so, a compiler keeps the words
/// of a block in registers, and leaves out what is known of them.
macro_rules! unroll_16 {
    ($t:ident, $do:expr) => {
        unroll_16!(@ $t, $do, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $t:ident, $do:expr, $($n:literal)*) => {
        $({
            const $t: usize = $n;
            $do
        })*
    };
}

/// Vectors of 32-bit words. A value of the type proves that the processor has them.
pub(crate) trait Lanes: Copy {
    /// One word of each message.
    type Word: Copy;
    /// Messages at a time: a multiple of 4, and [`MOST`] at most.
    const COUNT: usize;

    fn splat(self, word: u32) -> Self::Word;
    /// 0, 1, 2, …
    fn counting(self) -> Self::Word;
    fn add(self, a: Self::Word, b: Self::Word) -> Self::Word;
    fn rotate_right<const BITS: u32>(self, word: Self::Word) -> Self::Word;
    fn shift_right<const BITS: u32>(self, word: Self::Word) -> Self::Word;
    fn shift_left<const BITS: u32>(self, word: Self::Word) -> Self::Word;
    fn or(self, a: Self::Word, b: Self::Word) -> Self::Word;
    fn xor3(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// Bit by bit, `b` where `a` is 1, else `c`: "Ch" of FIPS 180-4.
    fn choose(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// Bit by bit, what most of the three are: "Maj" of FIPS 180-4.
    fn majority(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    fn swap_bytes(self, word: Self::Word) -> Self::Word;
    /// Whether a word of `a` is at most that of `b`.
    fn any_at_most(self, a: Self::Word, b: Self::Word) -> bool;

    /// 16 bytes each from `first`, `first + step`, …, a quarter of [`COUNT`](Self::COUNT) times.
    ///
    /// # Panics
    /// If there are not so many bytes.
    fn load(self, bytes: &[u8], first: usize, step: usize) -> Self::Word;
    /// The reverse of [`load`](Self::load).
    fn store(self, row: Self::Word, bytes: &mut [u8], first: usize, step: usize);
    /// Of each 4 rows and 4 columns of words the transposed.
    fn transpose(self, rows: [Self::Word; 4]) -> [Self::Word; 4];
}

/// Lanes of the widest.
const MOST: usize = 32;

/// Lowest score strictly under `bound`, at its first position.
#[inline(always)]
pub(crate) fn scan<L: Lanes>(
    lanes: L,
    challenge: &[u8; 32],
    leaves: &[[u8; 32]],
    bound: &[u8; 32],
) -> Option<Best> {
    let words = block::words(challenge);
    let ninth_round = rounds::without_word(&rounds::first_eight(&words), 8);
    let known = splat_all(lanes, &words);
    let (runs, rest) = leaves.split_at(leaves.len() / L::COUNT * L::COUNT);

    let mut best = Best { index: leaves.len(), score: *bound };
    let mut first_word = lanes.splat(block::words::<1>(bound)[0]);
    for (run, leaves) in runs.chunks_exact(L::COUNT).enumerate() {
        prefetch::behind(leaves);
        let leaf = read(lanes, leaves.as_flattened(), 32, 0);
        let score = scores(lanes, &ninth_round, &known, leaf);
        // Only what may be the best is looked at and stored: once in a while.
        if lanes.any_at_most(score[0], first_word) {
            let mut scores = [[0; 32]; MOST];
            write(lanes, score, scores.as_flattened_mut());
            for (lane, score) in scores[..L::COUNT].iter().enumerate() {
                if *score < best.score {
                    best = Best { index: run * L::COUNT + lane, score: *score };
                }
            }
            first_word = lanes.splat(block::words::<1>(&best.score)[0]);
        }
    }
    let of_rest = portable::scan(challenge, rest, &best.score);
    let of_rest = of_rest.map(|found| Best { index: runs.len() + found.index, ..found });
    of_rest.or((best.index < leaves.len()).then_some(best))
}

/// Leaves from `start` on.
#[inline(always)]
pub(crate) fn generate<L: Lanes>(
    lanes: L,
    key: &[u8; 32],
    seed: &[u8; 32],
    mut start: u64,
    out: &mut [[u8; 32]],
) {
    let keyed = portable::keyed(key, seed);
    let first_round = rounds::without_word(&keyed, 0);
    let mut runs = out.chunks_exact_mut(L::COUNT);
    for run in &mut runs {
        let (low, high) = (start as u32, (start >> 32) as u32);
        if low.checked_add(L::COUNT as u32 - 1).is_some() {
            let index = lanes.add(lanes.splat(low), lanes.counting());
            let mut message = splat_all(lanes, &block::words(&block::LEAF_END));
            message[0] = lanes.swap_bytes(index);
            message[1] = lanes.splat(high.swap_bytes());
            let state = after_word(lanes, &first_round, message[0]);
            let state = rounds_from::<L, 1>(lanes, state, message);
            let leaves = add_all(lanes, state, splat_all(lanes, &keyed));
            write(lanes, leaves, run.as_flattened_mut());
        } else {
            // Not all of these have the same upper word: so it is once in 2^32 leaves.
            portable::generate_keyed(&keyed, start, run);
        }
        start += L::COUNT as u64;
    }
    portable::generate_keyed(&keyed, start, runs.into_remainder());
}

/// `H(00, leaf)` of each leaf.
#[inline(always)]
pub(crate) fn hash_leaves<L: Lanes>(lanes: L, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
    let first_round = rounds::without_word(&block::INITIAL, 0);
    let mut runs = leaves.chunks_exact(L::COUNT);
    let mut hashes = out.chunks_exact_mut(L::COUNT);
    for (run, hashes) in (&mut runs).zip(&mut hashes) {
        let leaf = read(lanes, run.as_flattened(), 32, 0);
        let mut message = splat_all(lanes, &block::words(&block::LEAF_HASH));
        message[0] = lanes.shift_right::<8>(leaf[0]);
        for t in 1..8 {
            message[t] = last_and_first_three(lanes, leaf[t - 1], leaf[t]);
        }
        message[8] = lanes.or(message[8], lanes.shift_left::<24>(leaf[7]));
        let state = after_word(lanes, &first_round, message[0]);
        let state = rounds_from::<L, 1>(lanes, state, message);
        let hash = add_all(lanes, state, splat_all(lanes, &block::INITIAL));
        write(lanes, hash, hashes.as_flattened_mut());
    }
    portable::hash_leaves(runs.remainder(), hashes.into_remainder());
}

/// `H(01, left, right)` of each pair.
#[inline(always)]
pub(crate) fn hash_nodes<L: Lanes>(lanes: L, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
    let first_round = rounds::without_word(&block::INITIAL, 0);
    let mut runs = pairs.chunks_exact(L::COUNT);
    let mut hashes = out.chunks_exact_mut(L::COUNT);
    for (run, hashes) in (&mut runs).zip(&mut hashes) {
        let left = read(lanes, run.as_flattened(), 64, 0);
        let right = read(lanes, run.as_flattened(), 64, 32);
        let mut message = splat_all(lanes, &block::words(&block::NODE_HASH[0]));
        message[0] = lanes.or(message[0], lanes.shift_right::<8>(left[0]));
        for t in 1..8 {
            message[t] = last_and_first_three(lanes, left[t - 1], left[t]);
            message[8 + t] = last_and_first_three(lanes, right[t - 1], right[t]);
        }
        message[8] = last_and_first_three(lanes, left[7], right[0]);
        let state = after_word(lanes, &first_round, message[0]);
        let state = rounds_from::<L, 1>(lanes, state, message);
        let middle = add_all(lanes, state, splat_all(lanes, &block::INITIAL));

        let mut message = splat_all(lanes, &block::words(&block::NODE_HASH[1]));
        message[0] = lanes.or(message[0], lanes.shift_left::<24>(right[7]));
        let state = rounds_from::<L, 0>(lanes, middle, message);
        write(lanes, add_all(lanes, state, middle), hashes.as_flattened_mut());
    }
    portable::hash_nodes(runs.remainder(), hashes.into_remainder());
}

/// Scores of leaves. What depends on the challenge alone was worked out before: the first eight
/// rounds and what the ninth adds to its word.
#[inline(always)]
fn scores<L: Lanes>(
    lanes: L,
    ninth_round: &[u32; 8],
    known: &[L::Word; 8],
    leaf: [L::Word; 8],
) -> [L::Word; 8] {
    let mut message = [leaf[0]; 16];
    message[..8].copy_from_slice(known);
    message[8..].copy_from_slice(&leaf);
    let state = after_word(lanes, ninth_round, leaf[0]);
    let state = rounds_from::<L, 9>(lanes, state, message);
    let middle = add_all(lanes, state, splat_all(lanes, &block::INITIAL));

    const END: [u32; 64] = rounds::addends(&block::SCORE_END);
    let mut state = middle;
    for end in END.as_chunks::<16>().0 {
        unroll_16!(T, state = round(lanes, state, lanes.splat(end[T])));
    }
    add_all(lanes, state, middle)
}

/// The state after a round of which all but the word is known.
#[inline(always)]
fn after_word<L: Lanes>(lanes: L, without: &[u32; 8], word: L::Word) -> [L::Word; 8] {
    let mut state = splat_all(lanes, without);
    state[0] = lanes.add(state[0], word);
    state[4] = lanes.add(state[4], word);
    state
}

/// The rounds from `FROM` on.
///
/// The message is extended in a loop from its first word on, whatever is known of its words: a
/// processor keeps the decoded instructions of short loops only.
#[inline(always)]
fn rounds_from<L: Lanes, const FROM: usize>(
    lanes: L,
    mut state: [L::Word; 8],
    mut message: [L::Word; 16],
) -> [L::Word; 8] {
    let [k, later @ ..] = K.as_chunks::<16>().0 else { return state };
    unroll_16!(T, {
        if T >= FROM {
            state = round(lanes, state, lanes.add(message[T], lanes.splat(k[T])));
        }
    });
    for k in later {
        unroll_16!(T, {
            message[T] = extend(lanes, &message, T, with_next(lanes, &message, T));
            state = round(lanes, state, lanes.add(message[T], lanes.splat(k[T])));
        });
    }
    state
}

/// The sum of a word and "σ0" of the next.
#[inline(always)]
fn with_next<L: Lanes>(lanes: L, message: &[L::Word; 16], t: usize) -> L::Word {
    lanes.add(message[t], small_sigma0(lanes, message[(t + 1) % 16]))
}

/// The word 16 after `t`.
#[inline(always)]
fn extend<L: Lanes>(lanes: L, message: &[L::Word; 16], t: usize, sum: L::Word) -> L::Word {
    let other = small_sigma1(lanes, message[(t + 14) % 16]);
    lanes.add(lanes.add(sum, message[(t + 9) % 16]), other)
}

/// A round, to which the sum of its constant and its word is given.
#[inline(always)]
fn round<L: Lanes>(lanes: L, state: [L::Word; 8], addend: L::Word) -> [L::Word; 8] {
    let [a, b, c, d, e, f, g, h] = state;
    let early = lanes.add(lanes.add(h, addend), lanes.choose(e, f, g));
    let sum = lanes.add(early, big_sigma1(lanes, e));
    let other = lanes.add(big_sigma0(lanes, a), lanes.majority(a, b, c));
    [lanes.add(sum, other), a, b, c, lanes.add(d, sum), e, f, g]
}

#[inline(always)]
fn big_sigma0<L: Lanes>(lanes: L, word: L::Word) -> L::Word {
    let (a, b) = (lanes.rotate_right::<2>(word), lanes.rotate_right::<13>(word));
    lanes.xor3(a, b, lanes.rotate_right::<22>(word))
}

#[inline(always)]
fn big_sigma1<L: Lanes>(lanes: L, word: L::Word) -> L::Word {
    let (a, b) = (lanes.rotate_right::<6>(word), lanes.rotate_right::<11>(word));
    lanes.xor3(a, b, lanes.rotate_right::<25>(word))
}

#[inline(always)]
fn small_sigma0<L: Lanes>(lanes: L, word: L::Word) -> L::Word {
    let (a, b) = (lanes.rotate_right::<7>(word), lanes.rotate_right::<18>(word));
    lanes.xor3(a, b, lanes.shift_right::<3>(word))
}

#[inline(always)]
fn small_sigma1<L: Lanes>(lanes: L, word: L::Word) -> L::Word {
    let (a, b) = (lanes.rotate_right::<17>(word), lanes.rotate_right::<19>(word));
    lanes.xor3(a, b, lanes.shift_right::<10>(word))
}

/// The last byte of `a` and the first three of `b`, as a byte before a message moves its words.
#[inline(always)]
fn last_and_first_three<L: Lanes>(lanes: L, a: L::Word, b: L::Word) -> L::Word {
    lanes.or(lanes.shift_left::<24>(a), lanes.shift_right::<8>(b))
}

#[inline(always)]
fn splat_all<L: Lanes, const N: usize>(lanes: L, words: &[u32; N]) -> [L::Word; N] {
    let mut splat = [lanes.splat(0); N];
    for t in 0..N {
        splat[t] = lanes.splat(words[t]);
    }
    splat
}

#[inline(always)]
fn add_all<L: Lanes>(lanes: L, a: [L::Word; 8], b: [L::Word; 8]) -> [L::Word; 8] {
    let mut sums = a;
    for t in 0..8 {
        sums[t] = lanes.add(a[t], b[t]);
    }
    sums
}

/// The eight words at `first` of each message, which are `step` bytes apart.
#[inline(always)]
fn read<L: Lanes>(lanes: L, bytes: &[u8], step: usize, first: usize) -> [L::Word; 8] {
    let mut words = [lanes.splat(0); 8];
    for half in 0..2 {
        let mut rows = [lanes.splat(0); 4];
        for row in 0..4 {
            let first = first + step * row + 16 * half;
            rows[row] = lanes.swap_bytes(lanes.load(bytes, first, 4 * step));
        }
        words[4 * half..][..4].copy_from_slice(&lanes.transpose(rows));
    }
    words
}

/// States as the hashes that they are, one after the other.
#[inline(always)]
fn write<L: Lanes>(lanes: L, words: [L::Word; 8], bytes: &mut [u8]) {
    for half in 0..2 {
        let columns =
            [words[4 * half], words[4 * half + 1], words[4 * half + 2], words[4 * half + 3]];
        let rows = lanes.transpose(columns);
        for row in 0..4 {
            lanes.store(lanes.swap_bytes(rows[row]), bytes, 32 * row + 16 * half, 4 * 32);
        }
    }
}
