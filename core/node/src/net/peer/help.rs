//! Helping a peer whose chain is left behind ours, and that may never ask: it
//! is sent the blocks that it lacks, and told our tip.

use spacetime_protocol::BlockHash;
use spacetime_protocol::wire::Message;

use super::Peer;
use super::debts::Owed;
use crate::Service;
use crate::net::{Event, serve};
use crate::store::StoreError;

/// Blocks that a peer is sent unasked: as many as can still be replaced, and
/// as it has to look at at once (`wire.md` section 11).
const MAX_PUSHED: u64 = 100;
/// Blocks that are remembered as having been helped from; then no more help.
const MAX_HELPED: usize = 1024;

/// What a peer lacks.
struct Lack {
    /// The last block that its chain has in common with ours.
    common: BlockHash,
    /// How many blocks of ours come after it.
    missing: u64,
    /// Those, ascending; none if they are too many.
    blocks: Vec<BlockHash>,
    /// Our tip.
    tip: BlockHash,
    /// Whether ours has no more work than its chain.
    is_tie: bool,
}

impl Peer {
    /// The peer's best chain ends with this block, below our tip or beside it.
    pub(super) async fn is_behind(&mut self, theirs: BlockHash) {
        if !self.hub.options().helps {
            return;
        }
        let service = self.hub.service().clone();
        let lack = tokio::task::spawn_blocking(move || lack(&service, &theirs)).await;
        let lack = match lack {
            Ok(Ok(Some(lack))) => lack,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                return tracing::error!(%error, "what a peer lacks cannot be read");
            }
            Err(error) => return tracing::error!(%error, "what a peer lacks was not read"),
        };
        // Where both are as good, ours only matters to what we won on it.
        if lack.is_tie && self.hub.held_on(&lack.tip).is_empty() {
            return;
        }
        if self.helped.len() >= MAX_HELPED || !self.helped.insert(lack.common) {
            return self.was_helped(&lack).await;
        }
        let (peer, missing) = (self.member.address, lack.missing);
        tracing::info!(%peer, missing, "its chain is behind ours, and it is helped");
        lack.blocks.into_iter().for_each(|block| self.debts.push(Owed::Block(block)));
        self.debts.push(Owed::Tip);
        // Whether it has taken them is seen by asking again soon.
        self.sent_block();
    }

    /// It is where it was when it was helped.
    async fn was_helped(&mut self, lack: &Lack) {
        let cannot_be = lack.blocks.is_empty() && !self.member.has_asked();
        if cannot_be && !self.is_given_up {
            self.is_given_up = true;
            let (peer, address, missing) = (self.member.id, self.member.address, lack.missing);
            tracing::warn!(%address, missing, "it lacks too many of our blocks and asks for none");
            self.hub.emit(Event::LeftBehind { peer, missing }).await;
        }
    }

    /// Sends a block of our chain that nobody asked for.
    pub(super) async fn push(&mut self, hash: BlockHash) {
        for block in serve::answers(self.hub.service().clone(), Message::GetBlock(hash)).await {
            self.send(&block);
        }
    }

    /// Tells our tip, and sends again what we won on it: it could not be taken
    /// before.
    pub(super) async fn push_tip(&mut self) {
        let Some((hash, height)) = self.tip().await else { return };
        self.send(&Message::BlockAccepted { hash, height });
        for block in self.hub.held_on(&hash) {
            match self.hub.own_frames(&block) {
                Ok(frames) => frames.into_iter().for_each(|frame| self.member.outbox.keep(frame)),
                Err(error) => tracing::error!(%error, "a block has no wire form"),
            }
            self.sent_block();
        }
    }
}

/// What somebody lacks whose chain ends with this block.
fn lack(service: &Service, theirs: &BlockHash) -> Result<Option<Lack>, StoreError> {
    let ours = service.tip()?;
    let Some(theirs) = service.header(theirs)? else { return Ok(None) };
    let is_tie = theirs.total_difficulty >= ours.total_difficulty;
    let mut common = theirs.header;
    while service.best_at(common.height)? != Some(common.hash()) {
        let Some(parent) = service.header(&common.parent)? else { return Ok(None) };
        common = parent.header;
    }
    let missing = ours.header.height.saturating_sub(common.height);
    if missing == 0 {
        return Ok(None);
    }
    let mut blocks = Vec::new();
    if missing <= MAX_PUSHED {
        for height in common.height + 1..=ours.header.height {
            blocks.extend(service.best_at(height)?);
        }
    }
    let (common, tip) = (common.hash(), ours.header.hash());
    Ok(Some(Lack { common, missing, blocks, tip, is_tie }))
}
