//! A follower and a node that answers at once, message by message, so that
//! each question can be looked at, kept back or answered otherwise.

use std::collections::VecDeque;

use spacetime_protocol::{
    BlockHash,
    block::Block,
    wire::{Follower, Lie, Message, Step, Taken},
};

use crate::world::Chain;

pub(crate) struct Conversation {
    pub(crate) ours: Chain,
    pub(crate) follower: Follower,
    pub(crate) now_ms: u64,
    /// Questions that were not answered yet.
    pub(crate) questions: VecDeque<Message>,
    /// All questions so far: for headers, for blocks.
    pub(crate) asked: (usize, usize),
    /// The most blocks that were asked for at once.
    pub(crate) most_at_once: usize,
    pub(crate) synced: usize,
    /// The tips with which it was behind us.
    pub(crate) behind: Vec<BlockHash>,
    pub(crate) lie: Option<Lie>,
    /// What is said of the next blocks instead of the truth.
    pub(crate) verdicts: VecDeque<Taken>,
}

impl Conversation {
    /// One that has begun.
    pub(crate) fn new(ours: Chain) -> Self {
        let mut conversation = Self {
            follower: Follower::new(ours.genesis()),
            ours,
            now_ms: 1_000_000,
            questions: VecDeque::new(),
            asked: (0, 0),
            most_at_once: 0,
            synced: 0,
            behind: Vec::new(),
            lie: None,
            verdicts: VecDeque::new(),
        };
        let steps = conversation.follower.start(&conversation.ours, conversation.now_ms).unwrap();
        conversation.act(steps);
        conversation
    }

    /// One that has synchronised with this node.
    pub(crate) fn with(ours: Chain, node: &Chain) -> Self {
        let mut conversation = Self::new(ours);
        conversation.talk(node);
        assert_eq!((conversation.synced, &conversation.lie), (1, &None));
        conversation.asked = (0, 0);
        conversation
    }

    pub(crate) fn act(&mut self, steps: Vec<Step>) {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            assert!(self.lie.is_none(), "{step:?} after {:?}", self.lie);
            match step {
                Step::Send(message) => {
                    match &message {
                        Message::GetHeaders { stop, max, .. } => {
                            assert_eq!((stop, *max), (&None, 2000));
                            self.asked.0 += 1;
                        }
                        Message::GetBlock(_) => self.asked.1 += 1,
                        other => panic!("no question: {other:?}"),
                    }
                    self.questions.push_back(message);
                    let is_block = |message: &&Message| matches!(message, Message::GetBlock(_));
                    let at_once = self.questions.iter().filter(is_block).count();
                    self.most_at_once = self.most_at_once.max(at_once);
                }
                Step::Submit(block) => {
                    let taken = self.verdict(&block);
                    let now_ms = self.now_ms;
                    let more =
                        self.follower.submitted(block.hash(), taken, &self.ours, now_ms).unwrap();
                    steps.extend(more);
                }
                Step::Synced => self.synced += 1,
                Step::Behind { tip } => self.behind.push(tip),
                Step::Leave(lie) => self.lie = Some(lie),
            }
        }
    }

    fn verdict(&mut self, block: &Block) -> Taken {
        self.verdicts.pop_front().unwrap_or_else(|| match self.ours.take(block) {
            true => Taken::Held,
            false => Taken::Orphan,
        })
    }

    /// The node says this.
    pub(crate) fn hear(&mut self, message: &Message) {
        let steps = self.follower.heard(message, &self.ours, self.now_ms).unwrap();
        self.act(steps);
    }

    pub(crate) fn notice(&mut self, block: &Block) {
        self.hear(&Message::BlockAccepted { hash: block.hash(), height: block.header.height });
    }

    /// The node answers a question; one for an unknown block with silence.
    pub(crate) fn answer(&mut self, question: &Message, node: &Chain) {
        match question {
            Message::GetHeaders { locator, max, .. } => {
                let max = usize::try_from(*max).unwrap();
                self.hear(&Message::Headers(node.headers_after(locator, max)));
            }
            Message::GetBlock(hash) => {
                if let Some(block) = node.get(hash) {
                    self.hear(&Message::Block(block.encode().unwrap()));
                }
            }
            other => panic!("no question: {other:?}"),
        }
    }

    /// The node answers all there is to be answered.
    pub(crate) fn talk(&mut self, node: &Chain) {
        for _ in 0..100_000 {
            if self.lie.is_some() {
                return;
            }
            let Some(question) = self.questions.pop_front() else { return };
            self.answer(&question, node);
        }
        panic!("questions without end");
    }

    /// So long that whatever goes wrong has time to, and is told.
    pub(crate) fn live_on(&mut self, node: &Chain) {
        for _ in 0..10 {
            self.pass(15_000);
            self.talk(node);
        }
        assert_eq!(self.lie, None);
    }

    /// Time passes, and the follower does what is due until then.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        for _ in 0..100 {
            let due = self.follower.due_ms();
            if due > until || self.lie.is_some() {
                self.now_ms = until;
                return;
            }
            self.now_ms = self.now_ms.max(due);
            let steps = self.follower.tick(&self.ours, self.now_ms).unwrap();
            self.act(steps);
        }
        panic!("ticks without end");
    }

    /// Takes the question that must come next.
    #[track_caller]
    pub(crate) fn question_for_block(&mut self, hash: BlockHash) {
        assert_eq!(self.questions.pop_front(), Some(Message::GetBlock(hash)));
    }

    /// Takes the question for headers that must come next: after which block.
    #[track_caller]
    pub(crate) fn question_for_headers(&mut self) -> BlockHash {
        match self.questions.pop_front() {
            Some(Message::GetHeaders { locator, .. }) => locator,
            other => panic!("no question for headers: {other:?}"),
        }
    }
}
