//! What following a script must come to: the rules of following a node, worked
//! out by themselves.

use spacetime_protocol::{
    BlockHash,
    block::Block,
    header::BlockHeader,
    wire::{End, Lie, Message, Taken},
};

use crate::{
    chain::Local,
    play::Ending,
    script::{Content, Node, Question},
};

/// Blocks that are asked for at once.
const AT_ONCE: usize = 16;
/// Headers of a page that is not the last one.
const PAGE: usize = 2000;
/// Questions for blocks that may stay unanswered.
const PATIENCE: usize = 2;

/// What must come of it.
pub(crate) struct Expected {
    pub(crate) ending: Ending,
    pub(crate) questions: Vec<Question>,
    pub(crate) local: Local,
}

/// Works it out.
struct Course<'a> {
    node: Node<'a>,
    local: Local,
    questions: Vec<Question>,
    failures: usize,
}

/// What a page of headers came to.
enum Page {
    /// The blocks that we lack, and whether there are more headers.
    Wanted(Vec<BlockHash>, bool),
    Ended(Ending),
}

/// What one block came to.
enum Got {
    Block,
    /// None; the node is asked for headers once more.
    Nothing,
    /// Another one among several, or news.
    Unknown,
    Ended(Ending),
}

/// `None`: among several blocks that it was asked for, the node answers with
/// another one, or with news; how the others come then is not worked out here.
pub(crate) fn expected(node: Node<'_>, local: Local) -> Option<Expected> {
    let mut course = Course { node, local, questions: Vec::new(), failures: 0 };
    let ending = course.run()?;
    Some(Expected { ending, questions: course.questions, local: course.local })
}

fn no_answer(what: &'static str) -> Ending {
    Ending::Left(Lie::NoAnswer { what })
}

