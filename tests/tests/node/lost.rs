//! Nodes that have lost blocks which their miner has: they get them back.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, sync::Arc};

use spacetime_protocol::{
    BlockHash,
    block::Block,
    network::Network,
    wire::{Kind, Message},
};
use spacetime_tests::{
    address,
    home::Home,
    node::{Caller, Node},
    process::Miner,
    scripted::{Answer, Scripted},
};

use crate::{
    bench, common,
    common::{Wish, mine, network},
    home,
    lies::{Served, home_with},
};

fn accepted_at(miner: &mut Miner, height: u64) {
    miner.wait_for("an accepted block", |event| {
        event["event"] == "accepted" && event["height"].as_u64() >= Some(height)
    });
}

fn height(blocks: &[Block]) -> u64 {
    blocks.last().unwrap().header.height
}

fn hashes(blocks: &[Block]) -> Vec<BlockHash> {
    blocks.iter().map(Block::hash).collect()
}

/// The whole chain is there again, and goes on.
fn assert_is_back(mut miner: Miner, node: Node, before: &[Block]) {
    accepted_at(&mut miner, height(before) + 3);
    let after = Caller::connect(node.address()).download();
    assert_eq!(hashes(&after[..before.len()]), hashes(before));
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn a_node_whose_data_are_gone_has_its_chain_back_from_its_miner() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), address::own(), &[]);
    let address = node.address();
    let home = home(&format!("address: \"{address}\""));
    let mut miner = home.run(&[]);
    accepted_at(&mut miner, 5);
    let before = Caller::connect(address).download();
    assert_eq!(node.stop().code, Some(0));
    let fresh = tempfile::tempdir().unwrap();
    let node = Node::start(fresh.path(), address, &[]);
    assert_is_back(miner, node, &before);
}

#[test]
fn a_node_with_an_older_copy_of_its_data_gets_the_rest_from_its_miner() {
    let folder = tempfile::tempdir().unwrap();
    let (live, copy) = (folder.path().join("live"), folder.path().join("copy"));
    let node = Node::start(&live, address::own(), &[]);
    let address = node.address();
    let home = home(&format!("address: \"{address}\""));
    let mut miner = home.run(&[]);
    accepted_at(&mut miner, 2);
    assert_eq!(node.stop().code, Some(0));
    copy_folder(&live, &copy);
    let node = Node::start(&live, address, &[]);
    accepted_at(&mut miner, 6);
    let before = Caller::connect(address).download();
    assert_eq!(node.stop().code, Some(0));
    let node = Node::start(&copy, address, &[]);
    assert_is_back(miner, node, &before);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // A running node's socket is no part of it.
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A miner's home that has mined on a node which is gone; where that was, and
/// its chain.
fn mined() -> (Home, SocketAddr, Vec<Block>) {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), address::own(), &[]);
    let address = node.address();
    let home = home(&format!("address: \"{address}\""));
    home.mine(4);
    let blocks = Caller::connect(address).download();
    assert_eq!(node.stop().code, Some(0));
    (home, address, blocks)
}

/// Blocks that a connection was sent, in their order.
fn sent(node: &Scripted, connection: usize) -> Vec<Block> {
    let frames = node.connections.get(connection).map_or(&[][..], |it| &it.frames);
    let blocks = frames.iter().filter(|frame| frame[4] == Kind::Block as u8);
    blocks.map(|frame| Block::decode(&frame[5..]).unwrap()).collect()
}

/// How often the whole question for headers was asked.
fn asked(node: &Scripted) -> usize {
    let frames = node.connections.first().map_or(&[][..], |it| &it.frames);
    let is_asked = |frame: &&Vec<u8>| frame[4] == Kind::GetHeaders as u8;
    frames.iter().filter(is_asked).count()
}

/// What was won on this tip arrives.
fn wait_for_block_on(node: &mut Scripted, tip: BlockHash) {
    node.wait_until("a block of the miner's", |node| {
        sent(node, 0).iter().any(|block| block.header.parent == tip)
    });
}

