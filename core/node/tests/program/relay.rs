//! What is passed on, to whom, and how often.

use spacetime_node::MAX_PER_SENDER;
use spacetime_protocol::BlockHash;
use spacetime_protocol::network::development_key;

use crate::common::{Miner, key, transfer};
use crate::process::Node;
use crate::raw::{Chain, Client, handshake, now};

#[test]
fn blocks_and_transactions_are_passed_on_once_and_not_to_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let [mut a, mut b, mut c] = [(); 3].map(|()| Client::introduced(node.address));
    let transaction = transfer(&development_key(), &key(9), 5, 0, 1).encode().unwrap().to_vec();
    a.send(0x30, &transaction);
    assert_eq!(b.next(0x30), transaction);
    b.send(0x30, &transaction);
    assert_eq!(b.until_pong(1), []);
    let mut chain = Chain::local();
    let block = chain.extend(&Miner::new(3), &[]);
    // Bytes behind a block are not passed on.
    let mut long = block.encode().unwrap();
    long.extend([0; 1000]);
    a.send(0x31, &long);
    let mut notice = block.hash().as_bytes().to_vec();
    notice.extend(1_u64.to_le_bytes());
    let [told, noticed] = [(0x23, block.encode().unwrap()), (0x41, notice)];
    assert_eq!(c.receive().unwrap(), (0x30, transaction));
    for peer in [&mut b, &mut c] {
        assert_eq!(peer.receive().unwrap(), told);
        assert_eq!(peer.receive().unwrap(), noticed);
    }
    assert_eq!(a.receive().unwrap(), noticed);
    // Nobody is told again.
    b.send_block(&block);
    b.send(0x31, &block.encode().unwrap());
    assert_eq!(b.until_pong(2), []);
    assert_eq!(c.until_pong(2), []);
    assert_eq!(a.until_pong(2), []);
}

#[test]
fn whoever_introduces_itself_again_is_answered_again() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let mut client = Client::introduced(node.address);
    for _ in 0..3 {
        client.send(0x01, &handshake());
        assert_eq!(client.until_pong(1), [(0x02, Vec::new())]);
    }
}

#[test]
fn whoever_only_asks_is_told_nothing_but_answers_and_tips() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    // A reference synchroniser takes whatever comes next as its answer.
    let mut synchroniser = Client::greeted(node.address);
    let mut miner = Client::greeted(node.address);
    let mut chain = Chain::local();
    assert_eq!(synchroniser.headers(&BlockHash::ZERO, 2000), []);
    let transaction = transfer(&development_key(), &key(9), 5, 0, 1).encode().unwrap();
    miner.send(0x30, &transaction);
    let block = chain.extend(&Miner::new(3), &[]);
    miner.send_block(&block);
    miner.is_told(&block);
    assert_eq!(synchroniser.notice(), (block.hash(), 1));
    assert_eq!(synchroniser.until_pong(1), []);
}

#[test]
fn transactions_may_come_in_any_order_and_more_than_may_be_pending() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (mut sender, mut other) =
        (Client::introduced(node.address), Client::introduced(node.address));
    let all: Vec<_> =
        (0..40).map(|nonce| transfer(&development_key(), &key(9), 5, nonce, 1)).collect();
    for transaction in all.iter().rev() {
        sender.send(0x30, &transaction.encode().unwrap());
    }
    let mut chain = Chain::local();
    for pending in all.chunks(MAX_PER_SENDER) {
        for transaction in pending {
            assert_eq!(other.next(0x30), transaction.encode().unwrap());
        }
        // The block before and the notice of it come when they come.
        assert!(other.until_pong(1).iter().all(|(kind, _)| *kind != 0x30));
        let block = chain.extend(&Miner::new(3), pending);
        sender.send_block(&block);
        sender.is_told(&block);
    }
    // Those that nobody could pay for do not wait.
    let poor = |nonce| transfer(&key(8), &key(9), 5, nonce, 1).encode().unwrap();
    sender.send(0x30, &poor(1));
    sender.send(0x30, &poor(0));
    assert!(sender.until_pong(1).iter().all(|(kind, _)| *kind == 0x41));
    assert!(other.until_pong(2).iter().all(|(kind, _)| *kind != 0x30));
}

#[test]
fn a_block_that_comes_too_early_is_taken_when_the_clock_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (mut client, mut other) =
        (Client::introduced(node.address), Client::introduced(node.address));
    let chain = Chain::local();
    // Two seconds ahead are allowed.
    let ahead = now() + 4 - chain.tip().timestamp;
    let block = chain.mine(&Miner::new(3), ahead, &[]);
    client.send_block(&block);
    assert_eq!(client.headers(&BlockHash::ZERO, 1), [], "not yet");
    assert_eq!(other.next(0x23), block.encode().unwrap());
    client.is_told(&block);
    assert!(now() + 2 >= block.header.timestamp, "it was taken before its time");
    let far = chain.mine(&Miner::new(4), ahead + 10_000, &[]);
    client.send_block(&far);
    client.until_pong(1);
}

#[test]
fn proofs_that_win_are_passed_on_once() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (mut client, mut other) =
        (Client::introduced(node.address), Client::introduced(node.address));
    let (miner, chain) = (Miner::new(3), Chain::local());
    // Of one of the last windows, as the tip is that of years ago.
    let ended = now() - chain.tip().timestamp - 20;
    let block = chain.mine(&miner, ended, &[]);
    let submission = |height: u64, miner: &Miner| {
        let proof = block.proof.encode().unwrap();
        let mut payload = height.to_le_bytes().to_vec();
        payload.extend(miner.key.identity().as_bytes());
        payload.extend(i32::try_from(proof.len()).unwrap().to_le_bytes());
        payload.extend(proof);
        payload
    };
    // For another height, of another miner's plot, no proof at all, twice.
    client.send(0x40, &submission(2, &miner));
    client.send(0x40, &submission(1, &Miner::new(4)));
    client.send(0x40, &submission(1, &miner)[..60]);
    client.send(0x40, &submission(1, &miner));
    client.send(0x40, &submission(1, &miner));
    assert_eq!(client.until_pong(1), []);
    assert_eq!(other.receive().unwrap(), (0x40, submission(1, &miner)));
    assert_eq!(other.until_pong(1), []);
}
