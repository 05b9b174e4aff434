//! What epochs ask (`consensus.md` section 1).

use crate::{BlockHash, Challenge};

/// `H(UTF-8(network id))`; `None` for a blank id.
pub fn genesis_challenge(network_id: &str) -> Option<Challenge> {
    todo!()
}
/// `H(parent, LE64(epoch))`.
pub fn challenge(parent: &BlockHash, epoch: u64) -> Challenge {
    todo!()
}
