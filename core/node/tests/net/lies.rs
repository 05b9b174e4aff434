//! Nodes whose chain cannot be true.

use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::wire::{FrameReader, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Node, dial};
use crate::common::{Miner, Wish, network, tip};

/// Answers one node's questions until it has left: headers, blocks, notices.
async fn answer(stream: &mut TcpStream, say: impl Fn(&Message) -> Option<Message>) {
    let (mut reader, mut buffer) = (FrameReader::default(), vec![0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        reader.push(&buffer[..read]);
        while let Some(frame) = reader.next_frame().unwrap() {
            let message = Message::decode(frame.kind, &frame.payload).unwrap();
            if let Some(answer) = say(&message) {
                // It may have left already.
                let _ = stream.write_all(&answer.to_frame().unwrap()).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_is_left_with_the_reason_and_tried_again() {
    let network = network(1, &[]);
    let miner = Miner::new(3);
    let block = miner.block(&network, &network.genesis.header, Wish::default());
    let change = |change: fn(&mut BlockHeader)| {
        let mut block = block.clone();
        change(&mut block.header);
        block.header = block.header.sign(&miner.key);
        block
    };
    let mut score = block.clone();
    score.proof.path.siblings[0] = spacetime_protocol::NodeHash::ZERO;
    let mut unsigned = block.clone();
    unsigned.header.signature = Some(spacetime_protocol::Signature::new([1; 64]));
    for (told, reason) in [
        (change(|header| header.height = 2), "it has the height 1"),
        (
            change(|header| header.parent = spacetime_protocol::BlockHash::new([7; 32])),
            "is not the block before it",
        ),
        (change(|header| header.difficulty = 5), "difficulty is 5, not 1"),
        (change(|header| header.score = spacetime_protocol::Score::ZERO), "score is 0000"),
        (unsigned, "not signed by its miner"),
        (score, "does not lead to the plot root"),
    ] {
        let mut node = Node::start(&network).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        node.dial(listener.local_addr().unwrap());
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let say = |message: &Message| match message {
                Message::GetHeaders { locator, .. } if *locator != told.hash() => {
                    Some(Message::Headers(vec![told.header.encode().unwrap().to_vec()]))
                }
                Message::GetHeaders { .. } => Some(Message::Headers(Vec::new())),
                Message::GetBlock(_) => Some(Message::Block(told.encode().unwrap())),
                _ => None,
            };
            answer(&mut stream, say).await;
            let found = node.lie().await;
            assert!(found.contains(reason), "{found}, not {reason}");
        }
        assert_eq!(tip(&node.service), network.genesis.header);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_two_networks_do_not_follow_each_other() {
    let ours = network(1, &[]);
    let theirs = network(2, &[]);
    let mut a = Node::start(&ours).await;
    let b = Node::start(&theirs).await;
    let miner = Miner::new(3);
    crate::common::mine(&b.service, &miner, Wish::default());
    dial(a.hub(), b.address);
    let reason = a.lie().await;
    assert!(reason.contains("another network"), "{reason}");
    assert_eq!(tip(&a.service), ours.genesis.header);
}
