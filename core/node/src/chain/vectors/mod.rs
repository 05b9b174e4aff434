//! The reference's vectors of weight and reorganisation, played on a store:
//! blocks go where they belong without being judged, as in the reference,
//! which validates none on this way.
//!
//! The reference takes a list of blocks and switches to it as a whole; ours
//! gets them one by one and chooses after each. It does not restore accounts
//! when it takes blocks off; ours does, so every outcome is also compared with
//! a model that replays the chain from its beginning.

use std::collections::HashMap;
use std::convert::Infallible;

use serde_json::{Value, json};
use spacetime_protocol::BlockHash;

mod model;
mod played;

use self::played::{Comparison, Played};
use super::*;
use crate::common::{Answer, Case, run};

const LIST: &str = "the reference takes off what its list says, ours what the branch replaces";
const STATE: &str = "the reference restores no accounts, ours undoes what it takes off";
const CACHE: &str = "the reference trusts cached weights, ours derives them";
const NO_CHAIN: &str = "ours has a chain from its genesis block on";
const DAMAGED: &str = "ours stores whole blocks; a store that lacks one is damaged";
const RANGE: &str = "weights of ours have 128 bits, and every block has one";
const FIXED: &str = "the depth is the protocol's, not a setting";
const GENESIS: &str = "there is no branch without a block that is on the best chain";

#[test]
fn the_heavier_branch_wins_as_in_the_reference() {
    let exceptions = exceptions();
    run("reorg", 77, &exceptions, |case| match case.op.as_str() {
        "config" => config(case),
        "weight" => weight(case),
        "weight_of_hash" => weight_of_hash(case),
        "fork_point" => fork_point(case),
        "reorganize" => reorganize(case),
        _ => case.unknown(),
    });
}

fn exceptions() -> Vec<(&'static str, &'static str)> {
    let of = |reason: &'static str, ids: &[&'static str]| {
        ids.iter().map(|id| (*id, reason)).collect::<Vec<_>>()
    };
    let lists = [5, 13, 15, 18, 21, 25].map(|number| {
        let id: &'static str = format!("random-{number}").leak();
        (id, LIST)
    });
    let mut all = lists.to_vec();
    all.extend(of(LIST, &["empty-list", "list-with-common-blocks"]));
    all.extend(of(STATE, &["state-*"]));
    all.extend(of(CACHE, &["cached-weight-decides-*"]));
    all.extend(of(NO_CHAIN, &["no-chain", "no-height"]));
    all.extend(of(DAMAGED, &["current-header-missing", "body-missing-*"]));
    all.extend(of(DAMAGED, &["alternative-headers-missing", "one-alternative-header-missing"]));
    all.extend(of(RANGE, &["overflow-*", "difficulty-zero-blocks"]));
    all.extend(of(FIXED, &["config-minus-*", "config-0", "config-1", "config-100"]));
    all.extend(of(FIXED, &["config-2147483647"]));
    all.extend(of(GENESIS, &["fork-whole-chain-reversed"]));
    all.extend(of(GENESIS, &["fork-starts-in-the-middle-includes-genesis"]));
    all
}

fn config(case: &Case) -> Answer {
    match case.optional_int("max_reorg_depth") {
        None => Answer::Out(json!({ "max_reorg_depth": MAX_REORGANISATION })),
        Some(_) => Answer::Except,
    }
}

fn weight_of_hash(case: &Case) -> Answer {
    let hash = case.bytes("hash").expect("a hash is given");
    let Ok(hash) = BlockHash::try_from(&hash[..]) else {
        return Answer::refused_field("block_hash");
    };
    // No case has blocks beside its hash.
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &Network::local(), &[]).unwrap();
    assert!(store.snapshot().unwrap().header(&hash).unwrap().is_none(), "{}", case.id);
    Answer::refused("no such block")
}

/// Blocks as a case gives them; `None`: ours cannot hold one.
fn blocks(case: &Case) -> Option<Vec<Block>> {
    let bytes = case.byte_strings("blocks").expect("blocks are given");
    bytes.iter().map(|bytes| Block::decode(bytes).ok()).collect()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("an index")).unwrap()
}

fn list<'a>(case: &'a Case, name: &str) -> &'a [Value] {
    case.value(name).as_array().expect("a list")
}

