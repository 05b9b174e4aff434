//! Peers that ask and do not read.

use std::time::Duration;

use spacetime_node::net::{Event, Lost, Options};
use spacetime_protocol::wire::{Kind, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::Node;
use crate::common::{Miner, Wish, key, mine, network, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_nothing_is_dropped_and_nobody_else_waits() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let options = |options| Options { stuck_after: Duration::from_secs(1), ..options };
    let mut node = Node::with(&network, options).await;
    let transactions = (0..2000).map(|nonce| transfer(&alice, &bob, 1, nonce, 1)).collect();
    let large = mine(&node.service, &miner, Wish { transactions, ..Wish::default() });

    // Asks for 300 MB, in 1000 questions at once.
    let mut greedy = TcpStream::connect(node.address).await.unwrap();
    let question = Message::GetBlock(large.hash()).to_frame().unwrap();
    greedy.write_all(&question.repeat(1000)).await.unwrap();
    // Another one is served meanwhile, all that it asks for.
    let mut patient = TcpStream::connect(node.address).await.unwrap();
    patient.write_all(&question.repeat(20)).await.unwrap();
    let answer = Message::Block(large.encode().unwrap()).to_frame().unwrap();
    let mut answers = 0;
    while answers < 20 {
        let frame = frame(&mut patient).await;
        // The block's own notice may still be on its way.
        if frame[4] != Kind::BlockAccepted.byte() {
            assert!(frame == answer);
            answers += 1;
        }
    }
    let reason = node
        .event(|event| match event {
            Event::Lost { reason, .. } => Some(reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, Lost::Socket("the peer reads nothing".to_owned()));
    assert_eq!(node.hub().peers().len(), 1);
}

/// The next frame, whole.
async fn frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut frame = vec![0; 4];
    stream.read_exact(&mut frame).await.unwrap();
    let length = u32::from_le_bytes(frame[..].try_into().unwrap());
    frame.resize(4 + usize::try_from(length).unwrap(), 0);
    stream.read_exact(&mut frame[4..]).await.unwrap();
    frame
}
