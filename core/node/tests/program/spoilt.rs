//! A client that follows the node from the specification alone: downloads and
//! checks its chain, mines on it with a plot of 1,024 leaves, and offers it
//! blocks that break one rule each (`consensus.md` section 7, and ours).

use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::keys::SecretKey;
use spacetime_protocol::network::{Network, development_key};
use spacetime_protocol::validity::{Rules, check_block};
use spacetime_protocol::{
    BlockHash, Challenge, NodeHash, Score, Signature, chain, challenge, keys, merkle, score,
    validity,
};

use crate::common::{Miner, Wish, key, transfer};
use crate::process::Node;
use crate::raw::{Chain, Client, frame, handshake, now};

/// A block whose header was changed, and signed again.
fn with_header(block: &Block, key: &SecretKey, change: impl FnOnce(&mut BlockHeader)) -> Vec<u8> {
    let mut block = block.clone();
    change(&mut block.header);
    block.header = block.header.sign(key);
    block.encode().unwrap()
}

/// A block whose transactions or proof were changed, its header fitting them.
fn with_body(block: &Block, key: &SecretKey, change: impl FnOnce(&mut Block)) -> Vec<u8> {
    let mut block = block.clone();
    change(&mut block);
    let hashes: Vec<_> = block.transactions.iter().map(|of| of.hash()).collect();
    block.header.tx_root = merkle::transaction_root(&hashes);
    block.header = block.header.sign(key);
    block.encode().unwrap()
}

/// Bytes of a whole block, some of them overwritten.
fn with_bytes(block: &Block, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = block.encode().unwrap();
    encoded[at..at + bytes.len()].copy_from_slice(bytes);
    encoded
}

/// Blocks that break one rule each, and which one.
fn spoilt(chain: &Chain, miner: &Miner) -> Vec<(&'static str, Vec<u8>)> {
    let rich = development_key();
    let paid = [transfer(&rich, &key(9), 5, 0, 1)];
    let good = chain.mine(miner, 1, &paid);
    let header = |change: fn(&mut BlockHeader)| with_header(&good, &miner.key, change);
    let body = |change: &dyn Fn(&mut Block)| with_body(&good, &miner.key, change);
    let mut spoilt = vec![
        ("1 version", header(|header| header.version = 2)),
        ("2 height, negative", with_bytes(&good, 33, &(-1_i64).to_le_bytes())),
        ("4 difficulty 0", with_bytes(&good, 49, &[0; 8])),
        ("5 far ahead of the clock", header(|header| header.timestamp = now() + 3600)),
        ("6 timestamp, negative", with_bytes(&good, 41, &(-1_i64).to_le_bytes())),
        ("7 signature", {
            let mut bytes = good.encode().unwrap();
            bytes[289] ^= 1;
            bytes
        }),
        ("7 signature of nothing", {
            let mut block = good.clone();
            block.header.signature = Some(Signature::new([0; 64]));
            block.encode().unwrap()
        }),
        ("7 another miner", {
            let mut block = good.clone();
            block.header.miner = key(8).identity();
            block.encode().unwrap()
        }),
        ("8 parent", header(|header| header.parent = BlockHash::new([7; 32]))),
        ("9 height", header(|header| header.height += 1)),
        ("10 difficulty", header(|header| header.difficulty += 1)),
        ("10 difficulty, easier", header(|header| header.difficulty = 1)),
        ("11 epoch of the parent", header(|header| header.epoch -= header.epoch)),
        ("12 challenge", header(|header| header.challenge = Challenge::new([7; 32]))),
        ("12 challenge of another epoch", header(|header| header.epoch += 1)),
        ("15 transaction root", header(|header| header.tx_root = NodeHash::new([7; 32]))),
        ("16 score", header(|header| header.score = Score::ZERO)),
        ("before its window's end", header(|header| header.timestamp -= 1)),
        ("13 no amount", with_bytes(&good, 365, &[0; 8])),
        (
            "13 to its sender",
            body(&|block| {
                let sender = block.transactions[0].sender;
                block.transactions[0].recipient = sender;
                block.transactions[0] = block.transactions[0].clone().sign(&development_key());
            }),
        ),
        (
            "14 transaction's signature",
            body(&|block| {
                block.transactions[0].signature = Some(Signature::new([7; 64]));
            }),
        ),
        (
            "14 signed by another",
            body(&|block| {
                block.transactions[0] = block.transactions[0].clone().sign(&key(9));
            }),
        ),
        ("applied twice", body(&|block| block.transactions.push(block.transactions[0].clone()))),
        (
            "nonce",
            body(&|block| block.transactions[0] = transfer(&development_key(), &key(9), 5, 1, 1)),
        ),
        (
            "balance",
            body(&|block| {
                block.transactions[0] = transfer(&development_key(), &key(9), 1_000_000_000, 0, 1);
            }),
        ),
        (
            "nothing to spend",
            body(&|block| block.transactions[0] = transfer(&key(9), &key(8), 1, 0, 1)),
        ),
        ("18 path", body(&|block| block.proof.path.siblings[3] = NodeHash::new([7; 32]))),
        (
            "18 path's sides",
            body(&|block| {
                let side = &mut block.proof.path.sibling_is_right[9];
                *side = !*side;
            }),
        ),
        ("18 root", header(|header| header.plot_root = NodeHash::new([7; 32]))),
        ("small plot", body(&|block| block.proof.plot.leaf_count = 1023)),
        ("leaf count", body(&|block| block.proof.plot.leaf_count = 2048)),
        ("leaf index", body(&|block| block.proof.leaf_index ^= 1)),
        ("plot id", body(&|block| block.proof.plot.plot_id = spacetime_protocol::PlotSeed::ZERO)),
        ("cut short", {
            let mut bytes = good.encode().unwrap();
            bytes.truncate(bytes.len() - 1);
            bytes
        }),
        ("cut in its header", good.encode().unwrap()[..200].to_vec()),
        ("no block", vec![0xff; 500]),
    ];
    spoilt.push(("17 score over the target", hopeless(chain, miner)));
    spoilt.push(("another's plot", stolen(chain)));
    spoilt.push(("a made-up leaf", made_up(&good, miner)));
    spoilt
}

