//! Blocks on their way into our own chain, and what came of them.

use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::validity::{BlockError, BlockErrorKind};
use spacetime_protocol::wire::{Message, Taken};

use super::{Hub, PeerId};
use crate::{Rejection, Submitted};

/// How far ahead of the clock a block may lie to be kept until then, ms.
const WORTH_WAITING_MS: u64 = 120_000;
/// A clock has to be read after the moment, not at it.
const GRACE: Duration = Duration::from_millis(20);

/// What came of a block.
pub(super) struct Outcome {
    pub(super) taken: Taken,
    /// Whether it was not held before.
    pub(super) is_new: bool,
    /// Whether it is the tip now.
    is_tip: bool,
}

impl Outcome {
    const FAILED: Self = Self { taken: Taken::Failed, is_new: false, is_tip: false };
}

impl Hub {
    /// Checks a block and takes it.
    pub(super) async fn submit(&self, block: Block) -> Outcome {
        let (service, now) = (self.service().clone(), self.clock().now());
        let submitted = tokio::task::spawn_blocking(move || {
            let result = service.submit_block(&block, now);
            (block, result)
        });
        let (block, result) = match submitted.await {
            Ok((block, Ok(submitted))) => (block, submitted),
            Ok((block, Err(error))) => {
                tracing::error!(block = %block.hash(), %error, "a block cannot be stored");
                return Outcome::FAILED;
            }
            // The runtime ends, or a bug that is reported on stderr.
            Err(error) => {
                tracing::error!(%error, "a block was not looked at");
                return Outcome::FAILED;
            }
        };
        let is_tip = result == Submitted::NewTip;
        let is_new = is_tip || result == Submitted::SideBranch;
        if is_new {
            let BlockHeader { height, miner, .. } = &block.header;
            tracing::info!(height, hash = %block.hash(), %miner, is_tip, "block");
        }
        if is_new {
            self.submit_orphans_of(&block.hash());
        }
        let taken = taken(&block, result, now, self.service().network().max_future_seconds);
        Outcome { taken, is_new, is_tip }
    }

    /// Keeps a block until its parent comes.
    pub(super) async fn keep_orphan(&self, block: Block, source: PeerId) {
        let (service, parent) = (self.service().clone(), block.header.parent);
        let Ok(bytes) = block.encode() else { return };
        self.orphans().keep(block, source, bytes.len());
        // It may have come while the block was looked at.
        let held = tokio::task::spawn_blocking(move || service.header(&parent)).await;
        if matches!(held, Ok(Ok(Some(_)))) {
            self.submit_orphans_of(&parent);
        }
    }

    /// Takes the blocks that waited for this one.
    fn submit_orphans_of(&self, parent: &BlockHash) {
        let orphans = self.orphans().after(parent);
        for (block, source) in orphans {
            let hub = self.clone();
            self.spawn(async move {
                hub.submit_unasked(block, source).await;
            });
        }
    }

    /// Checks a block that nobody here asked for, takes it, and passes it on:
    /// a new tip ahead of the notice of it, others at once.
    pub(super) async fn submit_unasked(&self, block: Block, source: PeerId) -> Outcome {
        self.set_fresh(&block, source);
        let hash = block.hash();
        let outcome = self.submit(block).await;
        if !(outcome.is_tip && self.options().announces)
            && let Some((block, source)) = self.take_fresh(&hash)
            && outcome.is_new
        {
            self.relay_block(&block, Some(source));
        }
        outcome
    }

    /// Takes a block once the clock allows it, and passes it on then.
    pub(super) fn submit_later(&self, block: Block, at_ms: u64, source: PeerId) {
        let wait_ms = at_ms.saturating_sub(self.clock().now_ms());
        let is_kept = wait_ms <= WORTH_WAITING_MS;
        tracing::info!(hash = %block.hash(), seconds = wait_ms.div_ceil(1000), is_kept,
            "a block lies too far ahead of our clock: one of the two clocks is wrong");
        if !is_kept {
            return;
        }
        let Ok(bytes) = block.encode() else { return };
        let Some(room) = self.early().take(bytes.len()) else { return };
        let hub = self.clone();
        self.spawn(async move {
            hub.clock().until_ms(at_ms).await;
            tokio::time::sleep(GRACE).await;
            hub.submit_unasked(block, source).await;
            drop(room);
        });
    }

    /// Passes a valid block on, without what its sender may have put behind it.
    pub(super) fn relay_block(&self, block: &Block, source: Option<PeerId>) {
        if self.options().relays
            && let Ok(bytes) = block.encode()
        {
            self.relay(&Message::Block(bytes), source);
        }
    }
}

fn taken(block: &Block, submitted: Submitted, now: u64, max_future_seconds: u64) -> Taken {
    match submitted {
        Submitted::NewTip | Submitted::SideBranch | Submitted::AlreadyKnown { .. } => Taken::Held,
        Submitted::Rejected(Rejection::UnknownParent { .. }) => Taken::Orphan,
        Submitted::Rejected(Rejection::TooDeep { .. }) => Taken::TooDeep,
        Submitted::Rejected(Rejection::Invalid(BlockError {
            kind: BlockErrorKind::InvalidTimestamp,
            ..
        })) if is_early(block, now, max_future_seconds) => {
            let allowed = block.header.timestamp.saturating_sub(max_future_seconds);
            Taken::Early { until_ms: allowed.saturating_mul(1000) }
        }
        Submitted::Rejected(rejection) => Taken::Invalid(rejection.to_string()),
    }
}

/// Whether it lies ahead of the clock that it was checked by, rather than
/// before its window's end.
fn is_early(block: &Block, now: u64, max_future_seconds: u64) -> bool {
    block.header.timestamp > now.saturating_add(max_future_seconds)
}
