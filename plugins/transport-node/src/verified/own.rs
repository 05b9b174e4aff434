//! Blocks of ours that a node has not accepted yet, and what their fate is.

use spacetime_node::{Service, store::StoreError};
use spacetime_sdk::protocol::{block::Block, network::EmptyEpochs};

/// Blocks that are kept at once; for another one, the oldest is given up.
const MAX_OPEN: usize = 16;

/// Blocks whose fate is open.
#[derive(Debug, Default)]
pub(super) struct OwnBlocks {
    open: Vec<Own>,
}

/// A block that was submitted, under the host's number for it.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) ticket: u64,
    pub(super) block: Block,
}

/// What the chain says to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is part of the best chain.
    Accepted,
    /// It may still become part of it.
    Open,
    /// Another block has its place.
    Stale,
}

impl OwnBlocks {
    /// Keeps a block until it is taken away; one that was kept under the same
    /// number is the same.
    pub(super) fn keep(&mut self, own: Own) {
        self.open.retain(|other| other.ticket != own.ticket);
        if self.open.len() == MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push(own);
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> &[Own] {
        &self.open
    }

    /// Takes one away; whether it was there.
    pub(super) fn take(&mut self, ticket: u64) -> bool {
        let before = self.open.len();
        self.open.retain(|own| own.ticket != ticket);
        self.open.len() < before
    }
}

/// How a block stands with the chain.
///
/// # Errors
/// The chain cannot be read.
pub(super) fn fate(service: &Service, block: &Block) -> Result<Fate, StoreError> {
    let ours = &block.header;
    let Some(best) = service.best_at(ours.height)? else {
        // A block higher than the tip has more work behind it.
        return Ok(Fate::Open);
    };
    if best == block.hash() {
        return Ok(Fate::Accepted);
    }
    // Where blocks at one height tie, the lower score takes the other's place.
    let ties = service.network().empty_epochs == EmptyEpochs::Advance
        && service.best_at(ours.height.saturating_add(1))?.is_none();
    let best = service.header(&best)?.map(|stored| stored.header);
    let beats = best.is_some_and(|best| best.parent == ours.parent && ours.score < best.score);
    Ok(if ties && beats { Fate::Open } else { Fate::Stale })
}
