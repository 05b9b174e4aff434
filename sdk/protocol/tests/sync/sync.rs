//! Following scripted nodes, one after another.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use spacetime_protocol::{BlockHash, header::BlockHeader};

use crate::{
    chain::{Local, Scripted},
    common::{Answer, Case},
    differences::difference,
    expect::expected,
    play::{Ending, Played, play},
    script::{Node, Question, Reply, asked, script},
};

/// Plays a case. What comes of it is always what the rules of following say;
/// where nothing is different on purpose it is the reference's, too.
pub(crate) fn sync(case: &Case, scripted: &Scripted) -> Answer {
    let mut local = Local::of(case, scripted);
    let mut played = Vec::new();
    for (number, mut node) in Node::all(case, &local, scripted).into_iter().enumerate() {
        let expected = expected(node.clone(), local.clone());
        let ours = play(&mut local, |question, local| node.answer(question, local));
        if let Some(expected) = expected {
            let id = &case.id;
            assert_eq!(ours.questions, expected.questions, "{id}, node {number}");
            assert_eq!(ours.ending, expected.ending, "{id}, node {number}");
            assert_eq!(local, expected.local, "{id}, node {number}");
        }
        played.push(ours);
    }
    match difference(case, scripted) {
        Some(difference) => {
            difference.check(case, &local, &played);
            Answer::Except
        }
        None => Answer::Out(outcome(case, &local, &played).into()),
    }
}

/// In the reference's terms.
fn outcome(case: &Case, local: &Local, played: &[Played]) -> Map<String, Value> {
    let theirs = case.outcome.as_ref().unwrap();
    let mut ours = Map::new();
    // The reference begins with nothing, we with the genesis block.
    let is_empty = case.bytes("local_best_hash").is_none() && local.stored.is_empty();
    let (height, best) = (local.height(), const_hex::encode(local.best().as_bytes()));
    ours.insert("height".into(), if is_empty { Value::Null } else { height.into() });
    ours.insert("best_hash".into(), if is_empty { Value::Null } else { best.into() });
    ours.insert("stored_heights".into(), json!(local.stored));
    let is_synced = !played.is_empty() && played.iter().all(|one| one.ending == Ending::Synced);
    if is_synced {
        ours.insert("result".into(), "synced".into());
        ours.insert("state".into(), "Synced".into());
    } else if theirs["result"] != "synced" {
        // Each has reasons of its own, and names for its states.
        assert!(["Failed", "Cancelled"].map(Value::from).contains(&theirs["state"]), "{}", case.id);
        ours.extend(["result", "state"].map(|name| (name.to_owned(), theirs[name].clone())));
    } else {
        let endings: Vec<_> = played.iter().map(|one| &one.ending).collect();
        ours.insert("result".into(), format!("{endings:?}").into());
    }
    let questions: Vec<_> = (0..played.len()).flat_map(|node| asked(case, node)).collect();
    let all_ours: Vec<_> = played.iter().flat_map(|one| one.questions.clone()).collect();
    // Where it goes wrong, we have asked for some blocks ahead.
    let (asked, ours_asked) = (blocks(&questions), blocks(&all_ours));
    if asked == ours_asked || (!is_synced && ours_asked.starts_with(&asked)) {
        let same = ["events", "requests", "requests_total"];
        assert_eq!(theirs["requests_total"], questions.len(), "{}", case.id);
        ours.extend(
            same.iter().filter_map(|name| Some((*name).to_owned()).zip(theirs.get(*name).cloned())),
        );
    } else {
        ours.insert("requests".into(), format!("{all_ours:?}").into());
    }
    // Its synchroniser counts good and bad answers; we leave at a bad one.
    ours.insert("reputation".into(), theirs["reputation"].clone());
    ours
}

/// The blocks that were asked for, in their order; how often depends on who is
/// how patient. Each side asks for headers in its own way, before.
fn blocks(questions: &[Question]) -> Vec<BlockHash> {
    let mut blocks = Vec::new();
    for question in questions {
        if let Question::Block(hash) = question
            && !blocks.contains(hash)
        {
            blocks.push(*hash);
        }
    }
    blocks
}

/// Whether each of a page's headers is the next one's parent, from a block of
/// ours on.
pub(crate) fn is_linked(local: &Local, headers: &[Vec<u8>]) -> bool {
    let mut before = local.asks_after();
    headers.iter().all(|bytes| {
        let Ok(header) = BlockHeader::decode(bytes) else { return false };
        header.parent == std::mem::replace(&mut before, header.hash())
    })
}

/// Plays the replies as they stand, the nth to our nth question: some are none
/// to it.
pub(crate) fn by_number(case: &Case, scripted: &Scripted) {
    let mut local = Local::of(case, scripted);
    let begun = local.height();
    for number in 0..case.value("replies").as_array().map_or(0, Vec::len) {
        let mut replies = VecDeque::from(script(case, number));
        let answer = |_, _: &Local| replies.pop_front().unwrap_or(Reply::Silence);
        play(&mut local, answer);
    }
    let added = local.height() - begun;
    assert_eq!(local.stored.len() as u64, added, "{}: {:?}", case.id, local.stored);
    let mut at = local.best();
    for _ in 0..added {
        at = scripted.get(&at).unwrap().parent;
        assert!(local.holds(&at), "{}", case.id);
    }
}
