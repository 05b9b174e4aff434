//! Chains of blocks that nobody checks: only how they hang together counts.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
};

use spacetime_protocol::{
    BlockHash, Challenge, Identity, Leaf, NodeHash, PlotHeaderHash, PlotSeed, Score, Signature,
    block::Block,
    header::BlockHeader,
    merkle::MerklePath,
    proof::{BlockProof, PlotMetadata},
    wire::Ours,
};

/// Makes every block another one.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A block on another, or a genesis block.
pub(crate) fn block_on(parent: Option<&Block>) -> Block {
    let header = BlockHeader {
        version: 1,
        parent: parent.map_or(BlockHash::ZERO, Block::hash),
        height: parent.map_or(0, |parent| parent.header.height + 1),
        timestamp: NEXT.fetch_add(1, Ordering::Relaxed),
        difficulty: 1,
        epoch: 1,
        challenge: Challenge::ZERO,
        plot_root: NodeHash::ZERO,
        score: Score::ZERO,
        tx_root: NodeHash::ZERO,
        miner: Identity::ZERO,
        signature: Some(Signature::new([1; 64])),
    };
    let path = MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() };
    let plot = PlotMetadata {
        leaf_count: 1,
        plot_id: PlotSeed::ZERO,
        header_hash: PlotHeaderHash::ZERO,
        version: 1,
    };
    let proof = BlockProof { leaf: Leaf::ZERO, leaf_index: 0, path, plot };
    Block { header, transactions: Vec::new(), proof }
}

/// Blocks with a best chain: the longest, of equal ones the first.
#[derive(Clone)]
pub(crate) struct Chain {
    held: HashMap<BlockHash, Block>,
    /// The best chain, from the genesis block on.
    best: Vec<BlockHash>,
}

impl Chain {
    pub(crate) fn new(genesis: &Block) -> Self {
        let hash = genesis.hash();
        Self { held: HashMap::from([(hash, genesis.clone())]), best: vec![hash] }
    }

    /// A new network's, with so many blocks after the genesis block.
    pub(crate) fn of(blocks: usize) -> Self {
        let mut chain = Self::new(&block_on(None));
        chain.grow(blocks);
        chain
    }

    pub(crate) fn grow(&mut self, blocks: usize) {
        for _ in 0..blocks {
            let block = block_on(Some(self.tip()));
            self.take(&block);
        }
    }

    /// Leaves the last blocks, for so many others.
    pub(crate) fn reorganise(&mut self, depth: usize, blocks: usize) {
        self.best.truncate(self.best.len() - depth);
        self.grow(blocks);
    }

    /// Whether its parent is held; then it is, too.
    pub(crate) fn take(&mut self, block: &Block) -> bool {
        if !self.held.contains_key(&block.header.parent) {
            return false;
        }
        self.held.insert(block.hash(), block.clone());
        if block.header.height as usize >= self.best.len() {
            self.lead(block.hash());
        }
        true
    }

    /// Makes a held block the tip.
    fn lead(&mut self, tip: BlockHash) {
        let mut branch = Vec::new();
        let mut at = tip;
        loop {
            let header = &self.held[&at].header;
            if self.best.get(header.height as usize) == Some(&at) {
                self.best.truncate(header.height as usize + 1);
                break;
            }
            branch.push(at);
            at = header.parent;
        }
        self.best.extend(branch.into_iter().rev());
    }

    pub(crate) fn genesis(&self) -> BlockHash {
        self.best[0]
    }

    pub(crate) fn tip(&self) -> &Block {
        &self.held[self.best.last().unwrap()]
    }

    pub(crate) fn at(&self, height: usize) -> &Block {
        &self.held[&self.best[height]]
    }

    pub(crate) fn holds(&self, hash: &BlockHash) -> bool {
        self.held.contains_key(hash)
    }

    pub(crate) fn get(&self, hash: &BlockHash) -> Option<&Block> {
        self.held.get(hash)
    }

    /// What a node answers: nothing for a block that is not on its best chain.
    pub(crate) fn headers_after(&self, locator: &BlockHash, max: usize) -> Vec<Vec<u8>> {
        let at = match locator.is_zero() {
            true => Some(0),
            false => self.best.iter().position(|hash| hash == locator),
        };
        let after = at.map_or(&[][..], |at| &self.best[at + 1..]);
        after.iter().take(max).map(|hash| header_bytes(&self.held[hash])).collect()
    }
}

pub(crate) fn header_bytes(block: &Block) -> Vec<u8> {
    block.header.encode().unwrap().to_vec()
}

impl Ours for Chain {
    type Error = Infallible;

    fn tip(&self) -> Result<(BlockHash, u64), Infallible> {
        let tip = Self::tip(self);
        Ok((tip.hash(), tip.header.height))
    }

    fn height_of(&self, hash: &BlockHash) -> Result<Option<u64>, Infallible> {
        Ok(self.held.get(hash).map(|block| block.header.height))
    }

    fn locator(&self) -> Result<Vec<BlockHash>, Infallible> {
        let (mut at, mut step) = (self.best.len() - 1, 1);
        let mut hashes = Vec::new();
        while at > 0 {
            hashes.push(self.best[at]);
            step *= if hashes.len() > 8 { 2 } else { 1 };
            at = at.saturating_sub(step);
        }
        hashes.push(self.best[0]);
        Ok(hashes)
    }
}
