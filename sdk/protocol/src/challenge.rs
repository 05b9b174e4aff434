//! What epochs ask (`consensus.md` section 1).

use crate::{BlockHash, Challenge, hash::sha256};

/// `H(UTF-8(network id))`; `None` for a blank id.
pub fn genesis_challenge(network_id: &str) -> Option<Challenge> {
    if network_id.trim().is_empty() {
        return None;
    }
    Some(sha256(&[network_id.as_bytes()]).into())
}

/// `H(parent, LE64(epoch))`.
pub fn challenge(parent: &BlockHash, epoch: u64) -> Challenge {
    sha256(&[parent.as_ref(), &epoch.to_le_bytes()]).into()
}
