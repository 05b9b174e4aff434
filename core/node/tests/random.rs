//! Random trees of blocks in random order: whatever happens on the way, the
//! chain ends on the best branch, with that branch's accounts.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{LATER, Miner, Wish, extend, key, network, tip, transfer};
use proptest::prelude::*;
use spacetime_node::{Service, Submitted};
use spacetime_protocol::TxHash;
use spacetime_protocol::ask::Fate;
use spacetime_protocol::block::Block;
use spacetime_protocol::chain::{ChainHeader, is_better};
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::Network;

/// A block of the tree: which block it builds on, with which leaf, and
/// whether it pays.
type Shape = (prop::sample::Index, usize, bool);

/// The tree's blocks, parents first, each with its chain's weight and the
/// number of payments on it.
fn tree(network: &Network, shapes: &[Shape]) -> Vec<(Block, u128, u64)> {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let genesis = network.genesis.clone();
    let weight = u128::from(genesis.header.difficulty);
    let mut tree = vec![(genesis, weight, 0)];
    for (parent, rank, pays) in shapes {
        let (parent, weight, paid) = parent.get(&tree).clone();
        let transactions =
            if *pays { vec![transfer(&alice, &bob, 10, paid, 1)] } else { Vec::new() };
        let wish = Wish { rank: *rank, transactions, ..Wish::default() };
        let block = miner.block(network, &parent.header, wish);
        if tree.iter().all(|(known, ..)| known.hash() != block.hash()) {
            tree.push((block, weight + 1, paid + u64::from(*pays)));
        }
    }
    tree
}

fn best(network: &Network, tree: &[(Block, u128, u64)]) -> BlockHeader {
    let link = |(block, total_difficulty, _): &(Block, u128, u64)| ChainHeader {
        header: block.header.clone(),
        hash: block.hash(),
        total_difficulty: *total_difficulty,
    };
    let best = tree.iter().map(link).reduce(
        |old, new| {
            if is_better(network, &new, &old) { new } else { old }
        },
    );
    best.unwrap().header
}

/// The way from genesis (which it leaves out) to a header.
fn path(tree: &[(Block, u128, u64)], to: &BlockHeader) -> Vec<Block> {
    let mut path = Vec::new();
    let mut at = to.hash();
    while let Some((block, ..)) = tree[1..].iter().find(|(block, ..)| block.hash() == at) {
        path.push(block.clone());
        at = block.header.parent;
    }
    path.reverse();
    path
}

/// What the path to the best block says of a transaction, or else the pool.
fn fate(network: &Network, service: &Service, path: &[Block], hash: TxHash) -> Fate {
    let confirmations = |at: usize| (path.len() - at) as u64 + 1;
    let has = |block: &Block| block.transactions.iter().any(|found| found.hash() == hash);
    let blocks = std::iter::once(&network.genesis).chain(path);
    match blocks.enumerate().find(|(_, block)| has(block)) {
        Some((at, block)) => Fate::InBlock {
            block: block.hash(),
            height: block.header.height,
            confirmations: confirmations(at),
        },
        None => {
            let pending = service.candidates(100).unwrap().transactions;
            let is_pending = pending.iter().any(|pending| pending.hash() == hash);
            if is_pending { Fate::Pending } else { Fate::Unknown }
        }
    }
}

fn open(network: &Network) -> (Service, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (Service::open(directory.path(), network.clone()).unwrap(), directory)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_chain_is_the_best_branch(
        shapes in prop::collection::vec((any::<prop::sample::Index>(), 0..1000_usize, any::<bool>()), 1..30),
        order in any::<prop::sample::Index>(),
    ) {
        let network = network(1, &[&key(1)]);
        let tree = tree(&network, &shapes);
        let (service, directory) = open(&network);
        // From another place on, and round again for those that came too early.
        let start = order.index(tree.len());
        for (block, ..) in tree[start..].iter().chain(&tree[1..]) {
            let submitted = service.submit_block(block, LATER).unwrap();
            let refused = matches!(submitted, Submitted::Rejected(_));
            prop_assert!(!refused || service.header(&block.header.parent).unwrap().is_none());
        }
        let best = best(&network, &tree);
        prop_assert_eq!(tip(&service), best.clone());

        let path = path(&tree, &best);
        let (replay, _replay) = open(&network);
        path.iter().for_each(|block| extend(&replay, block));
        let accounts = service.accounts().unwrap();
        prop_assert_eq!(&accounts, &replay.accounts().unwrap());
        for block in &path {
            prop_assert_eq!(service.best_at(block.header.height).unwrap(), Some(block.hash()));
        }
        prop_assert_eq!(service.best_at(best.height + 1).unwrap(), None);
        // The index knows the best chain's transactions, and no others.
        for transaction in tree.iter().flat_map(|(block, ..)| &block.transactions) {
            let hash = transaction.hash();
            prop_assert_eq!(service.transaction(&hash).unwrap(), fate(&network, &service, &path, hash));
        }
        // What left the chain is pending, unless the chain has it too.
        let paid = service.account(&key(1).identity()).unwrap().nonce;
        let pending = service.candidates(100).unwrap().transactions;
        let nonces: Vec<u64> = pending.iter().map(|pending| pending.nonce).collect();
        prop_assert_eq!(nonces, (paid..paid + pending.len() as u64).collect::<Vec<_>>());

        drop(service);
        let service = Service::open(directory.path(), network).unwrap();
        prop_assert_eq!(tip(&service), best);
        prop_assert_eq!(service.accounts().unwrap(), accounts);
    }
}
