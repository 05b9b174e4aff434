//! Blocks become a chain: validity against the parent, the choice between
//! branches, reorganisations with their accounts and transactions.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{LATER, Miner, PREMINE, START, Wish, extend, key, mine, network, tip, transfer};
use spacetime_node::{MAX_REORGANISATION, Rejection, Service, Submitted};
use spacetime_protocol::accounts::ApplyError;
use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::{EmptyEpochs, Network};
use spacetime_protocol::validity::BlockErrorKind;

struct Bench {
    network: Network,
    service: Service,
    directory: tempfile::TempDir,
}

fn bench(network: Network) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path(), network.clone()).unwrap();
    Bench { network, service, directory }
}

impl Bench {
    fn submit(&self, block: &Block) -> Submitted {
        self.service.submit_block(block, LATER).unwrap()
    }

    fn genesis(&self) -> &BlockHeader {
        &self.network.genesis.header
    }

    /// A chain of `count` blocks after a header.
    fn chain(&self, miner: &Miner, from: &BlockHeader, count: usize, rank: usize) -> Vec<Block> {
        let mut parent = from.clone();
        (0..count)
            .map(|_| {
                let block = miner.block(&self.network, &parent, Wish { rank, ..Wish::default() });
                parent = block.header.clone();
                block
            })
            .collect()
    }
}

fn kind(submitted: Submitted) -> BlockErrorKind {
    match submitted {
        Submitted::Rejected(Rejection::Invalid(error)) => error.kind,
        other => panic!("not an invalid block: {other:?}"),
    }
}

#[test]
fn a_chain_grows_moves_coins_and_is_there_after_a_restart() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let Bench { network, service, directory } = bench(network(1, &[&alice]));
    mine(&service, &miner, Wish::default());
    let transactions = vec![transfer(&alice, &bob, 100, 0, 7)];
    let paid = mine(&service, &miner, Wish { transactions, ..Wish::default() });
    let status = service.status().unwrap();
    assert_eq!((status.height, status.tip, status.difficulty), (2, paid.hash(), 1));
    drop(service);

    let service = Service::open(directory.path(), network).unwrap();
    let account = |of: &spacetime_protocol::Identity| service.account(of).unwrap();
    assert_eq!(service.status().unwrap(), status);
    assert_eq!(account(&alice.identity()).balance, PREMINE - 107);
    assert_eq!(account(&alice.identity()).nonce, 1);
    assert_eq!(account(&bob.identity()).balance, 100);
    assert_eq!(account(&miner.key.identity()).balance, 7);
    assert_eq!(service.block(&paid.hash()).unwrap(), Some(paid.clone()));
    assert_eq!(service.best_at(2).unwrap(), Some(paid.hash()));
    assert_eq!(service.best_at(3).unwrap(), None);
}

#[test]
fn blocks_are_checked_against_their_parent_and_the_clock() {
    let miner = Miner::new(3);
    let bench = bench(network(1, &[]));
    let block = |wish| miner.block(&bench.network, bench.genesis(), wish);

    let good = block(Wish::default());
    let before = good.header.timestamp - bench.network.max_future_seconds - 1;
    let early = bench.service.submit_block(&good, before).unwrap();
    assert_eq!(kind(early), BlockErrorKind::InvalidTimestamp);

    let hasty = block(Wish::default());
    let header = BlockHeader { timestamp: START + 1, ..hasty.header.clone() }.sign(&miner.key);
    let hasty = Block { header, ..hasty };
    assert_eq!(kind(bench.submit(&hasty)), BlockErrorKind::InvalidTimestamp);

    let hard = block(Wish { difficulty: 2, ..Wish::default() });
    assert_eq!(kind(bench.submit(&hard)), BlockErrorKind::InvalidDifficulty);

    let mut foreign = good.clone();
    foreign.header.miner = key(9).identity();
    assert_eq!(kind(bench.submit(&foreign)), BlockErrorKind::InvalidHeaderSignature);

    let orphan = miner.block(&bench.network, &good.header, Wish::default());
    let Submitted::Rejected(Rejection::UnknownParent { hash, parent }) = bench.submit(&orphan)
    else {
        panic!("a block without a parent was taken");
    };
    assert_eq!((hash, parent), (orphan.hash(), good.hash()));

    assert_eq!(tip(&bench.service), *bench.genesis());
    extend(&bench.service, &good);
    assert_eq!(bench.submit(&good), Submitted::AlreadyKnown { best: true });
    extend(&bench.service, &orphan);
}

