//! SHA-256 over concatenated parts, the `H(a, b, ..)` of the specification.

use sha2::{Digest, Sha256};

/// `H(parts[0], parts[1], ..)`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