impl Course<'_> {
    fn run(&mut self) -> Option<Ending> {
        let mut after = None;
        loop {
            let (wanted, is_full) = match self.page(after.take()) {
                Page::Wanted(wanted, is_full) => (wanted, is_full),
                Page::Ended(ending) => return Some(ending),
            };
            match self.blocks(&wanted) {
                Got::Block if is_full => after = wanted.last().copied(),
                Got::Block => return Some(Ending::Synced),
                Got::Nothing => {}
                Got::Unknown => return None,
                Got::Ended(ending) => return Some(ending),
            }
        }
    }

    /// Headers after our tip's parent; where there are none, those after
    /// earlier blocks of ours, and at last the node's first.
    fn page(&mut self, after: Option<BlockHash>) -> Page {
        let mut further_back = match after {
            Some(_) => Vec::new(),
            None => self.local.before(&self.local.asks_after()),
        };
        let mut after = after.unwrap_or_else(|| self.local.asks_after());
        loop {
            self.questions.push(Question::Headers(after));
            let reply = self.node.answer(Question::Headers(after), &self.local);
            let headers = match Content::of(&reply) {
                Content::Headers(headers) => headers,
                Content::Closed => return Page::Ended(Ending::Lost(End::Closed)),
                Content::Broken(error) => return Page::Ended(Ending::Lost(End::Frame(error))),
                Content::Block(bytes) => return Page::Ended(self.unasked(&bytes)),
                Content::Other(Message::BlockAccepted { hash, height }) => {
                    return Page::Ended(self.notice(hash, height));
                }
                Content::Nothing | Content::Other(_) | Content::Malformed => {
                    return Page::Ended(no_answer("a question for headers"));
                }
            };
            if headers.is_empty() {
                match further_back.pop() {
                    Some(earlier) => after = earlier,
                    None => return Page::Wanted(Vec::new(), false),
                }
                continue;
            }
            return match self.check(after, &headers) {
                Ok(wanted) => Page::Wanted(wanted, headers.len() == PAGE),
                Err(lie) => Page::Ended(Ending::Left(lie)),
            };
        }
    }

    /// A block while headers are waited for is taken if it can be, and is no
    /// answer.
    fn unasked(&mut self, bytes: &[u8]) -> Ending {
        let block = match Block::decode(bytes) {
            Ok(block) => block,
            Err(error) => return Ending::Left(Lie::Block(error.to_string())),
        };
        match self.local.take(&block) {
            Taken::Invalid(reason) => Ending::Left(Lie::Invalid { hash: block.hash(), reason }),
            _ => no_answer("a question for headers"),
        }
    }

    /// A notice while headers are waited for is looked at, and is no answer.
    fn notice(&mut self, hash: BlockHash, said: u64) -> Ending {
        match self.local.height_of(&hash) {
            Some(height) if height != said => {
                return Ending::Left(Lie::Height { hash, said, height });
            }
            None if said <= self.local.height() + 1 => self.questions.push(Question::Block(hash)),
            _ => {}
        }
        no_answer("a question for headers")
    }

    /// Each header follows the one before it.
    fn check(&self, after: BlockHash, headers: &[Vec<u8>]) -> Result<Vec<BlockHash>, Lie> {
        let genesis = self.local.genesis;
        let mut before = if after.is_zero() { genesis } else { after };
        let mut height = self.local.height_of(&before);
        let mut chain = Vec::new();
        for bytes in headers {
            let header =
                BlockHeader::decode(bytes).map_err(|error| Lie::Header(error.to_string()))?;
            let (hash, parent) = (header.hash(), header.parent);
            if parent != before {
                return Err(match chain.is_empty() {
                    true if after.is_zero() => Lie::OtherNetwork { genesis },
                    true => Lie::OtherHeaders { after, hash, parent },
                    false => Lie::Parent { hash, parent },
                });
            }
            let expected = height.map_or(header.height, |height| height + 1);
            if header.height != expected {
                return Err(Lie::Height { hash, said: header.height, height: expected });
            }
            (before, height) = (hash, Some(expected));
            chain.push(hash);
        }
        chain.retain(|hash| !self.local.holds(hash));
        Ok(chain)
    }

    /// The blocks in their order, so many of them asked for ahead.
    fn blocks(&mut self, wanted: &[BlockHash]) -> Got {
        let mut asked = 0;
        for (taken, hash) in wanted.iter().enumerate() {
            let ahead = wanted.len().min(taken + AT_ONCE);
            self.questions.extend(wanted[asked..ahead].iter().copied().map(Question::Block));
            asked = ahead;
            match self.block(*hash, wanted.len()) {
                Got::Block => {}
                other => return other,
            }
        }
        Got::Block
    }

    fn block(&mut self, hash: BlockHash, wanted: usize) -> Got {
        let reply = self.node.answer(Question::Block(hash), &self.local);
        let bytes = match Content::of(&reply) {
            Content::Block(bytes) => bytes,
            Content::Closed => return Got::Ended(Ending::Lost(End::Closed)),
            Content::Broken(error) => return Got::Ended(Ending::Lost(End::Frame(error))),
            Content::Other(Message::BlockAccepted { hash, height: said }) => {
                return match self.local.height_of(&hash) {
                    Some(height) if height == said => self.fail(),
                    Some(height) => Got::Ended(Ending::Left(Lie::Height { hash, said, height })),
                    None => Got::Unknown,
                };
            }
            _ => return self.fail(),
        };
        let block = match Block::decode(&bytes) {
            Ok(block) => block,
            Err(error) => return Got::Ended(Ending::Left(Lie::Block(error.to_string()))),
        };
        if block.hash() != hash {
            return if wanted == 1 { self.other(hash, &block) } else { Got::Unknown };
        }
        match self.local.take(&block) {
            Taken::Held => {
                self.failures = 0;
                Got::Block
            }
            Taken::Invalid(reason) => Got::Ended(Ending::Left(Lie::Invalid { hash, reason })),
            other => panic!("{other:?}"),
        }
    }

    /// Another block than the one that was asked for: not believed to be it,
    /// and named when the other one does not come. One that cannot be placed is
    /// explained by headers.
    fn other(&mut self, asked: BlockHash, block: &Block) -> Got {
        let came = block.hash();
        if !self.local.holds(&came) {
            match self.local.take(block) {
                Taken::Held => {}
                Taken::Invalid(reason) => {
                    return Got::Ended(Ending::Left(Lie::Invalid { hash: came, reason }));
                }
                _ => {
                    if let Page::Ended(ending) = self.page(None) {
                        return Got::Ended(ending);
                    }
                }
            }
        }
        Got::Ended(Ending::Left(Lie::OtherBlock { asked, came }))
    }

    fn fail(&mut self) -> Got {
        self.failures += 1;
        if self.failures == PATIENCE {
            return Got::Ended(no_answer("a question for a block"));
        }
        Got::Nothing
    }
}
