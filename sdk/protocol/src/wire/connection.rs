//! One connection, whichever side opened it: frames, the handshake, signs of
//! life, and what a peer gets wrong (`wire.md` sections 1 to 4 and 10).
//!
//! Without I/O and clock: the owner feeds bytes and the time in, and writes
//! what [`Connection::take_output`] hands out.

use std::collections::VecDeque;

use thiserror::Error;

use super::{FrameError, FrameReader, Handshake, Kind, Message, PayloadError, PingPong};
use crate::EncodeError;

/// A peer that says nothing for so long is asked for a sign of life, ms.
const PING_AFTER_MS: u64 = 30_000;
/// How long a ping may stay unanswered, ms, by a peer that answers pings.
const PONG_WITHIN_MS: u64 = 30_000;
/// How long a message may stay half a one, ms, unless [`STEADY`] bytes of it
/// come in that time.
const HALF_MS: u64 = 60_000;
/// What a large message on a slow line brings at least, bytes.
const STEADY: usize = 16 << 10;
/// Payload errors within [`STRIKES_MS`] that end a connection.
const STRIKES: usize = 10;
/// How long a payload error counts, ms.
const STRIKES_MS: u64 = 60_000;
/// Errors of the peer that are told, of one connection.
const COMPLAINTS: usize = 10;
/// What is told of each, bytes.
const COMPLAINT_BYTES: usize = 200;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum End {
    /// In order: the peer closed it between two frames.
    #[error("the peer closed the connection")]
    Closed,
    /// The stream cannot be read on, or ended within a frame.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// Too many payloads that are no messages; this was the last one.
    #[error("{STRIKES} malformed messages, the last one: {0}")]
    Payloads(PayloadError),
    /// Part of a message came, and the rest not, or too slowly, for so many
    /// seconds.
    #[error("it sent part of a message, and not the rest of it within {0} s")]
    HalfMessage(u64),
    /// The peer answers pings, but not this one.
    #[error("the peer is silent: no answer to a ping for {0} s")]
    Silent(u64),
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    reader: FrameReader,
    messages: VecDeque<Message>,
    output: Vec<u8>,
    peer: Option<Handshake>,
    heard_ms: u64,
    half: Option<Half>,
    ping: Option<Ping>,
    /// Whether the peer has ever answered one: the reference answers none.
    answers_pings: bool,
    last_nonce: i64,
    strikes: VecDeque<u64>,
    /// A payload that was no message, for the log.
    malformed: Option<PayloadError>,
    /// What the peer's Error messages say, for the log, and how many came.
    complaints: VecDeque<String>,
    complained: usize,
}

/// A message that has begun.
#[derive(Clone, Copy, Debug)]
struct Half {
    /// When it began, or was steady last, Unix ms.
    since_ms: u64,
    /// Bytes of it since then.
    bytes: usize,
}

impl Half {
    /// With so many more bytes; without one before, it begins now.
    fn after(before: Option<Self>, bytes: usize, now_ms: u64) -> Self {
        match before {
            Some(Self { since_ms, bytes: before }) if before + bytes < STEADY => {
                Self { since_ms, bytes: before + bytes }
            }
            _ => Self { since_ms: now_ms, bytes: 0 },
        }
    }
}

/// A ping that is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Ping {
    nonce: i64,
    sent_ms: u64,
}

impl Connection {
    /// A new connection. `us` introduces us: a side that dials says it at
    /// once, one that accepts answers with an acknowledgement only. `nonce`:
    /// any number; pings count up from it.
    ///
    /// # Errors
    /// What `us` says has no wire form.
    pub fn new(us: Handshake, dialled: bool, nonce: i64, now_ms: u64) -> Result<Self, EncodeError> {
        let introduction = Message::Handshake(us).to_frame()?;
        Ok(Self {
            reader: FrameReader::default(),
            messages: VecDeque::new(),
            output: if dialled { introduction } else { Vec::new() },
            peer: None,
            heard_ms: now_ms,
            half: None,
            ping: None,
            answers_pings: false,
            last_nonce: nonce,
            strikes: VecDeque::new(),
            malformed: None,
            complaints: VecDeque::new(),
            complained: 0,
        })
    }

    /// Takes bytes of the stream. Messages that came whole before an error can
    /// still be had from [`Connection::next_message`].
    ///
    /// # Errors
    /// The connection must be closed.
    pub fn received(&mut self, bytes: &[u8], now_ms: u64) -> Result<(), End> {
        self.heard_ms = now_ms;
        self.reader.push(bytes);
        while let Some(frame) = self.reader.next_frame()? {
            self.half = None;
            if frame.kind == Kind::Error {
                self.complain(&frame.payload);
                continue;
            }
            match Message::decode(frame.kind, &frame.payload) {
                Ok(message) => self.heard(message, now_ms),
                Err(error) => self.strike(error, now_ms)?,
            }
        }
        self.half = self.reader.end().err().map(|_| Half::after(self.half, bytes.len(), now_ms));
        Ok(())
    }

