//! What a script needs: a network, keys, headers, and numbers by chance.

use std::{path::Path, sync::Arc};

use spacetime_protocol::{
    BlockHash, Leaf, NodeHash, PlotHeaderHash, PlotSeed, Score,
    chain::{ChainHeader, HeaderChain},
    header::BlockHeader,
    keys::{Scheme, SecretKey},
    merkle::MerklePath,
    network::Network,
    proof::{BlockProof, PlotMetadata},
    score,
    validity::Expected,
};

use crate::{
    block::{BlockPlan, Built, Outcome},
    engine::{
        event::{Best, Coverage, Now, PlotSummary, Proved},
        state::{Config, State},
    },
    scan::Found,
    submit::OwnBlock,
};

/// Numbers by chance, the same in every run.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True `times` in a hundred.
    pub(super) fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }
}

pub(super) fn key(secret: u8) -> SecretKey {
    SecretKey::new(Scheme::Ed25519, [secret; 32].into()).unwrap()
}

pub(super) fn config(network: &Network) -> Config {
    Config {
        network: Arc::new(network.clone()),
        identity: key(1).identity(),
        proof_timeout_ms: 60_000,
        monitoring: true,
        until_blocks: None,
        until_ms: None,
        transports: vec!["node".to_owned()],
        shadows: vec!["shadow-adaptive".to_owned()],
    }
}

pub(super) fn plots() -> PlotSummary {
    PlotSummary { plots: 2, leaves: 2000, bytes: 64_121 }
}

pub(super) fn state(network: &Network, now: Now) -> State {
    State::new(config(network), plots(), now)
}

/// A score that wins at a difficulty; the larger `margin`, the lower.
pub(super) fn winning(difficulty: u64, margin: u64) -> Score {
    let target = score::target(difficulty.saturating_mul(2 + margin)).unwrap();
    Score::new(target.to_bytes())
}

/// A score that never wins.
pub(super) fn losing() -> Score {
    Score::new([0xFF; 32])
}

/// A header that follows a chain's rules.
pub(super) fn header(
    expected: &Expected,
    score: Score,
    timestamp: u64,
    key: &SecretKey,
) -> BlockHeader {
    let header = BlockHeader {
        version: 1,
        parent: expected.parent.unwrap(),
        height: expected.height,
        timestamp,
        difficulty: expected.difficulty,
        epoch: expected.epoch,
        challenge: expected.challenge,
        plot_root: NodeHash::new([7; 32]),
        score,
        tx_root: NodeHash::ZERO,
        miner: key.identity(),
        signature: None,
    };
    header.sign(key)
}

pub(super) fn best(score: Score) -> Best {
    let found = Found { plot: 0, leaf_index: 3, leaf: Leaf::new([9; 32]), score };
    Best { found, path: Arc::from(Path::new("a.plot")) }
}

pub(super) fn covered(scanned: u64) -> Coverage {
    Coverage { scanned, again: 0, leaves: 2000, elapsed_ms: 10, drives: Vec::new() }
}

pub(super) fn proved() -> Proved {
    let proof = BlockProof {
        leaf: Leaf::new([9; 32]),
        leaf_index: 3,
        path: MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() },
        plot: PlotMetadata {
            leaf_count: 1000,
            plot_id: PlotSeed::ZERO,
            header_hash: PlotHeaderHash::ZERO,
            version: 1,
        },
    };
    Proved { proof: Arc::new(proof), encoded: Arc::from(vec![1]), root: NodeHash::new([7; 32]) }
}

/// The block of a plan, as its header.
pub(super) fn built(plan: &BlockPlan) -> (BlockHeader, Outcome) {
    let header = header(&plan.expected, plan.score, plan.timestamp, &key(1));
    let block = OwnBlock {
        hash: header.hash(),
        parent: header.parent,
        epoch: header.epoch,
        height: header.height,
        score: header.score,
        bytes: Arc::from(header.encode().unwrap().to_vec()),
    };
    let timestamp = header.timestamp;
    let built = Built { block, timestamp, transactions: 0, fees: 0, remarks: Vec::new() };
    (header, Outcome::Built(Box::new(built)))
}

/// Headers of the best chain after the first hash of a locator that is on it.
pub(super) fn headers_after(chain: &HeaderChain, locator: &[BlockHash]) -> Vec<BlockHeader> {
    let known = |hash: &BlockHash| {
        let entry = chain.get(hash)?;
        (chain.best_at(entry.header.height)?.hash == *hash).then_some(entry.header.height)
    };
    let Some(from) = locator.iter().find_map(known) else { return Vec::new() };
    let above = from + 1..=chain.tip().header.height;
    above.filter_map(|height| chain.best_at(height)).map(header_of).collect()
}

fn header_of(entry: &ChainHeader) -> BlockHeader {
    entry.header.clone()
}
