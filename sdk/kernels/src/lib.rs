//! SHA-256 for Spacetime's bulk work: leaf generation, tree hashing, score scan.
//!
//! Works on flat runs of 32-byte leaves and nodes, as they lie in a plot and a cache file, on the
//! caller's thread. Every implementation under `arch` computes the same; [`Kernels::detect`]
//! picks one, and the tests run each against the protocol's own functions. How fast they are, and
//! what is tried no more, is in `docs/performance.md`.

mod arch;
mod block;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod rounds;
mod self_test;
mod subtree;

use std::{fmt, sync::LazyLock};

use arch::Arch;

/// The best leaf of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Position in the batch, in leaves.
    pub index: usize,
    /// Its score.
    pub score: [u8; 32],
}

/// The kernels in use on this machine.
#[derive(Clone, Copy)]
pub struct Kernels {
    arch: &'static dyn Arch,
}

/// Why there are no kernels of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelsError {
    /// They are unknown, or need instructions that this processor lacks.
    #[error("this processor runs no kernels `{name}`; it runs {}", .here.join(", "))]
    NotHere {
        /// What was asked for.
        name: String,
        /// What there is instead, the fastest first.
        here: Vec<&'static str>,
    },
    /// They failed their self-test.
    #[error("the kernels `{0}` do not compute SHA-256 on this processor, which is at fault")]
    Wrong(&'static str),
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kernels").field(&self.name()).finish()
    }
}

impl Kernels {
    /// The fastest that this processor runs and that pass a self-test, which is done once.
    ///
    /// # Panics
    /// If not even the portable ones compute SHA-256 right: what this machine would write and
    /// mine would be worthless.
    pub fn detect() -> Self {
        static DETECTED: LazyLock<Kernels> = LazyLock::new(|| {
            let kernels = Kernels::all().find(self_test::passes);
            kernels.expect("the portable kernels compute SHA-256, or the processor is at fault")
        });
        *DETECTED
    }

    /// Those of this [name](Self::name), after a self-test.
    ///
    /// # Errors
    /// This processor does not run them, or not right.
    pub fn named(name: &str) -> Result<Self, KernelsError> {
        let Some(kernels) = Self::all().find(|kernels| kernels.name() == name) else {
            let here = Self::all().map(|kernels| kernels.name()).collect();
            return Err(KernelsError::NotHere { name: name.to_owned(), here });
        };
        if !self_test::passes(&kernels) {
            return Err(KernelsError::Wrong(kernels.name()));
        }
        Ok(kernels)
    }

    /// All that this processor runs, the fastest first, without a self-test: for tests and
    /// benchmarks. Where this crate is built without optimisation, only the portable ones.
    pub fn all() -> impl Iterator<Item = Self> {
        arch::all().map(|arch| Self { arch })
    }

    /// What they are called.
    pub fn name(&self) -> &'static str {
        self.arch.name()
    }

    /// Lowest score `H(challenge, leaf)` strictly under `bound` among whole 32-byte leaves, at
    /// its first position.
    ///
    /// # Panics
    /// If `leaves` is not whole leaves.
    pub fn scan(&self, challenge: &[u8; 32], leaves: &[u8], bound: &[u8; 32]) -> Option<Best> {
        self.arch.scan(challenge, whole(leaves), bound)
    }

    /// Leaves `start ..` of a plot, `H(key, seed, LE64(index))`, as many as `out` holds (32 bytes
    /// each).
    ///
    /// # Panics
    /// If `out` does not hold whole leaves, or an index would exceed 64 bits.
    pub fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [u8]) {
        let out = whole_mut(out);
        assert!(start.checked_add(out.len() as u64).is_some(), "leaf indices exceed 64 bits");
        self.arch.generate(key, seed, start, out)
    }

    /// `H(00, leaf)` of each 32-byte leaf, into `out` (32 bytes each).
    ///
    /// # Panics
    /// If `leaves` is not whole leaves, or `out` of another length.
    pub fn hash_leaves(&self, leaves: &[u8], out: &mut [u8]) {
        let (leaves, out) = (whole(leaves), whole_mut(out));
        assert_eq!(leaves.len(), out.len(), "a hash for each leaf");
        self.arch.hash_leaves(leaves, out)
    }

    /// `H(01, left, right)` of each pair of `nodes` (64 bytes each) into `out` (32 bytes each).
    ///
    /// # Panics
    /// If `nodes` is not whole pairs, or `out` not of half its length.
    pub fn hash_nodes(&self, nodes: &[u8], out: &mut [u8]) {
        let (pairs, out) = (whole(nodes), whole_mut(out));
        assert_eq!(pairs.len(), out.len(), "a hash for each pair");
        self.arch.hash_nodes(pairs, out)
    }

    /// The nodes of the levels 0 to `top` over a run of leaves of a plot, as `visit(level,
    /// nodes)`, level by level (32 bytes per node, left to right). The run begins at a multiple
    /// of `2^top` leaves. Where it does not end at one, it has to end with the plot, and the tree
    /// has to be at least `top` high: an odd level is padded on its right (`merkle.md` section 2).
    ///
    /// # Panics
    /// If `leaves` is not whole leaves.
    pub fn subtree_levels(&self, leaves: &[u8], top: u32, visit: impl FnMut(u32, &[u8])) {
        subtree::levels(self, leaves, top, visit);
    }
}

fn whole<const N: usize>(bytes: &[u8]) -> &[[u8; N]] {
    let (items, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "{} bytes are not whole items of {N}", bytes.len());
    items
}

fn whole_mut<const N: usize>(bytes: &mut [u8]) -> &mut [[u8; N]] {
    let len = bytes.len();
    let (items, rest) = bytes.as_chunks_mut();
    assert!(rest.is_empty(), "{len} bytes are not whole items of {N}");
    items
}
