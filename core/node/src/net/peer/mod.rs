//! The task of one connection: reads, answers, follows, and does what is due,
//! one message at a time. Writing is the outbox's.

mod debts;
mod gossip;
mod help;
mod news;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::relay::{PeerExchange, SeenKey};
use spacetime_protocol::wire::{Connection, End, Follower, Message};
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::member::{Member, Seat};
use super::standing::Standing;
use super::{Address, Event, Hub, Lost, Stream, serve};
use debts::{Debts, Owed};
use news::Input;

/// What is read at once, in bytes.
const READ: usize = 16 << 10;
/// No further answer is made while so many bytes or messages wait.
const ANSWER_BYTES: usize = 256 << 10;
const ANSWERS: usize = 128;
/// No more is read while so many messages or bytes of signs of life wait: the
/// peer reads nothing, and goes on asking.
const MAX_KEPT: usize = 256;
const MAX_SIGN_BYTES: usize = 64 << 10;
/// A peer that has said nothing for so long is told the tip, ms: a reference
/// miner never asks, and begins only on a notice.
const GREET_MS: u64 = 1000;
/// The same for one that has asked for headers or blocks, and may be about to
/// ask again, ms.
const GREET_ASKER_MS: u64 = 10_000;
/// How long the end of a connection may take to be said.
const FAREWELL: Duration = Duration::from_millis(500);

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
    let (mut reader, writer) = tokio::io::split(stream);
    let (writing, stuck_after) = (Arc::clone(&member), hub.options().stuck_after);
    let pace = hub.clone();
    let mut writing = Aborted(tokio::spawn(async move {
        let may_relay = |priority, frame| pace.may_relay(id, priority, frame);
        match writing.outbox.write_to(writer, stuck_after, may_relay).await {
            Ok(()) => Lost::Stopped,
            Err(error) => Lost::Socket(error.to_string()),
        }
    }));
    let mut peer = match Peer::new(hub.clone(), Arc::clone(&member)) {
        Ok(peer) => peer,
        Err(lost) => return Ended { lost, was_of_use: false },
    };
    let lost = match peer.talk(&mut reader, &mut writing).await {
        Err(lost) => lost,
        Ok(never) => match never {},
    };
    writing.end(&member, &mut reader).await;
    drop(seat);
    if lost == Lost::Stopped {
        // Nobody shall dial again, or tell of a peer that failed: this task is
        // about to be aborted.
        std::future::pending::<()>().await;
    }
    tracing::info!(%address, reason = %lost, "disconnected");
    hub.emit(Event::Lost { peer: id, address, reason: lost.clone() }).await;
    Ended { lost, was_of_use: peer.was_of_use }
}

/// A task that ends with its owner.
struct Aborted(JoinHandle<Lost>);

impl Aborted {
    /// Says the end of the stream, if it can still be said, and waits until the
    /// peer has closed the connection, too: closed with something unread it
    /// would be reset, and the end lost.
    async fn end(&mut self, member: &Member, reader: &mut ReadHalf<Stream>) {
        member.outbox.close();
        let said_and_heard = async {
            if !self.0.is_finished() {
                let _ = (&mut self.0).await;
            }
            let _ = tokio::io::copy(reader, &mut tokio::io::sink()).await;
        };
        // A peer that takes nothing does not hear it, and one may stay.
        let _ = timeout(FAREWELL, said_and_heard).await;
    }
}

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connected peer.
struct Peer {
    hub: Hub,
    member: Arc<Member>,
    connection: Connection,
    /// `None`: it has told nothing of a chain.
    follower: Option<Follower>,
    debts: Debts,
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
    /// When it was told addresses last.
    exchange: PeerExchange<()>,
    /// When it said something last, by the clock that is never set, Unix ms.
    heard_ms: u64,
    was_of_use: bool,
    /// It will say no more: what that means, told once all that it is owed is
    /// written.
    ended: Option<Lost>,
}

/// Never there.
enum Never {}

