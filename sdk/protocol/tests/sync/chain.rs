//! The scripted chain of the vectors, and our own side of it.

use std::{collections::HashMap, convert::Infallible};

use serde_json::{Value, json};
use spacetime_protocol::{
    BlockHash,
    block::Block,
    header::BlockHeader,
    wire::{Ours, Taken},
};

use crate::{
    common::{self, Answer, Case},
    script::{self, Content},
};

/// Headers of the scripted chain, by hash.
pub(crate) struct Scripted {
    headers: HashMap<BlockHash, BlockHeader>,
    /// What it begins with, which is not among its blocks.
    genesis: BlockHash,
}

impl Scripted {
    /// Of the cases that give a chain, and of what the scripts send.
    pub(crate) fn load() -> Self {
        let cases = common::load("sync");
        let chains = cases.iter().filter(|case| case.op == "chain").flat_map(|case| {
            let blocks = case.outcome.as_ref().unwrap()["blocks"].as_array().unwrap();
            blocks.iter().map(|given| Block::decode(&bytes(&given["block"])).unwrap().header)
        });
        let scripts = cases.iter().filter(|case| case.op == "sync").flat_map(sent);
        let all: Vec<BlockHeader> = chains.chain(scripts).collect();
        let first = all.iter().find(|header| header.height == 1);
        let genesis = first.map_or(BlockHash::ZERO, |header| header.parent);
        Self { headers: all.into_iter().map(|header| (header.hash(), header)).collect(), genesis }
    }

    pub(crate) fn get(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        self.headers.get(hash)
    }
}

/// Headers and blocks in a case's scripts.
fn sent(case: &Case) -> Vec<BlockHeader> {
    let scripts = case.value("replies").as_array().map_or(0, Vec::len);
    let replies = (0..scripts).flat_map(|node| script::script(case, node));
    let headers = replies.flat_map(|reply| match Content::of(&reply) {
        Content::Headers(headers) => {
            headers.iter().flat_map(|it| BlockHeader::decode(it)).collect()
        }
        Content::Block(bytes) => Block::decode(&bytes).into_iter().map(|it| it.header).collect(),
        _ => Vec::new(),
    });
    headers.collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    const_hex::decode(value.as_str().unwrap()).unwrap()
}

/// Every block is read, and written again.
pub(crate) fn blocks(case: &Case) -> Answer {
    let theirs = case.outcome.as_ref().unwrap()["blocks"].as_array().unwrap();
    let mut before: Option<Block> = None;
    let ours = theirs.iter().map(|given| {
        let block = Block::decode(&bytes(&given["block"])).unwrap();
        if let Some(before) = before.replace(block.clone()) {
            assert_eq!(block.header.parent, before.hash(), "{}: they follow each other", case.id);
        }
        json!({
            "height": block.header.height,
            "hash": const_hex::encode(block.hash().as_bytes()),
            "block": const_hex::encode(block.encode().unwrap()),
        })
    });
    Answer::Out(json!({ "blocks": ours.collect::<Value>() }))
}

/// What we hold: the case's best block, and what is known of those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) genesis: BlockHash,
    heights: HashMap<BlockHash, u64>,
    /// From the oldest block on.
    best: Vec<BlockHash>,
    accepts: bool,
    /// Heights of the blocks that were taken, in their order.
    pub(crate) stored: Vec<u64>,
}

impl Local {
    pub(crate) fn of(case: &Case, scripted: &Scripted) -> Self {
        let held =
            case.bytes("local_best_hash").map(|hash| BlockHash::try_from(&hash[..]).unwrap());
        let mut best = Vec::new();
        let mut at = held;
        while let Some(header) = at.and_then(|hash| scripted.get(&hash)) {
            best.insert(0, header.hash());
            at = Some(header.parent);
        }
        // A best block of which nothing is known is all that we hold.
        let genesis = if best.is_empty() { held } else { None };
        let genesis = genesis.unwrap_or(scripted.genesis);
        best.insert(0, genesis);
        let lowest = match case.optional_int("local_height") {
            Some(height) => u64::try_from(height).unwrap() + 1 - best.len() as u64,
            None => 0,
        };
        let accepts = match case.text("validator") {
            Some("accept") => true,
            Some("reject") => false,
            _ => case.unknown(),
        };
        let heights = best.iter().copied().zip(lowest..).collect();
        Self { genesis, heights, best, accepts, stored: Vec::new() }
    }

    pub(crate) fn best(&self) -> BlockHash {
        *self.best.last().unwrap()
    }

    pub(crate) fn height(&self) -> u64 {
        self.heights[&self.best()]
    }

    pub(crate) fn holds(&self, hash: &BlockHash) -> bool {
        self.heights.contains_key(hash)
    }

    pub(crate) fn height_of(&self, hash: &BlockHash) -> Option<u64> {
        self.heights.get(hash).copied()
    }

    /// The block before the best one, or the best one where it is the first:
    /// what we ask for the successors of.
    pub(crate) fn asks_after(&self) -> BlockHash {
        self.best[self.best.len().saturating_sub(2)]
    }

    /// The blocks before one of ours, oldest first, zeros before them: what to
    /// ask for the successors of when the node does not know that one.
    pub(crate) fn before(&self, hash: &BlockHash) -> Vec<BlockHash> {
        let before = self.best.iter().copied().take_while(|held| held != hash);
        [BlockHash::ZERO].into_iter().chain(before).collect()
    }

    /// Takes a block as the case's validator says; never one whose parent is
    /// not held.
    pub(crate) fn take(&mut self, block: &Block) -> Taken {
        let (hash, parent) = (block.hash(), block.header.parent);
        if !self.holds(&parent) {
            return Taken::Orphan;
        }
        if !self.accepts {
            return Taken::Invalid("the validator says so".into());
        }
        let height = self.heights[&parent] + 1;
        self.heights.insert(hash, height);
        self.stored.push(height);
        if parent == self.best() {
            self.best.push(hash);
        }
        Taken::Held
    }
}

impl Ours for Local {
    type Error = Infallible;

    fn tip(&self) -> Result<(BlockHash, u64), Infallible> {
        Ok((self.best(), self.height()))
    }

    fn height_of(&self, hash: &BlockHash) -> Result<Option<u64>, Infallible> {
        Ok(self.height_of(hash))
    }

    fn locator(&self) -> Result<Vec<BlockHash>, Infallible> {
        Ok(self.best.iter().rev().copied().collect())
    }
}
