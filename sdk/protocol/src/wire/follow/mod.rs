//! Following one node's chain (`wire.md` sections 5 and 7): what to ask it
//! for, and when what it says cannot be true.
//!
//! Without I/O and clock. The owner sends what it is told to, checks blocks
//! by the network's rules, and says what came of them; this decides from that
//! alone. Blocks are asked for in their order, a few at a time; a block that
//! the node announces is asked for by its hash at once, which takes one round
//! trip. Of a flood of notices only the newest is looked at, now and then.

mod blocks;
mod headers;
mod lie;
mod owner;

use std::collections::{HashMap, VecDeque};

pub use self::{
    lie::Lie,
    owner::{Ours, Step, Taken},
};
use super::{Message, Notices};
use crate::BlockHash;

/// Blocks that are asked for and not there yet, at most.
const WINDOW: usize = 16;
/// What an answer may take, ms.
const ANSWER_MS: u64 = 30_000;
/// A node that has said nothing new for so long is asked for its headers, ms.
const POLL_MS: u64 = 15_000;
/// The same after a block of ours was sent to it, ms.
const POLL_SOON_MS: u64 = 2_000;
/// What a block that comes too early is waited for at most before the node is
/// asked again: nobody who sets a clock far ahead keeps us from the others.
const WAIT_MS: u64 = 15_000;
/// Blocks whose fetching may fail before the node is given up.
const PATIENCE: u32 = 2;

/// Follows one node.
#[derive(Debug)]
pub struct Follower {
    genesis: BlockHash,
    /// The question for headers that is open.
    headers: Option<HeadersAsked>,
    /// Blocks to be asked for, in their order.
    wanted: VecDeque<BlockHash>,
    /// Blocks that were asked for, oldest first.
    asked: VecDeque<BlockAsked>,
    notices: Notices,
    /// Heights that notices gave to blocks that we lack.
    noticed: HashMap<BlockHash, u64>,
    /// Its headers go on behind this one.
    continues: Option<BlockHash>,
    /// Something came that is explained by headers only.
    again: bool,
    /// That was acted upon while blocks were asked for; not again until one
    /// of them is there.
    has_looked: bool,
    /// A block that cannot be taken yet, and until when nothing is asked, Unix
    /// ms.
    waits: Option<(BlockHash, u64)>,
    is_synced: bool,
    /// Where its last complete answer for headers ended, until that was
    /// compared with our tip.
    ends_with: Option<BlockHash>,
    poll_ms: u64,
    /// It told a tip that is not as good as ours: it is asked for its headers
    /// then, Unix ms.
    look_ms: Option<u64>,
    failures: u32,
}

/// A question for headers.
#[derive(Debug)]
struct HeadersAsked {
    /// The block whose successors were asked for.
    after: BlockHash,
    /// Blocks to try when the node does not know that one, newest first.
    back: VecDeque<BlockHash>,
    sent_ms: u64,
}

/// A question for a block.
#[derive(Debug)]
struct BlockAsked {
    hash: BlockHash,
    sent_ms: u64,
    /// The last block that came since then and that nobody asked for. It may
    /// be news of the node's, so it is no lie as long as the answer comes, too.
    came: Option<BlockHash>,
}

impl BlockAsked {
    fn new(hash: BlockHash, sent_ms: u64) -> Self {
        Self { hash, sent_ms, came: None }
    }
}

impl Follower {
    /// Follows a node of the network with this genesis block.
    pub fn new(genesis: BlockHash) -> Self {
        Self {
            genesis,
            headers: None,
            wanted: VecDeque::new(),
            asked: VecDeque::new(),
            notices: Notices::default(),
            noticed: HashMap::new(),
            continues: None,
            again: false,
            has_looked: false,
            waits: None,
            is_synced: false,
            ends_with: None,
            poll_ms: u64::MAX,
            look_ms: None,
            failures: 0,
        }
    }

