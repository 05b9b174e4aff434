//! A scripted node. The reference asks other questions than we do: for
//! headers twice, and for one block at a time. So what a script says is
//! handed out by question, not by number: to each question what the reference
//! was answered to the same one, first things first.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;
use spacetime_protocol::{
    BlockHash,
    block::Block,
    header::BlockHeader,
    wire::{FrameError, FrameReader, Message},
};

use crate::{
    chain::{Local, Scripted},
    common::Case,
};

/// A question of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    Headers(BlockHash),
    Block(BlockHash),
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Silence,
    Close,
    Bytes(Vec<u8>),
}

/// What the bytes of a reply are: the first that is an answer, or else the
/// last that is none.
#[derive(Debug)]
pub(crate) enum Content {
    Headers(Vec<Vec<u8>>),
    Block(Vec<u8>),
    Other(Message),
    Malformed,
    Broken(FrameError),
    Nothing,
    Closed,
}

impl Content {
    pub(crate) fn of(reply: &Reply) -> Self {
        let mut last = Self::Nothing;
        for content in Self::all(reply) {
            last = content;
            if !matches!(last, Self::Other(_) | Self::Malformed) {
                break;
            }
        }
        last
    }

    /// What comes first, which is the answer to the reference.
    pub(crate) fn first(reply: &Reply) -> Self {
        Self::all(reply).into_iter().next().unwrap_or(Self::Nothing)
    }

    fn all(reply: &Reply) -> Vec<Self> {
        let bytes = match reply {
            Reply::Silence => return Vec::new(),
            Reply::Close => return vec![Self::Closed],
            Reply::Bytes(bytes) => bytes,
        };
        let (mut reader, mut all) = (FrameReader::default(), Vec::new());
        reader.push(bytes);
        loop {
            let frame = match reader.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return all,
                Err(error) => {
                    all.push(Self::Broken(error));
                    return all;
                }
            };
            all.push(match Message::decode(frame.kind, &frame.payload) {
                Ok(Message::Headers(headers)) => Self::Headers(headers),
                Ok(Message::Block(bytes) | Message::NewBlock(bytes)) => Self::Block(bytes),
                Ok(other) => Self::Other(other),
                Err(_) => Self::Malformed,
            });
        }
    }
}

impl Content {
    /// Whether it is what such a question is for.
    pub(crate) fn answers(&self, question: Question) -> bool {
        match question {
            Question::Headers(_) => matches!(self, Self::Headers(_)),
            Question::Block(_) => matches!(self, Self::Block(_)),
        }
    }
}

/// Questions that the reference asked a node, in their order.
pub(crate) fn asked(case: &Case, node: usize) -> Vec<Question> {
    let events = case.outcome.as_ref().unwrap().get("events").and_then(Value::as_array);
    let events = events.into_iter().flatten().filter(|event| {
        event["event"] == "received" && event["conn"].as_u64() == Some(node as u64)
    });
    events.map(|event| question(case, event["bytes"].as_str().unwrap())).collect()
}

/// A question of the reference, which is one frame.
fn question(case: &Case, frame: &str) -> Question {
    let mut reader = FrameReader::default();
    reader.push(&const_hex::decode(frame).unwrap());
    let frame = reader.next_frame().unwrap().expect("a whole frame");
    let most = i32::try_from(case.int("max_headers_per_request")).unwrap();
    match Message::decode(frame.kind, &frame.payload).unwrap() {
        Message::GetHeaders { locator, stop, max } => {
            assert!(stop.is_none() && max <= most, "{}: {stop:?} {max}", case.id);
            Question::Headers(locator)
        }
        Message::GetBlock(hash) => Question::Block(hash),
        other => panic!("{}: no question: {other:?}", case.id),
    }
}

/// What is left of a script.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    scripted: &'a Scripted,
    replies: HashMap<Question, VecDeque<Reply>>,
    /// What the reference asked for the successors of first.
    theirs: BlockHash,
    genesis: BlockHash,
    /// Its last headers were none.
    is_empty: bool,
}

