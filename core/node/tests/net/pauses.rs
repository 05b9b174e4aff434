//! How long a peer that was lost is left alone.

use std::time::Duration;

use spacetime_node::net::Event;
use spacetime_protocol::block::Block;
use spacetime_protocol::wire::{FrameReader, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bench::{Node, clock};
use crate::common::{Miner, Wish, network, tip};

/// The first wait of a node that dials patiently.
const FIRST: Duration = Duration::from_secs(1);

/// Answers a node's questions on one connection: with headers of `known`, and
/// with the block `gives`, after which it closes the connection; so it does at
/// once where it gives none.
async fn serve(listener: &TcpListener, known: &[Block], gives: Option<&Block>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut reader, mut buffer) = (FrameReader::default(), vec![0; 4096]);
    let mut is_given = gives.is_none();
    while !is_given {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the node has left");
        reader.push(&buffer[..read]);
        while let Some(frame) = reader.next_frame().unwrap() {
            let answer = match Message::decode(frame.kind, &frame.payload).unwrap() {
                Message::GetHeaders { locator, .. } => {
                    let after = known.iter().skip_while(|block| block.header.parent != locator);
                    let bytes = |block: &Block| block.header.encode().unwrap().to_vec();
                    Message::Headers(after.map(bytes).collect())
                }
                Message::GetBlock(hash) if gives.is_some_and(|block| block.hash() == hash) => {
                    is_given = true;
                    Message::Block(gives.unwrap().encode().unwrap())
                }
                _ => continue,
            };
            stream.write_all(&answer.to_frame().unwrap()).await.unwrap();
        }
    }
    stream.shutdown().await.unwrap();
    // Until the node has closed it, too.
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

/// Never does it have nothing more that the node lacks: what makes the pauses
/// begin anew is each connection's one new block.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_valid_block_makes_the_pauses_begin_anew_and_nothing_else_does() {
    let network = network(1, &[]);
    let miner = Miner::new(3);
    let mut blocks = vec![miner.block(&network, &network.genesis.header, Wish::default())];
    for _ in 0..8 {
        let parent = &blocks.last().unwrap().header;
        blocks.push(miner.block(&network, parent, Wish::default()));
    }
    let (hands, clock) = clock();
    let options = |options| spacetime_node::net::Options { clock, ..options };
    let mut node = Node::with(&network, options).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    node.dial_patiently(listener.local_addr().unwrap());
    let mut waits = Vec::new();
    for gives in blocks.iter().take(8).map(Some).chain([None; 3]) {
        let known = gives.map_or(0, |block| usize::try_from(block.header.height).unwrap() + 1);
        serve(&listener, &blocks[..known], gives).await;
        let wait = node
            .event(|event| match event {
                Event::Unreachable { retry_in, .. } => Some(retry_in),
                Event::Synced { .. } => panic!("it has more that the node lacks"),
                _ => None,
            })
            .await;
        waits.push(wait);
        hands.pass(wait);
    }
    assert_eq!(tip(&node.service).height, 8);
    let (with, without) = waits.split_at(8);
    assert!(with.iter().all(|wait| *wait <= FIRST), "{waits:?}");
    // Each is twice as long as the one before it, give or take a half.
    assert!(without[0] >= FIRST && without[1] >= 2 * FIRST && without[2] >= 4 * FIRST, "{waits:?}");
}