#[test]
fn a_heavier_branch_takes_over_and_accounts_and_transactions_return() {
    let (alice, bob) = (key(1), key(2));
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let bench = bench(network(1, &[&alice]));
    let payment = transfer(&alice, &bob, 100, 0, 7);
    let transactions = vec![payment.clone()];
    mine(&bench.service, &ours, Wish { transactions, ..Wish::default() });
    let left = mine(&bench.service, &ours, Wish::default());

    // Bad leaves lose the tie at height 2.
    let branch = bench.chain(&theirs, bench.genesis(), 3, 1000);
    assert_eq!(bench.submit(&branch[0]), Submitted::SideBranch);
    assert_eq!(bench.submit(&branch[1]), Submitted::SideBranch);
    assert_eq!(bench.submit(&branch[1]), Submitted::AlreadyKnown { best: false });
    let changes = bench.service.subscribe();
    assert_eq!(bench.submit(&branch[2]), Submitted::NewTip);
    assert_eq!(changes.borrow().tip, branch[2].hash());

    let replay = self::bench(bench.network.clone());
    branch.iter().for_each(|block| extend(&replay.service, block));
    assert_eq!(bench.service.accounts().unwrap(), replay.service.accounts().unwrap());
    assert_eq!(bench.service.account(&alice.identity()).unwrap().balance, PREMINE);
    assert_eq!(bench.service.best_at(2).unwrap(), Some(branch[1].hash()));

    let pending = bench.service.candidates(10).unwrap();
    assert_eq!((pending.tip, pending.transactions), (branch[2].hash(), vec![payment]));
    let after = bench.service.headers_after(&[left.hash()], 10).unwrap().unwrap();
    assert_eq!(after, branch.iter().map(|block| block.header.clone()).collect::<Vec<_>>());

    let transactions = bench.service.candidates(10).unwrap().transactions;
    mine(&bench.service, &theirs, Wish { transactions, ..Wish::default() });
    assert_eq!(bench.service.status().unwrap().mempool, 0);
    assert_eq!(bench.service.account(&bob.identity()).unwrap().balance, 100);
}

#[test]
fn ties_go_to_the_lower_score_where_epochs_advance() {
    let miner = Miner::new(3);
    let bench = bench(network(1, &[]));
    let block =
        |rank| miner.block(&bench.network, bench.genesis(), Wish { rank, ..Wish::default() });
    extend(&bench.service, &block(5));
    assert_eq!(bench.submit(&block(6)), Submitted::SideBranch);
    extend(&bench.service, &block(4));
    assert_eq!(tip(&bench.service), block(4).header);
    assert_eq!(bench.submit(&block(5)), Submitted::AlreadyKnown { best: false });
}

#[test]
fn ties_stay_with_the_first_where_epochs_do_not_advance() {
    let miner = Miner::new(3);
    let mut network = network(1, &[]);
    network.empty_epochs = EmptyEpochs::None;
    let bench = bench(network);
    let block =
        |rank| miner.block(&bench.network, bench.genesis(), Wish { rank, ..Wish::default() });
    extend(&bench.service, &block(5));
    assert_eq!(bench.submit(&block(4)), Submitted::SideBranch);
    assert_eq!(tip(&bench.service), block(5).header);
}

/// `consensus.md` section 5, once more and by itself.
fn adjusted(current: f64, took: u64, interval: u64, target: u64, dampening: u64) -> u64 {
    let raw = current * (interval * target) as f64 / took.max(1) as f64;
    (current + (raw - current) / dampening as f64).round_ties_even() as u64
}

#[test]
fn difficulty_follows_the_pace() {
    let miner = Miner::new(3);
    let bench = bench(network(16, &[]));
    let rule = bench.network.adjustment;
    let mut expected = 16;
    let mut started = START;
    for pace in [1, 1, 1, 5, 2] {
        for _ in 0..rule.interval {
            assert_eq!(bench.service.status().unwrap().difficulty, expected);
            let wish = Wish { pace, difficulty: expected + 1, ..Wish::default() };
            let hard = miner.block(&bench.network, &tip(&bench.service), wish);
            assert_eq!(kind(bench.submit(&hard)), BlockErrorKind::InvalidDifficulty);
            mine(&bench.service, &miner, Wish { pace, ..Wish::default() });
        }
        let now = tip(&bench.service).timestamp;
        let (interval, target) = (rule.interval, rule.target_block_time);
        expected = adjusted(expected as f64, now - started, interval, target, rule.dampening);
        started = now;
    }
    assert_eq!(bench.service.status().unwrap().difficulty, expected);
    assert_ne!(expected, 16);
}

