//! Who is connected, what everybody must know of everybody else, and the ways
//! in for the owner: sending blocks, hearing what happens.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use spacetime_protocol::block::Block;
use spacetime_protocol::relay::{Priority, SeenKey, SeenRules, SeenTracker};
use spacetime_protocol::wire::{Handshake, Message};
use spacetime_protocol::{BlockHash, EncodeError, TxHash};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::addresses::Addresses;
use super::ahead::{self, Ahead};
use super::announce;
use super::ban::Bans;
use super::discover;
use super::early::Early;
use super::member::{Member, Seat};
use super::orphans::Orphans;
use super::pace::{BEFORE_PAYLOAD, Pace};
use super::{Clock, Event, Options, PeerId, PeerInfo};
use crate::Service;

/// Own blocks that are kept until a peer has accepted them.
const MAX_HELD: usize = 16;
/// New blocks that are remembered until they are passed on.
const MAX_FRESH: usize = 32;
/// Transactions whose source is remembered while they are looked at.
const MAX_SOURCES: usize = 1000;
/// How long connections may take to be ended in order, and then the tasks.
const STOP: Duration = Duration::from_millis(500);

/// A chain's connections; cheap to clone. Ends with its [`Running`].
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    service: Service,
    options: Options,
    node_id: String,
    members: Mutex<BTreeMap<PeerId, Arc<Member>>>,
    left: Notify,
    next_id: AtomicU64,
    bans: Mutex<Bans>,
    seen: Mutex<SeenTracker>,
    addresses: Mutex<Addresses>,
    new_addresses: Notify,
    /// Where others may dial us.
    listening: OnceLock<SocketAddr>,
    held: Mutex<VecDeque<Block>>,
    /// Blocks that became the tip and that nobody here asked for, until the
    /// others are told, with their sources.
    fresh: Mutex<VecDeque<(Block, PeerId)>>,
    early: Early,
    orphans: Mutex<Orphans>,
    pace: Mutex<Pace>,
    /// Which peer a transaction came from, while it is looked at.
    sources: Mutex<VecDeque<(TxHash, PeerId)>>,
    /// Transactions that wait for their sender's earlier ones, and the sign
    /// that there is a new one.
    ahead: Mutex<Ahead>,
    turns: Notify,
    /// `None` once stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
}

/// A running hub; dropped, every connection closes.
#[must_use = "connections close when this is dropped"]
pub struct Running {
    hub: Hub,
}

/// Whether a block was written to a peer's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The peer.
    pub peer: PeerId,
    /// Otherwise the connection was lost before.
    pub written: bool,
}

impl Running {
    /// The hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Closes every connection, and waits for that for a second.
    pub async fn stop(self) {
        // A peer that takes nothing does not hear of it.
        let _ = tokio::time::timeout(STOP, self.hub.end_connections()).await;
        if let Some(mut tasks) = self.hub.take_tasks() {
            tasks.abort_all();
            let all = async { while tasks.join_next().await.is_some() {} };
            // What still works on the disk ends by itself.
            let _ = tokio::time::timeout(STOP, all).await;
        }
        let hub = self.hub.clone();
        // It fails when the runtime ends.
        let _ = tokio::task::spawn_blocking(move || hub.save_addresses()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Dropped tasks end.
        drop(self.hub.take_tasks());
    }
}

impl Hub {
    /// Begins without any connection, on the current runtime.
    pub fn start(service: Service, options: Options) -> Running {
        let now_ms = options.clock.steady_ms();
        let addresses = Mutex::new(Addresses::open(options.addresses.clone()));
        let inner = Inner {
            service,
            options,
            node_id: random_id(),
            members: Mutex::default(),
            left: Notify::new(),
            next_id: AtomicU64::new(1),
            bans: Mutex::default(),
            seen: Mutex::new(SeenTracker::new(SeenRules::DEFAULT, now_ms)),
            addresses,
            new_addresses: Notify::new(),
            listening: OnceLock::new(),
            held: Mutex::default(),
            fresh: Mutex::default(),
            early: Early::default(),
            orphans: Mutex::default(),
            pace: Mutex::new(Pace::new()),
            sources: Mutex::default(),
            ahead: Mutex::default(),
            turns: Notify::new(),
            tasks: Mutex::new(Some(JoinSet::new())),
        };
        let hub = Self { inner: Arc::new(inner) };
        hub.spawn(announce::run(hub.clone()));
        hub.spawn(ahead::run(hub.clone()));
        if hub.options().discovers {
            hub.spawn(discover::run(hub.clone()));
        }
        Running { hub }
    }