#[test]
fn one_that_never_asks_is_sent_once_what_it_lacks_in_order() {
    let (home, address, blocks) = mined();
    // It has the first block only.
    let served = Served::new(&Network::local(), &blocks[..1]);
    let answer: Arc<Answer> = Arc::new(move |frame| served.answer(frame));
    let mut node = Scripted::answering(address, answer);
    let miner = home.run(&[]);
    wait_for_block_on(&mut node, blocks.last().unwrap().hash());
    // It has taken nothing, and says so again.
    let until = asked(&node) + 2 * (blocks.len() + 2);
    node.wait_until("more questions", |node| asked(node) >= until);
    let sent = sent(&node, 0);
    let ours: Vec<BlockHash> = sent
        .iter()
        .filter(|block| block.header.height <= height(&blocks))
        .map(Block::hash)
        .collect();
    assert_eq!(ours, hashes(&blocks[1..]));
    // What was won on them comes after them.
    let last = sent.iter().position(|block| block.hash() == blocks.last().unwrap().hash());
    assert!(sent[last.unwrap() + 1..].iter().any(|it| it.header.height > height(&blocks)));
    let notices = &node.connections[0].frames;
    let tip =
        Message::BlockAccepted { hash: blocks.last().unwrap().hash(), height: height(&blocks) };
    let tip = tip.to_frame().unwrap();
    assert_eq!(notices.iter().filter(|frame| **frame == tip).count(), 1);
    assert_eq!(miner.stop().code, Some(0));
}

/// More than a miner sends unasked: the operator is told which node it is, and
/// why nothing that is won comes through.
#[test]
fn one_that_is_too_far_behind_and_asks_for_nothing_is_named() {
    let (network, other) = (network(1, &[]), common::Miner::new(3));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let node = runtime.block_on(bench::Node::start(&network));
    let blocks: Vec<Block> =
        (0..110).map(|_| mine(&node.service, &other, Wish::default())).collect();
    let home = home_with(&network, &[node.address], "");
    let mut miner = home.run(&[]);
    accepted_at(&mut miner, 111);
    assert_eq!(miner.stop().code, Some(0));
    let ours = node.service.status().unwrap().height;
    runtime.block_on(node.running.stop());

    // It has three of them.
    let served = Served::new(&network, &blocks[..3]);
    let answer: Arc<Answer> = Arc::new(move |frame| served.answer(frame));
    let behind = Scripted::answering(address::own(), answer);
    let address = behind.address().to_string();
    let home =
        home.set("transports", &format!("[(name: \"node\", config: (address: {address:?}))]"));
    let mut miner = home.run(&[]);
    // The two in either order.
    let mut told = BTreeMap::new();
    while told.len() < 2 {
        let fault = miner.wait_for("a fault of the node", |event| {
            let message = event["message"].as_str().unwrap_or_default();
            event["event"] == "fault" && message.contains("fewer than our chain and asks for none")
        });
        let message = fault["message"].as_str().unwrap();
        let (whose, missing) = message.split_once(&format!("node {address} has ")).unwrap();
        let missing: u64 = missing.split(' ').next().unwrap().parse().unwrap();
        // The miner may have stopped before it saw the last ones accepted.
        assert!((ours - 6..=ours - 3).contains(&missing), "{message}, not {ours} - 3");
        told.insert(whose.to_owned(), missing);
    }
    let undelivered = "it could not deliver what we found: ";
    assert_eq!(told.keys().collect::<Vec<_>>(), ["", undelivered]);
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("accepted").len(), 0, "{ended:#?}");
}

#[test]
fn one_that_lacks_nothing_is_sent_nothing_but_what_is_won() {
    let (home, address, blocks) = mined();
    let served = Served::new(&Network::local(), &blocks);
    let answer: Arc<Answer> = Arc::new(move |frame| served.answer(frame));
    let mut node = Scripted::answering(address, answer);
    let miner = home.run(&[]);
    wait_for_block_on(&mut node, blocks.last().unwrap().hash());
    let until = asked(&node) + 2;
    node.wait_until("more questions", |node| asked(node) >= until);
    let sent = sent(&node, 0);
    assert!(sent.iter().all(|block| block.header.height > height(&blocks)), "{sent:#?}");
    let is_notice = |frame: &Vec<u8>| frame[4] == Kind::BlockAccepted as u8;
    assert!(!node.connections[0].frames.iter().any(is_notice));
    assert_eq!(miner.stop().code, Some(0));
}