/// The worst leaf of the plot.
fn hopeless(chain: &Chain, miner: &Miner) -> Vec<u8> {
    let wish = Wish { difficulty: chain.difficulty(), rank: 1023, ..Wish::default() };
    miner.block(&chain.network, chain.tip(), wish).encode().unwrap()
}

/// A block won with the plot of another miner.
fn stolen(chain: &Chain) -> Vec<u8> {
    let theirs = chain.mine(&Miner::new(4), 1, &[]);
    with_header(&theirs, &key(5), |header| header.miner = key(5).identity())
}

/// A leaf that no plot has, with a path of the right length to a root of its own.
fn made_up(good: &Block, miner: &Miner) -> Vec<u8> {
    let mut block = good.clone();
    let (challenge, difficulty) = (block.header.challenge, block.header.difficulty);
    let (leaf, won) = (0_u64..)
        .map(|number| {
            let mut leaf = [0x77; 32];
            leaf[..8].copy_from_slice(&number.to_le_bytes());
            let leaf = spacetime_protocol::Leaf::new(leaf);
            (leaf, score::score(&challenge, &leaf))
        })
        .find(|(_, score)| validity::wins(score, difficulty))
        .unwrap();
    block.proof.leaf = leaf;
    block.header.score = won;
    block.header.plot_root = block.proof.path.root(leaf.as_bytes());
    block.header = block.header.sign(&miner.key);
    block.encode().unwrap()
}

#[test]
fn spoilt_blocks_are_refused_and_the_good_one_is_told_to_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let mut client = Client::greeted(node.address);
    let mut other = Client::greeted(node.address);
    // At the beginning of the chain, and further on.
    for _ in 0..2 {
        let spoilt = spoilt(&chain, &miner);
        assert_eq!(spoilt.len(), 39);
        for (rule, bytes) in spoilt {
            for kind in [0x23, 0x31] {
                client.send(kind, &bytes);
            }
            // The answer comes after the blocks were looked at, and next.
            let mut question = chain.tip().hash().as_bytes().to_vec();
            question.extend([0, 1, 0, 0, 0]);
            client.send(0x20, &question);
            let (kind, answer) = client.receive().unwrap_or_else(|| panic!("{rule}: closed"));
            assert_eq!((kind, answer), (0x21, vec![0; 4]), "{rule}");
        }
        let block = chain.extend(&miner, &[]);
        client.send_block(&block);
        let told = (block.hash(), block.header.height);
        assert_eq!(client.notice(), told, "the block's sender");
        assert_eq!(other.next(0x23), block.encode().unwrap());
        assert_eq!(other.notice(), told);
    }
    assert_eq!(chain.tip().height, 2);
}

