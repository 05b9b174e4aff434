//! Decides, without I/O: which notice is mined on, what a node is sent, and
//! what the host is told (`miner-behaviour.md` section 4, without the defects
//! of its section 7).

use spacetime_sdk::{
    Builder, Challenge, Event, ProofClaim, Request, StopRule, Verdict,
    protocol::{
        BlockHash, MAX_NUMBER, Target, challenge,
        header::BlockHeader,
        score,
        wire::{Message, Notice, Notices},
    },
    tracing,
};

use super::pool::Pool;

/// Every score is under it or is all ones itself.
const ALL_ONES: Target = Target::new([0xFF; 32]);
/// The number of a frame whose fate nobody waits for.
const NOBODYS: u64 = 0;

/// What is to be done, in this order.
#[derive(Debug)]
pub(super) enum Action {
    /// Tell the host.
    Emit(Event),
    /// Write to a node, and say what came of it with [`Desk::written`].
    Write { link: usize, delivery: u64, frame: Vec<u8> },
}

/// What is known of all nodes.
#[derive(Debug)]
pub(super) struct Desk {
    difficulty: Option<u64>,
    links: Vec<Link>,
    tip: Option<Tip>,
    pool: Pool,
    /// Whether the host has not been told of the pool as it is.
    pub(super) is_pool_new: bool,
    deliveries: Vec<Delivery>,
    last_id: u64,
    last_delivery: u64,
}

#[derive(Clone, Debug, Default)]
struct Link {
    is_up: bool,
    /// What it announced last on this connection, as far as that was looked at.
    announced: Option<Notice>,
    notices: Notices,
}

/// What is mined on.
#[derive(Debug)]
struct Tip {
    challenge: Challenge,
    /// Who announced it.
    link: usize,
    /// The frames of what we found for it, once they were written.
    proof: Option<Vec<u8>>,
    block: Option<Vec<u8>>,
}

/// A frame on its way.
#[derive(Debug)]
struct Delivery {
    number: u64,
    ticket: u64,
    /// Where it is not written yet.
    waiting: Vec<usize>,
    challenge: u64,
    is_block: bool,
    frame: Vec<u8>,
    is_done: bool,
}

impl Desk {
    pub(super) fn new(links: usize, difficulty: Option<u64>) -> Self {
        Self {
            difficulty,
            links: vec![Link::default(); links],
            tip: None,
            pool: Pool::default(),
            is_pool_new: false,
            deliveries: Vec::new(),
            last_id: 0,
            last_delivery: NOBODYS,
        }
    }

    /// A node is connected: whether it is the first one, and what is still of
    /// use to it.
    pub(super) fn up(&mut self, link: usize, node: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.links.iter().all(|link| !link.is_up) {
            let detail = format!("{node}, whose notices are followed");
            actions.push(Action::Emit(Event::Online { detail }));
            if let Some(tip) = &self.tip {
                // The host forgets it with the connection.
                actions.push(Action::Emit(Event::Challenge(tip.challenge.clone())));
            }
        }
        self.links[link].is_up = true;
        if self.tip.as_ref().is_some_and(|tip| tip.block.is_some()) {
            // It may have been lost with the connection before.
            actions.extend(self.again(link));
        }
        actions
    }

    /// A node is not connected any more.
    pub(super) fn down(&mut self, link: usize, reason: String) -> Vec<Action> {
        let it = &mut self.links[link];
        let was_up = std::mem::take(&mut it.is_up);
        it.announced = None;
        // How much it has said counts on, so that coming back is no way to say more.
        it.notices.forget();
        let mut actions = Vec::new();
        let numbers: Vec<u64> = self.deliveries.iter().map(|open| open.number).collect();
        for number in numbers {
            actions.extend(self.written(link, number, false));
        }
        if was_up && self.links.iter().all(|link| !link.is_up) {
            actions.push(Action::Emit(Event::Offline { reason }));
        }
        actions
    }

    /// Whether another node is connected.
    pub(super) fn has_others_than(&self, link: usize) -> bool {
        self.links.iter().enumerate().any(|(at, other)| at != link && other.is_up)
    }

