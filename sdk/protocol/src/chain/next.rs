//! What the next block must say (`consensus.md` sections 5 and 6, and our decision on empty
//! epochs).

use crate::{
    BlockHash, challenge,
    header::BlockHeader,
    network::{EmptyEpochs, Network},
    validity::Expected,
};

/// Difficulty of the block after `parent`. `at` finds the timestamp of the ancestor of `parent`
/// at a height. `None` where that ancestor is not known.
pub fn next_difficulty(
    network: &Network,
    parent: &BlockHeader,
    at: impl FnOnce(u64) -> Option<u64>,
) -> Option<u64> {
    let adjustment = &network.adjustment;
    if !adjustment.is_due(parent.height) {
        return Some(parent.difficulty);
    }
    let begin = at(parent.height.checked_sub(adjustment.interval)?)?;
    Some(adjustment.next(parent.difficulty, parent.timestamp, begin))
}

/// What a block that claims an epoch must say on `parent`. Where the epoch claimed is not valid
/// (any but height + 1 on `none` networks, one not after the parent's on `advance` ones), the
/// nearest valid one is expected, so that checks fail with
/// [`InvalidEpoch`](crate::validity::BlockErrorKind::InvalidEpoch) in their place.
pub fn expected(
    network: &Network,
    parent: &BlockHeader,
    parent_hash: &BlockHash,
    difficulty: u64,
    epoch: u64,
) -> Expected {
    let height = parent.height.saturating_add(1);
    let (epoch, min_timestamp) = match network.empty_epochs {
        EmptyEpochs::None => (height, 0),
        EmptyEpochs::Advance => {
            let epoch = epoch.max(parent.epoch.saturating_add(1));
            let windows = epoch - parent.epoch;
            let wait = windows.saturating_mul(network.epoch_seconds);
            // What saturates lies beyond every timestamp that the wire carries.
            (epoch, parent.timestamp.saturating_add(wait))
        }
    };
    Expected {
        parent: Some(*parent_hash),
        height,
        difficulty,
        epoch,
        challenge: challenge::challenge(parent_hash, epoch),
        min_timestamp,
    }
}
