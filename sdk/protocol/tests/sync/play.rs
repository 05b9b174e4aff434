//! Plays a script against our connection and follower.

use std::collections::VecDeque;

use spacetime_protocol::wire::{
    Connection, End, Follower, FrameReader, Handshake, Lie, Message, PingPong, Step,
};

use crate::{
    chain::Local,
    script::{Content, Question, Reply},
};

const NOW_MS: u64 = 1_800_000_000_000;
/// Whatever a node does, it is done with after that, ms.
const LONG_MS: u64 = 600_000;

/// How it ended with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It has nothing that we lack.
    Synced,
    Left(Lie),
    Lost(End),
}

/// What came of one node's script.
pub(crate) struct Played {
    pub(crate) ending: Ending,
    pub(crate) questions: Vec<Question>,
    /// Nonces of our pongs.
    pongs: Vec<i64>,
}

/// Our side of a connection that we dialled.
struct Play<'a> {
    local: &'a mut Local,
    connection: Connection,
    follower: Follower,
    now_ms: u64,
    open: VecDeque<Question>,
    played: Played,
    ending: Option<Ending>,
}

/// Follows a node that answers one question at a time, until there is nothing
/// to be had from it. What is asked behind a question that it does not answer
/// waits, too.
pub(crate) fn play(local: &mut Local, mut answer: impl FnMut(Question, &Local) -> Reply) -> Played {
    let mut play = Play::new(local);
    let steps = play.follower.start(play.local, play.now_ms).unwrap();
    play.act(steps);
    while play.ending.is_none() {
        assert!(play.now_ms < NOW_MS + LONG_MS, "it waits without end");
        match play.open.pop_front() {
            Some(question) => {
                let reply = answer(question, play.local);
                play.hear(question, &reply);
            }
            None => play.wait(),
        }
    }
    let Play { played, ending, .. } = play;
    Played { ending: ending.unwrap(), ..played }
}

impl<'a> Play<'a> {
    fn new(local: &'a mut Local) -> Self {
        let us = Handshake {
            version: 1,
            timestamp: 0,
            node_id: "0123456789abcdef".into(),
            user_agent: "test/1".into(),
        };
        let played = Played { ending: Ending::Synced, questions: Vec::new(), pongs: Vec::new() };
        let mut play = Self {
            follower: Follower::new(local.genesis),
            connection: Connection::new(us.clone(), true, 7, NOW_MS).unwrap(),
            local,
            now_ms: NOW_MS,
            open: VecDeque::new(),
            played,
            ending: None,
        };
        let introduction = Message::Handshake(us).to_frame().unwrap();
        assert_eq!(play.connection.take_output(), introduction, "we introduce ourselves first");
        play
    }

    fn act(&mut self, steps: Vec<Step>) {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            assert_eq!(self.ending, None, "{step:?} after the end");
            match step {
                Step::Send(message) => {
                    self.connection.send(&message).unwrap();
                    self.written();
                }
                Step::Submit(block) => {
                    let (hash, now_ms) = (block.hash(), self.now_ms);
                    let taken = self.local.take(&block);
                    steps.extend(self.follower.submitted(hash, taken, self.local, now_ms).unwrap());
                }
                Step::Synced => self.ending = Some(Ending::Synced),
                // Nothing that a node has to know before it is asked again.
                Step::Behind { .. } => {}
                Step::Leave(lie) => self.ending = Some(Ending::Left(lie)),
            }
        }
    }

    /// Looks at what goes out, as the node would.
    fn written(&mut self) {
        let mut reader = FrameReader::default();
        reader.push(&self.connection.take_output());
        while let Some(frame) = reader.next_frame().unwrap() {
            let question = match Message::decode(frame.kind, &frame.payload).unwrap() {
                Message::GetHeaders { locator, stop, max } => {
                    assert_eq!((stop, max), (None, 2000), "to the end, as many as there may be");
                    Question::Headers(locator)
                }
                Message::GetBlock(hash) => Question::Block(hash),
                Message::Pong(PingPong { nonce, .. }) => {
                    self.played.pongs.push(nonce);
                    continue;
                }
                Message::Ping(_) | Message::HandshakeAck => continue,
                other => panic!("no question: {other:?}"),
            };
            self.played.questions.push(question);
            self.open.push_back(question);
        }
        assert!(reader.end().is_ok(), "whole frames");
    }

    fn hear(&mut self, question: Question, reply: &Reply) {
        let bytes = match reply {
            Reply::Silence => return self.open.clear(),
            Reply::Close => {
                self.ending = Some(Ending::Lost(self.connection.ended()));
                return;
            }
            Reply::Bytes(bytes) => bytes,
        };
        let content = Content::of(reply);
        if !content.answers(question) {
            self.open.clear();
        }
        let received = self.connection.received(bytes, self.now_ms);
        let is_malformed = self.connection.take_malformed().is_some();
        self.written();
        match content {
            Content::Malformed => assert!(is_malformed, "a malformed message is told"),
            Content::Other(Message::Ping(ping)) => {
                assert_eq!(self.played.pongs.pop(), Some(ping.nonce), "a ping is answered");
            }
            _ => {}
        }
        while let Some(message) = self.connection.next_message() {
            if self.ending.is_none() {
                let steps = self.follower.heard(&message, self.local, self.now_ms).unwrap();
                self.act(steps);
            }
        }
        if let (Err(end), None) = (received, &self.ending) {
            self.ending = Some(Ending::Lost(end));
        }
    }

    /// Nothing comes until something is due.
    fn wait(&mut self) {
        let due = self.follower.due_ms().min(self.connection.due_ms().unwrap_or(u64::MAX));
        self.now_ms = self.now_ms.max(due);
        if let Err(end) = self.connection.tick(self.now_ms) {
            self.ending = Some(Ending::Lost(end));
            return;
        }
        self.written();
        let steps = self.follower.tick(self.local, self.now_ms).unwrap();
        self.act(steps);
    }
}