    /// Takes what came from a node at once. Of several notices only the last
    /// one is mined on, and of a flood only one now and then.
    pub(super) fn heard(
        &mut self,
        link: usize,
        messages: Vec<Message>,
        now_ms: u64,
    ) -> Vec<Action> {
        let before = self.last_id;
        let mut actions = Vec::new();
        let is_notice = |message: &Message| matches!(message, Message::BlockAccepted { .. });
        let last = messages.iter().rposition(is_notice);
        for (at, message) in messages.into_iter().enumerate() {
            match message {
                Message::BlockAccepted { hash, height } => {
                    // Each counts, so that many that are read at once are a flood, too.
                    self.links[link].notices.hear((hash, height), now_ms);
                    if Some(at) == last {
                        actions.extend(self.look(link, now_ms));
                    }
                }
                Message::Transaction(bytes) if self.tip.is_some() => match self.pool.add(&bytes) {
                    Ok(()) => self.is_pool_new = true,
                    Err(error) => tracing::debug!("a transaction was left: {error}"),
                },
                // Nothing else is anything to a miner that follows notices.
                _ => {}
            }
        }
        actions.extend(self.told_since(before));
        actions
    }

    /// What the host is told of a tip that is new since then.
    fn told_since(&mut self, before: u64) -> Vec<Action> {
        let challenge = self.tip.as_ref().filter(|_| self.last_id != before);
        let Some(challenge) = challenge.map(|tip| tip.challenge.clone()) else { return Vec::new() };
        // First, so that a block that is found at once has them.
        let candidates = self.candidates().map(Action::Emit);
        candidates.into_iter().chain([Action::Emit(Event::Challenge(challenge))]).collect()
    }

    /// Whether something waits for [`Desk::take_turn`].
    pub(super) fn has_more(&self) -> bool {
        self.is_pool_new || self.links.iter().any(|link| link.notices.due_ms().is_some())
    }

    /// Does what had to wait.
    pub(super) fn take_turn(&mut self, now_ms: u64) -> Vec<Action> {
        let before = self.last_id;
        let mut actions = Vec::new();
        for link in 0..self.links.len() {
            actions.extend(self.look(link, now_ms));
        }
        actions.extend(self.told_since(before));
        actions.extend(self.candidates().map(Action::Emit));
        actions
    }

    /// Looks at a node's newest notice, if one may be looked at now; nobody is
    /// led by a flood who has another node to follow.
    fn look(&mut self, link: usize, now_ms: u64) -> Vec<Action> {
        if self.links[link].notices.floods(now_ms)
            && let Some((calm, (hash, height))) = self.calm(now_ms)
        {
            if self.tip.as_ref().is_some_and(|tip| tip.link == link) {
                self.follow(calm, hash, height, now_ms);
            }
            return Vec::new();
        }
        let it = &mut self.links[link];
        let Some((hash, height)) = it.notices.take(now_ms) else { return Vec::new() };
        let is_repeated = it.announced.replace((hash, height)).is_some_and(|it| it.0 == hash);
        if self.tip.as_ref().is_none_or(|tip| tip.challenge.parent != hash) {
            self.follow(link, hash, height, now_ms);
            return Vec::new();
        }
        if is_repeated { self.again(link) } else { Vec::new() }
    }

    /// The connected node that announced the highest block, of those that do
    /// not flood.
    fn calm(&self, now_ms: u64) -> Option<(usize, Notice)> {
        let calm = self.links.iter().enumerate().filter(|(_, link)| !link.notices.floods(now_ms));
        calm.filter_map(|(at, link)| Some((at, link.announced?))).max_by_key(|(_, tip)| tip.1)
    }

    /// Takes a block as the one to mine on, unless it lies behind what another
    /// node, still connected and no flood, announced.
    fn follow(&mut self, link: usize, parent: BlockHash, height: u64, now_ms: u64) {
        let Some(epoch) = height.checked_add(1).filter(|epoch| *epoch <= MAX_NUMBER) else {
            tracing::warn!("block {parent} was announced at height {height}: none can follow it");
            return;
        };
        let is_behind = self.tip.as_ref().is_some_and(|tip| {
            let leader = &self.links[tip.link];
            let leads = leader.is_up && !leader.notices.floods(now_ms);
            tip.link != link && leads && epoch <= tip.challenge.epoch
        });
        if is_behind {
            tracing::debug!("the nodes do not agree: block {parent} at {height} is not mined on");
            return;
        }
        self.last_id += 1;
        self.pool.clear();
        self.is_pool_new = false;
        let challenge = self.challenge(parent, epoch);
        self.tip = Some(Tip { challenge, link, proof: None, block: None });
    }

    fn challenge(&self, parent: BlockHash, epoch: u64) -> Challenge {
        Challenge {
            id: self.last_id,
            challenge: challenge::challenge(&parent, epoch),
            parent,
            epoch,
            height: epoch,
            difficulty: self.difficulty,
            block_target: self.difficulty.and_then(score::target),
            share_target: Some(ALL_ONES),
            stop: StopRule::BestOfAll,
            builder: if self.difficulty.is_some() { Builder::Host } else { Builder::Nobody },
            deadline: None,
            publish_at: None,
            min_timestamp: 0,
        }
    }

