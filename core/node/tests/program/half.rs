//! Clients that ask, end their half of the connection, and read on.

use spacetime_protocol::BlockHash;
use spacetime_protocol::network::{Network, development_key};

use crate::common::{Miner, key, transfer};
use crate::process::Node;
use crate::raw::{Chain, Client, Frame, frame, handshake};

/// How often each question is asked, by a client of its own.
const TIMES: usize = 100;

#[test]
fn what_was_asked_before_a_half_close_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let mut chain = Chain::local();
    let block = chain.extend(&Miner::new(3), &[]);
    let pending = transfer(&development_key(), &key(9), 5, 0, 1).encode().unwrap();
    let mut client = Client::connect(node.address);
    client.send_block(&block);
    client.is_told(&block);
    client.send(0x30, &pending);
    client.until_pong(1);
    let genesis = Network::local().genesis_hash();
    let mut after_genesis = [genesis.as_bytes().as_slice(), &[0]].concat();
    after_genesis.extend(2000_i32.to_le_bytes());
    let mut headers = 1_i32.to_le_bytes().to_vec();
    headers.extend(290_i32.to_le_bytes());
    headers.extend(block.header.encode().unwrap());
    for (question, answer) in [
        (frame(0x20, &after_genesis), (0x21, headers)),
        (frame(0x22, block.hash().as_bytes()), (0x23, block.encode().unwrap())),
        (frame(0x32, &[9, 0, 0, 0, 1]), (0x30, pending.to_vec())),
        (frame(0x10, &[9, 0, 0, 0, 0, 0, 0, 0]), (0x11, vec![0; 4])),
        (frame(0x01, &handshake()), (0x02, Vec::new())),
    ] {
        let answered = (0..TIMES).filter(|_| {
            let mut client = Client::connect(node.address);
            client.bytes(&question);
            client.say_no_more();
            all(client).contains(&answer)
        });
        assert_eq!(answered.count(), TIMES, "{question:02x?}");
    }
}

#[test]
fn all_that_was_asked_is_answered_in_its_order_and_then_the_node_closes() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let mut sender = Client::connect(node.address);
    for _ in 0..20 {
        let block = chain.extend(&miner, &[]);
        sender.send_block(&block);
        sender.is_told(&block);
    }
    let mut client = Client::connect(node.address);
    for header in &chain.headers[1..] {
        client.send(0x22, header.hash().as_bytes());
    }
    // Half a question is none.
    client.bytes(&frame(0x22, BlockHash::ZERO.as_bytes())[..20]);
    client.say_no_more();
    let came = all(client);
    let blocks = came.iter().filter(|(kind, _)| *kind == 0x23);
    let headers = blocks.map(|(_, block)| block[..290].to_vec());
    let asked = chain.headers[1..].iter().map(|header| header.encode().unwrap().to_vec());
    assert!(headers.eq(asked));
}

/// All that comes until the node closes the connection.
fn all(mut client: Client) -> Vec<Frame> {
    std::iter::from_fn(|| client.receive()).collect()
}
