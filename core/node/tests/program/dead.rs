//! Connections that are dead, and those that live.

use std::time::Instant;

use crate::common::Miner;
use crate::process::{Node, PATIENCE};
use crate::raw::{Chain, Client, frame, handshake};

/// More than twice as many as there may be connections.
const DEAD: usize = 120;

#[test]
fn d6_the_node_outlives_any_number_of_dead_connections() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let mut witness = Client::connect(node.address);
    for _ in 0..5 {
        let block = chain.extend(&miner, &[]);
        witness.send_block(&block);
        witness.is_told(&block);
    }
    // Each says a little, as it may: nothing, half a message, a message, some.
    let mut greeting = frame(0x01, &handshake());
    greeting.extend(frame(0x22, &[7; 32]));
    let said = [&[][..], &greeting[..3], &greeting[..20], &greeting, &[0xff; 5]];
    for number in 0..DEAD {
        let mut client = Client::connect(node.address);
        client.try_bytes(said[number % said.len()]);
        if number % 2 == 0 { client.reset() } else { drop(client) }
    }
    // The last of them may still be on their way out.
    let deadline = Instant::now() + PATIENCE;
    let mut client = loop {
        let mut client = Client::connect(node.address);
        if client.is_open() {
            break client;
        }
        assert!(Instant::now() < deadline, "nobody is let in any more");
    };
    let blocks = client.download(&chain.network);
    assert!(blocks.iter().map(|block| &block.header).eq(&chain.headers[1..]));
    // It goes on, and so does who was there before.
    let block = chain.extend(&miner, &[]);
    client.send_block(&block);
    client.is_told(&block);
    witness.is_told(&block);
    // As many as there may be are let in, so none of the dead counts.
    let mut others: Vec<Client> = (0..48).map(|_| Client::connect(node.address)).collect();
    assert!(others.iter_mut().all(Client::is_open));
    assert!(Client::connect(node.address).is_closed());
}
