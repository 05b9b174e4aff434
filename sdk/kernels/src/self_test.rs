//! Compares kernels with plain SHA-256 before they are trusted with a plot.

use sha2::{Digest, Sha256};

use crate::{Best, Kernels};

/// Enough for every lane of the widest implementation, twice, and a remainder.
const COUNT: usize = 67;

/// Whether every kernel agrees with plain SHA-256.
pub(crate) fn passes(kernels: &Kernels) -> bool {
    let (key, seed) = ([0xA5; 32], [0x3C; 32]);
    let start = u64::from(u32::MAX) - 3;
    let mut leaves = vec![0; 32 * COUNT];
    kernels.generate(&key, &seed, start, &mut leaves);
    let expected = (start..start + COUNT as u64)
        .flat_map(|index| sha256(&[&key, &seed, &index.to_le_bytes()]))
        .collect::<Vec<_>>();
    leaves == expected && hashes(kernels, &leaves) && scans(kernels, &leaves)
}

fn hashes(kernels: &Kernels, leaves: &[u8]) -> bool {
    let mut nodes = vec![0; leaves.len()];
    kernels.hash_leaves(leaves, &mut nodes);
    let expected = leaves.chunks(32).flat_map(|leaf| sha256(&[&[0], leaf])).collect::<Vec<_>>();
    if nodes != expected {
        return false;
    }
    nodes.truncate(nodes.len() / 64 * 64);
    let mut parents = vec![0; nodes.len() / 2];
    kernels.hash_nodes(&nodes, &mut parents);
    let expected = nodes.chunks(64).flat_map(|pair| sha256(&[&[1], pair])).collect::<Vec<_>>();
    parents == expected
}

/// Whether the lowest score is found in every lane.
fn scans(kernels: &Kernels, leaves: &[u8]) -> bool {
    let challenge = [0x5A; 32];
    let scores = leaves.chunks(32).map(|leaf| sha256(&[&challenge, leaf]));
    let Some((lowest, score)) = scores.enumerate().min_by_key(|(_, score)| *score) else {
        return false;
    };
    let mut turned = leaves.to_vec();
    turned.rotate_left(32 * lowest);
    (0..COUNT).all(|index| {
        let best = kernels.scan(&challenge, &turned, &[0xFF; 32]);
        turned.rotate_right(32);
        best == Some(Best { index, score })
    })
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Portable};

    /// Computes wrong in one place.
    #[derive(Clone, Copy)]
    struct Broken(Fault);

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        /// Takes an index to be 32 bits long.
        Generate,
        /// Leaves out the last hash.
        HashLeaves,
        HashNodes,
        /// Overlooks what lies in the last lane of 32.
        Scan,
        None,
    }

    impl Arch for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn scan(
            &self,
            challenge: &[u8; 32],
            leaves: &[[u8; 32]],
            bound: &[u8; 32],
        ) -> Option<Best> {
            let best = Portable.scan(challenge, leaves, bound);
            best.filter(|best| self.0 != Fault::Scan || best.index % 32 != 31)
        }

        fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [[u8; 32]]) {
            if self.0 != Fault::Generate {
                return Portable.generate(key, seed, start, out);
            }
            for (index, leaf) in (start..).zip(out) {
                Portable.generate(key, seed, index & 0xFFFF_FFFF, std::slice::from_mut(leaf));
            }
        }

        fn hash_leaves(&self, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
            let omitted = usize::from(self.0 == Fault::HashLeaves);
            let count = leaves.len() - omitted;
            Portable.hash_leaves(&leaves[..count], &mut out[..count]);
        }

        fn hash_nodes(&self, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
            let omitted = usize::from(self.0 == Fault::HashNodes);
            let count = pairs.len() - omitted;
            Portable.hash_nodes(&pairs[..count], &mut out[..count]);
        }
    }

    #[test]
    fn every_kernel_that_computes_wrong_is_found_out() {
        assert!(passes(&Kernels { arch: &Broken(Fault::None) }));
        assert!(!passes(&Kernels { arch: &Broken(Fault::Generate) }));
        assert!(!passes(&Kernels { arch: &Broken(Fault::HashLeaves) }));
        assert!(!passes(&Kernels { arch: &Broken(Fault::HashNodes) }));
        assert!(!passes(&Kernels { arch: &Broken(Fault::Scan) }));
    }

    #[test]
    fn all_kernels_of_this_processor_pass() {
        for kernels in Kernels::all() {
            assert!(passes(&kernels), "{}", kernels.name());
        }
    }
}