impl Peer {
    fn new(hub: Hub, member: Arc<Member>) -> Result<Self, Lost> {
        let now_ms = hub.clock().steady_ms();
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
            debts: Debts::default(),
            helped: HashSet::new(),
            is_given_up: false,
            asked: HashSet::new(),
            arrived: None,
            pool_credit: 0,
            pool_asked_ms: 0,
            standing: Standing::new(),
            exchange: PeerExchange::new(),
            heard_ms: now_ms,
            was_of_use: false,
            ended: None,
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

    async fn talk(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writing: &mut Aborted,
    ) -> Result<Never, Lost> {
        let (member, clock) = (Arc::clone(&self.member), self.hub.clock().clone());
        let mut buffer = vec![0; READ];
        // Whom we dialled learns first who we are.
        self.flush();
        self.follow(Input::Start).await?;
        loop {
            self.flush();
            if self.is_owed_nothing()
                && let Some(ended) = self.ended.take()
            {
                return Err(ended);
            }
            tokio::select! {
                read = reader.read(&mut buffer), if self.may_read() => match read {
                    Ok(0) => self.heard_all(),
                    Ok(read) => self.received(&buffer[..read]).await?,
                    Err(error) => return Err(Lost::Socket(error.to_string())),
                },
                () = std::future::ready(()), if self.may_answer() => self.answer().await,
                () = member.outbox.progress(), if !self.may_read() || !self.may_answer() => {}
                () = member.sent_block() => self.sent_block(),
                () = clock.until_steady_ms(self.due_ms()) => self.tick().await?,
                ended = &mut writing.0 => {
                    let aborted = |_| Lost::Socket("its writer is gone".to_owned());
                    let lost = ended.unwrap_or_else(aborted);
                    let said = self.ended.take().filter(|_| lost != Lost::Stopped);
                    return Err(said.unwrap_or(lost));
                }
            }
        }
    }

    /// The peer has ended its half of the connection; what it asked for before
    /// is still answered.
    fn heard_all(&mut self) {
        self.ended = Some(self.connection.ended().into());
        self.follower = None;
    }

    /// Whether all answers are written.
    fn is_owed_nothing(&self) -> bool {
        self.debts.is_empty() && self.member.outbox.kept_bytes() == 0
    }

    fn may_read(&self) -> bool {
        let outbox = &self.member.outbox;
        self.ended.is_none()
            && !self.debts.is_full()
            && outbox.kept() < MAX_KEPT
            && outbox.sign_bytes() < MAX_SIGN_BYTES
    }

    fn may_answer(&self) -> bool {
        let outbox = &self.member.outbox;
        !self.debts.is_empty() && outbox.kept_bytes() < ANSWER_BYTES && outbox.kept() < ANSWERS
    }

    /// Hands what the connection itself has to say to the writer.
    fn flush(&mut self) {
        let output = self.connection.take_output();
        if !output.is_empty() {
            self.member.outbox.keep_signs(output);
        }
    }

    fn send(&self, message: &Message) {
        match message.to_frame() {
            Ok(frame) => self.member.outbox.keep(frame),
            Err(error) => tracing::error!(%error, "a message has no wire form"),
        }
    }

    async fn received(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.heard_ms = self.hub.clock().steady_ms();
        let mut result = self.connection.received(bytes, self.heard_ms);
        loop {
            // What comes with it may depend on it.
            self.look_at_introduction()?;
            while let Some(message) = self.connection.next_message() {
                self.flush();
                self.heard(message).await?;
            }
            while let Some(said) = self.connection.next_complaint() {
                tracing::info!(peer = %self.member.address, ?said, "the peer reports an error");
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
                self.debts.push(Owed::Answer(message));
                Ok(())
            }
            Message::GetPeers { .. } | Message::TxPoolRequest { .. } => {
                self.debts.push(Owed::Answer(message));
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
                    let now_ms = self.hub.clock().now_ms();
                    self.hub.addresses().hear(&peers, ip, dialled, now_ms);
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
        let request = match self.debts.pop() {
            None => return,
            Some(Owed::Answer(request)) => request,
            Some(Owed::Block(hash)) => return self.push(hash).await,
            Some(Owed::Tip) => return self.push_tip().await,
        };
        if !self.hub.options().serves {
            return;
        }
        if let Message::GetPeers { max, exclude } = request {
            let now_ms = self.hub.clock().steady_ms();
            let ip = self.ip();
            let peers = self.hub.addresses().answer(&mut self.exchange, ip, max, &exclude, now_ms);
            return self.send(&Message::Peers(peers));
        }
        for answer in serve::answers(self.hub.service().clone(), request).await {
            self.send(&answer);
        }
    }

    fn sent_block(&mut self) {
        if let Some(follower) = &mut self.follower {
            follower.sent_block(self.hub.clock().steady_ms());
        }
    }

    /// When something is due, by the clock that is never set, Unix ms.
    fn due_ms(&self) -> u64 {
        if self.ended.is_some() {
            return u64::MAX;
        }
        let follower = self.follower.as_ref().map(Follower::due_ms);
        let greet = self.wants_greeting().then_some(self.heard_ms.saturating_add(self.greet_ms()));
        let due = [self.connection.due_ms(), follower, greet];
        due.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    fn wants_greeting(&self) -> bool {
        self.hub.options().announces && !self.member.was_noticed() && self.is_owed_nothing()
    }

    fn greet_ms(&self) -> u64 {
        if self.member.has_asked() { GREET_ASKER_MS } else { GREET_MS }
    }

    async fn tick(&mut self) -> Result<(), Lost> {
        let now_ms = self.hub.clock().steady_ms();
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