    /// The chain.
    pub fn service(&self) -> &Service {
        &self.inner.service
    }

    /// What it does beside following its peers.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// What the time is.
    pub fn clock(&self) -> &Clock {
        &self.inner.options.clock
    }

    /// Who is connected.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.members().values().map(|member| member.info()).collect()
    }

    /// Sends a block of our own to every peer, or to one, whatever the limits,
    /// after the proof that it was won with; and waits until it is written.
    /// Once a peer has accepted it, it becomes part of our own chain.
    ///
    /// # Errors
    /// The block has no wire form.
    pub async fn send_block(
        &self,
        block: &Block,
        to: Option<PeerId>,
    ) -> Result<Vec<Written>, EncodeError> {
        let [proof, bytes] = self.own_frames(block)?;
        self.hold(block);
        let mut sent = Vec::new();
        for (id, member) in self.members().iter().filter(|(id, _)| to.is_none_or(|to| to == **id)) {
            member.outbox.keep(Arc::clone(&proof));
            let written = member.outbox.keep_and_tell(Arc::clone(&bytes));
            member.block_sent();
            sent.push((*id, written));
        }
        let mut report = Vec::with_capacity(sent.len());
        for (peer, written) in sent {
            report.push(Written { peer, written: written.await.is_ok() });
        }
        Ok(report)
    }

    /// What a block of our own is sent as: its proof, and the block.
    pub(super) fn own_frames(&self, block: &Block) -> Result<[Arc<[u8]>; 2], EncodeError> {
        let proof = Message::ProofSubmission {
            height: block.header.height,
            miner: block.header.miner,
            proof: block.proof.encode()?,
        };
        Ok([proof.to_frame()?.into(), Message::Block(block.encode()?).to_frame()?.into()])
    }

    /// Own blocks on our tip that no peer has accepted yet.
    pub(super) fn held_on(&self, tip: &BlockHash) -> Vec<Block> {
        let held = lock(&self.inner.held);
        held.iter().filter(|block| block.header.parent == *tip).cloned().collect()
    }

    /// Keeps an own block until a peer says that it has accepted it.
    fn hold(&self, block: &Block) {
        let mut held = lock(&self.inner.held);
        held.retain(|other| other.hash() != block.hash());
        held.push_back(block.clone());
        while held.len() > MAX_HELD {
            held.pop_front();
        }
    }

    /// An own block that a peer has accepted.
    pub(super) fn take_held(&self, hash: &BlockHash) -> Option<Block> {
        let mut held = lock(&self.inner.held);
        let place = held.iter().position(|block| block.hash() == *hash)?;
        held.remove(place)
    }

    /// Remembers a block that may become the tip, so that it is passed on before
    /// the notice of it: whoever hears the notice first asks for the block.
    pub(super) fn set_fresh(&self, block: &Block, source: PeerId) {
        let mut fresh = lock(&self.inner.fresh);
        fresh.push_back((block.clone(), source));
        while fresh.len() > MAX_FRESH {
            fresh.pop_front();
        }
    }

    pub(super) fn take_fresh(&self, hash: &BlockHash) -> Option<(Block, PeerId)> {
        let mut fresh = lock(&self.inner.fresh);
        let place = fresh.iter().position(|(block, _)| block.hash() == *hash)?;
        fresh.remove(place)
    }

