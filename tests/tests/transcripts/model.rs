//! What a miner finds, worked out from a case alone: which leaf, which proof,
//! whether it wins, and which transactions a block of it holds.

use std::collections::BTreeMap;

use serde_json::Value;
use spacetime_protocol::{
    BlockHash, Challenge, Identity, NodeHash, PlotKey, PlotSeed,
    challenge::challenge,
    merkle::{Tree, leaf_hash},
    plot::{PlotHeader, leaf},
    proof::{BlockProof, PlotMetadata},
    score::{is_under, score, target},
    transaction::Transaction,
    wire::Message,
};

use crate::common::Case;

/// A block that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) hash: BlockHash,
    pub(crate) height: u64,
}

impl Notice {
    /// Epoch, and height, of the block after it; none after the last height.
    pub(crate) fn next(self) -> Option<u64> {
        self.height.checked_add(1).filter(|next| i64::try_from(*next).is_ok())
    }

    fn challenge(self) -> Option<Challenge> {
        Some(challenge(&self.hash, self.next()?))
    }
}

/// A plot of the case.
pub(crate) struct Plot {
    pub(crate) file: String,
    pub(crate) key: PlotKey,
    pub(crate) seed: PlotSeed,
    pub(crate) leaf_count: u64,
}

/// What is found for a notice.
pub(crate) struct Finding {
    pub(crate) proof: BlockProof,
    pub(crate) root: NodeHash,
    /// The frame that submits it.
    pub(crate) frame: Vec<u8>,
    wins: Option<bool>,
}

impl Finding {
    pub(crate) fn wins(&self) -> bool {
        self.wins == Some(true)
    }
}

/// The miner of a case.
pub(crate) struct Model {
    pub(crate) identity: Identity,
    pub(crate) plots: Vec<Plot>,
    pub(crate) sample: u64,
    pub(crate) pool: Vec<Transaction>,
    /// Of every block, as our miner is configured: the first notice's.
    pub(crate) difficulty: u64,
}

impl Model {
    pub(crate) fn of(case: &Case) -> Self {
        let identity = Identity::try_from(&case.bytes("public_key").unwrap()[..]).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let bytes = |value: &Value, name: &str| -> [u8; 32] {
            const_hex::decode_to_array(text(value, name)).unwrap()
        };
        let plot = |plot: &Value| Plot {
            file: text(plot, "file"),
            key: bytes(plot, "miner_public_key").into(),
            seed: bytes(plot, "plot_seed").into(),
            leaf_count: plot["leaf_count"].as_u64().unwrap(),
        };
        let sample = case.text("scan").unwrap().strip_prefix("sampling ").expect("it samples");
        let pool = case.byte_strings("mempool_transactions").unwrap_or_default();
        Self {
            identity,
            plots: case.value("plots").as_array().unwrap().iter().map(plot).collect(),
            sample: sample.parse().unwrap(),
            pool: pool.iter().map(|bytes| Transaction::decode(bytes).unwrap()).collect(),
            difficulty: difficulty(case),
        }
    }

    /// The best leaf of the sample of every plot, and its proof.
    pub(crate) fn find(&self, notice: Notice) -> Option<Finding> {
        let challenge = notice.challenge()?;
        let leaves = self.plots.iter().flat_map(|plot| {
            self.indices(plot).map(move |index| (plot, index, leaf(&plot.key, &plot.seed, index)))
        });
        let (plot, index, found) = leaves.min_by_key(|(.., leaf)| score(&challenge, leaf))?;
        let all = (0..plot.leaf_count).map(|at| leaf(&plot.key, &plot.seed, at));
        let tree = Tree::new(all.map(|leaf| leaf_hash(leaf.as_bytes())).collect()).unwrap();
        let header = PlotHeader::new(plot.seed, plot.leaf_count, tree.root());
        let proof = BlockProof {
            leaf: found,
            leaf_index: index,
            path: tree.path(index).unwrap(),
            plot: PlotMetadata {
                leaf_count: plot.leaf_count,
                plot_id: plot.seed,
                header_hash: header.hash(),
                version: 1,
            },
        };
        let message = Message::ProofSubmission {
            height: notice.next()?,
            miner: self.identity,
            proof: proof.encode().unwrap(),
        };
        let score = score(&challenge, &found);
        let wins = target(self.difficulty).map(|target| is_under(&score, &target));
        Some(Finding { proof, root: tree.root(), frame: message.to_frame().unwrap(), wins })
    }

    /// `miner-behaviour.md` section 6.
    fn indices(&self, plot: &Plot) -> impl Iterator<Item = u64> + use<> {
        let count = self.sample.min(plot.leaf_count);
        let step =
            if count == plot.leaf_count { 1.0 } else { plot.leaf_count as f64 / count as f64 };
        (0..count).map(move |at| (at as f64 * step) as u64)
    }

    /// What a block of ours holds: of two transactions with one nonce the one
    /// that pays more (D30), and none behind a gap, since no account could
    /// have sent it.
    pub(crate) fn transactions(&self) -> Vec<Transaction> {
        let mut senders: BTreeMap<Identity, BTreeMap<u64, &Transaction>> = BTreeMap::new();
        for transaction in &self.pool {
            let queue = senders.entry(transaction.sender).or_default();
            let known = queue.entry(transaction.nonce).or_insert(transaction);
            if transaction.priority() < known.priority() {
                *known = transaction;
            }
        }
        let runs = senders.values().flat_map(|queue| {
            let first = *queue.keys().next().unwrap();
            (first..).map_while(|nonce| queue.get(&nonce).copied()).cloned()
        });
        let mut taken: Vec<Transaction> = runs.collect();
        taken.sort_by_key(Transaction::priority);
        taken
    }
}

/// The difficulty at the first notice, or at the beginning.
fn difficulty(case: &Case) -> u64 {
    let script = case.value("script").as_array().unwrap();
    let states = script.iter().filter_map(|step| step.get("set_chain_state"));
    let mut states = states.chain([case.value("initial_chain_state")]);
    states.next().unwrap()["difficulty"].as_u64().unwrap()
}
