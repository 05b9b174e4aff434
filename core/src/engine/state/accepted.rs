//! Blocks of ours that were accepted: another branch may still replace them.

use std::collections::VecDeque;

use spacetime_protocol::{BlockHash, chain::FORK_DEPTH};

use super::State;
use crate::{
    engine::event::Now,
    observe::{Detail, Replaced},
    submit::OwnBlock,
};

/// Accepted blocks that are watched at once, the latest ones.
const WATCHED: usize = 2 * FORK_DEPTH as usize;

/// Accepted blocks near the tip.
#[derive(Debug, Default)]
pub(super) struct AcceptedBlocks(VecDeque<Watched>);

#[derive(Debug)]
struct Watched {
    hash: BlockHash,
    epoch: u64,
    height: u64,
    lost: bool,
}

impl AcceptedBlocks {
    pub(super) fn add(&mut self, block: &OwnBlock) {
        if self.0.len() == WATCHED {
            self.0.pop_front();
        }
        let OwnBlock { hash, epoch, height, .. } = *block;
        self.0.push_back(Watched { hash, epoch, height, lost: false });
    }
}

impl State {
    /// Tells of accepted blocks that have left the best chain, or are back in
    /// it. Where the chain has no block yet, nothing is known.
    pub(super) fn settle_accepted(&mut self, now: Now) {
        let tip = self.chain.tip().header.height;
        let mut accepted = std::mem::take(&mut self.accepted);
        accepted.0.retain(|block| block.height + FORK_DEPTH >= tip);
        for block in &mut accepted.0 {
            let Some(there) = self.chain.hash_at(block.height) else { continue };
            let lost = there != block.hash;
            if lost == block.lost {
                continue;
            }
            block.lost = lost;
            let detail = if lost {
                self.counters.lost += 1;
                Detail::Lost(Replaced { hash: block.hash, by: there })
            } else {
                self.counters.lost -= 1;
                Detail::Regained { hash: block.hash }
            };
            self.tell(now, Some(block.epoch), Some(block.height), detail);
        }
        self.accepted = accepted;
    }
}
