//! Asking for peers, and telling them.

use std::net::SocketAddr;

use serde_json::{Value, json};
use spacetime_protocol::{
    relay::{AddressBook, BookRules, GOSSIP_ADDRESSES},
    wire::{FrameReader, Message, PeerAddress},
};

use crate::{
    book::described,
    common::{Answer, Case},
};

const NOW_MS: u64 = 1_800_000_000_000;
/// What the reference's seed discovery asks for.
const SEED_COUNT: i32 = 100;

/// The question's bytes, and the peers in the answer. The reference takes the
/// next message for the answer, and in its seed discovery only one of type
/// `10`, which no node answers with; a Peers is one to us whenever it comes.
pub(crate) fn request(case: &Case) -> Answer {
    let is_seed = match case.text("component").expect("a component") {
        "exchange" => false,
        "seed_discovery" => true,
        _ => case.unknown(),
    };
    let exclude = case.value("exclude").as_array().cloned().unwrap_or_default();
    let exclude = exclude.iter().map(excluded).collect();
    let max = match case.optional_int("max_count") {
        Some(max) => i32::try_from(max).unwrap(),
        None => SEED_COUNT,
    };
    // More or fewer than may be asked for are not asked for.
    let request = Message::GetPeers { max, exclude }.to_frame().unwrap_or_default();
    let messages = match case.text("reply").expect("a reply") {
        "silence" | "close" => Vec::new(),
        bytes => messages(&const_hex::decode(bytes).unwrap()),
    };
    let ours = json!({
        "request": const_hex::encode(&request),
        "peers": heard(&messages).iter().map(shown).collect::<Vec<_>>(),
    });
    let is_first = matches!(messages.first(), None | Some(Message::Peers(_)));
    if is_first && !is_seed {
        return Answer::Out(ours);
    }
    let theirs = case.outcome.as_ref().unwrap();
    assert_eq!(ours["request"], theirs["request"], "{}: the question is the same", case.id);
    if ours["peers"] == theirs["peers"] {
        return Answer::Out(ours);
    }
    let told = messages.iter().filter_map(|message| match message {
        Message::Peers(peers) => Some(peers.iter().map(shown)),
        _ => None,
    });
    assert_eq!(ours["peers"], told.flatten().collect::<Value>(), "{}", case.id);
    Answer::Except
}

/// An exclusion as it goes on the wire: IPv6 without brackets.
fn excluded(address: &Value) -> String {
    let address: SocketAddr = address.as_str().unwrap().parse().unwrap();
    format!("{}:{}", address.ip(), address.port())
}

/// The messages in a reply; what is malformed is none.
fn messages(reply: &[u8]) -> Vec<Message> {
    let mut reader = FrameReader::default();
    reader.push(reply);
    let mut messages = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        messages.extend(Message::decode(frame.kind, &frame.payload));
    }
    messages
}

/// What a book that takes every address has learnt, in the order it came.
fn heard(messages: &[Message]) -> Vec<PeerAddress> {
    let mut book = AddressBook::new(BookRules { allow_private: true, ..BookRules::DEFAULT });
    let mut learnt = Vec::new();
    for message in messages {
        let Message::Peers(peers) = message else { continue };
        book.hear(peers, "node", NOW_MS);
        learnt.extend(peers.iter().filter(|peer| book.entries().any(|(held, _)| held == *peer)));
    }
    learnt
}

fn shown(address: &PeerAddress) -> String {
    SocketAddr::new(address.address, address.port).to_string()
}

/// What peers are told unasked: one message with the best of what is known, or
/// none.
pub(crate) fn gossip(case: &Case) -> Answer {
    let mut book = AddressBook::new(BookRules::DEFAULT);
    let addresses = described(case.text("book").expect("a book"));
    for (seen_ms, listens) in (NOW_MS..).step_by(1000).zip(addresses) {
        book.add(listens.into(), "test", seen_ms).unwrap();
    }
    let told = book.gossip();
    assert!(told.len() <= GOSSIP_ADDRESSES);
    let frame = (!told.is_empty()).then(|| Message::Peers(told).to_frame().unwrap());
    Answer::Out(json!({ "frames": frame.iter().map(const_hex::encode).collect::<Vec<_>>() }))
}
