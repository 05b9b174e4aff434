//! Blocks without their ancestors: whoever sends them is asked for those.

use std::time::Duration;

use spacetime_node::Service;
use spacetime_node::net::{Event, Hub, Options};
use spacetime_protocol::BlockHash;
use spacetime_protocol::block::Block;
use spacetime_protocol::network::Network;
use spacetime_protocol::wire::{FrameReader, Handshake, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bench::{Node, PATIENCE, dial, event};
use crate::common::{Miner, Wish, mine, network, tip};

/// A valid chain.
fn chain(network: &Network, length: usize) -> Vec<Block> {
    let miner = Miner::new(3);
    let folder = tempfile::tempdir().unwrap();
    let service = Service::open(folder.path(), network.clone()).unwrap();
    (0..length).map(|_| mine(&service, &miner, Wish::default())).collect()
}

/// A peer that says what a test tells it to.
struct Peer {
    stream: TcpStream,
    reader: FrameReader,
}

impl Peer {
    async fn dial(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address).await.unwrap();
        let mut peer = Self { stream, reader: FrameReader::default() };
        let (node_id, user_agent) = ("0123456789abcdef".into(), "test/1".into());
        let us = Handshake { version: 1, timestamp: 0, node_id, user_agent };
        peer.send(&Message::Handshake(us)).await;
        peer
    }

    async fn send(&mut self, message: &Message) {
        self.stream.write_all(&message.to_frame().unwrap()).await.unwrap();
    }

    async fn hear(&mut self) -> Message {
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.reader.next_frame().unwrap() {
                return Message::decode(frame.kind, &frame.payload).unwrap();
            }
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
            assert_ne!(read, 0, "it was left");
            self.reader.push(&buffer[..read]);
        }
    }

    /// Answers for a chain until its end is told back as the tip.
    async fn serve(&mut self, network: &Network, blocks: &[Block], tip: BlockHash) {
        loop {
            match self.hear().await {
                Message::GetHeaders { locator, .. } => {
                    let is_genesis = locator == network.genesis_hash() || locator.is_zero();
                    let place = blocks.iter().position(|block| block.hash() == locator);
                    let first = place.map(|place| place + 1).or(is_genesis.then_some(0));
                    let rest = &blocks[first.unwrap_or(blocks.len())..];
                    let header = |block: &Block| block.header.encode().unwrap().to_vec();
                    self.send(&Message::Headers(rest.iter().map(header).collect())).await;
                }
                Message::GetBlock(hash) => {
                    if let Some(block) = blocks.iter().find(|block| block.hash() == hash) {
                        self.send(&Message::Block(block.encode().unwrap())).await;
                    }
                }
                Message::BlockAccepted { hash, .. } if hash == tip => return,
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_in_any_order_are_taken_once_their_sender_answers_for_their_ancestors() {
    let network = network(1, &[]);
    let blocks = chain(&network, 12);
    let shuffled = [7, 3, 11, 5, 9, 6, 10, 8, 4];
    for order in [(3..12).rev().collect::<Vec<_>>(), shuffled.to_vec(), vec![11]] {
        let node = Node::start(&network).await;
        let mut peer = Peer::dial(&node).await;
        for place in order {
            peer.send(&Message::NewBlock(blocks[place].encode().unwrap())).await;
        }
        peer.serve(&network, &blocks, blocks[11].hash()).await;
        assert_eq!(tip(&node.service).hash(), blocks[11].hash());
    }
}

/// As a miner's own block is: not part of what it serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_waits_for_its_ancestors_without_being_asked_for_again() {
    let network = network(1, &[]);
    let blocks = chain(&network, 5);
    let node = Node::start(&network).await;
    let mut peer = Peer::dial(&node).await;
    peer.send(&Message::Block(blocks[4].encode().unwrap())).await;
    peer.serve(&network, &blocks[..4], blocks[4].hash()).await;
    // Whoever brings what is missing.
    let node = Node::start(&network).await;
    let (mut silent, mut other) = (Peer::dial(&node).await, Peer::dial(&node).await);
    silent.send(&Message::Block(blocks[4].encode().unwrap())).await;
    while !matches!(silent.hear().await, Message::GetHeaders { .. }) {}
    for block in &blocks[..4] {
        other.send(&Message::Block(block.encode().unwrap())).await;
    }
    node.reaches(blocks[4].hash()).await;
}

/// A miner with a chain of so many blocks.
fn miner(
    network: &Network,
    length: usize,
) -> (tempfile::TempDir, Service, mpsc::Receiver<Event>, spacetime_node::net::Running) {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::open(folder.path(), network.clone()).unwrap();
    for _ in 0..length {
        mine(&service, &Miner::new(3), Wish::default());
    }
    let (sender, events) = mpsc::channel(1000);
    let running = Hub::start(service.clone(), Options::miner("miner/1", sender));
    (folder, service, events, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_a_long_chain_fetches_it_from_its_miner() {
    let network = network(1, &[]);
    let (_folder, service, _events, running) = miner(&network, 150);
    let node = Node::start(&network).await;
    dial(running.hub(), node.address);
    node.reaches(tip(&service).hash()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lacks_too_much_and_never_asks_is_told_of_and_sent_nothing() {
    let network = network(1, &[]);
    let (_folder, service, mut events, running) = miner(&network, 101);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    dial(running.hub(), listener.local_addr().unwrap());
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = Peer { stream, reader: FrameReader::default() };
    let hearing = tokio::spawn(async move {
        loop {
            match peer.hear().await {
                Message::GetHeaders { .. } => peer.send(&Message::Headers(Vec::new())).await,
                Message::Block(_) => panic!("a block is pushed"),
                _ => {}
            }
        }
    });
    let missing = event(&mut events, |event| match event {
        Event::LeftBehind { missing, .. } => Some(missing),
        _ => None,
    })
    .await;
    assert_eq!(missing, 101);
    assert_eq!(tip(&service).height, 101);
    assert!(!hearing.is_finished());
    hearing.abort();
    timeout(Duration::from_secs(5), running.stop()).await.unwrap();
}