    /// Begins: asks for what the node has and we lack.
    ///
    /// # Errors
    /// Our own chain cannot be read, as for all methods here.
    pub fn start<O: Ours>(&mut self, ours: &O, now_ms: u64) -> Result<Vec<Step>, O::Error> {
        // Should our own chain not be there to be read.
        self.poll_ms = now_ms + POLL_SOON_MS;
        self.ask_headers(ours, now_ms)
    }

    /// Takes a message of the node; those that are no answer and no news of
    /// its chain are ignored.
    ///
    /// # Errors
    /// As [`Follower::start`].
    pub fn heard<O: Ours>(
        &mut self,
        message: &Message,
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        let heard = match message {
            Message::Headers(headers) => self.headers(headers, ours, now_ms),
            Message::Block(bytes) | Message::NewBlock(bytes) => self.block(bytes, ours, now_ms),
            Message::BlockAccepted { hash, height } => {
                self.hear_notice(*hash, *height, now_ms);
                self.look_at_notice(ours, now_ms)
            }
            _ => return Ok(Vec::new()),
        };
        self.poll_ms = now_ms + POLL_MS;
        heard
    }

    /// Takes a notice as [`Follower::heard`] does, but without looking at our
    /// chain: [`Follower::tick`] does that when it is due, which may be now.
    pub fn hear_notice(&mut self, hash: BlockHash, height: u64, now_ms: u64) {
        self.notices.hear((hash, height), now_ms);
        self.poll_ms = now_ms + POLL_MS;
    }

    /// Takes what came of a block that was to be submitted.
    ///
    /// # Errors
    /// As [`Follower::start`].
    pub fn submitted<O: Ours>(
        &mut self,
        hash: BlockHash,
        taken: Taken,
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
        let was_asked = self.is_asked(&hash);
        self.asked.retain(|asked| asked.hash != hash);
        match taken {
            Taken::Held => {
                self.failures = 0;
                self.has_looked = false;
                self.notices.credit();
            }
            Taken::Orphan => {
                if was_asked {
                    // The node's chain is another one now: so are those behind it.
                    self.wanted.clear();
                    self.continues = None;
                }
                self.again = true;
            }
            Taken::Early { until_ms } => {
                self.wait(hash, until_ms.clamp(now_ms, now_ms + WAIT_MS));
            }
            Taken::Invalid(reason) => return Ok(vec![Step::Leave(Lie::Invalid { hash, reason })]),
            Taken::TooDeep => return Ok(vec![Step::Leave(Lie::TooDeep { hash })]),
            Taken::Failed => self.wait(hash, now_ms + POLL_SOON_MS),
        }
        self.go_on(ours, now_ms)
    }

    /// A block of ours went out: unless the node tells what it did with it,
    /// it is asked soon.
    pub fn sent_block(&mut self, now_ms: u64) {
        self.poll_ms = self.poll_ms.min(now_ms + POLL_SOON_MS);
    }

