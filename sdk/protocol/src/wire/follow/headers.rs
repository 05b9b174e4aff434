//! The node's headers: asking for them, and whether they can be true.

use std::collections::VecDeque;

use super::{Follower, HeadersAsked, Lie, Ours, Step};
use crate::{
    BlockHash,
    header::BlockHeader,
    wire::{MAX_HEADERS, Message},
};

impl Follower {
    pub(super) fn ask_headers<O: Ours>(
        &mut self,
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        self.again = false;
        self.continues = None;
        self.ends_with = None;
        self.look_ms = None;
        let mut back = VecDeque::from(ours.locator()?);
        // What comes after the tip's parent tells whether the node has the tip,
        // too. Nothing after the tip would tell nothing.
        if back.len() > 1 {
            back.pop_front();
        }
        let after = back.pop_front().unwrap_or(self.genesis);
        // A node that does not know our genesis block tells its own first header.
        back.push_back(BlockHash::ZERO);
        Ok(vec![self.ask_headers_after(after, back, now_ms)])
    }

    pub(super) fn ask_headers_after(
        &mut self,
        after: BlockHash,
        back: VecDeque<BlockHash>,
        now_ms: u64,
    ) -> Step {
        self.headers = Some(HeadersAsked { after, back, sent_ms: now_ms });
        let max = i32::try_from(MAX_HEADERS).unwrap_or(i32::MAX);
        Step::Send(Message::GetHeaders { locator: after, stop: None, max })
    }

    pub(super) fn headers<O: Ours>(
        &mut self,
        headers: &[Vec<u8>],
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        // Nobody asked.
        let Some(HeadersAsked { after, mut back, sent_ms }) = self.headers.take() else {
            return Ok(Vec::new());
        };
        if headers.is_empty() {
            // Either there is nothing after it, or the node does not know it.
            if let Some(earlier) = back.pop_front() {
                return Ok(vec![self.ask_headers_after(earlier, back, now_ms)]);
            }
            self.forget_lost(&[], sent_ms);
            self.ends_with = Some(if after.is_zero() { self.genesis } else { after });
            return self.go_on(ours, now_ms);
        }
        let chain = match self.check_headers(after, headers, ours)? {
            Ok(chain) => chain,
            Err(lie) => return Ok(vec![Step::Leave(lie)]),
        };
        if headers.len() < MAX_HEADERS {
            self.forget_lost(&chain, sent_ms);
            self.ends_with = chain.last().copied();
        } else {
            self.continues = chain.last().copied();
        }
        for hash in chain {
            if ours.height_of(&hash)?.is_none() && !self.is_asked(&hash) {
                self.wanted.push_back(hash);
            }
        }
        self.go_on(ours, now_ms)
    }

    /// Waits no more for blocks that were asked for before the node told its
    /// chain, and are not in it: it need not have them any more.
    fn forget_lost(&mut self, chain: &[BlockHash], sent_ms: u64) {
        self.asked.retain(|asked| asked.sent_ms > sent_ms || chain.contains(&asked.hash));
    }

    /// The hashes of headers that follow a block, each the next one's parent.
    fn check_headers<O: Ours>(
        &self,
        after: BlockHash,
        headers: &[Vec<u8>],
        ours: &O,
    ) -> Result<Result<Vec<BlockHash>, Lie>, O::Error> {
        let mut before = if after.is_zero() { self.genesis } else { after };
        let mut height = ours.height_of(&before)?;
        let mut chain = Vec::with_capacity(headers.len());
        for bytes in headers {
            let header = match BlockHeader::decode(bytes) {
                Ok(header) => header,
                Err(error) => return Ok(Err(Lie::Header(error.to_string()))),
            };
            let (hash, parent) = (header.hash(), header.parent);
            if parent != before {
                let genesis = self.genesis;
                return Ok(Err(match chain.is_empty() {
                    true if after.is_zero() => Lie::OtherNetwork { genesis },
                    true => Lie::OtherHeaders { after, hash, parent },
                    false => Lie::Parent { hash, parent },
                }));
            }
            let expected = height.map_or(header.height, |height| height.saturating_add(1));
            if header.height != expected {
                return Ok(Err(Lie::Height { hash, said: header.height, height: expected }));
            }
            (before, height) = (hash, Some(header.height));
            chain.push(hash);
        }
        Ok(Ok(chain))
    }
}
