//! Where we do something else than the reference, found in the data.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use spacetime_protocol::{block::Block, wire::Message};

use crate::{
    chain::{Local, Scripted},
    common::Case,
    play::{Ending, Played},
    script::{Content, Node, Question, Reply, asked, script},
};

/// Cases of the shipped data that differ, and why.
pub(crate) const EXCEPTIONS: [(&str, &str); 19] = [
    ("all-peers-connected", CONNECTED),
    ("other-message-first", NO_HEADERS),
    ("closed-at-discovery", NO_HEADERS),
    ("malformed-at-discovery", NO_HEADERS),
    ("negative-count-at-discovery", NO_HEADERS),
    ("three-headers-flagged-connected", NO_BLOCKS),
    ("headers-phase-empty", NO_BLOCKS),
    ("headers-phase-silence", NO_BLOCKS),
    ("headers-phase-other-message", NO_BLOCKS),
    ("headers-phase-garbage-header-repeated", NO_BLOCKS),
    ("headers-phase-old-header-repeated", NO_BLOCKS),
    ("headers-skip-height", UNLINKED),
    ("headers-unlinked-accepted", UNLINKED),
    ("wrong-block-accepted-by-validator", OTHER_BLOCK),
    ("block-garbage-then-good", "a block that is none ends it with us"),
    ("four-workers-one-connection", "the reference's workers take each other's blocks"),
    (
        "exchange-other-message",
        "the reference takes the next message for the answer, whatever it is",
    ),
    ("discovery-peers-reply", SEEDS),
    ("discovery-get-peers-reply-misread", SEEDS),
];
const SEEDS: &str = "the reference's seed discovery waits for an answer of another type and layout";
const CONNECTED: &str = "the reference asks nobody who is connected";
const NO_HEADERS: &str = "the reference takes whatever comes next for headers, an end included";
const NO_BLOCKS: &str = "the reference asks for headers again before any block, or for no block";
const UNLINKED: &str = "the reference does not look how headers hang together";
const OTHER_BLOCK: &str = "the reference takes any block for the one it asked for";

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The reference asks nobody who is connected; we ask them all.
    AllConnected,
    /// It takes whatever comes next, an end included, for headers, and a node
    /// that sent none for one that has nothing; we wait for headers, and leave
    /// a node that sends none.
    NoHeaders,
    /// It does not look how headers hang together; we leave at the first that
    /// does not follow.
    Unlinked,
    /// It asks for all headers again before the first block, and believes the
    /// second answer; or for no block at all. We ask for the blocks at once.
    NoBlocks,
    /// It takes any block for the one it asked for; we do not.
    OtherBlock,
    /// It asks again for a block that it cannot read; we leave.
    NoBlock,
    /// It does not look at notices before the block it waits for; we do.
    Notice,
    /// It stores blocks when it has them all; we each when it is there.
    AsTheyCome,
    /// It asks three times; we twice.
    Patience,
    /// Its workers read one stream at once, and take each other's blocks.
    Workers,
}

impl Difference {
    /// What we do instead. That what happened is what the rules say was seen
    /// already; this says what it is good for.
    pub(crate) fn check(self, case: &Case, local: &Local, played: &[Played]) {
        let id = &case.id;
        let is_block = |question: &Question| matches!(question, Question::Block(_));
        let is_left = |one: &Played| matches!(one.ending, Ending::Left(_) | Ending::Lost(_));
        match self {
            // Every node is asked.
            Self::AllConnected => {
                assert!(played.iter().all(|one| !one.questions.is_empty()), "{id}");
            }
            // A node that gives no headers is left; they may come later.
            Self::NoHeaders => {
                let follows = |one: &Played| one.questions.iter().any(is_block);
                assert!(played.iter().any(|one| is_left(one) || follows(one)), "{id}");
            }
            Self::Unlinked => assert!(played.iter().any(is_left), "{id}"),
            // What came before it went wrong is ours.
            Self::AsTheyCome => {
                assert!(played.iter().any(is_left), "{id}");
                assert!(!local.stored.is_empty(), "{id}");
            }
            // Every block that is in the first headers is asked for.
            Self::NoBlocks => {
                assert!(played.iter().any(|one| one.questions.iter().any(is_block)), "{id}");
            }
            // The height that it is said to have is not that of another block.
            Self::OtherBlock | Self::NoBlock => {
                assert!(played.iter().any(is_left), "{id}");
                assert_ne!(
                    json!(const_hex::encode(local.best().as_bytes())),
                    theirs(case)["best_hash"],
                    "{id}"
                );
            }
            // Whether it is true decides how it goes on.
            Self::Notice => {}
            Self::Patience => assert!(played.iter().any(is_left), "{id}"),
            // They come in order, and all of them.
            Self::Workers => {
                assert!(played.iter().all(|one| one.ending == Ending::Synced), "{id}");
                assert!(!is_synced(case), "{id}");
            }
        }
    }
}

