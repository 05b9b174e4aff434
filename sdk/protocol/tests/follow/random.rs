//! An honest node that grows and reorganises at random, over a connection with
//! delays: in the end the follower has its tip.

use std::collections::VecDeque;

use proptest::prelude::*;
use spacetime_protocol::wire::{Follower, Message, Step, Taken};

use crate::world::Chain;

#[derive(Clone, Debug)]
enum Event {
    /// The node's chain grows.
    Grow(usize),
    /// The node leaves its last blocks for so many others.
    Reorganise { depth: usize, blocks: usize },
    /// A block of ours, which the node gets and takes if it fits.
    Ours,
    /// Our clock is behind: the next blocks are early for so long.
    Early(u64),
}

fn event() -> impl Strategy<Value = (u64, Event)> {
    let event = prop_oneof![
        4 => (1_usize..4).prop_map(Event::Grow),
        1 => (1_usize..60).prop_map(Event::Grow),
        3 => (1_usize..12, 1_usize..14)
            .prop_map(|(depth, blocks)| Event::Reorganise { depth, blocks }),
        1 => Just(Event::Ours),
        1 => (1_u64..3000).prop_map(Event::Early),
    ];
    (0_u64..4000, event)
}

/// Messages that are under way, with the time of their arrival; none overtakes
/// another.
#[derive(Default)]
struct Wire {
    messages: VecDeque<(u64, Message)>,
}

impl Wire {
    fn send(&mut self, message: Message, now_ms: u64, delay_ms: u64) {
        let after = self.messages.back().map_or(0, |(at, _)| *at);
        self.messages.push_back((after.max(now_ms + delay_ms), message));
    }

    fn due(&self) -> u64 {
        self.messages.front().map_or(u64::MAX, |(at, _)| *at)
    }
}

struct Simulation {
    ours: Chain,
    node: Chain,
    follower: Follower,
    to_node: Wire,
    to_us: Wire,
    now_ms: u64,
    early_until: u64,
    /// Blocks that have left the node's chain are served no more.
    forgets: bool,
    delays: Vec<u64>,
    questions: usize,
    steps: usize,
}

impl Simulation {
    fn delay(&mut self) -> u64 {
        self.steps += 1;
        self.delays[self.steps % self.delays.len()]
    }

    fn act(&mut self, steps: Vec<Step>) {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Send(message) => {
                    self.questions += 1;
                    let delay = self.delay();
                    self.to_node.send(message, self.now_ms, delay);
                }
                Step::Submit(block) => {
                    let taken = if self.now_ms < self.early_until {
                        Taken::Early { until_ms: self.early_until }
                    } else if self.ours.take(&block) {
                        Taken::Held
                    } else {
                        Taken::Orphan
                    };
                    let (hash, now_ms) = (block.hash(), self.now_ms);
                    steps.extend(self.follower.submitted(hash, taken, &self.ours, now_ms).unwrap());
                }
                Step::Synced | Step::Behind { .. } => {}
                Step::Leave(lie) => panic!("{lie}"),
            }
        }
    }

    fn node_hears(&mut self, message: &Message) {
        let answer = match message {
            Message::GetHeaders { locator, max, .. } => {
                Message::Headers(self.node.headers_after(locator, usize::try_from(*max).unwrap()))
            }
            Message::GetBlock(hash) => {
                let block = self.node.get(hash).filter(|block| {
                    let best = self.node.headers_after(&block.header.parent, 1);
                    !self.forgets
                        || best.first().is_some_and(|b| *b == crate::world::header_bytes(block))
                });
                let Some(block) = block else { return };
                Message::Block(block.encode().unwrap())
            }
            Message::NewBlock(bytes) => {
                let block = spacetime_protocol::block::Block::decode(bytes).unwrap();
                let tip = self.node.tip().hash();
                self.node.take(&block);
                if self.node.tip().hash() != tip {
                    self.tell();
                }
                return;
            }
            other => panic!("no question: {other:?}"),
        };
        let delay = self.delay();
        self.to_us.send(answer, self.now_ms, delay);
    }

    /// The node tells of its tip.
    fn tell(&mut self) {
        let tip = self.node.tip();
        let notice = Message::BlockAccepted { hash: tip.hash(), height: tip.header.height };
        let delay = self.delay();
        self.to_us.send(notice, self.now_ms, delay);
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Grow(blocks) => self.node.grow(*blocks),
            Event::Reorganise { depth, blocks } => {
                let height = self.node.tip().header.height as usize;
                self.node.reorganise(*depth.min(&height), *blocks);
            }
            Event::Ours => {
                let block = crate::world::block_on(Some(self.ours.tip()));
                self.ours.take(&block);
                let delay = self.delay();
                self.to_node.send(Message::NewBlock(block.encode().unwrap()), self.now_ms, delay);
                self.follower.sent_block(self.now_ms);
                return;
            }
            Event::Early(ms) => {
                self.early_until = self.now_ms + ms;
                return;
            }
        }
        self.tell();
    }

    /// Lets everything happen that happens until then.
    fn run(&mut self, until: u64) {
        loop {
            let next = [self.to_node.due(), self.to_us.due(), self.follower.due_ms()];
            let now = *next.iter().min().unwrap();
            if now > until {
                self.now_ms = until;
                return;
            }
            self.now_ms = self.now_ms.max(now);
            assert!(self.questions < 200_000, "questions without end");
            if next[0] == now {
                let (_, message) = self.to_node.messages.pop_front().unwrap();
                self.node_hears(&message);
            } else if next[1] == now {
                let (_, message) = self.to_us.messages.pop_front().unwrap();
                let steps = self.follower.heard(&message, &self.ours, self.now_ms).unwrap();
                self.act(steps);
            } else {
                let steps = self.follower.tick(&self.ours, self.now_ms).unwrap();
                self.act(steps);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_nodes_tip_is_held_in_the_end(
        common in 0_usize..40, ours in 0_usize..20, theirs in 0_usize..60,
        events in prop::collection::vec(event(), 0..25),
        delays in prop::collection::vec(0_u64..900, 1..20),
        forgets in any::<bool>(),
    ) {
        let mut chain = Chain::of(common);
        let mut node = chain.clone();
        chain.grow(ours);
        node.grow(theirs);
        let mut simulation = Simulation {
            follower: Follower::new(chain.genesis()),
            ours: chain,
            node,
            to_node: Wire::default(),
            to_us: Wire::default(),
            now_ms: 1_000_000,
            early_until: 0,
            forgets,
            delays,
            questions: 0,
            steps: 0,
        };
        let steps = simulation.follower.start(&simulation.ours, simulation.now_ms).unwrap();
        simulation.act(steps);
        let mut happened = theirs;
        for (pause, event) in &events {
            simulation.run(simulation.now_ms + pause);
            simulation.happen(event);
            happened += match event {
                Event::Grow(blocks) | Event::Reorganise { blocks, .. } => *blocks,
                _ => 1,
            };
        }
        let active = simulation.questions;
        simulation.run(simulation.now_ms + 90_000);
        prop_assert!(simulation.ours.holds(&simulation.node.tip().hash()));
        // Each block once or a few times, and a search for the fork per event.
        let bound = 40 * (events.len() + 10) + 4 * happened;
        prop_assert!(simulation.questions <= bound, "{} ({active}) of {bound}", simulation.questions);
    }
}
