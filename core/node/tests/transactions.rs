//! The index of the best chain's transactions: kept with every change of the
//! chain, and built for stores that an earlier version made.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use common::{LATER, Miner, PREMINE, Wish, extend, key, mine, network, tip, transfer};
use redb::{Database, TableDefinition};
use spacetime_node::store::{self, FILE_NAME};
use spacetime_node::{Service, Submitted};
use spacetime_protocol::ask::Fate;
use spacetime_protocol::network::Network;
use spacetime_protocol::{BlockHash, TxHash};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const INDEX: TableDefinition<'_, &[u8; 32], (u64, u32)> = TableDefinition::new("transactions");

fn fate(service: &Service, hash: TxHash) -> Fate {
    service.transaction(&hash).unwrap()
}

fn in_block(block: BlockHash, height: u64, confirmations: u64) -> Fate {
    Fate::InBlock { block, height, confirmations }
}

#[test]
fn a_transaction_is_pending_then_in_a_block_with_confirmations() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let directory = tempfile::tempdir().unwrap();
    let network = network(1, &[&alice]);
    let service = Service::open(directory.path(), network.clone()).unwrap();
    let payments: Vec<_> = (0..3).map(|nonce| transfer(&alice, &bob, 5, nonce, 1)).collect();
    let hashes: Vec<_> = payments.iter().map(|payment| payment.hash()).collect();
    assert_eq!(fate(&service, hashes[0]), Fate::Unknown);
    let next = |service: &Service| service.next_nonce(&alice.identity()).unwrap();
    for (nonce, payment) in (0..).zip(&payments) {
        assert_eq!(next(&service), nonce);
        service.take_transaction(payment.clone(), false).unwrap().unwrap();
        assert_eq!(fate(&service, payment.hash()), Fate::Pending);
    }
    let transactions = payments[..2].to_vec();
    let block = mine(&service, &miner, Wish { transactions, ..Wish::default() }).hash();
    assert_eq!(fate(&service, hashes[1]), in_block(block, 1, 1));
    assert_eq!((fate(&service, hashes[2]), next(&service)), (Fate::Pending, 3));
    mine(&service, &miner, Wish::default());
    assert_eq!(fate(&service, hashes[0]), in_block(block, 1, 2));
    // The premine is in the first block.
    let premine = network.genesis.transactions[0].hash();
    assert_eq!(fate(&service, premine), in_block(network.genesis_hash(), 0, 3));

    drop(service);
    let service = Service::open(directory.path(), network).unwrap();
    assert_eq!(fate(&service, hashes[0]), in_block(block, 1, 2));
}

/// The reference never feeds its pool, nor empties it (D29).
#[test]
fn d29_submitted_transactions_are_pending_until_a_block_has_them() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path(), network(1, &[&alice])).unwrap();
    let pending = || service.candidates(10).unwrap().transactions;
    let payments: Vec<_> = (0..2).map(|nonce| transfer(&alice, &bob, 5, nonce, 1)).collect();
    for payment in &payments {
        service.submit_transaction(payment.clone()).unwrap().unwrap();
    }
    assert_eq!(pending(), payments);
    let transactions = payments[..1].to_vec();
    mine(&service, &miner, Wish { transactions, ..Wish::default() });
    assert_eq!(pending(), payments[1..]);
    // Whoever's block it was.
    let transactions = payments[1..].to_vec();
    mine(&service, &Miner::new(4), Wish { transactions, ..Wish::default() });
    assert_eq!(pending(), []);
    assert_eq!(service.status().unwrap().mempool, 0);
}

/// The reference's pool holds several transactions with one nonce, and none
/// with the next, so that its blocks cannot be applied (D30).
#[test]
fn d30_a_sender_has_one_pending_transaction_per_nonce_in_their_order() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path(), network(1, &[&alice])).unwrap();
    let submit = |nonce, fee| {
        let payment = transfer(&alice, &bob, 5, nonce, fee);
        service.submit_transaction(payment).unwrap().map_err(|refusal| refusal.to_string())
    };
    submit(0, 1).unwrap();
    submit(1, 9).unwrap();
    assert!(submit(0, 1).unwrap_err().contains("pending already"));
    submit(0, 3).unwrap();
    let chosen = service.candidates(10).unwrap().transactions;
    let chosen_nonces: Vec<_> = chosen.iter().map(|chosen| (chosen.nonce, chosen.fee)).collect();
    assert_eq!(chosen_nonces, [(0, 3), (1, 9)]);
    // In this order they make a block.
    mine(&service, &miner, Wish { transactions: chosen, ..Wish::default() });
    assert_eq!(service.account(&alice.identity()).unwrap().nonce, 2);
}

