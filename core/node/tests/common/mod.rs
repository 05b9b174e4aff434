//! Networks, keys and real blocks for the tests: every block is won with a
//! leaf of a plot of 1,024 leaves that is held in memory.

#![allow(dead_code, reason = "each test file uses its own part")]

use spacetime_node::{Service, Submitted};
use spacetime_protocol::block::Block;
use spacetime_protocol::builder::{self, Template};
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::keys::{Scheme, SecretKey};
use spacetime_protocol::merkle::{self, MerklePath, Tree};
use spacetime_protocol::network::Network;
use spacetime_protocol::plot::{self, PlotHeader};
use spacetime_protocol::proof::{BlockProof, PlotMetadata};
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{
    Challenge, Identity, Leaf, NodeHash, PlotHeaderHash, PlotSeed, Score, challenge, score,
};

/// Timestamp of every genesis block here, Unix seconds.
pub(crate) const START: u64 = 1_700_000_000;
/// A moment after every block here.
pub(crate) const LATER: u64 = START + 1_000_000;
/// What each premined identity owns.
pub(crate) const PREMINE: u64 = 1_000_000;

const LEAVES: u64 = 1024;

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::new(Scheme::Ed25519, [number; 32].into()).unwrap()
}

/// The `local` network's rules on a chain of our own.
pub(crate) fn network(difficulty: u64, owners: &[&SecretKey]) -> Network {
    let mut network = Network::local();
    network.id = "spacetime-test".to_owned();
    network.genesis = genesis(&network.id, difficulty, owners);
    network
}

fn genesis(id: &str, difficulty: u64, owners: &[&SecretKey]) -> Block {
    let key = key(250);
    let premine = |owner: &&SecretKey| {
        let mut transaction = Transaction {
            version: 1,
            sender: Identity::ZERO,
            recipient: owner.identity(),
            amount: PREMINE,
            nonce: 0,
            fee: 0,
            signature: None,
        };
        transaction.signature = Some(key.sign(transaction.hash().as_bytes()));
        transaction
    };
    let transactions: Vec<Transaction> = owners.iter().map(premine).collect();
    let hashes: Vec<_> = transactions.iter().map(Transaction::hash).collect();
    let header = BlockHeader {
        version: 1,
        parent: spacetime_protocol::BlockHash::ZERO,
        height: 0,
        timestamp: START,
        difficulty,
        epoch: 0,
        challenge: challenge::genesis_challenge(id).unwrap(),
        plot_root: NodeHash::ZERO,
        score: Score::ZERO,
        tx_root: merkle::transaction_root(&hashes),
        miner: key.identity(),
        signature: None,
    };
    let plot = PlotMetadata {
        leaf_count: 1,
        plot_id: PlotSeed::ZERO,
        header_hash: PlotHeaderHash::ZERO,
        version: 1,
    };
    let path = MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() };
    let proof = BlockProof { leaf: Leaf::ZERO, leaf_index: 0, path, plot };
    Block { header: header.sign(&key), transactions, proof }
}

/// A signed transfer.
pub(crate) fn transfer(
    from: &SecretKey,
    to: &SecretKey,
    amount: u64,
    nonce: u64,
    fee: u64,
) -> Transaction {
    let transaction = Transaction {
        version: 1,
        sender: from.identity(),
        recipient: to.identity(),
        amount,
        nonce,
        fee,
        signature: None,
    };
    transaction.sign(from)
}

/// Somebody with a plot.
pub(crate) struct Miner {
    pub(crate) key: SecretKey,
    header: PlotHeader,
    leaves: Vec<Leaf>,
    tree: Tree,
}

/// What distinguishes a block from the obvious next one.
pub(crate) struct Wish {
    /// Seconds after the parent.
    pub(crate) pace: u64,
    pub(crate) difficulty: u64,
    /// 0: the best leaf of the plot, 1: the second best, …
    pub(crate) rank: usize,
    pub(crate) transactions: Vec<Transaction>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { pace: 2, difficulty: 1, rank: 0, transactions: Vec::new() }
    }
}

impl Miner {
    pub(crate) fn new(number: u8) -> Self {
        let (key, seed) = (key(number), PlotSeed::new([number; 32]));
        let leaves: Vec<Leaf> =
            (0..LEAVES).map(|index| plot::leaf(&key.plot_key(), &seed, index)).collect();
        let hashes = leaves.iter().map(|leaf| merkle::leaf_hash(leaf.as_bytes())).collect();
        let tree = Tree::new(hashes).unwrap();
        let header = PlotHeader::new(seed, LEAVES, tree.root());
        Self { key, header, leaves, tree }
    }

    /// A valid block after `parent`, in the last epoch that has ended by its
    /// time (for networks that advance).
    pub(crate) fn block(&self, network: &Network, parent: &BlockHeader, wish: Wish) -> Block {
        let epoch = match network.empty_epochs {
            spacetime_protocol::network::EmptyEpochs::None => parent.height + 1,
            _ => parent.epoch + wish.pace / network.epoch_seconds,
        };
        let challenge = challenge::challenge(&parent.hash(), epoch);
        let (index, score) = self.ranked(&challenge, wish.rank);
        let proof = BlockProof {
            leaf: self.leaves[index],
            leaf_index: index as u64,
            path: self.tree.path(index as u64).unwrap(),
            plot: PlotMetadata {
                leaf_count: LEAVES,
                plot_id: self.header.seed,
                header_hash: self.header.hash(),
                version: 1,
            },
        };
        let template = Template {
            parent: parent.hash(),
            height: parent.height + 1,
            difficulty: wish.difficulty,
            epoch,
            challenge,
            timestamp: parent.timestamp + wish.pace,
            plot_root: self.tree.root(),
            score,
            proof,
            transactions: wish.transactions,
        };
        builder::build(template, &self.key)
    }

    fn ranked(&self, challenge: &Challenge, rank: usize) -> (usize, Score) {
        let mut scores: Vec<(Score, usize)> = self
            .leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| (score::score(challenge, leaf), index))
            .collect();
        scores.sort_unstable();
        (scores[rank].1, scores[rank].0)
    }
}

/// The best chain's last header.
pub(crate) fn tip(service: &Service) -> BlockHeader {
    let tip = service.status().unwrap().tip;
    service.header(&tip).unwrap().unwrap().header
}

/// Submits a block that must become the tip.
pub(crate) fn extend(service: &Service, block: &Block) {
    assert_eq!(service.submit_block(block, LATER).unwrap(), Submitted::NewTip);
}

/// Mines a block on the tip and submits it.
pub(crate) fn mine(service: &Service, miner: &Miner, wish: Wish) -> Block {
    let difficulty = service.status().unwrap().difficulty;
    let block = miner.block(service.network(), &tip(service), Wish { difficulty, ..wish });
    extend(service, &block);
    block
}