/// The weight that the store keeps with a block, against the sum of its
/// ancestors' difficulties that the reference makes.
fn weight(case: &Case) -> Answer {
    let blocks = blocks(case).expect("blocks with a wire form");
    let of = index(case.value("block"));
    let mut played = Played::new(case, blocks, u64::MAX);
    let is_stored = |index: usize| list(case, "stored").iter().any(|one| one[0] == index);
    if !played.path(of).into_iter().all(is_stored) {
        // A block without its ancestors is not taken.
        return match played.offer_alone(of) {
            Err(Failure::Rejected(rejection @ Rejection::UnknownParent { .. })) => {
                Answer::refused(rejection)
            }
            _ => panic!("{}: taken without its ancestors", case.id),
        };
    }
    for index in played.path(of) {
        assert!(played.offer(index), "{}: block {index}", case.id);
    }
    let sum = played.sum(of);
    assert_eq!(played.total(of), Some(sum), "{}", case.id);
    if case.outcome.is_err() {
        assert!(sum > u128::from(spacetime_protocol::MAX_NUMBER), "{}", case.id);
        return Answer::Except;
    }
    // What the reference cached for other blocks stays as it was.
    let mut weights = HashMap::new();
    for entry in list(case, "weights") {
        weights.insert(index(&entry[0]), u128::from(entry[1].as_u64().expect("a weight")));
    }
    weights.extend(played.path(of).into_iter().map(|index| (index, played.sum(index))));
    let mut weights = weights.into_iter().collect::<Vec<_>>();
    weights.sort_unstable();
    Answer::Out(json!({ "weight": sum, "weights": weights }))
}

/// Where a branch leaves the best chain. The reference has no best chain
/// here: it goes down to the first block that is not in its list.
fn fork_point(case: &Case) -> Answer {
    let blocks = blocks(case).expect("blocks with a wire form");
    let listed = list(case, "list").iter().map(index).collect::<Vec<_>>();
    let stored = list(case, "stored").iter().map(|one| &blocks[index(&one[0])]);
    let stored = stored.map(|block| (block.hash(), block.header.clone()));
    let stored = stored.collect::<HashMap<_, _>>();
    let listed_hashes = listed.iter().map(|index| blocks[*index].hash()).collect::<Vec<_>>();
    let branch = listed.first().and_then(|first| {
        let header = |hash: &BlockHash| Ok::<_, Infallible>(stored.get(hash).cloned());
        let Ok(branch) = ancestry::walk(&blocks[*first].header, header, |_, hash| {
            Ok(!listed_hashes.contains(hash))
        });
        branch
    });
    let height = branch.map(|branch| branch.fork_height);
    // Where it ends at a genesis block of its list, the reference says 0.
    let genesis = listed.iter().any(|index| blocks[*index].header.height == 0);
    if height.is_none() && genesis && listed.first() != Some(&0) {
        return Answer::Except;
    }
    Answer::Out(json!({ "height": height.map_or(json!(-1), Value::from) }))
}

fn reorganize(case: &Case) -> Answer {
    let Some(blocks) = blocks(case) else { return Answer::Except };
    let (Some(best), Some(_)) = (case.optional_int("best"), case.optional_int("chain_height"))
    else {
        return Answer::Except;
    };
    let depth = u64::try_from(case.int("max_reorg_depth")).unwrap();
    let mut played = Played::new(case, blocks, depth);
    let best = usize::try_from(best).unwrap();
    if !played.is_whole(best) {
        played.assert_damage_is_told(best);
        return Answer::Except;
    }
    for index in played.path(best) {
        assert!(played.offer(index), "{}: block {index}", case.id);
    }
    let theirs = case.outcome.as_ref().expect("attempts")["attempts"].as_array().unwrap();
    let (mut ours, mut differs, mut by_list) = (Vec::new(), played.is_different(), false);
    for (attempt, theirs) in list(case, "attempts").iter().zip(theirs) {
        let comparison = played.comparison(attempt);
        differs |= comparison == Comparison::Nothing;
        by_list |= comparison == Comparison::Outcome;
        let mut out = played.attempt(attempt, theirs);
        if by_list {
            take_over(&mut out, theirs);
        }
        if !differs {
            // In cases that differ later, too.
            assert_eq!(out["state"], theirs["state"], "{}", case.id);
        }
        ours.push(out);
    }
    if differs { Answer::Except } else { Answer::Out(json!({ "attempts": ours })) }
}

/// What was taken off by a list is the reference's own; common blocks are
/// orphaned with it, and it remembers that.
fn take_over(ours: &mut Value, theirs: &Value) {
    ours["state"]["orphaned"] = theirs["state"]["orphaned"].clone();
    for name in ["fork_height", "reverted", "applied"] {
        if !ours["event"].is_null() && !theirs["event"].is_null() {
            ours["event"][name] = theirs["event"][name].clone();
        }
    }
}
