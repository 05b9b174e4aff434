//! Blocks and headers for tests: made here, or read from a vector's unsigned bytes.

use spacetime_protocol::{
    BlockHash, Leaf, PlotHeaderHash, PlotKey, PlotSeed, Signature,
    block::Block,
    builder::{self, Template},
    challenge,
    header::BlockHeader,
    keys::{Scheme, SecretKey},
    merkle::{self, Tree},
    plot,
    proof::{BlockProof, PlotMetadata},
    score,
    transaction::Transaction,
};

/// A header as it is before it is signed.
pub(crate) fn unsigned_header(bytes: &[u8]) -> BlockHeader {
    let bytes = [bytes, &[0; Signature::SIZE]].concat();
    let header = BlockHeader::decode(&bytes).expect("an unsigned header is given");
    BlockHeader { signature: None, ..header }
}

/// A transaction as it is before it is signed.
pub(crate) fn unsigned_transaction(bytes: &[u8]) -> Transaction {
    let bytes = [bytes, &[0; Signature::SIZE]].concat();
    let transaction = Transaction::decode(&bytes).expect("an unsigned transaction is given");
    Transaction { signature: None, ..transaction }
}

/// A key of either scheme.
pub(crate) fn key(scheme: Scheme, last: u8) -> SecretKey {
    let mut secret = [0; 32];
    secret[31] = last;
    SecretKey::new(scheme, secret.into()).expect("a small number is a key")
}

/// The best proof that a plot of `leaves` leaves has for a challenge.
pub(crate) fn proof(
    plot_key: &PlotKey,
    leaves: u64,
    of: &spacetime_protocol::Challenge,
) -> (BlockProof, spacetime_protocol::NodeHash) {
    let seed = PlotSeed::new([7; 32]);
    let values = (0..leaves).map(|index| plot::leaf(plot_key, &seed, index)).collect::<Vec<Leaf>>();
    let hashes = values.iter().map(|leaf| merkle::leaf_hash(leaf.as_bytes())).collect();
    let tree = Tree::new(hashes).expect("a plot has leaves");
    let (index, leaf) = (0..).zip(values).min_by_key(|(_, leaf)| score::score(of, leaf)).unwrap();
    let plot = PlotMetadata {
        leaf_count: leaves,
        plot_id: seed,
        header_hash: PlotHeaderHash::ZERO,
        version: 1,
    };
    let path = tree.path(index).expect("the leaf is in the tree");
    (BlockProof { leaf, leaf_index: index, path, plot }, tree.root())
}

/// A block of difficulty 1 on a made-up parent, won by a small plot of its miner.
pub(crate) fn template() -> Template {
    let parent = BlockHash::new([3; 32]);
    let challenge = challenge::challenge(&parent, 5);
    let miner = key(Scheme::Ed25519, 1);
    let (proof, plot_root) = proof(&miner.plot_key(), 11, &challenge);
    Template {
        parent,
        height: 5,
        difficulty: 1,
        epoch: 5,
        challenge,
        timestamp: 1_800_000_000,
        plot_root,
        score: score::score(&challenge, &proof.leaf),
        proof,
        transactions: Vec::new(),
    }
}

/// [`template`], built.
pub(crate) fn block() -> Block {
    builder::build(template(), &key(Scheme::Ed25519, 1))
}
