//! Peers that send without end, stop in the middle, and read no answer: what
//! the node holds in memory for each of them is bounded.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::network::development_key;

use crate::common::{Miner, key, transfer};
use crate::process::Node;
use crate::raw::{Chain, Client, frame, now};

/// Peers that do the same at once.
const PEERS: usize = 12;
const MIB: usize = 1 << 20;
/// A node that takes nothing for so long takes no more.
const TAKES_NO_MORE: Duration = Duration::from_millis(500);

/// What a peer does.
struct Attack {
    name: &'static str,
    first: Vec<u8>,
    /// Sent again and again, this many bytes at most.
    then: Vec<u8>,
    most: usize,
    /// What the node may hold for it, bytes.
    bound: usize,
}

#[test]
fn what_a_peer_costs_is_bounded_whatever_it_sends() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, large) = chain_with_a_large_block(folder.path());
    let mut too_much = Vec::new();
    for attack in attacks(&chain, &large) {
        let connections = ["--max-connections", "100"];
        let node = Node::start(folder.path(), &connections);
        let before = node.memory("VmRSS");
        let clients: Vec<TcpStream> = std::thread::scope(|scope| {
            let peers = [(); PEERS].map(|()| scope.spawn(|| attack.on(node.address)));
            peers.into_iter().map(|peer| peer.join().unwrap()).collect()
        });
        // It serves others all the while.
        let mut other = Client::connect(node.address);
        assert_eq!(other.block(&large).hash(), large, "{}", attack.name);
        let each = node.memory("VmHWM").saturating_sub(before) / PEERS;
        let figure = format!("{}: {} KiB for each peer", attack.name, each >> 10);
        println!("{figure}");
        if each > attack.bound {
            too_much.push(figure);
        }
        drop(clients);
    }
    assert!(too_much.is_empty(), "{too_much:?}");
}

/// A node's data with a block of 300 KB in it, and its hash.
fn chain_with_a_large_block(data: &Path) -> (Chain, BlockHash) {
    let node = Node::start(data, &[]);
    let pay = |nonce| transfer(&development_key(), &key(9), 1, nonce, 1);
    let mut chain = Chain::local();
    let block = chain.extend(&Miner::new(3), &(0..2000).map(pay).collect::<Vec<_>>());
    let mut client = Client::connect(node.address);
    client.send_block(&block);
    client.is_told(&block);
    (chain, block.hash())
}

fn attacks(chain: &Chain, large: &BlockHash) -> Vec<Attack> {
    let question = frame(0x22, large.as_bytes());
    // Far more answers than the system keeps for a peer that does not read.
    let questions = question.repeat(64);
    let mut excluding = [1_i32.to_le_bytes(), 1_i32.to_le_bytes()].concat();
    excluding.extend([0x80, 0x80, 0x40]);
    excluding.resize(excluding.len() + MIB, b'1');
    let excluding = frame(0x10, &excluding);
    let mut early = chain.mine(&Miner::new(3), 1, &[]);
    early.header.timestamp = now() + 100;
    early.transactions = vec![transfer(&key(9), &key(8), 1, 0, 1); 4 * MIB / 160];
    let early = frame(0x23, &early.encode().unwrap());
    let half = [&(16_000_000_i32).to_le_bytes()[..], &[0x23], &[0; 4 * MIB]].concat();
    let noise: Vec<u8> =
        (0..MIB as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7]).collect();
    let spoilt = (0..1000).map(|n: u32| frame(0x30, &n.to_le_bytes().repeat(39)));
    let attack = |name, first: &[u8], then: &[u8], most, bound| Attack {
        name,
        first: first.to_owned(),
        then: then.to_owned(),
        most,
        bound,
    };
    vec![
        attack("noise", &[], &noise, 16 * MIB, MIB),
        attack("half a message", &half, &[], 0, 6 * MIB),
        attack("questions", &[], &questions, 32 * MIB, 3 * MIB),
        attack("questions that exclude much", &questions, &excluding, 32 * MIB, 8 * MIB),
        attack("signs of life", &questions, &frame(0x04, &[7; 16]).repeat(1000), 32 * MIB, 3 * MIB),
        attack(
            "transactions that are none",
            &[],
            &spoilt.flatten().collect::<Vec<_>>(),
            8 * MIB,
            MIB,
        ),
        attack("messages that are none", &[], &frame(0x22, &[7; 31]).repeat(1000), 32 * MIB, MIB),
        // The blocks themselves, 16 MiB of all, come on top of one that is looked at.
        attack("blocks before their time", &[], &early, 16 * MIB, 20 * MIB),
    ]
}

impl Attack {
    /// Sends until nothing more is taken.
    fn on(&self, node: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(node).unwrap();
        stream.set_write_timeout(Some(TAKES_NO_MORE)).unwrap();
        // Whoever closes, or reads no more, has had enough.
        let mut is_taken = stream.write_all(&self.first).is_ok();
        let mut sent = 0;
        while is_taken && sent < self.most {
            is_taken = stream.write_all(&self.then).is_ok();
            sent += self.then.len();
        }
        stream
    }
}
