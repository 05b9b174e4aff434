//! News of a peer's chain: its notices, its blocks, and following it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use spacetime_protocol::BlockHash;
use spacetime_protocol::block::Block;
use spacetime_protocol::relay::SeenKey;
use spacetime_protocol::wire::{Follower, Kind, Lie, Message, Step, Taken};

use super::Peer;
use crate::net::event::is_false;
use crate::net::{Event, Lost};
use crate::store::StoreError;

/// Blocks that were asked for and are remembered as such, at most.
const MAX_ASKED: usize = 64;
/// Pending transactions that a peer is asked for.
const POOL: u16 = 1000;
/// The time between two questions for them, ms.
const POOL_AGAIN_MS: u64 = 30_000;

/// Addresses of others that a peer is asked for.
const MAX_PEERS: i32 = 100;

/// What a follower is told.
pub(super) enum Input {
    Start,
    Heard(Message),
    Submitted(BlockHash, Taken),
    Tick,
}

impl Peer {
    /// Tells a peer where the chain stands that has heard nothing of it.
    pub(super) async fn greet(&mut self) {
        let tip = self.tip().await;
        let notice =
            tip.and_then(|(hash, height)| Message::BlockAccepted { hash, height }.to_frame().ok());
        // Without one, an empty frame is no bytes: it is not tried for ever.
        self.member.notice(notice.unwrap_or_default().into());
    }

    /// Our tip and its height; `None` if it cannot be read.
    pub(super) async fn tip(&self) -> Option<(BlockHash, u64)> {
        let service = self.hub.service().clone();
        let tip = tokio::task::spawn_blocking(move || service.tip()).await.ok()?.ok()?.header;
        Some((tip.hash(), tip.height))
    }

    /// The peer says that a block became its tip.
    pub(super) async fn notice(&mut self, hash: BlockHash, height: u64) -> Result<(), Lost> {
        if !self.is_within_limit()? {
            return Ok(());
        }
        if let Some(own) = self.hub.take_held(&hash) {
            self.hub.submit(own).await;
        }
        let genesis = self.hub.service().network().genesis_hash();
        let now_ms = self.hub.clock().steady_ms();
        let follower = self.follower.get_or_insert_with(|| Follower::new(genesis));
        follower.hear_notice(hash, height, now_ms);
        // In a flood it is looked at later, and costs nothing now.
        if follower.due_ms() <= now_ms {
            self.follow(Input::Tick).await?;
        }
        self.ask_for_pool_again();
        self.hub.emit(Event::BlockAccepted { peer: self.member.id, hash, height }).await;
        Ok(())
    }

    /// A block, asked for or not.
    pub(super) async fn block(&mut self, bytes: Vec<u8>) -> Result<(), Lost> {
        let block = match Block::decode(&bytes) {
            Ok(block) => block,
            Err(error) => return self.lied(Lie::Block(error.to_string())).await,
        };
        let asked = self.asked.remove(&block.hash());
        let key = SeenKey::of(Kind::Block, &bytes);
        if !asked && (self.hub.has_seen(&key) || !self.is_within_limit()?) {
            if let Some(follower) = &mut self.follower {
                follower.came(block.hash());
            }
            return Ok(());
        }
        self.arrived = Some((asked, key));
        if self.follower.is_some() {
            return self.follow(Input::Heard(Message::Block(bytes))).await;
        }
        let hash = block.hash();
        match self.take(block).await {
            Taken::Invalid(reason) => self.lied(Lie::Invalid { hash, reason }).await,
            // It has a chain that we lack, as one has that tells its tip. Whoever
            // does not say who it is may take a question for an answer.
            Taken::Orphan if self.member.is_introduced() => {
                self.follower = Some(Follower::new(self.hub.service().network().genesis_hash()));
                self.follow(Input::Start).await
            }
            _ => Ok(()),
        }
    }

    /// Puts a block into our chain, and passes it on if nobody asked for it.
    async fn take(&mut self, block: Block) -> Taken {
        let arrived = self.arrived.take();
        let asked = arrived.is_none_or(|(asked, _)| asked);
        let (hub, id) = (self.hub.clone(), self.member.id);
        let outcome = if asked {
            hub.submit(block.clone()).await
        } else {
            hub.submit_unasked(block.clone(), id).await
        };
        self.was_of_use |= matches!(outcome.taken, Taken::Held) && outcome.is_new;
        if let (Taken::Held | Taken::Invalid(_), Some((_, key))) = (&outcome.taken, arrived) {
            // Another look would bring nothing else.
            hub.mark_seen(key);
        }
        match outcome.taken {
            Taken::Held if outcome.is_new && !asked => self.standing.credit(),
            Taken::Early { until_ms } => {
                if !asked {
                    hub.submit_later(block, until_ms, id);
                }
                // Whoever follows the peer knows no other clock.
                return Taken::Early { until_ms: hub.clock().steady_at(until_ms) };
            }
            Taken::Orphan => {
                tracing::debug!(peer = %self.member.address, hash = %block.hash(),
                    "a block whose parent is not known here");
                if !asked {
                    hub.keep_orphan(block, id).await;
                }
            }
            _ => {}
        }
        outcome.taken
    }