    pub(super) fn early(&self) -> &Early {
        &self.inner.early
    }

    pub(super) fn orphans(&self) -> MutexGuard<'_, Orphans> {
        lock(&self.inner.orphans)
    }

    /// Remembers who sent a transaction.
    pub(super) fn set_source(&self, hash: TxHash, source: PeerId) {
        let mut sources = lock(&self.inner.sources);
        sources.push_back((hash, source));
        while sources.len() > MAX_SOURCES {
            sources.pop_front();
        }
    }

    /// Who sent a transaction, if a peer did; forgotten then.
    pub(super) fn take_source(&self, hash: &TxHash) -> Option<PeerId> {
        let mut sources = lock(&self.inner.sources);
        let place = sources.iter().position(|(other, _)| other == hash)?;
        sources.remove(place).map(|(_, source)| source)
    }

    pub(super) fn ahead(&self) -> MutexGuard<'_, Ahead> {
        lock(&self.inner.ahead)
    }

    pub(super) fn turns(&self) -> &Notify {
        &self.inner.turns
    }

    /// Runs something until the hub stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = &mut *lock(&self.inner.tasks) {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    fn take_tasks(&self) -> Option<JoinSet<()>> {
        lock(&self.inner.tasks).take()
    }

    /// How we introduce ourselves.
    pub(super) fn handshake(&self) -> Handshake {
        Handshake {
            version: 1,
            timestamp: i64::try_from(self.clock().now()).unwrap_or(i64::MAX),
            node_id: self.inner.node_id.clone(),
            user_agent: self.inner.options.user_agent.clone(),
        }
    }

    /// A place among the peers, until it is dropped; an error says which
    /// limit is reached. `dialled_from`: our end, if we dialled it.
    pub(super) fn join(
        &self,
        address: SocketAddr,
        dialled_from: Option<SocketAddr>,
    ) -> Result<Seat, &'static str> {
        let options = &self.inner.options;
        let mut members = self.members();
        if members.len() >= options.max_connections {
            return Err("there are as many connections as are allowed");
        }
        let ip = address.ip().to_canonical();
        let same = members.values().filter(|other| other.address.ip().to_canonical() == ip);
        if dialled_from.is_none() && !self.forgives(ip) && same.count() >= options.max_per_address {
            return Err("there are as many connections from this address as are allowed");
        }
        let id = PeerId::new(self.inner.next_id.fetch_add(1, Ordering::Relaxed));
        let member = Arc::new(Member::new(id, address, dialled_from));
        members.insert(id, Arc::clone(&member));
        drop(members);
        Ok(Seat::new(self.clone(), member))
    }

    pub(super) fn leave(&self, id: PeerId) {
        self.members().remove(&id);
        self.inner.left.notify_one();
    }

    /// Ends every connection in order, and waits for that.
    async fn end_connections(&self) {
        while !self.members().is_empty() {
            self.members().values().for_each(|member| member.outbox.close());
            self.inner.left.notified().await;
        }
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<PeerId, Arc<Member>>> {
        lock(&self.inner.members)
    }

    /// Whether an address is exempt from limits, disconnects and bans.
    pub(super) fn forgives(&self, address: IpAddr) -> bool {
        self.inner.options.forgives_loopback && address.to_canonical().is_loopback()
    }

    pub(super) fn ban(&self, address: IpAddr) {
        if !self.forgives(address) {
            tracing::warn!(%address, "nobody is let in from this address for 10 minutes");
            lock(&self.inner.bans).add(address, self.clock().steady_ms());
        }
    }

    pub(super) fn is_banned(&self, address: IpAddr) -> bool {
        lock(&self.inner.bans).contains(address, self.clock().steady_ms())
    }

    /// Whether a message was seen lately.
    pub(super) fn has_seen(&self, key: &SeenKey) -> bool {
        lock(&self.inner.seen).has(key, self.clock().steady_ms())
    }

    /// Marks a message as seen; whether it is new.
    pub(super) fn mark_seen(&self, key: SeenKey) -> bool {
        lock(&self.inner.seen).mark(key, self.clock().steady_ms())
    }

    /// Passes something unasked on, to all but its source. What comes of it to
    /// us was seen (`wire.md` section 11).
    pub(super) fn relay(&self, message: &Message, source: Option<PeerId>) {
        let Some(frame) = frame(message) else { return };
        self.mark_seen(SeenKey::of(message.kind(), &frame[BEFORE_PAYLOAD..]));
        let (now_ms, priority) = (self.clock().steady_ms(), Priority::of(message.kind()));
        for (id, member) in &*self.members() {
            if Some(*id) != source && member.takes_relays(now_ms) {
                member.outbox.relay(priority, Arc::clone(&frame));
            }
        }
    }

    /// Whether a relay may go out to a peer now; if so, it counts.
    pub(super) fn may_relay(&self, peer: PeerId, priority: Priority, frame: usize) -> bool {
        lock(&self.inner.pace).may_send(peer, priority, frame, self.clock().steady_ms())
    }

    /// Tells everybody of a new tip.
    pub(super) fn notice(&self, hash: BlockHash, height: u64) {
        let Some(frame) = frame(&Message::BlockAccepted { hash, height }) else { return };
        for member in self.members().values() {
            member.notice(Arc::clone(&frame));
        }
    }

    /// Where peers are said to listen. Not to be held for long.
    pub(super) fn addresses(&self) -> MutexGuard<'_, Addresses> {
        lock(&self.inner.addresses)
    }

    /// There may be somebody to dial now.
    pub(super) fn change_addresses(&self) {
        self.inner.new_addresses.notify_one();
    }

    /// Waits until there may be somebody to dial.
    pub(super) async fn addresses_changed(&self) {
        self.inner.new_addresses.notified().await;
    }

    /// Others may dial us here.
    pub(super) fn listens_at(&self, address: SocketAddr) {
        // The first one is as good as any.
        let _ = self.inner.listening.set(address);
    }

    /// Where a peer may dial us that we have dialled from this end.
    pub(super) fn own_address(&self, from: SocketAddr) -> Option<SocketAddr> {
        let listening = self.inner.listening.get()?;
        let is_there = listening.ip().is_unspecified() || listening.ip() == from.ip();
        is_there.then(|| SocketAddr::new(from.ip(), listening.port()))
    }

    /// Peers that we dial: connected, or about to be.
    pub(super) fn outgoing(&self) -> usize {
        let dialled: Vec<SocketAddr> = {
            let members = self.members();
            let dialled = members.values().filter(|member| member.dialled);
            dialled.map(|member| member.address).collect()
        };
        self.addresses().outgoing(&dialled)
    }

    /// Who takes what nobody asked for, and where they are.
    pub(super) fn listeners(&self, now_ms: u64) -> Vec<(IpAddr, Arc<Member>)> {
        let members = self.members();
        let listening = members.values().filter(|member| member.takes_relays(now_ms));
        listening.map(|member| (member.address.ip(), Arc::clone(member))).collect()
    }

    /// Tells the owner.
    pub(super) async fn emit(&self, event: Event) {
        if let Some(events) = &self.inner.options.events {
            // An owner that listens no more is about to stop us.
            let _ = events.send(event).await;
        }
    }
}

fn frame(message: &Message) -> Option<Arc<[u8]>> {
    let frame = message.to_frame();
    frame
        .inspect_err(|error| tracing::error!(%error, "a message has no wire form"))
        .ok()
        .map(Arc::from)
}

/// 32 hexadecimal digits.
fn random_id() -> String {
    let mut id = [0; 16];
    // Without chance it is the same for all, which nothing depends on.
    let _ = getrandom::fill(&mut id);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
