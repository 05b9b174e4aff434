//! The task of one connection: reads, answers, follows, and does what is due,
//! one message at a time. Writing is the outbox's.

mod gossip;
mod help;
mod news;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::relay::SeenKey;
use spacetime_protocol::wire::{Connection, End, Follower, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::member::{Member, Seat};
use super::standing::Standing;
use super::{Address, Event, Hub, Lost, Stream, serve};
use news::Input;

/// What is read at once, in bytes.
const READ: usize = 16 << 10;
/// Questions of a peer that wait at most; no more is read then.
const MAX_REQUESTS: usize = 1024;
/// No further answer is made while so many bytes or messages wait.
const ANSWER_BYTES: usize = 256 << 10;
const ANSWERS: usize = 128;
/// No more is read while so many messages wait: the peer reads nothing, and
/// goes on asking for signs of life.
const MAX_KEPT: usize = 256;
/// A peer that has said nothing for so long is told the tip, ms: a reference
/// miner never asks, and begins only on a notice.
const GREET_MS: u64 = 1000;
/// The same for one that has asked for headers or blocks, and may be about to
/// ask again, ms.
const GREET_ASKER_MS: u64 = 10_000;

/// What the end of a connection may take.
const CLOSE: Duration = Duration::from_millis(250);

/// How a connection went.
pub(super) struct Ended {
    pub(super) lost: Lost,
    /// Whether the peer ever had nothing that we lack, or gave us a block that
    /// we lacked.
    pub(super) was_of_use: bool,
}

/// Talks to a peer until it is lost. `dialled`: what we dialled.
pub(super) async fn run(hub: Hub, seat: Seat, stream: Stream, dialled: Option<Address>) -> Ended {
    let member = Arc::clone(seat.member());
    let (id, address) = (member.id, member.address);
    tracing::info!(%address, dialled = dialled.is_some(), "connected");
    hub.emit(Event::Connected { peer: id, address, dialled }).await;
    let mut peer = match Peer::new(hub.clone(), member) {
        Ok(peer) => peer,
        Err(lost) => return Ended { lost, was_of_use: false },
    };
    let lost = peer.meet(stream).await;
    drop(seat);
    tracing::info!(%address, reason = %lost, "disconnected");
    hub.emit(Event::Lost { peer: id, address, reason: lost.clone() }).await;
    Ended { lost, was_of_use: peer.was_of_use }
}

/// The task that writes; it ends with its owner.
struct Writing(JoinHandle<io::Result<()>>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until the end is written and the peer has closed the connection, too:
/// closed with something unread it would be reset, and the end lost.
async fn end(reader: &mut ReadHalf<Stream>, writing: &mut Writing) {
    if !writing.0.is_finished() {
        // Reading tells as well that it has failed.
        let _ = (&mut writing.0).await;
    }
    let _ = tokio::io::copy(reader, &mut tokio::io::sink()).await;
}

/// A connected peer.
struct Peer {
    hub: Hub,
    member: Arc<Member>,
    connection: Connection,
    /// `None`: it has told nothing of a chain.
    follower: Option<Follower>,
    /// What it will be sent, in this order.
    owed: VecDeque<Owed>,
    /// Blocks from which on it was sent what it lacks.
    helped: HashSet<BlockHash>,
    /// It was told of as one that cannot be helped.
    is_given_up: bool,
    /// Blocks that it was asked for.
    asked: HashSet<BlockHash>,
    /// Of the block that is being looked at: whether it was asked for, and its
    /// key among what was seen.
    arrived: Option<(bool, SeenKey)>,
    /// Transactions that were asked for.
    pool_credit: usize,
    pool_asked_ms: u64,
    standing: Standing,
    heard_ms: u64,
    was_of_use: bool,
}

/// What a peer will be sent once there is room for it.
enum Owed {
    /// The answers to its question.
    Answer(Message),
    /// A block of our chain that it lacks.
    Block(BlockHash),
    /// Our tip, and what was won on it.
    Tip,
}

/// Never there.
enum Never {}

impl Peer {
    fn new(hub: Hub, member: Arc<Member>) -> Result<Self, Lost> {
        let now_ms = hub.clock().now_ms();
        // Any number that others do not use by chance.
        let nonce = getrandom::u64().unwrap_or(now_ms).cast_signed();
        let connection = Connection::new(hub.handshake(), member.dialled, nonce, now_ms)
            .map_err(|error| Lost::Misbehaved(format!("our handshake: {error}")))?;
        let genesis = hub.service().network().genesis_hash();
        let follower = member.dialled.then(|| Follower::new(genesis));
        Ok(Self {
            hub,
            member,
            connection,
            follower,
            owed: VecDeque::new(),
            helped: HashSet::new(),
            is_given_up: false,
            asked: HashSet::new(),
            arrived: None,
            pool_credit: 0,
            pool_asked_ms: 0,
            standing: Standing::new(),
            heard_ms: now_ms,
            was_of_use: false,
        })
    }

    fn ip(&self) -> IpAddr {
        self.member.address.ip()
    }

    /// Whether it is exempt from limits, disconnects and bans.
    fn is_forgiven(&self) -> bool {
        !self.member.dialled && self.hub.forgives(self.ip())
    }

    /// Lets nobody in from its address for a while. Of a host that we dial,
    /// only what was dialled is avoided, by whoever dials it.
    fn ban(&self) {
        if !self.member.dialled {
            self.hub.ban(self.ip());
        }
    }

    /// Talks until the connection is lost, and ends it in order.
    async fn meet(&mut self, stream: Stream) -> Lost {
        // Held until the connection is closed: who stops the hub waits for that.
        let mut stopping = self.hub.stopping();
        let (mut reader, writer) = tokio::io::split(stream);
        let mut writing = self.write_to(writer);
        let lost = tokio::select! {
            talked = self.talk(&mut reader, &mut writing) => match talked {
                Err(lost) => lost,
                Ok(never) => match never {},
            },
            () = stopping.begins() => Lost::Stopped,
        };
        self.member.outbox.close();
        // It may take nothing any more, or stay.
        let _ = timeout(CLOSE, end(&mut reader, &mut writing)).await;
        lost
    }

    /// Begins to write what is to be sent.
    fn write_to(&self, mut writer: WriteHalf<Stream>) -> Writing {
        let (hub, member) = (self.hub.clone(), Arc::clone(&self.member));
        Writing(tokio::spawn(async move {
            let may_relay = |priority, frame| hub.may_relay(member.id, priority, frame);
            let stuck_after = hub.options().stuck_after;
            member.outbox.write_to(&mut writer, stuck_after, may_relay).await?;
            // Says that this is the end, which TLS has a word of its own for.
            writer.shutdown().await
        }))
    }

    async fn talk(
        &mut self,
        reader: &mut ReadHalf<Stream>,
        writing: &mut Writing,
    ) -> Result<Never, Lost> {
        let (member, clock) = (Arc::clone(&self.member), self.hub.clock().clone());
        let mut buffer = vec![0; READ];
        // Whom we dialled learns first who we are.
        self.flush();
        self.follow(Input::Start).await?;
        loop {
            self.flush();
            tokio::select! {
                read = reader.read(&mut buffer), if self.may_read() => match read {
                    Ok(0) => return Err(self.connection.ended().into()),
                    Ok(read) => self.received(&buffer[..read]).await?,
                    Err(error) => return Err(Lost::Socket(error.to_string())),
                },
                () = std::future::ready(()), if self.may_answer() => self.answer().await,
                () = member.outbox.progress(), if !self.may_read() || !self.may_answer() => {}
                () = member.sent_block() => self.sent_block(),
                () = clock.until_ms(self.due_ms()) => self.tick().await?,
                ended = &mut writing.0 => {
                    let gone = || Lost::Socket("its writer is gone".to_owned());
                    let failed = ended.ok().and_then(Result::err);
                    return Err(failed.map_or_else(gone, |error| Lost::Socket(error.to_string())));
                }
            }
        }
    }

    fn may_read(&self) -> bool {
        self.owed.len() < MAX_REQUESTS && self.member.outbox.kept() < MAX_KEPT
    }

    fn may_answer(&self) -> bool {
        let outbox = &self.member.outbox;
        !self.owed.is_empty() && outbox.kept_bytes() < ANSWER_BYTES && outbox.kept() < ANSWERS
    }

    /// Hands what the connection itself has to say to the writer.
    fn flush(&mut self) {
        let output = self.connection.take_output();
        if !output.is_empty() {
            self.member.outbox.keep(output);
        }
    }

    fn send(&self, message: &Message) {
        match message.to_frame() {
            Ok(frame) => self.member.outbox.keep(frame),
            Err(error) => tracing::error!(%error, "a message has no wire form"),
        }
    }

    async fn received(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.heard_ms = self.hub.clock().now_ms();
        let mut result = self.connection.received(bytes, self.heard_ms);
        loop {
            // What comes with it may depend on it.
            self.look_at_introduction()?;
            while let Some(message) = self.connection.next_message() {
                self.flush();
                self.heard(message).await?;
            }
            if let Some(error) = self.connection.take_malformed() {
                tracing::debug!(peer = %self.member.address, %error, "a malformed message");
            }
            match result {
                Ok(()) => return Ok(()),
                // The stream goes on behind it.
                Err(End::Payloads(_)) if self.is_forgiven() => {
                    result = self.connection.received(&[], self.heard_ms);
                }
                Err(end) => {
                    if matches!(end, End::Payloads(_)) {
                        self.ban();
                    }
                    return Err(end.into());
                }
            }
        }
    }

    fn look_at_introduction(&self) -> Result<(), Lost> {
        let Some(peer) = self.connection.peer() else { return Ok(()) };
        self.member.introduced();
        if peer.node_id != self.hub.handshake().node_id {
            return Ok(());
        }
        self.hub.addresses().came_from_ourselves(self.member.address);
        Err(Lost::Ourselves)
    }

    async fn heard(&mut self, message: Message) -> Result<(), Lost> {
        match message {
            Message::GetHeaders { .. } | Message::GetBlock(_) => {
                self.member.asked(self.heard_ms);
                self.owed.push_back(Owed::Answer(message));
                Ok(())
            }
            Message::GetPeers { .. } | Message::TxPoolRequest { .. } => {
                self.owed.push_back(Owed::Answer(message));
                Ok(())
            }
            Message::Headers(_) => self.follow(Input::Heard(message)).await,
            Message::Block(bytes) | Message::NewBlock(bytes) => self.block(bytes).await,
            Message::BlockAccepted { hash, height } => self.notice(hash, height).await,
            Message::Transaction(bytes) => self.transaction(bytes).await,
            Message::ProofSubmission { height, miner, proof } => {
                self.proof(height, miner, proof).await
            }
            Message::Peers(peers) => {
                if self.is_within_limit()? {
                    let (ip, dialled) = (self.ip(), self.member.dialled);
                    self.hub.addresses().hear(&peers, ip, dialled, self.heard_ms);
                    self.hub.change_addresses();
                }
                Ok(())
            }
            // The connection's.
            _ => Ok(()),
        }
    }

    /// Sends what is owed longest.
    async fn answer(&mut self) {
        let request = match self.owed.pop_front() {
            None => return,
            Some(Owed::Answer(request)) => request,
            Some(Owed::Block(hash)) => return self.push(hash).await,
            Some(Owed::Tip) => return self.push_tip().await,
        };
        if !self.hub.options().serves {
            return;
        }
        if let Message::GetPeers { max, exclude } = request {
            let now_ms = self.hub.clock().now_ms();
            let peers = self.hub.addresses().answer(self.ip(), max, &exclude, now_ms);
            return self.send(&Message::Peers(peers));
        }
        for answer in serve::answers(self.hub.service().clone(), request).await {
            self.send(&answer);
        }
    }

    fn sent_block(&mut self) {
        if let Some(follower) = &mut self.follower {
            follower.sent_block(self.hub.clock().now_ms());
        }
    }

    /// When something is due, Unix ms.
    fn due_ms(&self) -> u64 {
        let follower = self.follower.as_ref().map(Follower::due_ms);
        let greet = self.wants_greeting().then_some(self.heard_ms.saturating_add(self.greet_ms()));
        let due = [self.connection.due_ms(), follower, greet];
        due.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    fn wants_greeting(&self) -> bool {
        let is_idle = self.owed.is_empty() && self.member.outbox.kept_bytes() == 0;
        self.hub.options().announces && !self.member.was_noticed() && is_idle
    }

    fn greet_ms(&self) -> u64 {
        if self.member.has_asked() { GREET_ASKER_MS } else { GREET_MS }
    }

    async fn tick(&mut self) -> Result<(), Lost> {
        let now_ms = self.hub.clock().now_ms();
        let silent_ms = now_ms.saturating_sub(self.heard_ms);
        self.connection.tick(now_ms)?;
        if self.wants_greeting() && silent_ms >= self.greet_ms() {
            self.greet().await;
        }
        if self.follower.as_ref().is_some_and(|follower| follower.due_ms() <= now_ms) {
            self.follow(Input::Tick).await?;
        }
        Ok(())
    }
}
