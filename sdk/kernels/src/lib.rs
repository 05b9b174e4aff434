//! Multi-lane SHA-256 for Spacetime: leaf generation, tree hashing, score scan.

/// The best leaf of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Position in the batch, in leaves.
    pub index: usize,
    /// Its score.
    pub score: [u8; 32],
}

/// The kernels in use on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {}

impl Kernels {
    /// The fastest that this processor runs, after a self-test.
    pub fn detect() -> Self {
        todo!()
    }
    /// What they are called.
    pub fn name(&self) -> &'static str {
        todo!()
    }
    /// Lowest score strictly under `bound` among whole 32-byte leaves, at its first position.
    pub fn scan(&self, challenge: &[u8; 32], leaves: &[u8], bound: &[u8; 32]) -> Option<Best> {
        todo!()
    }
    /// Leaves `start ..` of a plot, as many as `out` holds (32 bytes each).
    pub fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [u8]) {
        todo!()
    }
    /// `H(00, leaf)` of each 32-byte leaf, into `out` (32 bytes each).
    pub fn hash_leaves(&self, leaves: &[u8], out: &mut [u8]) {
        todo!()
    }
    /// `H(01, left, right)` of each pair of `nodes` (64 bytes each) into `out` (32 bytes each).
    pub fn hash_nodes(&self, nodes: &[u8], out: &mut [u8]) {
        todo!()
    }
}
