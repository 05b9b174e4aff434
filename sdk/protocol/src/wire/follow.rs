//! Following one node's chain (`wire.md` sections 5 and 7): what to ask it
//! for, and when what it says cannot be true.
//!
//! Without I/O and clock. The owner sends what it is told to, checks blocks
//! by the network's rules, and says what came of them; this decides from that
//! alone. Blocks are asked for in their order, a few at a time; a block that
//! the node announces is asked for by its hash at once, which takes one round
//! trip.

use std::collections::{HashMap, VecDeque};

use thiserror::Error;

use super::{MAX_HEADERS, Message};
use crate::{BlockHash, block::Block, header::BlockHeader};

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

/// What is known of our own chain.
pub trait Ours {
    /// Why it cannot be said.
    type Error;

    /// The best chain's last block, and its height.
    ///
    /// # Errors
    /// As [`Ours::Error`], like all of these.
    fn tip(&self) -> Result<(BlockHash, u64), Self::Error>;

    /// The height of a block that is held, on whichever branch.
    ///
    /// # Errors
    /// As [`Ours::tip`].
    fn height_of(&self, hash: &BlockHash) -> Result<Option<u64>, Self::Error>;

    /// Hashes of the best chain, newest first, at growing distances (the first
    /// two one block apart), the genesis block's last.
    ///
    /// # Errors
    /// As [`Ours::tip`].
    fn locator(&self) -> Result<Vec<BlockHash>, Self::Error>;
}

/// What the owner shall do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this to the node.
    Send(Message),
    /// Check this block, take it if it is valid, and say what came of it with
    /// [`Follower::submitted`].
    Submit(Box<Block>),
    /// The node has no block that we lack.
    Synced,
    /// The node's best chain ends with this block, which we hold and have
    /// left behind; said once for each answer that shows it.
    Behind {
        /// Its tip, below ours or beside it.
        tip: BlockHash,
    },
    /// Close the connection: this cannot be true, or cannot be followed.
    Leave(Lie),
}

/// What came of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is held now, or was before.
    Held,
    /// Its parent is not held.
    Orphan,
    /// It lies further ahead of the clock than is allowed; it may be asked
    /// for again then.
    Early {
        /// Unix ms.
        until_ms: u64,
    },
    /// It breaks a rule.
    Invalid(String),
    /// It leaves our chain where that cannot be undone any more.
    TooDeep,
    /// Our own store failed; it says nothing about the block.
    Failed,
}

/// What a node said that cannot be true, or cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Lie {
    /// Its chain begins with another genesis block.
    #[error("it is on another network: its chain does not begin with our genesis block {genesis}")]
    OtherNetwork {
        /// Ours.
        genesis: BlockHash,
    },
    /// A header that is none.
    #[error("it sent a header that cannot be decoded: {0}")]
    Header(String),
    /// A header that does not continue what it was asked to continue.
    #[error("it sent header {hash}, whose parent {parent} is not the block before it")]
    Parent {
        /// The header's hash.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// Headers that do not follow the block that it was asked about.
    #[error(
        "it was asked for what follows block {after} and sent header {hash}, whose parent \
         {parent} is not the block before it"
    )]
    OtherHeaders {
        /// What was asked for.
        after: BlockHash,
        /// The first header's hash.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// A header or a notice with a height that is not the block's.
    #[error("it gave block {hash} the height {said}; it has the height {height}")]
    Height {
        /// The block.
        hash: BlockHash,
        /// What the node said.
        said: u64,
        /// What follows from its parent, or from the block itself.
        height: u64,
    },
    /// A block that is none.
    #[error("it sent a block that cannot be decoded: {0}")]
    Block(String),
    /// A block that breaks a rule.
    #[error("it sent block {hash}, which is not valid: {reason}")]
    Invalid {
        /// The block.
        hash: BlockHash,
        /// The rule.
        reason: String,
    },
    /// Its chain leaves ours too far below the tip.
    #[error(
        "its chain leaves ours with the parent of block {hash}, too far below the tip to follow"
    )]
    TooDeep {
        /// The first block that is not ours.
        hash: BlockHash,
    },
    /// It does not send a block that it told of, and sends others instead.
    #[error(
        "it was asked for block {asked} and sent block {came}: the one that it was asked for did \
         not come within {} s", ANSWER_MS / 1000
    )]
    OtherBlock {
        /// What was asked for.
        asked: BlockHash,
        /// What came last that was not asked for.
        came: BlockHash,
    },
    /// It does not answer.
    #[error("it did not answer {what} within {} s", ANSWER_MS / 1000)]
    NoAnswer {
        /// What it was asked.
        what: &'static str,
    },
}

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
            Message::BlockAccepted { hash, height } => self.notice(*hash, *height, ours, now_ms),
            _ => return Ok(Vec::new()),
        };
        self.poll_ms = now_ms + POLL_MS;
        heard
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
        [headers, block, wait, poll].into_iter().flatten().min().unwrap_or(u64::MAX)
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

    fn ask_headers<O: Ours>(&mut self, ours: &O, now_ms: u64) -> Result<Vec<Step>, O::Error> {
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

    fn ask_headers_after(
        &mut self,
        after: BlockHash,
        back: VecDeque<BlockHash>,
        now_ms: u64,
    ) -> Step {
        self.headers = Some(HeadersAsked { after, back, sent_ms: now_ms });
        let max = i32::try_from(MAX_HEADERS).unwrap_or(i32::MAX);
        Step::Send(Message::GetHeaders { locator: after, stop: None, max })
    }

    fn headers<O: Ours>(
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

    fn block<O: Ours>(
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
            self.asked.iter_mut().for_each(|asked| asked.came = Some(hash));
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

    fn notice<O: Ours>(
        &mut self,
        hash: BlockHash,
        said: u64,
        ours: &O,
        now_ms: u64,
    ) -> Result<Vec<Step>, O::Error> {
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