    /// Does what is due.
    ///
    /// # Errors
    /// As [`Follower::start`].
    pub fn tick<O: Ours>(&mut self, ours: &O, now_ms: u64) -> Result<Vec<Step>, O::Error> {
        let is_late = |sent_ms: u64| sent_ms + ANSWER_MS <= now_ms;
        if self.headers.as_ref().is_some_and(|asked| is_late(asked.sent_ms)) {
            return Ok(vec![Step::Leave(Lie::NoAnswer { what: "a question for headers" })]);
        }
        if let Some(late) = self.asked.front().filter(|asked| is_late(asked.sent_ms)) {
            if let BlockAsked { hash: asked, came: Some(came), .. } = *late {
                return Ok(vec![Step::Leave(Lie::OtherBlock { asked, came })]);
            }
            // It may have left the node's chain meanwhile: see what is there now.
            self.failures += 1;
            if self.failures >= PATIENCE {
                return Ok(vec![Step::Leave(Lie::NoAnswer { what: "a question for a block" })]);
            }
            self.forget_blocks();
            self.again = true;
            return self.go_on(ours, now_ms);
        }
        if self.notices.due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
            return self.look_at_notice(ours, now_ms);
        }
        if self.waits.is_some_and(|(_, until_ms)| until_ms <= now_ms) {
            self.waits = None;
            self.again = true;
            return self.go_on(ours, now_ms);
        }
        if self.is_idle() && self.waits.is_none() && self.ask_ms() <= now_ms {
            return self.ask_headers(ours, now_ms);
        }
        Ok(Vec::new())
    }

    /// When [`Follower::tick`] has something to do next, Unix ms.
    pub fn due_ms(&self) -> u64 {
        let headers = self.headers.as_ref().map(|asked| asked.sent_ms + ANSWER_MS);
        let block = self.asked.front().map(|asked| asked.sent_ms + ANSWER_MS);
        let wait = self.waits.map(|(_, until_ms)| until_ms);
        let poll = (self.is_idle() && wait.is_none()).then_some(self.ask_ms());
        [headers, block, self.notices.due_ms(), wait, poll]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(u64::MAX)
    }

    /// When it is asked for its headers unless something else is to be done.
    fn ask_ms(&self) -> u64 {
        self.look_ms.map_or(self.poll_ms, |look_ms| look_ms.min(self.poll_ms))
    }

    /// Whether nothing is asked for.
    fn is_idle(&self) -> bool {
        self.headers.is_none() && self.wanted.is_empty() && self.asked.is_empty()
    }

    fn is_asked(&self, hash: &BlockHash) -> bool {
        self.asked.iter().any(|asked| asked.hash == *hash)
    }

    fn forget_blocks(&mut self) {
        self.wanted.clear();
        self.asked.clear();
        self.noticed.clear();
        self.continues = None;
        self.has_looked = false;
    }

    /// Asks for nothing until then: what follows a block cannot be taken
    /// before it, and is on its way as far as it was asked for.
    fn wait(&mut self, hash: BlockHash, until_ms: u64) {
        self.forget_blocks();
        self.waits = Some((hash, until_ms));
    }

    /// Asks for the next blocks, for more headers, or says that there are none.
    fn go_on<O: Ours>(&mut self, ours: &O, now_ms: u64) -> Result<Vec<Step>, O::Error> {
        let mut steps = Vec::new();
        if self.waits.is_some() {
            return Ok(steps);
        }
        while self.asked.len() < WINDOW
            && let Some(hash) = self.wanted.pop_front()
        {
            if ours.height_of(&hash)?.is_none() {
                self.asked.push_back(BlockAsked::new(hash, now_ms));
                steps.push(Step::Send(Message::GetBlock(hash)));
            }
        }
        if self.headers.is_some() || !self.wanted.is_empty() {
            return Ok(steps);
        }
        if !self.asked.is_empty() {
            // One that is asked for may be lost, and not worth to wait for.
            if self.again && !self.has_looked {
                self.has_looked = true;
                steps.extend(self.ask_headers(ours, now_ms)?);
            }
            return Ok(steps);
        }
        self.noticed.clear();
        if let Some(last) = self.continues.take() {
            steps.push(self.ask_headers_after(last, VecDeque::new(), now_ms));
        } else if self.again {
            steps.extend(self.ask_headers(ours, now_ms)?);
        } else {
            if !self.is_synced {
                self.is_synced = true;
                steps.push(Step::Synced);
            }
            steps.extend(self.behind(ours)?);
        }
        Ok(steps)
    }

    /// Whether the node has told a tip that is not as good as ours.
    fn behind<O: Ours>(&mut self, ours: &O) -> Result<Option<Step>, O::Error> {
        let Some(tip) = self.ends_with.take() else { return Ok(None) };
        let is_behind = ours.tip()?.0 != tip && ours.height_of(&tip)?.is_some();
        Ok(is_behind.then_some(Step::Behind { tip }))
    }
}
