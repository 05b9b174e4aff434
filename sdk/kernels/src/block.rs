//! The constant parts of the blocks that are hashed, and SHA-256's state as bytes.
//!
//! A message ends with a bit 1 (`80`), zeros, and its length in bits as a big-endian 64-bit
//! number at the end of its last block.

/// The state before the first block.
pub(crate) const INITIAL: [u32; 8] = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];

/// Second block of `H(challenge, leaf)`: nothing but the end.
pub(crate) const SCORE_END: [u8; 64] = end([0; 64], 0, 64);
/// Second block of `H(key, seed, LE64(index))`, without the index.
pub(crate) const LEAF_END: [u8; 64] = end([0; 64], 8, 72);
/// The block of `H(00, leaf)`, without the leaf.
pub(crate) const LEAF_HASH: [u8; 64] = end([0; 64], 33, 33);
/// The blocks of `H(01, left, right)`, without the nodes.
pub(crate) const NODE_HASH: [[u8; 64]; 2] = [node_start(), end([0; 64], 1, 65)];

/// Ends a message of `len` bytes in total after `used` bytes of its last block.
const fn end(mut block: [u8; 64], used: usize, len: u64) -> [u8; 64] {
    let bits = (8 * len).to_be_bytes();
    block[used] = 0x80;
    let mut at = 0;
    while at < 8 {
        block[56 + at] = bits[at];
        at += 1;
    }
    block
}

const fn node_start() -> [u8; 64] {
    let mut block = [0; 64];
    block[0] = 1;
    block
}

/// A state as the hash that it is.
pub(crate) fn bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

/// A hash as the state that it is, a block as its words: `N` times 4 bytes, big-endian.
///
/// # Panics
/// If there are fewer.
pub(crate) const fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    let mut at = 0;
    while at < N {
        words[at] = u32::from_be_bytes(bytes.as_chunks().0[at]);
        at += 1;
    }
    words
}