#[test]
fn reorganisations_undo_the_index() {
    let (alice, bob) = (key(1), key(2));
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let directory = tempfile::tempdir().unwrap();
    let network = network(1, &[&alice]);
    let service = Service::open(directory.path(), network.clone()).unwrap();
    let (left, both) = (transfer(&alice, &bob, 5, 1, 1), transfer(&alice, &bob, 6, 0, 1));
    let fork = tip(&service);
    let transactions = vec![both.clone(), left.clone()];
    mine(&service, &ours, Wish { transactions, rank: 1, ..Wish::default() });
    let transactions = vec![both.clone()];
    let side = theirs.block(&network, &fork, Wish { rank: 1000, ..Wish::default() });
    let next = theirs.block(&network, &side.header, Wish { transactions, ..Wish::default() });
    assert_eq!(service.submit_block(&side, LATER).unwrap(), Submitted::SideBranch);
    // What is on a side branch only is in no block of the best chain.
    assert_eq!(fate(&service, both.hash()), in_block(tip(&service).hash(), 1, 1));
    extend(&service, &next);
    assert_eq!(fate(&service, both.hash()), in_block(next.hash(), 2, 1));
    assert_eq!(fate(&service, left.hash()), Fate::Pending);
    assert_eq!(service.account_state(&alice.identity()).unwrap().spendable, PREMINE - 13);
}

/// The files in a data directory.
fn files(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<String> =
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    files
}

/// The process may be killed at any moment: nothing is done at its end.
#[test]
fn what_was_taken_is_pending_still_after_a_restart() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let network = network(1, &[&alice, &bob]);
    let open = || Service::open(path, network.clone()).unwrap();
    let pending = |service: &Service| service.candidates(100).unwrap().transactions;
    let service = open();
    let mine_with = |service: &Service, transactions| {
        mine(service, &miner, Wish { transactions, ..Wish::default() })
    };
    let payments: Vec<_> = (0..3).map(|nonce| transfer(&alice, &bob, 5, nonce, 1)).collect();
    for payment in &payments {
        service.submit_transaction(payment.clone()).unwrap().unwrap();
    }
    let replaced = transfer(&bob, &alice, 5, 0, 1);
    let better = transfer(&bob, &alice, 5, 0, 2);
    for payment in [replaced, better.clone()] {
        service.submit_transaction(payment).unwrap().unwrap();
    }
    drop(service);
    let service = open();
    assert_eq!(pending(&service), [std::slice::from_ref(&better), &payments[..]].concat());
    mine_with(&service, payments[..1].to_vec());
    drop(service);

    // Half a record, and records that are none.
    let file = path.join("pending.bin");
    let mut bytes = std::fs::read(&file).unwrap();
    let mut forged = transfer(&bob, &alice, 6, 1, 9).encode().unwrap();
    forged[70] ^= 1;
    bytes.extend_from_slice(&forged);
    bytes.extend_from_slice(&[0xAB; 155]);
    bytes.extend_from_slice(&forged[..99]);
    std::fs::write(&file, bytes).unwrap();
    let service = open();
    assert_eq!(pending(&service), [std::slice::from_ref(&better), &payments[1..]].concat());
    let next = transfer(&bob, &alice, 7, 1, 1);
    service.submit_transaction(next.clone()).unwrap().unwrap();
    drop(service);
    let service = open();
    assert_eq!(pending(&service).len(), 4);
    mine_with(&service, [&[better, next], &payments[1..]].concat());
    assert_eq!(pending(&service), []);
    assert_eq!(files(path), ["chain.redb"]);
    drop(service);
    assert_eq!(pending(&open()), []);
    assert_eq!(files(path), ["chain.redb"]);
}

#[test]
fn what_left_the_chain_is_pending_still_after_a_restart() {
    let (alice, bob) = (key(1), key(2));
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let directory = tempfile::tempdir().unwrap();
    let network = network(1, &[&alice]);
    let service = Service::open(directory.path(), network.clone()).unwrap();
    let fork = tip(&service);
    let paid = transfer(&alice, &bob, 5, 0, 1);
    // It came with the block, and was never submitted.
    let transactions = vec![paid.clone()];
    mine(&service, &ours, Wish { transactions, rank: 1, ..Wish::default() });
    let side = theirs.block(&network, &fork, Wish { rank: 1000, ..Wish::default() });
    assert_eq!(service.submit_block(&side, LATER).unwrap(), Submitted::SideBranch);
    extend(&service, &theirs.block(&network, &side.header, Wish::default()));
    drop(service);
    let service = Service::open(directory.path(), network).unwrap();
    assert_eq!(fate(&service, paid.hash()), Fate::Pending);
}