#[test]
fn the_chain_can_be_downloaded_and_checked_from_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let rich = development_key();
    let mut client = Client::connect(node.address);
    // Over two adjustments of the difficulty.
    for nonce in 0..25 {
        let block = chain.extend(&miner, &[transfer(&rich, &key(9), 5, nonce, 1)]);
        client.send_block(&block);
        client.is_told(&block);
    }
    assert_ne!(chain.difficulty(), 1000, "it was adjusted");

    let network = Network::local();
    let mut reader = Client::connect(node.address);
    // Without an introduction it would be told nothing but answers and tips.
    reader.send(0x01, &handshake());
    let blocks = reader.download(&network);
    assert_eq!(blocks.len(), 25);
    let mut known = Chain::local();
    for block in blocks {
        let (parent, epoch) = (known.tip().clone(), block.header.epoch);
        let expected =
            chain::expected(&network, &parent, &parent.hash(), known.difficulty(), epoch);
        assert_eq!(expected.challenge, challenge::challenge(&parent.hash(), epoch));
        check_block(&block, &expected, &Rules::of(&network), now(), &keys::verify).unwrap();
        known.headers.push(block.header);
    }
    // Its pool, asked for.
    let pending = transfer(&rich, &key(9), 7, 25, 3);
    client.send(0x30, &pending.encode().unwrap());
    assert_eq!(reader.next(0x30), pending.encode().unwrap(), "passed on");
    let mut late = Client::connect(node.address);
    late.send(0x32, &[0xe8, 3, 0, 0, 1]);
    assert_eq!(late.next(0x30), pending.encode().unwrap());
}

#[test]
fn questions_for_headers_and_blocks_are_answered_as_specified() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let mut client = Client::connect(node.address);
    // A handshake is acknowledged; a ping is answered with a pong.
    client.bytes(&frame(0x01, &handshake()));
    assert_eq!(client.receive().unwrap(), (0x02, Vec::new()));
    client.send(0x04, &[7; 16]);
    assert_eq!(client.next(0x05)[..8], [7; 8]);
    for _ in 0..6 {
        let block = chain.extend(&miner, &[]);
        client.send_block(&block);
        client.is_told(&block);
    }
    let hash = |height: usize| chain.headers[height].hash();
    assert_eq!(client.headers(&BlockHash::ZERO, 2000), chain.headers[1..]);
    assert_eq!(client.headers(&hash(0), 2000), chain.headers[1..]);
    assert_eq!(client.headers(&hash(2), 2), chain.headers[3..5]);
    assert_eq!(client.headers(&hash(2), i32::MAX), chain.headers[3..]);
    assert_eq!(client.headers_up_to(&hash(2), Some(&hash(4)), 2000), chain.headers[3..5]);
    assert_eq!(client.headers(&hash(6), 2000), []);
    assert_eq!(client.headers(&BlockHash::new([7; 32]), 2000), []);
    // A block that is beside the best chain is served, but is no locator.
    let mut fork = Chain { network: Network::local(), headers: chain.headers[..5].to_vec() };
    let side = fork.mine(&Miner::new(4), 1, &[]);
    client.send_block(&side);
    assert_eq!(client.block(&side.hash()), side);
    assert_eq!(client.headers(&side.hash(), 2000), []);
    assert_eq!(client.block(&fork.network.genesis_hash()), fork.network.genesis);
    // To an unknown block there is no answer: the next one is the next question's.
    client.send(0x22, &[7; 32]);
    client.send(0x22, hash(1).as_bytes());
    assert_eq!(Block::decode(&client.next(0x23)).unwrap().header, chain.headers[1]);
    // Once the branch is heavier, it is the chain, and the other one is served.
    fork.headers.push(side.header.clone());
    for _ in 0..2 {
        let block = fork.extend(&Miner::new(4), &[]);
        client.send_block(&block);
        if block.header.height == 7 {
            client.is_told(&block);
        }
    }
    assert_eq!(client.headers(&hash(3), 2000), fork.headers[4..]);
    assert_eq!(client.block(&hash(6)).header, chain.headers[6]);
}