    /// What we found for the tip, once more.
    fn again(&self, link: usize) -> Vec<Action> {
        let Some(tip) = &self.tip else { return Vec::new() };
        let frames = [&tip.proof, &tip.block].into_iter().flatten().cloned();
        frames.map(|frame| Action::Write { link, delivery: NOBODYS, frame }).collect()
    }

    /// What is pending on the tip, if it is not told yet.
    pub(super) fn candidates(&mut self) -> Option<Event> {
        let tip = self.tip.as_ref()?.challenge.parent;
        std::mem::take(&mut self.is_pool_new).then(|| {
            let (transactions, accounts) = self.pool.candidates();
            Event::Candidates { tip, transactions, accounts }
        })
    }

    /// Takes what the host wants.
    pub(super) fn request(&mut self, request: Request) -> Vec<Action> {
        match request {
            Request::SubmitProof { ticket, claim } => {
                let is_current = |tip: &Tip| tip.challenge.id == claim.challenge_id;
                match (self.tip.as_ref().is_some_and(is_current), proof_frame(*claim)) {
                    (false, _) => verdict(ticket, Verdict::Stale, "another block was announced"),
                    (_, Err(reason)) => verdict(ticket, Verdict::Rejected, &reason),
                    (_, Ok(frame)) => self.deliver(ticket, false, frame),
                }
            }
            Request::SubmitBlock { ticket, block } => {
                let parent = BlockHeader::decode(&block).map(|header| header.parent);
                let is_current =
                    |parent| self.tip.as_ref().is_some_and(|tip| tip.challenge.parent == parent);
                match (parent.map(is_current), Message::Block(block).to_frame()) {
                    (Ok(false), _) => {
                        verdict(ticket, Verdict::Stale, "another block was announced")
                    }
                    (Err(error), _) => verdict(ticket, Verdict::Rejected, &error.to_string()),
                    (_, Err(error)) => verdict(ticket, Verdict::Rejected, &error.to_string()),
                    (Ok(true), Ok(frame)) => self.deliver(ticket, true, frame),
                }
            }
            // There is no chain that headers could come from.
            _ => Vec::new(),
        }
    }

    fn deliver(&mut self, ticket: u64, is_block: bool, frame: Vec<u8>) -> Vec<Action> {
        let links = self.links.iter().enumerate().filter(|(_, link)| link.is_up);
        let waiting: Vec<usize> = links.map(|(at, _)| at).collect();
        if waiting.is_empty() {
            return verdict(ticket, Verdict::Undelivered, "no node is connected");
        }
        self.last_delivery += 1;
        let delivery = self.last_delivery;
        let write = |link| Action::Write { link, delivery, frame: frame.clone() };
        let actions = waiting.iter().copied().map(write).collect();
        let challenge = self.last_id;
        self.deliveries.push(Delivery {
            number: delivery,
            ticket,
            waiting,
            challenge,
            is_block,
            frame,
            is_done: false,
        });
        actions
    }

    /// A frame was written, or could not be. Nodes do not answer: what was
    /// written counts, and is kept for the case that it got lost.
    pub(super) fn written(&mut self, link: usize, delivery: u64, is_ok: bool) -> Vec<Action> {
        let Some(at) = self.deliveries.iter().position(|open| open.number == delivery) else {
            return Vec::new();
        };
        let open = &mut self.deliveries[at];
        let Some(place) = open.waiting.iter().position(|waiting| *waiting == link) else {
            return Vec::new();
        };
        open.waiting.swap_remove(place);
        let mut actions = Vec::new();
        if is_ok && !open.is_done {
            open.is_done = true;
            actions = verdict(open.ticket, Verdict::Accepted, "");
            if let Some(tip) = self.tip.as_mut().filter(|tip| tip.challenge.id == open.challenge) {
                let place = if open.is_block { &mut tip.block } else { &mut tip.proof };
                *place = Some(open.frame.clone());
            }
        }
        if open.waiting.is_empty() {
            if !open.is_done {
                let reason = "the connection was lost before it was written";
                actions = verdict(open.ticket, Verdict::Undelivered, reason);
            }
            self.deliveries.remove(at);
        }
        actions
    }
}

fn verdict(ticket: u64, verdict: Verdict, reason: &str) -> Vec<Action> {
    vec![Action::Emit(Event::Verdict { ticket, verdict, reason: reason.to_owned() })]
}

fn proof_frame(claim: ProofClaim) -> Result<Vec<u8>, String> {
    let ProofClaim { epoch: height, miner, proof, .. } = claim;
    let message = Message::ProofSubmission { height, miner, proof };
    message.to_frame().map_err(|error| error.to_string())
}