    /// Tells the follower, if there is one, and does what it says.
    pub(super) async fn follow(&mut self, input: Input) -> Result<(), Lost> {
        let mut steps = self.ask_follower(input).await;
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Send(message) => self.ask(&message),
                Step::Submit(block) => {
                    let hash = block.hash();
                    let taken = self.take(*block).await;
                    steps.extend(self.ask_follower(Input::Submitted(hash, taken)).await);
                }
                Step::Synced => self.is_synced().await,
                Step::Behind { tip } => self.is_behind(tip).await,
                Step::Leave(lie) => return self.lied(lie).await,
            }
        }
        Ok(())
    }

    fn ask(&mut self, message: &Message) {
        if let Message::GetBlock(hash) = message {
            if self.asked.len() >= MAX_ASKED {
                // It did not answer, and will not.
                self.asked.clear();
            }
            self.asked.insert(*hash);
        }
        self.send(message);
    }

    /// The follower reads our chain, so it works where that may take time.
    async fn ask_follower(&mut self, input: Input) -> VecDeque<Step> {
        let Some(mut follower) = self.follower.take() else { return VecDeque::new() };
        let (service, now_ms) = (self.hub.service().clone(), self.hub.clock().steady_ms());
        let answer = tokio::task::spawn_blocking(move || {
            let steps = tell(&mut follower, input, &service, now_ms);
            (follower, steps)
        });
        match answer.await {
            Ok((follower, Ok(steps))) => {
                self.follower = Some(follower);
                steps.into()
            }
            Ok((follower, Err(error))) => {
                tracing::error!(%error, "our own chain cannot be read to follow a peer");
                self.follower = Some(follower);
                VecDeque::new()
            }
            Err(error) => {
                tracing::error!(%error, "a peer is followed no more");
                VecDeque::new()
            }
        }
    }

    async fn is_synced(&mut self) {
        self.was_of_use = true;
        if let Some(from) = self.member.dialled_from {
            self.ask_for_peers(from);
        }
        self.hub.emit(Event::Synced { peer: self.member.id }).await;
        // What is pending there may have been told before we came.
        self.ask_for_pool();
    }

    /// It is a peer that others may dial; it may know of more, and others may
    /// want to know of us.
    fn ask_for_peers(&mut self, from: SocketAddr) {
        let now_ms = self.hub.clock().now_ms();
        self.hub.addresses().reached(self.member.address, now_ms);
        self.hub.change_addresses();
        if self.hub.options().discovers {
            self.send(&Message::GetPeers { max: MAX_PEERS, exclude: Vec::new() });
            if let Some(own) = self.hub.own_address(from) {
                self.send(&Message::Peers(vec![own.into()]));
            }
        }
    }

    /// Asks again, at a new tip, a peer that may hold more than it told at once,
    /// or that does not pass on what comes back to it.
    fn ask_for_pool_again(&mut self) {
        let next_ms = self.pool_asked_ms.saturating_add(POOL_AGAIN_MS);
        if self.pool_asked_ms > 0 && next_ms <= self.hub.clock().steady_ms() {
            self.ask_for_pool();
        }
    }

    fn ask_for_pool(&mut self) {
        self.pool_asked_ms = self.hub.clock().steady_ms();
        self.pool_credit = usize::from(POOL);
        self.send(&Message::TxPoolRequest { max: i32::from(POOL), include_data: true });
    }

    /// What it said cannot be true, or cannot be followed.
    pub(super) async fn lied(&mut self, lie: Lie) -> Result<(), Lost> {
        let (peer, address) = (self.member.id, self.member.address);
        let reason = lie.to_string();
        tracing::warn!(%address, reason, "this peer lies, or cannot be followed");
        self.hub.emit(Event::Lie { peer, address, reason }).await;
        self.follower = None;
        self.asked.clear();
        // A peer that only cannot be followed may still want to be served.
        let is_false = is_false(&lie);
        if is_false {
            self.ban();
        }
        let stays = !self.member.dialled && (!is_false || self.is_forgiven());
        if stays { Ok(()) } else { Err(lie.into()) }
    }
}

fn tell(
    follower: &mut Follower,
    input: Input,
    service: &crate::Service,
    now_ms: u64,
) -> Result<Vec<Step>, StoreError> {
    match input {
        Input::Start => follower.start(service, now_ms),
        Input::Heard(message) => follower.heard(&message, service, now_ms),
        Input::Submitted(hash, taken) => follower.submitted(hash, taken, service, now_ms),
        Input::Tick => follower.tick(service, now_ms),
    }
}
