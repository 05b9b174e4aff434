//! Which of two branches is followed (`consensus.md` section 10 and our decision on ties).

use crate::{
    BlockHash,
    header::BlockHeader,
    network::{EmptyEpochs, Network},
};

/// How far below the tip a branch may begin and still become the best chain, in blocks.
pub const FORK_DEPTH: u64 = 100;

/// A header with what the chain derives for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHeader {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: BlockHash,
    /// Sum of difficulties from genesis (or the anchor) to it, it included.
    pub total_difficulty: u128,
}

/// Whether a branch ending in `new` is to be preferred to one ending in `old`: that of greater
/// total difficulty. At a tie `none` networks keep what they have, `advance` networks take the
/// lower proof score of two blocks of one height.
pub fn is_better(network: &Network, new: &ChainHeader, old: &ChainHeader) -> bool {
    if new.total_difficulty != old.total_difficulty {
        return new.total_difficulty > old.total_difficulty;
    }
    network.empty_epochs == EmptyEpochs::Advance
        && new.header.height == old.header.height
        && new.header.score < old.header.score
}