impl<'a> Node<'a> {
    pub(crate) fn all(case: &Case, local: &Local, scripted: &'a Scripted) -> Vec<Self> {
        let nodes = case.value("replies").as_array().expect("a list of scripts").iter();
        nodes.enumerate().map(|(node, _)| Self::of(case, node, local, scripted)).collect()
    }

    fn of(case: &Case, node: usize, local: &Local, scripted: &'a Scripted) -> Self {
        let asked = asked(case, node);
        let best = local.best();
        let theirs = if case.bytes("local_best_hash").is_some() { best } else { BlockHash::ZERO };
        if let Some(first) = asked.first() {
            assert_eq!(*first, Question::Headers(theirs), "{}: it asks after its tip", case.id);
        }
        let mut replies: HashMap<_, VecDeque<_>> = HashMap::new();
        for (at, reply) in script(case, node).into_iter().enumerate() {
            let to = asked.get(at).copied().unwrap_or_else(|| likely(&reply, theirs));
            replies.entry(to).or_default().push_back(reply);
        }
        Self { scripted, replies, theirs, genesis: local.genesis, is_empty: false }
    }

    /// The next answer to a question of ours.
    pub(crate) fn answer(&mut self, question: Question, local: &Local) -> Reply {
        let Question::Headers(locator) = question else { return self.next(question) };
        let is_first = locator == local.asks_after()
            || locator.is_zero()
            || locator == self.genesis
            || locator == self.theirs;
        let theirs = if is_first { self.theirs } else { locator };
        let reply = self.next(Question::Headers(theirs));
        if reply == Reply::Silence && self.is_empty {
            // Who has nothing has nothing wherever one asks it from.
            return page(&[]);
        }
        let Content::Headers(headers) = Content::of(&reply) else { return reply };
        self.is_empty = headers.is_empty();
        match self.page_after(locator, theirs, &headers) {
            Some(headers) => page(&headers),
            None => reply,
        }
    }

    /// The same page for us, who ask a little further back, or, when some of
    /// its blocks are ours already, a little further on. `None`: as it stands.
    fn page_after(
        &self,
        ours: BlockHash,
        theirs: BlockHash,
        headers: &[Vec<u8>],
    ) -> Option<Vec<Vec<u8>>> {
        let is_ours =
            |bytes: &Vec<u8>| BlockHeader::decode(bytes).is_ok_and(|header| header.hash() == ours);
        if let Some(at) = headers.iter().position(is_ours) {
            return Some(headers[at + 1..].to_vec());
        }
        let (mut at, mut page) = (theirs, headers.to_vec());
        while at != ours {
            let header = self.scripted.get(&at)?;
            page.insert(0, header.encode().unwrap().to_vec());
            at = header.parent;
        }
        (page.len() > headers.len()).then_some(page)
    }

    fn next(&mut self, question: Question) -> Reply {
        let replies = self.replies.get_mut(&question);
        replies.and_then(VecDeque::pop_front).unwrap_or(Reply::Silence)
    }
}

/// A node's replies as they stand.
pub(crate) fn script(case: &Case, node: usize) -> Vec<Reply> {
    let replies = case.value("replies")[node].as_array().expect("a list of replies").iter();
    let reply = |reply: &Value| match reply.as_str().unwrap() {
        "silence" => Reply::Silence,
        "close" => Reply::Close,
        bytes => Reply::Bytes(const_hex::decode(bytes).unwrap()),
    };
    replies.map(reply).collect()
}

/// What a reply that the reference never got would have answered.
fn likely(reply: &Reply, theirs: BlockHash) -> Question {
    match Content::of(reply) {
        Content::Block(bytes) => {
            let hash = Block::decode(&bytes).map_or(BlockHash::ZERO, |block| block.hash());
            Question::Block(hash)
        }
        _ => Question::Headers(theirs),
    }
}

fn page(headers: &[Vec<u8>]) -> Reply {
    Reply::Bytes(Message::Headers(headers.to_vec()).to_frame().unwrap())
}