    /// What the end of the stream means at this point.
    pub fn ended(&self) -> End {
        self.reader.end().map_or_else(End::Frame, |()| End::Closed)
    }

    /// The next message that is the owner's business.
    pub fn next_message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    /// The last payload that was no message, once.
    pub fn take_malformed(&mut self) -> Option<PayloadError> {
        self.malformed.take()
    }

    /// What an Error message of the peer says, cut short; none but the first
    /// few of a connection is told. It may hold anything, control characters
    /// included.
    pub fn next_complaint(&mut self) -> Option<String> {
        self.complaints.pop_front()
    }

    /// Queues a message.
    ///
    /// # Errors
    /// It has no wire form.
    pub fn send(&mut self, message: &Message) -> Result<(), EncodeError> {
        self.output.extend(message.to_frame()?);
        Ok(())
    }

    /// Bytes to be written, whole frames.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How the peer introduced itself, if it did.
    pub fn peer(&self) -> Option<&Handshake> {
        self.peer.as_ref()
    }

    /// Does what is due.
    ///
    /// # Errors
    /// The connection must be closed.
    pub fn tick(&mut self, now_ms: u64) -> Result<(), End> {
        if let Some(half) = self.half
            && half.since_ms + HALF_MS <= now_ms
        {
            return Err(End::HalfMessage((now_ms - half.since_ms) / 1000));
        }
        if let Some(ping) = self.ping
            && self.answers_pings
            && self.pong_due_ms(ping) <= now_ms
        {
            return Err(End::Silent((now_ms - ping.sent_ms) / 1000));
        }
        if self.ping.is_none() && self.heard_ms + PING_AFTER_MS <= now_ms {
            self.last_nonce = self.last_nonce.wrapping_add(1);
            let ping = PingPong { nonce: self.last_nonce, timestamp: seconds(now_ms) };
            self.output.extend(Message::Ping(ping).to_frame().unwrap_or_default());
            self.ping = Some(Ping { nonce: ping.nonce, sent_ms: now_ms });
        }
        Ok(())
    }

    /// When [`Connection::tick`] has something to do next, Unix ms.
    pub fn due_ms(&self) -> Option<u64> {
        let half = self.half.map(|half| half.since_ms + HALF_MS);
        let ping = match self.ping {
            Some(ping) if self.answers_pings => Some(self.pong_due_ms(ping)),
            // Nobody who answers none is asked twice.
            Some(_) => None,
            None => Some(self.heard_ms + PING_AFTER_MS),
        };
        [half, ping].into_iter().flatten().min()
    }

    /// The pong may stand behind a large block that is still coming.
    fn pong_due_ms(&self, ping: Ping) -> u64 {
        ping.sent_ms.max(self.heard_ms) + PONG_WITHIN_MS
    }

    fn heard(&mut self, message: Message, now_ms: u64) {
        match message {
            Message::Handshake(peer) => {
                self.output.extend(Message::HandshakeAck.to_frame().unwrap_or_default());
                self.peer = Some(peer);
            }
            // The reference's pong is a ping that repeats our nonce.
            Message::Ping(ping) | Message::Pong(ping) if self.is_ours(ping.nonce) => {
                self.ping = None;
                self.answers_pings = true;
            }
            Message::Ping(ping) => {
                let pong = PingPong { nonce: ping.nonce, timestamp: seconds(now_ms) };
                self.output.extend(Message::Pong(pong).to_frame().unwrap_or_default());
            }
            Message::HandshakeAck | Message::Heartbeat | Message::Pong(_) => {}
            message => self.messages.push_back(message),
        }
    }

    fn is_ours(&self, nonce: i64) -> bool {
        self.ping.is_some_and(|ping| ping.nonce == nonce)
    }

    /// An Error message is no fault of the peer's, and ends nothing
    /// (`wire.md` section 9).
    fn complain(&mut self, payload: &[u8]) {
        if self.complained < COMPLAINTS {
            self.complained += 1;
            let said = &payload[..payload.len().min(COMPLAINT_BYTES)];
            self.complaints.push_back(String::from_utf8_lossy(said).into_owned());
        }
    }

    fn strike(&mut self, error: PayloadError, now_ms: u64) -> Result<(), End> {
        self.strikes.push_back(now_ms);
        // An owner may go on all the same; more of them tell nothing more.
        while self.strikes.len() > STRIKES
            || self.strikes.front().is_some_and(|at| at + STRIKES_MS < now_ms)
        {
            self.strikes.pop_front();
        }
        if self.strikes.len() >= STRIKES {
            return Err(End::Payloads(error));
        }
        self.malformed = Some(error);
        Ok(())
    }
}

/// Unix seconds as the wire has them.
fn seconds(now_ms: u64) -> i64 {
    i64::try_from(now_ms / 1000).unwrap_or(i64::MAX)
}