/// The difference in a case, if there is one.
pub(crate) fn difference(case: &Case, scripted: &Scripted) -> Option<Difference> {
    let nodes = case.value("replies").as_array().map_or(0, Vec::len);
    let questions: Vec<_> = (0..nodes).map(|node| asked(case, node)).collect();
    if nodes > 0 && questions.iter().all(Vec::is_empty) {
        return Some(Difference::AllConnected);
    }
    let local = Local::of(case, scripted);
    for (number, mut node) in Node::all(case, &local, scripted).into_iter().enumerate() {
        let first = script(case, number).into_iter().next().unwrap_or(Reply::Silence);
        let is_headers = matches!(Content::first(&first), Content::Headers(_) | Content::Nothing);
        if !is_headers && is_synced(case) {
            return Some(Difference::NoHeaders);
        }
        match Content::of(&node.answer(Question::Headers(local.asks_after()), &local)) {
            Content::Headers(headers) if !crate::sync::is_linked(&local, &headers) => {
                return Some(Difference::Unlinked);
            }
            _ => {}
        }
    }
    let is_block = |question: &&Question| matches!(question, Question::Block(_));
    let has_asked = questions.iter().flatten().any(|question| is_block(&question));
    if !has_asked && !is_synced(case) && has_new(case, &local, scripted) {
        return Some(Difference::NoBlocks);
    }
    let answered = (0..nodes).flat_map(|node| answers(case, node));
    let (mut unanswered, mut came) = (HashMap::new(), false);
    for (question, reply) in answered {
        let Question::Block(hash) = question else { continue };
        match Content::of(&reply) {
            Content::Block(bytes) => match Block::decode(&bytes) {
                Ok(block) if block.hash() == hash => came |= unanswered.is_empty(),
                Ok(_) if case.int("parallel_downloads") > 1 => return Some(Difference::Workers),
                Ok(_) => return Some(Difference::OtherBlock),
                Err(_) => return Some(Difference::NoBlock),
            },
            Content::Broken(_) | Content::Closed => {}
            Content::Other(Message::BlockAccepted { .. }) => return Some(Difference::Notice),
            _ => *unanswered.entry(hash).or_insert(0) += 1,
        }
    }
    let accepts = case.text("validator") == Some("accept");
    if came && accepts && !is_synced(case) {
        return Some(Difference::AsTheyCome);
    }
    let is_late = is_synced(case) && unanswered.values().any(|times| *times > 1);
    is_late.then_some(Difference::Patience)
}

fn theirs(case: &Case) -> &Map<String, Value> {
    case.outcome.as_ref().unwrap()
}

fn is_synced(case: &Case) -> bool {
    theirs(case)["result"] == "synced"
}

/// Whether a first page has a block that we lack.
fn has_new(case: &Case, local: &Local, scripted: &Scripted) -> bool {
    Node::all(case, local, scripted).into_iter().any(|mut node| {
        let first = node.answer(Question::Headers(local.asks_after()), local);
        match Content::of(&first) {
            Content::Headers(headers) => {
                headers.len() > usize::from(local.asks_after() != local.best())
            }
            _ => false,
        }
    })
}

/// What the reference asked a node, and was answered.
fn answers(case: &Case, node: usize) -> impl Iterator<Item = (Question, Reply)> {
    asked(case, node).into_iter().zip(script(case, node))
}