#[test]
fn a_branch_that_the_accounts_forbid_is_forgotten() {
    let (alice, bob) = (key(1), key(2));
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let bench = bench(network(1, &[&alice]));
    mine(&bench.service, &ours, Wish::default());
    let before = bench.service.accounts().unwrap();

    let transactions = vec![transfer(&alice, &bob, PREMINE, 0, 1)];
    let wish = Wish { rank: 1000, transactions, ..Wish::default() };
    let bad = theirs.block(&bench.network, bench.genesis(), wish);
    assert_eq!(bench.submit(&bad), Submitted::SideBranch);
    let next = theirs.block(&bench.network, &bad.header, Wish::default());
    let Submitted::Rejected(Rejection::Accounts { hash, error }) = bench.submit(&next) else {
        panic!("a branch was taken that spends more than there is");
    };
    assert_eq!(hash, bad.hash());
    assert!(matches!(error, ApplyError::Balance { balance: PREMINE, .. }), "{error}");
    assert_eq!(bench.service.header(&bad.hash()).unwrap(), None);
    assert_eq!(bench.service.header(&next.hash()).unwrap(), None);
    assert_eq!(bench.service.accounts().unwrap(), before);

    let transactions = vec![transfer(&alice, &bob, PREMINE, 0, 1)];
    let wish = Wish { transactions, ..Wish::default() };
    let bad = ours.block(&bench.network, &tip(&bench.service), wish);
    let submitted = bench.submit(&bad);
    assert!(matches!(submitted, Submitted::Rejected(Rejection::Accounts { .. })), "{submitted:?}");
    assert_eq!(bench.service.accounts().unwrap(), before);
}

#[test]
fn branches_start_at_most_a_hundred_blocks_back() {
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let bench = bench(network(1, &[]));
    let depth = usize::try_from(MAX_REORGANISATION).unwrap();
    let best = bench.chain(&ours, bench.genesis(), depth + 1, 0);
    let branch = bench.chain(&theirs, &best[0].header, depth + 1, 1000);
    best.iter().for_each(|block| extend(&bench.service, block));

    let deep = theirs.block(&bench.network, bench.genesis(), Wish::default());
    let submitted = bench.submit(&deep);
    assert!(matches!(submitted, Submitted::Rejected(Rejection::TooDeep { .. })), "{submitted:?}");

    for block in &branch[..depth] {
        assert_eq!(bench.submit(block), Submitted::SideBranch);
    }
    extend(&bench.service, &branch[depth]);
    let replay = self::bench(bench.network.clone());
    extend(&replay.service, &best[0]);
    branch.iter().for_each(|block| extend(&replay.service, block));
    assert_eq!(bench.service.accounts().unwrap(), replay.service.accounts().unwrap());

    // What is too deep now is forgotten; a branch that stood on it cannot go on.
    let next = ours.block(&bench.network, &best[depth].header, Wish::default());
    let submitted = bench.submit(&next);
    assert!(matches!(submitted, Submitted::Rejected(Rejection::TooDeep { .. })), "{submitted:?}");
}

#[test]
fn anchors_reach_back_to_genesis_or_far_enough() {
    let miner = Miner::new(3);
    let mut network = network(1, &[]);
    network.adjustment.interval = 3;
    let bench = bench(network);
    let blocks = bench.chain(&miner, bench.genesis(), 1005, 0);
    blocks[..5].iter().for_each(|block| extend(&bench.service, block));
    let anchor = bench.service.anchor().unwrap();
    assert_eq!(anchor[0], *bench.genesis());
    assert_eq!(anchor[1..], blocks[..5].iter().map(|b| b.header.clone()).collect::<Vec<_>>());
    blocks[5..].iter().for_each(|block| extend(&bench.service, block));
    let anchor = bench.service.anchor().unwrap();
    assert_eq!((anchor.len(), anchor[0].height, anchor[1000].height), (1001, 5, 1005));
    let after = bench.service.headers_after(&[blocks[9].hash()], 3).unwrap().unwrap();
    assert_eq!(after.iter().map(|header| header.height).collect::<Vec<_>>(), [11, 12, 13]);
    assert_eq!(bench.service.headers_after(&[], 3).unwrap(), None);
}