/// What another version's store looks like: an earlier one has no rules, the
/// first one no index, and the number says so.
fn make_old(directory: &Path, format: u32) {
    let database = Database::open(directory.join(FILE_NAME)).unwrap();
    let change = database.begin_write().unwrap();
    if format == 1 {
        assert!(change.delete_table(INDEX).unwrap());
    }
    let mut meta = change.open_table(META).unwrap();
    assert!(meta.remove("rules").unwrap().is_some());
    meta.insert("format", format.to_le_bytes().as_slice()).unwrap();
    drop(meta);
    change.commit().unwrap();
}

/// A chain with a payment in every third block, and the fates of all of them.
fn paid(directory: &Path, network: &Network) -> Vec<(TxHash, Fate)> {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let service = Service::open(directory, network.clone()).unwrap();
    let mut hashes = vec![network.genesis.transactions[0].hash()];
    for nonce in 0..5 {
        let payment = transfer(&alice, &bob, 5, nonce, 1);
        hashes.push(payment.hash());
        mine(&service, &miner, Wish { transactions: vec![payment], ..Wish::default() });
        mine(&service, &miner, Wish::default());
    }
    hashes.into_iter().map(|hash| (hash, fate(&service, hash))).collect()
}

#[test]
fn an_earlier_versions_store_is_kept_and_indexed_when_it_is_opened() {
    let network = network(1, &[&key(1)]);
    let directory = tempfile::tempdir().unwrap();
    let fates = paid(directory.path(), &network);
    make_old(directory.path(), 1);

    // Reading alone changes nothing, and says what it cannot tell.
    let snapshot = store::read(directory.path()).unwrap().unwrap();
    let origin = snapshot.origin().unwrap();
    assert_eq!((origin.id, origin.rules), (network.id.clone(), None));
    assert_eq!(snapshot.account(&key(2).identity()).unwrap().balance, 25);
    let refused = snapshot.transaction(&fates[1].0).unwrap_err().to_string();
    assert!(
        refused.contains("earlier version") && refused.contains("start the miner"),
        "{refused}"
    );
    drop(snapshot);
    // Nor does whoever wants another network's chain.
    Service::open(directory.path(), Network::local()).map(|_| ()).unwrap_err();
    assert!(store::read(directory.path()).unwrap().unwrap().transaction(&fates[1].0).is_err());

    let service = Service::open(directory.path(), network.clone()).unwrap();
    for (hash, expected) in &fates {
        assert_eq!(fate(&service, *hash), *expected);
    }
    // It is a store like any other: it grows, and is not indexed again.
    let payment = transfer(&key(1), &key(2), 5, 5, 1);
    let transactions = vec![payment.clone()];
    let block = mine(&service, &Miner::new(3), Wish { transactions, ..Wish::default() });
    drop(service);
    let service = Service::open(directory.path(), network).unwrap();
    assert_eq!(fate(&service, payment.hash()), in_block(block.hash(), 11, 1));
}

#[test]
fn an_earlier_versions_store_takes_the_rules_that_it_is_opened_with_first() {
    let network = network(1, &[&key(1)]);
    let mut other = network.clone();
    other.min_plot_leaves = 1;
    let directory = tempfile::tempdir().unwrap();
    let fates = paid(directory.path(), &network);
    make_old(directory.path(), 2);
    let service = Service::open(directory.path(), network.clone()).unwrap();
    assert_eq!(fate(&service, fates[1].0), fates[1].1);
    drop(service);
    let refused = Service::open(directory.path(), other).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("min_plot_leaves is 1024, not 1;"), "{refused}");
    let origin = store::read(directory.path()).unwrap().unwrap().origin().unwrap();
    assert_eq!(origin.rules, Some(store::Rules::of(&network)));
}

#[test]
fn a_later_versions_store_is_refused_untouched() {
    let network = network(1, &[&key(1)]);
    let directory = tempfile::tempdir().unwrap();
    paid(directory.path(), &network);
    make_old(directory.path(), 9);
    let refused = Service::open(directory.path(), network).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("format 9") && refused.contains("format 3"), "{refused}");
    assert!(store::read(directory.path()).unwrap().unwrap().origin().is_err());
}
