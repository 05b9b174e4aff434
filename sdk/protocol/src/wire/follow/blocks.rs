//! The node's blocks and the notices of them.

use super::{BlockAsked, Follower, Lie, Ours, POLL_SOON_MS, Step, WINDOW};
use crate::{BlockHash, block::Block, wire::Message};

impl Follower {
    /// Takes note of a block that the node sent and nobody asked for, which
    /// its owner knows and did not look at again: should what was asked for
    /// not come, that one came instead.
    pub fn came(&mut self, hash: BlockHash) {
        self.asked.iter_mut().for_each(|asked| asked.came = Some(hash));
    }

    pub(super) fn block<O: Ours>(
        &mut self,
        bytes: &[u8],
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        let block = match Block::decode(bytes) {
            Ok(block) => block,
            Err(error) => return Ok(vec![Step::Leave(Lie::Block(error.to_string()))]),
        };
        let (hash, height) = (block.hash(), block.header.height);
        self.wanted.retain(|wanted| *wanted != hash);
        if !self.is_asked(&hash) {
            self.came(hash);
        }
        if let Some(said) = self.noticed.remove(&hash)
            && said != height
        {
            return Ok(vec![Step::Leave(Lie::Height { hash, said, height })]);
        }
        if ours.height_of(&hash)?.is_some() {
            self.asked.retain(|asked| asked.hash != hash);
            return self.go_on(ours, now_ms);
        }
        Ok(vec![Step::Submit(Box::new(block))])
    }

    /// Looks at the newest notice, if one may be looked at now.
    pub(super) fn look_at_notice<O: Ours>(
        &mut self,
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        let Some((hash, said)) = self.notices.take(now_ms) else { return Ok(Vec::new()) };
        // What it answered before is out of date.
        self.ends_with = None;
        if let Some(height) = ours.height_of(&hash)? {
            if height != said {
                return Ok(vec![Step::Leave(Lie::Height { hash, said, height })]);
            }
            if ours.tip()?.0 != hash {
                self.look_ms.get_or_insert(now_ms + POLL_SOON_MS);
            }
            return self.go_on(ours, now_ms);
        }
        if self.is_asked(&hash) || self.wanted.contains(&hash) {
            self.noticed.insert(hash, said);
            return Ok(Vec::new());
        }
        let (_, tip) = ours.tip()?;
        let is_waited_for = self.waits.is_some_and(|(waited, _)| waited == hash);
        if said > tip.saturating_add(1) || self.asked.len() >= WINDOW || is_waited_for {
            // There is a gap before it.
            self.again = true;
            return self.go_on(ours, now_ms);
        }
        self.noticed.insert(hash, said);
        self.asked.push_back(BlockAsked::new(hash, now_ms));
        Ok(vec![Step::Send(Message::GetBlock(hash))])
    }
}
